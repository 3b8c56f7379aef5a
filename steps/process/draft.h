#ifndef PENSTOCK_STEPS_PROCESS_DRAFT_H_
#define PENSTOCK_STEPS_PROCESS_DRAFT_H_

// The rows that a process step works on, between reading and writing. Private to steps/process.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "steps/process/label_rules.h"
#include "steps/process/split.h"
#include "steps/table/dataset.h"
#include "steps/table/read.h"
#include "steps/table/table.h"

namespace penstock {

inline constexpr char kTrainPart[] = "train";
inline constexpr char kValidationPart[] = "validation";  // of a k-fold split

// The rows of each output, in the data's order.
using Parts = std::vector<std::pair<std::string, std::vector<int64_t>>>;

// A dataset in the making: features and role columns of the same rows.
struct Draft {
  RawTable source;              // its table is taken apart; kept to name cells
  std::vector<int64_t> origin;  // row -> row of `source`; empty: the same
  Table features;
  Table others;  // label, weight, id … in the order of the data
  Roles roles;
  LabelInfo label;

  int64_t rows() const { return features.rows; }
  std::string Where(int64_t row, const std::string& column) const {
    return source.Where(origin.empty() ? row : origin[static_cast<std::size_t>(row)], column);
  }
};

// Leaves only `rows`, in that order.
void KeepRows(Draft& draft, const std::vector<int64_t>& rows);

// kInvalidArgument for a role that names no column.
Status CheckRoles(const Roles& roles, const Table& table, const std::string& file);

// Divides the columns among features and others. Label and weights are resolved here.
// kInvalidArgument names the cell that is wrong.
Result<Draft> MakeDraft(RawTable raw, const Roles& roles, const LabelRules& rules,
                        const LabelInfo& label);

// Drops rows without a label, or refuses the first.
Status CheckLabels(Draft& draft, const LabelRules& rules);

// What the rows lack that a classifier needs: declared classes that do not occur, and training rows
// of one class alone. Sentences for the log; none where the label is no class.
std::vector<std::string> ClassWarnings(const Draft& draft, const Parts& parts);

// Which rows have a value in each column that the entry of `drop_missing` chooses.
Result<std::vector<bool>> CompleteRows(const Draft& draft, const Json& spec);

// Draws the parts; rows that go to none leave the draft. Without a split, one part "data". Of a
// k-fold split, "train" and "validation" of the fold that it asks for; kInvalidArgument where that
// fold gets no row.
Result<Parts> SplitRows(Draft& draft, const SplitSpec& split);

// The rows that operations are fitted on: the part train, or the only one.
Result<std::vector<int64_t>> TrainingRows(const Parts& parts);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_DRAFT_H_

#ifndef PENSTOCK_STEPS_PROCESS_SMOTE_H_
#define PENSTOCK_STEPS_PROCESS_SMOTE_H_

// Distances and new rows of SMOTE-NC; rows_smote.cc says by what rules. Private to steps/process.
// Thread-safe for const use.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "steps/table/dataset.h"
#include "steps/table/table.h"

namespace penstock {

// A row to make: on the line from row `base` to row `neighbour`, a share `gap` of the way.
struct SmotePick {
  int32_t base = 0;
  int32_t neighbour = 0;
  double gap = 0;
};

class SmoteRows {
 public:
  // Names a cell in messages.
  using Where = std::function<std::string(std::size_t i, const std::string& column)>;

  // `table`: the rows of one class; it must outlive this. kInvalidArgument names a number that is
  // missing or infinite, or a column of numbers too large for distances.
  static Result<SmoteRows> Make(const Table& table, const Roles& roles, const Where& where);

  // What a feature that differs and is no number adds to a squared distance.
  double penalty() const { return penalty_; }

  // For each of `bases` its k nearest other rows, the nearest first (of equally near ones the
  // first row); empty for other rows. Precondition: k is less than the number of rows.
  // kCancelled.
  Result<std::vector<std::vector<int32_t>>> Neighbours(const std::vector<int32_t>& bases, int64_t k,
                                                       const TableOptions& options) const;

  // The new rows with the columns `columns`. Ids are missing; other roles are the base row's.
  Table MakeRows(const std::vector<SmotePick>& picks,
                 const std::vector<std::vector<int32_t>>& neighbours,
                 const std::vector<ColumnInfo>& columns) const;

 private:
  explicit SmoteRows(const Table& table) : table_(&table) {}
  std::vector<int32_t> Nearest(std::size_t base, std::size_t k) const;
  // The row whose value of nominal feature `feature` most of `neighbours` have.
  int32_t Majority(std::size_t feature, const std::vector<int32_t>& neighbours) const;
  Column Interpolated(const Column& column, const std::vector<SmotePick>& picks) const;

  const Table* table_;
  Roles roles_;
  std::vector<std::string> nominal_names_;
  std::size_t numbers_ = 0;     // features that are numbers
  std::vector<double> points_;  // row by row
  std::vector<int32_t> codes_;  // row by row, -1 for missing
  double penalty_ = 1;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_SMOTE_H_

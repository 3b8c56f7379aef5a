#ifndef PENSTOCK_STEPS_PROCESS_DRAFT_H_
#define PENSTOCK_STEPS_PROCESS_DRAFT_H_

// The rows that a process step works on, between reading and writing. They lie in a frame and never
// move: which of them are left, which part each goes to, how often and in what order is kept
// beside it, a byte or a few for each. Columns are as they were read until they are written or
// learned from; the operations that were added meanwhile are applied then. Private to
// steps/process. Not thread-safe, but for const use and for Drop and KeepFromTraining of different
// rows.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "steps/process/chain.h"
#include "steps/process/fit_data.h"
#include "steps/process/label_rules.h"
#include "steps/process/operation.h"
#include "steps/process/row_operation.h"
#include "steps/process/split.h"
#include "steps/table/dataset.h"
#include "steps/table/read_frame.h"

namespace penstock {

inline constexpr char kTrainPart[] = "train";
inline constexpr char kValidationPart[] = "validation";  // of a k-fold split

// kInvalidArgument for a role that names no column.
Status CheckRoles(const Roles& roles, const std::vector<ColumnInfo>& columns,
                  const std::string& file);

class Draft {
 public:
  // Resolves labels and checks weights. `budget`: bytes that a pass over the rows may take for
  // itself. kInvalidArgument names the cell that is wrong.
  static Result<Draft> Make(RawFrame raw, Roles roles, const LabelRules& rules, LabelInfo label,
                            int64_t budget);

  // What came in, and where a row (of the frame) came from.
  const RawFrame& source() const { return source_; }
  std::string Where(int64_t row, const std::string& column) const;
  // All rows of the frame, whether they are left or not.
  int64_t rows() const { return source_.frame.rows(); }
  int64_t live_rows() const;

  // Columns: the features as the operations leave them, and the others.
  const Roles& roles() const { return roles_; }
  const LabelInfo& label() const { return label_; }
  const OperationChain& chain() const { return chain_; }
  // Takes these features for those that came in. The frame may lack some that nothing will need.
  void SetFeatures(const std::vector<ColumnInfo>& features) { chain_ = OperationChain(features); }
  // Adds a fitted operation for features. Errors as of OperationChain::Add.
  Status Add(std::shared_ptr<const Operation> operation, const std::string& name = {});
  // Computes the features of the rows that are left, and keeps them instead of those that came in.
  Status Materialise();
  // Gives the rows weights: a column `name` with that role, in place of the one that has it.
  // `weigh(block, table)`: one number for each row of a block's table, which has the label, the
  // weights so far and the features `needed`.
  using Weigh = std::function<Result<std::vector<double>>(int64_t block, const Table& table)>;
  Status SetWeights(const std::string& name, const std::vector<std::string>& needed,
                    const Weigh& weigh);

  // Operations are fitted already: to them no row is one that they have learned from.
  void TreatAsLaterData() { later_data_ = true; }

  // The rows that are left; those among them that operations learn from (before the split: that
  // may come to be learned from). Valid until the draft changes.
  FitData LiveRows() const;
  FitData TrainingRows() const;
  bool is_live(int64_t row) const { return place_[Index(row)] != kDropped; }
  // Whether the row of the data is written, at least once.
  bool is_used(int64_t row) const {
    return is_live(row) && (copies_.empty() || copies_[Index(row)] > 0);
  }
  bool is_training(int64_t row) const { return place_[Index(row)] == training_part_; }

  void Drop(int64_t row) { place_[Index(row)] = kDropped; }
  // Drops the row if it would be learned from.
  void KeepFromTraining(int64_t row);
  // Drops rows for which `keep` is 0: of all that are left, or just of those to learn from.
  // `keep(table)`: a byte for each row of a table that has the columns `needed`.
  using Keep = std::function<Result<std::vector<uint8_t>>(const Table& table)>;
  Status Filter(Applies applies, const std::vector<std::string>& needed, const Keep& keep);
  // How often each row of the frame is there; only training rows may be there more than once.
  void SetCopies(std::vector<uint32_t> copies) { copies_ = std::move(copies); }
  const std::vector<uint32_t>& copies() const { return copies_; }
  // Rows to learn from that nobody observed, with the frame's columns (Materialise first).
  Status Append(Table&& rows);
  // In what order rows are written: a permutation of the frame's rows. Empty: as they came.
  void SetOrder(std::vector<int64_t> order) { order_ = std::move(order); }
  const std::vector<int64_t>& order() const { return order_; }

  // What an operation has done to the rows, for the step's log.
  void Note(std::string line) { notes_.push_back(std::move(line)); }
  std::vector<std::string> TakeNotes() { return std::exchange(notes_, {}); }

  // Draws the parts; rows that go to none are dropped. Without a split, one part "data".
  // kInvalidArgument where a fold gets no row, or nothing is left to learn from.
  Status Split(const SplitSpec& split);
  bool is_split() const { return is_split_; }
  const std::vector<std::string>& parts() const { return parts_; }
  // Rows of the part, copies counted.
  int64_t part_rows(std::size_t part) const;
  // The rows of part `part` in a block, in their order; of a draft without an order.
  std::vector<int32_t> RowsOf(std::size_t part, int64_t block) const;
  int64_t CountRowsOf(std::size_t part, int64_t block) const;
  bool is_in(std::size_t part, int64_t row) const { return place_[Index(row)] == part; }

  // Rows of a block that `choose` takes, with features and others as they will be written.
  FitData Chosen(RowChoice choose, bool training) const;

  // What the rows lack that a classifier needs: declared classes that do not occur, and training
  // rows of one class alone. Sentences for the log; none where the label is no class.
  Result<std::vector<std::string>> ClassWarnings() const;

 private:
  static constexpr uint8_t kDropped = 255;
  static constexpr uint8_t kNotTraining = 254;  // before the split
  static std::size_t Index(int64_t row) { return static_cast<std::size_t>(row); }

  Draft() = default;
  Status ResolveLabels(const LabelRules& rules);
  Status CheckWeights() const;
  FitData Rows(RowChoice choice, int64_t count, bool training) const;

  RawFrame source_;
  int64_t source_rows_ = 0;
  Roles roles_;
  LabelInfo label_;
  OperationChain chain_;
  int64_t budget_ = 0;
  std::vector<uint8_t> place_;    // the part of each row of the frame, or one of the marks
  std::vector<uint32_t> copies_;  // empty: one of each
  std::vector<int64_t> order_;
  std::vector<std::string> notes_;
  bool is_split_ = false;
  bool later_data_ = false;
  std::vector<std::string> parts_ = {"data"};
  uint8_t training_part_ = 0;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_DRAFT_H_

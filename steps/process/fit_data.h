#ifndef PENSTOCK_STEPS_PROCESS_FIT_DATA_H_
#define PENSTOCK_STEPS_PROCESS_FIT_DATA_H_

// The rows that operations learn from, in blocks: the training rows of a frame, with columns as the
// operations so far have left them. Nothing is stored: each pass computes just the columns that it
// asks for. Thread-safe for const use; the frame and the chain must outlive it.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "steps/process/chain.h"
#include "steps/table/block_source.h"
#include "steps/table/dataset.h"
#include "steps/table/frame.h"

namespace penstock {

// The rows of a block to take, in order (positions in the block; one may come several times).
using RowChoice = std::function<std::vector<int32_t>(int64_t block)>;

class FitData : public BlockSource {
 public:
  struct Options {
    const Frame* frame = nullptr;
    const OperationChain* chain = nullptr;  // null: the columns are as the frame has them
    RowChoice choice;                       // empty: all rows
    int64_t rows = 0;                       // that it chooses; all: the frame's
    bool training = true;                   // rows that operations learn from
    Roles roles;                            // columns that are no features
    LabelInfo label;
    WhereCell where;     // of a row of the frame
    int64_t budget = 0;  // bytes that a pass may take for itself; 0: 1 GiB
  };
  explicit FitData(Options options);
  // All rows of a frame, all columns features but those with a role.
  explicit FitData(const Frame& frame, Roles roles = {}, LabelInfo label = {});

  int64_t blocks() const override { return options_.frame->blocks(); }
  int64_t rows() const override { return options_.rows; }
  // Features as they stand, then the others. `nullable` says nothing.
  const std::vector<ColumnInfo>& columns() const override { return columns_; }
  const TableOptions& pass() const override { return options_.frame->pass(); }
  Status Visit(int64_t block, const std::vector<std::string>& needed,
               const Visitor& visit) const override;

  // The table that Visit shows. kInvalidArgument: what is needed follows from a column that the data
  // lack.
  Result<Table> Take(int64_t block, const std::vector<std::string>& needed) const;

  // The features, without rows: what selectors choose among.
  const Table& features() const { return features_; }
  // The label's column is among columns(), resolved: classes by their dictionary, or numbers.
  const Roles& roles() const { return options_.roles; }
  const LabelInfo& label() const { return options_.label; }
  int64_t budget() const { return options_.budget; }
  // Rows of the frame that the rows of a block's table are.
  std::vector<int64_t> RowsOf(int64_t block) const;
  // Names a cell of row `i` of a block's table in messages.
  std::string Where(int64_t block, std::size_t i, const std::string& column) const;

 private:
  // `choice`: what the options' gives for the block.
  std::vector<int64_t> RowsOf(int64_t block, const std::vector<int32_t>& choice) const;
  // What a pass that needs these columns reads of the frame and applies.
  OperationChain::Plan PlanFor(const std::vector<std::string>& needed) const;

  Options options_;
  Table features_;
  std::vector<ColumnInfo> columns_;
  std::vector<ColumnInfo> others_;
  std::vector<std::string> lacking_;  // inputs of the chain that the frame has not
  mutable Mutex mutex_;
  mutable std::vector<std::string> planned_ PENSTOCK_GUARDED_BY(mutex_);
  mutable OperationChain::Plan plan_ PENSTOCK_GUARDED_BY(mutex_);
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_FIT_DATA_H_

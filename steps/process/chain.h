#ifndef PENSTOCK_STEPS_PROCESS_CHAIN_H_
#define PENSTOCK_STEPS_PROCESS_CHAIN_H_

// Fitted operations one after the other, from columns that come in to columns that come out. It
// knows which column follows from which, and so applies what is needed and reads no more.
// Thread-safe for const use.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "steps/table/table.h"

namespace penstock {

class Operation;

// Names a cell in messages: "census.csv: line 12, column 15 (income)".
using WhereCell = std::function<std::string(int64_t row, const std::string& column)>;

// Which rows a table holds that an operation is applied to.
struct AppliedRows {
  WhereCell where;                               // of a row of the data; may be empty
  int64_t first_row = 0;                         // of the data that row 0 of the table is
  const std::vector<int64_t>* origin = nullptr;  // instead: the row that each row of the table is
  // For each row whether operations learn from it; empty: none of them. Out of `process`, none.
  std::vector<uint8_t> training = {};

  int64_t row(std::size_t i) const {
    return origin != nullptr ? (*origin)[i] : first_row + static_cast<int64_t>(i);
  }
  bool is_training(std::size_t i) const { return !training.empty() && training[i] != 0; }
  std::string Where(std::size_t i, const std::string& column) const {
    return where ? where(row(i), column) : "row " + std::to_string(row(i) + 1) + " of " + column;
  }
};

class OperationChain {
 public:
  explicit OperationChain(const std::vector<ColumnInfo>& columns = {});

  // A fitted operation; what is wrong with cells that it is applied to is said with `name` before it
  // ("transforms[3]"). kInvalidArgument where it makes a column that is there already, or lacks one
  // that it reads; the chain is then unchanged.
  Status Add(std::shared_ptr<const Operation> operation, const std::string& name = {});

  // What comes in and what comes out: tables without rows.
  const Table& input() const { return input_; }
  const Table& output() const { return output_; }
  const std::vector<std::shared_ptr<const Operation>>& operations() const { return operations_; }

  struct Plan {
    std::vector<std::string> inputs;  // columns that come in and are needed, in their order
    std::vector<bool> applied;        // for each operation whether it is needed
  };
  // For some of the columns that come out.
  Plan PlanFor(const std::vector<std::string>& wanted) const;
  Plan PlanForAll() const;

  // Turns columns that come in (the plan's inputs; others may be hollow or absent) into those that
  // come out, of which those that were not planned for may be hollow.
  Status Apply(const Plan& plan, Table& table, const AppliedRows& rows) const;

 private:
  struct Link {
    std::vector<ColumnInfo> after;  // columns that it leaves
    // Of the columns that it makes or changes: what they follow from; all of columns() where it
    // does not work by column.
    std::unordered_map<std::string, std::string> made;
    bool by_column = false;
    std::vector<std::string> reads;
    std::string name;
  };

  Table input_;
  Table output_;
  std::vector<std::shared_ptr<const Operation>> operations_;
  std::vector<Link> links_;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_CHAIN_H_

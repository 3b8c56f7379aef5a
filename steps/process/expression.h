#ifndef PENSTOCK_STEPS_PROCESS_EXPRESSION_H_
#define PENSTOCK_STEPS_PROCESS_EXPRESSION_H_

// SQL expressions over the rows of a block (steps/table/sql.h), with messages that say which row
// cannot be computed. Thread-safe.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "steps/table/table.h"

namespace penstock {

// Names a row of the block.
using WhereInBlock = std::function<std::string(std::size_t i)>;

// As EvaluateExpression and EvaluatePredicate. What is wrong with a value is said with the first
// such row, "census.csv: line 12: …"; what is wrong with the expression itself without one.
Result<Column> ComputeColumn(const Table& block, const std::string& expression,
                             const WhereInBlock& where);
Result<std::vector<uint8_t>> ComputePredicate(const Table& block, const std::string& expression,
                                              const WhereInBlock& where);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_EXPRESSION_H_

#ifndef PENSTOCK_STEPS_PROCESS_OPERATION_H_
#define PENSTOCK_STEPS_PROCESS_OPERATION_H_

// One entry of `transforms`: fitted once on the training rows, applied to any number of tables.
// An operation never adds, drops or moves rows (`drop_missing` is no Operation but a row filter,
// see row_filter in process.cc). A value depends on its own row and on what was fitted, nothing
// else.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "steps/table/table.h"

namespace penstock {

// Names a cell in messages: "census.csv: line 12, column 15 (income)".
using WhereCell = std::function<std::string(int64_t row, const std::string& column)>;

class Operation {
 public:
  virtual ~Operation() = default;

  // Chooses columns among `table`'s and learns from the rows `rows` of it (the training rows).
  // kInvalidArgument: a column that is not there or of a kind that the operation cannot use.
  virtual Status Fit(const Table& table, const std::vector<int64_t>& rows) = 0;
  // Replaces columns of `table`. Precondition: fitted. kInvalidArgument names a cell that it cannot
  // use. `table` is unspecified after an error.
  virtual Status Apply(Table& table, const WhereCell& where) const = 0;
  // What MakeOperation turns into the same fitted operation.
  virtual Json ToJson() const = 0;
};

// The operation that `spec` describes: an entry of `transforms` (not fitted), or ToJson() of one.
// kInvalidArgument for an unknown "op" or a parameter that it cannot have.
Result<std::unique_ptr<Operation>> MakeOperation(const Json& spec);
// "impute", "one_hot" …, sorted; `drop_missing` too.
const std::vector<std::string>& OperationNames();

// Whether an entry of `transforms` learns from data; the others may stand before `drop_missing`.
bool IsFitted(std::string_view op);

// One maker per operation, in op_*.cc.
Result<std::unique_ptr<Operation>> MakeImpute(const Json& spec);
Result<std::unique_ptr<Operation>> MakeOneHot(const Json& spec);
Result<std::unique_ptr<Operation>> MakeOrdinal(const Json& spec);
Result<std::unique_ptr<Operation>> MakeStandard(const Json& spec);
Result<std::unique_ptr<Operation>> MakeMinMax(const Json& spec);
Result<std::unique_ptr<Operation>> MakeMapValues(const Json& spec);
Result<std::unique_ptr<Operation>> MakeDrop(const Json& spec);

// Shared by the operations.
// The column, or kInvalidArgument ("the data have no column …").
Result<Column*> FindColumn(Table& table, const std::string& name);
// Replaces column `name` by `columns`, at its place.
Status ReplaceColumn(Table& table, const std::string& name, std::vector<Column> columns);
// The values as text, by dictionary; numbers as CSV writes them.
StringValues AsTexts(const Column& column);
// The distinct texts among `rows`, sorted by their bytes.
std::vector<std::string> DistinctTexts(const StringValues& values,
                                       const std::vector<int64_t>& rows);
// Whether any of `rows` is missing.
bool AnyMissing(const Column& column, const std::vector<int64_t>& rows);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_OPERATION_H_

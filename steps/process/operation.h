#ifndef PENSTOCK_STEPS_PROCESS_OPERATION_H_
#define PENSTOCK_STEPS_PROCESS_OPERATION_H_

// One entry of `transforms` that makes columns of columns: fitted once on the training rows,
// applied to any number of tables. An operation never adds, drops or moves rows (those that do are
// row operations, see row_operation.h). A value depends on its own row and on what was fitted,
// nothing else: neither on the other rows of a table, nor on how rows are divided into tables.
//
// Most operations work column by column: they derive from ColumnOperation (column_operation.h).

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "steps/process/fit_data.h"
#include "steps/table/table.h"

namespace penstock {

class Operation {
 public:
  virtual ~Operation() = default;

  // Chooses columns among `data.features()` and learns from the rows of `data` (the training rows).
  // kInvalidArgument: a column that is not there or of a kind that the operation cannot use.
  virtual Status Fit(const FitData& data) = 0;

  // The columns that Apply reads, changes or takes away. Precondition: fitted.
  virtual std::vector<std::string> columns() const = 0;

  // Changes columns of `table`, which has at least columns(); others may be hollow (IsHollow), and
  // are not to be touched. Tables without rows come, too: they show what columns there will be
  // (names, types and kinds may not depend on values). Precondition: fitted. kInvalidArgument names
  // a cell that it cannot use. `table` is unspecified after an error. Thread-safe.
  virtual Status Apply(Table& table, const AppliedRows& rows) const = 0;

  // What MakeOperation turns into the same fitted operation.
  virtual Json ToJson() const = 0;

  // Whether each column that comes out follows from one that goes in, and from nothing else. Of
  // columns() any may then be hollow, and what follows from a hollow one is hollow.
  virtual bool by_column() const { return false; }
  // Whether its values are better kept than computed in each pass over the rows again.
  virtual bool costly() const { return false; }
  // Lines for the log: what was learned that a user should know. Precondition: fitted.
  virtual std::vector<std::string> notes() const { return {}; }
};

// The operation that `spec` describes: an entry of `transforms` (not fitted), or ToJson() of one.
// kInvalidArgument for an unknown "op" or a parameter that it cannot have.
Result<std::unique_ptr<Operation>> MakeOperation(const Json& spec);
// "impute", "one_hot" …, sorted; row operations too.
const std::vector<std::string>& OperationNames();

// Whether an entry of `transforms` learns from data, and so comes after the split.
bool IsFitted(const Json& spec);

// The file's column, or kInvalidArgument ("the data have no column …").
Result<Column*> FindColumn(Table& table, const std::string& name);
// The values as text, by dictionary; numbers as CSV writes them.
StringValues AsTexts(const Column& column);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_OPERATION_H_

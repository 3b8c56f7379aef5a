#ifndef PENSTOCK_STEPS_TABLE_SQL_SYNTAX_H_
#define PENSTOCK_STEPS_TABLE_SQL_SYNTAX_H_

// What SQL of a user's may say, judged on DuckDB's syntax tree (json_serialize_sql) before anything
// of it is bound or run. Private to steps/table. Pure functions.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace penstock::sql {

// Names of functions, in lower case.
struct FunctionNames {
  std::set<std::string, std::less<>> refused;     // depend on clock, chance or the system
  std::set<std::string, std::less<>> aggregates;  // many rows become one
};

// ASCII letters in lower case: what DuckDB compares names by.
std::string LowerCase(std::string_view text);

// Whether `tree` is one SELECT that reads nothing but `tables` and its own WITH, and whose result
// depends on them alone. `columns`: those of the tables. kInvalidArgument says what is refused.
Status CheckSelectTree(const Json& tree, const FunctionNames& functions,
                       const std::vector<std::string>& tables,
                       const std::vector<std::string>& columns);

// Whether `tree` is "SELECT (an expression) AS result FROM data" where the expression needs nothing
// but its own row. `columns` gets the names that it reads, as they are spelt, in their order.
Status CheckExpressionTree(const Json& tree, const FunctionNames& functions,
                           std::vector<std::string>* columns);

// Whether a word without brackets is a clock (current_date), where no column has that name.
bool IsClockWord(std::string_view name);

}  // namespace penstock::sql

#endif  // PENSTOCK_STEPS_TABLE_SQL_SYNTAX_H_

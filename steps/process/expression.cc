#include "steps/process/expression.h"

#include <numeric>

#include "steps/table/collect.h"
#include "steps/table/sql.h"

namespace penstock {
namespace {

Table RowsBetween(const Table& block, std::size_t begin, std::size_t end) {
  std::vector<int32_t> choice(end - begin);
  std::iota(choice.begin(), choice.end(), static_cast<int32_t>(begin));
  Table rows;
  rows.rows = static_cast<int64_t>(choice.size());
  for (const Column& column : block.columns) rows.columns.push_back(ChooseRows(column, choice));
  return rows;
}

// `status`, what evaluating all rows gave, with the first row that gives such an error.
Status WithRow(const Table& block, const Status& status, const WhereInBlock& where,
               const std::function<Status(const Table&)>& evaluate) {
  if (status.code() != StatusCode::kInvalidArgument || !evaluate(RowsBetween(block, 0, 0)).ok()) {
    return status;
  }
  std::size_t begin = 0;
  auto end = static_cast<std::size_t>(block.rows);
  Status first = status;
  while (end - begin > 1) {
    const std::size_t middle = begin + (end - begin) / 2;
    const Status half = evaluate(RowsBetween(block, begin, middle));
    (half.ok() ? begin : end) = middle;
    if (!half.ok()) first = half;
  }
  // The half that was not tried may fail with another message.
  const Status last = evaluate(RowsBetween(block, begin, end));
  return (last.ok() ? first : last).WithContext(where(begin));
}

}  // namespace

Result<Column> ComputeColumn(const Table& block, const std::string& expression,
                             const WhereInBlock& where) {
  auto column = EvaluateExpression(block, expression);
  if (column.ok()) return column;
  return WithRow(block, column.status(), where,
                 [&](const Table& rows) { return EvaluateExpression(rows, expression).status(); });
}

Result<std::vector<uint8_t>> ComputePredicate(const Table& block, const std::string& expression,
                                              const WhereInBlock& where) {
  auto chosen = EvaluatePredicate(block, expression);
  if (chosen.ok()) return chosen;
  return WithRow(block, chosen.status(), where,
                 [&](const Table& rows) { return EvaluatePredicate(rows, expression).status(); });
}

}  // namespace penstock

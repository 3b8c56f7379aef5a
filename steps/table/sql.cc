#include "steps/table/sql.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/mutex.h"
#include "base/text.h"
#include "steps/table/column_builder.h"
#include "steps/table/read_internal.h"
#include "steps/table/sql_database.h"
#include "steps/table/sql_syntax.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr char kSelect[] = "SELECT (";
// On a line of its own: the expression may end in a comment.
constexpr char kFromData[] = "\n) AS result FROM data";

Status CheckLength(const std::string& text) {
  if (text.size() <= limits::kMaxParameterBytes) return Status::Ok();
  return InvalidArgument("has " + std::to_string(text.size()) + " bytes; at most " +
                         std::to_string(limits::kMaxParameterBytes));
}

// Why SQL cannot tell the columns apart, or cannot name them.
Status CheckNames(const std::vector<ColumnInfo>& columns, const std::string& table) {
  std::map<std::string, std::string> seen;
  for (const ColumnInfo& column : columns) {
    if (column.name.empty() || column.name.find('\0') != std::string::npos) {
      return InvalidArgument("a column of " + table +
                             " has no name that SQL could use; rename it first");
    }
    const auto [other, added] = seen.emplace(sql::LowerCase(column.name), column.name);
    if (added) continue;
    if (other->second == column.name) {
      return InvalidArgument(table + " has two columns called \"" + column.name +
                             "\"; rename or drop one before SQL");
    }
    return InvalidArgument("columns \"" + other->second + "\" and \"" + column.name + "\" of " +
                           table +
                           " differ in case alone, which SQL does not see; rename or drop one "
                           "before SQL");
  }
  return Status::Ok();
}

// How a column of a result becomes one of a table.
Result<reading::Selected> SelectResult(const std::string& name, std::size_t index,
                                       duckdb_type type) {
  if (type == DUCKDB_TYPE_INTERVAL || type == DUCKDB_TYPE_TIME_TZ) type = DUCKDB_TYPE_TIME;
  auto selected = reading::SelectTyped(name, reading::Position(index), {name, type}, std::nullopt);
  if (!selected.ok()) {
    return InvalidArgument("column \"" + name +
                           "\" of the result holds lists, structures or bytes; CAST it to VARCHAR, "
                           "or take out what is needed");
  }
  return selected;
}

// Collects chunks into blocks.
class Blocks {
 public:
  // `most`: rows of a block.
  Blocks(std::vector<reading::Selected> selected, int64_t most)
      : selected_(std::move(selected)), most_(most) {
    for (const reading::Selected& column : selected_) {
      builders_.push_back(std::make_unique<ColumnBuilder>(column.info, TextRules()));
    }
  }

  Status Add(duckdb_data_chunk chunk, int64_t rows, const std::function<Status(Table&&)>& visit) {
    for (std::size_t j = 0; j < builders_.size(); ++j) {
      builders_[j]->Append(duckdb_data_chunk_get_vector(chunk, j), selected_[j].type, 0, rows);
    }
    rows_ += rows;
    return rows_ < most_ ? Status::Ok() : End(visit);
  }

  Status End(const std::function<Status(Table&&)>& visit) {
    any_ = true;
    return visit(Take());
  }

  // What is left; the whole where there is nothing.
  Status Finish(const std::function<Status(Table&&)>& visit) {
    return rows_ > 0 || !any_ ? End(visit) : Status::Ok();
  }

  Table Take() {
    Table table;
    table.rows = rows_;
    rows_ = 0;
    for (const auto& builder : builders_) table.columns.push_back(builder->Take());
    return table;
  }

 private:
  const std::vector<reading::Selected> selected_;
  const int64_t most_;
  std::vector<std::unique_ptr<ColumnBuilder>> builders_;
  int64_t rows_ = 0;
  bool any_ = false;
};

std::string Projection(const std::vector<reading::Selected>& selected) {
  std::vector<std::string> expressions;
  for (const reading::Selected& column : selected) expressions.push_back(column.expression);
  return "SELECT " + Join(expressions, ", ") + " FROM penstock_result";
}

Result<std::vector<reading::Selected>> SelectResults(
    const std::vector<sql::Session::ResultColumn>& columns) {
  std::vector<reading::Selected> selected;
  std::set<std::string> names;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string& name = columns[i].name;
    if (!names.insert(name).second) {
      return InvalidArgument("two columns of the result are called \"" + name +
                             "\"; give one of them another name with AS");
    }
    PENSTOCK_ASSIGN_OR_RETURN(reading::Selected column, SelectResult(name, i, columns[i].type));
    selected.push_back(std::move(column));
  }
  return selected;
}

// The instance for expressions: one in a process, as long as its memory limit stays the same.
// Without a limit that is asked for, any will do.
Result<std::shared_ptr<sql::Database>> ExpressionDatabase(std::optional<int64_t> memory_bytes) {
  struct Kept {
    Mutex mutex;
    std::shared_ptr<sql::Database> database PENSTOCK_GUARDED_BY(mutex);
    int64_t memory_bytes PENSTOCK_GUARDED_BY(mutex) = 0;
  };
  static auto* const kept = new Kept;
  MutexLock lock(kept->mutex);
  if (kept->database == nullptr || (memory_bytes && kept->memory_bytes != *memory_bytes)) {
    kept->memory_bytes = memory_bytes.value_or(0);
    PENSTOCK_ASSIGN_OR_RETURN(kept->database, sql::Database::Open({}, kept->memory_bytes));
  }
  return kept->database;
}

// What a name in an expression stands for.
Result<std::string> Resolve(const std::string& name, const std::vector<std::string>& names) {
  std::vector<std::string> same;
  const std::string lower = sql::LowerCase(name);
  for (const std::string& candidate : names) {
    if (sql::LowerCase(candidate) == lower) same.push_back(candidate);
  }
  const auto exact = std::count(same.begin(), same.end(), name);
  if (exact == 1) return name;
  if (exact > 1) {
    return InvalidArgument("two columns are called \"" + name + "\"; rename one first");
  }
  if (same.size() == 1) return same.front();
  if (same.size() > 1) {
    return InvalidArgument(name + " could be any of the columns " + Join(same, ", ") +
                           ", which differ in case alone; spell one of them exactly");
  }
  if (sql::IsClockWord(name)) {
    return InvalidArgument(name +
                           " depends on the clock; a step gives the same for the same data: hand "
                           "times in as values");
  }
  return InvalidArgument("there is no column \"" + name + "\"" + SuggestColumn(name, names) +
                         "; texts stand in single quotes");
}

Result<std::vector<std::string>> ColumnsIn(sql::Session& session, const std::string& expression,
                                           const std::vector<std::string>& names) {
  PENSTOCK_RETURN_IF_ERROR(CheckLength(expression));
  if (Trim(expression).empty()) return InvalidArgument("is empty");
  PENSTOCK_ASSIGN_OR_RETURN(const Json tree, session.Parse(kSelect + expression + kFromData,
                                                           std::string_view(kSelect).size()));
  PENSTOCK_ASSIGN_OR_RETURN(const sql::FunctionNames* functions, session.Functions());
  std::vector<std::string> spelt;
  PENSTOCK_RETURN_IF_ERROR(sql::CheckExpressionTree(tree, *functions, &spelt));
  std::vector<std::string> columns;
  std::map<std::string, std::string> seen;
  for (const std::string& name : spelt) {
    PENSTOCK_ASSIGN_OR_RETURN(std::string column, Resolve(name, names));
    const auto [other, added] = seen.emplace(sql::LowerCase(column), column);
    if (!added && other->second != column) {
      return InvalidArgument("columns \"" + other->second + "\" and \"" + column +
                             "\" differ in case alone, and an expression cannot read both; rename "
                             "one first");
    }
    if (added) columns.push_back(std::move(column));
  }
  return columns;
}

Status Named(const Status& status, const std::string& expression) {
  if (status.ok() || status.code() != StatusCode::kInvalidArgument) return status;
  std::string shown = expression.substr(0, expression.find('\n'));
  if (shown.size() > 80 || shown.size() < expression.size()) shown = TruncateUtf8(shown, 80) + "…";
  return status.WithContext("expression `" + shown + "`");
}

Result<Column> Evaluate(const Table& block, const std::string& expression, bool predicate,
                        const TableOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(auto database, ExpressionDatabase(options.memory_bytes));
  PENSTOCK_ASSIGN_OR_RETURN(const auto session,
                            sql::Session::Open(std::move(database), options.cancelled));
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            ColumnsIn(*session, expression, block.names()));
  sql::Rows rows{.block = &block};
  for (const std::string& name : names) rows.columns.push_back(block.Find(name)->info);
  PENSTOCK_RETURN_IF_ERROR(session->AddView("data", rows));
  const std::string select = kSelect + expression + kFromData;
  PENSTOCK_ASSIGN_OR_RETURN(const auto described, session->Describe(select));
  if (predicate && described.front().type != DUCKDB_TYPE_BOOLEAN) {
    return InvalidArgument("is neither true nor false; compare it with something");
  }
  PENSTOCK_ASSIGN_OR_RETURN(auto selected, SelectResults(described));
  PENSTOCK_RETURN_IF_ERROR(session->AddView("penstock_result", select));
  const std::string projection = Projection(selected);
  Blocks all(std::move(selected), std::numeric_limits<int64_t>::max());
  PENSTOCK_RETURN_IF_ERROR(session->Stream(projection, [&](duckdb_data_chunk chunk, int64_t count) {
    return all.Add(chunk, count, nullptr);
  }));
  Table result = all.Take();
  if (result.rows != block.rows) return Internal("an expression changed the number of rows");
  result.columns.front().info.name.clear();
  return std::move(result.columns.front());
}

}  // namespace

Status StreamSelect(const std::vector<SqlInput>& inputs, const std::string& query,
                    const FrameOptions& options, const std::function<Status(Table&&)>& visit) {
  PENSTOCK_RETURN_IF_ERROR(CheckLength(query));
  std::vector<std::string> tables;
  std::vector<std::string> columns;
  std::vector<sql::Rows> rows;
  for (const SqlInput& input : inputs) {
    PENSTOCK_RETURN_IF_ERROR(CheckNames(input.frame->columns(), "\"" + input.name + "\""));
    tables.push_back(input.name);
    rows.push_back({.frame = input.frame, .columns = input.frame->columns()});
    for (const ColumnInfo& column : input.frame->columns()) columns.push_back(column.name);
  }
  PENSTOCK_ASSIGN_OR_RETURN(auto database,
                            sql::Database::Open(options.scratch, options.table.memory_bytes));
  PENSTOCK_ASSIGN_OR_RETURN(const auto session,
                            sql::Session::Open(std::move(database), options.table.cancelled));
  PENSTOCK_ASSIGN_OR_RETURN(const Json tree, session->Parse(query, 0));
  PENSTOCK_ASSIGN_OR_RETURN(const sql::FunctionNames* functions, session->Functions());
  PENSTOCK_RETURN_IF_ERROR(sql::CheckSelectTree(tree, *functions, tables, columns));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    PENSTOCK_RETURN_IF_ERROR(session->AddView(inputs[i].name, rows[i]));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const auto described, session->Describe(query));
  PENSTOCK_ASSIGN_OR_RETURN(auto selected, SelectResults(described));
  PENSTOCK_RETURN_IF_ERROR(session->AddView("penstock_result", query));
  const std::string projection = Projection(selected);
  Blocks blocks(std::move(selected), kBlockRows);
  PENSTOCK_RETURN_IF_ERROR(session->Stream(projection, [&](duckdb_data_chunk chunk, int64_t count) {
    return blocks.Add(chunk, count, visit);
  }));
  return blocks.Finish(visit);
}

Result<Frame> RunSelect(const std::vector<SqlInput>& inputs, const std::string& query,
                        const FrameOptions& options) {
  Frame frame(options);
  PENSTOCK_RETURN_IF_ERROR(StreamSelect(
      inputs, query, options, [&](Table&& block) { return frame.Append(std::move(block)); }));
  return frame;
}

Result<std::vector<std::string>> ColumnsOfExpression(const std::string& expression,
                                                     const std::vector<std::string>& names) {
  PENSTOCK_ASSIGN_OR_RETURN(auto database, ExpressionDatabase(std::nullopt));
  PENSTOCK_ASSIGN_OR_RETURN(const auto session, sql::Session::Open(std::move(database), nullptr));
  auto columns = ColumnsIn(*session, expression, names);
  if (!columns.ok()) return Named(columns.status(), expression);
  return columns;
}

Result<Column> EvaluateExpression(const Table& block, const std::string& expression,
                                  const TableOptions& options) {
  auto column = Evaluate(block, expression, false, options);
  if (!column.ok()) return Named(column.status(), expression);
  return column;
}

Result<std::vector<uint8_t>> EvaluatePredicate(const Table& block, const std::string& expression,
                                               const TableOptions& options) {
  auto column = Evaluate(block, expression, true, options);
  if (!column.ok()) return Named(column.status(), expression);
  std::vector<uint8_t> chosen;
  chosen.reserve(column->numbers.size());
  for (const double value : column->numbers) chosen.push_back(value > 0 ? 1 : 0);
  return chosen;
}

}  // namespace penstock

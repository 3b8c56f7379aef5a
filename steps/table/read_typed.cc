#include <memory>
#include <utility>

#include "base/text.h"
#include "steps/table/read_internal.h"

namespace penstock::reading {
namespace {

// DuckDB's messages name the file by its path in the store; keep the first line, without it.
Status ForUser(const Status& status, const std::filesystem::path& path,
               const std::string& display_name) {
  if (status.code() != StatusCode::kInvalidArgument) return status;
  std::string text = status.message().substr(0, status.message().find('\n'));
  const std::string stored = path.string();
  for (auto at = text.find(stored); at != std::string::npos; at = text.find(stored)) {
    text.replace(at, stored.size(), display_name);
  }
  return InvalidArgument(display_name + ": cannot be read: " + text);
}

std::string Relation(const std::filesystem::path& path, FileFormat format) {
  if (format == FileFormat::kParquet) {
    return "read_parquet(" + SqlPath(path) + ", hive_partitioning=false)";
  }
  return "read_json(" + SqlPath(path) + ", hive_partitioning=false, format='" +
         (format == FileFormat::kJsonLines ? "newline_delimited" : "auto") +
         "', convert_strings_to_integers=false)";
}

}  // namespace

Result<Table> RunSelect(const std::string& relation, std::vector<Selected> selected,
                        const ColumnBuilder::Rules& rules, const TableOptions& options,
                        std::optional<BadNumber>* bad, int64_t expected_rows) {
  PENSTOCK_ASSIGN_OR_RETURN(duck::Connection connection, duck::Connection::Open(options));
  std::vector<std::string> expressions;
  std::vector<std::unique_ptr<ColumnBuilder>> builders;
  for (const Selected& column : selected) {
    expressions.push_back(column.expression);
    builders.push_back(std::make_unique<ColumnBuilder>(column.info, column.type, rules));
    builders.back()->Reserve(expected_rows);
  }
  // A table without columns still has rows.
  if (expressions.empty()) expressions.emplace_back("1");
  Table table;
  PENSTOCK_RETURN_IF_ERROR(connection.Stream(
      "SELECT " + Join(expressions, ", ") + " FROM " + relation +
          (options.max_rows > 0 ? " LIMIT " + std::to_string(options.max_rows) : std::string()),
      [&](duckdb_data_chunk chunk, int64_t rows) {
        for (std::size_t j = 0; j < builders.size(); ++j) {
          builders[j]->Append(duckdb_data_chunk_get_vector(chunk, j), rows);
        }
        table.rows += rows;
        return Status::Ok();
      }));
  FinishColumns(builders, selected, table, bad);
  return table;
}

void FinishColumns(const std::vector<std::unique_ptr<ColumnBuilder>>& builders,
                   const std::vector<Selected>& selected, Table& table,
                   std::optional<BadNumber>* bad) {
  for (std::size_t j = 0; j < builders.size(); ++j) {
    if (bad != nullptr && !*bad && builders[j]->bad_number()) {
      *bad = BadNumber{j, *builders[j]->bad_number()};
    }
    table.columns.push_back(std::move(*builders[j]).Finish(selected[j].infer));
  }
}

std::string Position(std::size_t index) {
  return "#" + std::to_string(index + 1);
}

Result<Selected> SelectTyped(const std::string& name, const std::string& position, duckdb_type type,
                             std::optional<ColumnKind> kind) {
  Selected column;
  column.expression = position;
  column.info.name = name;
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
      column.info.type = ColumnType::kBoolean;
      column.type = DUCKDB_TYPE_BOOLEAN;
      break;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
      column.info.type = ColumnType::kInteger;
      column.type = DUCKDB_TYPE_BIGINT;
      column.expression = "CAST(" + column.expression + " AS BIGINT)";
      break;
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_DECIMAL:
      column.info.type = ColumnType::kDouble;
      column.type = DUCKDB_TYPE_DOUBLE;
      column.expression = "CAST(" + column.expression + " AS DOUBLE)";
      break;
    case DUCKDB_TYPE_DATE:
      column.info.type = ColumnType::kDate;
      break;
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      column.info.type = ColumnType::kTimestamp;
      break;
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_ENUM:
    case DUCKDB_TYPE_UUID:
    case DUCKDB_TYPE_TIME:
      column.info.type = ColumnType::kString;
      break;
    default:
      return InvalidArgument("column \"" + name +
                             "\" holds lists, structures or bytes; only plain values can be read");
  }
  const bool date =
      column.info.type == ColumnType::kDate || column.info.type == ColumnType::kTimestamp;
  const bool text = date || column.info.type == ColumnType::kString;
  column.info.kind = kind.value_or(date   ? ColumnKind::kDate
                                   : text ? ColumnKind::kCategorical
                                          : ColumnKind::kNumeric);
  if (text || column.info.kind != ColumnKind::kNumeric) {
    column.type = DUCKDB_TYPE_VARCHAR;
    column.expression = "CAST(" + position + " AS VARCHAR)";
    if (column.info.kind == ColumnKind::kNumeric) {
      column.info.type = ColumnType::kDouble;  // texts that are to be parsed
    } else if (!text) {
      column.info.type = ColumnType::kString;
    }
  }
  return column;
}

Result<RawTable> ReadTypedFile(const std::filesystem::path& path, const std::string& display_name,
                               FileFormat format, const Request& request,
                               const std::vector<std::string>& names) {
  PENSTOCK_ASSIGN_OR_RETURN(duck::Connection connection,
                            duck::Connection::Open(request.table_options));
  const std::string relation = Relation(path, format);
  auto described = connection.Describe("SELECT * FROM " + relation);
  if (!described.ok()) return ForUser(described.status(), path, display_name);
  RawTable result;
  RawTable::Part part;
  part.path = path;
  part.display_name = display_name;
  std::vector<Selected> selected;
  if (!names.empty() && names.size() != described->size()) {
    return DataLoss(display_name + " has " + std::to_string(described->size()) +
                    " columns, dataset.json names " + std::to_string(names.size()));
  }
  for (const auto& column : *described) part.names.push_back(column.name);
  if (!names.empty()) part.names = names;
  PENSTOCK_RETURN_IF_ERROR(CheckWanted(request, part.names, display_name));
  for (std::size_t i = 0; i < described->size(); ++i) {
    const std::string& name = part.names[i];
    if (!request.Wants(name)) continue;
    auto chosen = SelectTyped(name, Position(i), (*described)[i].type, request.KindOf(name));
    if (!chosen.ok()) return chosen.status().WithContext(display_name);
    selected.push_back(std::move(*chosen));
  }
  const ColumnBuilder::Rules rules{request.options.trim, &request.options.nulls};
  std::optional<BadNumber> bad;
  Result<Table> table = RunSelect(relation, selected, rules, request.table_options, &bad);
  if (!table.ok()) return ForUser(table.status(), path, display_name);
  result.table = std::move(*table);
  part.rows = result.table.rows;
  result.parts.push_back(std::move(part));
  if (bad) return NotANumber(result, selected[bad->column].info.name, *bad);
  return result;
}

}  // namespace penstock::reading

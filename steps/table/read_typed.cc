#include <algorithm>
#include <memory>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "steps/table/mapped_file.h"
#include "steps/table/read_internal.h"

namespace penstock::reading {
namespace {

constexpr char kHoldsStructures[] =
    "a column holds lists or structures beside other values; only plain values can be read";

// The first line that is no JSON, where every line is to be a record; 0: none, or they are not.
int64_t BadJsonLine(const RawTable::Part& part, FileFormat format) {
  const auto file = MappedFile::Open(part.path, part.display_name);
  if (!file.ok()) return 0;
  std::string_view rest = file->bytes();
  for (int64_t line = 1; !rest.empty(); ++line) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view text = Trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    file->Forget(file->bytes().size() - rest.size());
    if (text.empty() || Json::accept(text)) continue;
    // Records may also go over several lines, then the first line is none.
    return format == FileFormat::kJson && line == 1 ? 0 : line;
  }
  return 0;
}

// DuckDB's messages name the file by its path in the store; keep the first line, without it.
Status ForUser(const Status& status, const RawTable::Part& part, FileFormat format) {
  if (status.code() != StatusCode::kInvalidArgument) return status;
  if (status.message().find(kHoldsStructures) != std::string::npos) {
    return InvalidArgument(part.display_name + ": " + kHoldsStructures);
  }
  if (format != FileFormat::kParquet) {
    if (const int64_t line = BadJsonLine(part, format); line > 0) {
      return InvalidArgument(part.display_name + ": cannot be read: line " +
                             std::to_string(line) + " is no record in JSON");
    }
  }
  std::string text = status.message().substr(0, status.message().find('\n'));
  const std::string stored = part.path.string();
  for (auto at = text.find(stored); at != std::string::npos;
       at = text.find(stored, at + part.display_name.size())) {
    text.replace(at, stored.size(), part.display_name);
  }
  return InvalidArgument(part.display_name + ": cannot be read: " + text);
}

std::string Relation(const std::filesystem::path& path, FileFormat format) {
  if (format == FileFormat::kParquet) {
    return "read_parquet(" + SqlPath(path) + ", hive_partitioning=false)";
  }
  return "read_json(" + SqlPath(path) + ", hive_partitioning=false, format='" +
         (format == FileFormat::kJsonLines ? "newline_delimited" : "auto") +
         "', convert_strings_to_integers=false, sample_size=-1)";
}

}  // namespace

std::string SelectSql(const std::vector<std::string>& expressions, const std::string& relation,
                      const TableOptions& options) {
  // A table without columns still has rows.
  return "SELECT " + (expressions.empty() ? "1" : Join(expressions, ", ")) + " FROM " + relation +
         (options.max_rows > 0 ? " LIMIT " + std::to_string(options.max_rows) : std::string());
}

Result<Table> RunSelect(const std::string& relation, const std::vector<Selected>& selected,
                        const TableOptions& options, int64_t expected_rows) {
  PENSTOCK_ASSIGN_OR_RETURN(duck::Connection connection, duck::Connection::Open(options));
  std::vector<std::string> expressions;
  std::vector<std::unique_ptr<ColumnBuilder>> builders;
  for (const Selected& column : selected) {
    expressions.push_back(column.expression);
    builders.push_back(std::make_unique<ColumnBuilder>(column.info, TextRules{}));
    builders.back()->Reserve(expected_rows);
  }
  Table table;
  PENSTOCK_RETURN_IF_ERROR(connection.Stream(
      SelectSql(expressions, relation, options), [&](duckdb_data_chunk chunk, int64_t rows) {
        for (std::size_t j = 0; j < builders.size(); ++j) {
          builders[j]->Append(duckdb_data_chunk_get_vector(chunk, j), selected[j].type, 0, rows);
        }
        table.rows += rows;
        return Status::Ok();
      }));
  for (const auto& builder : builders) table.columns.push_back(builder->Take());
  return table;
}

std::string Position(std::size_t index) {
  return "#" + std::to_string(index + 1);
}

namespace {

// A column of several types: strings as they are, other values as JSON writes them.
std::string JsonText(const std::string& position) {
  return "CASE WHEN json_type(" + position + ") IN ('OBJECT', 'ARRAY') THEN error('" +
         kHoldsStructures + "') ELSE (" + position + ") ->> '$' END";
}

}  // namespace

Result<Selected> SelectTyped(const std::string& name, const std::string& position,
                             const duck::Connection::ResultColumn& described,
                             std::optional<ColumnKind> kind) {
  Selected column;
  column.expression = position;
  column.info.name = name;
  switch (described.type) {
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
    column.expression = described.json ? JsonText(position) : "CAST(" + position + " AS VARCHAR)";
    if (column.info.kind == ColumnKind::kNumeric) {
      column.info.type = ColumnType::kDouble;  // texts that are to be parsed
    } else if (!text) {
      column.info.type = ColumnType::kString;
    }
  }
  return column;
}

namespace {

class TypedReader : public FileReader {
 public:
  TypedReader(FileFormat format, const Request& request) : format_(format), request_(request) {}

  Status LookAt(const DatasetInfo* dataset);
  Status Read(RowWriter& writer) override;

 private:
  FileFormat format_;
  const Request& request_;
  std::vector<std::string> expressions_;
  std::vector<duckdb_type> types_;
};

Status TypedReader::LookAt(const DatasetInfo* dataset) {
  PENSTOCK_ASSIGN_OR_RETURN(duck::Connection connection,
                            duck::Connection::Open(request_.table_options));
  const auto described = connection.Describe("SELECT * FROM " + Relation(part.path, format_));
  if (!described.ok()) return ForUser(described.status(), part, format_);
  if (dataset != nullptr && dataset->columns.size() != described->size()) {
    return DataLoss(part.display_name + " has " + std::to_string(described->size()) +
                    " columns, dataset.json names " + std::to_string(dataset->columns.size()));
  }
  for (std::size_t i = 0; i < described->size(); ++i) {
    part.names.push_back(dataset != nullptr ? dataset->columns[i].name : (*described)[i].name);
  }
  PENSTOCK_RETURN_IF_ERROR(CheckWanted(request_, part.names, part.display_name));
  for (std::size_t i = 0; i < described->size(); ++i) {
    const std::string& name = part.names[i];
    if (!request_.Wants(name)) continue;
    const std::optional<ColumnKind> kind = request_.KindOf(name);
    auto selected = SelectTyped(name, Position(i), (*described)[i], kind);
    if (!selected.ok()) return selected.status().WithContext(part.display_name);
    if (dataset != nullptr && !kind) {
      // The kinds that the dataset declares count unless the options say otherwise.
      const ColumnInfo& declared = dataset->columns[i];
      selected->info.kind = declared.kind;
      if (declared.type == ColumnType::kDate || declared.type == ColumnType::kTimestamp) {
        selected->info.type = declared.type;
      }
    }
    expressions_.push_back(selected->expression);
    types_.push_back(selected->type);
    columns.push_back({i, std::move(selected->info), false});
  }
  return Status::Ok();
}

Status TypedReader::Read(RowWriter& writer) {
  PENSTOCK_ASSIGN_OR_RETURN(duck::Connection connection,
                            duck::Connection::Open(request_.table_options));
  const Status status = connection.Stream(
      SelectSql(expressions_, Relation(part.path, format_), request_.table_options),
      [&](duckdb_data_chunk chunk, int64_t rows) {
        return writer.Append(chunk, types_, 0, rows, false);
      });
  if (!writer.contradicted().empty()) return Status::Ok();
  if (const auto& bad = writer.bad()) {
    return NotANumber(WhereIn({part}, bad->row, columns[bad->column].info.name), bad->text);
  }
  return ForUser(status, part, format_);
}

}  // namespace

Result<std::unique_ptr<FileReader>> LookAtTyped(const std::filesystem::path& path,
                                                const std::string& display_name, FileFormat format,
                                                const Request& request,
                                                const DatasetInfo* dataset) {
  auto reader = std::make_unique<TypedReader>(format, request);
  reader->part.path = path;
  reader->part.display_name = display_name;
  PENSTOCK_RETURN_IF_ERROR(reader->LookAt(dataset));
  return std::unique_ptr<FileReader>(std::move(reader));
}

}  // namespace penstock::reading

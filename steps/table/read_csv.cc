#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "base/text.h"
#include "steps/table/csv_shape.h"
#include "steps/table/mapped_file.h"
#include "steps/table/read_internal.h"

namespace penstock::reading {
namespace {

// Tables that are wider than this many columns are read by the scanner: DuckDB's blocks of 2,048
// rows would take much memory.
constexpr std::size_t kWide = 2'000;
// As many rows the scanner has sooner than DuckDB has started.
constexpr int64_t kFewRows = 10'000;

std::string Option(std::string_view name, char value) {
  return std::string(", ") + std::string(name) + "=" +
         duck::Quote(value == '\0' ? std::string_view() : std::string_view(&value, 1));
}

// How a file is read, best first; each does what the one before could not.
enum class Way {
  kNumbers,  // DuckDB gives numbers; all of them mean the same to it as to ParseNumber
  kTexts,    // DuckDB gives texts, and numbers through penstock_number
  kScan,     // the scanner alone: mixed line ends, comments, files of one column, where a blank line
             // is a value; and where something is wrong, to say what and where
};

class CsvReader : public FileReader {
 public:
  CsvReader(std::string_view bytes, CsvShape shape, const Request& request);
  Status Read(RowWriter& writer) override;

 private:
  Status ChooseWay();
  std::string Relation(const RowWriter& writer) const;
  Status ReadByDuck(RowWriter& writer, int64_t* done);
  Status Scan(RowWriter& writer, int64_t done) const;
  Status Explain(const BadNumber& bad) const;
  bool AllFinite(duckdb_data_chunk chunk, int64_t rows, const RowWriter& writer) const;

  const CsvShape shape_;
  const Request& request_;
  std::optional<Way> way_;
};

CsvReader::CsvReader(std::string_view bytes, CsvShape shape, const Request& request)
    : shape_(std::move(shape)), request_(request) {
  part.csv = true;
  part.header = shape_.header;
  part.dialect = shape_.dialect;
  part.names = shape_.names;
  const std::vector<CsvContent> contents = LookAtHead(bytes, shape_, request_.options);
  for (std::size_t i = 0; i < shape_.names.size(); ++i) {
    if (!request_.Wants(shape_.names[i])) continue;
    FileColumn column;
    column.position = i;
    column.info.name = shape_.names[i];
    const std::optional<ColumnKind> kind = request_.KindOf(shape_.names[i]);
    column.guessed = !kind && contents[i] != CsvContent::kText;
    column.info.kind = column.guessed ? ColumnKind::kNumeric
                                      : kind.value_or(ColumnKind::kCategorical);
    column.info.type =
        column.info.kind == ColumnKind::kNumeric ? ColumnType::kDouble : ColumnType::kString;
    columns.push_back(std::move(column));
  }
}

Status CsvReader::ChooseWay() {
  const TableOptions& options = request_.table_options;
  if (shape_.names.size() == 1 || shape_.names.size() > kWide || shape_.dialect.comment != '\0' ||
      (options.max_rows > 0 && options.max_rows <= kFewRows)) {
    way_ = Way::kScan;
    return Status::Ok();
  }
  PENSTOCK_ASSIGN_OR_RETURN(
      const CsvBytes bytes,
      LookAtBytes(part.path, part.display_name, shape_.dialect.quote, options.cancelled));
  // DuckDB compares nulls with all of a text.
  const std::vector<std::string>& nulls = request_.options.nulls;
  const bool plain = bytes.plain_numbers &&
                     std::none_of(nulls.begin(), nulls.end(), [](const std::string& text) {
                       return ParseNumber(text).has_value() || Trim(text) != text;
                     });
  way_ = bytes.mixed_line_ends ? Way::kScan : plain ? Way::kNumbers : Way::kTexts;
  return Status::Ok();
}

// Columns are c0, c1 … for DuckDB, whatever the file calls them.
std::string CsvReader::Relation(const RowWriter& writer) const {
  const CsvDialect& dialect = shape_.dialect;
  std::string sql = "read_csv(" + SqlPath(part.path) + ", auto_detect=false, hive_partitioning=false";
  sql += std::string(", header=") + (shape_.header ? "true" : "false");
  if (dialect.skip_lines > 0) sql += ", skip=" + std::to_string(dialect.skip_lines);
  sql += Option("delim", dialect.delimiter) + Option("quote", dialect.quote) +
         Option("escape", dialect.quote == '\0' ? '\0' : dialect.escape);
  std::vector<std::string_view> types(shape_.names.size(), "VARCHAR");
  if (way_ == Way::kNumbers) {
    const bool trim = request_.options.trim;
    sql += trim ? ", nullstr=['', ' '" : ", nullstr=[''";
    for (const std::string& text : request_.options.nulls) {
      sql += ", " + duck::Quote(text) + (trim ? ", " + duck::Quote(" " + text) : std::string());
    }
    sql += "]";
    for (std::size_t j = 0; j < columns.size(); ++j) {
      if (writer.columns()[j].is_number()) types[columns[j].position] = "DOUBLE";
    }
  }
  sql += ", columns={";
  for (std::size_t i = 0; i < types.size(); ++i) {
    sql += (i == 0 ? "'c" : ", 'c") + std::to_string(i) + "': '" + std::string(types[i]) + "'";
  }
  return sql + "})";
}

// Whether no number is an infinity or NaN. `rows` is at least 1.
bool CsvReader::AllFinite(duckdb_data_chunk chunk, int64_t rows, const RowWriter& writer) const {
  for (std::size_t j = 0; j < columns.size(); ++j) {
    if (!writer.columns()[j].is_number()) continue;
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, j);
    const auto* values = static_cast<const double*>(duckdb_vector_get_data(vector));
    // 0 times a number is 0, but for these. Two sums, as one would wait for itself.
    double even = 0;
    double odd = 0;
    for (int64_t i = 0; i + 1 < rows; i += 2) {
      even += values[i] * 0;
      odd += values[i + 1] * 0;
    }
    if (even + odd + values[rows - 1] * 0 == 0) continue;
    // Behind a null may be anything.
    const uint64_t* validity = duckdb_vector_get_validity(vector);
    for (int64_t i = 0; i < rows; ++i) {
      const bool valid = validity == nullptr || ((validity[i >> 6] >> (i & 63)) & 1) != 0;
      if (valid && !std::isfinite(values[i])) return false;
    }
  }
  return true;
}

// Passes over the first `*done` rows, and counts those that it gives to the writer.
Status CsvReader::ReadByDuck(RowWriter& writer, int64_t* done) {
  PENSTOCK_ASSIGN_OR_RETURN(duck::Connection connection,
                            duck::Connection::Open(request_.table_options));
  std::vector<std::string> expressions;
  std::vector<duckdb_type> types;
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const TargetColumn& target = writer.columns()[j];
    std::string expression = "c" + std::to_string(columns[j].position);
    if (way_ == Way::kTexts && target.is_number()) {
      expression = duck::NumberSql(expression, target.rules);
    }
    expressions.push_back(std::move(expression));
    types.push_back(target.is_number() ? DUCKDB_TYPE_DOUBLE : DUCKDB_TYPE_VARCHAR);
  }
  int64_t seen = 0;
  return connection.Stream(
      SelectSql(expressions, Relation(writer), request_.table_options),
      [&](duckdb_data_chunk chunk, int64_t rows) -> Status {
        const int64_t begin = std::clamp<int64_t>(*done - seen, 0, rows);
        seen += rows;
        if (begin == rows) return Status::Ok();
        if (way_ == Way::kNumbers && !AllFinite(chunk, rows, writer)) {
          return Aborted("an infinity or NaN");
        }
        PENSTOCK_RETURN_IF_ERROR(writer.Append(chunk, types, begin, rows, way_ == Way::kTexts));
        *done = seen;
        return Status::Ok();
      });
}

// Passes over the first `done` rows, but not over what is wrong with them.
Status CsvReader::Scan(RowWriter& writer, int64_t done) const {
  const TableOptions& options = request_.table_options;
  const std::size_t fields = shape_.names.size();
  PENSTOCK_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(part.path, part.display_name));
  CsvScanner scanner(file.bytes(), shape_.dialect);
  if (shape_.header) static_cast<void>(scanner.Next());
  for (int64_t row = 0;
       (options.max_rows == 0 || row < options.max_rows) && scanner.Next(fields == 1); ++row) {
    if (row % 1'024 == 0) {
      if (request_.IsCancelled()) return Cancelled("cancelled");
      file.Forget(scanner.offset());
    }
    if (const auto problem = FindRecordProblem(scanner, fields)) {
      return CsvProblemStatus(*problem, shape_, part.display_name);
    }
    if (row < done) continue;
    for (std::size_t j = 0; j < columns.size(); ++j) {
      const std::size_t field = columns[j].position;
      if (scanner.quoted(field)) {
        writer.column(j).AppendText(scanner.text(field));
      } else {
        writer.column(j).AppendText(scanner.raw(field));
      }
    }
    PENSTOCK_RETURN_IF_ERROR(writer.EndRow());
  }
  return Status::Ok();
}

// The message for a text among numbers, or for what is wrong before it.
Status CsvReader::Explain(const BadNumber& bad) const {
  PENSTOCK_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(part.path, part.display_name));
  CsvScanner scanner(file.bytes(), shape_.dialect);
  const std::size_t fields = shape_.names.size();
  if (shape_.header) static_cast<void>(scanner.Next());
  for (int64_t row = part.first_row; row <= bad.row && scanner.Next(fields == 1); ++row) {
    file.Forget(scanner.offset());
    if (const auto problem = FindRecordProblem(scanner, fields)) {
      return CsvProblemStatus(*problem, shape_, part.display_name);
    }
  }
  const std::size_t field = columns[bad.column].position;
  const std::string text = field < scanner.fields() ? scanner.text(field) : std::string();
  return NotANumber(WhereIn({part}, bad.row, columns[bad.column].info.name),
                    std::string(Trim(text)));
}

Status CsvReader::Read(RowWriter& writer) {
  if (!way_) PENSTOCK_RETURN_IF_ERROR(ChooseWay());
  Status status;
  for (int64_t done = 0;; way_ = way_ == Way::kNumbers ? Way::kTexts : Way::kScan) {
    status = way_ == Way::kScan ? Scan(writer, done) : ReadByDuck(writer, &done);
    if (!writer.contradicted().empty()) return Status::Ok();
    if (writer.bad()) return Explain(*writer.bad());
    const bool mendable = status.code() == StatusCode::kInvalidArgument ||
                          status.code() == StatusCode::kAborted ||
                          status.code() == StatusCode::kResourceExhausted;
    if (!mendable || way_ == Way::kScan) return status;
  }
}

}  // namespace

Result<std::unique_ptr<FileReader>> LookAtCsv(const std::filesystem::path& path,
                                              const std::string& display_name,
                                              const Request& request) {
  PENSTOCK_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path, display_name));
  PENSTOCK_ASSIGN_OR_RETURN(CsvShape shape, FindShape(file.bytes(), display_name, request));
  PENSTOCK_RETURN_IF_ERROR(CheckWanted(request, shape.names, display_name));
  auto reader = std::make_unique<CsvReader>(file.bytes(), std::move(shape), request);
  reader->part.path = path;
  reader->part.display_name = display_name;
  return std::unique_ptr<FileReader>(std::move(reader));
}

}  // namespace penstock::reading

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "base/text.h"
#include "steps/table/mapped_file.h"
#include "steps/table/read_internal.h"

namespace penstock::reading {
namespace {

constexpr std::size_t kHeadBytes = 256 << 10;

std::string At(const std::string& file, int64_t line) {
  return file + ": line " + std::to_string(line);
}
std::string At(const std::string& file, int64_t line, int64_t column) {
  return At(file, line) + ", column " + std::to_string(column);
}

// What can be said of a file before reading it.
struct CsvShape {
  CsvDialect dialect;
  bool header = false;
  std::vector<std::string> names;
};

// Content that is no text at all.
Status CheckIsText(std::string_view bytes, const std::string& file) {
  const std::string where = At(file, 1, 1) + ": ";
  if (Trim(bytes.substr(0, kHeadBytes)).empty())
    return InvalidArgument(where + "the file is empty");
  const std::string_view magic = bytes.substr(0, 2);
  if (magic == "\xFF\xFE" || magic == "\xFE\xFF") {
    return InvalidArgument(where + "the file is UTF-16; convert it to UTF-8 (iconv)");
  }
  if (magic == "\x1F\x8B" || magic == "PK" || bytes.substr(0, 4) == "\x28\xB5\x2F\xFD") {
    return InvalidArgument(where + "the file is compressed; uncompress it first");
  }
  return Status::Ok();
}

std::vector<std::string> Texts(const CsvScanner& scanner) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < scanner.fields(); ++i) {
    texts.emplace_back(Trim(scanner.text(i)));
  }
  return texts;
}

// Whether the first record is a header: given, or told from the names that were given.
bool HasHeader(const ReadOptions& options, const std::vector<std::string>& first) {
  if (options.header) return *options.header;
  if (options.columns.empty()) return true;
  const std::set<std::string> fields(first.begin(), first.end());
  if (std::any_of(options.columns.begin(), options.columns.end(),
                  [&](const ColumnSpec& spec) { return fields.count(spec.name) > 0; })) {
    return true;
  }
  // None of the names: data, unless the line cannot be a row of these columns and holds no number.
  return first.size() != options.columns.size() &&
         std::none_of(first.begin(), first.end(),
                      [](const std::string& text) { return ParseNumber(text).has_value(); });
}

Status CheckHeader(const std::vector<std::string>& names, const Request& request,
                   const std::string& file, int64_t line) {
  const ReadOptions& options = request.options;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string where = At(file, line, static_cast<int64_t>(i) + 1) + ": ";
    if (const auto bad = FirstBadByte(names[i])) {
      return InvalidArgument(where + "byte " + *bad +
                             " is not UTF-8; convert the file to UTF-8 (iconv)");
    }
    if (!options.header && ParseNumber(names[i])) {
      return InvalidArgument(where + "the first line looks like data, not like a header (\"" +
                             names[i] +
                             "\"); give read.header: false and name the columns in read.columns, "
                             "or read.header: true");
    }
    if (names[i].empty()) return InvalidArgument(where + "the header has a column without a name");
    if (!seen.insert(names[i]).second) {
      return InvalidArgument(where + "the header names \"" + names[i] + "\" twice");
    }
  }
  for (const ColumnSpec& spec : options.columns) {
    if (request.Wants(spec.name) && !request.IsOptional(spec.name) && seen.count(spec.name) == 0) {
      return InvalidArgument(At(file, line) + ": no column is named \"" + spec.name + "\"" +
                             SuggestColumn(spec.name, names));
    }
  }
  return Status::Ok();
}

// Names for a file without a header: all that the options list, or all but those that nobody wants
// (data to predict have no label yet).
Result<std::vector<std::string>> GivenNames(const Request& request, std::size_t fields,
                                            const std::string& file, int64_t line) {
  std::vector<std::string> all;
  std::vector<std::string> needed;
  for (const ColumnSpec& spec : request.options.columns) {
    all.push_back(spec.name);
    if (!request.IsOptional(spec.name)) needed.push_back(spec.name);
  }
  if (fields == all.size()) return all;
  if (fields == needed.size()) return needed;
  if (all.empty()) {
    for (std::size_t i = 0; i < fields; ++i) all.push_back("column" + std::to_string(i + 1));
    return all;
  }
  return InvalidArgument(At(file, line, static_cast<int64_t>(std::min(fields, all.size())) + 1) +
                         ": the line has " + std::to_string(fields) +
                         " fields, read.columns names " + std::to_string(all.size()) +
                         "; name every column, or see read.delimiter");
}

Result<CsvShape> FindShape(std::string_view bytes, const std::string& file,
                           const Request& request) {
  const ReadOptions& options = request.options;
  PENSTOCK_RETURN_IF_ERROR(CheckIsText(bytes, file));
  CsvShape shape;
  shape.dialect.quote = options.quote;
  shape.dialect.escape = options.escape.value_or(options.quote);
  shape.dialect.comment = options.comment;
  shape.dialect.skip_lines = options.skip_lines;
  const std::string_view head = bytes.substr(0, kHeadBytes);
  shape.dialect.delimiter = options.delimiter ? *options.delimiter
                            : options.format == FileFormat::kTsv
                                ? '\t'
                                : DetectDelimiter(head, shape.dialect);
  CsvScanner scanner(bytes, shape.dialect);
  if (!scanner.Next()) {
    return InvalidArgument(At(file, scanner.line(), 1) + ": the file has no lines to read");
  }
  if (const auto& error = scanner.quote_error()) {
    return InvalidArgument(
        At(file, scanner.line(error->field), static_cast<int64_t>(error->field) + 1) + ": " +
        error->message);
  }
  const std::vector<std::string> first = Texts(scanner);
  shape.header = HasHeader(options, first);
  if (shape.header) {
    PENSTOCK_RETURN_IF_ERROR(CheckHeader(first, request, file, scanner.line()));
    shape.names = first;
  } else {
    PENSTOCK_ASSIGN_OR_RETURN(shape.names, GivenNames(request, first.size(), file, scanner.line()));
  }
  return shape;
}

std::string Option(std::string_view name, char value) {
  return std::string(", ") + std::string(name) + "=" +
         duck::Quote(value == '\0' ? std::string_view() : std::string_view(&value, 1));
}

// Columns are c0, c1 … for DuckDB, whatever the file calls them.
std::string CsvRelation(const std::filesystem::path& path, const CsvShape& shape) {
  std::string sql = "read_csv(" + SqlPath(path) + ", auto_detect=false, hive_partitioning=false";
  sql += std::string(", header=") + (shape.header ? "true" : "false");
  if (shape.dialect.skip_lines > 0) sql += ", skip=" + std::to_string(shape.dialect.skip_lines);
  sql += Option("delim", shape.dialect.delimiter) + Option("quote", shape.dialect.quote) +
         Option("escape", shape.dialect.quote == '\0' ? '\0' : shape.dialect.escape);
  sql += ", columns={";
  for (std::size_t i = 0; i < shape.names.size(); ++i) {
    sql += (i == 0 ? "'c" : ", 'c") + std::to_string(i) + "': 'VARCHAR'";
  }
  return sql + "})";
}

std::vector<Selected> SelectColumns(const CsvShape& shape, const Request& request) {
  std::vector<Selected> selected;
  for (std::size_t i = 0; i < shape.names.size(); ++i) {
    if (!request.Wants(shape.names[i])) continue;
    Selected column;
    column.expression = "c" + std::to_string(i);
    column.info.name = shape.names[i];
    const std::optional<ColumnKind> kind = request.KindOf(shape.names[i]);
    column.infer = !kind;
    column.info.kind = kind.value_or(ColumnKind::kCategorical);
    column.info.type =
        column.info.kind == ColumnKind::kNumeric ? ColumnType::kDouble : ColumnType::kString;
    selected.push_back(std::move(column));
  }
  return selected;
}

// What is wrong with the file, as the user is told; OK where the scanner finds nothing.
Status CheckSound(std::string_view bytes, const CsvShape& shape, const std::string& file) {
  const auto problem = FindCsvProblem(bytes, shape.dialect, shape.names.size());
  if (!problem) return Status::Ok();
  const auto column = static_cast<std::size_t>(problem->column);
  const std::string name =
      column <= shape.names.size() ? " (" + shape.names[column - 1] + ")" : std::string();
  return InvalidArgument(At(file, problem->line, problem->column) + name + ": " + problem->message);
}

// Whether lines end in more than one way. (A line end inside quotes counts; it costs only speed.)
bool MixedLineEnds(std::string_view bytes) {
  bool newline = false;
  bool pair = false;
  bool carriage_return = false;
  for (std::size_t at = bytes.find('\n'); at != std::string_view::npos;
       at = bytes.find('\n', at + 1)) {
    (at > 0 && bytes[at - 1] == '\r' ? pair : newline) = true;
  }
  if (!pair && !newline) return false;
  for (std::size_t at = bytes.find('\r'); at != std::string_view::npos && !carriage_return;
       at = bytes.find('\r', at + 1)) {
    carriage_return = at + 1 == bytes.size() || bytes[at + 1] != '\n';
  }
  return newline + pair + carriage_return > 1;
}

// Reads a sound file by the scanner alone: what DuckDB refuses or reads otherwise (mixed line ends,
// comments, files of one column, where a blank line is a value).
Result<Table> ScanRows(std::string_view bytes, const CsvShape& shape,
                       const std::vector<Selected>& selected, const ColumnBuilder::Rules& rules,
                       const TableOptions& options, std::optional<BadNumber>* bad) {
  std::vector<std::unique_ptr<ColumnBuilder>> builders;
  std::vector<std::size_t> fields;
  for (const Selected& column : selected) {
    builders.push_back(std::make_unique<ColumnBuilder>(column.info, column.type, rules));
    const auto name = std::find(shape.names.begin(), shape.names.end(), column.info.name);
    fields.push_back(static_cast<std::size_t>(name - shape.names.begin()));
  }
  CsvScanner scanner(bytes, shape.dialect);
  if (shape.header) static_cast<void>(scanner.Next());
  Table table;
  while ((options.max_rows == 0 || table.rows < options.max_rows) &&
         scanner.Next(shape.names.size() == 1)) {
    if (table.rows % 4'096 == 0 && options.cancelled && options.cancelled()) {
      return Cancelled("cancelled");
    }
    for (std::size_t j = 0; j < builders.size(); ++j) {
      builders[j]->AppendText(scanner.text(fields[j]));
    }
    ++table.rows;
  }
  FinishColumns(builders, selected, table, bad);
  return table;
}

Result<Table> ReadRows(const std::filesystem::path& path, std::string_view bytes,
                       const CsvShape& shape, const std::vector<Selected>& selected,
                       const std::string& file, const Request& request,
                       std::optional<BadNumber>* bad) {
  const ColumnBuilder::Rules rules{request.options.trim, &request.options.nulls};
  const bool unusual =
      shape.names.size() == 1 || shape.dialect.comment != '\0' || MixedLineEnds(bytes);
  if (!unusual) {
    Result<Table> table =
        RunSelect(CsvRelation(path, shape), selected, rules, request.table_options, bad);
    if (table.ok() || table.status().code() != StatusCode::kInvalidArgument) return table;
  }
  PENSTOCK_RETURN_IF_ERROR(CheckSound(bytes, shape, file));
  return ScanRows(bytes, shape, selected, rules, request.table_options, bad);
}

// Takes columns of an unknown kind for numbers where the first records hold nothing else: reading
// numbers is much cheaper than telling apart as many texts. Returns which columns were guessed.
std::vector<bool> GuessNumbers(std::string_view bytes, const CsvShape& shape,
                               const ReadOptions& options, std::vector<Selected>& selected) {
  constexpr int kRecords = 100;
  std::vector<bool> guessed(selected.size(), false);
  std::vector<int> numbers(selected.size(), 0);
  std::vector<bool> text(selected.size(), !options.trim);
  CsvScanner scanner(bytes.substr(0, kHeadBytes), shape.dialect);
  if (shape.header) static_cast<void>(scanner.Next());
  for (int i = 0; i < kRecords && scanner.Next(); ++i) {
    if (scanner.offset() >= kHeadBytes || scanner.fields() != shape.names.size()) break;
    for (std::size_t j = 0; j < selected.size(); ++j) {
      const auto name = std::find(shape.names.begin(), shape.names.end(), selected[j].info.name);
      const std::string field = scanner.text(static_cast<std::size_t>(name - shape.names.begin()));
      const std::string value(Trim(field));
      const auto& nulls = options.nulls;
      if (value.empty() || std::find(nulls.begin(), nulls.end(), value) != nulls.end()) continue;
      ParseNumber(value) ? static_cast<void>(++numbers[j]) : static_cast<void>(text[j] = true);
    }
  }
  for (std::size_t j = 0; j < selected.size(); ++j) {
    if (!selected[j].infer || text[j] || numbers[j] == 0) continue;
    guessed[j] = true;
    selected[j].infer = false;
    selected[j].info.kind = ColumnKind::kNumeric;
    selected[j].info.type = ColumnType::kDouble;
  }
  return guessed;
}

}  // namespace

Result<RawTable> ReadCsvFile(const std::filesystem::path& path, const std::string& display_name,
                             const Request& request) {
  PENSTOCK_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path, display_name));
  PENSTOCK_ASSIGN_OR_RETURN(const CsvShape shape, FindShape(file.bytes(), display_name, request));
  PENSTOCK_RETURN_IF_ERROR(CheckWanted(request, shape.names, display_name));
  RawTable result;
  RawTable::Part part;
  part.path = path;
  part.display_name = display_name;
  part.csv = true;
  part.header = shape.header;
  part.dialect = shape.dialect;
  part.names = shape.names;
  std::vector<Selected> selected = SelectColumns(shape, request);
  const std::vector<bool> guessed = GuessNumbers(file.bytes(), shape, request.options, selected);
  std::optional<BadNumber> bad;
  PENSTOCK_ASSIGN_OR_RETURN(
      result.table, ReadRows(path, file.bytes(), shape, selected, display_name, request, &bad));
  if (bad && guessed[bad->column]) {
    // A later record has a text: read again without guesses.
    selected = SelectColumns(shape, request);
    bad.reset();
    PENSTOCK_ASSIGN_OR_RETURN(
        result.table, ReadRows(path, file.bytes(), shape, selected, display_name, request, &bad));
  }
  part.rows = result.table.rows;
  result.parts.push_back(std::move(part));
  if (bad) return NotANumber(result, selected[bad->column].info.name, *bad);
  return result;
}

}  // namespace penstock::reading

#include "steps/table/show.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <set>
#include <utility>

#include "base/text.h"
#include "steps/table/dataset.h"
#include "steps/table/duck.h"
#include "steps/table/read.h"
#include "steps/table/read_internal.h"

namespace penstock {
namespace {

constexpr std::size_t kCellCharacters = 32;

// Characters of UTF-8 text, near enough to columns of a terminal.
std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string Cell(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  if (Width(text) <= kCellCharacters) return text;
  std::size_t characters = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    if ((static_cast<unsigned char>(text[end]) & 0xC0) != 0x80 && ++characters == kCellCharacters) {
      break;
    }
    ++end;
  }
  return text.substr(0, end) + "…";
}

Json CellAsJson(const Column& column, std::size_t i) {
  if (column.missing(i)) return Json();
  if (column.is_text()) return column.strings[i];
  switch (column.info.type) {
    case ColumnType::kInteger:
    case ColumnType::kBoolean:
      return static_cast<int64_t>(column.numbers[i]);
    case ColumnType::kDouble:
    case ColumnType::kString:
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      return column.numbers[i];
  }
  return Json();
}

void KeepRows(Table& table, int64_t rows) {
  table.rows = std::min(table.rows, rows);
  const auto kept = static_cast<std::size_t>(table.rows);
  for (Column& column : table.columns) {
    if (column.is_text()) {
      column.strings.codes.resize(kept);
    } else {
      column.numbers.resize(kept);
    }
  }
}

std::string CopyOptions(ExportFormat format, bool header) {
  const std::string csv = std::string(" (FORMAT csv, HEADER ") + (header ? "true" : "false");
  switch (format) {
    case ExportFormat::kCsv:
      return csv + ", DELIMITER ',')";
    case ExportFormat::kTsv:
      return csv + ", DELIMITER '\t')";
    case ExportFormat::kJsonLines:
      return " (FORMAT json)";
    case ExportFormat::kParquet:
      return " (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 122880)";
  }
  return {};
}

// Whether DuckDB would take two of the names for one.
bool NamesClash(const Table& table) {
  std::set<std::string> seen;
  return !std::all_of(table.columns.begin(), table.columns.end(), [&](const Column& column) {
    std::string name = column.info.name;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return seen.insert(name).second;
  });
}

// Writes a header line and the bytes of `rows`, which it removes, to `file`.
Status JoinHeader(const Table& table, ExportFormat format, const std::filesystem::path& rows,
                  const std::filesystem::path& file) {
  const char delimiter = format == ExportFormat::kTsv ? '\t' : ',';
  std::string header;
  for (const Column& column : table.columns) {
    if (!header.empty()) header += delimiter;
    const std::string& name = column.info.name;
    const bool plain = name.find_first_of(std::string("\"\r\n") + delimiter) == std::string::npos;
    header += plain ? name : duck::QuoteName(name);
  }
  std::ofstream out(file, std::ios::binary);
  out << header << '\n';
  if (table.rows > 0) out << std::ifstream(rows, std::ios::binary).rdbuf();
  out.close();
  std::error_code error;
  std::filesystem::remove(rows, error);
  return out ? Status::Ok() : Unavailable("cannot write " + file.string());
}

}  // namespace

Result<Table> ReadHead(const std::filesystem::path& path, int64_t rows,
                       const TableOptions& options) {
  if (rows < 0) return InvalidArgument("the number of rows must be at least 0");
  TableOptions head = options;
  head.max_rows = std::max<int64_t>(1, rows);
  Table table;
  if (IsDataset(path)) {
    PENSTOCK_ASSIGN_OR_RETURN(table, LoadDataset(path, {}, head));
  } else {
    PENSTOCK_ASSIGN_OR_RETURN(RawTable raw,
                              ReadRaw(path, path.filename().string(), {}, {}, {}, head));
    table = std::move(raw.table);
  }
  KeepRows(table, rows);
  return table;
}

std::string TableAsText(const Table& table) {
  const auto rows = static_cast<std::size_t>(table.rows);
  std::vector<std::vector<std::string>> cells;
  std::vector<std::size_t> widths;
  for (const Column& column : table.columns) {
    std::vector<std::string> texts = {Cell(column.info.name)};
    for (std::size_t i = 0; i < rows; ++i) {
      texts.push_back(column.missing(i) ? "-" : Cell(column.text(i)));
    }
    std::size_t width = 0;
    for (const std::string& text : texts) width = std::max(width, Width(text));
    widths.push_back(width);
    cells.push_back(std::move(texts));
  }
  std::string out;
  for (std::size_t i = 0; i <= rows; ++i) {
    std::string line;
    for (std::size_t j = 0; j < cells.size(); ++j) {
      const std::string pad(widths[j] - Width(cells[j][i]), ' ');
      if (j > 0) line += "  ";
      line += table.columns[j].is_text() ? cells[j][i] + pad : pad + cells[j][i];
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    out += line + "\n";
  }
  return out;
}

Json TableAsJson(const Table& table) {
  Json list = Json::array();
  for (std::size_t i = 0; i < static_cast<std::size_t>(table.rows); ++i) {
    Json row = Json::object();
    for (const Column& column : table.columns) row[column.info.name] = CellAsJson(column, i);
    list.push_back(std::move(row));
  }
  return list;
}

Result<ExportFormat> ParseExportFormat(std::string_view name) {
  if (name == "csv") return ExportFormat::kCsv;
  if (name == "tsv") return ExportFormat::kTsv;
  if (name == "jsonl") return ExportFormat::kJsonLines;
  if (name == "parquet") return ExportFormat::kParquet;
  return InvalidArgument("\"" + std::string(name) + "\" is no format to write" +
                         Suggestion(name, {"csv", "tsv", "jsonl", "parquet"}));
}

Status ExportTable(const Table& table, const std::filesystem::path& file, ExportFormat format,
                   const TableOptions& options) {
  if (table.columns.empty()) return InvalidArgument("there are no columns to write");
  duck::TableSource source(table, options.cancelled);
  PENSTOCK_ASSIGN_OR_RETURN(duck::Connection connection, duck::Connection::Open(options));
  const bool csv = format == ExportFormat::kCsv || format == ExportFormat::kTsv;
  // DuckDB renames columns whose names differ in case alone: such a header is written here.
  const bool own_header = csv && NamesClash(table);
  std::vector<std::string> columns;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const std::string value = reading::Position(i);
    // Indicators are 0 and 1 for whoever reads the file, not "true" and "false".
    const bool indicator =
        table.columns[i].info.type == ColumnType::kBoolean && format != ExportFormat::kParquet;
    columns.push_back((indicator ? "CAST(" + value + " AS TINYINT)" : value) + " AS " +
                      duck::QuoteName(table.columns[i].info.name));
  }
  const std::filesystem::path target = own_header ? file.string() + ".rows" : file.string();
  PENSTOCK_RETURN_IF_ERROR(connection
                               .Run("COPY (SELECT " + Join(columns, ", ") + " FROM " +
                                    source.Sql() + ") TO " + duck::Quote(target.string()) +
                                    CopyOptions(format, !own_header))
                               .WithContext("writing " + file.string()));
  return own_header ? JoinHeader(table, format, target, file) : Status::Ok();
}

Status ExportDataset(const std::filesystem::path& folder, const std::filesystem::path& file,
                     ExportFormat format, const TableOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const Table table, LoadDataset(folder, {}, options));
  return ExportTable(table, file, format, options);
}

}  // namespace penstock

#include "steps/table/export.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "steps/table/duck.h"
#include "steps/table/read_internal.h"
#include "steps/table/show.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

// Rows as Parquet files, one after the other.
struct Parts {
  std::vector<ColumnInfo> columns;
  std::vector<fs::path> files;
  int64_t rows = 0;
};

Result<Parts> PartsOfDataset(const DataSource& source) {
  PENSTOCK_ASSIGN_OR_RETURN(const DatasetInfo info,
                            ReadDatasetInfo(source.path, source.display_name));
  Parts parts{info.columns, {}, info.rows};
  for (const std::string& part : info.parts) parts.files.push_back(source.path / part);
  return parts;
}

// Reads the source block by block, each into a file in `folder`.
Result<Parts> MakeParts(const DataSource& source, const ReadOptions& options,
                        const FrameOptions& frame_options, const fs::path& folder) {
  PENSTOCK_ASSIGN_OR_RETURN(const RawFrame raw,
                            ReadFrame({source}, options, {}, {}, frame_options));
  Parts parts{raw.frame.columns(), {}, raw.frame.rows()};
  std::vector<std::string> names;
  for (const ColumnInfo& column : parts.columns) names.push_back(column.name);
  if (names.empty()) return InvalidArgument(source.display_name + ": there are no columns");
  for (int64_t block = 0; block < raw.frame.blocks(); ++block) {
    const fs::path file = folder / ("part-" + std::to_string(block) + ".parquet");
    PENSTOCK_RETURN_IF_ERROR(raw.frame.Visit(block, names, [&](int64_t, const Table& table) {
      return ExportTable(table, file, ExportFormat::kParquet, frame_options.table);
    }));
    parts.files.push_back(file);
  }
  if (parts.files.empty()) {
    // No rows: columns alone.
    Table table;
    for (const ColumnInfo& column : parts.columns) {
      table.columns.push_back({.info = column, .numbers = {}, .strings = {}});
    }
    parts.files.push_back(folder / "part.parquet");
    PENSTOCK_RETURN_IF_ERROR(
        ExportTable(table, parts.files.back(), ExportFormat::kParquet, frame_options.table));
  }
  return parts;
}

// Two names that DuckDB would take for one; both empty where there are none.
std::pair<std::string, std::string> FindClash(const std::vector<ColumnInfo>& columns) {
  std::map<std::string, std::string> seen;
  for (const ColumnInfo& column : columns) {
    std::string lower = column.name;
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const auto [other, fresh] = seen.emplace(lower, column.name);
    if (!fresh) return {other->second, column.name};
  }
  return {};
}

std::string RelationSql(const Parts& parts) {
  std::vector<std::string> files;
  for (const fs::path& file : parts.files) files.push_back(reading::SqlPath(file));
  return "read_parquet([" + Join(files, ", ") + "], hive_partitioning=false)";
}

// Which columns of doubles hold whole numbers alone, such as ids: texts have them without ".0".
Result<std::vector<bool>> FindWhole(const Parts& parts, duck::Connection& connection) {
  std::vector<bool> whole(parts.columns.size(), false);
  std::vector<std::size_t> doubles;
  std::vector<std::string> tests;
  for (std::size_t i = 0; i < parts.columns.size(); ++i) {
    if (parts.columns[i].type != ColumnType::kDouble) continue;
    const std::string value = reading::Position(i);
    doubles.push_back(i);
    // Below 2^53 each has its own digits.
    tests.push_back("coalesce(bool_and(" + value + " = trunc(" + value + ") AND abs(" + value +
                    ") < 9007199254740992), false)");
  }
  if (tests.empty()) return whole;
  PENSTOCK_RETURN_IF_ERROR(
      connection.Stream("SELECT " + Join(tests, ", ") + " FROM " + RelationSql(parts),
                        [&](duckdb_data_chunk chunk, int64_t) {
                          for (std::size_t i = 0; i < doubles.size(); ++i) {
                            whole[doubles[i]] = *static_cast<const bool*>(
                                duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, i)));
                          }
                          return Status::Ok();
                        }));
  return whole;
}

// Indicators are 0 and 1 for whoever reads the file, not "true" and "false".
std::string ValueSql(const ColumnInfo& column, std::size_t index, bool whole, ExportForm form) {
  std::string value = reading::Position(index);
  if (form == ExportForm::kParquet) return value;
  if (column.type == ColumnType::kBoolean) return "CAST(" + value + " AS TINYINT)";
  return whole ? "CAST(" + value + " AS BIGINT)" : value;
}

// `own_header`: the names are the first row, for a file that has no header of DuckDB's.
std::string QuerySql(const Parts& parts, const std::vector<bool>& whole, ExportForm form,
                     bool own_header) {
  std::vector<std::string> values;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < parts.columns.size(); ++i) {
    const std::string value = ValueSql(parts.columns[i], i, whole[i], form);
    values.push_back(own_header ? "CAST(" + value + " AS VARCHAR)"
                                : value + " AS " + duck::QuoteName(parts.columns[i].name));
    names.push_back(duck::Quote(parts.columns[i].name));
  }
  const std::string rows = "SELECT " + Join(values, ", ") + " FROM " + RelationSql(parts);
  return own_header ? "SELECT " + Join(names, ", ") + " UNION ALL " + rows : rows;
}

std::string OptionsSql(ExportForm form, FileCompression compression, bool header) {
  const std::string packed = compression == FileCompression::kGzip   ? ", COMPRESSION gzip"
                             : compression == FileCompression::kZstd ? ", COMPRESSION zstd"
                                                                     : "";
  const std::string csv =
      std::string("FORMAT csv, HEADER ") + (header ? "true" : "false") + packed + ", DELIMITER ";
  switch (form) {
    case ExportForm::kCsv:
      return csv + "','";
    case ExportForm::kTsv:
      return csv + "'\t'";
    case ExportForm::kJsonLines:
      return "FORMAT json" + packed;
    case ExportForm::kJson:
      return "FORMAT json, ARRAY true" + packed;
    case ExportForm::kParquet:
      return "FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 122880";
  }
  return {};
}

}  // namespace

Result<ExportForm> ParseExportForm(std::string_view name) {
  if (name == "csv") return ExportForm::kCsv;
  if (name == "tsv") return ExportForm::kTsv;
  if (name == "jsonl") return ExportForm::kJsonLines;
  if (name == "json") return ExportForm::kJson;
  if (name == "parquet") return ExportForm::kParquet;
  return InvalidArgument("\"" + std::string(name) + "\" is no format to write" +
                         Suggestion(name, {"csv", "tsv", "jsonl", "json", "parquet"}));
}

Result<int64_t> ExportData(const DataSource& source, const ReadOptions& options,
                           const fs::path& file, ExportForm form, FileCompression compression,
                           const FrameOptions& frame_options) {
  PENSTOCK_ASSIGN_OR_RETURN(const TempFolder folder, TempFolder::Make(frame_options.scratch));
  PENSTOCK_ASSIGN_OR_RETURN(const Parts parts,
                            IsDataset(source.path)
                                ? PartsOfDataset(source)
                                : MakeParts(source, options, frame_options, folder.path()));
  if (parts.columns.empty()) return InvalidArgument(source.display_name + ": there are no columns");
  const auto [one, other] = FindClash(parts.columns);
  const bool clash = !other.empty();
  if (clash && form != ExportForm::kCsv && form != ExportForm::kTsv) {
    return InvalidArgument(source.display_name + ": the columns \"" + one + "\" and \"" + other +
                           "\" differ in case alone, and would be one in this format; export CSV");
  }
  PENSTOCK_ASSIGN_OR_RETURN(duck::Connection connection,
                            duck::Connection::Open(frame_options.table));
  std::vector<bool> whole(parts.columns.size(), false);
  if (form != ExportForm::kParquet) {
    PENSTOCK_ASSIGN_OR_RETURN(whole, FindWhole(parts, connection));
  }
  PENSTOCK_RETURN_IF_ERROR(connection
                               .Run("COPY (" + QuerySql(parts, whole, form, clash) + ") TO " +
                                    duck::Quote(file.string()) + " (" +
                                    OptionsSql(form, compression, !clash) + ")")
                               .WithContext("writing " + file.string()));
  return parts.rows;
}

}  // namespace penstock

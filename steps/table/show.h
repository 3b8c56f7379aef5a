#ifndef PENSTOCK_STEPS_TABLE_SHOW_H_
#define PENSTOCK_STEPS_TABLE_SHOW_H_

// Tables for people and for other tools: `penstock data head | schema | export`. Thread-safe.

#include <filesystem>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "steps/table/table.h"

namespace penstock {

// The first `rows` rows of a dataset folder, or of a Parquet or CSV file.
Result<Table> ReadHead(const std::filesystem::path& path, int64_t rows,
                       const TableOptions& options);

// Aligned columns with a header line; missing values as "-"; cells longer than 32 characters are
// cut with an ellipsis.
std::string TableAsText(const Table& table);
// A list of objects, one a row; missing values are null.
Json TableAsJson(const Table& table);

enum class ExportFormat { kCsv, kTsv, kJsonLines, kParquet };
// "csv", "tsv", "jsonl" or "parquet".
Result<ExportFormat> ParseExportFormat(std::string_view name);

// Writes all rows of a dataset to one file, replacing it. In CSV: a header line, commas, quotes
// where needed, an empty field for a missing value, numbers in the shortest form that reads back as
// the same double; indicator columns as 0 and 1.
Status ExportDataset(const std::filesystem::path& folder, const std::filesystem::path& file,
                     ExportFormat format, const TableOptions& options);
// The same for a table in memory.
Status ExportTable(const Table& table, const std::filesystem::path& file, ExportFormat format,
                   const TableOptions& options);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_SHOW_H_

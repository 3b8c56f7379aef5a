#ifndef PENSTOCK_STEPS_TABLE_EXPORT_H_
#define PENSTOCK_STEPS_TABLE_EXPORT_H_

// Data of any length, in any form that is read, as one file for other tools. Thread-safe.

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "steps/table/read_frame.h"

namespace penstock {

enum class ExportForm { kCsv, kTsv, kJsonLines, kJson, kParquet };
// "csv", "tsv", "jsonl", "json" (one list of objects) or "parquet".
Result<ExportForm> ParseExportForm(std::string_view name);

// Writes all rows to `file`, replacing it; returns how many there are. In CSV: a header line,
// commas (TSV: tabulators), quotes where needed, an empty field for a missing value, numbers in a
// short form that reads back as the same double, without a fraction in columns that have none;
// indicator columns are 0 and 1 but in Parquet.
// `compression`: kNone, or kGzip and kZstd of everything but Parquet, which compresses itself.
//
// The rows pass through as a stream: memory as for ReadFrame, and as much again of disk in
// `frame_options.scratch` where the source is no dataset. Errors of ReadFrame; kInvalidArgument: no
// columns, or names that differ in case alone where the form cannot hold them (all but CSV and
// TSV). After an error there may be a part of the file.
Result<int64_t> ExportData(const DataSource& source, const ReadOptions& options,
                           const std::filesystem::path& file, ExportForm form,
                           FileCompression compression, const FrameOptions& frame_options);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_EXPORT_H_

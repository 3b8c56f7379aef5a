#ifndef PENSTOCK_STEPS_TABLE_SCHEMA_H_
#define PENSTOCK_STEPS_TABLE_SCHEMA_H_

// What data look like: names, types, kinds, and what values there are. For people and for profiles;
// reading itself takes a column for numeric or categorical and nothing else, unless it is told.
//
// Kinds are told from all values of a column whose kind nobody has given (numeric or categorical as
// read):
//   date  texts, every one of them a date or date-time of ISO 8601: 2026-11-26, 2026-11-26T19:34,
//         2026-11-26 19:34:11.5+01:00, in the calendar; the type is then date or timestamp.
//   id    the name is id, uuid or guid, or ends in _id, -id, " id", _uuid or _guid (in any case) or
//         in Id after a small letter, and the values are whole numbers or texts, at least two, none
//         missing and no two the same. Tables of more than 2^24 rows have none.
//   text  texts of at least 30 bytes in the mean, at least 20 of them, of which more than half, or
//         more than kMaxDistinct, are distinct.
// The first that fits counts.
//
// The same rows give the same description, whatever the number of threads. Thread-safe.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "steps/table/read_frame.h"

namespace penstock {

// Distinct values are counted up to here.
inline constexpr int64_t kMaxDistinct = 1'000;

struct ColumnSummary {
  ColumnInfo info;       // with the kind, and for dates the type, that was told
  int64_t missing = 0;   // rows
  int64_t distinct = 0;  // values; kMaxDistinct + 1: more than that
  // The first distinct values, up to five, as text, each cut at 80 bytes.
  std::vector<std::string> examples;
  // Of numbers by value, of texts by their bytes (cut like examples). Empty: there is no value.
  std::optional<std::string> minimum;
  std::optional<std::string> maximum;
};

struct TableSchema {
  int64_t rows = 0;
  std::vector<ColumnSummary> columns;  // in their order
};

// Describes every column of a frame, in one pass. kCancelled, or an error of the frame's.
Result<TableSchema> DescribeColumns(const Frame& frame);

// Reads a source, whatever its format, and describes it. Columns whose kinds `options` give, or the
// dataset declares, keep them. Errors as for ReadFrame.
Result<TableSchema> ReadSchema(const DataSource& source, const ReadOptions& options,
                               const FrameOptions& frame_options);

// Whether a text is a date (true: with a time of day) of ISO 8601, in the calendar; nullopt: none.
std::optional<bool> ParseIsoDate(std::string_view text);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_SCHEMA_H_

#ifndef PENSTOCK_STEPS_TABLE_TABLE_H_
#define PENSTOCK_STEPS_TABLE_TABLE_H_

// A table in memory, by column: what is read from files, transformed by `process`, and written as a
// dataset. Plain values; const use from several threads is safe.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock {

// How a column is stored in Parquet.
enum class ColumnType { kDouble, kInteger, kString, kBoolean, kDate, kTimestamp };
// What its values mean, and so what may be done with it.
enum class ColumnKind { kNumeric, kCategorical, kText, kDate, kId };

// "double", "integer" …; "numeric", "categorical" …, as dataset.json spells them.
std::string_view Name(ColumnType type);
std::string_view Name(ColumnKind kind);
// kInvalidArgument that lists the known names.
Result<ColumnType> ParseColumnType(std::string_view name);
Result<ColumnKind> ParseColumnKind(std::string_view name);

inline constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

struct ColumnInfo {
  std::string name;
  ColumnType type = ColumnType::kDouble;
  ColumnKind kind = ColumnKind::kNumeric;
  bool nullable = false;                // whether any value is missing
  std::vector<std::string> categories;  // of a categorical column, where they are known; else empty
  friend bool operator==(const ColumnInfo&, const ColumnInfo&) = default;
};

// Text values by dictionary: value i is dictionary[codes[i]], or missing where codes[i] is -1.
struct StringValues {
  std::vector<int32_t> codes;
  std::vector<std::string> dictionary;  // distinct, in order of first appearance

  // Precondition: value i is present.
  const std::string& operator[](std::size_t i) const {
    return dictionary[static_cast<std::size_t>(codes[i])];
  }
  bool missing(std::size_t i) const { return codes[i] < 0; }
};

// One column. Double, integer and boolean columns fill `numbers` (NaN is missing); string, date and
// timestamp columns fill `strings` (dates and times as ISO 8601 text).
struct Column {
  ColumnInfo info;
  std::vector<double> numbers;
  StringValues strings;

  bool is_text() const {
    return info.type == ColumnType::kString || info.type == ColumnType::kDate ||
           info.type == ColumnType::kTimestamp;
  }
  bool missing(std::size_t i) const {
    return is_text() ? strings.missing(i) : numbers[i] != numbers[i];
  }
  // Value i as CSV would show it; "" where it is missing.
  std::string text(std::size_t i) const;
};

// A number as CSV would show it: whole ones without a point.
std::string NumberText(double value);

// For a column that is not there: " (did you mean \"age\"?)", or which columns there are.
std::string SuggestColumn(std::string_view name, const std::vector<std::string>& known);

struct Table {
  int64_t rows = 0;
  std::vector<Column> columns;

  // nullptr where there is none.
  const Column* Find(std::string_view name) const;
  Column* Find(std::string_view name);
  std::vector<std::string> names() const;
};

// The next rows of a table that comes in pieces, all with the same columns; none at its end.
using TableStream = std::function<Result<std::optional<Table>>()>;

// Makes columns from plain vectors. In `values` of MakeStringColumn, a position with present[i] ==
// false is missing; an empty `present` means that all are there.
Column MakeNumberColumn(std::string name, std::vector<double> values,
                        ColumnType type = ColumnType::kDouble,
                        ColumnKind kind = ColumnKind::kNumeric);
Column MakeStringColumn(std::string name, const std::vector<std::string>& values,
                        ColumnKind kind = ColumnKind::kCategorical,
                        const std::vector<bool>& present = {});

// How much of the machine an operation on tables may use.
struct TableOptions {
  int threads = 1;
  int64_t memory_bytes = 0;  // 0: DuckDB's own default
  // Asked between blocks of rows; true ends the operation with kCancelled. May be empty.
  std::function<bool()> cancelled = nullptr;
  int64_t max_rows = 0;  // read no more than this many of a file or dataset; 0: all
  // A folder for temporary files (what was compressed, texts in UTF-8); empty: the system's.
  std::filesystem::path scratch = {};
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_TABLE_H_

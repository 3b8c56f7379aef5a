#ifndef PENSTOCK_STORAGE_METADATA_ROW_H_
#define PENSTOCK_STORAGE_METADATA_ROW_H_

// Columns of a row as records have them.

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "storage/db/database.h"

namespace penstock {

inline std::string Text(Statement& row, int column) {
  return std::string(row.Text(column));
}
inline int32_t Int32(Statement& row, int column) {
  return static_cast<int32_t>(row.Int(column));
}
inline Time TimeAt(Statement& row, int column) {
  return {row.Int(column)};
}
// Null where it is empty, or no JSON.
inline Json JsonAt(Statement& row, int column) {
  if (row.Text(column).empty()) return {};
  Result<Json> json = ParseJson(row.Text(column), {.max_bytes = 64 << 20, .max_depth = 64});
  return json.ok() ? *std::move(json) : Json();
}

// Where a list that goes on before a row begins.
inline int64_t OrNewest(int64_t before) {
  return before > 0 ? before : INT64_MAX;
}

// The first name that is above every name with this prefix; empty for an empty prefix.
inline std::string PrefixEnd(const std::string& prefix) {
  return prefix.empty() ? std::string() : prefix + "\x7f";
}

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_METADATA_ROW_H_

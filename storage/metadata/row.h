#ifndef PENSTOCK_STORAGE_METADATA_ROW_H_
#define PENSTOCK_STORAGE_METADATA_ROW_H_

// Columns of a row as records have them.

#include <cstdint>
#include <string>

#include "base/clock.h"
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

// Where a list that goes on before a row begins.
inline int64_t OrNewest(int64_t before) {
  return before > 0 ? before : INT64_MAX;
}

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_METADATA_ROW_H_

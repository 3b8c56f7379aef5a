#ifndef PENSTOCK_STEPS_TABLE_SORT_ROWS_H_
#define PENSTOCK_STEPS_TABLE_SORT_ROWS_H_

// Rows in the order of their values, however many there are. Thread-safe.

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "steps/table/frame.h"

namespace penstock {

// Sorts by the first columns of `keys`, one for each of `descending`: by the first, by the second
// where that is equal, and so on. Numbers by value (-0 is 0), texts by their bytes; descending ones
// the other way round. Missing values are last either way. One more column, the last, says which
// row each is, by a whole number of its own: equal rows are in that order.
//
// Returns the last column's values, sorted. `options`: DuckDB's memory (`table.memory_bytes`), who
// may cancel, and `scratch` for what does not fit. kInvalidArgument: names of columns that differ
// in case alone. kResourceExhausted, kCancelled.
Result<std::vector<int64_t>> SortedRows(const Frame& keys, const std::vector<bool>& descending,
                                        const FrameOptions& options);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_SORT_ROWS_H_

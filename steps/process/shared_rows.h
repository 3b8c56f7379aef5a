#ifndef PENSTOCK_STEPS_PROCESS_SHARED_ROWS_H_
#define PENSTOCK_STEPS_PROCESS_SHARED_ROWS_H_

// Rows that are in two parts at once. Private to steps/process.

#include <cstdint>

#include "base/result.h"
#include "steps/process/draft.h"

namespace penstock {

struct SharedRows {
  int64_t held_out = 0;  // rows of other parts than the one that operations learn from
  int64_t shared = 0;    // of these, how many equal a row of that part
  bool exact = true;     // else estimated, from a fixed share of all rows
};

// Compares features as they came in, and labels; not ids, weights and what else has a role. By
// hashes of 64 bits. O(rows), and memory for up to 2^23 held-out rows.
Result<SharedRows> CountSharedRows(const Draft& draft);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_SHARED_ROWS_H_

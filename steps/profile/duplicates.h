#ifndef PENSTOCK_STEPS_PROFILE_DUPLICATES_H_
#define PENSTOCK_STEPS_PROFILE_DUPLICATES_H_

// Rows that are there more than once.

#include <cstdint>

#include "base/result.h"
#include "steps/table/frame.h"

namespace penstock {

// How many rows equal an earlier row in all columns; a missing value equals a missing one. Rows are
// compared by 128-bit hashes. Takes 16 bytes a row of the `budget`, and passes over the rows more
// than once where that is not enough; the result does not depend on it.
Result<int64_t> CountDuplicates(const Frame& frame, int64_t budget);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROFILE_DUPLICATES_H_

#ifndef PENSTOCK_STEPS_PROFILE_SAMPLE_H_
#define PENSTOCK_STEPS_PROFILE_SAMPLE_H_

// Some rows of a frame, for what has to sort.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "steps/profile/summary.h"
#include "steps/table/frame.h"

namespace penstock {

// `wanted` of the rows 0 to `rows` - 1, in order; each set of that size is as likely (selection
// sampling; Knuth, TAOCP 3.4.2, algorithm S). The same for the same numbers, on every machine. All
// of them for `wanted` 0, or where there are no more.
std::vector<int64_t> SampleRows(int64_t rows, int64_t wanted);

// The values of columns of numbers in the rows of a sample, by column; NaN where one is missing or
// infinite.
Result<std::vector<std::vector<double>>> SampleNumbers(const Frame& frame,
                                                       const std::vector<int64_t>& sample,
                                                       const std::vector<std::size_t>& columns);

// The values of other columns by their place in `categories` of the column's profile; -1 where one
// is missing.
Result<std::vector<std::vector<int32_t>>> SampleCategories(
    const Frame& frame, const std::vector<int64_t>& sample,
    const std::vector<ColumnProfile>& profiles, const std::vector<std::size_t>& columns);

// For each value of a dictionary its place in `categories` (sorted hashes), or -1.
std::vector<int32_t> CategoriesOf(const StringValues& texts,
                                  const std::vector<uint64_t>& categories);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROFILE_SAMPLE_H_

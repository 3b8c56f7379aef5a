#ifndef PENSTOCK_STEPS_PROCESS_EVEN_QUANTILES_H_
#define PENSTOCK_STEPS_PROCESS_EVEN_QUANTILES_H_

// Exact order statistics where many of a column are wanted (few: LearnQuantiles), in bounded
// memory. Results do not depend on threads and memory.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "steps/process/fit_data.h"

namespace penstock {

// Appends the finite numbers of a block that are to be ranked; the same in each pass.
using NumbersOf = std::function<void(const Table& block, std::vector<double>& numbers)>;

// The numbers at `ranks` (from 0, sorted) of all `count` numbers that `numbers` gives, sorted. The
// blocks have the columns `needed`. Holds at most `capacity` numbers at once: where there are more,
// their range is divided into 65,536 parts of which neighbours are taken together up to it, and
// those that hold a rank are sorted one by one. About 2 + count / capacity passes.
Result<std::vector<double>> SelectRanks(const FitData& data, const std::vector<std::string>& needed,
                                        const NumbersOf& numbers, int64_t count,
                                        const std::vector<int64_t>& ranks, int64_t capacity);

// Of the finite values of each column its quantiles at shares that divide 0 to 1 evenly, as numpy's
// "linear" method has them, but with exact shares. `points(values)`: how many for a column with
// that many values, at least 2 (1 where there is one value). Empty for a column without values.
Result<std::vector<std::vector<double>>> LearnEvenQuantiles(
    const FitData& data, const std::vector<std::string>& names,
    const std::function<int64_t(int64_t values)>& points);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_EVEN_QUANTILES_H_

#ifndef PENSTOCK_STEPS_PROCESS_LEARN_H_
#define PENSTOCK_STEPS_PROCESS_LEARN_H_

// What several operations learn of their training rows. Each function takes one pass over the rows,
// unless it says otherwise; its result does not depend on threads and memory. Only finite numbers
// count, and values that are there. Names are columns of `data`.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "steps/process/fit_data.h"
#include "steps/table/moments.h"

namespace penstock {

// Of columns of numbers.
struct NumberRange {
  int64_t count = 0;
  double minimum = 0;  // of none: 0
  double maximum = 0;
};
Result<std::vector<Moments>> LearnMoments(const FitData& data,
                                          const std::vector<std::string>& names);
// Means by compensated sums (Neumaier): exact to the last bits; NaN where there is no value.
Result<std::vector<double>> LearnMeans(const FitData& data, const std::vector<std::string>& names);
Result<std::vector<NumberRange>> LearnRanges(const FitData& data,
                                             const std::vector<std::string>& names);
// Exact quantiles `shares` (0 to 1; numpy's "linear") of each column; empty for one without values.
// Up to six passes.
Result<std::vector<std::vector<double>>> LearnQuantiles(const FitData& data,
                                                        const std::vector<std::string>& names,
                                                        const std::vector<double>& shares);

// How often each text occurs (numbers as CSV writes them), sorted by bytes. kInvalidArgument, with
// `remedy`, where a column has more than `limit` of them.
using TextCounts = std::map<std::string, int64_t>;
Result<std::vector<TextCounts>> LearnTexts(const FitData& data,
                                           const std::vector<std::string>& names, int64_t limit,
                                           std::string_view op, std::string_view remedy);

// Whether a column has a missing value.
Result<std::vector<bool>> LearnMissing(const FitData& data, const std::vector<std::string>& names);

// The most frequent value; of several the smallest. Precondition: there is one.
std::string MostFrequent(const TextCounts& counts);

// The most frequent number of each column, of several the smallest; NaN where there is none.
// Several passes, where the numbers do not fit into the budget.
Result<std::vector<double>> LearnNumberModes(const FitData& data,
                                             const std::vector<std::string>& names);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_LEARN_H_

#ifndef PENSTOCK_STEPS_PROFILE_CORRELATIONS_H_
#define PENSTOCK_STEPS_PROFILE_CORRELATIONS_H_

// What columns say of each other, and of the label.

#include <cstdint>

#include "base/result.h"
#include "steps/profile/summary.h"
#include "steps/table/frame.h"

namespace penstock {

// Pairs of columns that have at least this measure of each other are told as strong.
inline constexpr double kStrong = 0.95;
// Rows that must have both values before a measure leads to a hint.
inline constexpr int64_t kFewestPairs = 20;

struct CorrelationOptions {
  int64_t sample = 100'000;           // rows for what sorts; 0: all
  int64_t budget = int64_t{1} << 30;  // bytes of memory to work in
};

// Fills the matrices, `label`, `sample_rows`, `left_out` and `strong` of a profile whose columns
// and roles are there. Rows in which both columns of a pair have a (finite) value count, for each
// pair on its own. Pearson's r, Cramér's V and the correlation ratio are of all rows, Spearman's
// rho and what is said of the label of the sample. kResourceExhausted where the sample does not
// fit.
Status Correlate(const Frame& frame, const CorrelationOptions& options, Profile& profile);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROFILE_CORRELATIONS_H_

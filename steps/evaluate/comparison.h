#ifndef PENSTOCK_STEPS_EVALUATE_COMPARISON_H_
#define PENSTOCK_STEPS_EVALUATE_COMPARISON_H_

// Whether one model is better than another on the same rows, by a paired bootstrap (Efron and
// Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 16; the p-value with the
// correction of Davison and Hinkley, 1997, section 4.2).
//
// kResamples times, as many rows as there are are drawn with replacement, the same rows for both
// models, and the difference of their measures is taken. Resample b draws with xoshiro256** seeded
// by kSeed + b, a row being the upper 64 bits of (next × rows): the result is the same on every
// machine and for every number of threads. O(rows × kResamples), and O(rows log rows) once for AUC.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "steps/evaluate/metrics.h"

namespace penstock {

inline constexpr int kResamples = 1'000;
inline constexpr uint64_t kBootstrapSeed = 20'190'613;

// The rows as both models see them. `first` and `second`: the score of the positive class, whether
// the prediction is right (1 or 0), or the prediction, by the measure that is compared.
struct PairedRows {
  std::vector<double> labels;   // 1 or 0 for AUC; the value for RMSE; unused for accuracy
  std::vector<double> weights;  // empty: all 1
  std::vector<double> first;
  std::vector<double> second;
};

struct PairedDifference {
  Measure first;
  Measure second;
  Measure delta;  // first − second
  // The 2.5 % and 97.5 % quantiles of the differences, interpolated between order statistics.
  Measure low;
  Measure high;
  // Of "there is no difference", two-sided: twice the smaller share of differences at or beyond 0,
  // each counted with one more resample; at most 1.
  Measure p;
};

enum class PairedMeasure { kAuc, kAccuracy, kRmse };

// Undefined where the measure is (no positive row), and resamples for which it is are left out.
// `cancelled` is asked between resamples; once it says so, what is returned means nothing.
PairedDifference ComparePaired(PairedMeasure measure, const PairedRows& rows, int threads,
                               const std::function<bool()>& cancelled);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_EVALUATE_COMPARISON_H_

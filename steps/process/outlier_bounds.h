#ifndef PENSTOCK_STEPS_PROCESS_OUTLIER_BOUNDS_H_
#define PENSTOCK_STEPS_PROCESS_OUTLIER_BOUNDS_H_

// Which numbers of a column are outliers: those outside of bounds that are learned from its
// training values. Shared by what `outliers` does to values and to rows. Pure functions.

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "steps/process/fit_data.h"

namespace penstock {

struct OutlierRule {
  enum class Method { kZScore, kIqr, kQuantile };
  Method method = Method::kZScore;
  double threshold = 3;  // standard deviations from the mean (n - 1)
  double factor = 1.5;   // interquartile ranges below the first and above the third quartile
  double lower = 0.01;   // shares
  double upper = 0.99;

  // Reads an entry of `transforms`. kInvalidArgument: a parameter that it cannot have.
  static Result<OutlierRule> FromJson(const Json& spec);
};

struct OutlierBounds {
  double low = 0;
  double high = 0;

  // Missing values are not. Infinite ones are.
  bool IsOutlier(double value) const { return value < low || value > high; }
};

// Of each column; none where nothing is known to be an outlier: a column without values, and by
// z_score one without spread. kInvalidArgument: a column that is no number, or values too large.
Result<std::vector<std::optional<OutlierBounds>>> LearnOutlierBounds(
    const OutlierRule& rule, const FitData& data, const std::vector<std::string>& names);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_OUTLIER_BOUNDS_H_

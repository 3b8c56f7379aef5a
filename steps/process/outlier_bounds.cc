#include "steps/process/outlier_bounds.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "steps/process/column_operation.h"
#include "steps/process/learn.h"

namespace penstock {
namespace {

using Bounds = std::optional<OutlierBounds>;
using Method = OutlierRule::Method;

Status TooLarge(const std::string& name) {
  return InvalidArgument("outliers: column \"" + name +
                         "\" has values that are too large to say how far apart they are; use "
                         "method quantile");
}

// Bounds beyond all doubles are the last of these: infinite values are outliers still.
OutlierBounds Around(double low, double high, double distance) {
  constexpr double kLargest = std::numeric_limits<double>::max();
  return {std::max(low - distance, -kLargest) + 0.0, std::min(high + distance, kLargest) + 0.0};
}

Result<std::vector<Bounds>> ByZScore(double threshold, const FitData& data,
                                     const std::vector<std::string>& names) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Moments> moments, LearnMoments(data, names));
  std::vector<Bounds> bounds(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (moments[i].count < 2) continue;
    const double mean = moments[i].mean;
    const double deviation = moments[i].StandardDeviation();
    if (!std::isfinite(mean) || !std::isfinite(deviation)) return TooLarge(names[i]);
    // Values that differ by rounding alone have no spread.
    if (deviation <= 1e-14 * std::fabs(mean) || deviation == 0) continue;
    bounds[i] = Around(mean, mean, threshold * deviation);
  }
  return bounds;
}

Result<std::vector<Bounds>> ByIqr(double factor, const FitData& data,
                                  const std::vector<std::string>& names) {
  PENSTOCK_ASSIGN_OR_RETURN(const auto quantiles, LearnQuantiles(data, names, {0.25, 0.75}));
  std::vector<Bounds> bounds(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (quantiles[i].empty()) continue;
    const double spread = quantiles[i][1] - quantiles[i][0];
    if (!std::isfinite(spread)) return TooLarge(names[i]);
    bounds[i] = Around(quantiles[i][0], quantiles[i][1], factor * spread);
  }
  return bounds;
}

Result<std::vector<Bounds>> ByQuantile(double lower, double upper, const FitData& data,
                                       const std::vector<std::string>& names) {
  PENSTOCK_ASSIGN_OR_RETURN(const auto quantiles, LearnQuantiles(data, names, {lower, upper}));
  std::vector<Bounds> bounds(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!quantiles[i].empty()) bounds[i] = Around(quantiles[i][0], quantiles[i][1], 0);
  }
  return bounds;
}

}  // namespace

Result<OutlierRule> OutlierRule::FromJson(const Json& spec) {
  static const std::vector<std::string> kMethods = {"z_score", "iqr", "quantile"};
  OutlierRule rule;
  const std::string method = JsonString(spec, "method");
  const auto at = std::find(kMethods.begin(), kMethods.end(), method);
  if (at == kMethods.end()) {
    return InvalidArgument("outliers: unknown method \"" + method + "\"" +
                           Suggestion(method, kMethods));
  }
  rule.method = static_cast<Method>(at - kMethods.begin());
  rule.threshold = JsonDouble(spec, "threshold", rule.threshold);
  rule.factor = JsonDouble(spec, "factor", rule.factor);
  rule.lower = JsonDouble(spec, "lower", rule.lower);
  rule.upper = JsonDouble(spec, "upper", rule.upper);
  if (!(rule.threshold > 0) || !std::isfinite(rule.threshold) || !(rule.factor > 0) ||
      !std::isfinite(rule.factor)) {
    return InvalidArgument("outliers: threshold and factor must be above 0");
  }
  if (!(rule.lower >= 0 && rule.lower < rule.upper && rule.upper <= 1)) {
    return InvalidArgument("outliers: lower and upper must be shares from 0 to 1, lower first");
  }
  return rule;
}

Result<std::vector<std::optional<OutlierBounds>>> LearnOutlierBounds(
    const OutlierRule& rule, const FitData& data, const std::vector<std::string>& names) {
  PENSTOCK_RETURN_IF_ERROR(RequireNumbers(
      data, names, "outliers", "only numbers can be outliers; choose columns by {kind: numeric}"));
  switch (rule.method) {
    case Method::kZScore:
      return ByZScore(rule.threshold, data, names);
    case Method::kIqr:
      return ByIqr(rule.factor, data, names);
    case Method::kQuantile:
      break;
  }
  return ByQuantile(rule.lower, rule.upper, data, names);
}

}  // namespace penstock

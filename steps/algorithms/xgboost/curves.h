#ifndef PENSTOCK_STEPS_ALGORITHMS_XGBOOST_CURVES_H_
#define PENSTOCK_STEPS_ALGORITHMS_XGBOOST_CURVES_H_

// The metrics after each boosting round. The common ones are computed here, in one pass over the
// scores that the booster keeps: XGBoost's own pass costs as much as the boosting itself on a
// hundred thousand rows, since its threads share a cache line. The others come from XGBoost.
// Sums run in row order, hence the values do not depend on threads. Not thread-safe.

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "steps/algorithms/xgboost/objective.h"
#include "steps/xgb/xgb.h"

namespace penstock {

// Data with what the metrics need of it. All members outlive the Curves.
struct CurveData {
  std::string name;  // "train", "validation"
  const xgb::Matrix* matrix = nullptr;
  std::span<const double> labels;  // as given to the matrix
  std::span<const double> weights;
};

// Whether OwnMetric knows the metric.
bool IsOwnMetric(std::string_view name);

// A metric of scores against labels, by its textbook definition; probabilities are clipped to
// 1e-16 from 0 and 1. `weights` may be empty. Precondition: IsOwnMetric(name).
double OwnMetric(std::string_view name, const xgb::Scores& scores, std::span<const double> labels,
                 std::span<const double> weights);

class Curves {
 public:
  Curves(std::vector<const XgboostMetric*> metrics, std::vector<CurveData> data);

  // Tells the booster which metrics to compute; before the first round. `tweedie_power` is the
  // variance power that tweedie-nloglik is measured with.
  Status Configure(xgb::Booster& booster, double tweedie_power) const;
  // values[d][m] of data d and metric m after `round`.
  Result<std::vector<std::vector<double>>> Evaluate(xgb::Booster& booster, int round) const;

  const std::vector<const XgboostMetric*>& metrics() const { return metrics_; }
  const std::vector<CurveData>& data() const { return data_; }

 private:
  std::vector<const XgboostMetric*> metrics_;
  std::vector<CurveData> data_;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_ALGORITHMS_XGBOOST_CURVES_H_

#ifndef PENSTOCK_STEPS_ALGORITHMS_XGBOOST_OBJECTIVE_H_
#define PENSTOCK_STEPS_ALGORITHMS_XGBOOST_OBJECTIVE_H_

// The objectives and metrics of XGBoost that Penstock offers, as tables. Immutable, thread-safe.

#include <limits>
#include <span>
#include <string_view>

#include "base/result.h"
#include "steps/api/model.h"

namespace penstock {

struct XgboostObjective {
  std::string_view name;
  bool classification = false;
  std::string_view default_metric;
  // Labels that a regression objective takes.
  double lowest_label = -std::numeric_limits<double>::infinity();
  bool lowest_excluded = false;
  double highest_label = std::numeric_limits<double>::infinity();
};

// nullptr when unknown. "auto" is resolved by ResolveObjective, not found here.
const XgboostObjective* FindXgboostObjective(std::string_view name);
// The objective for a hyperparameter and a number of classes (0: the label is a number). "auto" or
// empty chooses by the label. kInvalidArgument where they do not fit each other.
Result<const XgboostObjective*> ResolveObjective(std::string_view name, int class_count);
// kInvalidArgument names the first label outside the objective's range and its row (from 1).
Status CheckLabels(const XgboostObjective& objective, std::span<const double> labels);

struct XgboostMetric {
  std::string_view name;
  bool maximise = false;
  bool binary = false;  // tasks that it is defined for
  bool multiclass = false;
  bool regression = false;
};

// nullptr when unknown.
const XgboostMetric* FindXgboostMetric(std::string_view name);
// kInvalidArgument where the metric is unknown or not defined for the task.
Result<const XgboostMetric*> ResolveMetric(std::string_view name, Task task);

// How a metric is called in series and in the step's metrics: "poisson-nloglik" becomes
// "poisson_nloglik".
std::string MetricKey(std::string_view metric);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_ALGORITHMS_XGBOOST_OBJECTIVE_H_

#include "steps/algorithms/xgboost/objective.h"

#include <cmath>
#include <string>
#include <vector>

#include "base/text.h"

namespace penstock {
namespace {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

constexpr XgboostObjective kObjectives[] = {
    {"binary:logistic", true, "logloss"},
    {"multi:softprob", true, "mlogloss"},
    // Trained alike; Penstock always keeps the probabilities.
    {"multi:softmax", true, "mlogloss"},
    {"reg:squarederror", false, "rmse"},
    {"reg:absoluteerror", false, "mae"},
    {"reg:squaredlogerror", false, "rmsle", -1, true, kUnbounded},
    {"reg:pseudohubererror", false, "mphe"},
    {"reg:logistic", false, "rmse", 0, false, 1},
    {"count:poisson", false, "poisson-nloglik", 0, false, kUnbounded},
    {"reg:gamma", false, "gamma-nloglik", 0, true, kUnbounded},
    {"reg:tweedie", false, "tweedie-nloglik", 0, false, kUnbounded},
};

constexpr XgboostMetric kMetrics[] = {
    //                     max    binary multi  regression
    {"logloss", false, true, false, false},
    {"error", false, true, false, false},
    {"auc", true, true, true, false},
    {"aucpr", true, true, false, false},
    {"mlogloss", false, false, true, false},
    {"merror", false, false, true, false},
    {"rmse", false, true, false, true},
    {"mae", false, true, false, true},
    {"rmsle", false, false, false, true},
    {"mape", false, false, false, true},
    {"mphe", false, false, false, true},
    {"poisson-nloglik", false, false, false, true},
    {"gamma-nloglik", false, false, false, true},
    {"gamma-deviance", false, false, false, true},
    {"tweedie-nloglik", false, false, false, true},
};

template <typename Table>
std::vector<std::string> NamesOf(const Table& table) {
  std::vector<std::string> names;
  for (const auto& row : table) names.emplace_back(row.name);
  return names;
}

std::string Quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

}  // namespace

const XgboostObjective* FindXgboostObjective(std::string_view name) {
  for (const XgboostObjective& objective : kObjectives) {
    if (objective.name == name) return &objective;
  }
  return nullptr;
}

Result<const XgboostObjective*> ResolveObjective(std::string_view name, int class_count) {
  if (name.empty() || name == "auto") {
    name = class_count == 0   ? "reg:squarederror"
           : class_count == 2 ? "binary:logistic"
                              : "multi:softprob";
  }
  const XgboostObjective* objective = FindXgboostObjective(name);
  if (objective == nullptr) {
    return InvalidArgument("unknown objective " + Quoted(name) +
                           Suggestion(name, NamesOf(kObjectives)));
  }
  if (objective->classification && class_count == 0) {
    return InvalidArgument("objective " + std::string(name) +
                           " needs a label with classes, this one is a number; list the classes "
                           "under `labels` in process, or use reg:squarederror");
  }
  if (!objective->classification && class_count > 0) {
    return InvalidArgument("objective " + std::string(name) + " predicts numbers, the label has " +
                           std::to_string(class_count) + " classes; use " +
                           (class_count == 2 ? "binary:logistic" : "multi:softprob"));
  }
  if (name == "binary:logistic" && class_count != 2) {
    return InvalidArgument("objective binary:logistic needs 2 classes, the label has " +
                           std::to_string(class_count) + "; use multi:softprob");
  }
  return objective;
}

Status CheckLabels(const XgboostObjective& objective, std::span<const double> labels) {
  for (size_t i = 0; i < labels.size(); ++i) {
    const double label = labels[i];
    const bool low = objective.lowest_excluded ? label <= objective.lowest_label
                                               : label < objective.lowest_label;
    if (!std::isnan(label) && !low && label <= objective.highest_label) continue;
    std::string range = objective.lowest_excluded ? "above " : "at least ";
    range += FormatDouble(objective.lowest_label);
    if (objective.highest_label < kUnbounded) {
      range += " and at most " + FormatDouble(objective.highest_label);
    }
    return InvalidArgument(
        "row " + std::to_string(i + 1) + " has the label " + FormatDouble(label) +
        (std::isnan(label) ? "" : ", objective ") +
        (std::isnan(label) ? "" : std::string(objective.name)) +
        (std::isnan(label) ? "; drop rows without a label in process" : " needs labels " + range));
  }
  return Status::Ok();
}

const XgboostMetric* FindXgboostMetric(std::string_view name) {
  for (const XgboostMetric& metric : kMetrics) {
    if (metric.name == name) return &metric;
  }
  return nullptr;
}

Result<const XgboostMetric*> ResolveMetric(std::string_view name, Task task) {
  const XgboostMetric* metric = FindXgboostMetric(name);
  if (metric == nullptr) {
    return InvalidArgument("unknown eval_metric " + Quoted(name) +
                           Suggestion(name, NamesOf(kMetrics)));
  }
  const bool fits = task == Task::kBinary       ? metric->binary
                    : task == Task::kMulticlass ? metric->multiclass
                                                : metric->regression;
  if (!fits) {
    std::vector<std::string> fitting;
    for (const XgboostMetric& other : kMetrics) {
      const bool ok = task == Task::kBinary       ? other.binary
                      : task == Task::kMulticlass ? other.multiclass
                                                  : other.regression;
      if (ok) fitting.emplace_back(other.name);
    }
    return InvalidArgument("eval_metric " + Quoted(name) + " is not defined for " +
                           std::string(Name(task)) + "; use one of " + Join(fitting, ", "));
  }
  return metric;
}

std::string MetricKey(std::string_view metric) {
  std::string key(metric);
  for (char& c : key) {
    if (c == '-') c = '_';
  }
  return key;
}

}  // namespace penstock

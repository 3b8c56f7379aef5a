#include "steps/algorithms/xgboost/curves.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/text.h"

namespace penstock {
namespace {

constexpr double kLeast = 1e-16;
// Products of this many probabilities stay above the smallest double: 1e-16 to the 16th is 1e-256.
constexpr size_t kFactors = 16;

// Mean of -log(probability(i)), with one logarithm for every kFactors rows where rows weigh alike.
template <typename Probability>
double MeanLogLoss(size_t rows, std::span<const double> weights, Probability probability) {
  double sum = 0;
  if (weights.empty()) {
    for (size_t begin = 0; begin < rows; begin += kFactors) {
      double product = 1;
      for (size_t i = begin; i < std::min(rows, begin + kFactors); ++i) {
        product *= std::max(probability(i), kLeast);
      }
      sum -= std::log(product);
    }
    return sum / static_cast<double>(rows);
  }
  double total = 0;
  for (size_t i = 0; i < rows; ++i) {
    sum -= weights[i] * std::log(std::max(probability(i), kLeast));
    total += weights[i];
  }
  return sum / total;
}

template <typename Loss>
double Mean(size_t rows, std::span<const double> weights, Loss loss) {
  double sum = 0, total = 0;
  for (size_t i = 0; i < rows; ++i) {
    const double weight = weights.empty() ? 1 : weights[i];
    sum += weight * loss(i);
    total += weight;
  }
  return sum / total;
}

}  // namespace

bool IsOwnMetric(std::string_view name) {
  constexpr std::string_view kOwn[] = {"logloss", "error", "mlogloss", "merror", "rmse", "mae"};
  return std::find(std::begin(kOwn), std::end(kOwn), name) != std::end(kOwn);
}

double OwnMetric(std::string_view name, const xgb::Scores& scores, std::span<const double> labels,
                 std::span<const double> weights) {
  const size_t rows = labels.size();
  const size_t columns = static_cast<size_t>(scores.columns);
  const float* values = scores.values.data();
  if (name == "logloss") {
    return MeanLogLoss(rows, weights, [&](size_t i) {
      const double p = values[i];
      return labels[i] > 0.5 ? p : 1.0 - p;
    });
  }
  if (name == "mlogloss") {
    return MeanLogLoss(rows, weights, [&](size_t i) {
      return double{values[i * columns + static_cast<size_t>(labels[i])]};
    });
  }
  if (name == "error") {
    return Mean(rows, weights,
                [&](size_t i) { return (values[i] > 0.5f) == (labels[i] > 0.5) ? 0.0 : 1.0; });
  }
  if (name == "merror") {
    return Mean(rows, weights, [&](size_t i) {
      const float* row = values + i * columns;
      const auto best = static_cast<size_t>(std::max_element(row, row + columns) - row);
      return best == static_cast<size_t>(labels[i]) ? 0.0 : 1.0;
    });
  }
  const auto difference = [&](size_t i) { return double{values[i]} - labels[i]; };
  if (name == "rmse") {
    return std::sqrt(Mean(rows, weights, [&](size_t i) { return difference(i) * difference(i); }));
  }
  PENSTOCK_CHECK(name == "mae");
  return Mean(rows, weights, [&](size_t i) { return std::abs(difference(i)); });
}

Curves::Curves(std::vector<const XgboostMetric*> metrics, std::vector<CurveData> data)
    : metrics_(std::move(metrics)), data_(std::move(data)) {}

Status Curves::Configure(xgb::Booster& booster, double tweedie_power) const {
  PENSTOCK_RETURN_IF_ERROR(booster.SetParameter("disable_default_eval_metric", "1"));
  for (const XgboostMetric* metric : metrics_) {
    if (IsOwnMetric(metric->name)) continue;
    std::string name(metric->name);
    if (name == "tweedie-nloglik") name += "@" + FormatDouble(tweedie_power);
    PENSTOCK_RETURN_IF_ERROR(booster.SetParameter("eval_metric", name));
  }
  return Status::Ok();
}

Result<std::vector<std::vector<double>>> Curves::Evaluate(xgb::Booster& booster, int round) const {
  std::vector<std::vector<double>> values;
  const auto is_own = [](const XgboostMetric* metric) { return IsOwnMetric(metric->name); };
  const bool any_own = std::any_of(metrics_.begin(), metrics_.end(), is_own);
  const bool all_own = std::all_of(metrics_.begin(), metrics_.end(), is_own);
  for (const CurveData& data : data_) {
    std::vector<std::pair<std::string, double>> theirs;
    if (!all_own) {
      PENSTOCK_ASSIGN_OR_RETURN(theirs, booster.Evaluate(round, *data.matrix));
    }
    xgb::Scores scores;
    if (any_own) {
      PENSTOCK_ASSIGN_OR_RETURN(scores, booster.ScoresOf(*data.matrix));
    }
    std::vector<double>& row = values.emplace_back();
    size_t next = 0;
    for (const XgboostMetric* metric : metrics_) {
      if (is_own(metric)) {
        row.push_back(OwnMetric(metric->name, scores, data.labels, data.weights));
      } else if (next < theirs.size()) {
        row.push_back(theirs[next++].second);
      } else {
        return Internal("XGBoost gave no value of " + std::string(metric->name));
      }
    }
  }
  return values;
}

}  // namespace penstock

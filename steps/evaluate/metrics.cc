#include "steps/evaluate/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace penstock {
namespace {

Measure Undefined(std::string reason) {
  return {std::numeric_limits<double>::quiet_NaN(), std::move(reason)};
}

Measure Ratio(double part, double whole, const char* reason) {
  if (whole <= 0) return Undefined(reason);
  return {part / whole, {}};
}

double WeightOf(const std::vector<double>& weights, std::size_t i) {
  return weights.empty() ? 1.0 : weights[i];
}

double OrZero(const Measure& measure) {
  return measure.defined() ? measure.value : 0.0;
}

// At most `limit` of the curve's points: the ends, and evenly chosen ones between.
Curve Thin(const Curve& curve, std::size_t limit) {
  const std::size_t count = curve.x.size();
  if (count <= limit || limit < 2) return curve;
  Curve thin;
  for (std::size_t k = 0; k < limit; ++k) {
    const std::size_t i = k * (count - 1) / (limit - 1);
    thin.x.push_back(curve.x[i]);
    thin.y.push_back(curve.y[i]);
  }
  return thin;
}

}  // namespace

Measure Accuracy(const BinaryCounts& counts) {
  return Ratio(counts.tp + counts.tn, counts.total(), "there are no rows");
}
Measure Precision(const BinaryCounts& counts) {
  return Ratio(counts.tp, counts.tp + counts.fp, "no row was predicted positive");
}
Measure Recall(const BinaryCounts& counts) {
  return Ratio(counts.tp, counts.tp + counts.fn, "no row is positive");
}
Measure Specificity(const BinaryCounts& counts) {
  return Ratio(counts.tn, counts.tn + counts.fp, "no row is negative");
}

Measure FBeta(const BinaryCounts& counts, double beta) {
  // (1 + β²) tp / ((1 + β²) tp + β² fn + fp): defined wherever a row is, or is said to be,
  // positive.
  const double b = beta * beta;
  return Ratio((1 + b) * counts.tp, (1 + b) * counts.tp + b * counts.fn + counts.fp,
               "no row is positive, and none was predicted to be");
}

BinaryCounts CountBinary(const std::vector<double>& positive, const std::vector<double>& scores,
                         const std::vector<double>& weights, double threshold) {
  BinaryCounts counts;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double weight = WeightOf(weights, i);
    const bool is = positive[i] > 0.5;
    const bool said = scores[i] >= threshold;
    (is ? (said ? counts.tp : counts.fn) : (said ? counts.fp : counts.tn)) += weight;
  }
  return counts;
}

RankMeasures MeasureRanking(const std::vector<double>& positive, const std::vector<double>& scores,
                            const std::vector<double>& weights, std::size_t max_points) {
  RankMeasures measures;
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  double positives = 0;
  double negatives = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    (positive[i] > 0.5 ? positives : negatives) += WeightOf(weights, i);
  }
  if (positives <= 0 || negatives <= 0) {
    const char* reason = positives <= 0 ? "no row is positive" : "no row is negative";
    measures.auc = Undefined(reason);
    measures.auc_pr = positives <= 0 ? Undefined(reason) : Measure{1, {}};
    return measures;
  }
  Curve roc{{0.0}, {0.0}};
  Curve pr;
  double tp = 0;
  double fp = 0;
  double area = 0;
  double average_precision = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    double tied_tp = 0;
    double tied_fp = 0;
    std::size_t end = begin;
    while (end < order.size() && scores[order[end]] == scores[order[begin]]) {
      (positive[order[end]] > 0.5 ? tied_tp : tied_fp) += WeightOf(weights, order[end]);
      ++end;
    }
    // Every negative of the tie is below all positives before it, and level with half of its own.
    area += tied_fp * (tp + tied_tp / 2);
    tp += tied_tp;
    fp += tied_fp;
    const double precision = tp / (tp + fp);
    average_precision += tied_tp / positives * precision;
    roc.x.push_back(fp / negatives);
    roc.y.push_back(tp / positives);
    pr.x.push_back(tp / positives);
    pr.y.push_back(precision);
    begin = end;
  }
  measures.auc = {area / (positives * negatives), {}};
  measures.auc_pr = {average_precision, {}};
  measures.roc = Thin(roc, max_points);
  measures.pr = Thin(pr, max_points);
  return measures;
}

Measure LogLoss(const std::vector<double>& labels, const std::vector<double>& scores, int classes,
                const std::vector<double>& weights) {
  constexpr double kClip = 1e-15;
  double sum = 0;
  double total = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::size_t at =
        i * static_cast<std::size_t>(classes) + static_cast<std::size_t>(labels[i]);
    const double weight = WeightOf(weights, i);
    sum -= weight * std::log(std::clamp(scores[at], kClip, 1 - kClip));
    total += weight;
  }
  return Ratio(sum, total, "there are no rows");
}

MulticlassMeasures MeasureMulticlass(const std::vector<double>& labels,
                                     const std::vector<int32_t>& predicted, int classes,
                                     const std::vector<double>& weights) {
  const auto n = static_cast<std::size_t>(classes);
  MulticlassMeasures measures;
  measures.matrix.assign(n, std::vector<double>(n, 0.0));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    measures.matrix[static_cast<std::size_t>(labels[i])][static_cast<std::size_t>(predicted[i])] +=
        WeightOf(weights, i);
  }
  double total = 0;
  double right = 0;
  double macro[3] = {0, 0, 0};
  double weighted[3] = {0, 0, 0};
  int present = 0;
  for (std::size_t k = 0; k < n; ++k) {
    BinaryCounts counts;
    counts.tp = measures.matrix[k][k];
    for (std::size_t j = 0; j < n; ++j) {
      if (j == k) continue;
      counts.fn += measures.matrix[k][j];
      counts.fp += measures.matrix[j][k];
    }
    ClassMeasures one{Precision(counts), Recall(counts), FBeta(counts, 1), counts.tp + counts.fn};
    const double values[3] = {OrZero(one.precision), OrZero(one.recall), OrZero(one.f1)};
    total += one.support;
    right += counts.tp;
    if (one.support > 0 || counts.fp > 0) {
      ++present;
      for (int m = 0; m < 3; ++m) macro[m] += values[m];
    }
    for (int m = 0; m < 3; ++m) weighted[m] += one.support * values[m];
    measures.classes.push_back(std::move(one));
  }
  const char* none = "there are no rows";
  measures.accuracy = Ratio(right, total, none);
  measures.macro_precision = Ratio(macro[0], present, none);
  measures.macro_recall = Ratio(macro[1], present, none);
  measures.macro_f1 = Ratio(macro[2], present, none);
  measures.weighted_precision = Ratio(weighted[0], total, none);
  measures.weighted_recall = Ratio(weighted[1], total, none);
  measures.weighted_f1 = Ratio(weighted[2], total, none);
  measures.micro_precision = measures.accuracy;
  measures.micro_recall = measures.accuracy;
  measures.micro_f1 = measures.accuracy;
  return measures;
}

RegressionMeasures MeasureRegression(const std::vector<double>& labels,
                                     const std::vector<double>& predicted,
                                     const std::vector<double>& weights) {
  RegressionMeasures measures;
  double total = 0;
  double mean = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    total += WeightOf(weights, i);
    mean += WeightOf(weights, i) * labels[i];
  }
  const char* none = "there are no rows";
  if (total > 0) mean /= total;
  double squared = 0;
  double absolute = 0;
  double spread = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double error = labels[i] - predicted[i];
    squared += WeightOf(weights, i) * error * error;
    absolute += WeightOf(weights, i) * std::abs(error);
    spread += WeightOf(weights, i) * (labels[i] - mean) * (labels[i] - mean);
  }
  measures.mse = Ratio(squared, total, none);
  measures.rmse = measures.mse;
  measures.rmse.value = std::sqrt(measures.rmse.value);
  measures.mae = Ratio(absolute, total, none);
  measures.r2 = Ratio(squared, spread, total > 0 ? "all labels are equal" : none);
  measures.r2.value = 1 - measures.r2.value;
  return measures;
}

}  // namespace penstock

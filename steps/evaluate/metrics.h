#ifndef PENSTOCK_STEPS_EVALUATE_METRICS_H_
#define PENSTOCK_STEPS_EVALUATE_METRICS_H_

// Measures of predictions. Pure functions of numbers: no files, no models. A measure that is not
// defined (precision where nothing was predicted positive) is a NaN with a reason.
//
// Weights: one a row, or empty for 1 each. Rows with equal scores are never told apart: curves step
// over ties as a whole, and AUC counts a tied pair as half (Mann–Whitney).

#include <cstdint>
#include <string>
#include <vector>

namespace penstock {

struct Measure {
  double value = 0;    // NaN: undefined
  std::string reason;  // why it is
  bool defined() const { return value == value; }
};

// Weighted counts of a binary decision.
struct BinaryCounts {
  double tp = 0;
  double fn = 0;
  double fp = 0;
  double tn = 0;
  double total() const { return tp + fn + fp + tn; }
};

Measure Accuracy(const BinaryCounts& counts);
Measure Precision(const BinaryCounts& counts);  // tp / (tp + fp)
Measure Recall(const BinaryCounts& counts);     // tp / (tp + fn)
Measure Specificity(const BinaryCounts& counts);
// (1 + β²) · P · R / (β² · P + R); 0 where there are positives and none was found.
Measure FBeta(const BinaryCounts& counts, double beta);

// `positive[i]`: 1 or 0. Predicted positive where score >= threshold.
BinaryCounts CountBinary(const std::vector<double>& positive, const std::vector<double>& scores,
                         const std::vector<double>& weights, double threshold);

struct Curve {
  std::vector<double> x;
  std::vector<double> y;
};

struct RankMeasures {
  Measure auc;     // area under the ROC curve
  Measure auc_pr;  // average precision: Σ (R_k − R_{k−1}) P_k
  Curve roc;       // x: false positive rate, y: true positive rate; from (0, 0) to (1, 1)
  Curve pr;        // x: recall, y: precision; by falling threshold
};
// O(n log n). Curves hold at most `max_points` points, evenly chosen, ends included.
RankMeasures MeasureRanking(const std::vector<double>& positive, const std::vector<double>& scores,
                            const std::vector<double>& weights, std::size_t max_points);

// Mean negative log-likelihood of the true class; probabilities are clipped to [1e-15, 1 − 1e-15].
// `scores`: row-major rows × classes; `labels`: class indices.
Measure LogLoss(const std::vector<double>& labels, const std::vector<double>& scores, int classes,
                const std::vector<double>& weights);

struct ClassMeasures {
  Measure precision;
  Measure recall;
  Measure f1;
  double support = 0;  // weighted count of the class
};
struct MulticlassMeasures {
  std::vector<std::vector<double>> matrix;  // [true][predicted], weighted counts
  std::vector<ClassMeasures> classes;
  Measure accuracy;
  // Macro: the mean over classes that occur. Weighted: by support. Micro: over all decisions, which
  // for one label a row is the accuracy. An undefined precision counts as 0, as is customary.
  Measure macro_precision, macro_recall, macro_f1;
  Measure weighted_precision, weighted_recall, weighted_f1;
  Measure micro_precision, micro_recall, micro_f1;
};
MulticlassMeasures MeasureMulticlass(const std::vector<double>& labels,
                                     const std::vector<int32_t>& predicted, int classes,
                                     const std::vector<double>& weights);

struct RegressionMeasures {
  Measure mse;
  Measure rmse;
  Measure mae;
  Measure r2;  // 1 − Σ(y − ŷ)² / Σ(y − ȳ)²; undefined where all y are equal
};
RegressionMeasures MeasureRegression(const std::vector<double>& labels,
                                     const std::vector<double>& predicted,
                                     const std::vector<double>& weights);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_EVALUATE_METRICS_H_

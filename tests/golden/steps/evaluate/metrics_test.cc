// Measures against published and hand-computed values.

#include "steps/evaluate/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <tuple>

#include "steps/catalog/catalog.h"
#include "steps/catalog/task.h"
#include "steps/evaluate/evaluate.h"

namespace penstock {
namespace {

constexpr double kTolerance = 1e-12;

TEST(MetricsTest, PublishedConfusionMatrix) {
  // The example of SageMaker's documentation of binary model quality.
  const BinaryCounts counts{.tp = 1620, .fn = 128, .fp = 199, .tn = 423};
  EXPECT_NEAR(Accuracy(counts).value, 0.862, 0.0005);
  EXPECT_NEAR(Precision(counts).value, 0.891, 0.0005);
  EXPECT_NEAR(Recall(counts).value, 0.927, 0.0005);
  EXPECT_NEAR(FBeta(counts, 1).value, 0.908, 0.0005);
}

// The same counts, through the whole of a report.
TEST(MetricsTest, TheReportOfThePublishedConfusionMatrix) {
  ModelInfo model;
  model.task = Task::kBinary;
  model.classes = {"no", "yes"};
  model.positive_index = 1;
  model.label = "y";
  ScoredInput scored;
  scored.has_labels = true;
  scored.predictions.task = Task::kBinary;
  scored.predictions.columns = 2;
  const auto add = [&](int count, double label, double score) {
    for (int i = 0; i < count; ++i) {
      scored.labels.push_back(label);
      scored.predictions.scores.push_back(1 - score);
      scored.predictions.scores.push_back(score);
    }
  };
  add(1620, 1, 0.9);
  add(128, 1, 0.2);
  add(199, 0, 0.8);
  add(423, 0, 0.1);
  scored.predictions.rows = static_cast<int64_t>(scored.labels.size());
  const Evaluation evaluation = Evaluate(model, scored, 0.5);
  const Json& measures = evaluation.report["binary_classification_metrics"];
  EXPECT_NEAR(measures["accuracy"]["value"].get<double>(), 0.862, 0.0005);
  EXPECT_NEAR(measures["precision"]["value"].get<double>(), 0.891, 0.0005);
  EXPECT_NEAR(measures["recall"]["value"].get<double>(), 0.927, 0.0005);
  EXPECT_NEAR(measures["f1"]["value"].get<double>(), 0.908, 0.0005);
  EXPECT_NEAR(evaluation.metrics.at("accuracy"), 0.862, 0.0005);
}

TEST(MetricsTest, NeverPositiveIsAccurateAndUseless) {
  const BinaryCounts counts{.tp = 0, .fn = 2, .fp = 0, .tn = 998};
  EXPECT_NEAR(Accuracy(counts).value, 0.998, kTolerance);
  EXPECT_EQ(Recall(counts).value, 0);
  EXPECT_FALSE(Precision(counts).defined());
  EXPECT_EQ(Precision(counts).reason, "no row was predicted positive");
  EXPECT_EQ(FBeta(counts, 1).value, 0);
}

TEST(MetricsTest, NothingIsDefinedWithoutRows) {
  const BinaryCounts none;
  EXPECT_FALSE(Accuracy(none).defined());
  EXPECT_FALSE(Recall(none).defined());
  EXPECT_FALSE(FBeta(none, 1).defined());
  EXPECT_FALSE(MeasureRegression({}, {}, {}).mse.defined());
  EXPECT_FALSE(LogLoss({}, {}, 2, {}).defined());
}

TEST(MetricsTest, AucByHand) {
  // scikit-learn's documented example: AUC 0.75, average precision 0.8333.
  const RankMeasures measures = MeasureRanking({0, 0, 1, 1}, {0.1, 0.4, 0.35, 0.8}, {}, 100);
  EXPECT_NEAR(measures.auc.value, 0.75, kTolerance);
  EXPECT_NEAR(measures.auc_pr.value, 5.0 / 6.0, kTolerance);
  EXPECT_EQ(measures.roc.x.front(), 0);
  EXPECT_EQ(measures.roc.y.back(), 1);
}

TEST(MetricsTest, TiesCountHalf) {
  EXPECT_NEAR(MeasureRanking({1, 0, 1, 0}, {0.5, 0.5, 0.5, 0.5}, {}, 100).auc.value, 0.5,
              kTolerance);
  // One of the two positives is tied with the only negative: (1 + 1/2) / 2.
  EXPECT_NEAR(MeasureRanking({1, 1, 0}, {0.9, 0.4, 0.4}, {}, 100).auc.value, 0.75, kTolerance);
}

TEST(MetricsTest, AucIsOneMinusItselfWithReversedScores) {
  const std::vector<double> labels = {1, 0, 1, 1, 0, 0, 1, 0};
  std::vector<double> scores = {0.9, 0.8, 0.7, 0.6, 0.55, 0.3, 0.2, 0.1};
  const double auc = MeasureRanking(labels, scores, {}, 100).auc.value;
  for (double& score : scores) score = -score;
  EXPECT_NEAR(MeasureRanking(labels, scores, {}, 100).auc.value, 1 - auc, kTolerance);
}

TEST(MetricsTest, AWeightOfTwoIsTheRowTwice) {
  const RankMeasures weighted = MeasureRanking({1, 0, 1}, {0.9, 0.5, 0.4}, {1, 2, 1}, 100);
  const RankMeasures repeated = MeasureRanking({1, 0, 0, 1}, {0.9, 0.5, 0.5, 0.4}, {}, 100);
  EXPECT_NEAR(weighted.auc.value, repeated.auc.value, kTolerance);
  EXPECT_NEAR(weighted.auc_pr.value, repeated.auc_pr.value, kTolerance);
}

TEST(MetricsTest, OneClassAloneHasNoAuc) {
  EXPECT_EQ(MeasureRanking({0, 0}, {0.1, 0.2}, {}, 10).auc.reason, "no row is positive");
  EXPECT_EQ(MeasureRanking({1, 1}, {0.1, 0.2}, {}, 10).auc.reason, "no row is negative");
}

TEST(MetricsTest, LogLossByHand) {
  EXPECT_NEAR(LogLoss({1, 0}, {0.2, 0.8, 0.6, 0.4}, 2, {}).value,
              -(std::log(0.8) + std::log(0.6)) / 2, kTolerance);
  // A certain and wrong prediction is clipped, not infinite.
  EXPECT_NEAR(LogLoss({1}, {1.0, 0.0}, 2, {}).value, -std::log(1e-15), 1e-9);
}

TEST(MetricsTest, MulticlassByHand) {
  // scikit-learn's documented example of precision_recall_fscore_support: macro precision 2/9,
  // recall 1/3, F1 .2667; micro 1/3.
  const MulticlassMeasures measures =
      MeasureMulticlass({0, 1, 2, 0, 1, 2}, {0, 2, 1, 0, 0, 1}, 3, {});
  EXPECT_NEAR(measures.macro_precision.value, 2.0 / 9, kTolerance);
  EXPECT_NEAR(measures.macro_recall.value, 1.0 / 3, kTolerance);
  EXPECT_NEAR(measures.macro_f1.value, 4.0 / 15, kTolerance);
  EXPECT_NEAR(measures.micro_f1.value, 1.0 / 3, kTolerance);
  EXPECT_NEAR(measures.weighted_precision.value, 2.0 / 9, kTolerance);
  EXPECT_EQ(measures.matrix[1][2], 1);
  EXPECT_EQ(measures.matrix[0][0], 2);
}

TEST(MetricsTest, RegressionByHand) {
  // scikit-learn's documented examples: MSE .375, MAE .5, R² .9486.
  const RegressionMeasures measures = MeasureRegression({3, -0.5, 2, 7}, {2.5, 0.0, 2, 8}, {});
  EXPECT_NEAR(measures.mse.value, 0.375, kTolerance);
  EXPECT_NEAR(measures.rmse.value, std::sqrt(0.375), kTolerance);
  EXPECT_NEAR(measures.mae.value, 0.5, kTolerance);
  EXPECT_NEAR(measures.r2.value, 0.9486081370449679, kTolerance);
  const RegressionMeasures flat = MeasureRegression({1, 1}, {1, 2}, {});
  EXPECT_FALSE(flat.r2.defined());
  EXPECT_EQ(flat.r2.reason, "all labels are equal");
}

TEST(MetricsTest, CurvesAreThinnedToTheirEnds) {
  std::vector<double> labels;
  std::vector<double> scores;
  for (int i = 0; i < 10'000; ++i) {
    labels.push_back(i % 3 == 0);
    scores.push_back(i);
  }
  const RankMeasures measures = MeasureRanking(labels, scores, {}, 200);
  EXPECT_EQ(measures.roc.x.size(), 200u);
  EXPECT_EQ(measures.roc.x.front(), 0);
  EXPECT_EQ(measures.roc.x.back(), 1);
}

// A model whose every prediction is the commonest class, on 0.2 % positives.
TEST(EvaluateTest, AlwaysNegativeIsSeenThrough) {
  ModelInfo model;
  model.task = Task::kBinary;
  model.classes = {"no", "yes"};
  model.positive_index = 1;
  model.label = "bought";
  ScoredInput scored;
  scored.has_labels = true;
  scored.predictions.task = Task::kBinary;
  scored.predictions.rows = 1'000;
  scored.predictions.columns = 2;
  for (int i = 0; i < 1'000; ++i) {
    scored.labels.push_back(i < 2 ? 1 : 0);
    scored.predictions.scores.push_back(0.9);
    scored.predictions.scores.push_back(0.1);
  }
  const Evaluation evaluation = Evaluate(model, scored, 0.5);
  const Json& metrics = evaluation.report["binary_classification_metrics"];
  EXPECT_NEAR(metrics["accuracy"]["value"].get<double>(), 0.998, kTolerance);
  EXPECT_EQ(metrics["recall"]["value"].get<double>(), 0);
  EXPECT_TRUE(metrics["precision"]["value"].is_null());
  EXPECT_EQ(metrics["precision"]["reason"], "no row was predicted positive");
  EXPECT_TRUE(std::isnan(evaluation.metrics.at("precision")));
  ASSERT_EQ(evaluation.warnings.size(), 1u);
  EXPECT_NE(evaluation.warnings[0].find("unbalanced"), std::string::npos);
  EXPECT_NE(evaluation.warnings[0].find("0.998"), std::string::npos);
  EXPECT_EQ(evaluation.report["warnings"][0], evaluation.warnings[0]);
  EXPECT_EQ(metrics["confusion_matrix"]["yes"]["no"].get<double>(), 2);
}

// Conditions on other metrics are refused at submission by this table.
TEST(EvaluateTest, ReportsTheMeasuresThatTheCatalogueHasForTheTask) {
  for (const auto& [task, bit, width] : {std::tuple{Task::kBinary, kBinaryTask, 2},
                                         {Task::kMulticlass, kMulticlassTask, 3},
                                         {Task::kRegression, kRegressionTask, 1}}) {
    ModelInfo model;
    model.task = task;
    if (task != Task::kRegression) model.classes.assign({"a", "b", "c"});
    model.classes.resize(task == Task::kBinary ? 2 : model.classes.size());
    model.positive_index = 1;
    ScoredInput scored;
    scored.has_labels = true;
    scored.labels = {0, 1};
    scored.predictions.task = task;
    scored.predictions.rows = 2;
    scored.predictions.columns = width;
    scored.predictions.scores.assign(static_cast<std::size_t>(2 * width), 1.0 / width);
    std::set<std::string> expected;
    for (const MetricSchema& metric : Catalog::BuiltIn().Find("evaluate")->metrics) {
      if (TasksOfMeasure(metric.name) & bit) expected.insert(metric.name);
    }
    // Those of a comparison come with a champion (tests/contract/algorithms/champion_test.cc).
    for (const char* name : {"delta", "ci_low", "ci_high", "p"})
      EXPECT_EQ(expected.erase(name), 1u);
    std::set<std::string> reported;
    for (const auto& [name, value] : Evaluate(model, scored, 0.5).metrics) reported.insert(name);
    EXPECT_EQ(reported, expected);
  }
}

}  // namespace
}  // namespace penstock

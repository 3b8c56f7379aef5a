// Metrics by hand, and against XGBoost's own of the same scores.

#include "steps/algorithms/xgboost/curves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/contract/algorithms/train_bench.h"

namespace penstock {
namespace {

xgb::Scores MakeScores(const std::vector<float>& values, int columns) {
  return {static_cast<int64_t>(values.size()) / columns, columns, values};
}

TEST(CurvesTest, BinaryMetricsByHand) {
  const std::vector<float> p = {0.5f, 0.25f, 0.75f};
  const std::vector<double> labels = {1, 0, 0};
  // -(ln 1/2 + ln 3/4 + ln 1/4) / 3
  EXPECT_NEAR(OwnMetric("logloss", MakeScores(p, 1), labels, {}), 0.7890413, 1e-7);
  // Weighted 2, 1, 1: -(2 ln 1/2 + ln 3/4 + ln 1/4) / 4
  const std::vector<double> weights = {2, 1, 1};
  EXPECT_NEAR(OwnMetric("logloss", MakeScores(p, 1), labels, weights), 0.7650677, 1e-7);
  // 0.5 is not above one half; 0.75 is: rows 1 and 3 are wrong.
  EXPECT_DOUBLE_EQ(OwnMetric("error", MakeScores(p, 1), labels, {}), 2.0 / 3);
  EXPECT_DOUBLE_EQ(OwnMetric("error", MakeScores(p, 1), labels, weights), 0.75);
}

TEST(CurvesTest, LogLossOfCertainMistakesIsFinite) {
  const std::vector<float> p(100, 1.0f);
  const std::vector<double> labels(100, 0.0);
  EXPECT_NEAR(OwnMetric("logloss", MakeScores(p, 1), labels, {}), -std::log(1e-16), 1e-9);
}

TEST(CurvesTest, MulticlassMetricsByHand) {
  const std::vector<float> p = {0.5f, 0.25f, 0.25f, 0.125f, 0.75f, 0.125f};
  const std::vector<double> labels = {2, 1};
  // -(ln 1/4 + ln 3/4) / 2
  EXPECT_NEAR(OwnMetric("mlogloss", MakeScores(p, 3), labels, {}), 0.8369882, 1e-7);
  EXPECT_DOUBLE_EQ(OwnMetric("merror", MakeScores(p, 3), labels, {}), 0.5);
}

TEST(CurvesTest, RegressionMetricsByHand) {
  const std::vector<float> p = {1, 2, 4};
  const std::vector<double> labels = {1, 4, 3};
  EXPECT_DOUBLE_EQ(OwnMetric("rmse", MakeScores(p, 1), labels, {}), std::sqrt(5.0 / 3));
  EXPECT_DOUBLE_EQ(OwnMetric("mae", MakeScores(p, 1), labels, {}), 1.0);
}

// XGBoost's value of each metric after a few rounds, with weights, is ours.
TEST(CurvesTest, AgreesWithTheLibrary) {
  for (const auto& [classes, objective, names] :
       std::vector<std::tuple<int, std::string, std::vector<std::string>>>{
           {0, "reg:squarederror", {"rmse", "mae"}},
           {2, "binary:logistic", {"logloss", "error"}},
           {3, "multi:softprob", {"mlogloss", "merror"}}}) {
    for (const bool weighted : {false, true}) {
      const LabelledData data = MakeData(700, classes, 5);
      std::vector<double> weights;
      for (int i = 0; weighted && i < 700; ++i) weights.push_back(1 + i % 3);
      Result<xgb::Matrix> matrix = xgb::Matrix::Create(data.features, {});
      ASSERT_TRUE(matrix.ok() && matrix->SetLabels(data.labels).ok());
      if (weighted) {
        ASSERT_TRUE(matrix->SetWeights(weights).ok());
      }
      Result<xgb::Booster> booster = xgb::Booster::Create({&*matrix});
      ASSERT_TRUE(booster.ok());
      ASSERT_TRUE(booster->SetParameter("objective", objective).ok());
      ASSERT_TRUE(booster->SetParameter("nthread", "1").ok());
      if (classes == 3) {
        ASSERT_TRUE(booster->SetParameter("num_class", "3").ok());
      }
      for (const std::string& name : names) {
        ASSERT_TRUE(booster->SetParameter("eval_metric", name).ok());
      }
      for (int round = 0; round < 5; ++round) ASSERT_TRUE(booster->Update(round, *matrix).ok());
      const auto theirs = booster->Evaluate(4, *matrix);
      ASSERT_TRUE(theirs.ok()) << theirs.status();
      const xgb::Scores scores = booster->ScoresOf(*matrix).value();
      for (size_t m = 0; m < names.size(); ++m) {
        EXPECT_NEAR(OwnMetric(names[m], scores, data.labels, weights), (*theirs)[m].second, 1e-6)
            << names[m] << (weighted ? " weighted" : "");
      }
    }
  }
}

}  // namespace
}  // namespace penstock

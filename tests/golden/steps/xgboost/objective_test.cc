// Objectives, metrics and labels that do not fit each other, and training by each objective.

#include "steps/algorithms/xgboost/objective.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/contract/algorithms/train_bench.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const Algorithm& Xgboost() {
  return *BuiltIn::Get().algorithms.Find("xgboost");
}

std::string TaskError(const char* objective, int classes) {
  const Result<Task> task = Xgboost().ChooseTask({{"objective", objective}}, classes);
  return task.ok() ? "no error" : task.status().message();
}

TEST(XgboostObjectiveTest, SaysWhatDoesNotFitTheLabel) {
  EXPECT_THAT(TaskError("binary:logistic", 5), HasSubstr("needs 2 classes, the label has 5"));
  EXPECT_THAT(TaskError("reg:squarederror", 2),
              AllOf(HasSubstr("predicts numbers"), HasSubstr("use binary:logistic")));
  EXPECT_THAT(TaskError("multi:softprob", 0), HasSubstr("needs a label with classes"));
  EXPECT_THAT(TaskError("binary:logistik", 2), HasSubstr("did you mean \"binary:logistic\""));
}

Result<TrainResult> Train(const LabelledData& data, int classes, const Json& hyperparameters,
                          const LabelledData* validation = nullptr) {
  SeriesStep step("train");
  step.threads_ = 1;
  step.Reset();
  TrainingSetup setup = MakeSetup(classes);
  setup.hyperparameters = hyperparameters;
  return Xgboost().Train(setup, data, validation, step);
}

TEST(XgboostObjectiveTest, NamesTheRowWhoseLabelTheObjectiveCannotTake) {
  LabelledData data = MakeData(50, 0, 1);
  for (double& label : data.labels) label = std::abs(label);
  data.labels[6] = -1;
  const Status status = Train(data, 0, {{"objective", "count:poisson"}}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("row 7 has the label -1"), HasSubstr("at least 0")));
}

TEST(XgboostObjectiveTest, SaysWhichMetricsFitTheTask) {
  const LabelledData data = MakeData(50, 2, 1);
  EXPECT_THAT(
      Train(data, 2, {{"eval_metric", "rmsle"}}).status().message(),
      AllOf(HasSubstr("\"rmsle\" is not defined for binary_classification"), HasSubstr("logloss")));
  EXPECT_THAT(Train(data, 2, {{"eval_metric", {"auc", "logless"}}}).status().message(),
              HasSubstr("did you mean \"logloss\""));
}

TEST(XgboostObjectiveTest, EarlyStoppingNeedsValidationData) {
  const LabelledData data = MakeData(50, 2, 1);
  EXPECT_THAT(Train(data, 2, {{"early_stopping_rounds", 3}}).status().message(),
              HasSubstr("needs the input `validation`"));
}

TEST(XgboostObjectiveTest, MetricsOfTheLibraryAndOfOursAppearTogether) {
  const LabelledData data = MakeData(300, 2, 1);
  const LabelledData validation = MakeData(100, 2, 2);
  const Result<TrainResult> trained =
      Train(data, 2, {{"num_round", 5}, {"eval_metric", {"auc", "logloss", "aucpr"}}}, &validation);
  ASSERT_TRUE(trained.ok()) << trained.status();
  for (const char* name : {"train_auc", "train_logloss", "train_aucpr", "validation_auc"}) {
    EXPECT_TRUE(trained->metrics.contains(name)) << name;
  }
  EXPECT_GT(trained->metrics.at("validation_auc"), 0.9);
}

TEST(XgboostObjectiveTest, ThePositiveClassMayBeTheFirst) {
  const LabelledData data = MakeData(300, 2, 1);
  SeriesStep step("train");
  step.threads_ = 1;
  step.Reset();
  TrainingSetup setup = MakeSetup(2);
  const auto second = Xgboost().Train(setup, data, nullptr, step);
  step.Reset();
  step.series_.clear();
  setup.positive_index = 0;
  const auto first = Xgboost().Train(setup, data, nullptr, step);
  ASSERT_TRUE(first.ok() && second.ok());
  const Predictions a = first->model->Predict(data.features, 1).value();
  const Predictions b = second->model->Predict(data.features, 1).value();
  for (size_t i = 0; i < a.scores.size(); ++i) EXPECT_NEAR(a.scores[i], b.scores[i], 1e-5) << i;
}

// Each regression objective learns labels that all of them take: positive, at most 1.
class RegressionObjectiveTest : public testing::TestWithParam<const char*> {};

TEST_P(RegressionObjectiveTest, FitsPositiveLabels) {
  LabelledData data = MakeData(1500, 0, 1);
  for (double& label : data.labels) label = 1 / (1 + std::exp(-label));  // in (0, 1)
  const Result<TrainResult> trained = Train(data, 0, {{"objective", GetParam()}});
  ASSERT_TRUE(trained.ok()) << trained.status();
  const Predictions predictions = trained->model->Predict(data.features, 1).value();
  double error = 0, spread = 0, mean = 0;
  for (const double label : data.labels) mean += label / 1500;
  for (size_t i = 0; i < 1500; ++i) {
    error += std::pow(predictions.scores[i] - data.labels[i], 2);
    spread += std::pow(mean - data.labels[i], 2);
  }
  EXPECT_LT(error, 0.1 * spread);
}

INSTANTIATE_TEST_SUITE_P(Objectives, RegressionObjectiveTest,
                         testing::Values("reg:squarederror", "reg:absoluteerror",
                                         "reg:squaredlogerror", "reg:pseudohubererror",
                                         "reg:logistic", "count:poisson", "reg:gamma",
                                         "reg:tweedie"));

}  // namespace
}  // namespace penstock

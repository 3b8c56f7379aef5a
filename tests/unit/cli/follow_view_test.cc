// What a run that is being watched says.

#include "client/cli/follow_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::cli {
namespace {

std::string Of(const std::map<std::string, double>& metrics) {
  pb::Step step;
  step.set_state(pb::Step::SUCCEEDED);
  for (const auto& [name, value] : metrics) (*step.mutable_metrics())[name] = value;
  return Headline(step);
}

TEST(Headline, IsTheOneNumberThatTellsMost) {
  EXPECT_EQ(Of({{"auc", 0.9}, {"accuracy", 0.8}, {"rows", 5}}), "auc 0.9");
  EXPECT_EQ(Of({{"mae", 1}, {"rmse", 2}, {"rows", 5}}), "rmse 2");
  EXPECT_EQ(Of({{"train_rmse", 1}, {"rows", 5}, {"rounds", 9}}), "train_rmse 1");
  EXPECT_EQ(Of({{"train_rmse", 1}, {"validation_rmse", 2}}), "validation_rmse 2");
  EXPECT_EQ(Of({{"train_mlogloss", 1}, {"train_merror", 2}}), "train_mlogloss 1");
  EXPECT_EQ(Of({{"train_mape", 1}, {"validation_mape", 2}}), "validation_mape 2");
  EXPECT_EQ(Of({{"train_loss", 1}, {"objective", 3}}), "train_loss 1");
  // What `process` says: counts, no quality.
  EXPECT_EQ(Of({{"train_rows", 8}, {"validation_rows", 1}, {"rows", 9}}), "rows 9");
  EXPECT_EQ(Of({}), "");
}

pb::Step StepIn(pb::Step::State state, int attempt) {
  pb::Step step;
  step.set_name("train");
  step.set_index(1);
  step.set_state(state);
  step.set_attempt(attempt);
  return step;
}

TEST(LinesView, SaysOnceWhyAReadyStepWaits) {
  pb::Problem warning;
  warning.set_path("steps[1]");
  warning.set_message("no worker has 4 GPUs");
  testing::internal::CaptureStderr();
  const auto view = MakeLinesView({warning});
  view->Update({}, {StepIn(pb::Step::READY, 0)});
  view->Update({}, {StepIn(pb::Step::READY, 0)});
  view->Update({}, {StepIn(pb::Step::RUNNING, 1)});
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "train  READY  waits: no worker has 4 GPUs\ntrain  RUNNING\n");
}

TEST(LinesView, SaysOnceWhatHoldsForEveryStep) {
  pb::Problem warning;
  warning.set_message("no worker is connected");
  testing::internal::CaptureStderr();
  const auto view = MakeLinesView({warning});
  pb::Step other = StepIn(pb::Step::READY, 0);
  other.set_index(2);
  view->Update({}, {StepIn(pb::Step::READY, 0), other});
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "train  READY  waits: no worker is connected\n");
}

}  // namespace
}  // namespace penstock::cli

// What a run that is being watched says.

#include "client/cli/follow_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "client/cli/step_tree.h"

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

pb::Step MapStep(pb::Step::State state, const std::string& note) {
  pb::Step step;
  step.set_name("cv");
  step.set_type("map");
  step.set_state(state);
  step.set_progress_note(note);
  return step;
}

pb::Step Inner(int item, pb::Step::State state, int index) {
  pb::Step step;
  step.set_name("cv[" + std::to_string(item) + "].fit");
  step.set_parent("cv");
  step.set_item(item);
  step.set_index(index);
  step.set_state(state);
  return step;
}

TEST(LinesView, AMapSaysHowFarItIsAtMostOnceASecond) {
  FakeClock clock;
  testing::internal::CaptureStderr();
  const auto view = MakeLinesView({}, clock);
  view->Update({}, {MapStep(pb::Step::RUNNING, "")});
  view->Update({}, {MapStep(pb::Step::RUNNING, "1 of 100 items")});
  clock.Advance(std::chrono::milliseconds(999));
  view->Update({}, {MapStep(pb::Step::RUNNING, "2 of 100 items")});
  clock.Advance(std::chrono::milliseconds(1));
  view->Update({}, {MapStep(pb::Step::RUNNING, "3 of 100 items")});
  view->Update({}, {MapStep(pb::Step::RUNNING, "4 of 100 items")});
  clock.Advance(std::chrono::seconds(5));
  view->Update({}, {MapStep(pb::Step::RUNNING, "4 of 100 items, 1 failed")});
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "cv  RUNNING\ncv  RUNNING  3 of 100 items\ncv  RUNNING  4 of 100 items, 1 failed\n");
}

TEST(LinesView, OfALargeMapOnlyTheFirstFailuresAreTold) {
  testing::internal::CaptureStderr();
  const auto view = MakeLinesView({});
  std::vector<pb::Step> steps = {MapStep(pb::Step::RUNNING, "")};
  for (int item = 0; item < 100; ++item) {
    steps.push_back(Inner(item, pb::Step::WAITING, item + 1));
  }
  view->Update({}, steps);
  for (int item = 0; item < 100; ++item) {
    view->Update({}, {Inner(item, pb::Step::RUNNING, item + 1)});
    view->Update({}, {Inner(item, item < 60 ? pb::Step::FAILED : pb::Step::SUCCEEDED, item + 1)});
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1 + 20 + 1) << said;
  EXPECT_NE(said.find("cv[19].fit  FAILED"), std::string::npos);
  EXPECT_NE(said.find("cv  more of its steps failed"), std::string::npos);
}

TEST(LinesView, ASmallMapIsToldWhole) {
  testing::internal::CaptureStderr();
  const auto view = MakeLinesView({});
  view->Update({}, {MapStep(pb::Step::RUNNING, ""), Inner(0, pb::Step::WAITING, 1),
                    Inner(1, pb::Step::WAITING, 2)});
  view->Update({}, {Inner(1, pb::Step::SUCCEEDED, 2)});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "cv  RUNNING\ncv[1].fit  SUCCEEDED\n");
}

std::vector<std::string> Names(const StepTree& tree, std::size_t* hidden) {
  std::vector<std::string> names;
  for (const pb::Step* step : tree.Shown(hidden)) names.push_back(step->name());
  return names;
}

TEST(StepTree, WhatIsInsideStandsBehindItsStep) {
  StepTree tree;
  pb::Step after = StepIn(pb::Step::WAITING, 0);
  tree.Put(MapStep(pb::Step::RUNNING, ""));
  tree.Put(after);
  for (int item = 0; item < 3; ++item) tree.Put(Inner(item, pb::Step::WAITING, item + 2));
  std::size_t hidden = 0;
  EXPECT_THAT(Names(tree, &hidden),
              testing::ElementsAre("cv", "cv[0].fit", "cv[1].fit", "cv[2].fit", "train"));
  EXPECT_EQ(hidden, 0u);
}

TEST(StepTree, OfALargeMapOnlyWhatIsUnderWayOrFailedIsShown) {
  StepTree tree;
  tree.Put(MapStep(pb::Step::RUNNING, ""));
  for (int item = 0; item < 50; ++item) tree.Put(Inner(item, pb::Step::WAITING, item + 1));
  tree.Put(Inner(3, pb::Step::FAILED, 4));
  tree.Put(Inner(7, pb::Step::RUNNING, 8));
  tree.Put(Inner(9, pb::Step::SUCCEEDED, 10));
  std::size_t hidden = 0;
  EXPECT_THAT(Names(tree, &hidden), testing::ElementsAre("cv", "cv[3].fit", "cv[7].fit"));
  EXPECT_EQ(hidden, 48u);
}

}  // namespace
}  // namespace penstock::cli

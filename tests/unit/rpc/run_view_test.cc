#include "server/rpc/run_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

std::vector<StepRecord> FailedSteps(int count, const std::string& message) {
  std::vector<StepRecord> steps;
  for (int i = 0; i < count; ++i) {
    StepRecord step;
    step.index = i;
    step.name = "step-" + std::to_string(i);
    step.state = StepState::kFailed;
    step.message = message;
    steps.push_back(std::move(step));
  }
  return steps;
}

TEST(RunViewTest, ARunOfAnySizeFitsIntoAMessage) {
  std::string message;
  while (message.size() < 2'000) message += "€uro ";
  v1::Run run;
  RunToProto({}, FailedSteps(limits::kMaxStepsPerRun, message), &run);
  ASSERT_EQ(run.steps_size(), limits::kMaxStepsPerRun);
  EXPECT_LT(run.ByteSizeLong(), static_cast<std::size_t>(limits::kMaxMessageBytes));
  for (const v1::Step& step : run.steps()) {
    ASSERT_GT(step.message().size(), 500U) << "no shorter than it must be";
    ASSERT_TRUE(IsUtf8(step.message()));
    ASSERT_THAT(step.message(), testing::EndsWith("…"));
  }

  run.Clear();
  RunToProto({}, FailedSteps(limits::kMaxStepsPerRun, std::string(16 << 10, 'x')), &run);
  EXPECT_LT(run.ByteSizeLong(), static_cast<std::size_t>(limits::kMaxMessageBytes));
}

TEST(RunViewTest, WhatFitsIsWhole) {
  const std::string longest(limits::kMaxErrorMessageBytes, 'x');
  v1::Run run;
  RunToProto({}, FailedSteps(500, longest), &run);
  for (const v1::Step& step : run.steps()) ASSERT_EQ(step.message(), longest);
}

}  // namespace
}  // namespace penstock

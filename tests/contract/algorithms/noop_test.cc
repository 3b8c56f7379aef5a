#include "steps/noop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/contract/algorithms/train_bench.h"

namespace penstock {
namespace {

TEST(NoopTest, DoesNothing) {
  SeriesStep step("noop");
  const Result<StepOutcome> outcome = step.Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(outcome->outputs.empty());
  EXPECT_TRUE(outcome->metrics.empty());
}

TEST(NoopTest, EchoesMetricsAndWritesZeros) {
  SeriesStep step("noop");
  step.parameters_ = {{"metrics", {{"auc", 0.75}, {"rows", 3}}},
                      {"output_bytes", (1 << 20) + 7},
                      {"message", "hello"}};
  const Result<StepOutcome> outcome = step.Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->metrics, (std::map<std::string, double>{{"auc", 0.75}, {"rows", 3}}));
  ASSERT_EQ(outcome->outputs.size(), 1u);
  EXPECT_EQ(outcome->outputs[0].name, "data");
  EXPECT_EQ(ReadBytes(outcome->outputs[0].path), std::string((1 << 20) + 7, '\0'));
  EXPECT_EQ(step.log_, "hello\n");
}

TEST(NoopTest, FailsWithItsMessage) {
  SeriesStep step("noop");
  step.parameters_ = {{"fail", true}, {"message", "as you wish"}};
  const Result<StepOutcome> outcome = step.Run();
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.status().message(), "as you wish");
  EXPECT_EQ(outcome.status().reason(), "NOOP_FAILED");
}

TEST(NoopTest, StopsWaitingWhenCancelled) {
  SeriesStep step("noop");
  step.parameters_ = {{"duration", "1h"}};  // far beyond the test's time limit
  step.cancel_after_ = 2;
  const Result<StepOutcome> outcome = step.Run();
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.status().code(), StatusCode::kCancelled);
}

TEST(NoopTest, RefusesADurationThatIsNone) {
  SeriesStep step("noop");
  step.parameters_ = {{"duration", "soon"}};
  const Result<StepOutcome> outcome = step.Run();
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.status().message(), testing::StartsWith("with.duration: "));
}

TEST(RegistryTest, AnnouncesWhatIsBuiltIn) {
  EXPECT_THAT(
      BuiltIn::Get().steps.Announce(),
      testing::IsSupersetOf({"import@1", "noop@1", "predict@1", "process@2", "train/xgboost@1"}));
}

}  // namespace
}  // namespace penstock

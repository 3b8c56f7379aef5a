// How far running steps are, and when they are expected to end.

#include "server/engine/progress.h"

#include <gtest/gtest.h>

#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::seconds;

TEST(ExpectedEndTest, GoesOnAsItWent) {
  const Time start{1'000'000'000};
  EXPECT_EQ(ExpectedEnd(start, 0.25, start + seconds(10)), start + seconds(40));
  EXPECT_FALSE(ExpectedEnd(start, 0.01, start + seconds(10)).set()) << "too little to tell by";
  EXPECT_FALSE(ExpectedEnd(start, 0.5, start + Micros(999'999)).set());
  EXPECT_FALSE(ExpectedEnd(start, 1, start + seconds(10)).set());
  EXPECT_FALSE(ExpectedEnd({}, 0.5, start).set()) << "has not begun";
}

class ProgressTest : public testing::Test {
 protected:
  StepRecord Shown(const RunId& run, const std::string& name) {
    std::vector<StepRecord> steps{bench_.Step(run, name)};
    EXPECT_EQ(steps.at(0).index, 0);
    bench_.engine().events().progress().Apply(run, steps);
    return steps.at(0);
  }
  EngineBench bench_;
  BenchWorker worker_{&bench_, "one", 2};
};

TEST_F(ProgressTest, WhoeverAsksOnceIsTold) {
  worker_.Open();
  const RunId run = bench_.Run("name: p\nsteps: [{name: a, type: noop, retry: {maxAttempts: 2}}]");
  const auto leases = worker_.Start();
  const Time started = bench_.Step(run, "a").started_at;
  bench_.Pass(seconds(4));
  worker_.held().at(0).progress = 0.4;
  worker_.held().at(0).progress_note = "round 4 of 10";
  ASSERT_TRUE(worker_.Heartbeat().ok());
  StepRecord step = Shown(run, "a");
  EXPECT_EQ(step.progress, 0.4);
  EXPECT_EQ(step.progress_note, "round 4 of 10");
  EXPECT_EQ(step.expected_end, started + seconds(10));
  // Another try begins at nothing, and is judged by itself.
  bench_.Pass(seconds(1));
  EXPECT_EQ(*worker_.Fail(leases.at("a"), Cause::kTimeout), Verdict::kOk);
  bench_.Pass(seconds(100));
  worker_.Open();
  worker_.Start();
  step = Shown(run, "a");
  EXPECT_EQ(step.state, StepState::kRunning);
  EXPECT_EQ(step.progress, 0);
  EXPECT_FALSE(step.expected_end.set());
  const Time again = bench_.Attempts(run, "a").back().started_at;
  bench_.Pass(seconds(2));
  worker_.held().at(0).progress = 0.5;
  ASSERT_TRUE(worker_.Heartbeat().ok());
  EXPECT_EQ(Shown(run, "a").expected_end, again + seconds(4));
}

TEST_F(ProgressTest, AMapIsAsFarAsItsItems) {
  worker_.Open();
  const RunId run = bench_.Run(
      "name: p\nsteps: [{name: m, type: map, over: {range: 4}, maxConcurrency: 1, steps: [{name: a, "
      "type: noop}]}]");
  const auto leases = worker_.Start();
  bench_.Pass(seconds(5));
  EXPECT_EQ(*worker_.Succeed(leases.begin()->second), Verdict::kOk);
  const StepRecord step = Shown(run, "m");
  EXPECT_EQ(step.progress, 0.25);
  EXPECT_EQ(step.expected_end, step.started_at + seconds(20));
}

}  // namespace
}  // namespace penstock

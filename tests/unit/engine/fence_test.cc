// Attempts that are fenced by execution: over with their lease.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kFenced[] = "name: f\nsteps: [{name: a, type: noop, fence: execution}]";
constexpr char kMutex[] = "name: m\nsteps: [{name: a, type: noop, mutex: db}]";

class FenceTest : public testing::Test {
 protected:
  ~FenceTest() override { bench_.CheckInvariants(); }
  EngineBench bench_;
  BenchWorker w1_{&bench_, "w1"};
  BenchWorker w2_{&bench_, "w2"};
};

TEST_F(FenceTest, ItIsLostWithItsLeaseAndNotTakenBack) {
  w1_.Open();
  const RunId run = bench_.Run(kFenced);
  const LeasedAttempt late = w1_.Start()["a"];
  EXPECT_TRUE(late.fence_execution);
  bench_.Pass(seconds(14));
  EXPECT_EQ(bench_.State(run, "a"), StepState::kRunning);
  bench_.Pass(seconds(2));
  EXPECT_EQ(bench_.State(run, "a"), StepState::kReady) << "though nobody has taken it over";
  const auto attempts = bench_.Attempts(run, "a");
  ASSERT_THAT(attempts, SizeIs(1));
  EXPECT_EQ(attempts[0].state, AttemptState::kLost);
  EXPECT_EQ(attempts[0].cause, Cause::kWorkerLost);
  EXPECT_THAT(attempts[0].message, HasSubstr("worker w1 was cut off"));

  EXPECT_EQ(*w1_.Succeed(late), Verdict::kStaleAttempt);
  w1_.held().push_back({.run = run, .step = 0, .attempt = 1, .token = late.token, .running = true});
  EXPECT_THAT(w1_.Heartbeat()->stale, ElementsAre(late.token));
  w1_.held().clear();
  const LeasedAttempt second = w1_.Start()["a"];
  EXPECT_EQ(second.attempt, 2);
  EXPECT_EQ(*w1_.Succeed(second), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  EXPECT_EQ(bench_.Step(run, "a").failures, 0);
}

TEST_F(FenceTest, ARestartOfTheCoordinatorGivesAWholeLease) {
  w1_.Open();
  const RunId back = bench_.Run(kFenced);
  const LeasedAttempt held = w1_.Start()["a"];
  w2_.Open();
  const RunId gone = bench_.Run(kFenced);
  const LeasedAttempt late = w2_.Start()["a"];
  bench_.Pass(seconds(10));
  bench_.Restart();
  bench_.Pass(seconds(14));
  EXPECT_THAT(w1_.Open().stale, IsEmpty()) << "it is back in time";
  bench_.Pass(seconds(2));
  EXPECT_EQ(bench_.State(back, "a"), StepState::kRunning);
  EXPECT_EQ(bench_.State(gone, "a"), StepState::kReady);
  EXPECT_THAT(w2_.Open().stale, ElementsAre(late.token));
  EXPECT_EQ(*w1_.Succeed(held), Verdict::kOk);
}

TEST_F(FenceTest, AMutexIsGivenAwayWithTheLeaseAndNoSooner) {
  w1_.Open();
  w2_.Open();
  const RunId first = bench_.Run(kMutex);
  const RunId second = bench_.Run(kMutex);
  const auto one = w1_.Start();
  BenchWorker& silent = one.empty() ? w2_ : w1_;
  BenchWorker& other = one.empty() ? w1_ : w2_;
  const LeasedAttempt late = one.empty() ? w2_.Start()["a"] : one.at("a");
  EXPECT_TRUE(late.fence_execution);
  EXPECT_EQ(late.run, first);
  for (int i = 0; i < 14; ++i) {
    bench_.Pass(seconds(1));
    EXPECT_THAT(other.Lease()->leases, IsEmpty());
  }
  bench_.Pass(seconds(1));
  const auto next = other.Start();
  ASSERT_THAT(next, SizeIs(1)) << "its own step or the other one's, and not both";
  EXPECT_THAT(silent.Heartbeat()->stale, ElementsAre(late.token));
  EXPECT_EQ(*silent.Succeed(late), Verdict::kStaleAttempt);
  EXPECT_EQ(*other.Succeed(next.at("a")), Verdict::kOk);
  for (BenchWorker* worker : {&w1_, &w2_}) {
    for (const auto& [name, lease] : worker->Start()) {
      EXPECT_EQ(*worker->Succeed(lease), Verdict::kOk);
    }
  }
  EXPECT_EQ(bench_.Find(first).state, RunState::kSucceeded);
  EXPECT_EQ(bench_.Find(second).state, RunState::kSucceeded);
}

TEST_F(FenceTest, TooManyLossesFailTheStep) {
  w1_.Open();
  const RunId run = bench_.Run(
      "name: f\nsteps: [{name: a, type: noop, fence: execution, retry: {infrastructure: 1}}]");
  w1_.Start();
  bench_.Pass(seconds(16));
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);
  EXPECT_EQ(bench_.Step(run, "a").cause, Cause::kWorkerLost);
}

}  // namespace
}  // namespace penstock

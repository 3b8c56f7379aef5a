// Cordon, uncordon, drain and taints.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Order = OrderWorkerCommand::Order;

constexpr char kOne[] = "name: one\ndefaults: {cache: false}\nsteps: [{name: a, type: noop}]";

class WorkerOrdersTest : public testing::Test {
 protected:
  ~WorkerOrdersTest() override { bench_.CheckInvariants(); }

  Result<WorkerView> Tell(const std::string& worker, Order order,
                          std::optional<Micros> deadline = {}) {
    return bench_.Ask(&Engine::OrderWorker,
                      OrderWorkerCommand{WorkerId(worker), order, deadline, Principal("user:ann")});
  }
  WorkerView View(const std::string& worker) {
    std::optional<Result<std::vector<WorkerView>>> answer;
    bench_.engine().ListWorkers([&](auto got) { answer = std::move(got); });
    bench_.Turn();
    for (const WorkerView& view : **answer) {
      if (view.info.id.value() == worker) return view;
    }
    ADD_FAILURE() << "no worker " << worker;
    return {};
  }
  std::string Why(const RunId& run) {
    const auto reasons = bench_.Ask(&Engine::ExplainStep, ExplainCommand{run, 0});
    std::string text;
    for (const Explanation& reason : *reasons) text += reason.reason + ": " + reason.message + "\n";
    return text;
  }

  EngineBench bench_;
  BenchWorker w1_{&bench_, "w1", 2};
  BenchWorker w2_{&bench_, "w2", 2};
};

TEST_F(WorkerOrdersTest, ACordonedWorkerTakesNothingUntilItIsUncordoned) {
  EXPECT_EQ(Tell("w1", Order::kCordon).status().reason(), "WORKER_NOT_FOUND");
  w1_.Open();
  const RunId before = bench_.Run(kOne);
  const auto held = w1_.Start();
  const auto view = Tell("w1", Order::kCordon);
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_TRUE(view->orders.cordoned);
  const RunId run = bench_.Run(kOne);
  EXPECT_THAT(w1_.Start(), IsEmpty());
  EXPECT_THAT(Why(run), HasSubstr("WORKER_CLOSED: worker w1 is cordoned by user:ann"));
  EXPECT_TRUE(w1_.Succeed(held.at("a")).ok()) << "what it has goes on";
  EXPECT_EQ(bench_.State(before, "a"), StepState::kSucceeded);
  // Over a restart of either side.
  bench_.Restart();
  EXPECT_TRUE(View("w1").orders.cordoned) << "before it is back";
  w1_.Reboot();
  EXPECT_THAT(w1_.Start(), IsEmpty());
  EXPECT_EQ(View("w1").orders.by, Principal("user:ann"));
  ASSERT_TRUE(Tell("w1", Order::kUncordon).ok());
  EXPECT_EQ(w1_.Start().at("a").run, run);
  bench_.Restart();
  EXPECT_FALSE(View("w1").orders.cordoned);
}

TEST_F(WorkerOrdersTest, ADrainedWorkerGivesBackWhatWaitsAndAtTheDeadlineWhatRuns) {
  w1_.Open();
  const RunId runs = bench_.Run(kOne);
  const auto running = w1_.Start();
  const RunId waits = bench_.Run(kOne);
  const auto sent = w1_.Lease();
  ASSERT_TRUE(sent.ok());
  ASSERT_EQ(sent->leases.size(), 1U);
  ASSERT_TRUE(Tell("w1", Order::kDrain, minutes(10)).ok());
  const auto told = w1_.Lease();
  ASSERT_TRUE(told.ok());
  EXPECT_THAT(told->revoke, ElementsAre(sent->leases[0].token));
  EXPECT_THAT(told->cancel, IsEmpty());
  EXPECT_TRUE(w1_.End(sent->leases[0], ReportKind::kReturned).ok());
  w2_.Open();
  EXPECT_EQ(w2_.Start().at("a").run, waits);

  // The deadline outlives a restart.
  bench_.Restart();
  w1_.Open();
  w2_.Open();
  bench_.Pass(minutes(9));
  w1_.Open();
  EXPECT_THAT(w1_.Lease()->cancel, IsEmpty());
  bench_.Pass(minutes(1));
  w1_.Open();
  EXPECT_THAT(w1_.Lease()->cancel, ElementsAre(running.at("a").token));
  EXPECT_TRUE(w1_.End(running.at("a"), ReportKind::kCancelled).ok());
  w2_.Open();
  const auto moved = w2_.Start();
  ASSERT_TRUE(moved.contains("a"));
  EXPECT_EQ(moved.at("a").run, runs);
  const StepRecord step = bench_.Step(runs, "a");
  EXPECT_EQ(step.attempt, 2);
  EXPECT_EQ(step.failures, 0);
  EXPECT_EQ(step.infra_failures, 0);
}

TEST_F(WorkerOrdersTest, ADrainTakesBackWhatWasNotSentYet) {
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  EXPECT_EQ(bench_.State(run, "a"), StepState::kLeased);
  ASSERT_TRUE(Tell("w1", Order::kDrain).ok());
  EXPECT_EQ(bench_.State(run, "a"), StepState::kReady);
  EXPECT_THAT(w1_.Lease()->leases, IsEmpty());
  EXPECT_THAT(Why(run), HasSubstr("WORKER_CLOSED: worker w1 is being drained by user:ann"));
  EXPECT_EQ(bench_.Step(run, "a").infra_failures, 0);
}

TEST_F(WorkerOrdersTest, WhatEndsByItselfBeforeTheDeadlineCounts) {
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  const auto running = w1_.Start();
  ASSERT_TRUE(Tell("w1", Order::kDrain, Micros(0)).ok());
  EXPECT_THAT(w1_.Lease()->cancel, ElementsAre(running.at("a").token));
  EXPECT_TRUE(w1_.Succeed(running.at("a")).ok()) << "it was faster than the word to stop";
  EXPECT_EQ(bench_.State(run, "a"), StepState::kSucceeded);
}

TEST_F(WorkerOrdersTest, ACancelOfARunThatIsBeingMovedEndsIt) {
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  const auto running = w1_.Start();
  ASSERT_TRUE(Tell("w1", Order::kDrain, Micros(0)).ok());
  ASSERT_TRUE(
      bench_.Ask(&Engine::CancelRun, CancelRunCommand{run, Principal("user:ada"), "", false}).ok());
  EXPECT_TRUE(w1_.End(running.at("a"), ReportKind::kCancelled).ok());
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelled);
}

TEST_F(WorkerOrdersTest, ATaintKeepsStepsAwayThatDoNotTolerateIt) {
  w1_.info().taints = {{"dedicated", "team-a"}};
  w1_.Open();
  const RunId plain = bench_.Run(kOne);
  const RunId tolerant = bench_.Run(
      "name: two\nsteps: [{name: a, type: noop, resources: {tolerations: {dedicated: team-a}}}]");
  EXPECT_EQ(w1_.Start().at("a").run, tolerant);
  EXPECT_THAT(Why(plain), HasSubstr("WORKER_CANNOT: worker w1 has the taint dedicated=team-a"));
  bench_.Restart();
  EXPECT_EQ(View("w1").info.taints.at("dedicated"), "team-a");
}

}  // namespace
}  // namespace penstock

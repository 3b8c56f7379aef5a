// Processes that stand still (SIGSTOP) for longer than every timeout, and then go on: nothing is
// lost, nothing counts twice, and what comes too late is refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "tests/fault/run_life.h"
#include "tests/support/cluster.h"
#include "tests/support/invariants.h"

namespace penstock {
namespace {

using testing::HasSubstr;

// Past the lease and `lease.maxDisconnect`; with PENSTOCK_FAULTS=all also past the pings, after
// which a connection is given up.
std::chrono::milliseconds StandStill() {
  return EveryHit() ? std::chrono::seconds(40) : std::chrono::milliseconds(2'000);
}

constexpr char kWork[] = R"(
name: work
defaults: {retry: {maxAttempts: 5, interval: 10ms}}
steps:
- {name: short, type: noop, with: {duration: 300ms, message: short, output_bytes: 1000}}
- {name: long, type: noop, with: {duration: 3s, message: long, output_bytes: 2000}}
- {name: after, type: noop, inputs: {data: ["${steps.short.outputs.data}", "${steps.long.outputs.data}"]}}
)";

class StopTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.StartCoordinator(
        {"--lease-ttl", "600ms", "--lease-heartbeat", "100ms", "--lease-max-disconnect", "1s"});
    cluster_.StartWorker("w1", {"--kill-grace", "200ms"});
  }
  void SubmitAndAwaitStart(const char* definition = kWork, const char* step = "long") {
    id_ = cluster_.Submit(cluster_.Write("work.yaml", definition), {"--no-cache"});
    ASSERT_TRUE(Eventually([&] { return State(step) == "RUNNING"; }));
  }
  std::string State(const std::string& step) {
    return JsonString(Cluster::Step(cluster_.Run(id_), step), "state");
  }
  // Stops them, and lets them go on when time has passed. This is about time that passes: there is
  // no condition to wait for.
  void Freeze(const std::vector<std::string>& daemons) {
    for (const std::string& daemon : daemons) cluster_.Signal(daemon, SIGSTOP);
    std::this_thread::sleep_for(StandStill());
    for (const std::string& daemon : daemons) cluster_.Signal(daemon, SIGCONT);
  }
  void ExpectTheWorkDoneOnce() {
    ASSERT_EQ(cluster_.Wait(id_), "SUCCEEDED");
    for (const char* step : {"short", "long"}) {
      EXPECT_THAT(cluster_.Client({"logs", id_, step}).out, HasSubstr(step));
    }
    for (const char* daemon : {"w1", "w2", "coordinator"}) {
      EXPECT_TRUE(!cluster_.Running(daemon) || cluster_.Stop(daemon) == 0) << daemon;
    }
    cluster_.CheckInvariants({id_});
  }
  // The children of the worker, of this test's folder.
  std::vector<int> Runners() {
    std::vector<int> pids;
    for (const auto& [pid, line] : MarkedProcesses(cluster_.folder())) {
      if (line.find("--runner") != std::string::npos) pids.push_back(pid);
    }
    return pids;
  }

  Cluster cluster_;
  std::string id_;
};

TEST_F(StopTest, TheCoordinator) {
  SubmitAndAwaitStart();
  Freeze({"coordinator"});
  ExpectTheWorkDoneOnce();
}

TEST_F(StopTest, TheAgentAlone) {
  SubmitAndAwaitStart();
  Freeze({"w1"});
  ExpectTheWorkDoneOnce();
}

TEST_F(StopTest, TheCoordinatorAndTheAgent) {
  SubmitAndAwaitStart();
  Freeze({"w1", "coordinator"});
  ExpectTheWorkDoneOnce();
}

// Another has taken over, and has ended: what the first says then is stale.
TEST_F(StopTest, TheAgentWhileAnotherTakesOver) {
  SubmitAndAwaitStart();
  cluster_.StartWorker("w2", {"--kill-grace", "200ms"});
  cluster_.Signal("w1", SIGSTOP);
  ASSERT_TRUE(Eventually(
      [&] { return JsonString(Cluster::Step(cluster_.Run(id_), "long"), "worker") == "w2"; }));
  ASSERT_EQ(cluster_.Wait(id_), "SUCCEEDED");
  const Json before = Cluster::Step(cluster_.Run(id_), "long");
  const double stale = cluster_.Metric("penstock_stale_reports_total");
  cluster_.Signal("w1", SIGCONT);
  // Its report is refused, or it is told so when it opens a new session.
  EXPECT_TRUE(Eventually([&] {
    return cluster_.Metric("penstock_stale_reports_total") > stale ||
           ReadFile(cluster_.folder() / "w1.log").value_or("").find("attempt is stale") !=
               std::string::npos;
  }));
  EXPECT_EQ(Cluster::Step(cluster_.Run(id_), "long"), before);
  ExpectTheWorkDoneOnce();
}

// It hears of the end when it goes on, and leaves nothing behind.
TEST_F(StopTest, TheAgentWhileItsRunIsCancelled) {
  SubmitAndAwaitStart();
  cluster_.Signal("w1", SIGSTOP);
  ASSERT_EQ(cluster_.Client({"cancel", id_}).code, 0);
  ASSERT_EQ(cluster_.Wait(id_), "CANCELLED") << "it does not wait for who does not answer";
  cluster_.Signal("w1", SIGCONT);
  EXPECT_TRUE(Eventually([&] { return std::filesystem::is_empty(cluster_.folder() / "w1/work"); }));
  EXPECT_EQ(cluster_.Stop("w1"), 0);
  EXPECT_EQ(cluster_.Stop("coordinator"), 0);
  cluster_.CheckInvariants({id_});
}

TEST_F(StopTest, ARunnerThatGoesOnInTime) {
  SubmitAndAwaitStart();
  const std::vector<int> runners = Runners();
  ASSERT_FALSE(runners.empty());
  for (const int pid : runners) EXPECT_EQ(kill(pid, SIGSTOP), 0);
  std::this_thread::sleep_for(StandStill());
  for (const int pid : runners) EXPECT_EQ(kill(pid, SIGCONT), 0);
  ASSERT_EQ(cluster_.Wait(id_), "SUCCEEDED");
  EXPECT_EQ(JsonInt(Cluster::Step(cluster_.Run(id_), "long"), "attempt"), 1);
  ExpectTheWorkDoneOnce();
}

// Its agent ends it, though it hears no SIGTERM; the next attempt is a process of its own.
TEST_F(StopTest, ARunnerPastTheTimeoutOfItsStep) {
  SubmitAndAwaitStart(R"(
name: timed
steps:
- {name: long, type: noop, timeout: 1s, retry: {maxAttempts: 2, interval: 10ms}, with: {duration: 500ms, message: long}}
- {name: short, type: noop, dependsOn: [long], with: {message: short}}
)");
  for (const int pid : Runners()) EXPECT_EQ(kill(pid, SIGSTOP), 0);
  ASSERT_EQ(cluster_.Wait(id_), "SUCCEEDED");
  EXPECT_EQ(JsonInt(Cluster::Step(cluster_.Run(id_), "long"), "attempt"), 2);
  EXPECT_THAT(cluster_.Client({"explain", id_, "long"}).out, HasSubstr("TIMEOUT"));
  ExpectTheWorkDoneOnce();
}

// One whose lease ends while it stands still has been ended before it can do more.
TEST_F(StopTest, EverythingAtOnce) {
  SubmitAndAwaitStart();
  const std::vector<int> runners = Runners();
  for (const int pid : runners) EXPECT_EQ(kill(pid, SIGSTOP), 0);
  Freeze({"w1", "coordinator"});
  for (const int pid : runners) (void)kill(pid, SIGCONT);
  ExpectTheWorkDoneOnce();
}

}  // namespace
}  // namespace penstock

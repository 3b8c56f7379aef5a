// Sessions, leases and fencing: workers that vanish, come back, are late, or say things twice.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kOne[] = "name: one\nsteps: [{name: a, type: noop}]";
constexpr char kTwo[] = "name: two\nsteps: [{name: a, type: noop}, {name: b, type: noop}]";

class LeaseTest : public testing::Test {
 protected:
  ~LeaseTest() override { bench_.CheckInvariants(); }
  EngineBench bench_;
  BenchWorker w1_{&bench_, "w1"};
  BenchWorker w2_{&bench_, "w2"};
};

TEST_F(LeaseTest, ALeaseIsSentAgainUntilItIsAcknowledged) {
  w1_.Open();
  bench_.Run(kOne);
  std::vector<LeaseStepsAnswer> answers;
  LeaseStepsCommand command{.session = w1_.session(), .acknowledged = 0, .max_wait = seconds(5)};
  auto lease = [&] {
    bench_.engine().LeaseSteps(command, [&](Result<LeaseStepsAnswer> got) {
      ASSERT_TRUE(got.ok()) << got.status();
      answers.push_back(*got);
    });
    bench_.Turn();
  };
  lease();
  lease();  // the first answer was lost on its way
  ASSERT_THAT(answers, SizeIs(2));
  EXPECT_EQ(answers[0].leases.at(0).token, answers[1].leases.at(0).token);
  EXPECT_LT(answers[0].sequence, answers[1].sequence);
  command.acknowledged = answers[1].sequence;
  lease();
  EXPECT_THAT(answers, SizeIs(2)) << "the call parks";
  bench_.Pass(seconds(5));
  ASSERT_THAT(answers, SizeIs(3));
  EXPECT_THAT(answers[2].leases, IsEmpty());
}

TEST_F(LeaseTest, WhatOneReplyBroughtIsNotSentAgainForALaterOneThatWasLost) {
  w1_.Open();
  bench_.Run(kOne);
  std::vector<LeaseStepsAnswer> answers;
  const auto lease = [&](int64_t acknowledged) {
    const LeaseStepsCommand command{
        .session = w1_.session(), .acknowledged = acknowledged, .max_wait = seconds(5)};
    bench_.engine().LeaseSteps(command, [&](Result<LeaseStepsAnswer> got) {
      if (got.ok()) answers.push_back(*got);
    });
    bench_.Turn();
  };
  lease(0);
  lease(0);  // the same request, late; nobody hears its answer
  ASSERT_THAT(answers, SizeIs(2));
  lease(answers[0].sequence);
  EXPECT_THAT(answers, SizeIs(2)) << "there is nothing new to say";
}

TEST_F(LeaseTest, ASecondCallTakesTheFirstOnesPlace) {
  w1_.Open();
  std::optional<Status> first;
  const LeaseStepsCommand command{
      .session = w1_.session(), .acknowledged = 0, .max_wait = seconds(5)};
  bench_.engine().LeaseSteps(command, [&](Result<LeaseStepsAnswer> got) { first = got.status(); });
  bench_.Turn();
  EXPECT_FALSE(first.has_value());
  EXPECT_TRUE(w1_.Lease().ok());
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->reason(), "SUPERSEDED");
}

TEST_F(LeaseTest, AParkedCallIsAnsweredAsSoonAsThereIsWork) {
  w1_.Open();
  std::optional<Result<LeaseStepsAnswer>> answer;
  const LeaseStepsCommand command{
      .session = w1_.session(), .acknowledged = 0, .max_wait = seconds(30)};
  bench_.engine().LeaseSteps(command, [&](Result<LeaseStepsAnswer> got) { answer = got; });
  bench_.Turn();
  ASSERT_FALSE(answer.has_value());
  bench_.Run(kOne);
  ASSERT_TRUE(answer.has_value());
  EXPECT_THAT((*answer)->leases, SizeIs(1));
}

// --- Cut off

TEST_F(LeaseTest, CutOffAloneItIsTakenBackAndItsReportCountsOnce) {
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  const LeasedAttempt lease = w1_.Start()["a"];
  bench_.Pass(seconds(16));
  EXPECT_EQ(bench_.engine().metrics().leases_expired, 1);
  EXPECT_EQ(bench_.State(run, "a"), StepState::kRunning) << "no row changes for an expiry";
  EXPECT_TRUE(bench_.engine().IsLiveAttempt({run, 0, 1}, lease.token));
  EXPECT_FALSE(bench_.engine().IsLiveAttempt({run, 0, 2}, lease.token));
  EXPECT_FALSE(bench_.engine().IsLiveAttempt({RunId("run-x"), 0, 1}, lease.token));

  EXPECT_EQ(*w1_.Succeed(lease), Verdict::kOk);
  EXPECT_EQ(*w1_.Succeed(lease), Verdict::kOk) << "the same again: its answer was lost";
  EXPECT_EQ(bench_.engine().metrics().duplicate_reports, 1);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  EXPECT_THAT(bench_.Attempts(run, "a"), SizeIs(1));
  // Nothing is placed a second time.
  EXPECT_THAT(w1_.Lease()->leases, IsEmpty());
}

TEST_F(LeaseTest, CutOffItIsTakenBackByAHeartbeat) {
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  const LeasedAttempt lease = w1_.Start()["a"];
  bench_.Pass(seconds(16));
  EXPECT_THAT(w1_.Heartbeat()->stale, IsEmpty());
  w2_.Open();
  EXPECT_THAT(w2_.Lease()->leases, IsEmpty()) << "it is not placeable any more";
  EXPECT_EQ(*w1_.Succeed(lease), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

TEST_F(LeaseTest, CutOffWithAnotherThereItsReportIsStale) {
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  const LeasedAttempt late = w1_.Start()["a"];
  w2_.Open();
  bench_.Pass(seconds(10));
  ASSERT_TRUE(w2_.Heartbeat().ok());
  EXPECT_EQ(bench_.Attempts(run, "a").size(), 1U);
  bench_.Pass(seconds(6));
  EXPECT_FALSE(bench_.engine().IsLiveAttempt({run, 0, 1}, late.token));
  const LeasedAttempt second = w2_.Start()["a"];
  EXPECT_EQ(second.attempt, 2);
  EXPECT_NE(second.token, late.token);

  EXPECT_THAT(w1_.Heartbeat()->stale, ElementsAre(late.token));
  EXPECT_EQ(*w1_.Succeed(late), Verdict::kStaleAttempt);
  EXPECT_EQ(bench_.State(run, "a"), StepState::kRunning);
  EXPECT_EQ(*w2_.Succeed(second), Verdict::kOk);
  EXPECT_EQ(*w1_.Succeed(late), Verdict::kStaleAttempt);
  EXPECT_EQ(bench_.engine().metrics().stale_reports, 2);
  const auto attempts = bench_.Attempts(run, "a");
  ASSERT_THAT(attempts, SizeIs(2));
  EXPECT_EQ(attempts[0].state, AttemptState::kLost);
  EXPECT_EQ(attempts[0].cause, Cause::kWorkerLost);
  EXPECT_EQ(attempts[1].state, AttemptState::kSucceeded);
  EXPECT_EQ(bench_.Step(run, "a").failures, 0) << "a loss uses none of the user's retries";
}

TEST_F(LeaseTest, AStepThatIsCutOffTimeAndAgainFails) {
  const RunId run = bench_.Run(kOne);
  for (int i = 0; i < 10; ++i) {
    BenchWorker worker(&bench_, "cut-" + std::to_string(i));
    worker.Open();
    worker.Start();
    bench_.Pass(seconds(16));
  }
  w1_.Open();
  EXPECT_EQ(bench_.State(run, "a"), StepState::kFailed);
  EXPECT_THAT(bench_.Find(run).message, HasSubstr("10 attempts were lost"));
}

TEST_F(LeaseTest, CutOffDuringCancelTheRunEnds) {
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  const LeasedAttempt lease = w1_.Start()["a"];
  ASSERT_TRUE(bench_.Ask(&Engine::CancelRun, {.run = run, .principal = Principal("u")}).ok());
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelling);
  bench_.Pass(seconds(16));
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelled);
  EXPECT_EQ(*w1_.Succeed(lease), Verdict::kStaleAttempt);
}

TEST_F(LeaseTest, CancelOfACutOffStepEndsItAtOnce) {
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  w1_.Start();
  bench_.Pass(seconds(16));
  EXPECT_EQ(bench_.Ask(&Engine::CancelRun, {.run = run, .principal = Principal("u")})->state,
            RunState::kCancelled);
}

// --- Restarts of workers

TEST_F(LeaseTest, AWorkerThatRestartedLostWhatItHad) {
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  const LeasedAttempt lost = w1_.Start()["a"];
  w1_.Reboot();
  const auto attempts = bench_.Attempts(run, "a");
  ASSERT_THAT(attempts, SizeIs(2)) << "placed again in the same turn";
  EXPECT_EQ(attempts[0].cause, Cause::kWorkerRestarted);
  EXPECT_EQ(bench_.Step(run, "a").infra_failures, 1);
  EXPECT_EQ(*w1_.Succeed(lost), Verdict::kStaleAttempt);
  EXPECT_EQ(*w1_.Succeed(w1_.Start()["a"]), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

// The loss of the first fails the run, which ends the second, of which nothing is heard any more.
TEST_F(LeaseTest, TheEndOfOneMayEndAnother) {
  BenchWorker worker(&bench_, "both", 2);
  worker.Open();
  const RunId run = bench_.Run(
      "name: p\nfailFast: true\nsteps: [{name: a, type: noop, retry: {infrastructure: 1}}, "
      "{name: b, type: noop}]");
  ASSERT_THAT(worker.Start(), SizeIs(2));
  bench_.Pass(seconds(16));  // the lease is over, and nobody else takes them
  worker.Reboot();
  EXPECT_EQ(bench_.Step(run, "a").cause, Cause::kWorkerRestarted);
  EXPECT_EQ(bench_.Step(run, "b").cause, Cause::kFailFast);
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);
}

TEST_F(LeaseTest, TheEndOfASessionMayEndAnotherToo) {
  BenchWorker worker(&bench_, "both", 2);
  worker.Open();
  const RunId run = bench_.Run(
      "name: p\nfailFast: true\nsteps: [{name: a, type: noop, retry: {infrastructure: 1}}, "
      "{name: b, type: noop}]");
  ASSERT_THAT(worker.Start(), SizeIs(2));
  bench_.Pass(seconds(16));
  ASSERT_TRUE(worker.Close().ok());
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);
}

TEST_F(LeaseTest, ALeaseThatNeverArrivedIsNobodysFailure) {
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  for (int i = 0; i < 12; ++i) w1_.Open();  // the same process; the lease was on its way
  EXPECT_EQ(bench_.Step(run, "a").infra_failures, 0);
  EXPECT_EQ(*w1_.Succeed(w1_.Start()["a"]), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

TEST_F(LeaseTest, AStepThatKillsItsWorkerIsGivenUpInTheEnd) {
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(bench_.State(run, "a") == StepState::kFailed, false) << i;
    w1_.Start();
    w1_.Reboot();
    bench_.Pass(seconds(31));  // past any wait, and past the lease
    w1_.Open();
  }
  EXPECT_EQ(bench_.State(run, "a"), StepState::kFailed);
  EXPECT_THAT(bench_.Step(run, "a").message, HasSubstr("10 attempts were lost"));
}

TEST_F(LeaseTest, ANewSessionOfTheSameProcessKeepsWhatItHolds) {
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  const LeasedAttempt lease = w1_.Start()["a"];
  const SessionId old = w1_.session();
  EXPECT_THAT(w1_.Open().stale, IsEmpty());
  EXPECT_NE(w1_.session(), old);
  EXPECT_EQ(bench_.Ask(&Engine::Heartbeat, HeartbeatCommand{.session = old, .held = {}})
                .status()
                .reason(),
            "SESSION_UNKNOWN");
  EXPECT_EQ(*w1_.Succeed(lease), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

TEST_F(LeaseTest, AnAttemptThatIsListedTwiceIsTakenBackOnce) {
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  const LeasedAttempt lease = w1_.Start()["a"];
  w1_.held().push_back(w1_.held().front());
  EXPECT_THAT(w1_.Open().stale, IsEmpty());
  const auto running = [&] {
    std::vector<WorkerView> views;
    bench_.engine().ListWorkers([&](Result<std::vector<WorkerView>> got) { views = *got; });
    bench_.Turn();
    return std::pair(views.at(0).running, views.at(0).cpus_used);
  };
  EXPECT_EQ(running(), std::pair(1, 1.0));
  EXPECT_EQ(*w1_.Succeed(lease), Verdict::kOk);
  EXPECT_EQ(running(), std::pair(0, 0.0));
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  bench_.Pass(seconds(16));  // what the session holds is looked at
}

TEST_F(LeaseTest, ADrainingWorkerGetsNothingNewAndGivesBack) {
  w1_.info().cpus = 2;
  w1_.Open();
  const RunId run = bench_.Run(kTwo);
  auto leases = w1_.Start();
  ASSERT_THAT(leases, SizeIs(2));
  LeaseStepsCommand drain{.session = w1_.session(), .acknowledged = 99, .max_wait = {}};
  drain.draining = true;
  bench_.engine().LeaseSteps(drain, [](const Result<LeaseStepsAnswer>&) {});
  bench_.Turn();
  EXPECT_EQ(*w1_.End(leases["b"], ReportKind::kReturned), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "b"), StepState::kReady) << "not placed on it again";
  EXPECT_EQ(bench_.Step(run, "b").infra_failures, 0);
  EXPECT_EQ(*w1_.Succeed(leases["a"]), Verdict::kOk);
  EXPECT_TRUE(w1_.Close().ok());
  w2_.Open();
  EXPECT_EQ(*w2_.Succeed(w2_.Start()["b"]), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

TEST_F(LeaseTest, ALostStepDoesNotKeepItsPlaceInTheRunFromItself) {
  w1_.Open();
  const RunId run = bench_.Run(
      "name: one\nmaxParallelSteps: 1\n"
      "steps: [{name: a, type: noop}, {name: b, type: noop, dependsOn: [a]}]");
  const LeasedAttempt first = w1_.Start().at("a");
  w2_.Open();
  // w1 never comes back.
  for (int i = 0; i < 10; ++i) {
    bench_.Pass(seconds(2));
    ASSERT_TRUE(w2_.Heartbeat().ok());
  }
  const auto again = w2_.Start();
  ASSERT_TRUE(again.contains("a")) << "its own lost attempt is no reason to wait";
  EXPECT_EQ(*w2_.Succeed(again.at("a")), Verdict::kOk);
  const auto next = w2_.Start();
  ASSERT_TRUE(next.contains("b")) << "and the run has a place for one again";
  EXPECT_EQ(*w2_.Succeed(next.at("b")), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

TEST_F(LeaseTest, ALostStepThatComesBackTakesItsPlaceAgain) {
  w1_.Open();
  const RunId run = bench_.Run(
      "name: one\nmaxParallelSteps: 1\nsteps: [{name: a, type: noop}, {name: b, type: noop}]");
  const LeasedAttempt first = w1_.Start().at("a");
  bench_.Pass(seconds(16));
  ASSERT_TRUE(w1_.Heartbeat().ok());
  w2_.Open();
  EXPECT_THAT(w2_.Start(), IsEmpty()) << "one at a time";
  EXPECT_EQ(*w1_.Succeed(first), Verdict::kOk);
  auto leases = w1_.Start();
  leases.merge(w2_.Start());
  EXPECT_TRUE(leases.contains("b"));
}

TEST_F(LeaseTest, ARequestForASessionThatComesLateIsRefused) {
  OpenSessionCommand early{.worker = w1_.info(), .held = {}, .number = 1};
  OpenSessionCommand late = early;
  late.number = 2;
  ASSERT_TRUE(bench_.Ask(&Engine::OpenSession, late).ok());
  bench_.Run(kOne);
  const Result<OpenSessionAnswer> refused = bench_.Ask(&Engine::OpenSession, early);
  EXPECT_EQ(refused.status().reason(), "SUPERSEDED");
  EXPECT_EQ(bench_.Ask(&Engine::OpenSession, late).status().reason(), "SUPERSEDED")
      << "nor twice: what it lists may not be so any more";
  late.worker.boot_id = "boot-2";
  late.number = 1;
  EXPECT_TRUE(bench_.Ask(&Engine::OpenSession, late).ok()) << "another process counts anew";
}

TEST_F(LeaseTest, AClosedSessionLosesWhatItHeld) {
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  w1_.Start();
  EXPECT_TRUE(w1_.Close().ok());
  EXPECT_TRUE(w1_.Close().ok()) << "twice is the same";
  EXPECT_EQ(bench_.State(run, "a"), StepState::kReady);
  EXPECT_EQ(w1_.Lease().status().reason(), "SESSION_UNKNOWN");
}

TEST_F(LeaseTest, WorkersAreListedForADayAfterTheyLeft) {
  std::vector<WorkerView> views;
  auto list = [&] {
    bench_.engine().ListWorkers([&](Result<std::vector<WorkerView>> got) { views = *got; });
    bench_.Turn();
  };
  w2_.Open();
  w1_.Open();
  list();
  ASSERT_THAT(views, SizeIs(2));
  EXPECT_EQ(views[0].info.id, WorkerId("w1"));
  EXPECT_TRUE(views[0].connected && views[1].connected);
  EXPECT_TRUE(w2_.Close().ok());
  bench_.Restart();
  w1_.Open();
  list();
  ASSERT_THAT(views, SizeIs(2));
  EXPECT_TRUE(views[0].connected);
  EXPECT_EQ(views[1].info.id, WorkerId("w2"));
  EXPECT_FALSE(views[1].connected);
  bench_.Pass(std::chrono::hours(23));
  list();
  ASSERT_THAT(views, SizeIs(2));
  EXPECT_FALSE(views[0].connected) << "its lease is long over";
  bench_.Pass(std::chrono::hours(2));
  list();
  EXPECT_THAT(views, IsEmpty());
}

TEST_F(LeaseTest, AVanishedWorkersSessionIsForgotten) {
  const auto& sessions = bench_.engine().metrics().sessions;
  w1_.Open();
  w2_.Open();
  for (int i = 0; i < 400; ++i) {  // one of them lives on
    bench_.Pass(seconds(9));
    ASSERT_TRUE(w2_.Heartbeat().ok());
  }
  EXPECT_EQ(sessions, 2) << "15 s of its lease and an hour";
  bench_.Pass(seconds(9));
  ASSERT_TRUE(w2_.Heartbeat().ok());
  bench_.Pass(seconds(9));
  EXPECT_EQ(sessions, 1);
  EXPECT_EQ(w1_.Heartbeat().status().reason(), "SESSION_UNKNOWN");
  EXPECT_TRUE(w2_.Heartbeat().ok());
}

TEST_F(LeaseTest, AForgottenSessionsWorkerIsListedForADayAfterItWasSeen) {
  w1_.Open();
  for (int i = 0; i < 36; ++i) {  // 30 hours
    bench_.Pass(std::chrono::minutes(50));
    ASSERT_TRUE(w1_.Heartbeat().ok());
  }
  bench_.Pass(std::chrono::hours(2));
  EXPECT_EQ(bench_.engine().metrics().sessions, 0);
  std::vector<WorkerView> views;
  bench_.engine().ListWorkers([&](Result<std::vector<WorkerView>> got) { views = *got; });
  bench_.Turn();
  ASSERT_THAT(views, SizeIs(1));
  EXPECT_FALSE(views[0].connected);
  EXPECT_EQ(bench_.clock().Now() - views[0].last_seen, std::chrono::hours(2));
}

TEST_F(LeaseTest, ASessionThatCameBackHasItsWholeTimeAgain) {
  const auto& sessions = bench_.engine().metrics().sessions;
  w1_.Open();
  bench_.Pass(seconds(1800));
  ASSERT_TRUE(w1_.Heartbeat().ok());
  bench_.Pass(seconds(3600));
  EXPECT_EQ(sessions, 1);
  bench_.Pass(seconds(15));
  EXPECT_EQ(sessions, 0);
}

TEST_F(LeaseTest, ASessionIsNotForgottenBeforeWhatItHeldIsAnothers) {
  const auto& sessions = bench_.engine().metrics().sessions;
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  const LeasedAttempt lease = w1_.Start()["a"];
  bench_.Pass(std::chrono::hours(3));
  EXPECT_EQ(sessions, 1) << "nobody else was there: it may still deliver";
  EXPECT_TRUE(bench_.engine().IsLiveAttempt({run, 0, 1}, lease.token));
  w2_.Open();
  bench_.Turn();
  EXPECT_EQ(sessions, 1);
  EXPECT_EQ(w1_.Succeed(lease).status().reason(), "SESSION_UNKNOWN");
  EXPECT_EQ(*w2_.Succeed(w2_.Start()["a"]), Verdict::kOk);
}

// --- Reports

TEST_F(LeaseTest, AReportOfAnothersAttemptIsRefused) {
  w1_.Open();
  w2_.Open();
  const RunId run = bench_.Run(kOne);
  LeasedAttempt lease;
  BenchWorker* holder = nullptr;
  for (BenchWorker* worker : {&w1_, &w2_}) {
    auto leases = worker->Start();
    if (leases.empty()) continue;
    lease = leases["a"];
    holder = worker;
  }
  ASSERT_NE(holder, nullptr);
  BenchWorker& other = holder == &w1_ ? w2_ : w1_;
  EXPECT_EQ(*other.Succeed(lease), Verdict::kStaleAttempt);
  LeasedAttempt forged = lease;
  forged.token = AttemptToken("00000000000000000000000000000000.00000000");
  EXPECT_EQ(*holder->Succeed(forged), Verdict::kStaleAttempt);
  EXPECT_EQ(bench_.State(run, "a"), StepState::kRunning);
  EXPECT_EQ(*holder->Succeed(lease), Verdict::kOk);
}

TEST_F(LeaseTest, ASuccessIsNeverOverwritten) {
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  const LeasedAttempt lease = w1_.Start()["a"];
  EXPECT_EQ(*w1_.Succeed(lease), Verdict::kOk);
  EXPECT_EQ(*w1_.Fail(lease), Verdict::kStaleAttempt);
  EXPECT_EQ(*w1_.End(lease, ReportKind::kCancelled), Verdict::kStaleAttempt);
  EXPECT_EQ(*w1_.End(lease, ReportKind::kReturned), Verdict::kStaleAttempt);
  EXPECT_EQ(bench_.State(run, "a"), StepState::kSucceeded);
}

TEST_F(LeaseTest, AStartThatIsSaidTwiceOrLateChangesNothing) {
  w1_.Open();
  const RunId run = bench_.Run(kOne);
  const LeasedAttempt lease = w1_.Start()["a"];
  const Time started = bench_.Step(run, "a").started_at;
  bench_.Pass(milliseconds(50));
  EXPECT_EQ(*w1_.End(lease, ReportKind::kStarted), Verdict::kOk);
  EXPECT_EQ(bench_.Step(run, "a").started_at, started);
  EXPECT_EQ(*w1_.Succeed(lease), Verdict::kOk);
  EXPECT_EQ(*w1_.End(lease, ReportKind::kStarted), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "a"), StepState::kSucceeded);
}

// --- Capacity

TEST_F(LeaseTest, ShortStepsQueueAtTheWorkerAndKeepItBusy) {
  w1_.Open();
  std::string yaml = "name: many\nsteps:\n";
  for (int i = 0; i < 100; ++i) yaml += "- {name: s" + std::to_string(i) + ", type: noop}\n";
  const RunId run = bench_.Run(yaml);
  // Nothing is known of how long they take: one at a time.
  EXPECT_EQ(bench_.Find(run).counts.active, 1);
  int rounds = 0;
  while (bench_.Find(run).state == RunState::kRunning && ++rounds < 200) {
    const auto answer = w1_.Lease();
    ASSERT_TRUE(answer.ok());
    for (const LeasedAttempt& lease : answer->leases) {
      bench_.clock().Advance(milliseconds(1));
      ASSERT_EQ(*w1_.Succeed(lease), Verdict::kOk);
    }
    EXPECT_LE(bench_.Find(run).counts.active, 1 + 64);
  }
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  EXPECT_LT(rounds, 40) << "a backlog saves round trips";
}

TEST_F(LeaseTest, ResourcesAreNeverPromisedTwice) {
  w1_.info().cpus = 3;
  w1_.info().memory = int64_t{4} << 30;
  w1_.Open();
  const RunId run = bench_.Run(R"(
name: p
steps:
- {name: a, type: noop, resources: {cpus: 2, memory: 1GiB}}
- {name: b, type: noop, resources: {cpus: 2, memory: 1GiB}}
- {name: c, type: noop, resources: {cpus: 1, memory: 3GiB}}
)");
  auto leases = w1_.Start();
  EXPECT_THAT(leases, SizeIs(2));
  EXPECT_TRUE(leases.contains("a"));
  EXPECT_TRUE(leases.contains("c"));
  std::optional<std::vector<WorkerView>> views;
  bench_.engine().ListWorkers([&](Result<std::vector<WorkerView>> got) { views = *got; });
  bench_.Turn();
  EXPECT_EQ(views->at(0).cpus_used, 3);
  EXPECT_EQ(views->at(0).memory_used, int64_t{4} << 30);
  bench_.Pass(seconds(1));  // they are not short: nothing queues at the worker
  EXPECT_EQ(*w1_.Succeed(leases["c"]), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "b"), StepState::kReady);
  EXPECT_EQ(*w1_.Succeed(leases["a"]), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "b"), StepState::kLeased);
}

TEST_F(LeaseTest, StepsGoWhereTheirLabelsAre) {
  w1_.Open();
  w2_.info().labels["zone"] = "b";
  w2_.Open();
  const RunId run =
      bench_.Run("name: p\nsteps: [{name: a, type: noop, resources: {labels: {zone: b}}}]");
  EXPECT_THAT(w1_.Lease()->leases, IsEmpty());
  EXPECT_EQ(*w2_.Succeed(w2_.Start()["a"]), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

}  // namespace
}  // namespace penstock

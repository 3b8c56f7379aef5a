// Steps on several nodes.

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
using testing::SizeIs;
using Order = OrderWorkerCommand::Order;

constexpr char kGang[] =
    "name: gang\ndefaults: {cache: false}\nsteps:\n"
    "- {name: g, type: script, resources: {nodes: 2}, retry: {maxAttempts: 2, interval: 1s, "
    "jitter: false},\n"
    "   with: {command: [x]}}";
constexpr char kSingle[] = "name: single\ndefaults: {cache: false}\nsteps: [{name: s, type: noop}]";

class GangTest : public testing::Test {
 protected:
  ~GangTest() override { bench_.CheckInvariants(); }

  void Open() {
    for (BenchWorker* worker : {&w1_, &w2_, &w3_}) worker->Open();
  }
  // Of the gang's last attempt, by rank.
  std::vector<AttemptRecord> Ranks(const RunId& run) {
    std::vector<AttemptRecord> ranks = bench_.Attempts(run, "g");
    const int32_t last = bench_.Step(run, "g").attempt;
    std::erase_if(ranks, [&](const AttemptRecord& rank) { return rank.number != last; });
    return ranks;
  }
  std::vector<AttemptState> States(const RunId& run) {
    std::vector<AttemptState> states;
    for (const AttemptRecord& rank : Ranks(run)) states.push_back(rank.state);
    return states;
  }
  std::string Why(const RunId& run) {
    const auto reasons = bench_.Ask(&Engine::ExplainStep, ExplainCommand{run, 0});
    std::string text;
    for (const Explanation& reason : *reasons) text += reason.reason + ": " + reason.message + "\n";
    return text;
  }

  EngineBench bench_;
  BenchWorker w1_{&bench_, "w1"};
  BenchWorker w2_{&bench_, "w2"};
  BenchWorker w3_{&bench_, "w3"};
};

TEST_F(GangTest, AllRanksArePlacedAtOnceAndKnowEachOther) {
  w1_.Open();
  const RunId run = bench_.Run(kGang);
  EXPECT_THAT(w1_.Start(), IsEmpty());
  EXPECT_EQ(bench_.State(run, "g"), StepState::kReady);
  EXPECT_THAT(Why(run), HasSubstr("GANG_INCOMPLETE: it needs 2 workers at once"));
  w2_.Open();
  const LeasedAttempt zero = w1_.Start().at("g");
  const LeasedAttempt one = w2_.Start().at("g");
  EXPECT_EQ(zero.rank, 0);
  EXPECT_EQ(one.rank, 1);
  EXPECT_EQ(zero.attempt, one.attempt);
  EXPECT_NE(zero.token, one.token);
  ASSERT_THAT(one.ranks, SizeIs(2));
  EXPECT_EQ(one.ranks[0].worker, WorkerId("w1"));
  EXPECT_EQ(one.ranks[0].host, "w1");
  EXPECT_EQ(one.ranks[0].port, 29'500);
  EXPECT_EQ(one.ranks[1].host, "w2");
  EXPECT_EQ(Ranks(run)[1].address, "w2:29500");
  EXPECT_EQ(bench_.Find(run).counts.active, 1);

  StepResult result;
  result.outputs["model"] = bench_.Artifact("the model", ArtifactType::kModel);
  result.metrics["loss"] = 0.5;
  EXPECT_EQ(*w1_.Succeed(zero, result), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "g"), StepState::kRunning) << "rank 1 has not ended";
  EXPECT_EQ(*w2_.Succeed(one), Verdict::kOk);
  const StepRecord step = bench_.Step(run, "g");
  EXPECT_EQ(step.state, StepState::kSucceeded);
  EXPECT_EQ(step.result.metrics.at("loss"), 0.5);
  EXPECT_TRUE(step.result.outputs.contains("model"));
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  // Answered as before, whichever rank asks again.
  EXPECT_EQ(*w2_.Succeed(one), Verdict::kOk);
  EXPECT_EQ(*w1_.End(zero, ReportKind::kFailed), Verdict::kStaleAttempt);
}

TEST_F(GangTest, TheCoordinatorMayRestartBetweenTheReportsOfRanks) {
  Open();
  const RunId run = bench_.Run(kGang);
  const LeasedAttempt zero = w1_.Start().at("g");
  const LeasedAttempt one = w2_.Start().at("g");
  StepResult result;
  result.metrics["loss"] = 0.25;
  EXPECT_EQ(*w1_.Succeed(zero, result), Verdict::kOk);
  bench_.Restart();
  Open();
  EXPECT_EQ(bench_.State(run, "g"), StepState::kRunning);
  EXPECT_EQ(*w2_.Succeed(one), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "g"), StepState::kSucceeded);
  EXPECT_EQ(bench_.Step(run, "g").result.metrics.at("loss"), 0.25);
}

// Each would otherwise hold some of the workers and wait for the rest.
TEST_F(GangTest, TwoGangsOnThreeWorkersDoNotWaitForEachOther) {
  Open();
  const RunId first = bench_.Run(kGang);
  const RunId second = bench_.Run(kGang);
  const LeasedAttempt zero = w1_.Start().at("g");
  const LeasedAttempt one = w2_.Start().at("g");
  EXPECT_EQ(zero.run, first);
  EXPECT_EQ(one.run, first);
  EXPECT_THAT(w3_.Start(), IsEmpty()) << "nothing is held while a gang waits";
  EXPECT_THAT(Why(second), HasSubstr("1 has room now"));
  const RunId single = bench_.Run(kSingle);
  EXPECT_EQ(w3_.Start().at("s").run, single);
  EXPECT_TRUE(w1_.Succeed(zero).ok());
  EXPECT_THAT(w1_.Start(), IsEmpty());
  EXPECT_TRUE(w2_.Succeed(one).ok());
  EXPECT_EQ(w1_.Start().at("g").run, second);
  EXPECT_EQ(w2_.Start().at("g").run, second);
}

TEST_F(GangTest, TheFirstRankThatFailsEndsTheOthersAndDecides) {
  Open();
  const RunId run = bench_.Run(kGang);
  const LeasedAttempt zero = w1_.Start().at("g");
  const LeasedAttempt one = w2_.Start().at("g");
  EXPECT_TRUE(w2_.Fail(one, Cause::kStepError, "loss is NaN").ok());
  EXPECT_EQ(bench_.State(run, "g"), StepState::kRunning) << "rank 0 still runs";
  EXPECT_THAT(w1_.Lease()->cancel, ElementsAre(zero.token));
  // Over a restart, too: it is told again.
  bench_.Restart();
  Open();
  EXPECT_THAT(w1_.Lease()->cancel, ElementsAre(zero.token));
  EXPECT_TRUE(w1_.End(zero, ReportKind::kCancelled).ok());
  const std::vector<AttemptRecord> ranks = Ranks(run);
  EXPECT_EQ(ranks[0].state, AttemptState::kCancelled);
  EXPECT_EQ(ranks[0].cause, Cause::kGangEnded);
  EXPECT_EQ(ranks[0].message, "rank 1 on worker w2: loss is NaN");
  EXPECT_EQ(ranks[1].state, AttemptState::kFailed);
  StepRecord step = bench_.Step(run, "g");
  EXPECT_EQ(step.state, StepState::kRetryWait);
  EXPECT_EQ(step.failures, 1) << "one attempt, however many ranks";

  bench_.Pass(seconds(2));
  const LeasedAttempt again = w1_.Start().at("g");
  const LeasedAttempt other = w2_.Start().at("g");
  EXPECT_EQ(again.attempt, 2);
  // A rank that breaks because its peer has gone does not change what is said.
  EXPECT_TRUE(w1_.Fail(again, Cause::kOutOfMemory, "too large").ok());
  EXPECT_TRUE(w2_.Fail(other, Cause::kStepError, "connection reset").ok());
  step = bench_.Step(run, "g");
  EXPECT_EQ(step.state, StepState::kFailed);
  EXPECT_EQ(step.cause, Cause::kOutOfMemory);
  EXPECT_EQ(step.message, "rank 0 on worker w1: too large");
}

TEST_F(GangTest, WhatRankZeroLeftDoesNotCountWhereAnotherFails) {
  Open();
  const RunId run = bench_.Run(kGang);
  StepResult result;
  result.metrics["loss"] = 0.5;
  for (int attempt = 0; attempt < 2; ++attempt) {
    const LeasedAttempt zero = w1_.Start().at("g");
    EXPECT_EQ(zero.ranks[0].port, 29'500 + attempt) << "not the one that may still be taken";
    EXPECT_TRUE(w1_.Succeed(zero, result).ok());
    EXPECT_TRUE(w2_.Fail(w2_.Start().at("g")).ok());
    bench_.Pass(seconds(2));
  }
  const StepRecord step = bench_.Step(run, "g");
  EXPECT_EQ(step.state, StepState::kFailed);
  EXPECT_THAT(step.result.metrics, IsEmpty());
}

TEST_F(GangTest, ARankWhoseWorkerRestartsEndsAllAndIsTriedAgain) {
  Open();
  const RunId run = bench_.Run(kGang);
  const LeasedAttempt zero = w1_.Start().at("g");
  w2_.Start();
  w2_.Reboot();
  EXPECT_EQ(States(run), (std::vector{AttemptState::kRunning, AttemptState::kLost}));
  EXPECT_THAT(w1_.Lease()->cancel, ElementsAre(zero.token));
  EXPECT_THAT(w2_.Start(), IsEmpty()) << "rank 0 has not ended";
  EXPECT_TRUE(w1_.End(zero, ReportKind::kCancelled).ok());
  EXPECT_EQ(bench_.Step(run, "g").infra_failures, 1);
  EXPECT_EQ(bench_.Step(run, "g").failures, 0);
  bench_.Pass(minutes(0));
  int ranks = 0;
  for (BenchWorker* worker : {&w1_, &w2_, &w3_}) ranks += worker->Start().contains("g") ? 1 : 0;
  EXPECT_EQ(ranks, 2);
}

TEST_F(GangTest, ARankThatIsCutOffMayComeBackWhileTheOthersGoOn) {
  w1_.Open();
  w2_.Open();
  const RunId run = bench_.Run(kGang);
  const LeasedAttempt zero = w1_.Start().at("g");
  const LeasedAttempt one = w2_.Start().at("g");
  for (int second = 0; second < 20; second += 5) {
    bench_.Pass(seconds(5));
    EXPECT_TRUE(w1_.Heartbeat().ok());
  }
  EXPECT_EQ(States(run), (std::vector{AttemptState::kRunning, AttemptState::kRunning}));
  EXPECT_TRUE(w2_.Heartbeat()->stale.empty());
  EXPECT_EQ(*w2_.Succeed(one), Verdict::kOk);
  EXPECT_EQ(*w1_.Succeed(zero), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "g"), StepState::kSucceeded);
}

TEST_F(GangTest, ARankThatStaysAwayEndsTheAttempt) {
  Open();
  const RunId run = bench_.Run(kGang);
  const LeasedAttempt zero = w1_.Start().at("g");
  const LeasedAttempt one = w2_.Start().at("g");
  for (int second = 0; second < 35; second += 5) {
    bench_.Pass(seconds(5));
    EXPECT_TRUE(w1_.Heartbeat().ok());
    EXPECT_TRUE(w3_.Heartbeat().ok());
  }
  EXPECT_EQ(States(run), (std::vector{AttemptState::kRunning, AttemptState::kLost}));
  EXPECT_THAT(w1_.Lease()->cancel, ElementsAre(zero.token));
  EXPECT_TRUE(w1_.End(zero, ReportKind::kCancelled).ok());
  bench_.Turn();
  EXPECT_EQ(w1_.Start().at("g").ranks[1].worker, WorkerId("w3"));
  EXPECT_EQ(*w2_.Succeed(one), Verdict::kStaleAttempt);
}

TEST_F(GangTest, ARankThatStaysAwayEndsTheAttemptAlsoWhereTheOthersHaveSucceeded) {
  for (const bool before : {true, false}) {
    SCOPED_TRACE(before ? "before its lease ran out" : "after that");
    Open();
    const RunId run = bench_.Run(kGang);
    std::map<int32_t, std::pair<BenchWorker*, LeasedAttempt>> ranks;
    for (BenchWorker* worker : {&w1_, &w2_, &w3_}) {
      const auto leases = worker->Start();
      if (leases.contains("g")) ranks[leases.at("g").rank] = {worker, leases.at("g")};
    }
    ASSERT_THAT(ranks, SizeIs(2));
    const auto succeed = [&] {
      EXPECT_EQ(*ranks[0].first->Succeed(ranks[0].second), Verdict::kOk);
    };
    if (before) succeed();
    for (int second = 0; second < 40; second += 5) {
      bench_.Pass(seconds(5));
      for (BenchWorker* worker : {&w1_, &w2_, &w3_}) {
        if (worker == ranks[1].first) continue;
        EXPECT_TRUE(worker->Heartbeat().ok());
      }
      if (!before && second == 20) succeed();
    }
    EXPECT_EQ(bench_.Step(run, "g").attempt, 2) << "it is tried again";
    EXPECT_EQ(bench_.Step(run, "g").infra_failures, 1);
    EXPECT_TRUE(
        bench_.Ask(&Engine::CancelRun, CancelRunCommand{run, Principal("user:ada"), "", true})
            .ok());
    bench_.Pass(minutes(2));
  }
}

// The coordinator's own network is gone: nobody is nearer than the others.
TEST_F(GangTest, AGangThatIsCutOffAsAWholeGoesOnWhenItIsBack) {
  w1_.Open();
  w2_.Open();
  const RunId run = bench_.Run(kGang);
  const LeasedAttempt zero = w1_.Start().at("g");
  const LeasedAttempt one = w2_.Start().at("g");
  bench_.Pass(minutes(5));
  bench_.Pass(minutes(5));
  EXPECT_EQ(States(run), (std::vector{AttemptState::kRunning, AttemptState::kRunning}));
  EXPECT_TRUE(w1_.Heartbeat()->stale.empty());
  EXPECT_TRUE(w2_.Heartbeat()->stale.empty());
  EXPECT_EQ(*w1_.Succeed(zero), Verdict::kOk);
  EXPECT_EQ(*w2_.Succeed(one), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "g"), StepState::kSucceeded);
}

TEST_F(GangTest, AGangThatIsCutOffAsAWholeIsPlacedElsewhereWhereThereIsRoom) {
  w1_.Open();
  w2_.Open();
  const RunId run = bench_.Run(kGang);
  const LeasedAttempt zero = w1_.Start().at("g");
  w2_.Start();
  bench_.Restart();  // and they do not come back
  bench_.Pass(seconds(20));
  BenchWorker w4(&bench_, "w4");
  w3_.Open();
  w4.Open();
  EXPECT_EQ(w3_.Start().at("g").attempt, 2);
  EXPECT_EQ(w4.Start().at("g").rank, 1);
  EXPECT_EQ(bench_.Step(run, "g").infra_failures, 1);
  w1_.Open();
  EXPECT_EQ(*w1_.Succeed(zero), Verdict::kStaleAttempt);
}

TEST_F(GangTest, ACancelEndsAllRanks) {
  Open();
  const RunId run = bench_.Run(kGang);
  const LeasedAttempt zero = w1_.Start().at("g");
  const LeasedAttempt one = w2_.Start().at("g");
  ASSERT_TRUE(bench_.Ask(&Engine::CancelRun, CancelRunCommand{.run = run}).ok());
  EXPECT_THAT(w1_.Lease()->cancel, ElementsAre(zero.token));
  EXPECT_TRUE(w1_.End(zero, ReportKind::kCancelled).ok());
  bench_.Restart();
  Open();
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelling);
  EXPECT_THAT(w2_.Lease()->cancel, ElementsAre(one.token));
  EXPECT_TRUE(w2_.End(one, ReportKind::kCancelled).ok());
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelled);
  EXPECT_EQ(bench_.State(run, "g"), StepState::kCancelled);
  EXPECT_EQ(Ranks(run)[1].cause, Cause::kCancelled);
}

TEST_F(GangTest, ACancelDoesNotWaitForARankThatIsGone) {
  w1_.Open();
  w2_.Open();
  const RunId run = bench_.Run(kGang);
  const LeasedAttempt zero = w1_.Start().at("g");
  w2_.Start();
  ASSERT_TRUE(bench_.Ask(&Engine::CancelRun, CancelRunCommand{.run = run}).ok());
  EXPECT_TRUE(w1_.End(zero, ReportKind::kCancelled).ok());
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelling);
  bench_.Pass(seconds(20));
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelled);
}

TEST_F(GangTest, ADrainMovesTheWholeGangWithoutAFailure) {
  Open();
  const RunId run = bench_.Run(kGang);
  const LeasedAttempt zero = w1_.Start().at("g");
  const LeasedAttempt one = w2_.Start().at("g");
  ASSERT_TRUE(bench_
                  .Ask(&Engine::OrderWorker,
                       OrderWorkerCommand{WorkerId("w2"), Order::kDrain, Micros(0), Principal("u")})
                  .ok());
  EXPECT_THAT(w2_.Lease()->cancel, ElementsAre(one.token));
  EXPECT_TRUE(w2_.End(one, ReportKind::kCancelled).ok());
  EXPECT_THAT(w1_.Lease()->cancel, ElementsAre(zero.token));
  bench_.Restart();
  Open();
  EXPECT_TRUE(w1_.End(zero, ReportKind::kCancelled).ok());
  EXPECT_EQ(bench_.Attempts(run, "g")[0].cause, Cause::kGangEnded);
  const StepRecord step = bench_.Step(run, "g");
  EXPECT_EQ(step.failures, 0);
  EXPECT_EQ(step.infra_failures, 0);
  const LeasedAttempt again = w1_.Start().at("g");
  EXPECT_EQ(again.ranks[1].worker, WorkerId("w3"));
}

TEST_F(GangTest, ARankThatNeverBeganIsNobodysFailure) {
  Open();
  const RunId run = bench_.Run(kGang);
  const LeasedAttempt zero = w1_.Start().at("g");
  const auto sent = w2_.Lease();
  ASSERT_THAT(sent->leases, SizeIs(1));
  EXPECT_TRUE(w2_.End(sent->leases[0], ReportKind::kReturned).ok());
  EXPECT_TRUE(w1_.End(zero, ReportKind::kCancelled).ok());
  EXPECT_EQ(bench_.Step(run, "g").attempt, 2);
  EXPECT_EQ(bench_.Step(run, "g").failures + bench_.Step(run, "g").infra_failures, 0);
}

// Each single step takes a worker as soon as one is free, and lasts.
TEST_F(GangTest, AStreamOfSingleStepsDoesNotStarveAGang) {
  w1_.Open();
  w2_.Open();
  for (int i = 0; i < 40; ++i) bench_.Run(kSingle);
  std::map<BenchWorker*, LeasedAttempt> running = {{&w1_, w1_.Start().at("s")},
                                                   {&w2_, w2_.Start().at("s")}};
  SubmitRunCommand submission = bench_.SubmissionOf(kGang);
  submission.priority = 1;
  const auto submitted = bench_.Ask(&Engine::SubmitRun, std::move(submission));
  ASSERT_TRUE(submitted.ok());
  int singles = 0;
  for (int turn = 0; turn < 40 && bench_.State(submitted->run.id, "g") == StepState::kReady;
       ++turn) {
    bench_.Pass(seconds(3));
    BenchWorker* worker = turn % 2 == 0 ? &w1_ : &w2_;
    BenchWorker* other = turn % 2 == 0 ? &w2_ : &w1_;
    EXPECT_TRUE(other->Heartbeat().ok());
    if (const auto found = running.find(worker); found != running.end()) {
      EXPECT_TRUE(worker->Succeed(found->second).ok());
      running.erase(found);
    }
    if (bench_.State(submitted->run.id, "g") != StepState::kReady) break;
    if (auto next = worker->Start(); next.contains("s")) {
      running[worker] = next.at("s");
      ++singles;
    }
  }
  EXPECT_EQ(bench_.State(submitted->run.id, "g"), StepState::kLeased);
  EXPECT_LE(singles, 6);
}

TEST_F(GangTest, TooFewWorkersAreAWarningAtSubmission) {
  w1_.Open();
  const auto answer = bench_.Ask(&Engine::SubmitRun, bench_.SubmissionOf(kGang));
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_THAT(answer->warnings, SizeIs(1));
  EXPECT_THAT(answer->warnings[0].message,
              HasSubstr("only 1 of the 2 workers that it needs at once can run step g"));
}

TEST_F(GangTest, WorkersThatShareAHostGetNoPortTwice) {
  for (BenchWorker* worker : {&w1_, &w2_}) {
    worker->info().address = "127.0.0.1";
    worker->Open();
  }
  const RunId run = bench_.Run(kGang);
  const LeasedAttempt zero = w1_.Start().at("g");
  EXPECT_EQ(zero.ranks[0].port, 29'500);
  EXPECT_EQ(zero.ranks[1].port, 29'501);
  w2_.Start();
  // The ledger is made again from the rows.
  bench_.Restart();
  for (BenchWorker* worker : {&w1_, &w2_}) {
    worker->info().cpus = 2;
    worker->Open();
  }
  bench_.Run(kGang);
  const LeasedAttempt second = w1_.Start().at("g");
  EXPECT_EQ(second.ranks[0].port, 29'502);
  EXPECT_EQ(second.ranks[1].port, 29'503);
}

TEST_F(GangTest, AGpuThatIsTakenIsNamedWithWhoHasIt) {
  w1_.info().cpus = 8;
  w1_.info().gpus = 2;
  w1_.Open();
  const std::string one = "name: n\nsteps: [{name: s, type: noop, resources: {gpus: 1}}]";
  const RunId first = bench_.Run(one);
  bench_.Run(one);
  const RunId third = bench_.Run(one);
  EXPECT_EQ(w1_.Start().at("s").gpus, 1);
  EXPECT_EQ(bench_.State(third, "s"), StepState::kReady);
  EXPECT_THAT(Why(third), HasSubstr("0 of 2 GPUs; the step needs 1 cpus, 1 GPUs"));
  EXPECT_THAT(Why(third), HasSubstr("step s of " + first.value() +
                                    " has 1 cpus, 1 GPUs of worker "
                                    "w1"));
}

}  // namespace
}  // namespace penstock

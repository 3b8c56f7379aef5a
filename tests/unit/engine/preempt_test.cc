// Steps that give way to a higher priority, and go on from where they were.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/model/limits.h"
#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kTrain[] = R"(
name: low
steps: [{name: train, type: script, preemptible: true, checkpointGrace: 5s, with: {command: [x]}}]
)";
constexpr char kStubborn[] = "name: stubborn\nsteps: [{name: train, type: noop}]";
constexpr char kUrgent[] = "name: high\nsteps: [{name: a, type: noop}]";

class PreemptTest : public testing::Test {
 protected:
  ~PreemptTest() override { bench_.CheckInvariants(); }

  RunId Submit(std::string_view yaml, int32_t priority = 0, const std::string& queue = "") {
    SubmitRunCommand command = bench_.SubmissionOf(yaml);
    command.priority = priority;
    command.queue = queue;
    command.no_cache = true;
    const auto answer = bench_.Ask(&Engine::SubmitRun, std::move(command));
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->run.id : RunId();
  }
  std::string Why(const RunId& run) {
    const auto reasons = bench_.Ask(&Engine::ExplainStep, ExplainCommand{run, 0});
    std::string text;
    for (const Explanation& reason : *reasons) text += reason.reason + ": " + reason.message + "\n";
    return text;
  }
  // The worker says that the attempt has left.
  Result<Verdict> Leave(BenchWorker& worker, const LeasedAttempt& lease,
                        std::optional<ArtifactRef> checkpoint = {}) {
    StepReport report = ReportOf(lease, ReportKind::kCancelled);
    report.cause = Cause::kPreempted;
    report.checkpoint = std::move(checkpoint);
    return worker.Report(std::move(report));
  }
  std::vector<AttemptToken> Told(BenchWorker& worker) {
    std::vector<AttemptToken> tokens;
    const auto answer = worker.Lease();
    EXPECT_TRUE(answer.ok()) << answer.status();
    for (const Preemption& each : answer->preempt) tokens.push_back(each.token);
    return tokens;
  }

  static EngineOptions Options() {
    EngineOptions options;
    options.queues = {{"other", {}}};
    return options;
  }
  EngineBench bench_{Options()};
  BenchWorker w1_{&bench_, "w1"};
  BenchWorker w2_{&bench_, "w2"};
};

TEST_F(PreemptTest, WithoutAWordOfTheDefinitionItHasTheUsualTime) {
  w1_.Open();
  Submit(
      "name: low\nsteps: [{name: train, type: script, preemptible: true, with: {command: [x]}}]");
  w1_.Start();
  Submit(kUrgent, 10);
  const auto told = w1_.Lease();
  ASSERT_TRUE(told.ok());
  ASSERT_THAT(told->preempt, SizeIs(1));
  EXPECT_EQ(told->preempt[0].grace, limits::kCheckpointGrace);
}

TEST_F(PreemptTest, WhatIsPlacedAndTakenBackInOneTurnIsWrittenAsBoth) {
  BenchWorker wide(&bench_, "wide", 4);
  wide.Open();
  Submit(R"(
name: b
steps: [{name: train, type: script, preemptible: true, resources: {cpus: 3}, with: {command: [x]}}]
)");
  wide.Start();
  // In one turn: the one fits and is placed, and then has to make room for the other.
  SubmitRunCommand low = bench_.SubmissionOf(kTrain);
  SubmitRunCommand high =
      bench_.SubmissionOf("name: h\nsteps: [{name: a, type: noop, resources: {cpus: 4}}]");
  high.priority = 10;
  low.no_cache = true;
  std::vector<Result<SubmitRunAnswer>> answers;
  for (const SubmitRunCommand& command : {low, high}) {
    bench_.engine().SubmitRun(
        command, [&](Result<SubmitRunAnswer> answer) { answers.push_back(std::move(answer)); });
  }
  bench_.Turn();
  ASSERT_THAT(answers, SizeIs(2));
  for (const auto& answer : answers) EXPECT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(bench_.engine().metrics().commit_failures.load(), 0);
  const auto attempts = bench_.Attempts(answers[0]->run.id, "train");
  ASSERT_THAT(attempts, SizeIs(1));
  EXPECT_EQ(attempts[0].state, AttemptState::kLost);
  EXPECT_EQ(bench_.State(answers[0]->run.id, "train"), StepState::kReady);
}

TEST_F(PreemptTest, AHigherPriorityTakesItsPlaceAndItGoesOnFromItsCheckpoint) {
  w1_.Open();
  const RunId low = Submit(kTrain);
  const LeasedAttempt first = w1_.Start().at("train");
  EXPECT_FALSE(first.checkpoint.has_value());
  const RunId high = Submit(kUrgent, 10);
  const auto told = w1_.Lease();
  ASSERT_TRUE(told.ok());
  ASSERT_THAT(told->preempt, SizeIs(1));
  EXPECT_EQ(told->preempt[0].token, first.token);
  EXPECT_EQ(told->preempt[0].grace, seconds(5));
  EXPECT_THAT(told->cancel, IsEmpty());
  EXPECT_THAT(told->leases, IsEmpty());
  EXPECT_THAT(Why(high), HasSubstr("PREEMPTING: waits until train of " + low.value() +
                                   ", which has a lower priority, has made room on worker w1"));
  const std::string to = "it gave way to step a of " + high.value() + ", which has priority 10";
  EXPECT_THAT(Why(low), HasSubstr("PREEMPTED: it is being stopped: " + to));
  EXPECT_THAT(Told(w1_), IsEmpty()) << "once is enough";

  const ArtifactRef state = bench_.Artifact("epoch 7");
  EXPECT_EQ(*Leave(w1_, first, state), Verdict::kOk);
  EXPECT_EQ(*Leave(w1_, first, state), Verdict::kOk) << "the same again: its answer was lost";
  StepRecord step = bench_.Step(low, "train");
  EXPECT_EQ(step.state, StepState::kReady);
  EXPECT_EQ(step.preemptions, 1);
  EXPECT_EQ(step.failures, 0);
  EXPECT_EQ(step.infra_failures, 0);
  ASSERT_TRUE(step.checkpoint.has_value());
  EXPECT_EQ(step.checkpoint->digest, state.digest);
  const auto attempts = bench_.Attempts(low, "train");
  ASSERT_THAT(attempts, SizeIs(1));
  EXPECT_EQ(attempts[0].state, AttemptState::kCancelled);
  EXPECT_EQ(attempts[0].cause, Cause::kPreempted);
  EXPECT_EQ(attempts[0].message, to);

  const auto next = w1_.Start();
  ASSERT_THAT(next, SizeIs(1));
  EXPECT_EQ(next.at("a").run, high);
  EXPECT_THAT(Why(low), HasSubstr("gave way 1 time to a higher priority, and goes on from"));
  bench_.Restart();
  w1_.Open();
  EXPECT_EQ(*w1_.Succeed(next.at("a")), Verdict::kOk);
  const LeasedAttempt second = w1_.Start().at("train");
  EXPECT_EQ(second.attempt, 2);
  ASSERT_TRUE(second.checkpoint.has_value());
  EXPECT_EQ(second.checkpoint->digest, state.digest);
  EXPECT_EQ(*w1_.Succeed(second), Verdict::kOk);
  step = bench_.Step(low, "train");
  EXPECT_FALSE(step.checkpoint.has_value()) << "nobody needs it any more";
  EXPECT_EQ(step.preemptions, 1);
}

TEST_F(PreemptTest, WithoutACheckpointTheEarlierOneStays) {
  w1_.Open();
  const RunId low = Submit(kTrain);
  const ArtifactRef state = bench_.Artifact("epoch 7");
  for (const bool saves : {true, false}) {
    const LeasedAttempt lease = w1_.Start().at("train");
    Submit(kUrgent, 10);
    EXPECT_THAT(Told(w1_), ElementsAre(lease.token));
    EXPECT_EQ(*Leave(w1_, lease, saves ? std::optional(state) : std::nullopt), Verdict::kOk);
    EXPECT_EQ(*w1_.Succeed(w1_.Start().at("a")), Verdict::kOk);
  }
  EXPECT_EQ(bench_.Step(low, "train").preemptions, 2);
  EXPECT_EQ(w1_.Start().at("train").checkpoint->digest, state.digest);
}

TEST_F(PreemptTest, NobodyElseGivesWay) {
  w1_.Open();
  const RunId stubborn = Submit(kStubborn);
  w1_.Start();
  const RunId high = Submit(kUrgent, 10);
  EXPECT_THAT(Told(w1_), IsEmpty());
  EXPECT_THAT(Why(high), HasSubstr("WORKER_BUSY"));
  w2_.Open();
  EXPECT_EQ(w2_.Start().at("a").run, high);
  BenchWorker w3(&bench_, "w3");
  w3.Open();
  Submit(kTrain, 5);
  EXPECT_THAT(w3.Start(), SizeIs(1));
  Submit(kUrgent, 5);
  Submit(kUrgent, 100, "other");
  for (BenchWorker* worker : {&w1_, &w2_, &w3}) EXPECT_THAT(Told(*worker), IsEmpty());
}

TEST_F(PreemptTest, NotWhereThereIsRoomElsewhere) {
  w1_.Open();
  Submit(kTrain);
  w1_.Start();
  w2_.Open();
  const RunId high = Submit(kUrgent, 10);
  EXPECT_THAT(Told(w1_), IsEmpty());
  EXPECT_EQ(w2_.Start().at("a").run, high);
}

TEST_F(PreemptTest, WhatWasNotSentYetIsTakenBackAtOnce) {
  w1_.Open();
  const RunId low = Submit(kTrain);
  EXPECT_EQ(bench_.State(low, "train"), StepState::kLeased);
  const RunId high = Submit(kUrgent, 10);
  const auto leases = w1_.Start();
  ASSERT_THAT(leases, SizeIs(1));
  EXPECT_EQ(leases.at("a").run, high);
  EXPECT_EQ(bench_.State(low, "train"), StepState::kReady);
  EXPECT_EQ(bench_.Step(low, "train").preemptions, 0);
}

TEST_F(PreemptTest, ARestartOfTheCoordinatorInBetween) {
  w1_.Open();
  const RunId low = Submit(kTrain);
  const LeasedAttempt lease = w1_.Start().at("train");
  const RunId high = Submit(kUrgent, 10);
  EXPECT_THAT(Told(w1_), ElementsAre(lease.token));
  bench_.Restart();
  w1_.Open();
  EXPECT_THAT(Told(w1_), ElementsAre(lease.token)) << "it may not have heard of it";
  EXPECT_EQ(*Leave(w1_, lease), Verdict::kOk);
  EXPECT_EQ(w1_.Start().at("a").run, high);
  EXPECT_EQ(bench_.Step(low, "train").preemptions, 1);
}

TEST_F(PreemptTest, ARestartOfTheCoordinatorAndTheClaimantIsGone) {
  w1_.Open();
  const RunId low = Submit(kTrain);
  const LeasedAttempt lease = w1_.Start().at("train");
  const RunId high = Submit(kUrgent, 10);
  EXPECT_THAT(Told(w1_), ElementsAre(lease.token));
  ASSERT_TRUE(
      bench_.Ask(&Engine::CancelRun, CancelRunCommand{high, Principal("user:ada"), "", false})
          .ok());
  bench_.Restart();
  w1_.Open();
  EXPECT_THAT(Told(w1_), IsEmpty());
  EXPECT_EQ(*Leave(w1_, lease), Verdict::kOk);
  EXPECT_THAT(bench_.Attempts(low, "train")[0].message, HasSubstr(high.value()))
      << "its row has kept it";
  EXPECT_EQ(w1_.Start().at("train").attempt, 2);
  EXPECT_EQ(bench_.Step(low, "train").failures, 0);
}

TEST_F(PreemptTest, WhoSucceedsAllTheSameHasSucceeded) {
  w1_.Open();
  const RunId low = Submit(kTrain);
  const LeasedAttempt lease = w1_.Start().at("train");
  Submit(kUrgent, 10);
  EXPECT_THAT(Told(w1_), ElementsAre(lease.token));
  EXPECT_EQ(*w1_.Succeed(lease), Verdict::kOk);
  EXPECT_EQ(bench_.Find(low).state, RunState::kSucceeded);
  EXPECT_EQ(bench_.Step(low, "train").preemptions, 0);
  EXPECT_THAT(w1_.Start(), SizeIs(1));
}

TEST_F(PreemptTest, ACheckpointHasToBeThere) {
  w1_.Open();
  const RunId low = Submit(kTrain);
  const LeasedAttempt lease = w1_.Start().at("train");
  Submit(kUrgent, 10);
  Told(w1_);
  ArtifactRef missing;
  missing.digest = Digest(std::string(64, 'a'));
  EXPECT_EQ(*Leave(w1_, lease, missing), Verdict::kMissingArtifact);
  EXPECT_EQ(bench_.State(low, "train"), StepState::kRunning);
  EXPECT_EQ(*Leave(w1_, lease), Verdict::kOk);
}

TEST_F(PreemptTest, ACancelOfWhatGivesWayEndsIt) {
  w1_.Open();
  const RunId low = Submit(kTrain);
  const LeasedAttempt lease = w1_.Start().at("train");
  const RunId high = Submit(kUrgent, 10);
  Told(w1_);
  ASSERT_TRUE(
      bench_.Ask(&Engine::CancelRun, CancelRunCommand{low, Principal("user:ada"), "", false}).ok());
  EXPECT_THAT(w1_.Lease()->cancel, ElementsAre(lease.token));
  EXPECT_EQ(*Leave(w1_, lease), Verdict::kOk);
  EXPECT_EQ(bench_.Find(low).state, RunState::kCancelled);
  EXPECT_EQ(w1_.Start().at("a").run, high);
}

TEST_F(PreemptTest, ADrainsDeadlineLeavesTimeForACheckpoint) {
  w1_.Open();
  const RunId low = Submit(kTrain);
  const LeasedAttempt lease = w1_.Start().at("train");
  ASSERT_TRUE(bench_
                  .Ask(&Engine::OrderWorker,
                       OrderWorkerCommand{WorkerId("w1"), OrderWorkerCommand::Order::kDrain,
                                          Micros(minutes(1)), Principal("user:ann")})
                  .ok());
  for (int i = 0; i < 6; ++i) {
    EXPECT_THAT(Told(w1_), IsEmpty());
    bench_.Pass(seconds(10));
  }
  EXPECT_THAT(Told(w1_), ElementsAre(lease.token));
  const ArtifactRef state = bench_.Artifact("epoch 7");
  EXPECT_EQ(*Leave(w1_, lease, state), Verdict::kOk);
  w2_.Open();
  EXPECT_EQ(w2_.Start().at("train").checkpoint->digest, state.digest);
  EXPECT_EQ(bench_.Step(low, "train").preemptions, 0) << "no priority was higher";
  EXPECT_EQ(bench_.Attempts(low, "train")[0].message, "its worker is being drained");
}

}  // namespace
}  // namespace penstock

// What becomes of runs while nothing goes wrong but the steps themselves.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/digest.h"
#include "base/text.h"
#include "storage/db/database.h"
#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RunTest : public testing::Test {
 protected:
  ~RunTest() override { bench_.CheckInvariants(); }
  EngineBench bench_;
  BenchWorker worker_{&bench_, "w1", 4};
};

constexpr char kChain[] = R"(
name: chain
steps:
- {name: a, type: noop}
- {name: b, type: noop, dependsOn: [a]}
)";

TEST_F(RunTest, AChainRunsToItsEnd) {
  worker_.Open();
  const RunId run = bench_.Run(kChain);
  EXPECT_EQ(bench_.Find(run).state, RunState::kRunning);
  EXPECT_EQ(bench_.Find(run).name, "chain-1");
  EXPECT_EQ(bench_.State(run, "a"), StepState::kLeased);
  EXPECT_EQ(bench_.State(run, "b"), StepState::kWaiting);

  auto leases = worker_.Start();
  ASSERT_THAT(leases, SizeIs(1));
  EXPECT_EQ(bench_.State(run, "a"), StepState::kRunning);
  EXPECT_EQ(leases["a"].attempt, 1);
  EXPECT_TRUE(bench_.engine().IsLiveAttempt({run, 0, 1}, leases["a"].token));
  bench_.Pass(milliseconds(20));
  EXPECT_EQ(*worker_.Succeed(leases["a"]), Verdict::kOk);
  EXPECT_FALSE(bench_.engine().IsLiveAttempt({run, 0, 1}, leases["a"].token));
  EXPECT_EQ(bench_.State(run, "b"), StepState::kLeased);
  EXPECT_THAT(bench_.ended(), IsEmpty());

  leases = worker_.Start();
  EXPECT_EQ(*worker_.Succeed(leases["b"]), Verdict::kOk);
  const RunRecord record = bench_.Find(run);
  EXPECT_EQ(record.state, RunState::kSucceeded);
  EXPECT_EQ(record.counts.succeeded, 2);
  EXPECT_EQ(record.ended_at - record.started_at, milliseconds(20));
  EXPECT_THAT(bench_.ended(), ElementsAre(run));
  const StepRecord a = bench_.Step(run, "a");
  EXPECT_EQ(a.ended_at - a.started_at, milliseconds(20));
  EXPECT_EQ(a.worker, "w1");
}

TEST_F(RunTest, AShortAttemptMayReportItsEndAlone) {
  worker_.Open();
  const RunId run = bench_.Run("name: p\nsteps: [{name: a, type: noop}]");
  const auto answer = worker_.Lease();
  EXPECT_EQ(*worker_.Succeed(answer->leases.at(0)), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

TEST_F(RunTest, RunsWithoutWorkersWaitAndSayWhy) {
  SubmitRunCommand command = bench_.SubmissionOf(kChain);
  auto answer = bench_.Ask(&Engine::SubmitRun, command);
  ASSERT_TRUE(answer.ok());
  ASSERT_THAT(answer->warnings, SizeIs(1));
  EXPECT_THAT(answer->warnings[0].message, HasSubstr("no worker is connected"));
  EXPECT_EQ(bench_.State(answer->run.id, "a"), StepState::kReady);

  worker_.Open();
  command = bench_.SubmissionOf("name: big\nsteps: [{name: a, type: noop, resources: {cpus: 64}}]");
  answer = bench_.Ask(&Engine::SubmitRun, command);
  ASSERT_TRUE(answer.ok());
  ASSERT_THAT(answer->warnings, SizeIs(1));
  EXPECT_EQ(answer->warnings[0].path, "steps[0]");
  EXPECT_THAT(answer->warnings[0].message, HasSubstr("64"));
}

TEST_F(RunTest, ARunThatBeginsWithAnApprovalSaysAsWellThatThereIsNoWorker) {
  const auto answer = bench_.Ask(
      &Engine::SubmitRun,
      bench_.SubmissionOf("name: late\nsteps:\n- {name: ask, type: approval}\n"
                          "- {name: a, type: noop, dependsOn: [ask]}"));
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_THAT(answer->warnings, SizeIs(1));
  EXPECT_THAT(answer->warnings[0].message, HasSubstr("no worker is connected"));
}

TEST_F(RunTest, EachStepThatNobodyCanRunIsNamedUpToTen) {
  worker_.Open();
  std::string yaml = "name: big\nsteps:\n- {name: fits, type: noop}\n";
  for (int i = 0; i < 12; ++i) {
    yaml += "- {name: big" + std::to_string(i) + ", type: noop, resources: {cpus: 64}}\n";
  }
  const auto answer = bench_.Ask(&Engine::SubmitRun, bench_.SubmissionOf(yaml));
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_THAT(answer->warnings, SizeIs(10));
  EXPECT_EQ(answer->warnings[9].path, "steps[10]");
  EXPECT_THAT(answer->warnings[9].message, HasSubstr("big9: worker"));
}

TEST_F(RunTest, FailuresAreTriedAgainByThePolicyAndThenFail) {
  worker_.Open();
  const RunId run = bench_.Run(R"(
name: p
steps:
- {name: a, type: noop, retry: {maxAttempts: 3, interval: 1s, backoff: 2.0, jitter: false}}
- {name: after, type: noop, dependsOn: [a]}
)");
  EXPECT_EQ(*worker_.Fail(worker_.Start()["a"]), Verdict::kOk);
  StepRecord step = bench_.Step(run, "a");
  EXPECT_EQ(step.state, StepState::kRetryWait);
  EXPECT_EQ(step.retry_at - bench_.clock().Now(), seconds(1));
  bench_.Pass(milliseconds(999));
  EXPECT_EQ(bench_.State(run, "a"), StepState::kRetryWait);
  bench_.Pass(milliseconds(1));
  EXPECT_EQ(bench_.State(run, "a"), StepState::kLeased);

  EXPECT_EQ(*worker_.Fail(worker_.Start()["a"], Cause::kTimeout), Verdict::kOk);
  bench_.Pass(milliseconds(1999));
  EXPECT_EQ(bench_.State(run, "a"), StepState::kRetryWait);
  bench_.Pass(milliseconds(1));
  EXPECT_EQ(*worker_.Fail(worker_.Start()["a"], Cause::kStepError, "still broken"), Verdict::kOk);

  step = bench_.Step(run, "a");
  EXPECT_EQ(step.state, StepState::kFailed);
  EXPECT_EQ(step.attempt, 3);
  EXPECT_EQ(step.failures, 3);
  EXPECT_EQ(step.message, "still broken");
  EXPECT_EQ(bench_.State(run, "after"), StepState::kSkipped);
  EXPECT_EQ(bench_.Step(run, "after").cause, Cause::kUpstreamFailed);
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);
  EXPECT_EQ(bench_.Find(run).message, "step a: still broken");
  const auto attempts = bench_.Attempts(run, "a");
  ASSERT_THAT(attempts, SizeIs(3));
  EXPECT_EQ(attempts[1].cause, Cause::kTimeout);
}

TEST_F(RunTest, ATolerableFailureDoesNotFailTheRun) {
  worker_.Open();
  const RunId run = bench_.Run(R"(
name: p
steps:
- {name: a, type: noop, continueOnFailure: true}
- {name: b, type: noop}
)");
  auto leases = worker_.Start();
  EXPECT_EQ(*worker_.Fail(leases["a"]), Verdict::kOk);
  EXPECT_EQ(*worker_.Succeed(leases["b"]), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "a"), StepState::kFailed);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

// --- Control steps

constexpr char kGate[] = R"(
name: gate
parameters: {least: {type: number, default: 0.9}}
steps:
- {name: score, type: noop, with: {metrics: {auc: 0.92}, output_bytes: 8}}
- name: good
  type: condition
  if: [{left: "${steps.score.metrics.auc}", op: ">=", right: "${parameters.least}"}]
  then: [keep]
  else: [reject]
- {name: keep, type: noop}
- {name: reject, type: fail, with: {message: "AUC ${steps.score.metrics.auc} is too low"}}
)";

StepResult Auc(double auc) {
  StepResult result;
  result.metrics["auc"] = auc;
  return result;
}

TEST_F(RunTest, AConditionTakesOneBranchAndSkipsTheOther) {
  worker_.Open();
  const RunId run = bench_.Run(kGate);
  EXPECT_EQ(*worker_.Succeed(worker_.Start()["score"], Auc(.95)), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "good"), StepState::kSucceeded);
  EXPECT_EQ(bench_.Step(run, "good").branch, "then");
  EXPECT_THAT(bench_.Step(run, "good").message, HasSubstr("0.95"));
  EXPECT_EQ(bench_.State(run, "reject"), StepState::kSkipped);
  EXPECT_EQ(bench_.Step(run, "reject").cause, Cause::kNotChosen);
  EXPECT_EQ(*worker_.Succeed(worker_.Start()["keep"]), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

TEST_F(RunTest, AFailStepFailsTheRunWithItsMessage) {
  worker_.Open();
  const RunId run = bench_.Run(kGate, {{"least", 0.99}});
  EXPECT_EQ(*worker_.Succeed(worker_.Start()["score"], Auc(.95)), Verdict::kOk);
  EXPECT_EQ(bench_.Step(run, "good").branch, "else");
  EXPECT_EQ(bench_.State(run, "keep"), StepState::kSkipped);
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);
  EXPECT_EQ(bench_.Find(run).message, "step reject: AUC 0.95 is too low");
  EXPECT_EQ(bench_.Step(run, "reject").cause, Cause::kFailStep);
}

TEST_F(RunTest, AnUndefinedMetricFailsTheConditionAndIsNeverFalse) {
  worker_.Open();
  const RunId run = bench_.Run(kGate);
  EXPECT_EQ(*worker_.Succeed(worker_.Start()["score"], Auc(std::nan(""))), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "good"), StepState::kFailed);
  EXPECT_EQ(bench_.Step(run, "good").cause, Cause::kMetricUndefined);
  EXPECT_EQ(bench_.State(run, "keep"), StepState::kSkipped);
  EXPECT_EQ(bench_.State(run, "reject"), StepState::kSkipped);
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);
}

TEST_F(RunTest, AConditionOnAMetricThatIsNotThereNamesThoseThatAre) {
  worker_.Open();
  const RunId run = bench_.Run(kGate);
  StepResult result;
  result.metrics = {{"acu", 0.9}, {"rows", 10}};
  EXPECT_EQ(*worker_.Succeed(worker_.Start()["score"], result), Verdict::kOk);
  EXPECT_THAT(
      bench_.Step(run, "good").message,
      HasSubstr("${steps.score.metrics.auc} has no value: step score reported no metric auc "
                "(did you mean acu?); a condition"));
  const RunId other = bench_.Run(kGate);
  result.metrics = {{"rmse", 0.9}, {"rows", 10}};
  EXPECT_EQ(*worker_.Succeed(worker_.Start()["score"], result), Verdict::kOk);
  EXPECT_THAT(bench_.Step(other, "good").message, HasSubstr("it reported rmse, rows; a condition"));
}

TEST_F(RunTest, RegistersAModelOnceWithItsProvenance) {
  worker_.Open();
  const ArtifactRef model = bench_.Artifact("a model", ArtifactType::kModel);
  const ArtifactRef file = bench_.Artifact("a file");
  constexpr char kRegister[] = R"(
name: p
parameters: {model: {type: dataset}}
steps:
- {name: register, type: register, inputs: {model: "${parameters.model}"}, with: {group: census}}
)";
  const RunId run = bench_.Run(kRegister, {{"model", "artifact:" + FormatDigest(model.digest)}});
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  EXPECT_EQ(bench_.Step(run, "register").model_version, "census/1");
  auto version = bench_.store().reader().GetModelVersion(GroupName("census"), 1);
  ASSERT_TRUE(version.ok()) << version.status();
  EXPECT_EQ(version->run, run);
  EXPECT_EQ(version->step, "register");
  EXPECT_EQ(version->model, model);
  EXPECT_EQ(version->principal, Principal("user:ada"));
  EXPECT_EQ(version->status, ModelStatus::kPendingManualApproval);

  // Another run makes another version; what is no model is refused.
  bench_.Run(kRegister, {{"model", "artifact:" + FormatDigest(model.digest)}});
  EXPECT_EQ(bench_.store().reader().GetModelVersion(GroupName("census"), 0)->version, 2);
  const RunId wrong = bench_.Run(kRegister, {{"model", "artifact:" + FormatDigest(file.digest)}});
  EXPECT_EQ(bench_.Find(wrong).state, RunState::kFailed);
  EXPECT_THAT(bench_.Find(wrong).message, HasSubstr("is a file, not a model"));
  EXPECT_EQ(bench_.store().reader().GetModelVersion(GroupName("census"), 0)->version, 2);
}

// --- Data

TEST_F(RunTest, OutputsReachTheNextStepAndMustBeInTheStore) {
  worker_.Open();
  const RunId run = bench_.Run(R"(
name: p
steps:
- {name: a, type: noop, with: {output_bytes: 3}}
- {name: b, type: noop, inputs: {data: "${steps.a.outputs.data}"}}
)");
  auto leases = worker_.Start();
  StepResult result;
  result.outputs["data"] = {.digest = Sha256("abc"), .type = ArtifactType::kFile, .size = 3};
  EXPECT_EQ(*worker_.Succeed(leases["a"], result), Verdict::kMissingArtifact);
  EXPECT_EQ(bench_.State(run, "a"), StepState::kRunning);

  CommitArtifactCommand commit;
  commit.ref = result.outputs["data"];
  commit.principal = Principal("worker:w1");
  commit.attempt = leases["a"].token;
  ASSERT_TRUE(bench_.Ask(&Engine::CommitArtifact, commit).ok());
  EXPECT_EQ(*bench_.store().reader().CountAttemptHolds(), 1);
  EXPECT_EQ(*worker_.Succeed(leases["a"], result), Verdict::kOk);
  EXPECT_EQ(*bench_.store().reader().CountAttemptHolds(), 0);

  leases = worker_.Start();
  ASSERT_THAT(leases["b"].inputs, SizeIs(1));
  EXPECT_THAT(leases["b"].inputs[0].artifacts, ElementsAre(result.outputs["data"]));
  EXPECT_EQ(*worker_.Succeed(leases["b"]), Verdict::kOk);
  const auto artifact = bench_.store().reader().GetArtifact(Sha256("abc"));
  EXPECT_EQ(artifact->run, run);
  EXPECT_EQ(artifact->step, "a");
  EXPECT_EQ(artifact->output, "data");
}

TEST_F(RunTest, AnUploadForAnAttemptThatIsOverIsRefused) {
  worker_.Open();
  bench_.Run("name: p\nsteps: [{name: a, type: noop}]");
  auto leases = worker_.Start();
  EXPECT_EQ(*worker_.Succeed(leases["a"]), Verdict::kOk);
  CommitArtifactCommand commit;
  commit.ref = {.digest = Sha256("late"), .size = 4};
  commit.principal = Principal("worker:w1");
  commit.attempt = leases["a"].token;
  EXPECT_EQ(bench_.Ask(&Engine::CommitArtifact, commit).status().reason(), "STALE_ATTEMPT");
  EXPECT_FALSE(*bench_.store().reader().HasArtifact(Sha256("late")));
}

TEST_F(RunTest, AParameterThatCameFromAStepIsJudgedWhenItIsThere) {
  worker_.Open();
  const RunId run = bench_.Run(R"(
name: p
steps:
- {name: a, type: noop, with: {metrics: {m: 1}}}
- {name: b, type: noop, with: {output_bytes: "${steps.a.metrics.m}"}}
)");
  StepResult result;
  result.metrics["m"] = -5;
  EXPECT_EQ(*worker_.Succeed(worker_.Start()["a"], result), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "b"), StepState::kFailed);
  EXPECT_EQ(bench_.Step(run, "b").cause, Cause::kBadReference);
  EXPECT_THAT(bench_.Step(run, "b").message, HasSubstr("output_bytes"));
}

// --- Submission

TEST_F(RunTest, TheSameKeyIsTheSameRunAlsoAfterARestart) {
  SubmitRunCommand command = bench_.SubmissionOf(kChain);
  command.idempotency_key = "k1";
  const auto first = bench_.Ask(&Engine::SubmitRun, command);
  const auto second = bench_.Ask(&Engine::SubmitRun, command);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_TRUE(first->created);
  EXPECT_FALSE(second->created);
  EXPECT_EQ(first->run.id, second->run.id);

  bench_.Restart();
  EXPECT_EQ(bench_.Ask(&Engine::SubmitRun, command)->run.id, first->run.id);
  command.tags["k"] = "v";
  EXPECT_EQ(bench_.Ask(&Engine::SubmitRun, command).status().reason(), "IDEMPOTENCY_CONFLICT");
  // Another's key is another key.
  command.principal = Principal("user:bob");
  EXPECT_NE(bench_.Ask(&Engine::SubmitRun, command)->run.id, first->run.id);
}

TEST_F(RunTest, WhatCannotRunIsRefusedAndLeavesNothing) {
  SubmitRunCommand command = bench_.SubmissionOf(R"(
name: p
parameters: {data: {type: dataset}, n: {type: integer, default: 1, maximum: 5}}
steps: [{name: a, type: noop, inputs: {data: "${parameters.data}"}}]
)");
  command.idempotency_key = "k";
  auto refused = [&] { return bench_.Ask(&Engine::SubmitRun, command).status(); };
  EXPECT_EQ(refused().code(), StatusCode::kInvalidArgument);  // data is not given
  command.parameters["data"] = "artifact:" + FormatDigest(Sha256("nowhere"));
  EXPECT_EQ(refused().code(), StatusCode::kNotFound);
  EXPECT_THAT(refused().message(), HasSubstr("data"));
  command.parameters["data"] = "artifact:" + FormatDigest(bench_.Artifact("here").digest);
  command.parameters["n"] = 6;
  EXPECT_EQ(refused().code(), StatusCode::kInvalidArgument);
  command.parameters.erase("n");
  for (int i = 0; i < 33; ++i) command.tags["t" + std::to_string(i)] = "v";
  EXPECT_EQ(refused().code(), StatusCode::kInvalidArgument);
  command.tags.clear();
  command.pipeline = PipelineName("q");
  EXPECT_EQ(refused().code(), StatusCode::kNotFound);
  command.pipeline = PipelineName("p");
  command.version = 2;
  EXPECT_EQ(refused().code(), StatusCode::kNotFound);
  EXPECT_EQ(*bench_.store().LastRunRow(), 0);
  command.version = 1;
  EXPECT_TRUE(refused().ok());
}

TEST_F(RunTest, ArtifactsThatInputsNameMustBeThereAndAreTheRuns) {
  const std::string address = "artifact:" + FormatDigest(Sha256("here"));
  const SubmitRunCommand command = bench_.SubmissionOf(
      "name: p\nsteps: [{name: a, type: noop, inputs: {data: \"" + address + "#rows.csv\"}}]");
  const Status refused = bench_.Ask(&Engine::SubmitRun, command).status();
  EXPECT_EQ(refused.reason(), "ARTIFACT_NOT_FOUND");
  EXPECT_THAT(refused.message(), HasSubstr("step a, input data"));
  EXPECT_EQ(*bench_.store().LastRunRow(), 0);

  bench_.Artifact("here");
  const auto run = bench_.Ask(&Engine::SubmitRun, command);
  ASSERT_TRUE(run.ok()) << run.status();
  std::vector<int64_t> rows;
  const auto used = bench_.store().reader().ListArtifacts("", run->run.id, 0, 10, &rows);
  ASSERT_THAT(*used, SizeIs(1));
  EXPECT_EQ(used->front().ref.digest, Sha256("here"));
}

TEST_F(RunTest, LongMessagesAreCutBetweenCharacters) {
  worker_.Open();
  const RunId run = bench_.Run("name: p\nsteps: [{name: a, type: noop}]");
  std::string message = "x";
  while (message.size() <= limits::kMaxErrorMessageBytes) message += "ä";
  EXPECT_EQ(*worker_.Fail(worker_.Start()["a"], Cause::kStepError, message), Verdict::kOk);
  const StepRecord step = bench_.Step(run, "a");
  EXPECT_EQ(step.message.size(), limits::kMaxErrorMessageBytes - 1);
  EXPECT_TRUE(IsUtf8(step.message));
  EXPECT_TRUE(IsUtf8(bench_.Find(run).message));
}

// --- Cancel

TEST_F(RunTest, CancelReachesRunningStepsAndEndsTheRest) {
  worker_.Open();
  const RunId run = bench_.Run(R"(
name: p
steps:
- {name: a, type: noop}
- {name: b, type: noop, dependsOn: [a]}
- {name: c, type: noop, dependsOn: [b]}
)");
  auto leases = worker_.Start();
  CancelRunCommand cancel{.run = run, .principal = Principal("user:bob"), .comment = "enough"};
  auto answer = bench_.Ask(&Engine::CancelRun, cancel);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->state, RunState::kCancelling);
  EXPECT_EQ(bench_.State(run, "b"), StepState::kCancelled);
  EXPECT_EQ(bench_.State(run, "a"), StepState::kRunning);
  EXPECT_EQ(bench_.Ask(&Engine::CancelRun, cancel)->state, RunState::kCancelling);

  EXPECT_THAT(worker_.Lease()->cancel, ElementsAre(leases["a"].token));
  EXPECT_EQ(*worker_.End(leases["a"], ReportKind::kCancelled), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelled);
  EXPECT_EQ(bench_.Find(run).message, "cancelled by user:bob: enough");
  // Ended runs stay as they are.
  EXPECT_EQ(bench_.Ask(&Engine::CancelRun, cancel)->state, RunState::kCancelled);
  cancel.run = RunId("run-00000000000000000000000000");
  EXPECT_EQ(bench_.Ask(&Engine::CancelRun, cancel).status().code(), StatusCode::kNotFound);
}

TEST_F(RunTest, ASuccessThatCameBeforeTheCancelIsNotTakenBack) {
  worker_.Open();
  const RunId run = bench_.Run(kChain);
  auto leases = worker_.Start();
  ASSERT_TRUE(bench_.Ask(&Engine::CancelRun, {.run = run, .principal = Principal("u")}).ok());
  // It succeeded while the word was on its way.
  EXPECT_EQ(*worker_.Succeed(leases["a"]), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "a"), StepState::kSucceeded);
  EXPECT_EQ(bench_.State(run, "b"), StepState::kCancelled);
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelled);
}

TEST_F(RunTest, ARunThatEndedInTheSameTurnIsNotCancelled) {
  worker_.Open();
  const RunId run = bench_.Run("name: p\nsteps: [{name: a, type: noop}]");
  const LeasedAttempt lease = worker_.Start()["a"];
  bench_.engine().ReportSteps(
      {.session = worker_.session(), .reports = {ReportOf(lease, ReportKind::kSucceeded)}},
      [](const Result<ReportStepsAnswer>& answer) { EXPECT_TRUE(answer.ok()); });
  const auto answer = bench_.Ask(&Engine::CancelRun, {.run = run, .principal = Principal("u")});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->state, RunState::kSucceeded);
  EXPECT_EQ(answer->message, "");
  EXPECT_EQ(answer->revision, bench_.Find(run).revision);
  EXPECT_EQ(bench_.Find(run).message, "");
  auto database = Database::Open(bench_.store().path(), {.read_only = true});
  auto row = (*database)->Prepare("SELECT cancelled_by FROM runs");
  ASSERT_TRUE(*row->Step());
  EXPECT_EQ(row->Text(0), "");
}

TEST_F(RunTest, AFailureDuringCancelIsNotTriedAgain) {
  worker_.Open();
  const RunId run = bench_.Run("name: p\nsteps: [{name: a, type: noop, retry: {maxAttempts: 5}}]");
  auto leases = worker_.Start();
  ASSERT_TRUE(bench_.Ask(&Engine::CancelRun, {.run = run, .principal = Principal("u")}).ok());
  EXPECT_EQ(*worker_.Fail(leases["a"]), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "a"), StepState::kCancelled);
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelled);
}

TEST_F(RunTest, CancelEndsStepsThatWaitForTheirRetry) {
  worker_.Open();
  const RunId run = bench_.Run("name: p\nsteps: [{name: a, type: noop, retry: {maxAttempts: 5}}]");
  EXPECT_EQ(*worker_.Fail(worker_.Start()["a"]), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "a"), StepState::kRetryWait);
  EXPECT_EQ(bench_.Ask(&Engine::CancelRun, {.run = run, .principal = Principal("u")})->state,
            RunState::kCancelled);
  bench_.Pass(seconds(60));  // the timer finds nobody
  EXPECT_EQ(bench_.State(run, "a"), StepState::kCancelled);
}

// --- Limits of a run

TEST_F(RunTest, MaxParallelStepsHolds) {
  worker_.Open();
  std::string yaml = "name: p\nmaxParallelSteps: 2\nsteps:\n";
  for (int i = 0; i < 4; ++i) yaml += "- {name: s" + std::to_string(i) + ", type: noop}\n";
  const RunId run = bench_.Run(yaml);
  EXPECT_EQ(bench_.Find(run).counts.active, 2);
  auto leases = worker_.Start();
  ASSERT_THAT(leases, SizeIs(2));
  EXPECT_EQ(*worker_.Succeed(leases["s0"]), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).counts.active, 2);
  EXPECT_THAT(worker_.Start(), SizeIs(1));
}

TEST_F(RunTest, WatchersSeeEveryCommitInOrder) {
  worker_.Open();
  std::vector<RunUpdate> seen;
  const RunId run = bench_.Run(kChain);
  const auto listener = bench_.engine().events().Subscribe(
      run, [&](const std::shared_ptr<const RunUpdate>& update) { seen.push_back(*update); });
  auto leases = worker_.Start();
  EXPECT_EQ(*worker_.Succeed(leases["a"]), Verdict::kOk);
  worker_.held().clear();
  leases = worker_.Start();
  worker_.held().at(0).progress = 0.5;
  worker_.held().at(0).progress_note = "half";
  ASSERT_TRUE(worker_.Heartbeat().ok());
  EXPECT_EQ(*worker_.Succeed(leases["b"]), Verdict::kOk);
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().run.state, RunState::kSucceeded);
  int64_t last = 0;
  bool progressed = false;
  for (const RunUpdate& update : seen) {
    if (update.progress_only) {
      progressed = true;
      EXPECT_EQ(update.run.revision, last);
      EXPECT_EQ(update.steps.at(0).progress_note, "half");
    } else {
      EXPECT_GT(update.run.revision, last);
    }
    last = update.run.revision;
  }
  EXPECT_TRUE(progressed);
  EXPECT_EQ(last, bench_.Find(run).revision);
}

}  // namespace
}  // namespace penstock

// The coordinator ends without a word, at any moment, and another takes over the database.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/fault_point.h"
#include "storage/db/database.h"
#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class RecoveryTest : public testing::Test {
 protected:
  ~RecoveryTest() override { bench_.CheckInvariants(); }
  EngineBench bench_;
  BenchWorker w1_{&bench_, "w1", 2};
  BenchWorker w2_{&bench_, "w2", 2};
};

constexpr char kDiamond[] = R"(
name: diamond
steps:
- {name: a, type: noop, with: {metrics: {auc: 1}}}
- {name: b, type: noop, dependsOn: [a]}
- {name: c, type: noop, dependsOn: [a]}
- name: gate
  type: condition
  if: [{left: "${steps.a.metrics.auc}", op: ">", right: 0.5}]
  dependsOn: [b, c]
  then: [d]
  else: [no]
- {name: d, type: noop}
- {name: no, type: fail, with: {message: "no"}}
)";

TEST_F(RecoveryTest, ARestartAfterEveryTurnChangesNothing) {
  w1_.Open();
  const RunId run = bench_.Run(kDiamond);
  std::map<std::string, LeasedAttempt> running;
  for (int turn = 0; turn < 20 && bench_.Find(run).state == RunState::kRunning; ++turn) {
    bench_.Restart();
    bench_.CheckInvariants();
    EXPECT_THAT(w1_.Open().stale, IsEmpty());
    running.merge(w1_.Start());
    bench_.Restart();
    w1_.Open();
    ASSERT_FALSE(running.empty());
    StepResult result;
    if (running.begin()->first == "a") result.metrics["auc"] = 0.75;
    EXPECT_EQ(*w1_.Succeed(running.begin()->second, result), Verdict::kOk);
    running.erase(running.begin());
  }
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  for (const char* name : {"a", "b", "c", "d"}) {
    int succeeded = 0;
    for (const AttemptRecord& attempt : bench_.Attempts(run, name)) {
      succeeded += attempt.state == AttemptState::kSucceeded;
    }
    EXPECT_EQ(succeeded, 1) << name;
  }
  EXPECT_EQ(bench_.Step(run, "gate").branch, "then");
  EXPECT_EQ(bench_.State(run, "no"), StepState::kSkipped);
}

TEST_F(RecoveryTest, AReportThatWasAcceptedIsAcceptedAgain) {
  w1_.Open();
  const RunId run = bench_.Run("name: p\nsteps: [{name: a, type: noop}]");
  const LeasedAttempt lease = w1_.Start()["a"];
  EXPECT_EQ(*w1_.Succeed(lease), Verdict::kOk);
  bench_.Restart();  // the worker never heard the answer
  w1_.held().push_back(
      {.run = lease.run, .step = lease.step, .attempt = 1, .token = lease.token, .running = true});
  EXPECT_THAT(w1_.Open().stale, ElementsAre(lease.token));
  EXPECT_EQ(*w1_.Succeed(lease), Verdict::kOk);
  EXPECT_EQ(*w1_.Fail(lease), Verdict::kStaleAttempt);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

TEST_F(RecoveryTest, AWorkerThatNeverComesBackLosesItsStepsAfterItsLease) {
  w1_.Open();
  const RunId run = bench_.Run("name: p\nsteps: [{name: a, type: noop}]");
  const LeasedAttempt lease = w1_.Start()["a"];
  bench_.Restart();
  w2_.Open();
  EXPECT_THAT(w2_.Lease()->leases, IsEmpty());
  bench_.Pass(seconds(10));
  ASSERT_TRUE(w2_.Heartbeat().ok());
  bench_.Pass(seconds(6));
  const LeasedAttempt second = w2_.Start()["a"];
  EXPECT_EQ(second.attempt, 2);
  EXPECT_EQ(*w2_.Succeed(second), Verdict::kOk);
  EXPECT_THAT(w1_.Open().stale, ElementsAre(lease.token));
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

TEST_F(RecoveryTest, ARestartOfBothLosesTheAttemptAtOnce) {
  w1_.Open();
  const RunId run = bench_.Run("name: p\nsteps: [{name: a, type: noop}]");
  w1_.Start();
  bench_.Restart();
  w1_.Reboot();
  ASSERT_THAT(bench_.Attempts(run, "a"), SizeIs(2));
  EXPECT_EQ(bench_.Attempts(run, "a")[0].cause, Cause::kWorkerRestarted);
  EXPECT_EQ(*w1_.Succeed(w1_.Start()["a"]), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

TEST_F(RecoveryTest, AWaitForARetryIsKept) {
  w1_.Open();
  const RunId run = bench_.Run(R"(
name: p
steps: [{name: a, type: noop, retry: {maxAttempts: 2, interval: 10s, jitter: false}}]
)");
  EXPECT_EQ(*w1_.Fail(w1_.Start()["a"]), Verdict::kOk);
  bench_.Pass(seconds(4));
  bench_.Restart();
  w1_.Open();
  bench_.Pass(milliseconds(5999));
  EXPECT_EQ(bench_.State(run, "a"), StepState::kRetryWait);
  bench_.Pass(milliseconds(1));
  EXPECT_EQ(bench_.State(run, "a"), StepState::kLeased);
  // The failures before the restart count.
  EXPECT_EQ(*w1_.Fail(w1_.Start()["a"]), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "a"), StepState::kFailed);
}

TEST_F(RecoveryTest, ACancelGoesOn) {
  w1_.Open();
  const RunId run =
      bench_.Run("name: p\nsteps: [{name: a, type: noop}, {name: b, type: noop, dependsOn: [a]}]");
  const LeasedAttempt lease = w1_.Start()["a"];
  ASSERT_TRUE(bench_.Ask(&Engine::CancelRun, {.run = run, .principal = Principal("u")}).ok());
  bench_.Restart();
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelling);
  w1_.Open();
  EXPECT_THAT(w1_.Lease()->cancel, ElementsAre(lease.token)) << "it is told again";
  EXPECT_EQ(*w1_.End(lease, ReportKind::kCancelled), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelled);
}

TEST_F(RecoveryTest, ACancelWhoseWorkerIsGoneEndsWithTheLease) {
  w1_.Open();
  const RunId run = bench_.Run("name: p\nsteps: [{name: a, type: noop}]");
  w1_.Start();
  ASSERT_TRUE(bench_.Ask(&Engine::CancelRun, {.run = run, .principal = Principal("u")}).ok());
  bench_.Restart();
  bench_.Pass(seconds(16));
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelled);
}

TEST_F(RecoveryTest, ResultsOfEarlierStepsAreStillThere) {
  w1_.Open();
  const RunId run = bench_.Run(R"(
name: p
steps:
- {name: a, type: noop, with: {output_bytes: 3, metrics: {m: 1}}}
- {name: b, type: noop, inputs: {data: "${steps.a.outputs.data}"},
   with: {message: "m is ${steps.a.metrics.m}"}}
)");
  const ArtifactRef ref = bench_.Artifact("abc");
  StepResult result;
  result.outputs["data"] = ref;
  result.metrics["m"] = 2.5;
  EXPECT_EQ(*w1_.Succeed(w1_.Start()["a"], result), Verdict::kOk);
  bench_.Restart();
  bench_.Restart();
  w1_.Open();
  const LeasedAttempt lease = w1_.Start()["b"];
  ASSERT_THAT(lease.inputs, SizeIs(1));
  EXPECT_THAT(lease.inputs[0].artifacts, ElementsAre(ref));
  EXPECT_THAT(lease.parameters_json, testing::HasSubstr("m is 2.5"));
  EXPECT_EQ(*w1_.Succeed(lease), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

// --- Definitions that this program does not accept

class UnreadableTest : public RecoveryTest {
 protected:
  ~UnreadableTest() override { EXPECT_TRUE(InitFaults("", "").ok()); }

  // As another release might have stored it.
  void Spoil(const char* sql) {
    auto database = Database::Open(bench_.store().path(), {});
    ASSERT_TRUE(database.ok()) << database.status();
    const Status status = (*database)->Execute(sql);
    ASSERT_TRUE(status.ok()) << status;
  }

  static constexpr char kOld[] = R"(
name: old
steps:
- {name: a, type: noop}
- {name: b, type: noop}
- {name: c, type: noop, dependsOn: [b]}
)";
  static constexpr char kSpoil[] =
      "UPDATE pipeline_versions SET definition = replace(definition, 'noop', 'nap') "
      "WHERE name = 'old'";
};

TEST_F(UnreadableTest, TheirRunsEndAndTheOthersGoOn) {
  w1_.Open();
  const RunId old = bench_.Run(kOld);
  std::map<std::string, LeasedAttempt> leases = w1_.Start();
  EXPECT_EQ(*w1_.Succeed(leases["a"]), Verdict::kOk);
  const RunId other = bench_.Run("name: p\nsteps: [{name: a, type: noop}]");
  const LeasedAttempt lease = w1_.Start()["a"];
  CommitArtifactCommand upload;
  upload.ref = {.digest = Sha256("x"), .type = ArtifactType::kFile, .size = 1};
  upload.attempt = leases["b"].token;
  ASSERT_TRUE(bench_.Ask(&Engine::CommitArtifact, upload).ok());

  Spoil(kSpoil);
  bench_.Restart();
  const RunRecord run = bench_.Find(old);
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_THAT(run.message, testing::HasSubstr("pipeline old@1 is not valid for this server"));
  EXPECT_THAT(run.message, testing::HasSubstr("steps[0].type")) << "what is wrong with it";
  EXPECT_EQ(run.counts.succeeded, 1);
  EXPECT_EQ(run.counts.cancelled, 2);
  EXPECT_EQ(bench_.State(old, "a"), StepState::kSucceeded);
  EXPECT_EQ(bench_.State(old, "b"), StepState::kCancelled);
  EXPECT_EQ(bench_.State(old, "c"), StepState::kCancelled);
  ASSERT_THAT(bench_.Attempts(old, "b"), SizeIs(1));
  EXPECT_EQ(bench_.Attempts(old, "b")[0].state, AttemptState::kLost);
  EXPECT_EQ(*bench_.store().reader().CountAttemptHolds(), 0);
  EXPECT_THAT(bench_.ended(), ElementsAre(old));
  bench_.CheckInvariants();

  EXPECT_THAT(w1_.Open().stale, ElementsAre(leases["b"].token));
  EXPECT_EQ(*w1_.Succeed(leases["b"]), Verdict::kStaleAttempt);
  EXPECT_EQ(*w1_.Succeed(lease), Verdict::kOk);
  EXPECT_EQ(bench_.Find(other).state, RunState::kSucceeded);
  bench_.Restart();
  EXPECT_EQ(bench_.Find(old).revision, run.revision);
}

TEST_F(UnreadableTest, ADefinitionThatMakesOtherStepsIsOneOfThem) {
  const RunId run = bench_.Run(kOld);
  bench_.SubmissionOf("name: short\nsteps: [{name: a, type: noop}]");
  Spoil(
      "UPDATE pipeline_versions SET definition = "
      "(SELECT definition FROM pipeline_versions WHERE name = 'short') WHERE name = 'old'");
  bench_.Restart();
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);
  EXPECT_THAT(bench_.Find(run).message, testing::HasSubstr("has 3 steps"));
}

TEST_F(UnreadableTest, ARunThatWasBeingCancelledIsCancelled) {
  w1_.Open();
  const RunId run = bench_.Run(kOld);
  w1_.Start();
  ASSERT_TRUE(bench_.Ask(&Engine::CancelRun, {.run = run, .principal = Principal("u")}).ok());
  Spoil(kSpoil);
  bench_.Restart();
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelled);
}

TEST_F(UnreadableTest, OnAFullDiskTheyWaitForRoom) {
  const RunId run = bench_.Run(kOld);
  Spoil(kSpoil);
  ASSERT_TRUE(InitFaults("metadata.commit=enospc@all", "").ok());
  bench_.Restart();
  EXPECT_TRUE(bench_.engine().read_only());
  EXPECT_EQ(bench_.Find(run).state, RunState::kRunning);
  EXPECT_THAT(bench_.ended(), IsEmpty());
  bench_.Pass(seconds(5));
  ASSERT_TRUE(InitFaults("", "").ok());
  bench_.Pass(seconds(2));
  EXPECT_FALSE(bench_.engine().read_only());
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);
}

TEST_F(RecoveryTest, RowsOfRunsAreNeverGivenTwice) {
  const RunId first = bench_.Run("name: p\nsteps: [{name: a, type: noop}]");
  bench_.Restart();
  const RunId second = bench_.Run("name: p\nsteps: [{name: a, type: noop}]");
  EXPECT_LT(bench_.Find(first).row, bench_.Find(second).row);
  EXPECT_EQ(bench_.Find(second).name, "p-2");
}

}  // namespace
}  // namespace penstock

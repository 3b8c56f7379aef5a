// A database that cannot be written.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/fault_point.h"
#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::seconds;
using testing::IsEmpty;

class DiskTest : public testing::Test {
 protected:
  ~DiskTest() override {
    Arm("");
    bench_.CheckInvariants();
  }
  static void Arm(const std::string& faults) { ASSERT_TRUE(InitFaults(faults, "").ok()); }
  EngineBench bench_;
  BenchWorker worker_{&bench_, "w1"};
};

constexpr char kOne[] = "name: one\nsteps: [{name: a, type: noop}]";

TEST_F(DiskTest, AFullDiskStopsChangesAndLosesNothing) {
  worker_.Open();
  const RunId run = bench_.Run(kOne);
  const LeasedAttempt lease = worker_.Start()["a"];
  SubmitRunCommand another = bench_.SubmissionOf(kOne);

  Arm("metadata.commit=enospc@all");
  EXPECT_EQ(worker_.Succeed(lease).status().reason(), "DISK_FULL");
  EXPECT_TRUE(bench_.engine().read_only());
  EXPECT_EQ(bench_.State(run, "a"), StepState::kRunning);
  EXPECT_EQ(bench_.Ask(&Engine::SubmitRun, another).status().reason(), "READ_ONLY");
  EXPECT_EQ(worker_.Heartbeat().status().reason(), "SESSION_UNKNOWN") << "memory was rebuilt";
  bench_.Pass(seconds(60));
  EXPECT_TRUE(bench_.engine().read_only());

  Arm("");
  bench_.Pass(seconds(2));
  EXPECT_FALSE(bench_.engine().read_only());
  worker_.held().push_back(
      {.run = run, .step = 0, .attempt = 1, .token = lease.token, .running = true});
  EXPECT_THAT(worker_.Open().stale, IsEmpty());
  EXPECT_EQ(*worker_.Succeed(lease), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  EXPECT_EQ(bench_.Attempts(run, "a").size(), 1U);
  EXPECT_TRUE(bench_.Ask(&Engine::SubmitRun, another).ok());
}

TEST_F(DiskTest, AfterAFullDiskLeasesStartAnew) {
  worker_.Open();
  const RunId run = bench_.Run(kOne);
  const LeasedAttempt lease = worker_.Start()["a"];
  Arm("metadata.commit=enospc@all");
  EXPECT_FALSE(worker_.Succeed(lease).ok());
  bench_.Pass(seconds(300));
  Arm("");
  bench_.Pass(seconds(2));
  // Another worker is quicker to come back: it must not get what the first one still runs.
  BenchWorker other(&bench_, "w2");
  other.Open();
  EXPECT_THAT(other.Lease()->leases, IsEmpty());
  worker_.held().push_back(
      {.run = run, .step = 0, .attempt = 1, .token = lease.token, .running = true});
  EXPECT_THAT(worker_.Open().stale, IsEmpty());
  EXPECT_EQ(*worker_.Succeed(lease), Verdict::kOk);
}

TEST_F(DiskTest, EveryCommandOfAFailedTurnIsRefused) {
  SubmitRunCommand command = bench_.SubmissionOf(kOne);
  Arm("metadata.commit=enospc@1");
  std::vector<Status> answers;
  for (int i = 0; i < 3; ++i) {
    bench_.engine().SubmitRun(
        command, [&](const Result<SubmitRunAnswer>& got) { answers.push_back(got.status()); });
  }
  bench_.Turn();
  ASSERT_EQ(answers.size(), 3U);
  for (const Status& status : answers) EXPECT_EQ(status.reason(), "DISK_FULL");
  EXPECT_EQ(*bench_.store().LastRunRow(), 0);
}

// What cannot be read is not what is not there.
TEST_F(DiskTest, AFailedReadFailsNoStep) {
  const ArtifactRef data = bench_.Artifact("rows");
  const RunId run = bench_.Run("name: p\nsteps: [{name: a, type: noop, inputs: {data: \"artifact:" +
                               FormatDigest(data.digest) + "\"}}]");
  Arm("metadata.get_artifact=enospc@1");
  const auto opened = bench_.Ask(&Engine::OpenSession, {.worker = worker_.info(), .held = {}});
  EXPECT_EQ(opened.status().reason(), "DISK_FULL") << "the step was to be leased in this turn";
  EXPECT_EQ(bench_.State(run, "a"), StepState::kReady);
  Arm("");
  bench_.Pass(seconds(2));
  worker_.Open();
  const LeasedAttempt lease = worker_.Start()["a"];
  ASSERT_EQ(lease.inputs.size(), 1U);
  EXPECT_EQ(lease.inputs[0].artifacts, std::vector{data});
}

TEST_F(DiskTest, AFailedReadFailsNoRegistration) {
  const ArtifactRef model = bench_.Artifact("a model", ArtifactType::kModel);
  const SubmitRunCommand command =
      bench_.SubmissionOf("name: p\nsteps: [{name: r, type: register, inputs: {model: \"artifact:" +
                          FormatDigest(model.digest) + "\"}, with: {group: g}}]");
  Arm("metadata.get_artifact=enospc@2");  // the first is the submission's own
  EXPECT_EQ(bench_.Ask(&Engine::SubmitRun, command).status().reason(), "DISK_FULL");
  EXPECT_EQ(*bench_.store().LastRunRow(), 0);
  Arm("");
  bench_.Pass(seconds(2));
  const auto run = bench_.Ask(&Engine::SubmitRun, command);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(bench_.Step(run->run.id, "r").model_version, "g/1");
}

TEST_F(DiskTest, AFailedReadMakesNoReportStale) {
  worker_.Open();
  const RunId run = bench_.Run(kOne);
  const LeasedAttempt lease = worker_.Start()["a"];
  EXPECT_EQ(*worker_.Succeed(lease), Verdict::kOk);
  Arm("metadata.get_attempt=enospc@1");
  EXPECT_EQ(worker_.Succeed(lease).status().reason(), "DISK_FULL");
  Arm("");
  bench_.Pass(seconds(2));
  worker_.Open();
  EXPECT_EQ(*worker_.Succeed(lease), Verdict::kOk);
}

TEST_F(DiskTest, WhatFollowsAFailureInItsTurnIsNotKept) {
  const ArtifactRef model = bench_.Artifact("a model", ArtifactType::kModel);
  std::vector<std::string> reasons;
  Arm("metadata.get_artifact=enospc@1");
  bench_.engine().RegisterModel(
      {.group = GroupName("g"), .model = model.digest, .principal = Principal("user:ada")},
      [&](const Result<ModelVersionRecord>& got) { reasons.push_back(got.status().reason()); });
  CommitArtifactCommand commit;
  commit.ref = {.digest = Sha256("later"), .type = ArtifactType::kFile, .size = 5};
  commit.principal = Principal("user:ada");
  bench_.engine().CommitArtifact(
      commit, [&](const Result<ArtifactRecord>& got) { reasons.push_back(got.status().reason()); });
  bench_.Turn();
  EXPECT_EQ(reasons, (std::vector<std::string>{"DISK_FULL", "DISK_FULL"}));
  EXPECT_FALSE(*bench_.store().reader().HasArtifact(Sha256("later")));
}

TEST_F(DiskTest, AnInputOutputErrorEndsTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        EngineBench bench;
        Arm("metadata.commit=eio@all");
        bench.SubmissionOf(kOne);
      },
      testing::ExitedWithCode(1), "");
}

}  // namespace
}  // namespace penstock

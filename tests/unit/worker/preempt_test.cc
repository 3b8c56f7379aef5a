// Attempts that are told to leave: what a script may save, and what its next attempt finds.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/worker/eventually.h"
#include "tests/unit/worker/fake_coordinator.h"
#include "worker/agent/executor.h"

namespace penstock {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using testing::Contains;
using testing::HasSubstr;

class PreemptTest : public testing::Test {
 protected:
  PreemptTest() {
    config_.coordinator = fake_.address();
    config_.cpus = 2;
    config_.memory = int64_t{1} << 30;
    config_.kill_grace = milliseconds(500);
    coordinator_ = *Coordinator::Connect(config_);
    transfer_ = std::make_unique<Transfer>(*coordinator_, *store_, cache_);
    std::filesystem::create_directory(folder_.path() / "work");
    executor_ =
        std::make_unique<Executor>(Executor::Deps{.config = &config_,
                                                  .store = store_.get(),
                                                  .cache = &cache_,
                                                  .transfer = transfer_.get(),
                                                  .program = RunnerProgram(),
                                                  .data_folder = folder_.path(),
                                                  .work_folder = folder_.path() / "work",
                                                  .owner = folder_.path().string() + "#test",
                                                  .report = [this](v1::StepReport report) {
                                                    const MutexLock lock(mutex_);
                                                    reports_.push_back(std::move(report));
                                                  }});
  }
  ~PreemptTest() override { coordinator_->Stop(); }

  v1::Lease Lease(const std::string& token, const std::string& type, const Json& parameters) {
    v1::Lease lease;
    lease.set_run_id("run-1");
    lease.set_step_name("step");
    lease.set_attempt(1);
    lease.set_token(token);
    lease.set_type(type);
    lease.set_parameters_json(DumpJson(parameters));
    lease.set_cpus(1);
    return lease;
  }
  // `program`: of a shell, which runs once it has said so.
  v1::Lease Script(const std::string& token, const std::string& program) {
    return Lease(token, "script", {{"isolation", "none"}, {"command", {"/bin/sh", "-c", program}}});
  }
  // Waits for what it touches when it is ready to be told.
  std::string Ready() const { return (folder_.path() / "ready").string(); }
  void LeaveOnceReady(const std::string& token, Micros grace) {
    EXPECT_TRUE(Eventually([&] { return std::filesystem::exists(Ready()); }));
    executor_->Preempt(token, grace);
  }
  v1::StepReport End(const std::string& token) {
    v1::StepReport end;
    EXPECT_TRUE(Eventually([&] {
      const MutexLock lock(mutex_);
      for (const v1::StepReport& report : reports_) {
        if (report.token() != token || report.kind() == v1::StepReport::STARTED) continue;
        end = report;
        return true;
      }
      return false;
    })) << "no report of "
        << token;
    return end;
  }

  FakeCoordinator fake_;
  TempFolder folder_ = *TempFolder::Make("/tmp");
  WorkerConfig config_;
  std::unique_ptr<LocalArtifactStore> store_ =
      *LocalArtifactStore::Open(folder_.path() / "store", {.sync = false, .clean = true});
  ArtifactCache cache_{*store_, {.max_bytes = 1 << 20}};
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<Transfer> transfer_;
  Mutex mutex_;
  std::vector<v1::StepReport> reports_ PENSTOCK_GUARDED_BY(mutex_);
  std::unique_ptr<Executor> executor_;
};

TEST_F(PreemptTest, WhatAScriptSavesIsKeptAndFoundByTheNext) {
  executor_->Lease(Script("t1",
                          "trap 'echo 7 > $PENSTOCK_CHECKPOINT_DIR/epoch; exit 75' USR1; "
                          "touch " +
                              Ready() + "; while :; do sleep 0.02; done"));
  LeaveOnceReady("t1", minutes(10));
  const v1::StepReport left = End("t1");
  EXPECT_EQ(left.kind(), v1::StepReport::CANCELLED);
  EXPECT_EQ(left.cause(), "PREEMPTED") << left.message();
  ASSERT_TRUE(left.has_checkpoint());
  EXPECT_TRUE(left.checkpoint().tree());
  EXPECT_THAT(fake_.committed(), Contains(left.checkpoint().digest()));
  executor_->OnVerdict(left, "OK");

  v1::Lease next = Script("t2",
                          "cat $PENSTOCK_CHECKPOINT_DIR/epoch; "
                          "echo 8 > $PENSTOCK_CHECKPOINT_DIR/epoch");
  *next.mutable_checkpoint() = left.checkpoint();
  executor_->Lease(next);
  const v1::StepReport end = End("t2");
  EXPECT_EQ(end.kind(), v1::StepReport::SUCCEEDED) << end.message();
  EXPECT_THAT(fake_.log("t2"), HasSubstr("7\n"));
  // It wrote to a copy.
  const auto manifest = store_->ReadManifest(*ParseDigest(left.checkpoint().digest()));
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(*store_->ReadBlob(manifest->files.at(0).digest, 10), "7\n");
}

TEST_F(PreemptTest, AScriptThatGoesOnIsStoppedAfterItsGrace) {
  executor_->Lease(Script("t",
                          "trap 'echo 7 > $PENSTOCK_CHECKPOINT_DIR/epoch' USR1; "
                          "touch " +
                              Ready() + "; while :; do sleep 0.02; done"));
  LeaveOnceReady("t", milliseconds(300));
  const v1::StepReport left = End("t");
  EXPECT_EQ(left.cause(), "PREEMPTED");
  EXPECT_TRUE(left.has_checkpoint());
}

TEST_F(PreemptTest, AScriptThatEndsWellHasSucceeded) {
  executor_->Lease(
      Script("t", "trap 'exit 0' USR1; touch " + Ready() + "; while :; do sleep 0.02; done"));
  LeaveOnceReady("t", minutes(10));
  const v1::StepReport end = End("t");
  EXPECT_EQ(end.kind(), v1::StepReport::SUCCEEDED) << end.message();
  EXPECT_FALSE(end.has_checkpoint());
}

TEST_F(PreemptTest, AScriptThatKnowsNothingOfTheSignalLeavesEmptyHanded) {
  executor_->Lease(Script("t", "touch " + Ready() + "; while :; do sleep 0.02; done"));
  LeaveOnceReady("t", minutes(10));
  const v1::StepReport left = End("t");
  EXPECT_EQ(left.cause(), "PREEMPTED");
  EXPECT_FALSE(left.has_checkpoint());
}

TEST_F(PreemptTest, AFailureKeepsNoCheckpoint) {
  executor_->Lease(Script("t", "echo 7 > $PENSTOCK_CHECKPOINT_DIR/epoch; exit 1"));
  const v1::StepReport end = End("t");
  EXPECT_EQ(end.kind(), v1::StepReport::FAILED);
  EXPECT_EQ(end.cause(), "STEP_ERROR");
  EXPECT_FALSE(end.has_checkpoint());
}

TEST_F(PreemptTest, ABuiltInStepIsStoppedAtOnce) {
  executor_->Lease(Lease("t", "noop", {{"duration", "600s"}}));
  EXPECT_TRUE(Eventually([&] {
    const auto held = executor_->Held();
    return held.size() == 1 && held[0].running();
  }));
  executor_->Preempt("t", minutes(10));
  EXPECT_EQ(End("t").cause(), "PREEMPTED");
}

TEST_F(PreemptTest, WhatHasNotBegunIsGivenBack) {
  v1::Lease lease = Script("t", "true");
  lease.mutable_checkpoint()->set_digest(fake_.AddBlob("x"));
  fake_.HoldDownloads(true);
  executor_->Lease(lease);
  ASSERT_TRUE(Eventually([&] { return fake_.downloads() == 1; }));
  executor_->Preempt("t", minutes(10));
  EXPECT_EQ(End("t").kind(), v1::StepReport::RETURNED);
}

TEST_F(PreemptTest, ALostCheckpointIsNoFailure) {
  v1::Lease lease = Script("t", "ls $PENSTOCK_CHECKPOINT_DIR; echo begun anew");
  lease.mutable_checkpoint()->set_digest("sha256:" + std::string(64, '0'));
  lease.mutable_checkpoint()->set_tree(true);
  executor_->Lease(lease);
  const v1::StepReport end = End("t");
  EXPECT_EQ(end.kind(), v1::StepReport::SUCCEEDED) << end.message();
  EXPECT_THAT(fake_.log("t"), HasSubstr("begun anew"));
}

}  // namespace
}  // namespace penstock

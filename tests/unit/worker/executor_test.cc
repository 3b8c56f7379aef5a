#include "worker/agent/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/worker/eventually.h"
#include "tests/unit/worker/fake_coordinator.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A real executor with real children; the test is the agent around it.
class ExecutorTest : public testing::Test {
 protected:
  ExecutorTest() {
    config_.coordinator = fake_.address();
    config_.cpus = 2;
    config_.memory = int64_t{1} << 30;
    coordinator_ = *Coordinator::Connect(config_);
    transfer_ = std::make_unique<Transfer>(*coordinator_, *store_, cache_);
    fs::create_directory(Work());
    executor_ =
        std::make_unique<Executor>(Executor::Deps{.config = &config_,
                                                  .store = store_.get(),
                                                  .cache = &cache_,
                                                  .transfer = transfer_.get(),
                                                  .program = RunnerProgram(),
                                                  .work_folder = Work(),
                                                  .owner = folder_.path().string() + "#test",
                                                  .report = [this](v1::StepReport report) {
                                                    const MutexLock lock(mutex_);
                                                    reports_.push_back(std::move(report));
                                                  }});
  }
  ~ExecutorTest() override { coordinator_->Stop(); }

  fs::path Work() const { return folder_.path() / "work"; }

  static v1::Lease Noop(const std::string& token, const std::string& parameters = "{}") {
    v1::Lease lease;
    lease.set_run_id("run-1");
    lease.set_step_name("step");
    lease.set_attempt(1);
    lease.set_token(token);
    lease.set_type("noop");
    lease.set_parameters_json(parameters);
    lease.set_cpus(0.1);
    return lease;
  }
  v1::Lease WithInput(const std::string& token) {
    v1::Lease lease = Noop(token);
    v1::LeaseInput& input = *lease.add_inputs();
    input.set_name("data");
    v1::ArtifactRef& ref = *input.add_artifacts();
    ref.set_digest(fake_.AddBlob("input of " + token));
    ref.set_type("file");
    return lease;
  }

  // The report of the attempt's end, once it is there.
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
  bool NothingIsLeft() {
    return Eventually([&] { return fs::is_empty(Work()); });
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

TEST_F(ExecutorTest, AnAttemptLeavesNothingBehind) {
  executor_->Lease(WithInput("t"));
  const v1::StepReport end = End("t");
  EXPECT_EQ(end.kind(), v1::StepReport::SUCCEEDED) << end.message();
  executor_->OnVerdict(end, "OK");
  EXPECT_TRUE(executor_->WaitIdle(kPatience));
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(ExecutorTest, ACancelEndsAFetchAndItsFolderGoes) {
  fake_.HoldDownloads(true);
  executor_->Lease(WithInput("t"));
  ASSERT_TRUE(Eventually([&] { return fake_.downloads() == 1; }));
  executor_->Cancel("t");
  const v1::StepReport end = End("t");
  EXPECT_EQ(end.kind(), v1::StepReport::CANCELLED);
  executor_->OnVerdict(end, "OK");
  EXPECT_TRUE(executor_->WaitIdle(kPatience));
  // The coordinator never answers: it is the cancel that ended the download.
  EXPECT_TRUE(NothingIsLeft());
  EXPECT_TRUE(Eventually([&] { return fs::is_empty(store_->temp_folder()); }));
}

TEST_F(ExecutorTest, AFetchThatIsThrownAwayLeavesNoFolder) {
  fake_.HoldDownloads(true);
  executor_->Lease(WithInput("t"));
  ASSERT_TRUE(Eventually([&] { return fake_.downloads() == 1; }));
  executor_->Discard("t");
  EXPECT_TRUE(executor_->WaitIdle(kPatience));
  EXPECT_TRUE(NothingIsLeft());
  EXPECT_TRUE(Eventually([&] { return fs::is_empty(store_->temp_folder()); }));
}

// It has not even begun when its attempt is forgotten, and then makes the folder.
TEST_F(ExecutorTest, AFetchThatComesLateLeavesNoFolder) {
  constexpr int kTransferThreads = 8;
  fake_.HoldDownloads(true);
  const auto name = [](int i) { return "t" + std::to_string(i); };
  for (int i = 0; i < kTransferThreads; ++i) executor_->Lease(WithInput(name(i)));
  ASSERT_TRUE(Eventually([&] { return fake_.downloads() == kTransferThreads; }));
  executor_->Lease(WithInput("late"));
  executor_->Discard("late");
  EXPECT_EQ(executor_->Held().size(), static_cast<std::size_t>(kTransferThreads));
  fake_.HoldDownloads(false);
  for (int i = 0; i < kTransferThreads; ++i) executor_->OnVerdict(End(name(i)), "OK");
  EXPECT_TRUE(executor_->WaitIdle(kPatience));
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(ExecutorTest, ACancelEndsThePublishingOfOutputs) {
  fake_.BreakCommits(1'000'000);
  executor_->Lease(Noop("t", R"({"output_bytes": 100})"));
  ASSERT_TRUE(Eventually([&] { return !fake_.blobs().empty(); }));
  executor_->Cancel("t");
  EXPECT_EQ(End("t").kind(), v1::StepReport::CANCELLED);
}

TEST_F(ExecutorTest, AnInputThatCannotBeHadIsNotTheStepsFault) {
  v1::Lease lease = WithInput("t");
  lease.mutable_inputs(0)->mutable_artifacts(0)->set_digest("sha256:" + std::string(64, '0'));
  executor_->Lease(lease);
  const v1::StepReport end = End("t");
  EXPECT_EQ(end.kind(), v1::StepReport::FAILED);
  EXPECT_EQ(end.cause(), "INFRASTRUCTURE");
  EXPECT_THAT(end.message(), HasSubstr("fetching its inputs"));
}

// Its lease may have ended on the way: who takes over must not meet it.
TEST_F(ExecutorTest, AFencedAttemptWithoutALeaseIsGivenBack) {
  v1::Lease lease = Noop("t");
  lease.set_fence_execution(true);
  executor_->Lease(lease);
  EXPECT_EQ(End("t").kind(), v1::StepReport::RETURNED);
}

TEST_F(ExecutorTest, AnExecutorThatGoesWaitsForNoDownload) {
  fake_.HoldDownloads(true);
  executor_->Lease(WithInput("t"));
  ASSERT_TRUE(Eventually([&] { return fake_.downloads() == 1; }));
  coordinator_->Stop();
  executor_.reset();
}

}  // namespace
}  // namespace penstock

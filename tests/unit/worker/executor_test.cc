#include "worker/agent/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <fstream>

#include "tests/unit/worker/eventually.h"
#include "tests/unit/worker/fake_coordinator.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

// A real executor with real children; the test is the agent around it.
// Those of a worker's runners, and of what scripts started, that carry its mark.
std::vector<pid_t> ProcessesOf(const std::string& owner) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const pid_t pid = static_cast<pid_t>(std::atoi(entry.path().filename().c_str()));
    if (pid > 0 &&
        EnvironmentOf(pid).find(std::string(kOwnerVariable) + "=" + owner) != std::string::npos) {
      found.push_back(pid);
    }
  }
  return found;
}

class ExecutorTest : public testing::Test {
 protected:
  ExecutorTest() {
    config_.coordinator = fake_.address();
    config_.cpus = 2;
    config_.memory = int64_t{1} << 30;
    config_.devices = {{.visible = "GPU-a"}, {.visible = "GPU-b"}};
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
  // Says what it sees of the node's GPUs, then waits for the file that is called as the token.
  v1::Lease GpuScript(const std::string& token, int gpus, const std::string& before = "") {
    v1::Lease lease = Noop(token);
    lease.set_type(std::string(kScript));
    const std::string text = before + "echo \"sees [$CUDA_VISIBLE_DEVICES] $SM_NUM_GPUS\"; " +
                             "while [ ! -e " + (folder_.path() / token).string() +
                             " ]; do sleep 0.01; done";
    lease.set_parameters_json(DumpJson(Json{{"command", {"/bin/sh", "-c", text}}}));
    lease.set_gpus(gpus);
    return lease;
  }
  void LetEnd(const std::string& token) { std::ofstream(folder_.path() / token) << "\n"; }
  bool Says(const std::string& token, const std::string& text) {
    return Eventually([&] { return fake_.log(token).find(text) != std::string::npos; });
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

TEST_F(ExecutorTest, SecretsAreFilledInAndMaskedInAllThatComesBack) {
  v1::Lease lease = Noop("t", R"({"message": "say ${secrets.hub} for $$5", "fail": true})");
  (*lease.mutable_secrets())["hub"] = "hunter2-hunter2";
  executor_->Lease(lease);
  const v1::StepReport end = End("t");
  EXPECT_EQ(end.kind(), v1::StepReport::FAILED);
  EXPECT_EQ(end.message(), "say *** for $5");
  EXPECT_EQ(fake_.log("t"), "say *** for $5\nerror: say *** for $5\n");
  // Another step's parameters are left alone.
  executor_->Lease(Noop("u", R"({"message": "${secrets.hub} $$5"})"));
  EXPECT_EQ(End("u").kind(), v1::StepReport::SUCCEEDED);
  EXPECT_EQ(fake_.log("u"), "${secrets.hub} $$5\n");
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

TEST_F(ExecutorTest, AGpuIsNeverGivenTwice) {
  executor_->Lease(GpuScript("one", 1));
  executor_->Lease(GpuScript("two", 1));
  executor_->Lease(GpuScript("three", 1));
  EXPECT_TRUE(Says("one", "sees [GPU-a] 1"));
  EXPECT_TRUE(Says("two", "sees [GPU-b] 1"));
  EXPECT_EQ(fake_.log("three"), "");
  LetEnd("two");
  EXPECT_EQ(End("two").kind(), v1::StepReport::SUCCEEDED);
  EXPECT_TRUE(Says("three", "sees [GPU-b] 1"));
  LetEnd("one");
  LetEnd("three");
  EXPECT_EQ(End("three").kind(), v1::StepReport::SUCCEEDED);
  EXPECT_EQ(End("one").kind(), v1::StepReport::SUCCEEDED);
  executor_->Lease(GpuScript("all", 2));
  EXPECT_TRUE(Says("all", "sees [GPU-a,GPU-b] 2"));
  executor_->Cancel("all");
  EXPECT_EQ(End("all").kind(), v1::StepReport::CANCELLED);
}

TEST_F(ExecutorTest, AStepThatAskedForNoGpuSeesNone) {
  executor_->Lease(GpuScript("t", 0));
  EXPECT_TRUE(Says("t", "sees [] 0"));
  LetEnd("t");
  EXPECT_EQ(End("t").kind(), v1::StepReport::SUCCEEDED);
}

// What a script started outlives its runner by a moment, with what it has put into the GPU.
TEST_F(ExecutorTest, AGpuIsFreeWhenAllProcessesThatHadItAreGone) {
  const std::string mark = folder_.path() / "pid";
  executor_->Lease(GpuScript("crashes", 2, "echo $$ > " + mark + "; "));
  ASSERT_TRUE(Says("crashes", "sees [GPU-a,GPU-b] 2"));
  executor_->Lease(GpuScript(
      "next", 2,
      "grep -qs '^State:.[RSDTt]' /proc/$(cat " + mark + ")/status && echo still there; "));
  for (const pid_t pid : ProcessesOf(folder_.path().string() + "#test")) {
    char name[64] = {};
    std::ifstream("/proc/" + std::to_string(pid) + "/comm").getline(name, sizeof name);
    if (std::string(name).starts_with("penstock")) kill(pid, SIGKILL);
  }
  EXPECT_EQ(End("crashes").cause(), "CRASHED");
  EXPECT_TRUE(Says("next", "sees [GPU-a,GPU-b] 2"));
  EXPECT_THAT(fake_.log("next"), Not(HasSubstr("still there")));
  LetEnd("next");
  EXPECT_EQ(End("next").kind(), v1::StepReport::SUCCEEDED);
}

TEST_F(ExecutorTest, AWarmChildIsUsedAgainWithTheSameGpusAndEndedForOthers) {
  const auto users = [&] {
    std::vector<std::string> sets;
    for (const pid_t pid : ProcessesOf(folder_.path().string() + "#test")) {
      const std::string text = EnvironmentOf(pid);
      const std::size_t at = text.find("CUDA_VISIBLE_DEVICES=");
      sets.push_back(std::to_string(pid) + ":" +
                     text.substr(at + 21, text.find('\0', at) - at - 21));
    }
    return sets;
  };
  v1::Lease lease = Noop("one");
  lease.set_gpus(1);
  executor_->Lease(lease);
  EXPECT_EQ(End("one").kind(), v1::StepReport::SUCCEEDED);
  const std::vector<std::string> first = users();
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_THAT(first.front(), EndsWith(":GPU-a"));
  lease.set_token("two");
  executor_->Lease(lease);
  EXPECT_EQ(End("two").kind(), v1::StepReport::SUCCEEDED);
  EXPECT_EQ(users(), first);
  lease.set_token("other");
  lease.set_principal("user:bob");
  executor_->Lease(lease);
  EXPECT_EQ(End("other").kind(), v1::StepReport::SUCCEEDED);
  const std::vector<std::string> then = users();
  ASSERT_THAT(then, SizeIs(1)) << "two processes with the same GPU";
  EXPECT_NE(then, first);
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

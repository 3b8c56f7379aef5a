// `penstock dev`: with the real programs, and with others in their place that are slow, deaf or
// broken.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>

#include "base/subprocess.h"
#include "tests/support/cluster.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr Micros kPatience = std::chrono::seconds(30);

// In the place of the real programs. Each leaves its pid in its data folder.
constexpr char kCoordinatorThatNeverStarts[] = R"(#!/bin/sh
echo $$ > "$2/pid"
exec sleep 1000
)";
constexpr char kCoordinator[] = R"(#!/bin/sh
echo $$ > "$2/pid"
printf '{"pid": %d, "grpc": "127.0.0.1:1", "http": "127.0.0.1:2"}' $$ > "$2/ready.json"
exec sleep 1000
)";
constexpr char kDeafWorker[] = R"(#!/bin/sh
trap '' TERM
mkdir -p "$6"
echo $$ > "$6/pid"
exec sleep 1000
)";
constexpr char kBrokenWorker[] = "#!/bin/sh\nexit 3\n";

class DevTest : public testing::Test {
 protected:
  void StartDev(const std::string& program, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {
        program,          "dev",         "--data-dir",     data_.string(),
        "--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto file = [&](const char* name) {
      return UniqueFd(open((folder_.path() / name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    };
    const UniqueFd out = file("out");
    const UniqueFd err = file("err");
    Result<Subprocess> started = Subprocess::Start(
        {.arguments = arguments, .descriptors = {{1, out.get()}, {2, err.get()}}});
    ASSERT_TRUE(started.ok()) << started.status();
    dev_ = *std::move(started);
  }
  // A folder with the client and these in the place of its sisters.
  std::string WithSisters(const std::string& coordinator, const std::string& worker) {
    const fs::path bin = folder_.path() / "bin";
    fs::create_directory(bin);
    EXPECT_TRUE(LinkOrCopy(Program("penstock"), bin / "penstock").ok());
    for (const auto& [name, script] :
         {std::pair<std::string, std::string>("penstockd", coordinator),
          std::pair<std::string, std::string>("penstock-worker", worker)}) {
      std::ofstream(bin / name) << script;
      chmod((bin / name).c_str(), 0755);
    }
    return (bin / "penstock").string();
  }
  std::string Said(const char* where) { return ReadFile(folder_.path() / where).value_or(""); }
  bool SaysEventually(const char* where, const std::string& text) {
    return Eventually([&] { return Said(where).find(text) != std::string::npos; });
  }
  // From a file that holds nothing but a number; 0 while it is not there.
  static pid_t PidIn(const fs::path& file) {
    return std::atoi(ReadFile(file).value_or("").c_str());
  }
  static pid_t ReadyPid(const fs::path& folder) {
    const Result<Json> json = ParseJson(ReadFile(folder / "ready.json").value_or(""));
    return json.ok() ? static_cast<pid_t>(JsonInt(*json, "pid")) : 0;
  }
  static bool Gone(pid_t pid) { return kill(pid, 0) == -1 && errno == ESRCH; }
  int Code() {
    const auto end = dev_->WaitFor(kPatience);
    EXPECT_TRUE(end.has_value()) << "it does not end";
    return end ? end->ShellCode() : -1;
  }

  TempFolder folder_ = *TempFolder::Make(fs::temp_directory_path());
  fs::path data_ = folder_.path() / "data";
  std::optional<Subprocess> dev_;
};

TEST_F(DevTest, RunsAPipelineAndCtrlCStopsEverything) {
  StartDev(Program("penstock"), {"--workers", "2"});
  ASSERT_TRUE(SaysEventually("out", "Ctrl-C stops it")) << Said("err");
  const Json ready = ParseJson(ReadFile(data_ / "ready.json").value_or("")).value_or(Json());
  const Ran run = RunProgram({Program("penstock"), "run", "-f", "examples/noop/branches.yaml",
                              "--wait", "--address", JsonString(ready, "grpc")});
  EXPECT_EQ(run.code, 0) << run.err;
  std::vector<pid_t> pids = {ReadyPid(data_)};
  for (const char* worker : {"dev-1", "dev-2"}) {
    ASSERT_TRUE(Eventually([&] { return ReadyPid(data_ / worker) > 0; })) << worker;
    pids.push_back(ReadyPid(data_ / worker));
  }
  dev_->Signal(SIGINT);
  EXPECT_EQ(Code(), 0) << Said("err");
  for (const pid_t pid : pids) EXPECT_TRUE(Gone(pid)) << pid;
  EXPECT_FALSE(fs::exists(data_ / "ready.json")) << "it was not stopped in order";
}

TEST_F(DevTest, AKilledWorkerIsStartedAgain) {
  StartDev(Program("penstock"));
  ASSERT_TRUE(Eventually([&] { return ReadyPid(data_ / "dev-1") > 0; }));
  const pid_t first = ReadyPid(data_ / "dev-1");
  kill(first, SIGKILL);
  EXPECT_TRUE(Eventually([&] {
    const pid_t now = ReadyPid(data_ / "dev-1");
    return now > 0 && now != first;
  }));
  EXPECT_THAT(Said("err"), HasSubstr("was killed by signal 9"));
  dev_->Signal(SIGTERM);
  EXPECT_EQ(Code(), 0);
}

TEST_F(DevTest, CtrlCCountsWhileTheCoordinatorIsStillStarting) {
  StartDev(WithSisters(kCoordinatorThatNeverStarts, kBrokenWorker));
  ASSERT_TRUE(Eventually([&] { return PidIn(data_ / "pid") > 0; })) << Said("err");
  dev_->Signal(SIGINT);
  EXPECT_EQ(Code(), 0);
  EXPECT_TRUE(Gone(PidIn(data_ / "pid")));
}

TEST_F(DevTest, ASecondCtrlCKillsWhatDoesNotListen) {
  StartDev(WithSisters(kCoordinator, kDeafWorker));
  ASSERT_TRUE(Eventually([&] { return PidIn(data_ / "dev-1" / "pid") > 0; })) << Said("err");
  dev_->Signal(SIGINT);
  ASSERT_TRUE(SaysEventually("err", "stopping"));
  EXPECT_FALSE(Gone(PidIn(data_ / "dev-1" / "pid")));
  dev_->Signal(SIGINT);
  EXPECT_EQ(Code(), 1) << "that is no stop in order";
  EXPECT_TRUE(Gone(PidIn(data_ / "dev-1" / "pid")));
  EXPECT_TRUE(Gone(PidIn(data_ / "pid")));
}

TEST_F(DevTest, AWorkerThatEndsAgainAndAgainIsGivenUp) {
  StartDev(WithSisters(kCoordinator, kBrokenWorker));
  EXPECT_EQ(Code(), 1);
  EXPECT_THAT(Said("err"), HasSubstr("ended with exit code 3"));
  EXPECT_THAT(Said("err"), HasSubstr("giving up"));
  EXPECT_TRUE(Gone(PidIn(data_ / "pid"))) << "the coordinator was left";
}

TEST_F(DevTest, AWorkerThatIsNotThereIsGivenUpAtOnce) {
  const std::string program = WithSisters(kCoordinator, kBrokenWorker);
  fs::remove(folder_.path() / "bin" / "penstock-worker");
  StartDev(program);
  EXPECT_EQ(Code(), 1);
  EXPECT_THAT(Said("err"), HasSubstr("penstock-worker"));
  EXPECT_TRUE(Gone(PidIn(data_ / "pid")));
}

TEST_F(DevTest, ACoordinatorThatCannotStartIsSaid) {
  StartDev(WithSisters("#!/bin/sh\nexit 1\n", kBrokenWorker));
  EXPECT_EQ(Code(), 1);
  EXPECT_THAT(Said("err"), HasSubstr("the coordinator did not start"));
}

}  // namespace
}  // namespace penstock

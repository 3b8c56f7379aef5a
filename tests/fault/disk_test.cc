// Real disks that are full, or that nobody may write to: file systems of a few MiB in a mount
// namespace of this test's own. Where none can be made (no user namespaces, no mounts) these tests
// are skipped and say so; the fault points of crash_coordinator_test and crash_worker_test stand in
// for them there.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/support/cluster.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Why there is no namespace; empty where there is one. While the process has one thread.
std::string EnterNamespace() {
  const uid_t user = getuid();
  const gid_t group = getgid();
  if (unshare(CLONE_NEWNS) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return std::strerror(errno);
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << user << " " << user << " 1";
    std::ofstream("/proc/self/gid_map") << group << " " << group << " 1";
  }
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return std::strerror(errno);
  return {};
}

class DiskTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { *why_not_ = EnterNamespace(); }
  void SetUp() override {
    if (!why_not_->empty()) GTEST_SKIP() << "no mount namespace: " << *why_not_;
  }
  void TearDown() override {
    for (const char* name : {"coordinator", "w1"}) {
      if (cluster_.Running(name)) cluster_.Kill(name);
    }
    for (auto place = mounts_.rbegin(); place != mounts_.rend(); ++place) {
      umount2(place->c_str(), MNT_DETACH);
    }
  }

  // A file system of that size.
  void MountSmall(const fs::path& place, int mebibytes) {
    fs::create_directories(place);
    const std::string size = "size=" + std::to_string(mebibytes) + "m";
    ASSERT_EQ(mount("none", place.c_str(), "tmpfs", 0, size.c_str()), 0) << std::strerror(errno);
    mounts_.push_back(place);
  }
  // From now on nobody may write there, root neither; until Release.
  void Protect(const fs::path& place) {
    ASSERT_EQ(mount(place.c_str(), place.c_str(), nullptr, MS_BIND, nullptr), 0);
    mounts_.push_back(place);
    ASSERT_EQ(mount(nullptr, place.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0)
        << std::strerror(errno);
  }
  void Release() {
    EXPECT_EQ(umount2(mounts_.back().c_str(), MNT_DETACH), 0);
    mounts_.pop_back();
  }
  // Leaves no byte.
  static void Fill(const fs::path& folder) {
    std::ofstream file(folder / "filler", std::ios::binary);
    const std::string block(64 << 10, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
    file.clear();
    while (file.put('x').flush()) {
    }
  }
  static void Empty(const fs::path& folder) { fs::remove(folder / "filler"); }

  std::string Readiness() {
    const std::string& http = cluster_.http();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(http.substr(http.find(':') + 1))));
    const UniqueFd connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      return {};
    }
    constexpr char kAsk[] = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    if (!WriteAll(connection.get(), kAsk, "the connection").ok()) return {};
    std::string answer;
    char buffer[4096];
    for (ssize_t count = 0; (count = read(connection.get(), buffer, sizeof buffer)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(count));
    }
    return answer;
  }
  std::string Log(const std::string& daemon) {
    return ReadFile(cluster_.folder() / (daemon + ".log")).value_or("");
  }
  void StopAndCheck() {
    for (const char* daemon : {"w1", "coordinator"}) EXPECT_EQ(cluster_.Stop(daemon), 0);
    cluster_.CheckInvariants(acknowledged_);
  }
  Ran Submit(const std::string& file) {
    Ran ran = cluster_.Client({"run", "-f", file, "--no-cache"});
    if (ran.code == 0) acknowledged_.push_back(ran.out.substr(0, ran.out.find('\n')));
    return ran;
  }
  // Runs are submitted until one is refused.
  Ran SubmitUntilRefused(const std::string& file) {
    Ran ran;
    for (int i = 0; i < 2'000 && (ran = Submit(file)).code == 0; ++i) {
    }
    return ran;
  }

  static std::string* const why_not_;
  Cluster cluster_;
  std::vector<fs::path> mounts_;
  std::vector<std::string> acknowledged_;
};

std::string* const DiskTest::why_not_ = new std::string;

constexpr char kQuick[] = "name: quick\nsteps:\n- {name: a, type: noop, with: {message: hello}}\n";
constexpr char kBusy[] =
    "name: busy\ndefaults: {retry: {maxAttempts: 5, interval: 100ms}}\nsteps:\n"
    "- {name: a, type: noop, with: {duration: 700ms, message: begun, output_bytes: 400000}}\n"
    "- {name: b, type: noop, inputs: {data: \"${steps.a.outputs.data}\"}, with: {message: "
    "ended}}\n";

TEST_F(DiskTest, ACoordinatorWhoseDiskIsFullServesReadsAndGoesOnWhenThereIsRoom) {
  MountSmall(cluster_.data_dir(), 16);
  cluster_.StartCoordinator();
  cluster_.StartWorker("w1");
  const std::string quick = cluster_.Write("quick.yaml", kQuick);
  const std::string busy = cluster_.Write("busy.yaml", kBusy);
  ASSERT_EQ(Submit(quick).code, 0);
  ASSERT_EQ(cluster_.Wait(acknowledged_[0]), "SUCCEEDED");
  ASSERT_EQ(Submit(busy).code, 0);
  ASSERT_TRUE(Eventually([&] {
    return JsonString(Cluster::Step(cluster_.Run(acknowledged_[1]), "a"), "state") == "RUNNING";
  }));
  Fill(cluster_.data_dir());
  const Ran refused = SubmitUntilRefused(quick);
  EXPECT_EQ(refused.code, 4) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("disk"));
  ASSERT_TRUE(Eventually([&] { return Readiness().find("503") != std::string::npos; }));
  EXPECT_THAT(Readiness(), HasSubstr("read-only"));
  EXPECT_THAT(cluster_.Client({"run", "-f", quick}).err, HasSubstr("free some space"));
  EXPECT_EQ(JsonString(cluster_.Run(acknowledged_[0]), "state"), "SUCCEEDED") << "reads are served";
  EXPECT_THAT(cluster_.Client({"logs", acknowledged_[0], "a"}).out, HasSubstr("hello"));

  Empty(cluster_.data_dir());
  EXPECT_TRUE(Eventually([&] { return Readiness().find("200") != std::string::npos; }));
  ASSERT_EQ(Submit(quick).code, 0);
  for (const std::string& id : acknowledged_) EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED") << id;
  EXPECT_THAT(cluster_.Client({"logs", acknowledged_[1], "b"}).out, HasSubstr("ended"));
  StopAndCheck();
}

TEST_F(DiskTest, ACoordinatorThatIsKilledWhileItsDiskIsFullLosesNothing) {
  MountSmall(cluster_.data_dir(), 16);
  cluster_.StartCoordinator();
  const std::string quick = cluster_.Write("quick.yaml", kQuick);
  ASSERT_EQ(Submit(quick).code, 0);
  Fill(cluster_.data_dir());
  EXPECT_EQ(SubmitUntilRefused(quick).code, 4);
  cluster_.Kill("coordinator");
  // It serves reads, or says what is wrong and ends.
  if (!cluster_.TryCoordinator()) {
    EXPECT_THAT(Log("coordinator"),
                testing::AnyOf(HasSubstr("disk is full"), HasSubstr("No space")));
  }
  Empty(cluster_.data_dir());
  if (!cluster_.Running("coordinator")) cluster_.StartCoordinator();
  cluster_.StartWorker("w1");
  for (const std::string& id : acknowledged_) EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED") << id;
  StopAndCheck();
}

TEST_F(DiskTest, ACoordinatorThatMayNotWriteSaysWhereAndStartsOnceItMay) {
  cluster_.StartCoordinator();
  cluster_.StartWorker("w1");
  const std::string quick = cluster_.Write("quick.yaml", kQuick);
  ASSERT_EQ(Submit(quick).code, 0);
  ASSERT_EQ(cluster_.Wait(acknowledged_[0]), "SUCCEEDED");
  ASSERT_EQ(cluster_.Stop("coordinator"), 0);
  Protect(cluster_.data_dir());
  const Ran refused =
      RunProgram({Program("penstockd"), "--data-dir", cluster_.data_dir().string(),
                  "--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr(cluster_.data_dir().string()));
  EXPECT_THAT(refused.err, HasSubstr("Read-only file system"));
  Release();
  cluster_.StartCoordinator();
  ASSERT_EQ(Submit(quick).code, 0);
  EXPECT_EQ(cluster_.Wait(acknowledged_[1]), "SUCCEEDED");
  StopAndCheck();
}

// Logs are not what a run is for: it goes on, and what could not be kept is said.
TEST_F(DiskTest, WhereLogsCannotBeKeptRunsGoOn) {
  cluster_.StartCoordinator();
  ASSERT_EQ(cluster_.Stop("coordinator"), 0);
  Protect(cluster_.data_dir() / "journal");
  cluster_.StartCoordinator();
  cluster_.StartWorker("w1");
  const std::string quick = cluster_.Write("quick.yaml", kQuick);
  ASSERT_EQ(Submit(quick).code, 0);
  EXPECT_EQ(cluster_.Wait(acknowledged_[0]), "SUCCEEDED");
  EXPECT_THAT(Log("w1"), HasSubstr("a part of a step's log is lost"));
  EXPECT_THAT(Log("w1"), HasSubstr("Read-only file system"));
  ASSERT_EQ(cluster_.Stop("coordinator"), 0);
  Release();
  cluster_.StartCoordinator();
  ASSERT_EQ(Submit(quick).code, 0);
  EXPECT_EQ(cluster_.Wait(acknowledged_[1]), "SUCCEEDED");
  EXPECT_THAT(cluster_.Client({"logs", acknowledged_[1], "a"}).out, HasSubstr("hello"));
  StopAndCheck();
}

TEST_F(DiskTest, AWorkerWhoseDiskIsFullFailsTheStepAndRunsTheNext) {
  cluster_.StartCoordinator();
  MountSmall(cluster_.folder() / "w1", 8);
  cluster_.StartWorker("w1");
  const std::string large = cluster_.Write("large.yaml", R"(
name: large
steps:
- {name: a, type: noop, retry: {maxAttempts: 2, interval: 10ms}, with: {output_bytes: 30000000}}
)");
  ASSERT_EQ(Submit(large).code, 0);
  EXPECT_EQ(cluster_.Wait(acknowledged_[0]), "FAILED");
  const Json step = Cluster::Step(cluster_.Run(acknowledged_[0]), "a");
  EXPECT_EQ(JsonInt(step, "attempt"), 2);
  EXPECT_THAT(JsonString(step, "message"), HasSubstr("No space left on device"));
  // What the attempts had written is gone again.
  ASSERT_EQ(Submit(cluster_.Write("busy.yaml", kBusy)).code, 0);
  EXPECT_EQ(cluster_.Wait(acknowledged_[1]), "SUCCEEDED");

  // So full that not even a workspace can be made.
  const fs::path folder = cluster_.folder() / "w1";
  Fill(folder);
  ASSERT_EQ(Submit(cluster_.Write("busy.yaml", kBusy)).code, 0);
  const std::string& last = acknowledged_.back();
  EXPECT_TRUE(
      Eventually([&] { return JsonInt(Cluster::Step(cluster_.Run(last), "a"), "attempt") >= 2; }));
  Empty(folder);
  EXPECT_EQ(cluster_.Wait(last), "SUCCEEDED");
  StopAndCheck();
}

TEST_F(DiskTest, AWorkerThatMayNotWriteSaysWhere) {
  cluster_.StartCoordinator();
  cluster_.StartWorker("w1");
  ASSERT_EQ(cluster_.Stop("w1"), 0);
  Protect(cluster_.folder() / "w1");
  const Ran refused = RunProgram({Program("penstock-worker"), "--coordinator", cluster_.grpc(),
                                  "--data-dir", (cluster_.folder() / "w1").string()});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr((cluster_.folder() / "w1").string()));
  EXPECT_THAT(refused.err, HasSubstr("Read-only file system"));
  Release();
  cluster_.StartWorker("w1");
  ASSERT_EQ(Submit(cluster_.Write("quick.yaml", kQuick)).code, 0);
  EXPECT_EQ(cluster_.Wait(acknowledged_[0]), "SUCCEEDED");
  StopAndCheck();
}

}  // namespace
}  // namespace penstock

// Backup, restore, check and collection, with real daemons.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/digest.h"
#include "tests/support/cluster.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr char kQuick[] =
    "name: quick\nsteps:\n- {name: a, type: noop, with: {output_bytes: 5000, message: hello}}\n";
constexpr char kOther[] =
    "name: other\nsteps:\n- {name: a, type: noop, with: {output_bytes: 7000}}\n";
constexpr char kLong[] = "name: long\nsteps:\n- {name: slow, type: noop, with: {duration: 3s}}\n";

std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::vector<fs::path> FilesBelow(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  return files;
}

// The files of artifacts that lie in a data directory or a folder of backups.
std::vector<fs::path> Blobs(const fs::path& folder) {
  return FilesBelow(folder / "artifacts" / "blobs");
}

// What /readyz answers, with the status line; empty where nobody listens.
std::string Readiness(const std::string& http) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(http.substr(http.find(':') + 1))));
  const UniqueFd connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return {};
  }
  constexpr char kRequest[] =
      "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  if (!WriteAll(connection.get(), kRequest, "the connection").ok()) return {};
  std::string answer;
  char buffer[4096];
  for (ssize_t count = 0; (count = read(connection.get(), buffer, sizeof buffer)) > 0;) {
    answer.append(buffer, static_cast<std::size_t>(count));
  }
  return answer;
}

class OpsTest : public testing::Test {
 protected:
  void Start(const std::vector<std::string>& more = {}) {
    cluster_.StartCoordinator(more);
    cluster_.StartWorker("w1");
  }
  std::string RunToEnd(const char* yaml) {
    const std::string id = cluster_.Submit(cluster_.Write("p.yaml", yaml), {"--no-cache"});
    EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED");
    return id;
  }
  std::string Backup(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"admin", "backup", backups_.string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    last_ = cluster_.Client(arguments);
    EXPECT_EQ(last_.code, 0) << last_.err;
    return FirstLine(last_.out);
  }
  // Offline: with a data directory.
  Ran Admin(const std::vector<std::string>& arguments) {
    std::vector<std::string> whole = {Program("penstock"), "admin"};
    whole.insert(whole.end(), arguments.begin(), arguments.end());
    return RunProgram(whole);
  }

  Cluster cluster_;
  const fs::path backups_ = cluster_.folder() / "backups";
  Ran last_;
};

TEST_F(OpsTest, ABackupIsRestoredElsewhereAndTheLostTimelineRefused) {
  Start();
  const std::string kept = RunToEnd(kQuick);
  const std::string running = cluster_.Submit(cluster_.Write("long.yaml", kLong));
  ASSERT_TRUE(Eventually([&] {
    return JsonString(Cluster::Step(cluster_.Run(running), "slow"), "state") == "RUNNING";
  }));
  ASSERT_TRUE(fs::exists(Backup()));
  const std::string lost = RunToEnd(kOther);

  // The worker still runs the attempt; the coordinator is lost, and another takes its ports.
  cluster_.Kill("coordinator");
  fs::rename(cluster_.data_dir(), cluster_.folder() / "lost");
  const Ran restored =
      Admin({"restore", backups_.string(), "--data-dir", cluster_.data_dir().string()});
  ASSERT_EQ(restored.code, 0) << restored.err;
  cluster_.StartCoordinator();

  EXPECT_EQ(cluster_.Wait(running), "SUCCEEDED");
  const Json step = Cluster::Step(cluster_.Run(running), "slow");
  EXPECT_GE(JsonInt(step, "attempt"), 2) << "the attempt of the lost timeline does not count";
  EXPECT_EQ(JsonString(cluster_.Run(kept), "state"), "SUCCEEDED");
  EXPECT_THAT(cluster_.Client({"logs", kept, "a"}).out, HasSubstr("hello"));
  EXPECT_NE(cluster_.Client({"get", "runs", lost}).code, 0) << "it was not in the backup";
  const Ran check = cluster_.Client({"admin", "check", "--verify"});
  EXPECT_EQ(check.code, 0) << check.out << check.err;
  for (const char* daemon : {"w1", "coordinator"}) EXPECT_EQ(cluster_.Stop(daemon), 0);
  cluster_.CheckInvariants();
}

constexpr char kGated[] = R"(
name: gated
steps:
- {name: a, type: noop, with: {output_bytes: 5000}}
- {name: ok, type: approval, dependsOn: [a]}
- {name: b, type: noop, dependsOn: [ok], inputs: {data: "${steps.a.outputs.data}"}}
)";

// The backup has the first half of the run; the worker that made it has its files still.
TEST_F(OpsTest, ARunWhoseLaterHalfIsLostIsRetriedFromTheBackup) {
  Start();
  const std::string id = cluster_.Submit(cluster_.Write("gated.yaml", kGated));
  const auto state = [&](const std::string& run, const char* step) {
    return JsonString(Cluster::Step(cluster_.Run(run), step), "state");
  };
  ASSERT_TRUE(Eventually([&] { return state(id, "ok") == "RUNNING"; }));
  Backup();
  ASSERT_EQ(cluster_.Client({"approve", id, "ok"}).code, 0);
  ASSERT_EQ(cluster_.Wait(id), "SUCCEEDED");
  cluster_.Kill("coordinator");
  fs::rename(cluster_.data_dir(), cluster_.folder() / "lost");
  ASSERT_EQ(Admin({"restore", backups_.string(), "--data-dir", cluster_.data_dir().string()}).code,
            0);
  cluster_.StartCoordinator();
  EXPECT_EQ(state(id, "ok"), "RUNNING") << "nobody has said yes in this timeline";
  ASSERT_EQ(cluster_.Client({"reject", id, "ok"}).code, 0);
  ASSERT_EQ(cluster_.Wait(id), "FAILED");

  const Ran retried = cluster_.Client({"retry", id});
  ASSERT_EQ(retried.code, 0) << retried.err;
  const std::string second = FirstLine(retried.out);
  ASSERT_TRUE(Eventually([&] { return state(second, "ok") == "RUNNING"; }));
  EXPECT_EQ(state(second, "a"), "CACHED");
  ASSERT_EQ(cluster_.Client({"approve", second, "ok"}).code, 0);
  EXPECT_EQ(cluster_.Wait(second), "SUCCEEDED");
  EXPECT_EQ(cluster_.Client({"admin", "check", "--verify"}).code, 0);
  for (const char* daemon : {"w1", "coordinator"}) EXPECT_EQ(cluster_.Stop(daemon), 0);
  cluster_.CheckInvariants();
}

TEST_F(OpsTest, ASecondBackupTakesWhatIsNewAndOldOnesGo) {
  Start();
  RunToEnd(kQuick);
  // What must never leave the machine with a backup.
  const std::string secret = "a-key-that-encrypts-secrets";
  std::ofstream(cluster_.data_dir() / "secrets.key") << secret;
  fs::create_directories(cluster_.data_dir() / "tls");
  std::ofstream(cluster_.data_dir() / "tls" / "server.key") << secret;
  const std::string first = Backup();
  const auto blobs = Blobs(backups_).size();
  EXPECT_EQ(blobs, Blobs(cluster_.data_dir()).size());
  for (const fs::path& file : FilesBelow(backups_)) {
    EXPECT_THAT(ReadFile(file).value_or(""), Not(HasSubstr(secret))) << file;
  }
  const std::string second = Backup();
  EXPECT_THAT(last_.err, HasSubstr("0 of "));
  EXPECT_LT(first, second);
  RunToEnd(kOther);
  Backup({"--keep", "1"});
  EXPECT_THAT(last_.err, HasSubstr("2 older snapshots removed"));
  EXPECT_FALSE(fs::exists(first));
  EXPECT_GT(Blobs(backups_).size(), blobs);

  EXPECT_EQ(cluster_.Client({"admin", "backup", cluster_.data_dir() / "inside"}).code, 4);
  EXPECT_EQ(cluster_.Stop("coordinator"), 0);
  const Ran offline =
      Admin({"backup", backups_.string(), "--data-dir", cluster_.data_dir().string()});
  EXPECT_EQ(offline.code, 0) << offline.err;
}

TEST_F(OpsTest, TheFirstBackupMayBreakOffAnywhere) {
  // At its mark, which is the first file that it writes. (The coordinator has written its own when
  // it serves.)
  cluster_.StartCoordinator();
  fs::create_directories(backups_);
  std::ofstream(backups_ / "backups.json.tmp-4321") << "half";
  Backup();
  EXPECT_FALSE(fs::exists(backups_ / "backups.json.tmp-4321"));
}

TEST_F(OpsTest, ABackupOrARestoreThatBrokeOffIsNotTakenForAWholeOne) {
  cluster_.StartCoordinator({"--faults", "backup.before_rename=crash"});
  EXPECT_NE(cluster_.Client({"admin", "backup", backups_.string()}).code, 0);
  ASSERT_TRUE(Eventually([&] { return !cluster_.Running("coordinator"); }));
  const std::string data_dir = (cluster_.folder() / "new").string();
  const Ran none = Admin({"restore", backups_.string(), "--data-dir", data_dir});
  EXPECT_EQ(none.code, 2);
  EXPECT_THAT(none.err, HasSubstr("holds no whole snapshot"));
  for (const auto& entry : fs::directory_iterator(backups_ / "snapshots")) {
    EXPECT_THAT(Admin({"restore", entry.path().string(), "--data-dir", data_dir}).err,
                HasSubstr("broke off"));
  }
  cluster_.StartCoordinator();
  Backup();
  EXPECT_EQ(std::distance(fs::directory_iterator(backups_ / "snapshots"), {}), 1);

  const Ran broken = RunProgram({Program("penstockd"), "--admin-restore", backups_.string(),
                                 "--data-dir", data_dir, "--faults", "restore.database=crash"});
  EXPECT_NE(broken.code, 0);
  const Ran start = RunProgram({Program("penstockd"), "--data-dir", data_dir, "--grpc-address",
                                "127.0.0.1:0", "--http-address", "127.0.0.1:0"});
  EXPECT_EQ(start.code, 2);
  EXPECT_THAT(start.err, HasSubstr("has broken off"));
  EXPECT_EQ(Admin({"restore", backups_.string(), "--data-dir", data_dir}).code, 0);
  const Ran again = Admin({"restore", backups_.string(), "--data-dir", data_dir});
  EXPECT_THAT(again.err, HasSubstr("restore into a new or empty folder"));
}

TEST_F(OpsTest, CheckFindsDamageAndRepairsOnlyWhenTold) {
  Start();
  RunToEnd(kQuick);
  EXPECT_EQ(cluster_.Client({"admin", "check"}).code, 0);
  const std::vector<fs::path> blobs = Blobs(cluster_.data_dir());
  ASSERT_FALSE(blobs.empty());
  const fs::path victim = blobs.front();
  const auto size = fs::file_size(victim);
  fs::permissions(victim, fs::perms::owner_all);
  std::ofstream(victim, std::ios::binary) << std::string(size, 'x');
  const Ran bad = cluster_.Client({"admin", "check", "--verify"});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.out, HasSubstr("artifacts: "));
  EXPECT_EQ(cluster_.Client({"admin", "check", "--repair"}).code, 2) << "not while it is up";
  for (const char* daemon : {"w1", "coordinator"}) EXPECT_EQ(cluster_.Stop(daemon), 0);

  const std::string data_dir = cluster_.data_dir().string();
  EXPECT_EQ(Admin({"check", "--verify", "--data-dir", data_dir}).code, 1);
  EXPECT_TRUE(fs::exists(victim)) << "nothing was repaired unasked";
  const Ran repaired = Admin({"check", "--verify", "--repair", "--data-dir", data_dir});
  EXPECT_EQ(repaired.code, 0) << repaired.out << repaired.err;
  EXPECT_THAT(repaired.out, HasSubstr("(repaired)"));
  EXPECT_FALSE(fs::exists(victim));
  EXPECT_EQ(Admin({"check", "--verify", "--data-dir", data_dir}).code, 0);

  // What was forgotten is made again.
  Start();
  RunToEnd(kQuick);
  EXPECT_EQ(cluster_.Client({"admin", "check", "--verify"}).code, 0);
}

TEST_F(OpsTest, GcSaysWhatGoesAndThenDeletesIt) {
  Start({"--retention-run-count", "1", "--retention-grace", "0s", "--retention-interval", "0s"});
  const std::string old = RunToEnd(kQuick);
  RunToEnd(kOther);
  const std::string changed = std::string(kQuick) + "- {name: b, type: noop}\n";
  const std::string young = RunToEnd(changed.c_str());
  const auto before = Blobs(cluster_.data_dir()).size();
  const Ran dry = cluster_.Client({"admin", "gc", "--dry-run"});
  EXPECT_EQ(dry.code, 0) << dry.err;
  EXPECT_EQ(dry.out, old + "\n");
  EXPECT_EQ(Blobs(cluster_.data_dir()).size(), before);
  EXPECT_EQ(cluster_.Client({"get", "runs", old}).code, 0) << "nothing was deleted";

  const Ran gc = cluster_.Client({"admin", "gc"});
  EXPECT_EQ(gc.code, 0) << gc.err;
  EXPECT_EQ(gc.out, dry.out);
  EXPECT_NE(cluster_.Client({"get", "runs", old}).code, 0);
  EXPECT_EQ(cluster_.Client({"get", "runs", young}).code, 0);
  EXPECT_EQ(cluster_.Metric("penstock_runs_deleted_total"), 1);
  EXPECT_EQ(cluster_.Metric("penstock_journals_deleted_total"), 1);
  EXPECT_EQ(cluster_.Client({"admin", "check", "--verify"}).code, 0);

  // An upload that nobody used is young enough to stay, and its bytes with it.
  const Ran put = cluster_.Client({"artifacts", "put", cluster_.Write("rows.csv", "a,b\n1,2\n")});
  ASSERT_EQ(put.code, 0) << put.err;
  EXPECT_EQ(cluster_.Client({"admin", "gc"}).code, 0);
  const std::string copy = cluster_.folder() / "copy.csv";
  EXPECT_EQ(cluster_.Client({"artifacts", "get", FirstLine(put.out), "-o", copy}).code, 0);
}

// The first commit of the engine's finds the disk full, and so does every probe after it.
TEST_F(OpsTest, ReadinessTellsOfAFullDisk) {
  cluster_.StartCoordinator();
  EXPECT_THAT(Readiness(cluster_.http()), HasSubstr("HTTP/1.1 200"));
  EXPECT_EQ(cluster_.Stop("coordinator"), 0);
  EXPECT_EQ(Readiness(cluster_.http()), "") << "it has stopped";

  cluster_.StartCoordinator({"--faults", "metadata.commit=enospc@all"});
  const std::string file = cluster_.Write("q.yaml", kQuick);
  EXPECT_EQ(cluster_.Client({"apply", "-f", file}).code, 4);
  EXPECT_THAT(Readiness(cluster_.http()), HasSubstr("HTTP/1.1 503"));
  EXPECT_THAT(Readiness(cluster_.http()), HasSubstr("read-only"));
  EXPECT_EQ(cluster_.Client({"get", "pipelines"}).code, 0) << "reads are served";
  EXPECT_EQ(cluster_.Client({"admin", "gc"}).code, 0) << "bytes can go";
  EXPECT_EQ(cluster_.Stop("coordinator"), 0) << "it stops as ever";
}

}  // namespace
}  // namespace penstock

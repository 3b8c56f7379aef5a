// What operators do, crashed at each hit of each point that it passes: it is run again, and works;
// what was there before is there.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <set>
#include <sstream>

#include "server/ops/snapshot.h"
#include "tests/fault/fault_points.h"
#include "tests/fault/run_life.h"
#include "tests/support/cluster.h"
#include "tests/support/invariants.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int kKilled = 128 + 9;
constexpr char kSecret[] = "a-value-that-nobody-is-shown";

std::string Quick(int bytes) {
  return "name: quick\nsteps:\n- {name: a, type: noop, with: {message: hello, output_bytes: " +
         std::to_string(bytes) + "}}\n";
}

class OperatorTest : public testing::Test {
 protected:
  // Two runs and a secret, and the coordinator has stopped.
  void SetUp() override {
    cluster_.StartCoordinator();
    cluster_.StartWorker("w1");
    EXPECT_EQ(
        cluster_.Client({"secret", "set", "key", "--from-env", "VALUE"}, {{"VALUE", kSecret}}).code,
        0);
    for (const int bytes : {3'000, 5'000}) runs_.push_back(RunOne(bytes));
    for (const char* daemon : {"w1", "coordinator"}) EXPECT_EQ(cluster_.Stop(daemon), 0);
  }
  static void TearDownTestSuite() {
    std::set<std::string> listed;
    for (const FaultPoint& point : kFaultPoints) {
      if (point.operation) listed.insert(std::string(point.name));
    }
    for (const std::string& point : crashed_at_) listed.erase(point);
    EXPECT_THAT(listed, testing::IsEmpty()) << "no operation was crashed at these points";
  }

  std::string RunOne(int bytes) {
    const std::string id = cluster_.Submit(cluster_.Write("quick.yaml", Quick(bytes)));
    EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED");
    return id;
  }

  static Ran Offline(const fs::path& data_dir, const std::vector<std::string>& action,
                     const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {Program("penstockd"), "--data-dir", data_dir.string()};
    arguments.insert(arguments.end(), action.begin(), action.end());
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunProgram(arguments);
  }

  // How often each point is hit by an action that nothing disturbs.
  std::map<std::string, int64_t> HitsOf(const fs::path& data_dir,
                                        const std::vector<std::string>& action) {
    const fs::path report = cluster_.folder() / "hits";
    fs::remove(report);
    const Ran ran = Offline(data_dir, action, {"--fault-report", report.string()});
    EXPECT_EQ(ran.code, 0) << ran.err;
    std::map<std::string, int64_t> hits;
    std::istringstream lines(ReadFile(report).value_or(""));
    for (std::string line; std::getline(lines, line);) ++hits[line];
    return hits;
  }

  // Crashes the action, on a fresh copy of what `prepare` makes, at each hit to try of each point;
  // then `judge` looks at what is there, and runs it again.
  void CrashEach(const std::vector<std::string>& action, const std::function<fs::path()>& prepare,
                 const std::function<void(const fs::path&)>& judge) {
    Life untouched;
    untouched.hits = HitsOf(prepare(), action);
    ASSERT_FALSE(untouched.hits.empty());
    for (const auto& [point, count] : untouched.hits) {
      for (const int64_t hit : HitsToTry(untouched, point)) {
        const std::string faults = point + "=crash@" + std::to_string(hit);
        SCOPED_TRACE(faults);
        const fs::path data_dir = prepare();
        EXPECT_EQ(Offline(data_dir, action, {"--faults", faults}).code, kKilled);
        crashed_at_.insert(point);
        judge(data_dir);
        if (HasFailure()) return;
      }
    }
  }

  // A copy of the coordinator's folder as SetUp left it.
  fs::path Copy() {
    const fs::path copy = cluster_.folder() / "copy";
    fs::remove_all(copy);
    fs::copy(cluster_.data_dir(), copy, fs::copy_options::recursive);
    return copy;
  }

  void ExpectSound(const fs::path& data_dir) {
    const Ran check = Offline(data_dir, {"--admin-check", "--verify"});
    EXPECT_EQ(check.code, 0) << check.out << check.err;
    CheckStored(data_dir, {.acknowledged = runs_});
  }

  // Restores the newest snapshot into a new folder, and looks at that.
  void ExpectRestorable(const fs::path& backups) {
    const fs::path target = cluster_.folder() / "restored";
    fs::remove_all(target);
    const Ran restored = Offline(target, {"--admin-restore", backups.string()});
    ASSERT_EQ(restored.code, 0) << restored.err;
    fs::copy_file(cluster_.data_dir() / "secrets.key", target / "secrets.key");
    ExpectSound(target);
  }

  static std::set<std::string> crashed_at_;
  Cluster cluster_;
  std::vector<std::string> runs_;
};

std::set<std::string> OperatorTest::crashed_at_;

TEST_F(OperatorTest, ABackupThatCrashedIsMadeAgainAndTheOneBeforeItStays) {
  const fs::path original = cluster_.folder() / "original";
  const fs::path backups = cluster_.folder() / "backups";
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(Offline(cluster_.data_dir(), {"--admin-backup", original.string()}).code, 0);
  }
  const std::vector<std::string> action = {"--admin-backup", backups.string(), "--keep", "1"};
  CrashEach(
      action,
      [&] {
        fs::remove_all(backups);
        fs::copy(original, backups, fs::copy_options::recursive);
        return Copy();
      },
      [&](const fs::path& data_dir) {
        ExpectRestorable(backups);
        ExpectSound(data_dir);
        const Ran again = Offline(data_dir, action);
        EXPECT_EQ(again.code, 0) << again.err;
        EXPECT_EQ(ListSnapshots(backups).size(), 1u);
        const auto folders = std::distance(fs::directory_iterator(backups / "snapshots"), {});
        EXPECT_EQ(folders, 1) << "what broke off is left";
        ExpectRestorable(backups);
      });
}

TEST_F(OperatorTest, ARestoreThatCrashedIsNotTakenForAWholeOneAndIsMadeAgain) {
  const fs::path backups = cluster_.folder() / "backups";
  ASSERT_EQ(Offline(cluster_.data_dir(), {"--admin-backup", backups.string()}).code, 0);
  const std::vector<std::string> action = {"--admin-restore", backups.string()};
  const fs::path target = cluster_.folder() / "target";
  CrashEach(
      action,
      [&] {
        fs::remove_all(target);
        return target;
      },
      [&](const fs::path& data_dir) {
        if (fs::exists(data_dir / "penstock.db")) {
          const Ran early = Offline(data_dir, {"--admin-check"});
          EXPECT_EQ(early.code, 2);
          EXPECT_THAT(early.err, HasSubstr("has broken off; restore again"));
        }
        const Ran again = Offline(data_dir, action);
        EXPECT_EQ(again.code, 0) << again.err;
        fs::copy_file(cluster_.data_dir() / "secrets.key", data_dir / "secrets.key");
        ExpectSound(data_dir);
      });
}

TEST_F(OperatorTest, ARotationThatCrashedLosesNoSecretAndIsMadeAgain) {
  const std::vector<std::string> action = {"--admin-rotate-secrets-key"};
  const std::string old_key = ReadFile(cluster_.data_dir() / "secrets.key").value_or("");
  const auto keys = [](const fs::path& data_dir) {
    return ReadFile(data_dir / "secrets.key").value_or("");
  };
  CrashEach(
      action, [&] { return Copy(); },
      [&](const fs::path& data_dir) {
        ExpectSound(data_dir);
        const Ran again = Offline(data_dir, action);
        EXPECT_EQ(again.code, 0) << again.err;
        ExpectSound(data_dir);
        EXPECT_EQ(keys(data_dir).size(), old_key.size()) << "one key is left";
        EXPECT_NE(keys(data_dir), old_key);
      });
}

// Rows go, then bytes: wherever it breaks off, what is needed stays, and the next time takes the
// rest.
TEST_F(OperatorTest, ACollectionThatCrashedGoesOnTheNextTime) {
  const std::vector<std::string> retention = {
      "--retention-run-count", "1", "--retention-grace", "0s", "--retention-interval", "0s"};
  const std::string newest = runs_.back();
  int bytes = 6'000;
  for (const std::string faults : {"journal.remove=crash", "artifact.set_aside=crash",
                                   "engine.before_commit=crash", "engine.after_commit=crash"}) {
    SCOPED_TRACE(faults);
    cluster_.StartCoordinator();
    cluster_.StartWorker("w1");
    const std::string id = RunOne(bytes += 1'000);
    for (const char* daemon : {"w1", "coordinator"}) EXPECT_EQ(cluster_.Stop(daemon), 0);
    std::vector<std::string> arguments = retention;
    arguments.insert(arguments.end(), {"--faults", faults});
    cluster_.StartCoordinator(arguments);
    EXPECT_NE(cluster_.Client({"admin", "gc"}).code, 0);
    ASSERT_TRUE(Eventually([&] { return !cluster_.Running("coordinator"); }));
    crashed_at_.insert(faults.substr(0, faults.find('=')));
    runs_ = {id};
    cluster_.StartCoordinator(retention);
    EXPECT_EQ(cluster_.Client({"admin", "gc"}).code, 0);
    EXPECT_THAT(cluster_.Client({"logs", id, "a"}).out, HasSubstr("hello"));
    EXPECT_EQ(cluster_.Stop("coordinator"), 0);
    ExpectSound(cluster_.data_dir());
    std::size_t blobs = 0;
    for (const auto& entry :
         fs::recursive_directory_iterator(cluster_.data_dir() / "artifacts" / "blobs")) {
      blobs += entry.is_regular_file() ? 1 : 0;
    }
    EXPECT_EQ(blobs, 1u) << "the bytes of the run that is left";
  }
}

// A worker reports again because the reply was lost, and the row of the attempt cannot be read.
TEST_F(OperatorTest, ARepeatedReportThatCannotBeLookedUpIsTakenInTheEnd) {
  for (const std::string action : {"crash", "eio", "enospc"}) {
    SCOPED_TRACE(action);
    cluster_.StartCoordinator(
        {"--faults", "rpc.reply.ReportSteps=eio,metadata.get_attempt=" + action});
    cluster_.StartWorker("w1");
    const std::string id =
        cluster_.Submit(cluster_.Write("quick.yaml", Quick(3'000)), {"--no-cache"});
    const auto keep_coordinator = [&] {
      if (!cluster_.Running("coordinator")) cluster_.StartCoordinator();
    };
    ASSERT_TRUE(Eventually([&] {
      keep_coordinator();
      return JsonString(cluster_.Run(id), "state") == "SUCCEEDED";
    }));
    // The run may have ended before the report came again, and so before the crash: the worker goes
    // when that, too, is answered.
    cluster_.Signal("w1", SIGTERM);
    ASSERT_TRUE(Eventually([&] {
      keep_coordinator();
      return !cluster_.Running("w1");
    }));
    crashed_at_.insert("metadata.get_attempt");
    runs_.push_back(id);
    EXPECT_EQ(cluster_.Running("coordinator") ? cluster_.Stop("coordinator") : 0, 0);
    cluster_.CheckInvariants(runs_);
  }
}

}  // namespace
}  // namespace penstock

// The simulation's own parts: a disk that forgets, scripts, and that the same seed is the same
// history.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>

#include "base/digest.h"
#include "base/log.h"
#include "storage/db/database.h"
#include "tests/sim/definitions.h"
#include "tests/sim/memory_disk.h"
#include "tests/sim/reasons.h"
#include "tests/sim/script.h"
#include "tests/sim/shrink.h"
#include "tests/sim/world.h"

namespace penstock::sim {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

// What no worker can ever place, beside what ends.
constexpr std::string_view kNeverPlaced =
    R"(world {"failures":0.0,"length_ms":10000,"options":{"grace_s":30,"lease_ttl_s":15,"max_disconnect_s":30,"run_age_s":0,"run_count":0,"sweep_s":0,"unused_s":600},"seed":1,"slowness":1,"weather":{"duplicate":0.0,"loss":0.0,"slowest_ms":2},"workers":[{"cpus":4,"gpus":1,"memory_gib":8,"name":"w1"}]}
0.01 apply {"definition":{"name":"p1","steps":[{"mutex":"red","name":"noop-1-mx-red","resources":{"cpus":64},"type":"noop","with":{"message":"go"}},{"name":"noop-2","type":"noop"}]}}
1.0 submit {"pipeline":"p1"}
)";

class SimTest : public testing::Test {
 protected:
  SimTest() { spdlog::set_level(spdlog::level::off); }
};

// Writes rows 1, 2, 3 … a transaction each, until one cannot be written; how many were.
int64_t Fill(Database& database, int64_t from, int64_t rows) {
  for (int64_t row = from; row < from + rows; ++row) {
    const std::string sql = "BEGIN IMMEDIATE; INSERT INTO t VALUES (" + std::to_string(row) +
                            ", zeroblob(3000)); COMMIT";
    if (!database.Execute(sql).ok()) return row - from;
  }
  return rows;
}

int64_t Rows() {
  auto database = std::move(*Database::Open("file.db", {}));
  Statement count = std::move(*database->Prepare("SELECT count(*), max(id) FROM t"));
  EXPECT_TRUE(*count.Step());
  EXPECT_EQ(count.Int(0), count.Int(1)) << "without gaps";
  return count.Int(0);
}

std::unique_ptr<Database> MakeDatabase() {
  auto database = std::move(*Database::Open("file.db", {}));
  EXPECT_TRUE(database->Execute("CREATE TABLE t (id INTEGER PRIMARY KEY, filler BLOB)").ok());
  return database;
}

TEST_F(SimTest, WhatWasCommittedSurvivesAPowerFailureBeforeAnyOperation) {
  for (int64_t operation = 1; operation < 400; ++operation) {
    MemoryDisk disk(static_cast<uint64_t>(operation));
    auto database = MakeDatabase();
    EXPECT_TRUE(database->Execute("PRAGMA wal_autocheckpoint = 10").ok());
    disk.CrashAfter(operation);
    int64_t committed = 0;
    while (!disk.crashed()) {
      committed += Fill(*database, committed + 1, 1);
    }
    database.reset();
    disk.Revive();
    const int64_t rows = Rows();
    // The last one may or may not have been: nobody was told.
    EXPECT_GE(rows, committed - 1) << "operation " << operation;
    EXPECT_LE(rows, committed) << "operation " << operation;
  }
}

TEST_F(SimTest, WhatWasNotSyncedMayBeLost) {
  int lost = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    MemoryDisk disk(seed);
    auto database = MakeDatabase();
    EXPECT_TRUE(database->Execute("PRAGMA synchronous = OFF").ok());
    Fill(*database, 1, 20);
    disk.CrashAfter(0);
    database.reset();
    disk.Revive();
    auto after = std::move(*Database::Open("file.db", {}));
    Result<Statement> count = after->Prepare("SELECT count(*) FROM t");
    lost += !count.ok() || !count->Step().ok() || count->Int(0) < 20;
  }
  EXPECT_GT(lost, 5);
}

TEST_F(SimTest, AFullDiskRefusesAndABrokenOneFails) {
  MemoryDisk disk(1);
  auto database = MakeDatabase();
  disk.set_full(true);
  EXPECT_EQ(database->Execute("INSERT INTO t VALUES (1, zeroblob(100000))").reason(), "DISK_FULL");
  disk.set_full(false);
  EXPECT_EQ(Fill(*database, 1, 3), 3);
  disk.set_broken(true);
  EXPECT_EQ(database->Execute("INSERT INTO t VALUES (4, zeroblob(100000))").reason(), "IO_ERROR");
  disk.set_broken(false);
}

TEST_F(SimTest, AScriptIsReadAsItWasWritten) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const std::string text = MakeScript(seed).ToText();
    const Result<Script> again = Script::Parse(text);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->ToText(), text);
  }
  EXPECT_THAT(Script::Parse("0.5 submit {}").status().message(), HasSubstr("world"));
  EXPECT_THAT(Script::Parse("world {}\nsoon submit {}").status().message(), HasSubstr("line 2"));
}

TEST_F(SimTest, TheSameSeedIsTheSameHistory) {
  std::set<uint64_t> histories;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    const Outcome one = RunScript(MakeScript(seed));
    const Outcome other = RunScript(*Script::Parse(MakeScript(seed).ToText()));
    EXPECT_EQ(one.violation, "");
    EXPECT_EQ(one.history, other.history) << "seed " << seed;
    EXPECT_EQ(one.events, other.events) << "seed " << seed;
    histories.insert(one.history);
  }
  EXPECT_EQ(histories.size(), 12u);
}

TEST_F(SimTest, AFailingScriptIsCutToWhatFails) {
  // An action that there is not is as wrong as anything.
  Script script = MakeScript(3);
  script.actions.insert(script.actions.begin() + 20, {script.actions[20].at, "burn-down", {}});
  const Shrunk shrunk = Shrink(script, [](const std::string&) {});
  EXPECT_THAT(shrunk.violation, HasSubstr("burn-down"));
  EXPECT_EQ(shrunk.script.actions.size(), 1u);
  const std::string test = AsTest(shrunk);
  EXPECT_THAT(test, HasSubstr("TEST_F("));
  EXPECT_THAT(test, HasSubstr("burn-down"));
}

// The auditor goes by the step's name.
TEST_F(SimTest, AShrunkScriptKeepsTheMutexThatAStepIsNamedFor) {
  const Shrunk shrunk = Shrink(*Script::Parse(kNeverPlaced), [](const std::string&) {});
  EXPECT_THAT(shrunk.violation, HasSubstr("runs have not ended"));
  for (const Action& action : shrunk.script.actions) {
    if (action.what != "apply") continue;
    EXPECT_EQ(action.with["definition"]["steps"].dump(),
              R"([{"mutex":"red","name":"noop-1-mx-red","resources":{"cpus":64},"type":"noop"}])");
  }
}

TEST_F(SimTest, WhoWaitsForEverIsFound) {
  const Outcome outcome = RunScript(*Script::Parse(kNeverPlaced));
  EXPECT_THAT(outcome.violation, HasSubstr("runs have not ended"));
  EXPECT_THAT(outcome.violation, HasSubstr("noop-1-mx-red READY"));
  EXPECT_LT(outcome.at, std::chrono::hours(1)) << "a step takes two minutes at most";
}

// Runs that go one at a time, each of a step that takes more than eight minutes.
TEST_F(SimTest, MuchWorkThatGoesOnIsNoHang) {
  std::string text =
      R"(world {"failures":0.0,"length_ms":10000,"options":{"grace_s":30,"lease_ttl_s":15,)"
      R"("max_disconnect_s":3600,"run_age_s":0,"run_count":0,"sweep_s":0,"unused_s":600},)"
      R"("seed":134,"slowness":5,"weather":{"duplicate":0.0,"loss":0.0,"slowest_ms":2},)"
      R"("workers":[{"cpus":4,"gpus":1,"memory_gib":8,"name":"w1"}]})"
      "\n"
      R"(0.01 apply {"definition":{"name":"p1","steps":[{"mutex":"red","name":"script-1-mx-red",)"
      R"("type":"script","with":{"command":["run","go"],"side_effects":true}}]}})"
      "\n";
  for (int i = 0; i < 25; ++i) text += "1.0 submit {\"pipeline\":\"p1\"}\n";
  const Outcome outcome = RunScript(*Script::Parse(text));
  EXPECT_EQ(outcome.violation, "");
  EXPECT_EQ(outcome.runs, 25);
  EXPECT_GT(outcome.at, std::chrono::hours(3)) << "more than the patience with one step";
}

TEST_F(SimTest, ADeletedPipelineIsRegisteredAgain) {
  int deleted = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    std::map<std::string, Micros> gone;
    for (const Action& action : MakeScript(seed).actions) {
      const std::string name = JsonString(action.with, "pipeline");
      if (action.what == "apply") gone.erase(JsonString(action.with["definition"], "name"));
      if (action.what == "submit" && gone.contains(name)) {
        EXPECT_LE(action.at - gone[name], std::chrono::seconds(30)) << "seed " << seed;
      }
      if (action.what == "delete-pipeline") {
        gone.try_emplace(name, action.at);
        ++deleted;
      }
    }
    EXPECT_THAT(gone, IsEmpty()) << "seed " << seed;
  }
  EXPECT_GT(deleted, 50);
}

TEST_F(SimTest, ADamagedUploadIsUploadedAgain) {
  const auto runs = [](const std::string& damage) {
    const std::string text =
        R"(world {"failures":0.0,"length_ms":60000,"options":{"grace_s":30,"lease_ttl_s":15,)"
        R"("max_disconnect_s":30,"run_age_s":0,"run_count":0,"sweep_s":0,"unused_s":600},"seed":1,)"
        R"("slowness":1,"weather":{"duplicate":0.0,"loss":0.0,"slowest_ms":2},)"
        R"("workers":[{"cpus":4,"gpus":1,"memory_gib":8,"name":"w1"}]})"
        "\n"
        R"(0.005 put {"text":"dataset 0","type":"dataset"})"
        "\n"
        R"(0.01 apply {"definition":{"name":"p1","steps":[{"algorithm":"linear-learner",)"
        R"("inputs":{"train":"artifact:sha256:)" +
        Sha256("dataset 0").value() +
        R"("},"name":"train-1","type":"train"}]}})"
        "\n" +
        damage + "30.0 submit {\"pipeline\":\"p1\"}\n";
    const Outcome outcome = RunScript(*Script::Parse(text));
    EXPECT_EQ(outcome.violation, "");
    return outcome.runs;
  };
  EXPECT_EQ(runs(""), 1);
  EXPECT_EQ(runs("5.0 damage {\"artifact\":0}\n"), 0);
  EXPECT_EQ(runs("5.0 damage {\"artifact\":0,\"again_ms\":10000}\n"), 1);
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    for (const Action& action : MakeScript(seed).actions) {
      EXPECT_EQ(action.what == "damage", action.with.contains("again_ms")) << "seed " << seed;
    }
  }
}

TEST_F(SimTest, SmallPipelinesHaveMoreRuns) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    std::map<std::string, int> steps;
    int in_all = 0;
    for (const Action& action : MakeScript(seed).actions) {
      if (action.what == "apply") {
        const Json& definition = action.with["definition"];
        steps.try_emplace(JsonString(definition, "name"), CountWorkerSteps(definition));
      } else if (action.what == "submit") {
        in_all += std::max(steps[JsonString(action.with, "pipeline")], 1);
      }
    }
    EXPECT_GE(in_all, 100) << "seed " << seed;
  }
}

// Pipelines are not deleted, workers not lost for good, and those that are closed are opened again.
TEST_F(SimTest, ASoakHasWorkAndWorkersToTheEnd) {
  std::map<int64_t, Micros> closed;
  int closings = 0;
  for (const Action& action : MakeSoak(1, 24).actions) {
    EXPECT_NE(action.what, "delete-pipeline");
    EXPECT_NE(action.what, "lose-worker");
    for (const auto& [worker, since] : closed) {
      EXPECT_LE(action.at - since, std::chrono::minutes(10)) << "worker " << worker;
    }
    if (action.what != "order") continue;
    const int64_t worker = JsonInt(action.with, "worker");
    if (JsonString(action.with, "order") == "uncordon") {
      closed.erase(worker);
    } else {
      closed[worker] = action.at;
      ++closings;
    }
  }
  EXPECT_THAT(closed, IsEmpty());
  EXPECT_GT(closings, 20);
}

TEST_F(SimTest, TwoViolationsAreTheSameButForNamesAndNumbers) {
  EXPECT_EQ(KindOf("run-01HF step 3 has two live attempts"),
            KindOf("run-02AB step 17 has two live attempts"));
  EXPECT_NE(KindOf("run-01HF step 3 has two live attempts"),
            KindOf("run-01HF step 3 is leased without a live attempt"));
}

TEST_F(SimTest, EveryReasonThatTheEngineGivesIsInTheTable) {
  const std::vector<std::string> listed = KnownReasons();
  std::set<std::string> known(listed.begin(), listed.end());
  // Names of states, which stand in the sources for other reasons.
  for (const char* state :
       {"CACHED", "CANCELLING", "FAILED", "LEASED", "LOST", "PENDING", "READY", "RETRY_WAIT",
        "RUNNING", "SKIPPED", "SUCCEEDED", "WAITING", "DISK_FULL"}) {
    known.insert(state);
  }
  const std::regex word("\"([A-Z][A-Z_]+[A-Z])\"");
  std::set<std::string> found;
  for (const char* folder : {"server/engine", "server/core", "storage/model"}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      const bool is_core = std::string_view(folder) == "server/core";
      if (entry.path().extension() != ".cc") continue;
      if (is_core && !name.starts_with("placer") && name != "bind.cc" && name != "calls.cc" &&
          name != "overrides.cc") {
        continue;
      }
      if (std::string_view(folder) == "storage/model" && name != "states.cc") continue;
      std::ifstream file(entry.path());
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      for (std::sregex_iterator match(text.begin(), text.end(), word), end; match != end; ++match) {
        found.insert((*match)[1]);
        EXPECT_TRUE(known.contains((*match)[1]))
            << (*match)[1] << " of " << entry.path() << " is not in reasons.cc";
      }
    }
  }
  for (const std::string& reason : listed) EXPECT_THAT(found, Contains(reason));
}

}  // namespace
}  // namespace penstock::sim

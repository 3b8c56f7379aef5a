#include "tests/support/invariants.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "storage/artifact/local_artifact_store.h"
#include "storage/journal/journal.h"
#include "storage/metadata/metadata_reader.h"
#include "tests/support/cluster.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxBlob = int64_t{1} << 30;

void ExpectNone(const char* what, const Result<std::vector<std::string>>& problems) {
  ASSERT_TRUE(problems.ok()) << what << ": " << problems.status();
  for (const std::string& problem : *problems) ADD_FAILURE() << what << ": " << problem;
}

// One run as it stands in the database.
class RunChecker {
 public:
  RunChecker(MetadataReader& reader, Journal& journal, const RunRecord& run, bool ended)
      : reader_(reader), journal_(journal), run_(run), ended_(ended) {}

  void Check() {
    const auto steps = reader_.ListSteps(run_.row);
    ASSERT_TRUE(steps.ok()) << steps.status();
    EXPECT_TRUE(!ended_ || IsTerminal(run_.state)) << run_.id << " is " << Name(run_.state);
    for (const StepRecord& step : *steps) CheckStep(step, *steps);
    if (IsTerminal(run_.state)) CheckVerdict(*steps);
    CheckLogs();
  }

 private:
  std::string Of(const StepRecord& step) const { return run_.id.value() + "/" + step.name; }

  void CheckStep(const StepRecord& step, const std::vector<StepRecord>& steps) {
    EXPECT_TRUE(!ended_ || IsTerminal(step.state)) << Of(step) << " is " << Name(step.state);
    for (const StepIndex before : step.depends_on) {
      const StepRecord& other = steps.at(static_cast<std::size_t>(before));
      if (!step.started_at.set()) continue;
      EXPECT_TRUE(other.ended_at.set() && other.ended_at <= step.started_at)
          << Of(step) << " began before " << other.name << " had ended";
    }
    CheckAttempts(step);
    if (step.state != StepState::kSucceeded && step.state != StepState::kCached) return;
    for (const auto& [name, ref] : step.result.outputs) {
      const auto known = reader_.HasArtifact(ref.digest);
      EXPECT_TRUE(known.ok() && *known) << Of(step) << " has lost its output " << name;
    }
  }

  void CheckAttempts(const StepRecord& step) {
    const auto attempts = reader_.ListAttempts(run_.row, step.index);
    ASSERT_TRUE(attempts.ok()) << attempts.status();
    std::map<int32_t, std::vector<AttemptState>> numbers;  // with all their ranks
    for (const AttemptRecord& attempt : *attempts) {
      EXPECT_TRUE(!ended_ || IsTerminal(attempt.state)) << Of(step);
      numbers[attempt.number].push_back(attempt.state);
    }
    const auto succeeded = [](const auto& each) {
      return std::all_of(each.second.begin(), each.second.end(),
                         [](AttemptState state) { return state == AttemptState::kSucceeded; });
    };
    const auto count = std::count_if(numbers.begin(), numbers.end(), succeeded);
    EXPECT_LE(count, 1) << Of(step) << " succeeded more than once";
    if (numbers.empty()) return;
    EXPECT_EQ(count == 1, step.state == StepState::kSucceeded)
        << Of(step) << " is " << Name(step.state) << " with " << count
        << " attempts that succeeded";
  }

  // FAILED if and only if a step that counts has failed.
  void CheckVerdict(const std::vector<StepRecord>& steps) {
    const bool failed = std::any_of(steps.begin(), steps.end(), [](const StepRecord& step) {
      return step.state == StepState::kFailed;
    });
    if (run_.state == RunState::kFailed) {
      EXPECT_TRUE(failed) << run_.id << " failed, and none of its steps";
    } else if (failed) {
      const auto pipeline = reader_.GetPipelineVersion(run_.pipeline_version_id);
      ASSERT_TRUE(pipeline.ok()) << pipeline.status();
      EXPECT_NE(pipeline->definition.find("continueOnFailure"), std::string::npos)
          << run_.id << " is " << Name(run_.state) << " with a step that failed";
    }
  }

  void CheckLogs() {
    const auto keys = journal_.ListLogs(run_.id, -1);
    ASSERT_TRUE(keys.ok()) << keys.status();
    for (const LogKey& key : *keys) {
      LogChunk chunk;
      while (!chunk.end) {
        auto read = journal_.ReadLog(run_.id, key, chunk.next_offset, 1 << 20);
        ASSERT_TRUE(read.ok()) << read.status();
        chunk = *std::move(read);
      }
    }
  }

  MetadataReader& reader_;
  Journal& journal_;
  const RunRecord& run_;
  const bool ended_;
};

void CheckBytes(MetadataReader& reader, const LocalArtifactStore& store) {
  std::vector<int64_t> rows;
  const auto artifacts = reader.ListArtifacts("", RunId(), 0, 10'000, &rows);
  ASSERT_TRUE(artifacts.ok()) << artifacts.status();
  for (const ArtifactRecord& artifact : *artifacts) {
    const auto bytes = store.ReadBlob(artifact.ref.digest, kMaxBlob);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    if (!artifact.ref.tree || !bytes.ok()) continue;
    const auto manifest = ParseManifest(*bytes);
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    for (const ManifestEntry& file : manifest->files) {
      EXPECT_TRUE(store.ReadBlob(file.digest, kMaxBlob).ok()) << file.path;
    }
  }
}

// Of files that are written beside their place and then renamed into it.
void ExpectNoTemporaries(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    EXPECT_EQ(entry.path().filename().string().find(".tmp"), std::string::npos)
        << entry.path() << " is left";
  }
}

}  // namespace

void CheckStored(const fs::path& data_dir, const StoredExpectations& expected) {
  const auto reader = MetadataReader::Open((data_dir / "penstock.db").string());
  ASSERT_TRUE(reader.ok()) << reader.status();
  ExpectNone("integrity", (*reader)->CheckIntegrity());
  ExpectNone("foreign keys", (*reader)->CheckForeignKeys());
  ExpectNone("references", (*reader)->CheckReferences());
  ExpectNone("states", (*reader)->CheckStates());
  const auto journal = Journal::Open(data_dir / "journal");
  ASSERT_TRUE(journal.ok()) << journal.status();
  const auto runs = (*reader)->ListRuns({}, 0, 1'000);
  ASSERT_TRUE(runs.ok()) << runs.status();
  std::set<std::string> there;
  for (const RunRecord& run : *runs) {
    there.insert(run.id.value());
    RunChecker(**reader, **journal, run, expected.ended).Check();
  }
  for (const std::string& id : expected.acknowledged) {
    EXPECT_TRUE(there.contains(id)) << id << " was acknowledged, and is not there";
  }
  if (expected.ended) {
    const auto holds = (*reader)->CountAttemptHolds();
    ASSERT_TRUE(holds.ok()) << holds.status();
    EXPECT_EQ(*holds, 0) << "artifacts are held for attempts that ended";
  }
  const auto store =
      LocalArtifactStore::Open(data_dir / "artifacts", {.sync = false, .clean = false});
  ASSERT_TRUE(store.ok()) << store.status();
  CheckBytes(**reader, **store);
  EXPECT_TRUE(fs::is_empty((*store)->temp_folder())) << "temporary files are left";
  ExpectNoTemporaries(data_dir);
}

std::vector<std::pair<int, std::string>> MarkedProcesses(const fs::path& folder) {
  std::vector<std::pair<int, std::string>> found;
  const auto read = [](const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  };
  const std::string mark = "PENSTOCK_ATTEMPT_OWNER=" + folder.string();
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (read(entry.path() / "environ").find(mark) == std::string::npos) continue;
    found.emplace_back(std::stoi(name), read(entry.path() / "cmdline"));
  }
  return found;
}

void CheckNothingLeft(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!fs::exists(entry.path() / "work")) continue;
    for (const char* place : {"work", "artifacts/tmp"}) {
      EXPECT_TRUE(fs::is_empty(entry.path() / place))
          << "files are left in " << entry.path() / place;
    }
    ExpectNoTemporaries(entry.path());
  }
  EXPECT_TRUE(Eventually([&] { return MarkedProcesses(folder).empty(); }, std::chrono::seconds(5)))
      << "a process of a worker is left";
}

}  // namespace penstock

// A database of the first release is brought to this one's, and the process is killed after each
// statement of each migration: the next start completes it, nothing is lost, and the backup that
// was made before is one.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "base/fault_point.h"
#include "base/file.h"
#include "base/random.h"
#include "storage/db/database.h"
#include "storage/metadata/metadata_store.h"
#include "storage/metadata/migrations.h"
#include "tests/fault/fault_points.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

constexpr char kRows[] =
    "INSERT INTO pipelines (name, latest_version) VALUES ('p', 1);"
    "INSERT INTO pipeline_versions (id, name, version, digest, definition, source, description, "
    "step_count, principal, created_at) VALUES (1, 'p', 1, 'd', '{}', '', '', 2, 'u', 1);"
    "INSERT INTO runs (id, run_id, name, pipeline, pipeline_version, pipeline_version_id, state, "
    "parameters, tags, principal, created_at, ended_at, total, succeeded) "
    "VALUES (1, 'run-1', 'n', 'p', 1, 1, 4, '{}', '{}', 'u', 1, 9, 2, 2);"
    "INSERT INTO steps (run, idx, name, type, algorithm, depends_on, state) "
    "VALUES (1, 0, 'a', 'noop', '', '[]', 6), (1, 1, 'b', 'noop', '', '[0]', 6);"
    "INSERT INTO attempts (run, idx, number, token, state, worker, leased_at) "
    "VALUES (1, 0, 1, 't1', 4, 'w', 1), (1, 0, 2, 't2', 3, 'w', 2), (1, 1, 1, 't3', 3, 'w', 3);"
    "INSERT INTO artifacts (digest, type, tree, size, file_count, principal, created_at) "
    "VALUES ('x', 'file', 0, 5, 1, 'u', 1);"
    "INSERT INTO run_artifacts (run, digest) VALUES (1, 'x');";

// Every row of every table, but for when the database was made and migrated.
std::string Dump(const fs::path& path) {
  std::string dump;
  const auto database = Database::Open(path.string(), {.read_only = true});
  EXPECT_TRUE(database.ok()) << database.status();
  if (!database.ok()) return dump;
  auto tables = (*database)->Prepare(
      "SELECT name, sql FROM sqlite_schema WHERE type IN ('table', 'index') ORDER BY name");
  EXPECT_TRUE(tables.ok()) << tables.status();
  while (*tables->Step()) {
    const std::string table(tables->Text(0));
    dump += table + ": " + std::string(tables->Text(1)) + "\n";
    if (table == "server" || table == "schema_migrations") continue;
    auto rows = (*database)->Prepare("SELECT * FROM \"" + table + "\" ORDER BY 1, 2");
    if (!rows.ok()) continue;  // an index
    while (*rows->Step()) {
      for (int column = 0; column < rows->Columns(); ++column) {
        dump += std::string(rows->Text(column)) + "|";
      }
      dump += "\n";
    }
  }
  return dump;
}

Result<std::unique_ptr<MetadataStore>> Open(const fs::path& path) {
  return MetadataStore::Open(path.string(), Clock::Real(), Random::Secure());
}

class MigrationTest : public testing::Test {
 protected:
  void TearDown() override { ASSERT_TRUE(InitFaults("", "").ok()); }

  // A new copy of the database of an earlier release; of version 0: none.
  fs::path Old(int version) {
    fs::remove_all(folder_.path() / "work");
    fs::create_directories(folder_.path() / "work");
    fs::path path = folder_.path() / "work" / "penstock.db";
    if (version == 0) return path;
    const fs::path kept = folder_.path() / ("version-" + std::to_string(version));
    if (!fs::exists(kept)) {
      const std::vector<Migration>& all = MetadataMigrations();
      const auto database = Database::Open(kept.string(), {});
      EXPECT_TRUE(database.ok());
      const MigrateOptions options{.application_id = 0x504e534b, .now = {1}};
      EXPECT_TRUE(Migrate(**database, {all.begin(), all.begin() + 1}, options).ok());
      const Status filled = (*database)->Execute(kRows);
      EXPECT_TRUE(filled.ok()) << filled;
      EXPECT_TRUE(Migrate(**database, {all.begin(), all.begin() + version}, options).ok());
    }
    fs::copy_file(kept, path);
    return path;
  }

  // How often the points are hit by a start that nothing disturbs.
  int64_t Count(int version, const std::string& point) {
    const fs::path path = Old(version);
    EXPECT_TRUE(InitFaults("none=eio", "").ok());
    EXPECT_TRUE(Open(path).ok());
    const int64_t hits = FaultHits()[point];
    EXPECT_TRUE(InitFaults("", "").ok());
    return hits;
  }

  // The start of a process of its own, killed at that point.
  static void Crash(const fs::path& path, const std::string& faults) {
    const pid_t child = fork();
    if (child == 0) {
      if (!InitFaults(faults, "").ok()) _exit(2);
      _exit(Open(path).ok() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "it was not killed";
  }

  static fs::path BackupOf(const fs::path& path) {
    return path.string() + ".before-v" + std::to_string(MetadataMigrations().size());
  }

  void TryEach(int version, const std::string& point) {
    const std::string old = version == 0 ? std::string() : Dump(Old(version));
    const fs::path untouched = Old(version);
    ASSERT_TRUE(Open(untouched).ok());
    const std::string migrated = Dump(untouched);
    const int64_t hits = Count(version, point);
    ASSERT_GT(hits, 0);
    for (int64_t hit = 1; hit <= hits; ++hit) {
      SCOPED_TRACE("version " + std::to_string(version) + ", " + point + " " + std::to_string(hit));
      const fs::path path = Old(version);
      Crash(path, point + "=crash@" + std::to_string(hit));
      const auto store = Open(path);
      ASSERT_TRUE(store.ok()) << store.status();
      EXPECT_TRUE((*store)->reader().CheckIntegrity()->empty());
      EXPECT_TRUE((*store)->reader().CheckForeignKeys()->empty());
      EXPECT_EQ(Dump(path), migrated);
      if (version > 0) ExpectBackup(path, old, migrated);
      if (HasFailure()) return;
    }
  }

  // It holds what was there before the first start of this release, so that the release before can
  // be put back; and a start on it comes to the same.
  void ExpectBackup(const fs::path& path, const std::string& old, const std::string& migrated) {
    const fs::path backup = folder_.path() / "work" / "backup.db";
    fs::copy_file(BackupOf(path), backup);
    EXPECT_EQ(Dump(backup), old);
    ASSERT_TRUE(Open(backup).ok());
    EXPECT_EQ(Dump(backup), migrated);
    EXPECT_FALSE(fs::exists(BackupOf(path).string() + ".tmp"));
  }

  const TempFolder folder_ = *TempFolder::Make(fs::temp_directory_path());
};

// From the first release on, and from nothing.
TEST_F(MigrationTest, AKillAfterAnyStatementIsMadeUpForByTheNextStart) {
  for (const FaultPoint& point : kFaultPoints) {
    if (!point.migration) continue;
    const bool makes_backup = point.name == "migrate.backup";
    for (const int version : {0, 1}) {
      if (version > 0 || !makes_backup) TryEach(version, std::string(point.name));
    }
  }
}

TEST_F(MigrationTest, EachReleaseIsBroughtToThisOne) {
  const auto newest = static_cast<int>(MetadataMigrations().size());
  for (int version = 1; version < newest; ++version) {
    for (const char* point : {"migrate.backup", "migrate.applied"}) TryEach(version, point);
  }
}

TEST_F(MigrationTest, AFailingDiskLeavesTheVersionBeforeAndSaysSo) {
  for (const std::string point : {"migrate.statement", "migrate.applied"}) {
    const int64_t hits = Count(1, point);
    const fs::path untouched = Old(1);
    ASSERT_TRUE(Open(untouched).ok());
    const std::string migrated = Dump(untouched);
    for (const std::string action : {"enospc", "eio"}) {
      for (int64_t hit = 1; hit <= hits; ++hit) {
        const fs::path path = Old(1);
        ASSERT_TRUE(InitFaults(point + "=" + action + "@" + std::to_string(hit), "").ok());
        const Status status = Open(path).status();
        EXPECT_EQ(status.reason(), action == "eio" ? "IO_ERROR" : "DISK_FULL");
        EXPECT_NE(status.message().find("migration "), std::string::npos) << status;
        ASSERT_TRUE(InitFaults("", "").ok());
        ASSERT_TRUE(Open(path).ok());
        EXPECT_EQ(Dump(path), migrated);
        EXPECT_TRUE(fs::exists(BackupOf(path)));
      }
    }
  }
}

}  // namespace
}  // namespace penstock

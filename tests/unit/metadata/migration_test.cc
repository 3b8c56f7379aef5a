// Databases of earlier releases.

#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "storage/db/database.h"
#include "storage/metadata/migrations.h"

namespace penstock {
namespace {

constexpr MigrateOptions kOptions{.application_id = 77, .now = {1'000'000}};

TEST(MigrationTest, AttemptsOfBeforeGangsAreAttemptsOfRankZero) {
  const TempFolder folder = *TempFolder::Make("/tmp");
  const std::unique_ptr<Database> database =
      *Database::Open((folder.path() / "penstock.db").string(), {});
  const std::vector<Migration>& all = MetadataMigrations();
  const auto gang = std::find_if(all.begin(), all.end(), [](const Migration& migration) {
    return migration.sql.find("ranked_attempts") != std::string_view::npos;
  });
  ASSERT_NE(gang, all.end());
  ASSERT_TRUE(Migrate(*database, {all.begin(), gang}, kOptions).ok());
  const Status filled = database->Execute(
      "INSERT INTO pipelines (name, latest_version) VALUES ('p', 1);"
      "INSERT INTO pipeline_versions (id, name, version, digest, definition, source, description, "
      "step_count, principal, created_at) VALUES (1, 'p', 1, 'd', '{}', '', '', 1, 'u', 1);"
      "INSERT INTO runs (id, run_id, name, pipeline, pipeline_version, pipeline_version_id, state, "
      "parameters, tags, principal, created_at, total) "
      "VALUES (1, 'run-1', 'n', 'p', 1, 1, 2, '{}', '{}', 'u', 1, 1);"
      "INSERT INTO attempts (run, idx, number, token, state, worker, cause, message, leased_at, "
      "started_at, ended_at, exit_code, peak_memory, cpu_micros) "
      "VALUES (1, 0, 1, 't1', 4, 'w', 1, 'broke', 10, 11, 12, 3, 400, 500), "
      "(1, 0, 2, 't2', 2, 'w', 0, '', 20, 21, 0, 0, 0, 0);");
  ASSERT_TRUE(filled.ok()) << filled;
  const Status migrated = Migrate(*database, all, kOptions);
  ASSERT_TRUE(migrated.ok()) << migrated;
  Result<Statement> rows = database->Prepare(
      "SELECT number, rank, token, state, message, exit_code, cpu_micros, address, result "
      "FROM attempts ORDER BY number");
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_TRUE(*rows->Step());
  EXPECT_EQ(rows->Int(0), 1);
  EXPECT_EQ(rows->Int(1), 0);
  EXPECT_EQ(rows->Text(2), "t1");
  EXPECT_EQ(rows->Int(3), 4);
  EXPECT_EQ(rows->Text(4), "broke");
  EXPECT_EQ(rows->Int(5), 3);
  EXPECT_EQ(rows->Int(6), 500);
  EXPECT_EQ(rows->Text(7), "");
  EXPECT_EQ(rows->Text(8), "");
  ASSERT_TRUE(*rows->Step());
  EXPECT_EQ(rows->Text(2), "t2");
  EXPECT_EQ(rows->Int(3), 2);
  EXPECT_FALSE(*rows->Step());
  // They still go with their run.
  ASSERT_TRUE(database->Execute("DELETE FROM runs").ok());
  Result<Statement> left = database->Prepare("SELECT count(*) FROM attempts");
  ASSERT_TRUE(*left->Step());
  EXPECT_EQ(left->Int(0), 0);
}

}  // namespace
}  // namespace penstock

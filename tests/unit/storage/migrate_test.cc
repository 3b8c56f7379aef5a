#include "storage/db/migrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace penstock {
namespace {

using testing::HasSubstr;

constexpr MigrateOptions kOptions{.application_id = 77, .now = {1'000'000}};
const Migration kFirst{1, "first", "CREATE TABLE a (n INTEGER) STRICT"};
const Migration kSecond{2, "second", "CREATE TABLE b (n INTEGER) STRICT; INSERT INTO b VALUES (5)"};
const Migration kBroken{2, "broken", "CREATE TABLE b (n INTEGER) STRICT; INSERT INTO c VALUES (5)"};

class MigrateTest : public testing::Test {
 protected:
  Status Run(const std::vector<Migration>& migrations) {
    return Migrate(*database_, migrations, kOptions);
  }

  static int64_t Number(Database& database, const std::string& sql) {
    Result<Statement> statement = database.Prepare(sql);
    EXPECT_TRUE(statement.ok()) << statement.status();
    EXPECT_TRUE(*statement->Step());
    return statement->Int(0);
  }

  int64_t Tables(const std::string& name) {
    return Number(*database_, "SELECT count(*) FROM sqlite_schema WHERE name = '" + name + "'");
  }

  TempFolder folder_ = *TempFolder::Make("/tmp");
  const std::string path_ = folder_.path() / "test.db";
  std::unique_ptr<Database> database_ = *Database::Open(path_, {});
};

TEST_F(MigrateTest, ANewDatabaseGetsAllOfThemOnce) {
  ASSERT_TRUE(Run({kFirst, kSecond}).ok());
  ASSERT_TRUE(Run({kFirst, kSecond}).ok());
  EXPECT_EQ(Number(*database_, "SELECT n FROM b"), 5);
  EXPECT_EQ(Number(*database_, "PRAGMA user_version"), 2);
  EXPECT_EQ(Number(*database_, "SELECT applied_at FROM schema_migrations WHERE version = 2"),
            1'000'000);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".before-v2")) << "there was nothing to back up";
}

TEST_F(MigrateTest, AnUpgradeKeepsACopyOfWhatWas) {
  ASSERT_TRUE(Run({kFirst}).ok());
  ASSERT_TRUE(database_->Execute("INSERT INTO a VALUES (9)").ok());
  // What an upgrade that broke off has left there does not stop this one.
  ASSERT_TRUE(WriteFileAtomic(path_ + ".before-v2", "half").ok());
  ASSERT_TRUE(WriteFileAtomic(path_ + ".before-v2.tmp", "half").ok());
  const Status status = Run({kFirst, kSecond});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Number(*database_, "SELECT n FROM a"), 9);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".before-v2.tmp"));
  const auto backup = Database::Open(path_ + ".before-v2", {});
  ASSERT_TRUE(backup.ok()) << backup.status();
  EXPECT_EQ(Number(**backup, "SELECT n FROM a"), 9);
  EXPECT_EQ(Number(**backup, "PRAGMA user_version"), 1);
  EXPECT_TRUE(Migrate(**backup, {kFirst}, kOptions).ok()) << "the older program cannot use it";
}

TEST_F(MigrateTest, OneThatFailsLeavesNothing) {
  ASSERT_TRUE(Run({kFirst}).ok());
  EXPECT_THAT(Run({kFirst, kBroken}).message(), HasSubstr("migration 2"));
  EXPECT_EQ(Tables("b"), 0);
  EXPECT_EQ(Number(*database_, "PRAGMA user_version"), 1);
  EXPECT_TRUE(Run({kFirst, kSecond}).ok());
}

// Else a second try would back up what the first had left half done.
TEST_F(MigrateTest, AllThatAreMissingAreAppliedOrNone) {
  ASSERT_TRUE(Run({kFirst}).ok());
  const Migration broken{3, "broken", "INSERT INTO c VALUES (5)"};
  EXPECT_THAT(Run({kFirst, kSecond, broken}).message(), HasSubstr("migration 3"));
  EXPECT_EQ(Tables("b"), 0);
  EXPECT_EQ(Number(*database_, "PRAGMA user_version"), 1);
  EXPECT_EQ(Number(*database_, "SELECT count(*) FROM schema_migrations"), 1);
}

TEST_F(MigrateTest, ANewerDatabaseIsRefusedWithWhatToDo) {
  ASSERT_TRUE(Run({kFirst, kSecond}).ok());
  const Status status = Run({kFirst});
  EXPECT_EQ(status.reason(), "SCHEMA_TOO_NEW");
  EXPECT_THAT(status.message(), HasSubstr("run the newer program"));
}

TEST_F(MigrateTest, ADatabaseOfAnotherProgramIsRefused) {
  ASSERT_TRUE(database_->Execute("CREATE TABLE theirs (n INTEGER)").ok());
  EXPECT_EQ(Run({kFirst}).reason(), "FOREIGN_DATABASE");
  EXPECT_EQ(Tables("a"), 0);
}

TEST_F(MigrateTest, AChangedMigrationIsNoticed) {
  ASSERT_TRUE(Run({kFirst}).ok());
  EXPECT_EQ(Run({{1, "first", "CREATE TABLE a (m INTEGER) STRICT"}, kSecond}).reason(),
            "SCHEMA_CHANGED");
  EXPECT_EQ(Tables("b"), 0);
}

}  // namespace
}  // namespace penstock

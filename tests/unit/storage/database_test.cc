#include "storage/db/database.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/file.h"

namespace penstock {
namespace {

class DatabaseTest : public testing::Test {
 protected:
  std::unique_ptr<Database> Open(bool read_only = false) {
    auto database = Database::Open(path_, {.read_only = read_only});
    EXPECT_TRUE(database.ok()) << database.status();
    return database.ok() ? *std::move(database) : nullptr;
  }

  static int64_t Number(Database& database, const std::string& sql) {
    Result<Statement> statement = database.Prepare(sql);
    EXPECT_TRUE(statement.ok()) << statement.status();
    EXPECT_TRUE(*statement->Step());
    return statement->Int(0);
  }

  static std::string Text(Database& database, const std::string& sql) {
    Result<Statement> statement = database.Prepare(sql);
    EXPECT_TRUE(*statement->Step());
    return std::string(statement->Text(0));
  }

  TempFolder folder_ = *TempFolder::Make("/tmp");
  const std::string path_ = folder_.path() / "test.db";
};

TEST_F(DatabaseTest, IsDurableAndChecksForeignKeys) {
  const auto database = Open();
  EXPECT_EQ(Text(*database, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(Number(*database, "PRAGMA synchronous"), 2) << "not FULL";
  EXPECT_EQ(Number(*database, "PRAGMA foreign_keys"), 1);
}

TEST_F(DatabaseTest, ValuesComeBackAsTheyWereBound) {
  const auto database = Open();
  ASSERT_TRUE(database->Execute("CREATE TABLE t (i INTEGER, d REAL, s TEXT, n TEXT) STRICT").ok());
  Statement insert = *database->Prepare("INSERT INTO t VALUES (?, ?, ?, ?)");
  const std::string text("a\0'; DROP TABLE t; --", 21);
  insert.Bind(1, std::numeric_limits<int64_t>::min());
  insert.Bind(2, 0.1);
  insert.Bind(3, std::string_view(text));
  insert.BindNull(4);
  ASSERT_TRUE(insert.Run().ok());
  EXPECT_EQ(database->changes(), 1);
  Statement select = *database->Prepare("SELECT i, d, s, n FROM t");
  ASSERT_TRUE(*select.Step());
  EXPECT_EQ(select.Int(0), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(select.Double(1), 0.1);
  EXPECT_EQ(select.Text(2), text);
  EXPECT_TRUE(select.IsNull(3));
  EXPECT_EQ(select.Text(3), "");
  EXPECT_FALSE(*select.Step());
  select.Reset();
  EXPECT_TRUE(*select.Step());
}

TEST_F(DatabaseTest, ErrorsSayWhatKindTheyAre) {
  const auto database = Open();
  ASSERT_TRUE(database
                  ->Execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT NOT NULL) STRICT;"
                            "CREATE TABLE u (t INTEGER REFERENCES t(id)) STRICT;"
                            "INSERT INTO t VALUES (1, 'a')")
                  .ok());
  EXPECT_EQ(database->Execute("INSERT INTO t VALUES (1, 'b')").reason(), "CONSTRAINT");
  EXPECT_EQ(database->Execute("INSERT INTO t VALUES (2, NULL)").reason(), "CONSTRAINT");
  EXPECT_EQ(database->Execute("INSERT INTO u VALUES (7)").reason(), "CONSTRAINT");
  EXPECT_FALSE(database->Execute("INSERT INTO t VALUES ('x', 'b')").ok()) << "not STRICT";
  EXPECT_FALSE(database->Prepare("SELECT nonsense FROM t").ok());
}

TEST_F(DatabaseTest, ReadersSeeWhatIsCommittedAndCannotWrite) {
  const auto writer = Open();
  ASSERT_TRUE(writer->Execute("CREATE TABLE t (n INTEGER) STRICT").ok());
  const auto reader = Open(/*read_only=*/true);
  ASSERT_TRUE(writer->Execute("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").ok());
  EXPECT_EQ(Number(*reader, "SELECT count(*) FROM t"), 0);
  ASSERT_TRUE(writer->Execute("COMMIT").ok());
  EXPECT_EQ(Number(*reader, "SELECT count(*) FROM t"), 1);
  EXPECT_FALSE(reader->Execute("INSERT INTO t VALUES (2)").ok());
}

TEST_F(DatabaseTest, ABackupIsTheCommittedState) {
  const auto database = Open();
  ASSERT_TRUE(
      database->Execute("CREATE TABLE t (n INTEGER) STRICT; INSERT INTO t VALUES (7)").ok());
  const std::string backup = folder_.path() / "backup.db";
  ASSERT_TRUE(database->BackupTo(backup).ok());
  EXPECT_FALSE(database->BackupTo(backup).ok()) << "a file is overwritten";
  ASSERT_TRUE(database->Execute("DELETE FROM t").ok());
  const auto copy = Database::Open(backup, {});
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(Number(**copy, "SELECT n FROM t"), 7);
}

TEST_F(DatabaseTest, WhatIsNoDatabaseIsCorrupt) {
  ASSERT_TRUE(WriteFileAtomic(path_, std::string(8192, 'x')).ok());
  const auto database = Database::Open(path_, {});
  EXPECT_EQ(database.status().reason(), "CORRUPT") << database.status();
}

}  // namespace
}  // namespace penstock

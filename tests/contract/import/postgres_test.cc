#include <chrono>
#include <fstream>
#include <thread>

#include "steps/table/dataset.h"
#include "steps/table/frame.h"
#include "steps/table/read.h"
#include "tests/contract/import/import_bench.h"
#include "tests/support/cluster.h"
#include "tests/support/postgres_server.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class PostgresImport : public ImportBench {
 protected:
  static void SetUpTestSuite() { server_ = PostgresServer::Start().release(); }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  void SetUp() override {
    if (server_ == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
    sources_ = {"postgresql://127.0.0.1:*/postgres"};
  }

  Result<StepOutcome> Query(const std::string& query, const Json& more = Json::object()) {
    Json parameters = {{"uri", server_->uri()},
                       {"query", query},
                       {"user", PostgresServer::kUser},
                       {"password", PostgresServer::kPassword}};
    parameters.update(more);
    return Run(parameters);
  }
  Table Load() {
    auto table = LoadDataset(step_.output_ / "data", {}, {});
    EXPECT_TRUE(table.ok()) << table.status();
    return table.ok() ? *std::move(table) : Table();
  }
  DatasetInfo Info() {
    auto info = ReadDatasetInfo(step_.output_ / "data");
    EXPECT_TRUE(info.ok()) << info.status();
    return info.value_or({});
  }
  std::vector<std::string> Texts(const Table& table, const std::string& name) {
    std::vector<std::string> texts;
    for (int64_t i = 0; i < table.rows; ++i) {
      const Column& column = *table.Find(name);
      const auto at = static_cast<std::size_t>(i);
      texts.push_back(column.missing(at) ? "NULL" : column.text(at));
    }
    return texts;
  }

  static PostgresServer* server_;
};

PostgresServer* PostgresImport::server_ = nullptr;

TEST_F(PostgresImport, GivesEachTypeItsOwn) {
  const auto outcome = Query(R"(
    SELECT true AS b, 7::smallint AS i2, -5 AS i4, 9007199254740992 AS i8, 0.1::real AS f4,
           0.1::double precision AS f8, 12345678901234567890.125::numeric AS n,
           date '2026-02-28' AS d, timestamp '2026-02-28 13:14:15.25' AS t,
           timestamptz '2026-02-28 13:14:15+02' AS tz, 'a' AS s, '007'::varchar(5) AS v,
           '{"a": 1}'::jsonb AS j, ARRAY[1, 2] AS a, interval '1 day 2 hours' AS iv,
           '\xdeadbeef'::bytea AS y, 'c0ffee00-0000-4000-8000-000000000000'::uuid AS u
    UNION ALL
    SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
           NULL, NULL
    UNION ALL
    SELECT false, -1, 2147483647, -9007199254740992, 'Infinity', 'NaN', -0.00, '0001-01-01',
           '9999-12-31 23:59:59', '1970-01-01 00:00+00', '', E'tab\t\\ \n\r new', '[]', '{}',
           '0', '', NULL;  )");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->metrics.at("rows"), 3);
  EXPECT_EQ(outcome->outputs[0].type, ArtifactType::kDataset);
  const Table table = Load();
  EXPECT_THAT(Texts(table, "b"), ElementsAre("1", "NULL", "0"));
  EXPECT_THAT(Texts(table, "i2"), ElementsAre("7", "NULL", "-1"));
  EXPECT_THAT(Texts(table, "i4"), ElementsAre("-5", "NULL", "2147483647"));
  EXPECT_EQ(table.Find("i8")->numbers[0], 9007199254740992.0);
  EXPECT_EQ(table.Find("i8")->numbers[2], -9007199254740992.0);
  EXPECT_THAT(Texts(table, "f4"), ElementsAre("0.1", "NULL", "inf"));
  EXPECT_THAT(Texts(table, "f8"), ElementsAre("0.1", "NULL", "NULL")) << "NaN is missing";
  EXPECT_EQ(table.Find("n")->numbers[0], 12345678901234567890.125) << "the nearest double";
  EXPECT_THAT(Texts(table, "d"), ElementsAre("2026-02-28", "NULL", "0001-01-01"));
  EXPECT_THAT(Texts(table, "t"),
              ElementsAre("2026-02-28T13:14:15.25", "NULL", "9999-12-31T23:59:59"));
  EXPECT_THAT(Texts(table, "tz"),
              ElementsAre("2026-02-28T11:14:15Z", "NULL", "1970-01-01T00:00:00Z"));
  EXPECT_THAT(Texts(table, "s"), ElementsAre("a", "NULL", "NULL")) << "empty texts are missing";
  EXPECT_THAT(Texts(table, "v"), ElementsAre("007", "NULL", "tab\t\\ \n\r new"));
  EXPECT_THAT(Texts(table, "j"), ElementsAre("{\"a\": 1}", "NULL", "[]"));
  EXPECT_THAT(Texts(table, "a"), ElementsAre("{1,2}", "NULL", "{}"));
  EXPECT_THAT(Texts(table, "iv"), ElementsAre("P1DT2H", "NULL", "PT0S"));
  EXPECT_THAT(Texts(table, "y"), ElementsAre("\\xdeadbeef", "NULL", "\\x"));
  const DatasetInfo info = Info();
  EXPECT_EQ(info.Find("b")->type, ColumnType::kBoolean);
  EXPECT_EQ(info.Find("i4")->type, ColumnType::kInteger);
  EXPECT_EQ(info.Find("n")->type, ColumnType::kDouble);
  EXPECT_EQ(info.Find("d")->type, ColumnType::kDate);
  EXPECT_EQ(info.Find("tz")->type, ColumnType::kTimestamp);
  EXPECT_EQ(info.Find("tz")->kind, ColumnKind::kDate);
  EXPECT_EQ(info.Find("v")->kind, ColumnKind::kCategorical);
  EXPECT_TRUE(info.Find("s")->nullable);
  EXPECT_EQ(info.rows, 3);
}

TEST_F(PostgresImport, IsReadAsAnyDataset) {
  ASSERT_TRUE(
      Query("SELECT i AS id, chr(97 + i % 3) AS letter FROM generate_series(1, 10) i").ok());
  const auto raw = ReadRaw(step_.output_ / "data", "q", {}, {}, {}, {});
  ASSERT_TRUE(raw.ok()) << raw.status();
  EXPECT_EQ(raw->table.rows, 10);
  EXPECT_EQ(raw->table.Find("letter")->info.kind, ColumnKind::kCategorical);
}

TEST_F(PostgresImport, NoRowsAreADataset) {
  const auto outcome = Query("SELECT 1 AS a, 'x' AS b WHERE false");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(Load().rows, 0);
  EXPECT_THAT(Load().names(), ElementsAre("a", "b"));
}

TEST_F(PostgresImport, WritesManyPartsInOrder) {
  const int64_t rows = kBlockRows * 2 + 5;
  const auto outcome = Query(
      "SELECT i, CASE WHEN i = 200000 THEN NULL ELSE 'row ' || i END AS s "
      "FROM generate_series(1, " +
      std::to_string(rows) + ") i ORDER BY i");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(Info().parts.size(), 3u);
  EXPECT_TRUE(Info().Find("s")->nullable);
  EXPECT_FALSE(Info().Find("i")->nullable);
  const Table table = Load();
  ASSERT_EQ(table.rows, rows);
  for (int64_t i = 0; i < rows; i += 997) {
    const auto at = static_cast<std::size_t>(i);
    ASSERT_EQ(table.Find("i")->numbers[at], static_cast<double>(i + 1));
    ASSERT_EQ(table.Find("s")->text(at), "row " + std::to_string(i + 1));
  }
}

TEST_F(PostgresImport, LongTextsTakeMoreParts) {
  const auto outcome =
      Query("SELECT repeat(md5(i::text), 32768) AS s FROM generate_series(1, 100) i");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_GE(Info().parts.size(), 3u) << "100 MiB in parts of 32";
  EXPECT_EQ(Info().rows, 100);
}

TEST_F(PostgresImport, TheSameRowsGiveTheSameBytes) {
  const std::string query =
      "SELECT i, md5(i::text) AS s, now() - now() AS z "
      "FROM generate_series(1, 5000) i ORDER BY i";
  ASSERT_TRUE(Query(query).ok());
  const auto first = TreeBytes(step_.output_ / "data");
  step_.threads_ = 1;
  ASSERT_TRUE(Query(query).ok());
  EXPECT_TRUE(TreeBytes(step_.output_ / "data") == first);
}

TEST_F(PostgresImport, RefusesValuesThatWouldChange) {
  const std::map<std::string, std::string> bad = {
      {"SELECT 9007199254740993 AS big", "row 1, column \"big\": 9007199254740993 is beyond 2^53"},
      {"SELECT '1e400'::numeric AS n", "is out of the range of numbers of 64 bits"},
      {"SELECT date 'infinity' AS d", "column \"d\": infinity is no date of the years 0 to 9999"},
      {"SELECT date '0044-03-15 BC' AS d", "is no date of the years 0 to 9999"},
      {"SELECT 1 AS a, 2 AS a", "two columns of the query are called \"a\""},
      {"SELECT", "the query gives no columns"}};
  for (const auto& [query, message] : bad) {
    const auto outcome = Query(query);
    EXPECT_EQ(outcome.status().code(), StatusCode::kInvalidArgument) << query;
    EXPECT_THAT(outcome.status().message(),
                AllOf(StartsWith(server_->uri() + ": "), HasSubstr(message)));
  }
  EXPECT_TRUE(Query("SELECT 9007199254740993::text AS big").ok());
}

TEST_F(PostgresImport, QuotesTheServersWords) {
  const auto wrong = Query("SELECT none FROM pg_class");
  EXPECT_EQ(wrong.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(wrong.status().message(),
              HasSubstr(": column \"none\" does not exist (at character 8 of the query)"));
  EXPECT_THAT(Query("SELEC 1").status().message(), HasSubstr("syntax error at or near \"SELEC\""));
  EXPECT_THAT(Query("SELECT 1 / (i - 5) AS x FROM generate_series(1, 10) i").status().message(),
              HasSubstr("division by zero"));
}

TEST_F(PostgresImport, ChangesNothingAndRunsOneSelect) {
  server_->Run("DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 1 AS x");
  for (const char* query :
       {"INSERT INTO kept VALUES (2) RETURNING x", "DELETE FROM kept RETURNING x",
        "SELECT 1; DROP TABLE kept", "SELECT 1) TO STDOUT; DROP TABLE kept; --",
        "WITH gone AS (DELETE FROM kept RETURNING x) SELECT * FROM gone", "DROP TABLE kept",
        "COMMIT", "SELECT x INTO other FROM kept",
        "SELECT set_config('transaction_read_only', 'off', false)", "SHOW port", "",
        "SELECT nextval('pg_catalog.no_such')", "SELECT $1::int AS x"}) {
    EXPECT_FALSE(Query(query).ok()) << query;
  }
  // What PostgreSQL 15 takes for reading is undone.
  static_cast<void>(Query("SELECT lo_create(4711) AS x"));
  EXPECT_EQ(server_->Run("SELECT count(*) FROM pg_largeobject_metadata"), "0");
  EXPECT_EQ(server_->Run("SELECT count(*) FROM kept"), "1");
  const auto comment = Query("SELECT x FROM kept -- and no more");
  EXPECT_TRUE(comment.ok()) << comment.status();
  EXPECT_THAT(Query("INSERT INTO kept VALUES (2) RETURNING x").status().message(),
              HasSubstr("read-only transaction; the query may only read"));
}

TEST_F(PostgresImport, ShowsNoPassword) {
  const auto wrong = Query("SELECT 1 AS x", {{"password", "wr0ng-password"}});
  EXPECT_EQ(wrong.status().code(), StatusCode::kFailedPrecondition) << wrong.status();
  EXPECT_THAT(wrong.status().message(), AllOf(StartsWith(server_->uri() + ": "),
                                              HasSubstr("password authentication failed")));
  EXPECT_THAT(Everything(wrong), Not(HasSubstr("wr0ng-password")));
  EXPECT_THAT(step_.log_, Not(HasSubstr("trying again"))) << "a role could be locked";
  const auto good = Query("SELECT 1 AS x");
  EXPECT_THAT(Everything(good), Not(HasSubstr("pg-p")));
  const auto nobody = Query("SELECT 1 AS x", {{"user", "nobody-here"}});
  EXPECT_EQ(nobody.status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(PostgresImport, LendsNothingOfTheWorkersOwn) {
  setenv("PGPASSWORD", PostgresServer::kPassword, 1);
  setenv("PGOPTIONS", "-c no_such_setting=1", 1);
  EXPECT_FALSE(Query("SELECT 1 AS x", {{"password", nullptr}}).ok());
  EXPECT_TRUE(Query("SELECT 1 AS x").ok());
}

TEST_F(PostgresImport, SaysWhatIsNotThere) {
  sources_ = {"postgresql://127.0.0.1:*/none", "postgresql://127.0.0.1:1/postgres"};
  const auto database = Query("SELECT 1 AS x", {{"uri", server_->uri("none")}});
  EXPECT_THAT(database.status().message(), HasSubstr("database \"none\" does not exist"));
  const auto nobody = Query("SELECT 1 AS x", {{"uri", "postgresql://127.0.0.1:1/postgres"}});
  EXPECT_EQ(nobody.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(step_.log_, HasSubstr("trying again in 1s"));
}

TEST_F(PostgresImport, AsksOnlyServersThatTheOperatorAllows) {
  sources_ = {"postgresql://127.0.0.1:*/other"};
  EXPECT_EQ(Query("SELECT 1 AS x").status().reason(), "SOURCE_NOT_ALLOWED");
  sources_ = {"postgresql://*:*"};
  const auto outcome = Query("SELECT 1 AS x");
  EXPECT_EQ(outcome.status().reason(), "ADDRESS_REFUSED");
  EXPECT_THAT(outcome.status().message(), HasSubstr("its host has the address 127.0.0.1"));
}

TEST_F(PostgresImport, WantsTlsWhereItIsTold) {
  for (const char* mode : {"require", "verify-full"}) {
    const auto outcome = Query("SELECT 1 AS x", {{"uri", server_->uri() + "?sslmode=" + mode}});
    EXPECT_FALSE(outcome.ok()) << "this server has none";
    EXPECT_THAT(outcome.status().message(),
                AllOf(StartsWith(server_->uri() + ": "), HasSubstr("SSL")));
  }
}

TEST_F(PostgresImport, ReadsNoMoreThanItMay) {
  const auto outcome = Query("SELECT i FROM generate_series(1, 100000) i", {{"max_size", "10KB"}});
  EXPECT_EQ(outcome.status().reason(), "IMPORT_TOO_LARGE");
}

TEST_F(PostgresImport, EndsAQueryThatNobodyWaitsFor) {
  step_.cancel_after_ = 10;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(Query("SELECT pg_sleep(600) AS x").status().code(), StatusCode::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
  EXPECT_TRUE(Eventually([] {
    return server_->Run(
               "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' "
               "AND pid <> pg_backend_pid() AND state = 'active'") == "0";
  })) << "the server notices, too";
}

TEST_F(PostgresImport, StopsInTheMiddleOfRows) {
  step_.cancel_after_ = 12;
  EXPECT_EQ(Query("SELECT i, md5(i::text) FROM generate_series(1, 2000000000) i").status().code(),
            StatusCode::kCancelled);
}

// Peak of this process's resident memory, in bytes.
int64_t PeakMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "VmHWM:") continue;
    int64_t kib = 0;
    status >> kib;
    return kib << 10;
  }
  return 0;
}

TEST_F(PostgresImport, TakesNoMoreMemoryForMoreRows) {
  const auto run = [&](int rows) {
    const auto outcome = Query(
        "SELECT i, md5(i::text) AS a, md5((i + 1)::text) AS b, i * 0.5 AS c "
        "FROM generate_series(1, " +
        std::to_string(rows) + ") i");
    ASSERT_TRUE(outcome.ok()) << outcome.status();
  };
  run(250'000);  // two full blocks and more
  std::ofstream("/proc/self/clear_refs") << "5";
  run(250'000);
  const int64_t before = PeakMemory();
  run(700'000);
  EXPECT_LT(PeakMemory() - before, 25 << 20) << "700,000 rows are 60 MB as text";
}

}  // namespace
}  // namespace penstock

#include "steps/table/sql.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <string>
#include <vector>

#include "steps/table/read.h"
#include "table_files.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Table People() {
  Table table;
  table.rows = 4;
  table.columns.push_back(MakeNumberColumn("age", {20, kMissing, 40, 60}));
  table.columns.push_back(MakeStringColumn("job", {"cook", "nurse", "", "cook"},
                                           ColumnKind::kCategorical, {true, true, false, true}));
  table.columns.push_back(MakeNumberColumn("id", {1, 2, 3, 4}, ColumnType::kInteger));
  table.columns.push_back(MakeNumberColumn("ok", {1, 0, kMissing, 1}, ColumnType::kBoolean));
  Column day = MakeStringColumn("day", {"2024-01-31", "2024-02-29", "", "1969-12-31"},
                                ColumnKind::kDate, {true, true, false, true});
  day.info.type = ColumnType::kDate;
  table.columns.push_back(std::move(day));
  Column seen = MakeStringColumn("seen", {"2024-01-31 10:00:00", "2024-01-31 10:00:00.5", "", ""},
                                 ColumnKind::kDate, {true, true, false, false});
  seen.info.type = ColumnType::kTimestamp;
  table.columns.push_back(std::move(seen));
  return table;
}

Frame FrameOf(Table table, FrameOptions options = {}) {
  Frame frame(std::move(options));
  EXPECT_TRUE(frame.Append(std::move(table)).ok());
  return frame;
}

// "a|b" for each row.
std::vector<std::string> Lines(const Frame& frame) {
  std::vector<std::string> lines;
  for (int64_t block = 0; block < frame.blocks(); ++block) {
    std::vector<std::string> names;
    for (const ColumnInfo& column : frame.columns()) names.push_back(column.name);
    EXPECT_TRUE(frame
                    .Visit(block, names,
                           [&](int64_t, const Table& table) {
                             for (int64_t i = 0; i < table.rows; ++i) {
                               std::string line;
                               for (const Column& column : table.columns) {
                                 if (!line.empty()) line += "|";
                                 line += column.text(static_cast<std::size_t>(i));
                               }
                               lines.push_back(line);
                             }
                             return Status::Ok();
                           })
                    .ok());
  }
  return lines;
}

class SqlTest : public testing::Test {
 protected:
  Result<Frame> Select(const std::string& query) {
    FrameOptions options;
    options.scratch = folder_.path() / "scratch";
    return RunSelect({{"data", &people_}}, query, options);
  }
  std::vector<std::string> Rows(const std::string& query) {
    const auto frame = Select(query);
    EXPECT_TRUE(frame.ok()) << frame.status();
    return frame.ok() ? Lines(*frame) : std::vector<std::string>();
  }
  std::string Error(const std::string& query) {
    const auto frame = Select(query);
    if (frame.ok()) return "no error, but " + std::to_string(frame->rows()) + " rows";
    EXPECT_EQ(frame.status().code(), StatusCode::kInvalidArgument) << frame.status();
    return frame.status().message();
  }
  TestFolder folder_;
  Frame people_ = FrameOf(People());
};

TEST_F(SqlTest, SelectsAndJoins) {
  EXPECT_THAT(Rows("SELECT job, count(*) AS n, sum(age) AS total FROM data GROUP BY job ORDER BY "
                   "job NULLS LAST"),
              ElementsAre("cook|2|80", "nurse|1|", "1|40"));
  EXPECT_THAT(Rows("SELECT id FROM data WHERE age > 20 ORDER BY id DESC;"), ElementsAre("4", "3"));
  EXPECT_THAT(Rows("select count(*) as n from data -- all of them"), ElementsAre("4"));
  EXPECT_THAT(Rows("WITH a AS (SELECT * FROM data WHERE ok), b AS (SELECT id FROM a) SELECT b.id, "
                   "data.job FROM b JOIN data USING (id) ORDER BY 1"),
              ElementsAre("1|cook", "4|cook"));
  EXPECT_THAT(Rows("WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 3) "
                   "SELECT n FROM t ORDER BY n"),
              ElementsAre("1", "2", "3"));
  EXPECT_THAT(Rows("FROM data SELECT id LIMIT 1"), ElementsAre("1"));
  EXPECT_THAT(Rows("SELECT a.id FROM data a, data b WHERE a.id = b.id + 2 ORDER BY 1"),
              ElementsAre("3", "4"));
  const Frame others = FrameOf([] {
    Table table;
    table.rows = 2;
    table.columns.push_back(MakeStringColumn("job", {"nurse", "cook"}));
    table.columns.push_back(MakeNumberColumn("pay", {2.5, 1.5}));
    return table;
  }());
  const auto joined =
      RunSelect({{"data", &people_}, {"wages", &others}},
                "SELECT id, pay FROM data LEFT JOIN wages USING (job) ORDER BY id", {});
  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_THAT(Lines(*joined), ElementsAre("1|1.5", "2|2.5", "3|", "4|1.5"));
}

TEST_F(SqlTest, GivesTypesAndKinds) {
  const auto frame = Select(
      "SELECT age, id, ok, job, day, seen, day + 1 AS next, date_diff('day', DATE '2024-01-01', "
      "day) AS days, sum(id) OVER () AS big, CAST(1.25 AS DECIMAL(5, 2)) AS d, NULL AS nothing, "
      "TIME '10:11:12' AS t, '' AS blank FROM data ORDER BY id");
  ASSERT_TRUE(frame.ok()) << frame.status();
  std::vector<std::string> types;
  for (const ColumnInfo& column : frame->columns()) {
    types.push_back(column.name + " " + std::string(Name(column.type)) + " " +
                    std::string(Name(column.kind)));
  }
  EXPECT_THAT(types, ElementsAre("age double numeric", "id integer numeric", "ok boolean numeric",
                                 "job string categorical", "day date date", "seen timestamp date",
                                 "next date date", "days integer numeric", "big double numeric",
                                 "d double numeric", "nothing integer numeric",
                                 "t string categorical", "blank string categorical"));
  const auto lines = Lines(*frame);
  EXPECT_EQ(lines[0],
            "20|1|1|cook|2024-01-31|2024-01-31 10:00:00|2024-02-01|30|10|1.25||10:11:12|");
  EXPECT_EQ(lines[2], "40|3|||||||10|1.25||10:11:12|");
  EXPECT_TRUE(frame->Find("blank")->nullable && !frame->Find("id")->nullable);
}

TEST_F(SqlTest, KeepsColumnsWhereThereAreNoRows) {
  const auto frame = Select("SELECT id, job FROM data WHERE false");
  ASSERT_TRUE(frame.ok()) << frame.status();
  EXPECT_EQ(frame->rows(), 0);
  ASSERT_EQ(frame->columns().size(), 2u);
  EXPECT_EQ(frame->columns()[1].name, "job");
}

TEST_F(SqlTest, RefusesWhatIsNoSelect) {
  for (const char* statement : {"COPY data TO '/tmp/penstock-sql-escape.csv'",
                                "COPY (SELECT 1) TO 'x.csv'",
                                "ATTACH '/tmp/penstock-sql-escape.db'",
                                "INSTALL httpfs",
                                "LOAD '/tmp/x.so'",
                                "PRAGMA threads = 4",
                                "PRAGMA table_info('data')",
                                "SET threads = 4",
                                "SET enable_external_access = true",
                                "RESET threads",
                                "CREATE TABLE t (a INTEGER)",
                                "CREATE TABLE t AS SELECT 1",
                                "CREATE VIEW v AS SELECT 1",
                                "DROP VIEW data",
                                "INSERT INTO data VALUES (1)",
                                "DELETE FROM data",
                                "UPDATE data SET age = 1",
                                "EXPORT DATABASE 'x'",
                                "IMPORT DATABASE 'x'",
                                "CALL pragma_version()",
                                "EXPLAIN SELECT 1",
                                "CHECKPOINT",
                                "VACUUM",
                                "BEGIN",
                                "USE memory",
                                "CREATE SECRET s (TYPE s3)",
                                "EXECUTE p",
                                "PREPARE p AS SELECT 1",
                                "DEALLOCATE p",
                                "ALTER TABLE data RENAME TO x",
                                "CREATE MACRO f() AS 1",
                                "PIVOT data ON job USING sum(age)"}) {
    EXPECT_THAT(Error(statement), HasSubstr("is no SELECT statement")) << statement;
  }
  EXPECT_THAT(Error("DESCRIBE data"), HasSubstr("not SELECT"));
  EXPECT_THAT(Error("SUMMARIZE data"), HasSubstr("not SELECT"));
  EXPECT_THAT(Error("SHOW TABLES"), HasSubstr("not SELECT"));
  EXPECT_THAT(Error("SELECT * FROM (SHOW ALL TABLES)"), HasSubstr("not SELECT"));
  EXPECT_THAT(Error("WITH w AS (INSERT INTO data VALUES (1) RETURNING *) SELECT * FROM w"),
              HasSubstr("A CTE needs a SELECT"));
  EXPECT_THAT(Error("WITH w AS (DELETE FROM data) SELECT 1"), HasSubstr("A CTE needs a SELECT"));
  EXPECT_FALSE(std::filesystem::exists("/tmp/penstock-sql-escape.csv"));
  EXPECT_FALSE(std::filesystem::exists("/tmp/penstock-sql-escape.db"));
}

TEST_F(SqlTest, RefusesSeveralStatements) {
  EXPECT_THAT(Error("SELECT 1; SELECT 2"), HasSubstr("holds 2 statements"));
  EXPECT_THAT(Error("SELECT 1; DROP VIEW data"), HasSubstr("is no SELECT statement"));
  EXPECT_THAT(Error("SELECT 1 -- ; \n; SET threads = 2"), HasSubstr("is no SELECT statement"));
  EXPECT_THAT(Error("SELECT 1 /* ; */ ; COPY data TO 'x'"), HasSubstr("is no SELECT statement"));
  EXPECT_THAT(Error(""), HasSubstr("no SELECT"));
  EXPECT_THAT(Error(" ;; -- nothing"), HasSubstr("no SELECT"));
  EXPECT_THAT(Error(std::string("SELECT 1\0; DROP VIEW data", 25)), HasSubstr("UTF-8"));
  EXPECT_THAT(Error("SELECT '\xff'"), HasSubstr("UTF-8"));
}

TEST_F(SqlTest, ReachesNoFile) {
  const std::string secret = folder_.Write("secret.csv", "word\nhunter2\n").string();
  // Also where DuckDB lets itself spill to.
  folder_.Write("scratch/sql/secret.csv", "word\nhunter2\n");
  const std::string spilled = (folder_.path() / "scratch/sql/secret.csv").string();
  for (const std::string& path : {secret, spilled, std::string("/etc/passwd")}) {
    for (const char* function :
         {"read_csv", "read_csv_auto", "read_text", "read_blob", "read_json", "read_json_auto",
          "read_ndjson", "read_parquet", "parquet_scan", "parquet_metadata", "sniff_csv", "glob",
          "READ_CSV", "\"read_text\"", "main.read_csv", "system.main.read_text"}) {
      EXPECT_THAT(Error("SELECT * FROM " + std::string(function) + "('" + path + "')"),
                  HasSubstr("cannot be read from"))
          << function;
    }
    EXPECT_THAT(Error("SELECT * FROM '" + path + "'"), HasSubstr("there is no table"));
    EXPECT_THAT(Error("SELECT * FROM \"" + path + "\""), HasSubstr("there is no table"));
    EXPECT_THAT(Error("FROM '" + path + "'"), HasSubstr("there is no table"));
    EXPECT_THAT(Error("SELECT (SELECT count(*) FROM read_csv('" + path + "'))"),
                HasSubstr("cannot be read from"));
    EXPECT_THAT(Error("WITH w AS (SELECT * FROM read_text('" + path + "')) SELECT * FROM w"),
                HasSubstr("cannot be read from"));
    EXPECT_THAT(Error("SELECT * FROM data WHERE EXISTS (FROM read_text('" + path + "'))"),
                HasSubstr("cannot be read from"));
    EXPECT_THAT(Error("SELECT 1 UNION ALL SELECT * FROM read_text('" + path + "')"),
                HasSubstr("cannot be read from"));
    EXPECT_THAT(Error("SELECT 1 ORDER BY (SELECT 1 FROM read_text('" + path + "'))"),
                HasSubstr("cannot be read from"));
    EXPECT_THAT(Error("SELECT 1 LIMIT (SELECT count(*) FROM read_text('" + path + "'))"),
                HasSubstr("cannot be read from"));
  }
}

TEST_F(SqlTest, ReachesNothingOfTheSystem) {
  EXPECT_THAT(Error("SELECT getenv('HOME')"), HasSubstr("getenv() depends on"));
  EXPECT_THAT(Error("SELECT current_setting('temp_directory')"),
              HasSubstr("current_setting() depends on"));
  EXPECT_THAT(Error("SELECT * FROM query('SELECT 1')"), HasSubstr("query() cannot be read from"));
  EXPECT_THAT(Error("SELECT * FROM query_table('data')"), HasSubstr("cannot be read from"));
  EXPECT_THAT(Error("SELECT * FROM json_execute_serialized_sql('{}')"),
              HasSubstr("cannot be read from"));
  EXPECT_THAT(Error("SELECT * FROM duckdb_settings()"), HasSubstr("cannot be read from"));
  EXPECT_THAT(Error("SELECT * FROM duckdb_secrets()"), HasSubstr("cannot be read from"));
  EXPECT_THAT(Error("SELECT * FROM pragma_version()"), HasSubstr("cannot be read from"));
  EXPECT_THAT(Error("SELECT * FROM enable_logging()"), HasSubstr("cannot be read from"));
  EXPECT_THAT(Error("SELECT * FROM checkpoint()"), HasSubstr("cannot be read from"));
  EXPECT_THAT(Error("SELECT * FROM duckdb_settings"), HasSubstr("there is no table"));
  EXPECT_THAT(Error("SELECT * FROM sqlite_master"), HasSubstr("there is no table"));
  EXPECT_THAT(Error("SELECT * FROM information_schema.tables"), HasSubstr("there is no table"));
  EXPECT_THAT(Error("SELECT * FROM pg_catalog.pg_class"), HasSubstr("there is no table"));
  EXPECT_THAT(Error("SELECT * FROM main.data"), HasSubstr("there is no table"));
  // A name of a WITH counts only where it is seen.
  EXPECT_THAT(Error("WITH a AS (FROM duckdb_settings), duckdb_settings AS (SELECT 1) FROM a"),
              HasSubstr("there is no table"));
  EXPECT_THAT(Error("SELECT * FROM (WITH duckdb_views AS (SELECT 1) FROM duckdb_views), "
                    "duckdb_views"),
              HasSubstr("there is no table"));
  // Rows that Penstock knows by number are not for users.
  for (const char* number : {"0", "1", "2", "140737488355328"}) {
    EXPECT_THAT(Error("SELECT * FROM penstock_rows(" + std::string(number) + ")"),
                HasSubstr("cannot be read from"));
    EXPECT_THAT(Error("SELECT * FROM penstock_source(" + std::string(number) + ")"),
                HasSubstr("cannot be read from"));
  }
  EXPECT_THAT(Error("SELECT write_log('x')"), HasSubstr("depends on"));
  EXPECT_THAT(Error("SELECT pg_get_viewdef(1)"), HasSubstr("depends on"));
}

TEST_F(SqlTest, DependsOnTheDataAlone) {
  for (const char* expression : {"now()",
                                 "current_date",
                                 "current_timestamp",
                                 "CURRENT_TIME",
                                 "localtimestamp",
                                 "today()",
                                 "get_current_timestamp()",
                                 "random()",
                                 "uuid()",
                                 "gen_random_uuid()",
                                 "uuidv7()",
                                 "setseed(0.5)",
                                 "version()",
                                 "age(seen)",
                                 "txid_current()",
                                 "pg_postmaster_start_time()",
                                 "current_localtimestamp()",
                                 "current_database()",
                                 "nextval('s')",
                                 "main.random()",
                                 "NOW()"}) {
    const std::string query = "SELECT " + std::string(expression) + " AS x FROM data";
    EXPECT_THAT(Error(query), HasSubstr("depends on the clock, on chance or on the machine"))
        << expression;
    const auto value = EvaluateExpression(People(), expression);
    ASSERT_FALSE(value.ok()) << expression;
    EXPECT_THAT(value.status().message(), HasSubstr("depends on")) << expression;
  }
  EXPECT_THAT(Error("SELECT * FROM data USING SAMPLE 2"), HasSubstr("a sample depends on chance"));
  EXPECT_THAT(Error("SELECT * FROM data TABLESAMPLE 10%"), HasSubstr("a sample depends on chance"));
  EXPECT_THAT(Error("SELECT reservoir_quantile(age, 0.5) FROM data"), HasSubstr("depends on"));
  // What only looks like it.
  EXPECT_THAT(Rows("SELECT age(seen, seen) AS x, 'now()' AS y FROM data LIMIT 1"),
              ElementsAre("00:00:00|now()"));
  // Zones of the machine have no say.
  EXPECT_THAT(Rows("SELECT CAST(TIMESTAMPTZ '2024-01-01 00:00:00+02' AS VARCHAR) AS t"),
              ElementsAre("2023-12-31 22:00:00+00"));
}

TEST_F(SqlTest, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(Error("SELECT id\nFROM data\nWHERE age > > 3"), HasSubstr("(line 3, character 13)"));
  const std::string unknown = Error("SELECT agee FROM data");
  EXPECT_THAT(unknown, HasSubstr("agee"));
  EXPECT_THAT(unknown, HasSubstr("age"));
  EXPECT_THAT(unknown, Not(HasSubstr("LINE 1")));
  EXPECT_THAT(Error("SELECT * FROM dat"), HasSubstr("there is no table \"dat\" to read (did you "
                                                    "mean \"data\"?)"));
  EXPECT_THAT(Error("SELECT CAST(job AS INTEGER) AS x FROM data"), HasSubstr("cook"));
  EXPECT_THAT(Error("SELECT id, id FROM data"), HasSubstr("two columns of the result are called "
                                                          "\"id\""));
  EXPECT_THAT(Error("SELECT [1, 2] AS l"), HasSubstr("\"l\" of the result holds lists"));
  EXPECT_THAT(Error("SELECT ? AS x"), HasSubstr("stand for values"));
  EXPECT_THAT(Error("SELECT nonsense(age) FROM data"), HasSubstr("nonsense"));
  EXPECT_THAT(Error("SELECT '" + std::string(70'000, 'x') + "'"), HasSubstr("at most 65536"));
  EXPECT_THAT(Error("SELECT " + std::string(20'000, '(') + "1" + std::string(20'000, ')')),
              Not(HasSubstr("no error")));
  EXPECT_THAT(Error("SELECT " + std::string(20'000, '-') + "1"),
              HasSubstr("without selection list"));
  std::string sum = "1";
  for (int i = 0; i < 5'000; ++i) sum += " + 1";
  EXPECT_THAT(Error("SELECT " + sum), Not(HasSubstr("no error")));
}

TEST(SqlNamesTest, AreData) {
  const std::vector<std::string> names = {
      "a\"b", "select", "new\nline", "🚀", "a.b", "it's", "; DROP VIEW data; --", " blank "};
  Table table;
  table.rows = 1;
  double value = 0;
  for (const std::string& name : names) table.columns.push_back(MakeNumberColumn(name, {++value}));
  const Table block = table;
  const Frame frame = FrameOf(std::move(table));
  const auto all = RunSelect({{"my \"data\"", &frame}}, "SELECT * FROM \"my \"\"data\"\"\"", {});
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->columns().size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(all->columns()[i].name, names[i]);
  EXPECT_THAT(Lines(*all), ElementsAre("1|2|3|4|5|6|7|8"));
  EXPECT_EQ(EvaluateExpression(block, "\"a\"\"b\" + \"select\" * 10 + \"a.b\" * 100")->numbers[0],
            521);
  EXPECT_EQ(EvaluateExpression(block, "\"; DROP VIEW data; --\"")->numbers[0], 7);
  EXPECT_EQ(EvaluateExpression(block, "\"new\nline\" + 🚀 + \"🚀\"")->numbers[0], 11);
}

TEST(SqlNamesTest, ThatSqlCannotTellApartAreErrors) {
  const auto frame_of = [](const std::string& a, const std::string& b) {
    Table table;
    table.rows = 1;
    table.columns.push_back(MakeNumberColumn(a, {1}));
    table.columns.push_back(MakeNumberColumn(b, {2}));
    return table;
  };
  const auto error = [&](const std::string& a, const std::string& b) {
    const Frame frame = FrameOf(frame_of(a, b));
    return RunSelect({{"data", &frame}}, "SELECT 1 AS x FROM data", {}).status().message();
  };
  EXPECT_THAT(error("Age", "age"),
              HasSubstr("\"Age\" and \"age\" of \"data\" differ in case alone"));
  EXPECT_THAT(error("age", "age"), HasSubstr("two columns called \"age\""));
  EXPECT_THAT(error("age", ""), HasSubstr("has no name"));
  const Table block = frame_of("Age", "age");
  EXPECT_EQ(EvaluateExpression(block, "age * 10")->numbers[0], 20);
  EXPECT_EQ(EvaluateExpression(block, "\"Age\" * 10")->numbers[0], 10);
  EXPECT_THAT(EvaluateExpression(block, "AGE").status().message(),
              HasSubstr("could be any of the columns Age, age"));
  EXPECT_THAT(EvaluateExpression(block, "Age + age").status().message(),
              HasSubstr("cannot read both"));
  EXPECT_THAT(EvaluateExpression(frame_of("x", "x"), "x").status().message(),
              HasSubstr("two columns are called \"x\""));
}

TEST(SqlFrameTest, ReadsBlocksOfAnyNumberInTheirOrderAndSpills) {
  TestFolder folder;
  FrameOptions options;
  options.scratch = folder.path();
  options.memory_bytes = 100'000;  // most blocks lie in the scratch file
  options.table.memory_bytes = 64 << 20;
  Frame frame(options);
  int64_t next = 0;
  for (int block = 0; block < 40; ++block) {
    std::vector<double> keys;
    std::vector<std::string> texts;
    for (int i = 0; i < 5'000; ++i, ++next) {
      keys.push_back(static_cast<double>((next * 7'919) % 200'000));
      texts.push_back("text " + std::to_string(next % 1'000));
    }
    Table table;
    table.rows = 5'000;
    table.columns.push_back(MakeNumberColumn("key", keys, ColumnType::kInteger));
    table.columns.push_back(MakeStringColumn("text", texts, ColumnKind::kText));
    ASSERT_TRUE(frame.Append(std::move(table)).ok());
  }
  const auto same = RunSelect({{"data", &frame}}, "SELECT text FROM data", options);
  ASSERT_TRUE(same.ok()) << same.status();
  ASSERT_EQ(same->rows(), 200'000);
  EXPECT_EQ(same->blocks(), 2);
  const auto lines = Lines(*same);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    ASSERT_EQ(lines[i], "text " + std::to_string(i % 1'000));
  }
  const auto sorted = RunSelect({{"data", &frame}}, "SELECT key FROM data ORDER BY key", options);
  ASSERT_TRUE(sorted.ok()) << sorted.status();
  const auto keys = Lines(*sorted);
  ASSERT_EQ(keys.size(), 200'000u);
  for (std::size_t i = 0; i < keys.size(); ++i) ASSERT_EQ(keys[i], std::to_string(i));
  const auto count = RunSelect({{"data", &frame}}, "SELECT count(*) AS n FROM data", options);
  EXPECT_THAT(Lines(*count), ElementsAre("200000"));
  EXPECT_THAT(RunSelect({{"data", &frame}}, "SELECT rowid FROM data", options).status().message(),
              HasSubstr("rowid"));
}

TEST(SqlFrameTest, GivesTheSameForAnyNumberOfThreads) {
  Table table;
  table.rows = 50'000;
  std::vector<double> values;
  std::vector<std::string> groups;
  for (int i = 0; i < 50'000; ++i) {
    values.push_back(std::sin(i) * 1e10);
    groups.push_back(std::to_string(i % 997));
  }
  table.columns.push_back(MakeNumberColumn("v", values));
  table.columns.push_back(MakeStringColumn("g", groups));
  const Frame frame = FrameOf(std::move(table));
  std::vector<std::vector<std::string>> results;
  for (const int threads : {1, 4}) {
    FrameOptions options;
    options.table.threads = threads;
    const auto result = RunSelect(
        {{"data", &frame}}, "SELECT g, sum(v) AS s, avg(v) AS a FROM data GROUP BY g", options);
    ASSERT_TRUE(result.ok()) << result.status();
    results.push_back(Lines(*result));
  }
  EXPECT_EQ(results[0].size(), 997u);
  EXPECT_EQ(results[0], results[1]);
}

TEST(SqlFrameTest, StopsWhenCancelled) {
  const Frame frame = FrameOf(People());
  std::atomic<int> asked = 0;
  FrameOptions options;
  options.table.cancelled = [&] { return ++asked > 3; };
  // Would go on for years.
  const auto result =
      RunSelect({{"data", &frame}},
                "SELECT count(*) AS n FROM range(10000000000) a, range(10000000000) "
                "b WHERE a.range + b.range < 0",
                options);
  EXPECT_EQ(result.status().code(), StatusCode::kCancelled) << result.status();
}

TEST(SqlFrameTest, SaysThatMemoryIsShort) {
  const Frame frame = FrameOf(People());
  FrameOptions options;
  options.table.memory_bytes = 64 << 20;
  const auto result = RunSelect(
      {{"data", &frame}}, "SELECT string_agg(repeat('x', 1000000)) AS s FROM range(1000)", options);
  EXPECT_EQ(result.status().code(), StatusCode::kResourceExhausted) << result.status();
}

TEST(SqlFrameTest, LeavesThePlainReaderAsItIs) {
  const Frame frame = FrameOf(People());
  ASSERT_TRUE(RunSelect({{"data", &frame}}, "SELECT 1 AS x", {}).ok());
  TestFolder folder;
  const auto path = folder.Write("a.csv", "a,b\n1,2\n");
  ASSERT_TRUE(ReadRaw(path, "a.csv", {}, {}, {}, {}).ok());
}

class ExpressionTest : public testing::Test {
 protected:
  std::vector<std::string> Values(const std::string& expression) {
    const auto column = EvaluateExpression(people_, expression);
    EXPECT_TRUE(column.ok()) << column.status();
    std::vector<std::string> texts;
    for (std::size_t i = 0; column.ok() && i < 4; ++i) texts.push_back(column->text(i));
    return texts;
  }
  std::string Error(const std::string& expression) {
    const auto column = EvaluateExpression(people_, expression);
    return column.ok() ? "no error" : column.status().message();
  }
  const Table people_ = People();
};

TEST_F(ExpressionTest, GivesOneValueARow) {
  EXPECT_THAT(Values("age * 2 + id"), ElementsAre("41", "", "83", "124"));
  EXPECT_THAT(Values("upper(job) || '!' -- loud"), ElementsAre("COOK!", "NURSE!", "", "COOK!"));
  EXPECT_THAT(Values("CASE WHEN age > 30 THEN 'old' ELSE 'young' END"),
              ElementsAre("young", "young", "old", "old"));
  EXPECT_THAT(Values("coalesce(age, 0) BETWEEN 20 AND 40"), ElementsAre("1", "0", "1", "0"));
  EXPECT_THAT(Values("day + INTERVAL 1 DAY"),
              ElementsAre("2024-02-01 00:00:00", "2024-03-01 00:00:00", "", "1970-01-01 00:00:00"));
  EXPECT_THAT(Values("extract(year FROM day)"), ElementsAre("2024", "2024", "", "1969"));
  EXPECT_THAT(Values("id / 0"), ElementsAre("", "", "", ""));
  EXPECT_THAT(Error("ln(id - 2)"), HasSubstr("logarithm"));
  EXPECT_THAT(Values("TRY(ln(id - 1))")[0], "");
  EXPECT_THAT(Values("id // 2"), ElementsAre("0", "1", "1", "2"));
  EXPECT_THAT(Values("TRY_CAST(job AS DOUBLE)"), ElementsAre("", "", "", ""));
  EXPECT_THAT(Values("7"), ElementsAre("7", "7", "7", "7"));
  EXPECT_THAT(Values("NULL"), ElementsAre("", "", "", ""));
  EXPECT_THAT(Values("list_sum(list_transform([1, id], lambda x: x + 1))"),
              ElementsAre("4", "5", "6", "7"));
  EXPECT_THAT(Values("AGE"), ElementsAre("20", "", "40", "60"));
  EXPECT_THAT(Values("ok IS NULL"), ElementsAre("0", "0", "1", "0"));
}

TEST_F(ExpressionTest, HasATypeOfItsOwn) {
  const auto type = [&](const std::string& expression) {
    const auto column = EvaluateExpression(people_, expression);
    EXPECT_TRUE(column.ok()) << column.status();
    EXPECT_EQ(column->info.name, "");
    return std::string(Name(column->info.type)) + " " + std::string(Name(column->info.kind));
  };
  EXPECT_EQ(type("age * 2"), "double numeric");
  EXPECT_EQ(type("id * 2"), "integer numeric");
  EXPECT_EQ(type("age > 2"), "boolean numeric");
  EXPECT_EQ(type("job"), "string categorical");
  EXPECT_EQ(type("day"), "date date");
  EXPECT_EQ(type("seen"), "timestamp date");
  Table none = people_;
  none.rows = 0;
  for (Column& column : none.columns) {
    column.numbers.clear();
    column.strings.codes.clear();
  }
  const auto column = EvaluateExpression(none, "id * 2");
  ASSERT_TRUE(column.ok()) << column.status();
  EXPECT_EQ(column->info.type, ColumnType::kInteger);
  EXPECT_THAT(column->numbers, IsEmpty());
}

TEST_F(ExpressionTest, NeedsNothingButItsRow) {
  EXPECT_THAT(Error("sum(age)"), HasSubstr("sum() is of many rows"));
  EXPECT_THAT(Error("age - AVG(age)"), HasSubstr("avg() is of many rows"));
  EXPECT_THAT(Error("count(*)"), HasSubstr("of many rows"));
  EXPECT_THAT(Error("\"first\"(age)"), HasSubstr("first() is of many rows"));
  EXPECT_THAT(Error("geomean(age)"), HasSubstr("geomean() is of many rows"));
  EXPECT_THAT(Error("wavg(age, id)"), HasSubstr("wavg() is of many rows"));
  EXPECT_THAT(Error("row_number() OVER ()"), HasSubstr("OVER needs others"));
  EXPECT_THAT(Error("sum(age) OVER (ORDER BY id)"), HasSubstr("OVER needs others"));
  EXPECT_THAT(Error("(SELECT max(age) FROM data)"), HasSubstr("SELECT needs others"));
  EXPECT_THAT(Error("age IN (SELECT 1)"), HasSubstr("SELECT needs others"));
  EXPECT_THAT(Error("EXISTS (FROM data)"), HasSubstr("SELECT needs others"));
  EXPECT_THAT(Error("unnest([1, 2])"), HasSubstr("makes rows"));
  EXPECT_THAT(Error("regexp_split_to_table(job, 'o')"), HasSubstr("makes rows"));
  EXPECT_THAT(Error("*"), Not(HasSubstr("no error")));
  EXPECT_THAT(Error("COLUMNS('a.*')"), HasSubstr("name the columns"));
  EXPECT_THAT(Error("#1"), HasSubstr("name the column"));
  EXPECT_THAT(Error("getenv('HOME')"), HasSubstr("depends on"));
  EXPECT_THAT(Error("read_text('/etc/passwd')"), Not(HasSubstr("no error")));
  EXPECT_THAT(Error("vector_type(age)"), HasSubstr("depends on"));
}

TEST_F(ExpressionTest, IsOneExpression) {
  EXPECT_THAT(Error(""), HasSubstr("is empty"));
  EXPECT_THAT(Error("1) FROM data; DROP VIEW data; --"), HasSubstr("expression `1) FROM data"));
  EXPECT_THAT(Error("1), (2"), HasSubstr("is no single expression"));
  EXPECT_THAT(Error("1) AS result FROM data WHERE (true"), Not(HasSubstr("no error")));
  EXPECT_THAT(Error("1) AS result FROM data UNION ALL SELECT (2"), Not(HasSubstr("no error")));
  EXPECT_THAT(Error("1) AS a, (2"), Not(HasSubstr("no error")));
  EXPECT_THAT(Error("1 AS x"), Not(HasSubstr("no error")));
  EXPECT_THAT(Error("age, id"), HasSubstr("lists, structures"));
  EXPECT_THAT(Error("age +"), HasSubstr("syntax error"));
  EXPECT_THAT(Error("1 +\n) * 2"), HasSubstr("(line 2, character 1)"));
  EXPECT_THAT(Error("age /* open"), HasSubstr("unterminated"));
  EXPECT_THAT(Error("'open"), HasSubstr("unterminated"));
  EXPECT_THAT(Error("data.age"), HasSubstr("data.age is no column"));
  EXPECT_THAT(Error("agee + 1"), HasSubstr("there is no column \"agee\" (did you mean \"age\"?)"));
  EXPECT_THAT(Error("CAST(job AS INTEGER)"), HasSubstr("cook"));
}

TEST_F(ExpressionTest, SaysWhatItReads) {
  const std::vector<std::string> names = {"age", "job", "id", "a.b", "current_date"};
  const auto columns = [&](const std::string& expression) {
    const auto read = ColumnsOfExpression(expression, names);
    EXPECT_TRUE(read.ok()) << read.status();
    return read.ok() ? *read : std::vector<std::string>();
  };
  EXPECT_THAT(columns("id + AGE * id"), ElementsAre("id", "age"));
  EXPECT_THAT(columns("1"), IsEmpty());
  EXPECT_THAT(columns("list_filter([1], x -> x > age)"), ElementsAre("age"));
  EXPECT_THAT(columns("\"a.b\" || current_date"), ElementsAre("a.b", "current_date"));
  EXPECT_THAT(ColumnsOfExpression("'job' || jobb", names).status().message(),
              HasSubstr("did you mean \"job\"?"));
}

TEST_F(ExpressionTest, PredicateIsTrueOrNot) {
  const auto chosen = EvaluatePredicate(people_, "age > 30 OR job = 'nurse'");
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_THAT(*chosen, ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(*EvaluatePredicate(people_, "age > 30"), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(*EvaluatePredicate(people_, "ok"), ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(*EvaluatePredicate(people_, "age > NULL"), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(EvaluatePredicate(people_, "age").status().message(),
              HasSubstr("neither true nor false"));
}

TEST_F(ExpressionTest, DoesNotDependOnBlocks) {
  Table whole;
  whole.rows = kBlockRows + 1'000;
  std::vector<double> values;
  for (int64_t i = 0; i < whole.rows; ++i) {
    values.push_back(i % 11 == 0 ? kMissing : std::sin(static_cast<double>(i)));
  }
  whole.columns.push_back(MakeNumberColumn("v", values));
  const std::string expression = "round(exp(v) * ln(v + 2), 6)::VARCHAR || hash(v)";
  const auto at_once = EvaluateExpression(whole, expression);
  ASSERT_TRUE(at_once.ok()) << at_once.status();
  const std::size_t rows = values.size();
  ASSERT_EQ(at_once->strings.codes.size(), rows);
  for (std::size_t begin = 0; begin < rows; begin += 40'000) {
    Table block;
    const std::size_t end = std::min(rows, begin + 40'000);
    block.rows = static_cast<int64_t>(end - begin);
    block.columns.push_back(MakeNumberColumn(
        "v", std::vector<double>(values.begin() + static_cast<std::ptrdiff_t>(begin),
                                 values.begin() + static_cast<std::ptrdiff_t>(end))));
    const auto part = EvaluateExpression(block, expression);
    ASSERT_TRUE(part.ok()) << part.status();
    for (std::size_t i = begin; i < end; ++i) ASSERT_EQ(part->text(i - begin), at_once->text(i));
  }
}

TEST_F(ExpressionTest, RunsOnSeveralThreads) {
  FrameOptions options;
  options.table.threads = 4;
  Frame frame(options);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(frame.Append(People()).ok());
  const auto sums =
      MapBlocks<double>(frame, {"id"}, [&](int64_t, const Table& block, double* sum) -> Status {
        PENSTOCK_ASSIGN_OR_RETURN(const Column column, EvaluateExpression(block, "id * 2"));
        for (const double value : column.numbers) *sum += value;
        return Status::Ok();
      });
  ASSERT_TRUE(sums.ok()) << sums.status();
  EXPECT_THAT(*sums, testing::Each(20));
}

TEST_F(ExpressionTest, StopsWhenCancelled) {
  TableOptions options;
  options.cancelled = [] { return true; };
  EXPECT_EQ(EvaluateExpression(people_, "id + 1", options).status().code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace penstock

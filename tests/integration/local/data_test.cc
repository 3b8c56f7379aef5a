// penstock data head|schema|export.

#include <sys/stat.h>

#include <fstream>

#include "tests/integration/client/terminal.h"
#include "tests/integration/local/local_fixture.h"
#include "tests/support/small_data.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kOdd[] =
    "id,\"say \"\"hi\"\"\",\"two\nlines\",🙂,select\n"
    "1,a,x,,2026-01-01\n"
    "2,\"b, c\",y,1.5,2026-01-02\n"
    "3,?,z,-3,2026-01-03\n";

class DataTest : public LocalFixture {
 protected:
  // The kind of each column.
  static std::vector<std::string> Kinds(const Json& schema) {
    std::vector<std::string> kinds;
    for (const Json& column : JsonMember(schema, "columns")) {
      kinds.push_back(JsonString(column, "kind"));
    }
    return kinds;
  }
  // Runs a pipeline of one step and returns RUN/STEP/OUTPUT.
  std::string Prepared(const std::string& data) {
    cluster_.StartCoordinator();
    cluster_.StartWorker("w1");
    const std::string id = cluster_.Submit(cluster_.Write("small.yaml", SmallPipeline("small")),
                                           {"-p", "data=@" + data});
    EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED");
    return id + "/prepare/train";
  }
};

TEST_F(DataTest, HeadShowsRowsBelowKinds) {
  const std::string file = cluster_.Write("odd.csv", kOdd);
  const Ran head = Here({"data", "head", file});
  ASSERT_EQ(head.code, 0) << head.err;
  EXPECT_EQ(head.out,
            "     id  say \"hi\"     two lines         🙂  select\n"
            "numeric  categorical  categorical  numeric  categorical\n"
            "      1  a            x                  ∅  2026-01-01\n"
            "      2  b, c         y                1.5  2026-01-02\n"
            "      3  ?            z                 -3  2026-01-03\n");
  const Json json = JsonOf({"data", "head", file, "-n", "1"});
  ASSERT_EQ(json["rows"].size(), 1U);
  EXPECT_EQ(json["rows"][0]["id"], 1);
  EXPECT_TRUE(json["rows"][0]["🙂"].is_null());
  EXPECT_EQ(json["columns"][2]["name"], "two\nlines");
  EXPECT_TRUE(json["total"].is_null()) << "nobody has counted them";
}

TEST_F(DataTest, ReadingIsToldInTheWordsOfAStep) {
  const std::string file = cluster_.Write("odd.csv", kOdd);
  const Json json = JsonOf({"data", "head", file, "--read", "{nulls: [\"?\"], header: true}"});
  EXPECT_TRUE(json["rows"][2]["say \"hi\""].is_null());
  const std::string bare = cluster_.Write("bare.csv", "5;x\n6;y\n");
  const Json columns =
      JsonOf({"data", "schema", bare, "--read", "{header: false, delimiter: ';'}"})["columns"];
  ASSERT_EQ(columns.size(), 2U);
  EXPECT_EQ(columns[0]["name"], "column1");
  const Ran wrong = Here({"data", "head", file, "--read", "{nuls: [\"?\"]}"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("did you mean \"nulls\""));
  EXPECT_EQ(Here({"data", "head", file, "--read", "{nulls: ["}).code, 2);
}

TEST_F(DataTest, SchemaTellsWhatThereIs) {
  const std::string file = cluster_.Write("odd.csv", kOdd);
  const Json schema = JsonOf({"data", "schema", file});
  EXPECT_EQ(schema["rows"], 3);
  EXPECT_THAT(Kinds(schema), ElementsAre("id", "categorical", "categorical", "numeric", "date"));
  EXPECT_EQ(schema["columns"][3]["missing"], 1);
  EXPECT_EQ(schema["columns"][3]["distinct"], 2);
  EXPECT_EQ(schema["columns"][3]["minimum"], "-3");
  EXPECT_EQ(schema["columns"][4]["maximum"], "2026-01-03");
  EXPECT_TRUE(schema["roles"].is_null());
  const Ran text = Here({"data", "schema", file});
  EXPECT_THAT(text.out, HasSubstr("ROWS  3\n"));
  EXPECT_THAT(text.out, testing::ContainsRegex("select +date +date +0 +3 +2026-01-01"));
}

TEST_F(DataTest, ADatasetOfARunIsLookedInto) {
  const std::string name = Prepared(cluster_.Write("small.csv", SmallCsv(100)));
  const std::map<std::string, std::string> there = {{"PENSTOCK_ADDRESS", cluster_.grpc()}};
  const Ran head = Here({"data", "head", name, "-n", "3"}, there);
  ASSERT_EQ(head.code, 0) << head.err;
  EXPECT_THAT(head.out, testing::StartsWith("      x  y\nnumeric  categorical\n"));
  EXPECT_THAT(head.err, HasSubstr("3 of 80 rows"));
  const Ran schema = Here({"data", "schema", name}, there);
  EXPECT_THAT(schema.out, HasSubstr("LABEL      y, of the classes 0, 1; 1 is positive\n"));
  EXPECT_THAT(schema.out, testing::ContainsRegex("y +categorical +string +label +0 +2 +0 +1 +"));
  const Ran read = Here({"data", "head", name, "--read", "{header: false}"}, there);
  EXPECT_EQ(read.code, 2);
  EXPECT_THAT(read.err, HasSubstr("is a dataset, which says that itself"));
  ASSERT_EQ(Here({"data", "export", name, "-o", In("all.csv")}, there).code, 0);
  EXPECT_EQ(JsonOf({"data", "schema", In("all.csv")})["rows"], 80);
}

// Of a dataset, what is not needed for its first rows is not fetched: here it is not even there.
TEST_F(DataTest, TheFirstRowsNeedTheFirstPartAlone) {
  cluster_.StartCoordinator();
  for (const char* part : {"1", "2"}) {
    const std::string rows = cluster_.Write(std::string("p") + part + ".csv",
                                            "x\n" + std::string(part) + "\n" + part + "\n");
    ASSERT_EQ(
        Here({"data", "export", rows, "-o", In(std::string("part-") + part + ".parquet")}).code, 0);
  }
  std::filesystem::create_directory(In("set"));
  for (const char* part : {"part-1.parquet", "part-2.parquet"}) {
    std::filesystem::rename(In(part), In("set") + "/" + part);
  }
  cluster_.Write("set/dataset.json", R"({"format": "penstock-dataset/1", "rows": 4,
    "transform": null, "label": null, "roles": {},
    "columns": [{"name": "x", "type": "double", "kind": "numeric", "nullable": false}],
    "parts": ["part-1.parquet", "part-2.parquet"]})");
  const std::map<std::string, std::string> there = {{"PENSTOCK_ADDRESS", cluster_.grpc()}};
  const Ran put = Here({"artifacts", "put", In("set")}, there);
  ASSERT_EQ(put.code, 0) << put.err;
  const std::string digest = put.out.substr(0, put.out.find('\n'));
  EXPECT_EQ(Here({"data", "head", digest, "-n", "3"}, there).out,
            "      x\nnumeric\n      1\n      1\n      2\n");
  // The second part is lost in the store.
  int removed = 0;
  const auto size = std::filesystem::file_size(In("set/part-2.parquet"));
  const std::string lost = ReadFile(In("set/part-2.parquet")).value_or("");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(cluster_.data_dir())) {
    if (!entry.is_regular_file() || entry.file_size() != size) continue;
    if (ReadFile(entry.path()).value_or("") != lost) continue;
    std::filesystem::remove(entry.path());
    ++removed;
  }
  ASSERT_EQ(removed, 1);
  EXPECT_EQ(Here({"data", "head", digest, "-n", "2"}, there).code, 0);
  EXPECT_NE(Here({"data", "head", digest, "-n", "3"}, there).code, 0);
}

TEST_F(DataTest, TheFirstRowsOfALongUploadComeFromItsStart) {
  cluster_.StartCoordinator();
  std::string csv = "n,t\n";
  while (csv.size() < (6 << 20)) csv += "1,a text of some length\n";
  // What comes behind is never seen.
  const std::string file = cluster_.Write("long.csv", csv + "2,\"never closed\n");
  const std::map<std::string, std::string> there = {{"PENSTOCK_ADDRESS", cluster_.grpc()}};
  const Ran put = Here({"artifacts", "put", file}, there);
  ASSERT_EQ(put.code, 0) << put.err;
  const std::string digest = put.out.substr(0, put.out.find('\n'));
  const Ran head = Here({"data", "head", digest, "-n", "2"}, there);
  ASSERT_EQ(head.code, 0) << head.err;
  EXPECT_THAT(head.out, HasSubstr("1  a text of some length\n"));
}

TEST_F(DataTest, ExportWritesEachForm) {
  const std::string file = cluster_.Write("odd.csv", kOdd);
  for (const char* name : {"a.tsv", "a.jsonl", "a.json", "a.parquet", "a.csv.gz", "a.jsonl.zst"}) {
    const Ran ran = Here({"data", "export", file, "-o", In(name)});
    ASSERT_EQ(ran.code, 0) << name << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("3 rows in " + In(name)));
    const Json schema = JsonOf({"data", "schema", In(name)});
    EXPECT_EQ(schema["rows"], 3) << name;
    EXPECT_EQ(schema["columns"][1]["name"], "say \"hi\"") << name;
    EXPECT_EQ(schema["columns"][3]["missing"], 1) << name;
  }
  ASSERT_EQ(Here({"data", "export", file, "-o", In("rows.txt"), "--format", "jsonl"}).code, 0);
  EXPECT_THAT(ReadFile(In("rows.txt")).value_or(""), HasSubstr("{\"id\":1"));
  ASSERT_EQ(Here({"data", "export", file, "-o", In("noending")}).code, 0);
  EXPECT_THAT(ReadFile(In("noending")).value_or(""), HasSubstr("id,\"say \"\"hi\"\"\""));
  struct stat info {};
  ASSERT_EQ(stat(In("noending").c_str(), &info), 0);
  EXPECT_TRUE(info.st_mode & S_IRUSR);
}

TEST_F(DataTest, ExportIsWholeOrNotThere) {
  const std::string bad = cluster_.Write("bad.csv", "a,b\n1,2\n3\n");
  const Ran failed = Here({"data", "export", bad, "-o", In("out.csv")});
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.err, HasSubstr("line 3"));
  EXPECT_FALSE(std::filesystem::exists(In("out.csv")));
  const std::string good = cluster_.Write("good.csv", "a,b\n1,2\n");
  cluster_.Write("out.csv", "precious\n");
  const Ran kept = Here({"data", "export", bad, "-o", In("out.csv"), "--force"});
  EXPECT_EQ(kept.code, 1);
  EXPECT_EQ(ReadFile(In("out.csv")).value_or(""), "precious\n") << "a failure overwrites nothing";
  EXPECT_EQ(Here({"data", "export", good, "-o", In("out.csv")}).code, 2);
  EXPECT_EQ(Here({"data", "export", good, "-o", In("out.csv"), "--force"}).code, 0);
  EXPECT_THAT(ReadFile(In("out.csv")).value_or(""), HasSubstr("a,b\n"));
  for (const auto& entry : std::filesystem::directory_iterator(cluster_.folder())) {
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("part-")));
  }
  EXPECT_EQ(Here({"data", "export", good, "-o", In("x.parquet.gz")}).code, 2);
  EXPECT_EQ(Here({"data", "export", good, "-o", In("x.xlsx")}).code, 2);
}

TEST_F(DataTest, TenThousandColumnsFitATerminal) {
  std::string names = "c0";
  std::string values = "0";
  for (int i = 1; i < 10'000; ++i) {
    names += ",c" + std::to_string(i);
    values += "," + std::to_string(i);
  }
  std::string many = names + "\n";
  for (int i = 0; i < 3; ++i) many += values + "\n";
  const std::string file = cluster_.Write("wide.csv", many);
  Screen screen(80);
  screen.Feed(
      RunInTerminal({Program("penstock"), "data", "head", file}, 80, {{"TMPDIR", In("tmp")}}));
  const std::vector<std::string> rows = screen.Rows();
  ASSERT_GE(rows.size(), 6U) << testing::PrintToString(rows);
  EXPECT_THAT(rows[0], testing::StartsWith("     c0       c1 "));
  EXPECT_THAT(rows[4], HasSubstr("0        1"));
  EXPECT_THAT(rows[5], HasSubstr("more columns; penstock data schema lists all"));
  EXPECT_THAT(Here({"data", "head", file}).out, HasSubstr("c9999"));
  EXPECT_EQ(JsonOf({"data", "head", file})["rows"][0]["c9999"], 9999);
}

TEST_F(DataTest, DataWithoutRowsAreNoError) {
  const std::string file = cluster_.Write("none.csv", "a,b\n");
  const Ran head = Here({"data", "head", file});
  EXPECT_EQ(head.code, 0) << head.err;
  EXPECT_EQ(head.out, "      a        b\nnumeric  numeric\n");
  EXPECT_EQ(head.err, "there are no rows\n");
  EXPECT_EQ(JsonOf({"data", "schema", file})["rows"], 0);
  EXPECT_EQ(Here({"data", "export", file, "-o", In("none.out.csv")}).code, 0);
  EXPECT_EQ(ReadFile(In("none.out.csv")).value_or(""), "a,b\n");
}

TEST_F(DataTest, WhatIsNoDataIsSaid) {
  EXPECT_EQ(Here({"data", "head", In("absent.csv")}).code, 2);
  const Ran empty = Here({"data", "head", cluster_.Write("empty.csv", "")});
  EXPECT_EQ(empty.code, 1);
  EXPECT_THAT(empty.err, HasSubstr("the file is empty"));
  WriteIn("model", "model.json", "{}");
  EXPECT_THAT(Here({"data", "schema", In("model")}).err, HasSubstr("is a model, not a dataset"));
  WriteIn("broken", "dataset.json", "{");
  EXPECT_EQ(Here({"data", "head", In("broken")}).code, 1);
  EXPECT_EQ(Here({"data", "head", In("absent.csv"), "-n", "0"}).code, 2);
  // Without a coordinator a digest is just that.
  const std::string digest = "sha256:" + std::string(64, 'a');
  EXPECT_EQ(Here({"data", "head", digest}).code, 3);
}

TEST_F(DataTest, ADigestThatIsNoDatasetIsRefused) {
  cluster_.StartCoordinator();
  const std::map<std::string, std::string> there = {{"PENSTOCK_ADDRESS", cluster_.grpc()}};
  WriteIn("model", "model.json", "{}");
  const Ran put = Here({"artifacts", "put", In("model"), "--type", "model"}, there);
  const std::string digest = put.out.substr(0, put.out.find('\n'));
  for (const char* command : {"head", "schema"}) {
    const Ran ran = Here({"data", command, digest}, there);
    EXPECT_EQ(ran.code, 2);
    EXPECT_THAT(ran.err, HasSubstr("is a model, not a dataset"));
  }
  EXPECT_EQ(Here({"data", "head", "sha256:" + std::string(64, 'a')}, there).code, 4);
}

TEST_F(DataTest, ValuesOfOptionsComplete) {
  EXPECT_EQ(Here({"__complete", "data", ""}).out, "head\nschema\nexport\n");
  EXPECT_EQ(Here({"__complete", "data", "export", "x", "--format", "js"}).out, "jsonl\njson\n");
  EXPECT_EQ(Here({"__complete", "data", "head", "x", "-o", ""}).out, "table\njson\n");
}

}  // namespace
}  // namespace penstock

// Data that hardly are any, or that are broken: a process step answers, or says what is wrong and
// where. Never a crash, a value that is lost in silence, or another number of rows.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "steps/process/process.h"
#include "steps/process/transform.h"
#include "steps/table/dataset.h"
#include "tests/contract/process/step_bench.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const Json kNone = Json::object();
const Json kLabel = {{"roles", {{"label", "y"}}}};

// Everything that can be done to any column.
Json Whole() {
  return {
      {{"op", "impute"},
       {"columns", {{"kind", {"categorical", "text", "date", "id"}}}},
       {"method", "category"}},
      {{"op", "impute"}, {"columns", {{"kind", "numeric"}}}, {"method", "constant"}, {"value", 0}},
      {{"op", "standard"}, {"columns", {{"kind", "numeric"}}}},
      {{"op", "min_max"}, {"columns", {{"kind", "numeric"}}}},
      {{"op", "one_hot"}, {"columns", {{"kind", {"categorical", "text", "date", "id"}}}}}};
}

class DegenerateTest : public testing::Test {
 protected:
  Result<StepOutcome> Run(std::string_view bytes, const Json& parameters) {
    step_.Unbind("data");
    step_.AddFile("data", "@d", bytes);
    step_.parameters_ = parameters;
    step_.Reset();
    return RunProcess(step_);
  }
  std::string Error(std::string_view bytes, const Json& parameters) {
    const auto outcome = Run(bytes, parameters);
    if (outcome.ok()) return "no error";
    EXPECT_EQ(outcome.status().code(), StatusCode::kInvalidArgument) << outcome.status();
    return outcome.status().message();
  }
  // The output `data` of data that are fine; `rows` of them.
  Table Answer(std::string_view bytes, const Json& parameters, int64_t rows) {
    const auto outcome = Run(bytes, parameters);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    if (!outcome.ok()) return {};
    auto table = LoadDataset(step_.output_ / "data", {}, {});
    EXPECT_TRUE(table.ok()) << table.status();
    if (!table.ok()) return {};
    EXPECT_EQ(table->rows, rows);
    EXPECT_EQ(outcome->metrics.at("rows"), static_cast<double>(rows));
    for (const Column& column : table->columns) {
      EXPECT_EQ(column.is_text() ? column.strings.codes.size() : column.numbers.size(),
                static_cast<std::size_t>(rows));
    }
    return std::move(*table);
  }
  static int64_t Missing(const Table& table) {
    int64_t missing = 0;
    for (const Column& column : table.columns) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(table.rows); ++i) {
        missing += column.missing(i) ? 1 : 0;
      }
    }
    return missing;
  }
  static Json With(Json parameters, const Json& transforms) {
    parameters["transforms"] = transforms;
    return parameters;
  }
  FakeStep step_{"process"};
};

// --- Few rows

TEST_F(DegenerateTest, NoRows) {
  EXPECT_THAT(Error("", kNone), StartsWith("@d: line 1, column 1: the file is empty"));
  EXPECT_THAT(Error("\n\n\n", kNone), StartsWith("@d: "));
  EXPECT_THAT(Error("x,y\n", kNone), StartsWith("@d: line 2: there are no rows"));
  EXPECT_THAT(Error("x,y\n\n\n", kNone), StartsWith("@d: "));
  EXPECT_THAT(Error("\xEF\xBB\xBF", kNone), StartsWith("@d: "));
  EXPECT_THAT(Error("[]", kNone), StartsWith("@d"));
  EXPECT_THAT(
      Error("x,y\n1,\n2,\n", {{"roles", {{"label", "y"}}}, {"labels", {{"missing", "drop"}}}}),
      StartsWith("@d: "));
  EXPECT_THAT(Error("x\n\"\"\n,\n", With(kNone, {{{"op", "drop_missing"}}})), StartsWith("@d: "));
}

TEST_F(DegenerateTest, NoRowsAreATransformsBusiness) {
  ASSERT_TRUE(Run("x,c\n1,a\n2,b\n", With(kNone, Whole())).ok());
  step_.Bind("transform", step_.output_ / "transform", "fitted");
  Answer("x,c\n", kNone, 0);
  Answer("x,c\n3,q\n", kNone, 1);
}

TEST_F(DegenerateTest, OneRow) {
  const Table table = Answer("x,c,y\n5,u,1\n", With(kLabel, Whole()), 1);
  EXPECT_EQ(table.Find("x")->numbers[0], 0);
  EXPECT_EQ(table.Find("c=u")->numbers[0], 1);
  EXPECT_EQ(Missing(table), 0);
  Json split = kLabel;
  split["split"] = kNone;
  const auto outcome = Run("x,y\n5,1\n", split);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->metrics.at("train_rows"), 1);
  EXPECT_EQ(outcome->metrics.at("test_rows"), 0);
}

TEST_F(DegenerateTest, OneClass) {
  EXPECT_THAT(Error("x,y\n1,a\n2,a\n", kLabel), StartsWith("@d: label \"y\" has only the class"));
  Json declared = kLabel;
  declared["labels"] = {{"classes", {"a", "b"}}};
  Answer("x,y\n1,a\n2,a\n", With(declared, Whole()), 2);
  EXPECT_THAT(step_.log_, HasSubstr("warning: all rows of data have the class \"a\""));
}

// --- Values that say nothing

TEST_F(DegenerateTest, ConstantColumns) {
  const Table table = Answer("x,c,h\n7,u,0.1\n7,u,0.1\n7,u,0.1\n", With(kNone, Whole()), 3);
  for (const char* name : {"x", "h"}) {
    EXPECT_THAT(table.Find(name)->numbers, testing::Each(testing::DoubleNear(0, 1e-15)));
  }
  EXPECT_THAT(table.Find("c=u")->numbers, testing::Each(1));
  EXPECT_EQ(Missing(table), 0);
}

TEST_F(DegenerateTest, NothingButMissing) {
  const Table plain = Answer("x,z\n,1\n,2\n", kNone, 2);
  EXPECT_EQ(Missing(plain), 2);
  const Table filled = Answer("x,z\n,1\n,2\n", With(kNone, Whole()), 2);
  EXPECT_EQ(Missing(filled), 0);
  for (const char* method : {"mean", "median", "mode"}) {
    EXPECT_THAT(Error("x,z\n,1\n,2\n",
                      With(kNone, {{{"op", "impute"}, {"columns", "x"}, {"method", method}}})),
                HasSubstr("column \"x\" has no value in the training rows"))
        << method;
  }
  // All of a column is missing, and stays so.
  const Table scaled =
      Answer("x,z\n,1\n,2\n",
             With(kNone, {{{"op", "standard"}, {"columns", {{"kind", "numeric"}}}},
                          {{"op", "min_max"}, {"columns", {{"kind", "numeric"}}}}}),
             2);
  EXPECT_EQ(Missing(scaled), 2);
}

TEST_F(DegenerateTest, Infinities) {
  // As text, they are none; of a dataset, they are numbers that nothing is learned from.
  const Table texts = Answer("x,z\ninf,1\n2,2\n", kNone, 2);
  EXPECT_TRUE(texts.Find("x")->is_text());
  Table table;
  table.rows = 4;
  table.columns = {MakeNumberColumn("x", {1, INFINITY, 3, -INFINITY}),
                   MakeNumberColumn("all", {INFINITY, INFINITY, -INFINITY, INFINITY})};
  const auto folder = step_.folder_.path() / "infinite";
  ASSERT_TRUE(WriteDataset(folder, table, {}, {}).ok());
  const auto run = [&](const Json& transforms) {
    step_.Bind("data", folder, "@inf");
    step_.parameters_ = {{"transforms", transforms}};
    step_.Reset();
    const auto outcome = RunProcess(step_);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    auto loaded = LoadDataset(step_.output_ / "data", {}, {});
    return loaded.ok() ? std::move(*loaded) : Table();
  };
  EXPECT_EQ(run(Json::array()).Find("x")->numbers, table.columns[0].numbers);
  for (const char* op : {"standard", "min_max"}) {
    const Table scaled = run({{{"op", op}, {"columns", {"x", "all"}}}});
    const double low = std::string(op) == "standard" ? -1 : 0;
    EXPECT_THAT(scaled.Find("x")->numbers, testing::ElementsAre(low, INFINITY, 1, -INFINITY)) << op;
    EXPECT_EQ(scaled.Find("all")->numbers, table.columns[1].numbers) << op;
  }
  const Table hot = run({{{"op", "one_hot"}, {"columns", {"x"}}}});
  EXPECT_EQ(hot.columns.size(), 5u);
}

TEST_F(DegenerateTest, NumbersBeyondAllNumbers) {
  const Table table = Answer("x\n1e308\n-1e308\n1e-320\n", kNone, 3);
  EXPECT_EQ(table.Find("x")->numbers[0], 1e308);
  EXPECT_EQ(table.Find("x")->numbers[2], 1e-320);
  // 1e999 is no double: the column stays what it is in the file.
  const Table texts = Answer("x\n1e999\n1\n", kNone, 2);
  EXPECT_TRUE(texts.Find("x")->is_text());
  EXPECT_EQ(texts.Find("x")->text(0), "1e999");
}

// --- Names

TEST_F(DegenerateTest, NamesThatAreTwice) {
  EXPECT_THAT(Error("x,x\n1,2\n", kNone), HasSubstr("\"x\""));
  EXPECT_THAT(Error("x,,\n1,2,3\n", kNone), StartsWith("@d: line 1"));
  EXPECT_THAT(Error("{\"x\": 1, \"x\": 2}\n", {{"read", {{"format", "jsonl"}}}}), StartsWith("@d"));
  // Names that differ in case alone are two.
  const Table table = Answer("x,X\n1,2\n3,4\n", With(kNone, Whole()), 2);
  EXPECT_THAT(table.names(), testing::ElementsAre("x", "X"));
}

TEST_F(DegenerateTest, NamesThatHoldAnything) {
  const std::vector<std::string> names = {"quo\"te",
                                          "it's",
                                          "new\nline",
                                          "\xF0\x9F\x98\x80",
                                          "SELECT",
                                          "from",
                                          "x; DROP TABLE data; --",
                                          "a,b",
                                          "\\",
                                          "%d",
                                          "NULL",
                                          "rowid",
                                          "*",
                                          "1",
                                          "a.b",
                                          "$x",
                                          "{}",
                                          std::string(300, 'n')};
  std::string csv;
  for (const std::string& name : names) {
    csv += csv.empty() ? "\"" : ",\"";
    for (const char c : name) csv += c == '"' ? "\"\"" : std::string(1, c);
    csv += "\"";
  }
  for (const char* row : {"1", "word", "2", ""}) {
    csv += "\n";
    for (std::size_t i = 0; i < names.size(); ++i) {
      const bool text = std::string(row) == "word";
      csv += (i == 0 ? "" : ",") + std::string(text && i % 2 == 0 ? "9" : row);
    }
  }
  const Json header = {{"read", {{"header", true}}}};
  const Table plain = Answer(csv + "\n", header, 4);
  EXPECT_EQ(plain.names(), names);
  const Table whole = Answer(csv + "\n", With(header, Whole()), 4);
  EXPECT_NE(whole.Find("it's=word"), nullptr);
  EXPECT_NE(whole.Find("\xF0\x9F\x98\x80=missing"), nullptr);
  // As roles, too.
  Json parameters = {
      {"roles",
       {{"label", "SELECT"},
        {"keep", {"x; DROP TABLE data; --"}},
        {"id", {"quo\"te", "new\nline"}}}},
      {"labels", {{"missing", "drop"}}},
      {"split", {{"train", 0.5}, {"test", 0.5}, {"by", "hash"}, {"key", "new\nline"}}}};
  parameters["read"] = {{"header", true}};
  const auto outcome = Run(csv + "\n", parameters);
  EXPECT_TRUE(outcome.ok() ||
              outcome.status().message().find("no row is left") != std::string::npos)
      << outcome.status();
}

TEST_F(DegenerateTest, TenThousandColumns) {
  std::string csv;
  for (int row = -1; row < 20; ++row) {
    for (int j = 0; j < 10'000; ++j) {
      if (j > 0) csv += ",";
      csv += row < 0 ? "c" + std::to_string(j) : std::to_string(row * j % 97);
    }
    csv += "\n";
  }
  const Table table = Answer(
      csv,
      With(kNone, {{{"op", "impute"}, {"columns", {{"kind", "numeric"}}}, {"method", "median"}},
                   {{"op", "standard"}, {"columns", {{"match", "c*"}}}}}),
      20);
  EXPECT_EQ(table.columns.size(), 10'000u);
  EXPECT_EQ(Missing(table), 0);
}

TEST_F(DegenerateTest, CellsOfAMebibyte) {
  std::string csv = "x,text\n";
  for (int i = 0; i < 4; ++i) {
    csv += std::to_string(i) + ",\"" +
           std::string(std::size_t{1} << 20, static_cast<char>('a' + i)) + "\"\"\n\"\n";
  }
  const Table table = Answer(csv, kNone, 4);
  EXPECT_EQ(table.Find("text")->text(3).size(), (std::size_t{1} << 20) + 2);
  EXPECT_THAT(table.Find("text")->text(3), testing::EndsWith("d\"\n"));
  // A category of such names is a column of such a name.
  Answer(csv, With(kNone, {{{"op", "one_hot"}, {"columns", "text"}}}), 4);
}

// --- Values that do not fit together

TEST_F(DegenerateTest, MixedTypes) {
  const Table table = Answer("x,y\n1,2\ntwo,3\n3.5,\n", kNone, 3);
  EXPECT_EQ(table.Find("x")->text(1), "two");
  EXPECT_EQ(table.Find("x")->text(2), "3.5");
  EXPECT_EQ(Missing(table), 1);
  // The first text comes late: what was read as numbers is read again, as it stands.
  std::string csv = "x\n";
  for (int i = 0; i < 200'000; ++i) csv += "007\n";
  const Table late = Answer(csv + "late\n", kNone, 200'001);
  EXPECT_EQ(late.Find("x")->text(0), "007");
  EXPECT_EQ(late.Find("x")->text(200'000), "late");
  EXPECT_THAT(
      Error("x\n1\ntwo\n", {{"read", {{"columns", {{{"name", "x"}, {"kind", "numeric"}}}}}}}),
      StartsWith("@d: line 3, column 1 (x): \"two\" is not a number"));
  const Json lines = {{"read", {{"format", "jsonl"}}}};
  const Table json =
      Answer("{\"x\": 1}\n{\"x\": \"a\"}\n{\"x\": true}\n{\"x\": null}\n{}\n", lines, 5);
  EXPECT_EQ(json.Find("x")->text(1), "a");
  EXPECT_EQ(Missing(json), 2);
}

TEST_F(DegenerateTest, RaggedAndBrokenLines) {
  EXPECT_THAT(Error("x,y\n1,2\n3\n", kNone), StartsWith("@d: line 3, column 2 (y)"));
  EXPECT_THAT(Error("x,y\n1,2\n3,4,5\n", kNone), StartsWith("@d: line 3"));
  EXPECT_THAT(Error("x,y\n1,\"2\n3,4\n", kNone), StartsWith("@d: line 2"));
  Answer("x,y\r\n1,2\r\n3,4\r\n", kNone, 2);
  Answer("x,y\r1,2\r3,4\r", kNone, 2);
  const Table nul = Answer(std::string_view("x,y\na\0b,2\nc,4\n", 14), kNone, 2);
  EXPECT_EQ(nul.Find("x")->text(0), std::string("a\0b", 3));
}

// --- Bytes that are not what they should be

TEST_F(DegenerateTest, WrongEncodings) {
  EXPECT_THAT(Error("x,y\n1,caf\xE9\n", kNone),
              StartsWith("@d: line 2, column 2 (y): byte 0xE9 is not UTF-8"));
  EXPECT_THAT(Error("x,caf\xE9\n1,2\n", kNone), StartsWith("@d: line 1"));
  const Json latin = {{"read", {{"encoding", "latin-1"}}}};
  EXPECT_EQ(Answer("x,y\n1,caf\xE9\n", latin, 1).Find("y")->text(0), "caf\xC3\xA9");
  EXPECT_THAT(Error("x,y\n1,2\n", {{"read", {{"encoding", "klingon"}}}}), HasSubstr("klingon"));
  // UTF-16 with a mark, whole and cut in the middle of a character.
  const std::string_view utf16(
      "\xFF\xFEx\0\n\0"
      "1\0\n\0",
      10);
  EXPECT_EQ(Answer(utf16, kNone, 1).Find("x")->numbers[0], 1);
  EXPECT_THAT(Error(utf16.substr(0, 9), kNone), StartsWith("@d"));
  EXPECT_THAT(Error("{\"x\": \"\xE9\"}\n", {{"read", {{"format", "jsonl"}}}}), StartsWith("@d"));
}

// gzip of "x,y\n1,2\n3,4\n".
const std::string kGzip(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xab\xd0\xa9\xe4\x32\xd4\x31\xe2\x32\xd6\x31\xe1\x02"
    "\x00\x97\x44\x29\x80\x0c\x00\x00\x00",
    32);

TEST_F(DegenerateTest, CutAndDamagedFiles) {
  ASSERT_TRUE(Run(kGzip, kNone).ok());
  for (std::size_t size = 3; size < kGzip.size(); ++size) {
    EXPECT_THAT(Error(kGzip.substr(0, size), kNone), StartsWith("@d")) << size;
  }
  std::string damaged = kGzip;
  damaged[kGzip.size() - 6] ^= 1;
  EXPECT_THAT(Error(damaged, kNone), StartsWith("@d"));
  EXPECT_THAT(Error(kGzip + "rest", kNone), testing::AnyOf(StartsWith("@d"), "no error"));
  EXPECT_THAT(Error("x,y\n1,2\n", {{"read", {{"compression", "gzip"}}}}), StartsWith("@d"));
  EXPECT_THAT(Error("x,y\n1,2\n", {{"read", {{"compression", "zstd"}}}}), StartsWith("@d"));
  EXPECT_THAT(Error("PAR1 and then nothing of it PAR1", kNone), StartsWith("@d"));
  // zstd, with the block as it is.
  const std::string zstd("\x28\xb5\x2f\xfd\x20\x0c\x61\0\0x,y\n1,2\n3,4\n", 21);
  Answer(zstd, kNone, 2);
  for (std::size_t size = 4; size < zstd.size(); ++size) {
    EXPECT_THAT(Error(zstd.substr(0, size), kNone), StartsWith("@d")) << size;
  }
  // A Parquet file, cut.
  Table table;
  table.rows = 3;
  table.columns = {MakeNumberColumn("x", {1, 2, 3})};
  const auto folder = step_.folder_.path() / "whole";
  ASSERT_TRUE(WriteDataset(folder, table, {}, {}).ok());
  const std::string parquet = ReadBytes(folder / "part-00000.parquet");
  Answer(parquet, kNone, 3);
  for (const std::size_t size : {parquet.size() - 1, parquet.size() / 2, std::size_t{12}}) {
    EXPECT_THAT(Error(parquet.substr(0, size), kNone), StartsWith("@d")) << size;
  }
  EXPECT_THAT(Error("[{\"x\": 1}, {\"x\": 2", {{"read", {{"format", "json"}}}}), StartsWith("@d"));
  EXPECT_THAT(Error("{\"x\": 1}\n{\"x\": 2", {{"read", {{"format", "jsonl"}}}}), StartsWith("@d"));
  EXPECT_THAT(Error("1 1:2\n1 2:\n", {{"read", {{"format", "svmlight"}}}}),
              StartsWith("@d: line 2"));
}

}  // namespace
}  // namespace penstock

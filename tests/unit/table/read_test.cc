#include "steps/table/read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "table_files.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class ReadRawTest : public testing::Test {
 protected:
  Result<RawTable> Read(std::string_view bytes, const ReadOptions& options = {},
                        const std::vector<std::string>& wanted = {},
                        const std::vector<std::string>& optional = {}) {
    folder_.Write("0123abcd", bytes);
    return ReadRaw(folder_.path() / "0123abcd", "data.csv", options, wanted, optional, {});
  }
  // Every cell as text, one string a row.
  std::vector<std::string> Rows(std::string_view bytes, const ReadOptions& options = {}) {
    const auto raw = Read(bytes, options);
    if (!raw.ok()) return {raw.status().message()};
    std::vector<std::string> rows;
    for (std::size_t i = 0; i < static_cast<std::size_t>(raw->table.rows); ++i) {
      std::string row;
      for (const Column& column : raw->table.columns) {
        row += (row.empty() ? "" : "|") + (column.missing(i) ? "<missing>" : column.text(i));
      }
      rows.push_back(row);
    }
    return rows;
  }
  std::string Error(std::string_view bytes, const ReadOptions& options = {},
                    const std::vector<std::string>& wanted = {}) {
    const auto raw = Read(bytes, options, wanted);
    return raw.ok() ? "read without an error" : raw.status().message();
  }
  TestFolder folder_;
};

TEST_F(ReadRawTest, InfersKinds) {
  const auto raw = Read("n,t,e,m\n1,x,,7\n2.5,7,,\n-0,y,,x\n");
  ASSERT_TRUE(raw.ok()) << raw.status();
  ASSERT_EQ(raw->table.columns.size(), 4u);
  const auto& columns = raw->table.columns;
  EXPECT_EQ(columns[0].info.kind, ColumnKind::kNumeric);
  EXPECT_THAT(columns[0].numbers, ElementsAre(1, 2.5, 0));
  EXPECT_FALSE(std::signbit(columns[0].numbers[2]));
  EXPECT_FALSE(columns[0].info.nullable);
  EXPECT_EQ(columns[1].info.kind, ColumnKind::kCategorical);
  EXPECT_THAT(columns[1].strings.dictionary, ElementsAre("x", "7", "y"));
  EXPECT_EQ(columns[2].info.kind, ColumnKind::kNumeric);
  EXPECT_TRUE(columns[2].info.nullable);
  EXPECT_EQ(columns[3].info.kind, ColumnKind::kCategorical);
  EXPECT_THAT(columns[3].strings.codes, ElementsAre(0, -1, 1));
}

// Kinds are those of all values, not of the first ones.
TEST_F(ReadRawTest, InfersKindsFromTheWholeFile) {
  std::string bytes = "n,t,m\n";
  for (int i = 0; i < 5'000; ++i) {
    bytes += std::to_string(i) + "," + (i == 4'321 ? "x" : std::to_string(i) + ".50") + ",\n";
  }
  ReadOptions options;
  options.columns = {{"n", std::nullopt}};
  const auto raw = Read(bytes, options);
  ASSERT_TRUE(raw.ok()) << raw.status();
  EXPECT_EQ(raw->table.columns[0].info.kind, ColumnKind::kNumeric);
  EXPECT_EQ(raw->table.columns[0].numbers[4'321], 4'321);
  EXPECT_EQ(raw->table.columns[1].info.kind, ColumnKind::kCategorical);
  EXPECT_EQ(raw->table.columns[1].text(4'320), "4320.50");
  EXPECT_EQ(raw->table.columns[1].text(4'321), "x");
  EXPECT_EQ(raw->table.columns[2].info.kind, ColumnKind::kNumeric);
  // A kind that is given is no guess.
  options.columns = {{"t", ColumnKind::kNumeric}};
  EXPECT_THAT(Error(bytes, options),
              StartsWith("data.csv: line 4323, column 2 (t): \"x\" is not a number"));
}

// What DuckDB reads and where the scanner finds it must agree in every dialect.
TEST_F(ReadRawTest, ReadsEveryDialect) {
  const std::vector<std::string> expected = {"1|x, y", "2|<missing>", "3|z"};
  EXPECT_EQ(Rows("a,b\n1,\"x, y\"\n2,\n3,z\n"), expected);
  EXPECT_EQ(Rows("a,b\r\n1,\"x, y\"\r\n2,\r\n3,z\r\n"), expected);
  EXPECT_EQ(Rows("a,b\r1,\"x, y\"\r2,\r3,z\r"), expected);
  EXPECT_EQ(Rows("\xEF\xBB\xBF"
                 "a,b\n1,\"x, y\"\n2,\"\"\n3,z"),
            expected);
  EXPECT_EQ(Rows("a;b\n1;x, y\n2;\n3;z\n"), expected);
  EXPECT_EQ(Rows("a\tb\n1\tx, y\n2\t\n3\tz\n"), expected);
  EXPECT_EQ(Rows("a|b\n1|x, y\n2|\n3|z\n"), expected);
  EXPECT_EQ(Rows("a,b\n\n1,\"x, y\"\n\n2,\n3,z\n\n\n"), expected);
  EXPECT_EQ(Rows(" a , b \n 1 , \"x, y\" \n 2 , \n 3 , z \n"), expected);
  EXPECT_EQ(Rows("a,b\n1,\"x, y\"\r\n2,\n3,z\n"), expected) << "line ends mixed";
  EXPECT_EQ(Rows("a,b\n1,\"x, y\"\n2,\r\n3,z\r\n"), expected) << "line ends mixed";
  EXPECT_EQ(Rows("a,b\r\n1,\"x, y\"\n2,\n3,z\r\n"), expected) << "line ends mixed";
  ReadOptions single;
  single.quote = '\'';
  EXPECT_EQ(Rows("a,b\n1,'x, y'\n2,''\n3,z\n", single), expected);
  ReadOptions backslash;
  backslash.escape = '\\';
  EXPECT_EQ(Rows("a,b\n1,\"x\\\"y\"\n", backslash), (std::vector<std::string>{"1|x\"y"}));
  ReadOptions none;
  none.quote = '\0';
  none.delimiter = ';';
  EXPECT_EQ(Rows("a;b\n1;\"x\n", none), (std::vector<std::string>{"1|\"x"}));
  ReadOptions notes;
  notes.comment = '#';
  EXPECT_EQ(Rows("# first\na,b\n# second\n1,\"x, y\"\n2,\n3,z\n# last\n", notes), expected);
  ReadOptions skip;
  skip.skip_lines = 2;
  EXPECT_EQ(Rows("|title|\n\na,b\n1,\"x, y\"\n2,\n3,z\n", skip), expected);
}

TEST_F(ReadRawTest, ReadsOneColumn) {
  EXPECT_EQ(Rows("a\n1\n\n2\n"), (std::vector<std::string>{"1", "<missing>", "2"}));
  EXPECT_EQ(Rows("a\nx\ny"), (std::vector<std::string>{"x", "y"}));
}

TEST_F(ReadRawTest, ReadsWithoutAHeader) {
  ReadOptions options;
  options.header = false;
  options.nulls = {"?"};
  options.columns = {{"age", ColumnKind::kNumeric}, {"job", ColumnKind::kCategorical}};
  EXPECT_EQ(Rows("39, State-gov\n?, ?\n", options),
            (std::vector<std::string>{"39|State-gov", "<missing>|<missing>"}));
  options.header.reset();
  EXPECT_EQ(Rows("39, x\n", options), (std::vector<std::string>{"39|x"}));
  EXPECT_EQ(Rows("age, job\n39, x\n", options), (std::vector<std::string>{"39|x"}));
  EXPECT_EQ(Error("39,x,y\n", options),
            "data.csv: line 1, column 3: the line has 3 fields, read.columns names 2; name every "
            "column, or see read.delimiter");
  // Data to predict lack the label.
  options.columns.push_back({"label", ColumnKind::kCategorical});
  const auto raw = Read("39, x\n", options, {"age", "job"}, {"label"});
  ASSERT_TRUE(raw.ok()) << raw.status();
  EXPECT_THAT(raw->table.names(), ElementsAre("age", "job"));
}

TEST_F(ReadRawTest, ReadsNoRows) {
  const auto raw = Read("a,b\n");
  ASSERT_TRUE(raw.ok()) << raw.status();
  EXPECT_EQ(raw->table.rows, 0);
  EXPECT_THAT(raw->table.names(), ElementsAre("a", "b"));
}

TEST_F(ReadRawTest, KeepsTextExactly) {
  ReadOptions options;
  options.columns = {{"id", ColumnKind::kId}};
  EXPECT_EQ(Rows("id,b\n9007199254740993,1\n0012,2\nč😀,3\n", options),
            (std::vector<std::string>{"9007199254740993|1", "0012|2", "č😀|3"}));
  options.trim = false;
  EXPECT_EQ(Rows("id,b\n x ,1\n", options), (std::vector<std::string>{" x |1"}));
}

TEST_F(ReadRawTest, ReadsOnlyWhatIsWanted) {
  const auto raw = Read("a,b,c\n1,2,3\n", {}, {"c"}, {"a", "z"});
  ASSERT_TRUE(raw.ok()) << raw.status();
  EXPECT_THAT(raw->table.names(), ElementsAre("a", "c"));
  EXPECT_EQ(Error("income,b\n1,2\n", {}, {"incme"}),
            "data.csv: line 1: no column is named \"incme\" (did you mean \"income\"?)");
}

TEST_F(ReadRawTest, ErrorsNameFileLineAndColumn) {
  EXPECT_EQ(Error(""), "data.csv: line 1, column 1: the file is empty");
  EXPECT_EQ(Error(" \n\n"), "data.csv: line 1, column 1: the file is empty");
  EXPECT_THAT(Error("a,b\n1,2\n\"x\ny\",2\n3\n"),
              StartsWith("data.csv: line 5, column 2 (b): the line has 1 field, 2 are expected"));
  EXPECT_THAT(Error("a,b\n1,2\n1,2,3\n"),
              StartsWith("data.csv: line 3, column 3: the line has 3 fields, 2 are expected"));
  EXPECT_THAT(Error("a,b\n1,caf\xE9\n"),
              StartsWith("data.csv: line 2, column 2 (b): byte 0xE9 is not UTF-8"));
  EXPECT_THAT(Error("a,caf\xE9\n1,2\n"),
              StartsWith("data.csv: line 1, column 2: byte 0xE9 is not UTF-8"));
  EXPECT_THAT(Error("\xFF\xFE"
                    "a\0,\0b\0"),
              HasSubstr("UTF-16"));
  EXPECT_THAT(Error("\x1F\x8B\x08 zip"), HasSubstr("compressed"));
  EXPECT_THAT(Error("a,b\n1,2\n3,\"x\n5,6\n"),
              StartsWith("data.csv: line 3, column 2 (b): the quote that opens here is never"));
  EXPECT_THAT(Error("a,b\n1,\"x\"y\n"),
              StartsWith("data.csv: line 2, column 2 (b): text follows the closing quote"));
  EXPECT_THAT(Error("a,a\n1,2\n"), HasSubstr("line 1, column 2: the header names \"a\" twice"));
  EXPECT_THAT(Error("a,\n1,2\n"), HasSubstr("column 2: the header has a column without a name"));
  EXPECT_THAT(Error("39,x\n40,y\n"), HasSubstr("looks like data, not like a header"));
  ReadOptions numeric;
  numeric.columns = {{"b", ColumnKind::kNumeric}};
  EXPECT_THAT(Error("a,b\n\"x\n\",1\ny,abc\n", numeric),
              StartsWith("data.csv: line 4, column 2 (b): \"abc\" is not a number; add it to "
                         "read.nulls"));
  EXPECT_THAT(Error("a,b\nx,inf\n", numeric), HasSubstr("\"inf\" is not a number"));
  EXPECT_THAT(Error("a,c\n1,2\n", numeric),
              StartsWith("data.csv: line 1: no column is named \"b\""));
}

TEST_F(ReadRawTest, MissingFile) {
  const auto raw = ReadRaw(folder_.path() / "none", "@census.csv", {}, {}, {}, {});
  ASSERT_FALSE(raw.ok());
  EXPECT_EQ(raw.status().code(), StatusCode::kNotFound);
  EXPECT_EQ(raw.status().message(), "@census.csv: no such file");
}

TEST_F(ReadRawTest, WhereFindsTheLineOfEveryRow) {
  ReadOptions options;
  options.comment = '#';
  const auto raw = Read("a,b\n1,\"x\n\ny\"\n\n# no row\n2,z\n", options);
  ASSERT_TRUE(raw.ok()) << raw.status();
  ASSERT_EQ(raw->table.rows, 2);
  EXPECT_EQ(raw->Where(0, "b"), "data.csv: line 2, column 2 (b)");
  EXPECT_EQ(raw->Where(1, "a"), "data.csv: line 7, column 1 (a)");
}

TEST_F(ReadRawTest, ReadsAFolderOfFiles) {
  folder_.Write("in/part[1]*.csv", "a,b\n1,x\n");
  folder_.Write("in/part[2].csv", "a,b\n2,y\n3,x\n");
  folder_.Write("in/.hidden", "junk");
  auto raw = ReadRaw(folder_.path() / "in", "days", {}, {}, {}, {});
  ASSERT_TRUE(raw.ok()) << raw.status();
  ASSERT_EQ(raw->table.rows, 3);
  EXPECT_THAT(raw->table.columns[0].numbers, ElementsAre(1, 2, 3));
  EXPECT_THAT(raw->table.columns[1].strings.codes, ElementsAre(0, 1, 0));
  EXPECT_EQ(raw->Where(2, "a"), "days/part[2].csv: line 3, column 1 (a)");
  folder_.Write("in/part[3].csv", "a,c\n2,y\n");
  raw = ReadRaw(folder_.path() / "in", "days", {}, {}, {}, {});
  ASSERT_FALSE(raw.ok());
  EXPECT_THAT(raw.status().message(), StartsWith("days/part[3].csv: its columns (a, c) differ"));
}

TEST_F(ReadRawTest, ReadsJson) {
  const std::vector<std::string> expected = {"1|x", "<missing>|y"};
  EXPECT_EQ(Rows("[{\"a\": 1, \"b\": \"x\"}, {\"a\": null, \"b\": \"y\"}]"), expected);
  EXPECT_EQ(Rows("{\"a\": 1, \"b\": \"x\"}\n{\"b\": \"y\"}\n"), expected);
  EXPECT_THAT(Error("{\"a\": 1}\n{\"a\": \n"), StartsWith("data.csv: cannot be read:"));
  EXPECT_THAT(Error("{\"a\": [1, 2]}\n"), HasSubstr("column \"a\" holds lists"));
}

TEST_F(ReadRawTest, ReadsManyRowsInOrder) {
  std::string bytes = "i,t\n";
  for (int i = 0; i < 200'000; ++i) {
    bytes += std::to_string(i) + ",\"row\n" + std::to_string(i % 1'000) + "\"\n";
  }
  folder_.Write("big", bytes);
  const auto raw =
      ReadRaw(folder_.path() / "big", "big.csv", {}, {}, {}, TableOptions{.threads = 4});
  ASSERT_TRUE(raw.ok()) << raw.status();
  ASSERT_EQ(raw->table.rows, 200'000);
  EXPECT_EQ(raw->table.columns[1].strings.dictionary.size(), 1'000u);
  for (std::size_t i = 0; i < 200'000; ++i) {
    ASSERT_EQ(raw->table.columns[0].numbers[i], static_cast<double>(i));
  }
  EXPECT_EQ(raw->Where(199'999, "i"), "big.csv: line 400000, column 1 (i)");
}

TEST_F(ReadRawTest, StopsWhenAsked) {
  TableOptions options;
  options.cancelled = [] { return true; };
  folder_.Write("a.csv", "a\n1\n");
  const auto raw = ReadRaw(folder_.path() / "a.csv", "a.csv", {}, {}, {}, options);
  ASSERT_FALSE(raw.ok());
  EXPECT_EQ(raw.status().code(), StatusCode::kCancelled);
}

TEST(ReadRealData, AdultAndAbalone) {
  const auto data = RealData();
  if (data.empty()) GTEST_SKIP() << "../shared/data is absent";
  ReadOptions options;
  options.nulls = {"?"};
  options.header = false;
  const auto adult = ReadRaw(data / "adult/adult.data", "adult.data", options, {}, {}, {});
  ASSERT_TRUE(adult.ok()) << adult.status();
  EXPECT_EQ(adult->table.rows, 32'561);
  ASSERT_EQ(adult->table.columns.size(), 15u);
  EXPECT_EQ(adult->table.columns[1].strings.dictionary.size(), 8u);
  EXPECT_EQ(adult->table.columns[14].strings.dictionary.size(), 2u);
  int64_t missing = 0;
  for (const int32_t code : adult->table.columns[1].strings.codes) missing += code < 0 ? 1 : 0;
  EXPECT_EQ(missing, 1'836);  // grep -c of "^[0-9]*, ?"
  const auto abalone = ReadRaw(data / "abalone/abalone.csv", "abalone.csv", {}, {}, {}, {});
  ASSERT_TRUE(abalone.ok()) << abalone.status();
  EXPECT_EQ(abalone->table.rows, 4'177);
  EXPECT_EQ(abalone->table.columns[0].info.kind, ColumnKind::kCategorical);
  EXPECT_EQ(abalone->table.columns[8].info.kind, ColumnKind::kNumeric);
}

TEST(ParseNumber, AcceptsWhatCsvWrites) {
  EXPECT_EQ(ParseNumber(" 1.5 "), 1.5);
  EXPECT_EQ(ParseNumber("+2"), 2);
  EXPECT_EQ(ParseNumber("-.5e3"), -500);
  EXPECT_EQ(ParseNumber("0.1"), 0.1);
  for (const char* text :
       {"", " ", "-", "+-1", "1,5", "0x10", "nan", "inf", "-inf", "1e", "1 2", "1e999", "."}) {
    EXPECT_FALSE(ParseNumber(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace penstock

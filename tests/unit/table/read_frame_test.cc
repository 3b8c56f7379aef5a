#include "steps/table/read_frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"
#include "table_files.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class ReadFrameTest : public testing::Test {
 protected:
  Result<RawFrame> Read(const std::vector<std::string>& names, const ReadOptions& options = {},
                        int threads = 2, int64_t budget = 1 << 20) {
    std::vector<DataSource> sources;
    for (const std::string& name : names) sources.push_back({folder_.path() / name, name});
    FrameOptions frame;
    frame.table.threads = threads;
    frame.table.memory_bytes = 512 << 20;
    frame.memory_bytes = budget;
    frame.scratch = scratch_.path();
    return ReadFrame(sources, options, {}, {}, frame);
  }

  // A column's values as text, in order.
  static std::vector<std::string> Values(const Frame& frame, const std::string& name) {
    std::vector<std::string> values;
    for (int64_t block = 0; block < frame.blocks(); ++block) {
      EXPECT_TRUE(frame
                      .Visit(block, {name},
                             [&](int64_t, const Table& table) {
                               const Column& column = *table.Find(name);
                               for (int64_t i = 0; i < table.rows; ++i) {
                                 const auto row = static_cast<std::size_t>(i);
                                 values.push_back(column.missing(row) ? "<missing>"
                                                                      : column.text(row));
                               }
                               return Status::Ok();
                             })
                      .ok());
    }
    return values;
  }
  // Its bits, where it is of numbers.
  static std::vector<uint64_t> Bits(const Column& column) {
    std::vector<uint64_t> bits(column.numbers.size());
    std::memcpy(bits.data(), column.numbers.data(), bits.size() * sizeof(uint64_t));
    return bits;
  }

  TestFolder folder_;
  TestFolder scratch_;
};

// 300,000 rows: more than two blocks. Every 1,000th number is missing.
std::string ManyRows(const std::string& line_end, int from = 0) {
  std::string bytes = "i,x,t" + line_end;
  for (int i = from; i < from + 300'000; ++i) {
    bytes += std::to_string(i) + "," + (i % 1'000 == 7 ? "" : std::to_string(i) + ".25") + ",t" +
             std::to_string(i * 7 % 1'013) + line_end;
  }
  return bytes;
}

TEST_F(ReadFrameTest, ReadsTheSameBlocksWhateverTheThreadsAndTheBudget) {
  folder_.Write("many.csv", ManyRows("\n"));
  for (const auto& [threads, budget] : {std::pair{1, 1 << 20}, {4, 0}, {2, 1}}) {
    const auto raw = Read({"many.csv"}, {}, threads, budget);
    ASSERT_TRUE(raw.ok()) << raw.status();
    ASSERT_EQ(raw->frame.rows(), 300'000);
    ASSERT_EQ(raw->frame.blocks(), 3);
    EXPECT_EQ(raw->frame.first_row(1), kBlockRows);
    EXPECT_EQ(raw->frame.first_row(2), 2 * kBlockRows);
    const auto i = Values(raw->frame, "i");
    const auto x = Values(raw->frame, "x");
    const auto t = Values(raw->frame, "t");
    for (std::size_t row = 0; row < i.size(); ++row) {
      ASSERT_EQ(i[row], std::to_string(row));
      ASSERT_EQ(x[row], row % 1'000 == 7 ? "<missing>" : std::to_string(row) + ".25");
      ASSERT_EQ(t[row], "t" + std::to_string(row * 7 % 1'013));
    }
    EXPECT_TRUE(raw->frame.Find("x")->nullable);
    EXPECT_FALSE(raw->frame.Find("t")->nullable);
    EXPECT_EQ(raw->Where(299'999, "x"), "many.csv: line 300001, column 2 (x)");
  }
}

TEST_F(ReadFrameTest, BlocksGoAcrossFiles) {
  folder_.Write("a/1.csv", ManyRows("\n"));
  folder_.Write("a/2.csv", ManyRows("\r\n", 300'000));
  folder_.Write("3.csv", "i,x,t\n600000,1,x\n");
  const auto raw = Read({"a", "3.csv"});
  ASSERT_TRUE(raw.ok()) << raw.status();
  ASSERT_EQ(raw->frame.rows(), 600'001);
  EXPECT_EQ(raw->frame.blocks(), 5);
  EXPECT_EQ(raw->frame.first_row(4), 4 * kBlockRows);
  const auto i = Values(raw->frame, "i");
  for (std::size_t row = 0; row < i.size(); ++row) ASSERT_EQ(i[row], std::to_string(row));
  EXPECT_EQ(raw->Where(300'000, "i"), "a/2.csv: line 2, column 1 (i)");
  EXPECT_EQ(raw->Where(600'000, "t"), "3.csv: line 2, column 3 (t)");
}

TEST_F(ReadFrameTest, ATextFarBelowMakesTheWholeColumnTextsAsTheyStand) {
  std::string bytes = ManyRows("\n");
  folder_.Write("a/1.csv", "i,x,t\n1.50,007,2\n");
  folder_.Write("a/2.csv", bytes + "none,1e3,+5\n");
  folder_.Write("a/3.csv", "i,x,t\n3,0x1F,4\n");
  const auto raw = Read({"a"});
  ASSERT_TRUE(raw.ok()) << raw.status();
  ASSERT_EQ(raw->frame.rows(), 300'003);
  EXPECT_EQ(raw->frame.Find("i")->kind, ColumnKind::kCategorical);
  const auto i = Values(raw->frame, "i");
  EXPECT_EQ(i[0], "1.50");
  EXPECT_EQ(i[1], "0");
  EXPECT_EQ(i[300'001], "none");
  EXPECT_EQ(i[300'002], "3");
  const auto x = Values(raw->frame, "x");
  EXPECT_EQ(x[0], "007");
  EXPECT_EQ(x[1], "0.25");
  EXPECT_EQ(x[300'001], "1e3");
  EXPECT_EQ(x[300'002], "0x1F");
  EXPECT_EQ(raw->frame.Find("t")->kind, ColumnKind::kCategorical);
}

// Each of these columns turns out to be of texts in another place.
TEST_F(ReadFrameTest, ManyColumnsMayTurnOutToBeTexts) {
  std::string bytes;
  for (int j = 0; j < 20; ++j) bytes += (j > 0 ? ",c" : "c") + std::to_string(j);
  for (int i = 0; i < 4'000; ++i) {
    bytes += "\n";
    for (int j = 0; j < 20; ++j) {
      bytes += (j > 0 ? "," : "") + (i == 200 + 150 * j ? "x" : std::to_string(i) + ".0");
    }
  }
  folder_.Write("a.csv", bytes);
  const auto raw = Read({"a.csv"});
  ASSERT_TRUE(raw.ok()) << raw.status();
  ASSERT_EQ(raw->frame.rows(), 4'000);
  for (int j = 0; j < 20; ++j) {
    const auto values = Values(raw->frame, "c" + std::to_string(j));
    EXPECT_EQ(values[3], "3.0");
    EXPECT_EQ(values[static_cast<std::size_t>(200 + 150 * j)], "x");
  }
}

TEST_F(ReadFrameTest, AGivenKindIsNoGuess) {
  folder_.Write("a.csv", ManyRows("\n") + "300000,abc,t\n");
  ReadOptions options;
  options.columns = {{"x", ColumnKind::kNumeric}};
  for (const int threads : {1, 4}) {
    const auto raw = Read({"a.csv"}, options, threads);
    ASSERT_FALSE(raw.ok());
    EXPECT_THAT(raw.status().message(),
                StartsWith("a.csv: line 300002, column 2 (x): \"abc\" is not a number; add it"));
  }
  // What is wrong before it comes first.
  folder_.Write("a.csv", ManyRows("\n") + "1,2\n300000,abc,t\n");
  EXPECT_THAT(Read({"a.csv"}, options).status().message(),
              StartsWith("a.csv: line 300002, column 3 (t): the line has 2 fields"));
}

TEST_F(ReadFrameTest, NumbersOfAllKindsOfFilesGoTogether) {
  folder_.Write("a.csv", "x,y\n1.5,2\n");
  folder_.Write("b.json", "[{\"x\": 2, \"y\": true}]");
  const auto raw = Read({"a.csv", "b.json"});
  ASSERT_TRUE(raw.ok()) << raw.status();
  EXPECT_EQ(raw->frame.Find("x")->type, ColumnType::kDouble);
  EXPECT_THAT(Values(raw->frame, "x"), ElementsAre("1.5", "2"));
  EXPECT_THAT(Values(raw->frame, "y"), ElementsAre("2", "1"));
  folder_.Write("c.json", "[{\"x\": \"two\", \"y\": 3}]");
  const auto mixed = Read({"b.json", "c.json", "a.csv"});
  ASSERT_TRUE(mixed.ok()) << mixed.status();
  EXPECT_THAT(Values(mixed->frame, "x"), ElementsAre("2", "two", "1.5"));
}

// DuckDB reads numbers itself where that gives what ParseNumber gives. A quoted text elsewhere in
// the file makes it give texts instead: both must come to the same, bit for bit.
TEST_F(ReadFrameTest, NumbersAreTheSameWhoeverParsesThem) {
  const std::vector<std::string> texts = {
      "+5",
      " 5 ",
      "\t5",
      "1_000",
      "_1",
      "1_",
      "0x10",
      "inf",
      "-inf",
      "nan",
      "NaN",
      "1e999",
      "1e-400",
      "1e-320",
      ".5",
      "5.",
      ".",
      "-",
      "+",
      "+-1",
      "-+1",
      "- 1",
      "1e",
      "1E5",
      "1e+5",
      "1d5",
      "1.5.2",
      "true",
      "5f",
      "",
      " ",
      "  ",
      "00012",
      "1 000",
      "1_0.5",
      "1e1_0",
      "-0",
      "--5",
      "0.1",
      "null",
      "?",
      " ?",
      "? ",
      "NA",
      "+.5",
      "1.e3",
      "e5",
      "٣",
      "\v5",
      "5\f",
      "5\v6",
      "2.4e-324",
      "2.5e-324",
      "9007199254740993",
      "1.7976931348623159e308",
      "0.1000000000000000055511151231257827021181583404541015625",
      "123456789012345678901234567890",
      "1e0000000000000000000000001",
      "\xC2\xA0"
      "5",
      "-.5e-3",
      "5 6",
      "(5)",
      "$5",
      "5%",
      "1,5"};
  ReadOptions options;
  options.nulls = {"?"};
  options.delimiter = ';';
  for (const bool trim : {true, false}) {
    options.trim = trim;
    for (const std::string& text : texts) {
      std::string plain = "i;v;t\n";
      for (int i = 0; i < 300; ++i) {
        plain += std::to_string(i) + ";" + (i == 222 ? text : std::to_string(i) + ".5") + ";a\n";
      }
      folder_.Write("plain.csv", plain);
      folder_.Write("quoted.csv", plain + "300;1;\"b\"\n");
      folder_.Write("scanned.csv", plain + "300;1;b\r\n");
      const auto one = Read({"plain.csv"}, options);
      const auto two = Read({"quoted.csv"}, options);
      const auto three = Read({"scanned.csv"}, options);
      ASSERT_TRUE(one.ok() && two.ok() && three.ok()) << text << one.status() << two.status();
      EXPECT_EQ(one->frame.Find("v")->kind, two->frame.Find("v")->kind) << text;
      EXPECT_EQ(two->frame.Find("v")->kind, three->frame.Find("v")->kind) << text;
      auto values = Values(two->frame, "v");
      EXPECT_EQ(values, Values(three->frame, "v")) << text;
      values.pop_back();
      EXPECT_EQ(Values(one->frame, "v"), values) << text;
      const std::optional<double> number = ParseNumber(text);
      EXPECT_EQ(one->frame.Find("v")->kind == ColumnKind::kNumeric,
                number || text.empty() || text == "?" ||
                    (trim && (text.find_first_not_of(' ') == std::string::npos || text == " ?" ||
                              text == "? ")))
          << text;
    }
  }
}

TEST_F(ReadFrameTest, RandomNumbersAreTheSameWhoeverParsesThem) {
  static const std::string kBytes = "0123456789012345678901234567890123456789..--+eE _inf";
  SeededRandom random(5);
  for (int round = 0; round < 40; ++round) {
    std::string bytes = "i,v\n";
    for (int i = 0; i < 200; ++i) {
      std::string text;
      if (round < 20 || i < 120) {
        // Any double at all, or one of many digits.
        const uint64_t bits = random.Next();
        double value = 0;
        std::memcpy(&value, &bits, sizeof value);
        if (!std::isfinite(value)) value = 0.5;
        char digits[64];
        std::snprintf(digits, sizeof digits,
                      i % 3 == 0   ? "%.17g"
                      : i % 3 == 1 ? "%.25e"
                                   : "%.4g",
                      value);
        text = digits;
      } else {
        for (uint64_t n = random.Next() % 8; n > 0; --n) text += kBytes[random.Next() % 52];
      }
      bytes += std::to_string(i) + "," + text + "\n";
    }
    folder_.Write("plain.csv", bytes);
    folder_.Write("quoted.csv", bytes + "\"200\",1\n");
    const auto one = ReadRaw(folder_.path() / "plain.csv", "plain.csv", {}, {}, {}, {});
    const auto two = ReadRaw(folder_.path() / "quoted.csv", "quoted.csv", {}, {}, {}, {});
    ASSERT_TRUE(one.ok() && two.ok()) << bytes;
    const Column& a = one->table.columns[1];
    const Column& b = two->table.columns[1];
    ASSERT_EQ(a.info.kind, b.info.kind) << bytes;
    for (std::size_t i = 0; i < 200; ++i) ASSERT_EQ(a.text(i), b.text(i));
    if (a.is_text()) continue;
    auto bits = Bits(b);
    bits.pop_back();
    ASSERT_EQ(Bits(a), bits) << bytes;
  }
}

TEST_F(ReadFrameTest, WideTablesHaveShorterBlocks) {
  EXPECT_EQ(BlockRows(0), kBlockRows);
  EXPECT_EQ(BlockRows(100), kBlockRows);
  EXPECT_EQ(BlockRows(1'000), 16'384);
  EXPECT_EQ(BlockRows(1'000'000), 2'048);
  std::string bytes;
  for (int i = 0; i <= 5'000; ++i) {
    for (int j = 0; j < 1'500; ++j) {
      bytes += (j > 0 ? "," : "") + (i == 0 ? "c" + std::to_string(j) : std::to_string(j % 10));
    }
    bytes += "\n";
  }
  folder_.Write("wide.csv", bytes);
  const auto raw = Read({"wide.csv"});
  ASSERT_TRUE(raw.ok()) << raw.status();
  EXPECT_EQ(raw->frame.rows(), 5'000);
  EXPECT_EQ(raw->frame.blocks(), 1);
}

TEST_F(ReadFrameTest, SourcesMustHaveTheSameColumns) {
  folder_.Write("a.csv", "x,y\n1,2\n");
  folder_.Write("b.csv", "y,x\n1,2\n");
  EXPECT_THAT(Read({"a.csv", "b.csv"}).status().message(),
              StartsWith("b.csv: its columns (y, x) differ from those of a.csv (x, y)"));
}

TEST_F(ReadFrameTest, NoRowsStillHaveColumns) {
  folder_.Write("a.csv", "x,y\n");
  const auto raw = Read({"a.csv", "a.csv"});
  ASSERT_TRUE(raw.ok()) << raw.status();
  EXPECT_EQ(raw->frame.rows(), 0);
  EXPECT_EQ(raw->frame.columns().size(), 2U);
}

}  // namespace
}  // namespace penstock

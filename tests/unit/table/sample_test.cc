#include "steps/table/sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "steps/table/export.h"
#include "steps/table/show.h"
#include "table_files.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class SampleTest : public testing::Test {
 protected:
  Result<Sampled> Sample(const std::string& name, int64_t rows, const ReadOptions& options = {},
                         uint64_t seed = 1) {
    std::filesystem::remove_all(Out());
    FrameOptions frame;
    frame.scratch = folder_.path();
    return SampleData({folder_.path() / name, name}, options, rows, seed, frame, Out());
  }
  std::filesystem::path Out() const { return folder_.path() / "sample"; }

  // The whole and the sample as they are read; each row of the second is one of the first's.
  void ExpectSubset(const std::string& name, const ReadOptions& options, int64_t rows) {
    const auto whole = ReadRaw(folder_.path() / name, name, options, {}, {}, {});
    const auto part = ReadRaw(Out(), name, options, {}, {}, {});
    ASSERT_TRUE(whole.ok()) << whole.status();
    ASSERT_TRUE(part.ok()) << part.status();
    EXPECT_EQ(part->table.names(), whole->table.names());
    EXPECT_EQ(part->table.rows, rows);
    const std::vector<std::string> all = Rows(whole->table);
    auto from = all.begin();
    for (const std::string& row : Rows(part->table)) {
      from = std::find(from, all.end(), row);
      ASSERT_NE(from, all.end()) << row << " is no row, or comes out of order";
      ++from;
    }
  }
  static std::vector<std::string> Rows(const Table& table) {
    std::vector<std::string> rows;
    for (int64_t i = 0; i < table.rows; ++i) {
      std::string row;
      for (const Column& column : table.columns) {
        row += column.missing(static_cast<std::size_t>(i))
                   ? "-|"
                   : column.text(static_cast<std::size_t>(i)) + "|";
      }
      rows.push_back(row);
    }
    return rows;
  }
  static std::string Csv(int rows) {
    std::string csv = "n,text\n";
    for (int i = 1; i <= rows; ++i) {
      csv += std::to_string(i) + ",\"line one\nof " + std::to_string(i) + "\"\n";
    }
    return csv;
  }
  TestFolder folder_;
};

TEST(DrawRowsTest, DrawsEachRowOnceAndTheSameForASeed) {
  const std::vector<int64_t> drawn = DrawRows(1'000, 100, 7);
  EXPECT_EQ(drawn.size(), 100U);
  EXPECT_TRUE(std::is_sorted(drawn.begin(), drawn.end()));
  EXPECT_EQ(std::set<int64_t>(drawn.begin(), drawn.end()).size(), 100U);
  EXPECT_GE(drawn.front(), 0);
  EXPECT_LT(drawn.back(), 1'000);
  EXPECT_EQ(drawn, DrawRows(1'000, 100, 7));
  EXPECT_NE(drawn, DrawRows(1'000, 100, 8));
  EXPECT_THAT(DrawRows(3, 5, 1), ElementsAre(0, 1, 2));
  EXPECT_TRUE(DrawRows(0, 5, 1).empty());
}

// Of many draws, each row comes about as often.
TEST(DrawRowsTest, DrawsEvenly) {
  std::vector<int> times(10);
  for (uint64_t seed = 0; seed < 10'000; ++seed) {
    for (const int64_t row : DrawRows(10, 3, seed)) ++times[static_cast<std::size_t>(row)];
  }
  // 3,000 expected; a standard deviation is 46.
  for (const int count : times) EXPECT_NEAR(count, 3'000, 250);
}

TEST_F(SampleTest, TakesWholeRecordsWithTheirBytes) {
  folder_.Write("a.csv", Csv(50));
  const auto sampled = Sample("a.csv", 5);
  ASSERT_TRUE(sampled.ok()) << sampled.status();
  EXPECT_EQ(sampled->rows, 5);
  EXPECT_EQ(sampled->total, 50);
  EXPECT_FALSE(sampled->whole);
  EXPECT_THAT(ReadBytes(Out()), StartsWith("n,text\n"));
  ExpectSubset("a.csv", {}, 5);
}

TEST_F(SampleTest, NothingIsWrittenWhereAllRowsAreWanted) {
  folder_.Write("a.csv", Csv(5));
  const auto sampled = Sample("a.csv", 5);
  ASSERT_TRUE(sampled.ok()) << sampled.status();
  EXPECT_TRUE(sampled->whole);
  EXPECT_EQ(sampled->rows, 5);
  EXPECT_FALSE(std::filesystem::exists(Out()));
}

TEST_F(SampleTest, KeepsTheDialectAndWhatStandsBeforeTheRows) {
  std::string bytes = "# made by hand\nexported today\nname;n\n";
  for (int i = 0; i < 30; ++i) {
    bytes += "# a remark\n'a''s; " + std::to_string(i) + "';" + std::to_string(i) + "\n";
  }
  folder_.Write("a.txt", bytes);
  ReadOptions options;
  options.format = FileFormat::kCsv;
  options.delimiter = ';';
  options.quote = '\'';
  options.comment = '#';
  options.skip_lines = 2;
  ASSERT_TRUE(Sample("a.txt", 4, options).ok());
  EXPECT_THAT(ReadBytes(Out()), StartsWith("# made by hand\nexported today\nname;n\n"));
  ExpectSubset("a.txt", options, 4);
}

TEST_F(SampleTest, ReadsTheWholeWithoutAHeaderAsTheWholeIsRead) {
  std::string bytes;
  for (int i = 0; i < 20; ++i) bytes += std::to_string(i) + ",x\n";
  folder_.Write("a.csv", bytes + "20,y");  // and no line end
  ReadOptions options;
  options.header = false;
  ASSERT_TRUE(Sample("a.csv", 15, options, 3).ok());
  ExpectSubset("a.csv", options, 15);
}

// In a file of one column a blank line is a row.
TEST_F(SampleTest, BlankLinesOfOneColumnAreRows) {
  folder_.Write("a.csv", "x\n1\n\n3\n\n5\n");
  const auto sampled = Sample("a.csv", 3);
  ASSERT_TRUE(sampled.ok()) << sampled.status();
  EXPECT_EQ(sampled->total, 5);
  ExpectSubset("a.csv", {}, 3);
}

TEST_F(SampleTest, KeepsEncodingAndCompression) {
  std::string latin =
      "stra\xDF"
      "e,n\n";
  for (int i = 0; i < 20; ++i)
    latin += "gr\xFCn" + std::to_string(i) + "," + std::to_string(i) + "\n";
  folder_.Write("a.csv", latin);
  ReadOptions options;
  options.encoding = "latin-1";
  ASSERT_TRUE(Sample("a.csv", 3, options).ok());
  EXPECT_THAT(ReadBytes(Out()), AllOf(HasSubstr("stra\xDF"
                                                "e"),
                                      HasSubstr("gr\xFCn")));
  ExpectSubset("a.csv", options, 3);

  for (const FileCompression compression : {FileCompression::kGzip, FileCompression::kZstd}) {
    FrameOptions frame;
    frame.scratch = folder_.path();
    ASSERT_TRUE(ExportData({folder_.path() / "a.csv", "a.csv"}, options, folder_.path() / "packed",
                           ExportForm::kCsv, compression, frame)
                    .ok());
    ReadOptions packed;
    packed.compression = compression;  // what is not so compressed is refused
    ASSERT_TRUE(Sample("packed", 3, packed).ok());
    ExpectSubset("packed", packed, 3);
  }
}

TEST_F(SampleTest, SamplesJsonInEitherForm) {
  std::string list = "[";
  std::string lines;
  for (int i = 0; i < 30; ++i) {
    const std::string row =
        "{\"n\": " + std::to_string(i) + ", \"t\": \"a } ] , \\\" " + std::to_string(i) + "\"}";
    list += (i > 0 ? ",\n " : "") + row;
    lines += row + "\n";
  }
  folder_.Write("a.json", list + "]");
  ASSERT_TRUE(Sample("a.json", 4).ok());
  ExpectSubset("a.json", {}, 4);
  folder_.Write("a.jsonl", lines);
  ASSERT_TRUE(Sample("a.jsonl", 4).ok());
  ExpectSubset("a.jsonl", {}, 4);
}

TEST_F(SampleTest, SamplesSvmLight) {
  std::string bytes = "# label and features\n";
  for (int i = 0; i < 20; ++i)
    bytes += std::to_string(i % 2) + " 1:" + std::to_string(i) + " 3:1\n";
  folder_.Write("a.svm", bytes);
  const auto sampled = Sample("a.svm", 4);
  ASSERT_TRUE(sampled.ok()) << sampled.status();
  EXPECT_EQ(sampled->total, 20);
  ExpectSubset("a.svm", {}, 4);
}

TEST_F(SampleTest, SamplesParquetWithItsTypes) {
  FrameOptions frame;
  frame.scratch = folder_.path();
  folder_.Write("a.csv", Csv(100));
  ASSERT_TRUE(ExportData({folder_.path() / "a.csv", "a.csv"}, {}, folder_.path() / "a.parquet",
                         ExportForm::kParquet, FileCompression::kNone, frame)
                  .ok());
  const auto sampled = Sample("a.parquet", 6);
  ASSERT_TRUE(sampled.ok()) << sampled.status();
  EXPECT_EQ(sampled->total, 100);
  ExpectSubset("a.parquet", {}, 6);
}

TEST_F(SampleTest, DrawsFromAllFilesOfAFolder) {
  folder_.Write("days/mon.csv", Csv(40));
  folder_.Write("days/tue.csv", Csv(60));
  folder_.Write("days/_SUCCESS", "");
  const auto sampled = Sample("days", 10);
  ASSERT_TRUE(sampled.ok()) << sampled.status();
  EXPECT_EQ(sampled->total, 100);
  EXPECT_TRUE(std::filesystem::exists(Out() / "mon.csv"));
  EXPECT_TRUE(std::filesystem::exists(Out() / "tue.csv"));
  ExpectSubset("days", {}, 10);
  // One row: the other file has only its header.
  ASSERT_TRUE(Sample("days", 1).ok());
  ExpectSubset("days", {}, 1);
}

TEST_F(SampleTest, ADatasetKeepsWhatItSaysOfItself) {
  std::vector<double> numbers;
  std::vector<std::string> texts;
  std::vector<bool> present;
  for (int i = 0; i < 50; ++i) {
    numbers.push_back(i % 7 == 0 ? kMissing : i);
    texts.push_back(i % 2 == 0 ? "yes" : "no");
    present.push_back(i % 5 != 0);
  }
  Table table;
  table.rows = 50;
  table.columns = {MakeNumberColumn("n", numbers, ColumnType::kDouble),
                   MakeStringColumn("why \"so\"?\n🙂", texts, ColumnKind::kCategorical, present),
                   MakeStringColumn("y", texts)};
  DatasetInfo info;
  info.roles.label = "y";
  info.label = {LabelInfo::Kind::kClasses, {"no", "yes"}, "yes"};
  ASSERT_TRUE(WriteDataset(folder_.path() / "data", table, info, {}).ok());
  folder_.Write("data/transform/transform.json", "{}");
  const auto sampled = Sample("data", 10);
  ASSERT_TRUE(sampled.ok()) << sampled.status();
  const auto read = ReadDatasetInfo(Out(), "sample");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->rows, 10);
  EXPECT_EQ(read->roles, info.roles);
  EXPECT_EQ(read->label, info.label);
  EXPECT_TRUE(std::filesystem::exists(Out() / "transform/transform.json"));
  ExpectSubset("data", {}, 10);
}

TEST_F(SampleTest, MessagesNameThePlacesOfTheWhole) {
  folder_.Write("a.csv", Csv(100));
  const auto sampled = Sample("a.csv", 5);
  ASSERT_TRUE(sampled.ok()) << sampled.status();
  const auto part = ReadRaw(Out(), "a.csv", {}, {}, {}, {});
  const auto whole = ReadRaw(folder_.path() / "a.csv", "a.csv", {}, {}, {}, {});
  ASSERT_TRUE(part.ok() && whole.ok());
  for (int64_t row = 0; row < 5; ++row) {
    const int64_t original =
        static_cast<int64_t>(part->table.Find("n")->numbers[static_cast<std::size_t>(row)]) - 1;
    EXPECT_EQ(sampled->places.Restore("oh: " + part->Where(row, "n") + ": is wrong"),
              "oh: " + whole->Where(original, "n") + ": is wrong");
    // The second line of a record of two.
    const std::string second = "a.csv: line " + std::to_string(3 + 2 * row) + ".";
    EXPECT_EQ(sampled->places.Restore(second),
              "a.csv: line " + std::to_string(3 + 2 * original) + ".");
    EXPECT_EQ(sampled->places.Restore("a.csv: row " + std::to_string(row + 1)),
              "a.csv: row " + std::to_string(original + 1));
  }
  EXPECT_EQ(sampled->places.Restore("a.csv: line 1, b.csv: line 4, a.csv: no line"),
            "a.csv: line 1, b.csv: line 4, a.csv: no line");
}

TEST_F(SampleTest, SaysWhatCannotBeRead) {
  folder_.Write("empty.csv", "");
  EXPECT_THAT(Sample("empty.csv", 5).status().message(), HasSubstr("empty.csv"));
  EXPECT_EQ(Sample("none.csv", 5).status().code(), StatusCode::kNotFound);
  folder_.Write("cut.csv", "\x1F\x8B\x08\x00 and nothing else");
  EXPECT_THAT(Sample("cut.csv", 5).status().message(), HasSubstr("gzip"));
  folder_.Write("a.csv", Csv(3));
  EXPECT_EQ(Sample("a.csv", 0).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace penstock

#include "steps/table/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "steps/table/show.h"
#include "table_files.h"

namespace penstock {
namespace {

using testing::HasSubstr;

class ExportTest : public testing::Test {
 protected:
  Result<int64_t> Export(const std::string& from, const std::string& to, ExportForm form,
                         FileCompression compression = FileCompression::kNone, int64_t memory = 0) {
    FrameOptions frame;
    frame.scratch = folder_.path();
    frame.memory_bytes = memory;
    return ExportData({folder_.path() / from, from}, {}, folder_.path() / to, form, compression,
                      frame);
  }
  std::string Bytes(const std::string& name) { return ReadBytes(folder_.path() / name); }
  void WriteData(int64_t rows) {
    std::vector<double> numbers;
    std::vector<double> flags;
    std::vector<std::string> texts;
    for (int64_t i = 0; i < rows; ++i) {
      numbers.push_back(i == 1 ? kMissing : 0.1 * static_cast<double>(i));
      flags.push_back(static_cast<double>(i % 2));
      texts.push_back(i == 0 ? "a, \"b\"\nc" : "é🙂");
    }
    Table table;
    table.rows = rows;
    table.columns = {MakeNumberColumn("n", numbers),
                     MakeNumberColumn("f", flags, ColumnType::kBoolean),
                     MakeStringColumn("odd \"name\"", texts)};
    ASSERT_TRUE(WriteDataset(folder_.path() / "data", table, {}, {}).ok());
  }
  TestFolder folder_;
};

TEST_F(ExportTest, WritesCsvThatReadsBack) {
  WriteData(3);
  const auto rows = Export("data", "a.csv", ExportForm::kCsv);
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows, 3);
  EXPECT_EQ(Bytes("a.csv"),
            "n,f,\"odd \"\"name\"\"\"\n0.0,0,\"a, \"\"b\"\"\nc\"\n,1,é🙂\n0.2,0,é🙂\n");
  ASSERT_TRUE(Export("data", "a.tsv", ExportForm::kTsv).ok());
  EXPECT_THAT(Bytes("a.tsv"), HasSubstr("\n\t1\té🙂\n"));
}

TEST_F(ExportTest, WritesBothFormsOfJson) {
  WriteData(3);
  ASSERT_TRUE(Export("data", "a.jsonl", ExportForm::kJsonLines).ok());
  EXPECT_THAT(Bytes("a.jsonl"),
              testing::StartsWith(
                  "{\"n\":0.0,\"f\":0,\"odd \\\"name\\\"\":\"a, \\\"b\\\"\\nc\"}\n{\"n\":null,"));
  ASSERT_TRUE(Export("data", "a.json", ExportForm::kJson).ok());
  const Result<Json> list = ParseJson(Bytes("a.json"));
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ(list->size(), 3U);
  EXPECT_TRUE((*list)[1]["n"].is_null());
}

TEST_F(ExportTest, NothingIsLostBetweenForms) {
  WriteData(3);
  ASSERT_TRUE(Export("data", "a.csv", ExportForm::kCsv).ok());
  ASSERT_TRUE(Export("a.csv", "a.parquet", ExportForm::kParquet).ok());
  ASSERT_TRUE(Export("a.parquet", "b.jsonl", ExportForm::kJsonLines).ok());
  ASSERT_TRUE(Export("b.jsonl", "b.csv", ExportForm::kCsv).ok());
  EXPECT_EQ(Bytes("b.csv"), Bytes("a.csv"));
}

TEST_F(ExportTest, Compresses) {
  WriteData(1'000);
  ASSERT_TRUE(Export("data", "a.csv", ExportForm::kCsv).ok());
  ASSERT_TRUE(Export("data", "a.csv.gz", ExportForm::kCsv, FileCompression::kGzip).ok());
  ASSERT_TRUE(Export("data", "a.jsonl.zst", ExportForm::kJsonLines, FileCompression::kZstd).ok());
  EXPECT_EQ(Bytes("a.csv.gz").substr(0, 2), "\x1F\x8B");
  EXPECT_EQ(Bytes("a.jsonl.zst").substr(0, 4), "\x28\xB5\x2F\xFD");
  for (const char* packed : {"a.csv.gz", "a.jsonl.zst"}) {
    ASSERT_TRUE(Export(packed, "back.csv", ExportForm::kCsv).ok());
    EXPECT_EQ(Bytes("back.csv"), Bytes("a.csv")) << packed;
  }
}

TEST_F(ExportTest, ManyBlocksComeInTheirOrder) {
  std::string csv = "i,t\n";
  const int64_t rows = 2 * kBlockRows + 17;
  for (int64_t i = 0; i < rows; ++i) csv += std::to_string(i) + ",x" + std::to_string(i % 9) + "\n";
  folder_.Write("big.csv", csv);
  const auto written =
      Export("big.csv", "big.out.csv", ExportForm::kCsv, FileCompression::kNone, 1 << 20);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(*written, rows);
  const auto back = ReadRaw(folder_.path() / "big.out.csv", "big.out.csv", {}, {}, {}, {});
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_EQ(back->table.rows, rows);
  for (int64_t i = 0; i < rows; ++i) {
    ASSERT_EQ(back->table.columns[0].numbers[static_cast<std::size_t>(i)], static_cast<double>(i));
  }
}

TEST_F(ExportTest, NamesThatDifferInCaseAloneStayInCsvAndAreRefusedElsewhere) {
  Table table;
  table.rows = 2;
  table.columns = {MakeNumberColumn("A", {1, 2}), MakeNumberColumn("a", {3, kMissing})};
  ASSERT_TRUE(WriteDataset(folder_.path() / "data", table, {}, {}).ok());
  ASSERT_TRUE(Export("data", "a.csv", ExportForm::kCsv).ok());
  EXPECT_EQ(Bytes("a.csv"), "A,a\n1,3\n2,\n");
  for (const ExportForm form : {ExportForm::kJson, ExportForm::kJsonLines, ExportForm::kParquet}) {
    EXPECT_THAT(Export("data", "a.out", form).status().message(),
                HasSubstr("\"A\" and \"a\" differ in case alone"));
  }
}

TEST_F(ExportTest, NoRowsAreAnEmptyTable) {
  WriteData(0);
  ASSERT_TRUE(Export("data", "a.csv", ExportForm::kCsv).ok());
  EXPECT_EQ(Bytes("a.csv"), "n,f,\"odd \"\"name\"\"\"\n");
  ASSERT_TRUE(Export("data", "a.json", ExportForm::kJson).ok());
  EXPECT_EQ(ParseJson(Bytes("a.json")).value_or("bad"), Json::array());
  ASSERT_TRUE(Export("data", "a.parquet", ExportForm::kParquet).ok());
  EXPECT_EQ(ReadRaw(folder_.path() / "a.parquet", "a", {}, {}, {}, {})->table.names().size(), 3U);
  folder_.Write("h.csv", "x,y\n");
  ASSERT_TRUE(Export("h.csv", "h.out.csv", ExportForm::kCsv).ok());
  EXPECT_EQ(Bytes("h.out.csv"), "x,y\n");
}

TEST(ExportFormTest, NamesTheNearest) {
  EXPECT_THAT(ParseExportForm("parket").status().message(), HasSubstr("parquet"));
  EXPECT_EQ(ParseExportForm("jsonl").value(), ExportForm::kJsonLines);
}

}  // namespace
}  // namespace penstock

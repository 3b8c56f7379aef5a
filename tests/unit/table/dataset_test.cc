#include "steps/table/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "steps/table/read.h"
#include "steps/table/show.h"
#include "table_files.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Table Sample() {
  Table table;
  table.rows = 4;
  table.columns.push_back(MakeNumberColumn("age", {39, kMissing, 0.1, 1e300}));
  table.columns.push_back(MakeNumberColumn("is_male", {1, 0, kMissing, 1}, ColumnType::kBoolean));
  table.columns.push_back(
      MakeNumberColumn("hours", {40, 13, -7, 9007199254740992.0}, ColumnType::kInteger));
  table.columns.push_back(MakeStringColumn("name", {"Åsa, \"x\"", "", "b\nc", "d"}, ColumnKind::kId,
                                           {true, false, true, true}));
  table.columns.push_back(MakeStringColumn("income", {"low", "high", "low", "low"}));
  table.columns.push_back(MakeNumberColumn("w", {1, 2, 0, 0.5}));
  return table;
}

DatasetInfo SampleInfo() {
  DatasetInfo info;
  info.roles.label = "income";
  info.roles.weight = "w";
  info.roles.id = {"name"};
  info.label.kind = LabelInfo::Kind::kClasses;
  info.label.classes = {"low", "high"};
  info.label.positive = "high";
  info.transform_digest = std::string(64, 'a');
  return info;
}

class DatasetTest : public testing::Test {
 protected:
  TestFolder folder_;
  std::filesystem::path path_ = folder_.path() / "data";
};

TEST_F(DatasetTest, ReadsBackWhatWasWritten) {
  const Table table = Sample();
  ASSERT_TRUE(WriteDataset(path_, table, SampleInfo(), {}).ok());
  const auto info = ReadDatasetInfo(path_);
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->rows, 4);
  EXPECT_EQ(info->roles, SampleInfo().roles);
  EXPECT_EQ(info->label, SampleInfo().label);
  EXPECT_EQ(info->label.positive_index(), 1);
  EXPECT_EQ(info->transform_digest, std::string(64, 'a'));
  EXPECT_THAT(info->feature_names(), ElementsAre("age", "is_male", "hours"));
  const auto loaded = LoadDataset(path_, {}, {});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_EQ(loaded->rows, 4);
  ASSERT_EQ(loaded->columns.size(), table.columns.size());
  for (std::size_t j = 0; j < table.columns.size(); ++j) {
    EXPECT_EQ(loaded->columns[j].info, table.columns[j].info);
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(loaded->columns[j].missing(i), table.columns[j].missing(i)) << j << " " << i;
      EXPECT_EQ(loaded->columns[j].text(i), table.columns[j].text(i)) << j << " " << i;
    }
  }
}

TEST_F(DatasetTest, KeepsEveryBitOfNumbers) {
  std::vector<double> values = {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0,
                                0.0, -2.5,    1e-10,  123456789.123456789};
  Table table;
  table.rows = static_cast<int64_t>(values.size());
  table.columns.push_back(MakeNumberColumn("x", values));
  ASSERT_TRUE(WriteDataset(path_, table, {}, {}).ok());
  const auto features = LoadFeatures(path_, {}, {});
  ASSERT_TRUE(features.ok()) << features.status();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double read = features->columns[0][i];
    const double wrote = values[i] + 0.0;  // there is one zero
    EXPECT_EQ(std::memcmp(&read, &wrote, sizeof read), 0) << values[i];
  }
}

TEST_F(DatasetTest, SameContentSameBytesWhateverTheThreads) {
  Table table;
  table.rows = 300'000;  // more than two row groups
  std::vector<double> numbers;
  std::vector<std::string> texts;
  for (int64_t i = 0; i < table.rows; ++i) {
    numbers.push_back(i % 97 == 0 ? kMissing : static_cast<double>(i) * 0.37);
    texts.push_back("t" + std::to_string(i * i % 1'013));
  }
  table.columns.push_back(MakeNumberColumn("x", numbers));
  table.columns.push_back(MakeStringColumn("t", texts));
  for (const int threads : {1, 4, 2}) {
    const auto path = folder_.path() / std::to_string(threads);
    ASSERT_TRUE(WriteDataset(path, table, {}, TableOptions{.threads = threads}).ok());
    EXPECT_EQ(ReadBytes(path / "part-00000.parquet"),
              ReadBytes(folder_.path() / "1" / "part-00000.parquet"));
    EXPECT_EQ(ReadBytes(path / kDatasetFile), ReadBytes(folder_.path() / "1" / kDatasetFile));
    const auto loaded = LoadDataset(path, {"x"}, TableOptions{.threads = threads});
    ASSERT_TRUE(loaded.ok());
    for (std::size_t i = 1; i < numbers.size(); i += 1'001) {
      ASSERT_EQ(std::isnan(numbers[i]), loaded->columns[0].missing(i));
      if (!std::isnan(numbers[i])) {
        ASSERT_EQ(loaded->columns[0].numbers[i], numbers[i]);
      }
    }
  }
}

TEST_F(DatasetTest, WritesInPieces) {
  const Table sample = Sample();
  std::vector<ColumnInfo> columns;
  for (const Column& column : sample.columns) columns.push_back(column.info);
  const auto write = [&](int64_t index, int pieces) {
    const TableStream stream = [&, pieces]() mutable -> Result<std::optional<Table>> {
      if (pieces-- == 0) return std::optional<Table>();
      return std::optional<Table>(sample);
    };
    auto part = WriteDatasetPart(path_, index, columns, stream, {});
    EXPECT_TRUE(part.ok()) << part.status();
    return *part;
  };
  DatasetInfo info = SampleInfo();
  info.columns = columns;
  const WrittenPart second = write(1, 1);
  const WrittenPart first = write(0, 2);
  EXPECT_EQ(first.rows, 2 * sample.rows);
  info.parts = {first.file, second.file};
  info.rows = first.rows + second.rows;
  ASSERT_TRUE(WriteDatasetInfo(path_, info).ok());
  const auto loaded = LoadDataset(path_, {"income"}, {});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->rows, 3 * sample.rows);
  for (std::size_t i = 0; i < static_cast<std::size_t>(loaded->rows); ++i) {
    EXPECT_EQ(loaded->columns[0].text(i),
              sample.Find("income")->text(i % static_cast<std::size_t>(sample.rows)));
  }
  // No rows at all, and a stream that breaks.
  info.parts = {write(7, 0).file};
  info.rows = 0;
  ASSERT_TRUE(WriteDatasetInfo(path_, info).ok());
  const auto empty = LoadFeatures(path_, {}, {});
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_EQ(empty->rows, 0);
  EXPECT_THAT(empty->names, ElementsAre("age", "is_male", "hours"));
  const auto broken = WriteDatasetPart(
      path_, 9, columns, []() -> Result<std::optional<Table>> { return DataLoss("torn"); }, {});
  EXPECT_EQ(broken.status().message(), "torn");
}

TEST_F(DatasetTest, LoadsWhatTrainingNeeds) {
  ASSERT_TRUE(WriteDataset(path_, Sample(), SampleInfo(), {}).ok());
  const auto data = LoadLabelled(path_, {}, "train");
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(data->features.names, ElementsAre("age", "is_male", "hours"));
  EXPECT_EQ(data->features.rows, 4);
  EXPECT_TRUE(std::isnan(data->features.columns[0][1]));
  EXPECT_THAT(data->labels, ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(data->weights, ElementsAre(1, 2, 0, 0.5));
  const auto some = LoadLabelled(path_, {}, "train", {"hours", "age"});
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_THAT(some->features.names, ElementsAre("hours", "age"));
  EXPECT_THAT(some->features.columns[0], ElementsAre(40, 13, -7, 9007199254740992.0));
}

TEST_F(DatasetTest, RefusesWhatCannotBeTrainedOn) {
  const auto error = [&](const Table& table, const DatasetInfo& info) {
    std::filesystem::remove_all(path_);
    EXPECT_TRUE(WriteDataset(path_, table, info, {}).ok());
    const auto data = LoadLabelled(path_, {}, "train");
    return data.ok() ? std::string("loaded") : data.status().message();
  };
  DatasetInfo info = SampleInfo();
  info.roles.label.clear();
  EXPECT_EQ(error(Sample(), info),
            "train: the dataset has no label; name it in `process` as roles.label");
  info = SampleInfo();
  info.roles.id.clear();
  EXPECT_THAT(error(Sample(), info), HasSubstr("train: column \"name\" is id, a feature must be a "
                                               "number; encode it"));
  info = SampleInfo();
  info.label.classes = {"low", "medium"};
  EXPECT_EQ(error(Sample(), info),
            "train: row 2: label \"high\" is not among the classes (low, medium)");
  Table table = Sample();
  table.columns[4].strings.codes[2] = -1;
  EXPECT_EQ(error(table, SampleInfo()), "train: row 3 has no label");
  table = Sample();
  table.columns[5].numbers[1] = -2;
  EXPECT_EQ(error(table, SampleInfo()), "train: row 2: weight -2 is not a number of at least 0");
}

TEST_F(DatasetTest, RefusesWhatIsNoDataset) {
  const auto none = ReadDatasetInfo(folder_.path(), "@x.csv");
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(none.status().message(), HasSubstr("@x.csv: not a dataset"));
  ASSERT_TRUE(WriteDataset(path_, Sample(), SampleInfo(), {}).ok());
  const std::string good = ReadBytes(path_ / kDatasetFile);
  const auto code = [&](const std::string& from, const std::string& to) {
    std::string bad = good;
    const auto at = bad.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    bad.replace(at, from.size(), to);
    folder_.Write("data/dataset.json", bad);
    return LoadDataset(path_, {}, {}).status().code();
  };
  EXPECT_EQ(code("dataset/1", "dataset/9"), StatusCode::kDataLoss);
  EXPECT_EQ(code("\"rows\":4", "\"rows\":5"), StatusCode::kDataLoss);
  EXPECT_EQ(code("part-00000", "../../x"), StatusCode::kDataLoss);
  EXPECT_EQ(code("part-00000", "part-00009"), StatusCode::kDataLoss);
  EXPECT_EQ(code("\"numeric\"", "\"numeral\""), StatusCode::kDataLoss);
  EXPECT_EQ(code("{", "["), StatusCode::kDataLoss);
  folder_.Write("data/dataset.json", good);
  const auto unknown = LoadDataset(path_, {"agee"}, {}, "d");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.status().message(),
            "d: the dataset has no column \"agee\" (did you mean \"age\"?)");
}

// DuckDB takes "x=a" and "x=A" for one name; categories often differ in case alone.
TEST_F(DatasetTest, NamesMayDifferInCaseAlone) {
  Table table;
  table.rows = 2;
  table.columns.push_back(MakeNumberColumn("x=a", {1, 2}));
  table.columns.push_back(MakeNumberColumn("x=A", {3, 4}));
  table.columns.push_back(MakeNumberColumn("X=a_1", {5, 6}));
  table.columns.push_back(MakeStringColumn("c1", {"u", "v, w"}));
  table.columns.push_back(MakeNumberColumn("odd \"name\", 'with' everything;é", {7, 8}));
  ASSERT_TRUE(WriteDataset(path_, table, {}, {}).ok());
  const auto some = LoadDataset(path_, {"X=a_1", "x=A", "x=a"}, {});
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_THAT(some->names(), ElementsAre("X=a_1", "x=A", "x=a"));
  EXPECT_THAT(some->columns[0].numbers, ElementsAre(5, 6));
  EXPECT_THAT(some->columns[1].numbers, ElementsAre(3, 4));
  EXPECT_THAT(some->columns[2].numbers, ElementsAre(1, 2));
  const auto raw = ReadRaw(path_, "d", {}, {"x=A", "c1"}, {}, {});
  ASSERT_TRUE(raw.ok()) << raw.status();
  EXPECT_THAT(raw->table.names(), ElementsAre("x=A", "c1"));
  EXPECT_THAT(raw->table.columns[0].numbers, ElementsAre(3, 4));
  const auto csv = folder_.path() / "out.csv";
  ASSERT_TRUE(ExportDataset(path_, csv, ExportFormat::kCsv, {}).ok());
  EXPECT_EQ(ReadBytes(csv),
            "x=a,x=A,X=a_1,c1,\"odd \"\"name\"\", 'with' everything;é\"\n"
            "1.0,3.0,5.0,u,7.0\n2.0,4.0,6.0,\"v, w\",8.0\n");
}

TEST_F(DatasetTest, ShowsAndExports) {
  ASSERT_TRUE(WriteDataset(path_, Sample(), SampleInfo(), {}).ok());
  const auto head = ReadHead(path_, 2, {});
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(TableAsText(*head),
            "age  is_male  hours  name      income  w\n"
            " 39        1     40  Åsa, \"x\"  low     1\n"
            "  -        0     13  -         high    2\n");
  EXPECT_EQ(DumpJson(TableAsJson(*head)),
            "[{\"age\":39.0,\"hours\":40,\"income\":\"low\",\"is_male\":1,\"name\":\"Åsa, "
            "\\\"x\\\"\",\"w\":1.0},{\"age\":null,\"hours\":13,\"income\":\"high\",\"is_male\":0,"
            "\"name\":null,\"w\":2.0}]");
  EXPECT_EQ(ReadHead(path_, 100, {})->rows, 4);
  EXPECT_EQ(ReadHead(path_, 0, {})->rows, 0);
  EXPECT_EQ(ReadHead(folder_.Write("h.csv", "a,b\n1,2\n3,4\n5,6\n"), 2, {})->rows, 2);
  EXPECT_EQ(ReadHead(folder_.Write("h.csv", "a\n1\n3\n5\n"), 2, {})->rows, 2);
  const auto csv = folder_.path() / "out.csv";
  ASSERT_TRUE(ExportDataset(path_, csv, ExportFormat::kCsv, {}).ok());
  EXPECT_EQ(ReadBytes(csv),
            "age,is_male,hours,name,income,w\n"
            "39.0,1,40,\"Åsa, \"\"x\"\"\",low,1.0\n"
            ",0,13,,high,2.0\n"
            "0.1,,-7,\"b\nc\",low,0.0\n"
            "1e+300,1,9007199254740992,d,low,0.5\n");
  for (const char* name : {"tsv", "jsonl", "parquet"}) {
    const auto file = folder_.path() / (std::string("out.") + name);
    const auto format = ParseExportFormat(name);
    ASSERT_TRUE(format.ok());
    ASSERT_TRUE(ExportDataset(path_, file, *format, {}).ok()) << name;
    const auto back = ReadRaw(file, file.filename().string(), {}, {}, {}, {});
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->table.rows, 4);
    EXPECT_EQ(back->table.Find("age")->numbers[2], 0.1) << name;
    EXPECT_EQ(back->table.Find("name")->text(2), "b\nc") << name;
  }
  EXPECT_FALSE(ParseExportFormat("xls").ok());
}

}  // namespace
}  // namespace penstock

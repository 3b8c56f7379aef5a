// bin and outliers by hand; figures of other programs are in numbers_reference_test.cc.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "steps/process/row_operation.h"
#include "tests/unit/process/operation_bench.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const double kInfinity = std::numeric_limits<double>::infinity();

std::vector<std::string> Texts(const Column& column) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < column.strings.codes.size(); ++i) texts.push_back(column.text(i));
  return texts;
}

TEST(Bin, EndsTakeWhatIsOutside) {
  const Table table =
      Make({MakeNumberColumn("x", {0, 10, 5, 4.99, 2.5, kMissing, -3, 11, -kInfinity, kInfinity})});
  Json spec = {{"op", "bin"}, {"columns", "x"}, {"bins", 4}};
  Table binned = FitApply(spec, table, 6);
  const std::vector<double>& codes = binned.columns[0].numbers;
  EXPECT_THAT(std::vector<double>(codes.begin(), codes.begin() + 5), ElementsAre(0, 3, 2, 1, 1));
  EXPECT_TRUE(std::isnan(codes[5]));
  EXPECT_THAT(std::vector<double>(codes.begin() + 6, codes.end()), ElementsAre(0, 3, 0, 3));
  EXPECT_EQ(binned.columns[0].info.type, ColumnType::kInteger);
  spec["closed"] = "right";
  binned = FitApply(spec, table, 6);
  EXPECT_EQ(binned.columns[0].numbers[2], 1);
  EXPECT_EQ(binned.columns[0].numbers[4], 0);
  EXPECT_EQ(binned.columns[0].numbers[7], 3);
}

TEST(Bin, LabelsSayWhatIsInThem) {
  const Table table = Make({MakeNumberColumn("x", {0, 10, 5, 2.5, kMissing, 20})});
  Json spec = {{"op", "bin"}, {"columns", "x"}, {"bins", 4}, {"output", "label"}};
  Table binned = FitApply(spec, table, 5);
  EXPECT_THAT(Texts(binned.columns[0]),
              ElementsAre("(-inf, 2.5)", "[7.5, inf)", "[5, 7.5)", "[2.5, 5)", "", "[7.5, inf)"));
  EXPECT_TRUE(binned.columns[0].missing(4));
  EXPECT_EQ(binned.columns[0].info.kind, ColumnKind::kCategorical);
  spec["closed"] = "right";
  binned = FitApply(spec, table, 5);
  EXPECT_THAT(Texts(binned.columns[0]), ElementsAre("(-inf, 2.5]", "(7.5, inf)", "(2.5, 5]",
                                                    "(-inf, 2.5]", "", "(7.5, inf)"));
  spec["output"] = "one_hot";
  spec["bins"] = 2;
  spec["labels"] = {"low", "high"};
  binned = FitApply(spec, table, 5);
  EXPECT_THAT(binned.names(), ElementsAre("x=low", "x=high"));
  EXPECT_THAT(binned.columns[0].numbers, ElementsAre(1, 0, 1, 1, 0, 0));
  EXPECT_THAT(binned.columns[1].numbers, ElementsAre(0, 1, 0, 0, 0, 1));
  EXPECT_EQ(binned.columns[1].info.type, ColumnType::kBoolean);
}

TEST(Bin, EdgesThatCoincideAreOne) {
  const Table table = Make({MakeNumberColumn("x", {0, 0, 0, 0, 0, 0, 0, 1, 2, 3})});
  Json spec = {{"op", "bin"}, {"columns", "x"}, {"method", "quantile"}, {"bins", 10}};
  const auto codes = FitApply(spec, table, 10).columns[0].numbers;
  EXPECT_EQ(codes[0], 0);
  EXPECT_EQ(codes[9], 3);
  spec["labels"] = {"a", "b", "c"};
  spec["output"] = "label";
  spec["bins"] = 3;
  EXPECT_EQ(FitError(spec, table),
            "bin: column \"x\" has 1 bins for 3 labels (edges that coincide are one); give as many "
            "labels as bins");
}

TEST(Bin, ShiftedNumbersHaveTheSameBins) {
  std::vector<double> numbers;
  std::vector<double> moved;
  for (int i = 0; i < 50; ++i) numbers.push_back((i * 29 % 64) * 0.5);
  for (const double number : numbers) moved.push_back(number * 4 - 64);
  for (const char* method : {"equal_width", "quantile"}) {
    const Json spec = {{"op", "bin"}, {"columns", "x"}, {"method", method}, {"bins", 8}};
    EXPECT_EQ(FitApply(spec, Make({MakeNumberColumn("x", numbers)}), 50).columns[0].numbers,
              FitApply(spec, Make({MakeNumberColumn("x", moved)}), 50).columns[0].numbers);
  }
}

TEST(Bin, RefusesWhatItCannotDo) {
  const Table table = Make({MakeNumberColumn("x", {1, 2}), MakeNumberColumn("x=a", {1, 2})});
  const auto error = [&](const char* more) {
    Json spec = *ParseJson(more);
    spec["op"] = "bin";
    spec["columns"] = "x";
    return FitError(spec, table);
  };
  EXPECT_EQ(error(R"({"bins": 1})"), "bin: bins must be from 2 to 10000");
  EXPECT_EQ(error(R"({"method": "edges"})"),
            "bin: edges must be at least two numbers, each above the last");
  EXPECT_EQ(error(R"({"method": "edges", "edges": [1, 2, 2]})"),
            "bin: edges must be at least two numbers, each above the last");
  EXPECT_EQ(error(R"({"labels": ["a", "a"]})"), "bin: labels must differ");
  EXPECT_THAT(error(R"({"bins": 2, "output": "one_hot", "labels": ["a", "b"]})"),
              HasSubstr("column \"x\" would become \"x=a\", which is there already"));
}

TEST(Outliers, ByHand) {
  // Quartiles 2 and 4.
  const Table table = Make(
      {MakeNumberColumn("x", {1, 2, 3, 4, 5, kMissing, 7, 7.5, -1.5, -1, kInfinity, -kInfinity},
                        ColumnType::kDouble)});
  Json spec = {{"op", "outliers"}, {"columns", "x"}, {"method", "iqr"}};
  Table after = FitApply(spec, table, 6);
  std::vector<double> numbers = after.columns[0].numbers;
  EXPECT_TRUE(std::isnan(numbers[5]));
  numbers[5] = 0;
  EXPECT_THAT(numbers, ElementsAre(1, 2, 3, 4, 5, 0, 7, 7, -1, -1, 7, -1));
  spec["action"] = "mark";
  after = FitApply(spec, table, 6);
  EXPECT_THAT(after.names(), ElementsAre("x", "x=(outlier)"));
  EXPECT_THAT(after.columns[1].numbers, ElementsAre(0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1));
  EXPECT_EQ(after.columns[1].info.type, ColumnType::kBoolean);
  spec["action"] = "missing";
  after = FitApply(spec, table, 6);
  for (const std::size_t i : {5, 7, 8, 10, 11}) EXPECT_TRUE(after.columns[0].missing(i)) << i;
  EXPECT_EQ(after.columns[0].numbers[6], 7);
}

TEST(Outliers, WithoutSpreadNothingIsOneByZScore) {
  const Table table = Make({MakeNumberColumn("x", {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 5})});
  Json spec = {{"op", "outliers"}, {"columns", "x"}, {"method", "z_score"}, {"action", "mark"}};
  EXPECT_THAT(FitApply(spec, table, 6).columns[1].numbers, testing::Each(0));
  EXPECT_THAT(FitApply(spec, table, 1).columns[1].numbers, testing::Each(0));
}

TEST(Outliers, WhatIsClippedHasNoMoreOutside) {
  std::vector<double> numbers;
  for (int i = 0; i < 200; ++i) numbers.push_back(std::pow(i * 61 % 199 - 99.0, 3));
  const Table table = Make({MakeNumberColumn("x", numbers)});
  const Json spec = {{"op", "outliers"}, {"columns", "x"}, {"method", "quantile"}};
  const Table once = FitApply(spec, table, 200);
  auto operation = MakeOperation(spec);
  ASSERT_TRUE(operation.ok());
  const Frame frame = FrameOf(table);
  ASSERT_TRUE((*operation)->Fit(FitData(frame)).ok());
  Table twice = once;
  ASSERT_TRUE((*operation)->Apply(twice, {}).ok());
  ExpectSame(once, twice);
}

TEST(Outliers, WholeNumbersStaySoWhereBoundsAreWhole) {
  const auto type = [](const Column& column, const Json& more) {
    Json spec = more;
    spec["op"] = "outliers";
    spec["columns"] = "x";
    return FitApply(spec, Make({column}), 5).columns[0].info.type;
  };
  const Column whole = MakeNumberColumn("x", {1, 2, 3, 4, 5}, ColumnType::kInteger);
  const Column flags = MakeNumberColumn("x", {0, 1, 1, 0, 1}, ColumnType::kBoolean);
  EXPECT_EQ(type(whole, {{"method", "iqr"}}), ColumnType::kInteger);
  EXPECT_EQ(type(whole, {{"method", "z_score"}}), ColumnType::kDouble);
  EXPECT_EQ(type(flags, {{"method", "quantile"}, {"lower", 0}, {"upper", 1}}),
            ColumnType::kBoolean);
  EXPECT_EQ(type(flags, {{"method", "z_score"}}), ColumnType::kDouble);
}

TEST(Outliers, RefusesWhatItCannotDo) {
  const Table table = Make({MakeNumberColumn("x", {1, 2})});
  const auto error = [&](const char* more) {
    Json spec = *ParseJson(more);
    spec["op"] = "outliers";
    spec["columns"] = "x";
    return FitError(spec, table);
  };
  EXPECT_EQ(error(R"({"method": "zscore"})"),
            "outliers: unknown method \"zscore\" (did you mean \"z_score\"?)");
  EXPECT_EQ(error(R"({"method": "iqr", "action": "cut"})"),
            "outliers: unknown action \"cut\" (known: clip, drop, mark, missing)");
  // Rows are not what a transform drops.
  EXPECT_THAT(error(R"({"method": "iqr", "action": "drop"})"), HasSubstr("unknown action"));
  EXPECT_EQ(error(R"({"method": "iqr", "factor": 0})"),
            "outliers: threshold and factor must be above 0");
  EXPECT_EQ(error(R"({"method": "quantile", "lower": 0.5, "upper": 0.5})"),
            "outliers: lower and upper must be shares from 0 to 1, lower first");
  EXPECT_EQ(MakeRowOperation({{"op", "outliers"}, {"action", "drop"}, {"method", "x"}})
                .status()
                .message(),
            "outliers: unknown method \"x\" (known: z_score, iqr, quantile)");
}

}  // namespace
}  // namespace penstock

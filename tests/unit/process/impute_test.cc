// impute by groups, impute_knn and indicator by hand; figures of other programs are in
// numbers_reference_test.cc.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "steps/process/learn_by_group.h"
#include "tests/unit/process/operation_bench.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const double kGap = kMissing;

Column Texts(const char* name, const std::vector<std::string>& values) {
  std::vector<bool> present;
  for (const std::string& value : values) present.push_back(!value.empty());
  return MakeStringColumn(name, values, ColumnKind::kCategorical, present);
}

TEST(ImputeByGroup, FallsBackToTheWholeColumn) {
  const Table table = Make(
      {Texts("job", {"cook", "cook", "nurse", "nurse", "guard", "", "cook", "pilot", ""}),
       MakeNumberColumn("pay", {1, 3, 10, 20, kGap, 100, kGap, kGap, kGap}, ColumnType::kInteger)});
  Json spec = {{"op", "impute"}, {"columns", "pay"}, {"method", "median"}, {"by", {"job"}}};
  Table filled = FitApply(spec, table, 6);
  // A group's, then for guard (no value), pilot (not seen) and no job the median of all.
  EXPECT_THAT(filled.columns[1].numbers, ElementsAre(1, 3, 10, 20, 10, 100, 2, 10, 10));
  spec["method"] = "mode";
  EXPECT_THAT(FitApply(spec, table, 6).columns[1].numbers,
              ElementsAre(1, 3, 10, 20, 1, 100, 1, 1, 1));
  EXPECT_EQ(FitApply(spec, table, 6).columns[1].info.type, ColumnType::kInteger);
  spec["method"] = "mean";
  spec["indicator"] = true;
  filled = FitApply(spec, table, 4);
  EXPECT_THAT(filled.names(), ElementsAre("job", "pay", "pay=(missing)"));
  EXPECT_THAT(filled.columns[1].numbers, ElementsAre(1, 3, 10, 20, 8.5, 100, 2, 8.5, 8.5));
  EXPECT_THAT(filled.columns[2].numbers, ElementsAre(0, 0, 0, 0, 1, 0, 1, 1, 1));
  EXPECT_EQ(filled.columns[1].info.type, ColumnType::kDouble) << "8.5 may come in";
}

TEST(ImputeByGroup, SeveralColumnsAndNumbersAsGroups) {
  const Table table = Make({Texts("a", {"x", "x", "y", "y", "x", "x", "y"}),
                            MakeNumberColumn("b", {0, 1, 0, 1, -0.0, 1, 7}, ColumnType::kInteger),
                            Texts("t", {"p", "q", "r", "s", "", "", ""})});
  const Json spec = {{"op", "impute"}, {"columns", "t"}, {"method", "mode"}, {"by", {"a", "b"}}};
  const Table filled = FitApply(spec, table, 4);
  EXPECT_EQ(filled.columns[2].text(4), "p");
  EXPECT_EQ(filled.columns[2].text(5), "q");
  EXPECT_EQ(filled.columns[2].text(6), "p") << "the smallest of all, as (y, 7) was not seen";
}

TEST(ImputeByGroup, OneGroupIsAsNone) {
  std::vector<double> numbers;
  std::vector<std::string> same(60, "g");
  for (int i = 0; i < 60; ++i) numbers.push_back(i % 7 == 3 ? kGap : i * i % 23 * 0.1);
  const Table table = Make({MakeNumberColumn("x", numbers), MakeStringColumn("g", same)});
  for (const char* method : {"mean", "median", "mode"}) {
    Json spec = {{"op", "impute"}, {"columns", "x"}, {"method", method}};
    const Table plain = FitApply(spec, table, 50);
    spec["by"] = "g";
    ExpectSame(FitApply(spec, table, 50), plain);
  }
}

TEST(ImputeByGroup, DoesNotDependOnMemory) {
  std::vector<double> numbers;
  std::vector<std::string> groups;
  for (int i = 0; i < 900; ++i) {
    numbers.push_back(i % 11 == 0 ? kGap : i * 7919 % 101 * 0.25);
    groups.push_back(i % 3 == 0 ? "large" : "g" + std::to_string(i * 31 % 17));
  }
  const Table table = Make({MakeNumberColumn("x", numbers), MakeStringColumn("g", groups)});
  const Frame frame = FrameOf(table, 100);
  const std::vector<std::string> by = {"g"};
  const auto learn = [&](int64_t budget) {
    FitData::Options options;
    options.frame = &frame;
    options.budget = budget;
    const FitData data(options);
    const auto index = LearnGroups(data, by, 100, "impute");
    EXPECT_TRUE(index.ok());
    const GroupedColumn column{data, by, *index, "x"};
    const auto medians = GroupMedians(column);
    const auto modes = GroupNumberModes(column);
    EXPECT_TRUE(medians.ok() && modes.ok());
    return std::pair(*medians, *modes);
  };
  const auto whole = learn(1 << 20);
  EXPECT_EQ(whole.first.size(), 18u);
  EXPECT_EQ(learn(32 * 100), whole);  // a few groups at a time, "large" alone
  EXPECT_EQ(learn(1), whole);
}

TEST(ImputeByGroup, RefusesWhatItCannotDo) {
  const Table table = Make({Texts("g", {"a", "b", "c"}), MakeNumberColumn("x", {1, kGap, 3})});
  Json spec = {{"op", "impute"}, {"columns", "x"}, {"method", "mean"}, {"by", "g"}};
  spec["max_groups"] = 2;
  EXPECT_EQ(
      FitError(spec, table),
      "impute: the training rows have more than 2 groups by g; name fewer columns in by, make "
      "their values fewer (bin, map_values), or raise max_groups");
  spec["max_groups"] = 0;
  EXPECT_EQ(FitError(spec, table), "impute: max_groups must be from 1 to 1000000");
  spec.erase("max_groups");
  spec["by"] = "x";
  EXPECT_EQ(FitError(spec, table),
            "impute: column \"x\" is among columns and in by; name it in one of them");
  spec["by"] = "h";
  EXPECT_THAT(FitError(spec, table), HasSubstr("no feature is named \"h\""));
  spec["by"] = {{"kind", "date"}};
  EXPECT_EQ(FitError(spec, table), "impute: by chooses no column");
  spec["by"] = "g";
  spec["method"] = "constant";
  EXPECT_EQ(FitError(spec, table),
            "impute: by has no use with method constant; use mean, median or mode");
  spec["method"] = "mean";
  spec["columns"] = "g";
  spec["by"] = "x";
  EXPECT_THAT(FitError(spec, table), HasSubstr("mean is for numbers"));
}

TEST(ImputeKnn, ByHand) {
  const Table table = Make({MakeNumberColumn("x", {0, 1, 2, 10, 1.2, kGap, kGap}),
                            MakeNumberColumn("y", {5, 7, 9, 100, kGap, 8, kGap})});
  Json spec = {{"op", "impute_knn"}, {"columns", {"x", "y"}}, {"neighbours", 2}};
  Table filled = FitApply(spec, table, 4);
  EXPECT_EQ(filled.columns[1].numbers[4], 8) << "of x = 1 and 2";
  EXPECT_EQ(filled.columns[0].numbers[5], 1.5) << "of y = 7 and 9";
  EXPECT_EQ(filled.columns[0].numbers[6], 3.25) << "shares nothing: the mean of all";
  spec["weights"] = "distance";
  filled = FitApply(spec, table, 4);
  EXPECT_NEAR(filled.columns[1].numbers[4], (7 / 0.2 + 9 / 0.8) / (1 / 0.2 + 1 / 0.8), 1e-12);
  // A donor at distance 0 counts alone; of equally near ones the earlier.
  const Table ties = Make(
      {MakeNumberColumn("x", {1, 1, 3, 1, 2}), MakeNumberColumn("y", {4, 8, 100, kGap, kGap})});
  filled = FitApply(spec, ties, 3);
  EXPECT_EQ(filled.columns[1].numbers[3], 6);
  spec["neighbours"] = 1;
  filled = FitApply(spec, ties, 3);
  EXPECT_EQ(filled.columns[1].numbers[3], 4);
  EXPECT_EQ(filled.columns[1].numbers[4], 4);
}

TEST(ImputeKnn, StandardizedDistancesDoNotMindUnits) {
  std::vector<double> x;
  std::vector<double> y;
  std::vector<double> z;
  for (int i = 0; i < 80; ++i) {
    x.push_back(i * 37 % 101 * 0.125);
    y.push_back(i % 9 == 2 ? kGap : i * 53 % 97 * 0.25);
    z.push_back(i % 7 == 4 ? kGap : i * 11 % 83);
  }
  const auto filled = [&](double unit) {
    std::vector<double> moved;
    for (const double value : x) moved.push_back(value * unit);
    const Table table =
        Make({MakeNumberColumn("x", moved), MakeNumberColumn("y", y), MakeNumberColumn("z", z)});
    const Json spec = {{"op", "impute_knn"}, {"columns", {"x", "y", "z"}}, {"standardize", true}};
    const Table after = FitApply(spec, table, 70);
    return std::pair(after.columns[1].numbers, after.columns[2].numbers);
  };
  EXPECT_EQ(filled(1), filled(1024));
}

TEST(ImputeKnn, DrawsDonorsBySeed) {
  std::vector<double> x;
  for (int i = 0; i < 400; ++i) x.push_back(i);
  x.push_back(kGap);
  const Table table = Make({MakeNumberColumn("x", x)});
  const auto donors = [&](int64_t seed, int64_t block_rows) {
    auto operation =
        MakeOperation({{"op", "impute_knn"}, {"columns", "x"}, {"max_donors", 50}, {"seed", seed}});
    EXPECT_TRUE(operation.ok());
    const Frame frame = FrameOf(table, block_rows);
    EXPECT_TRUE((*operation)->Fit(FitData(frame)).ok());
    EXPECT_TRUE((*operation)->costly());
    return (*operation)->ToJson()["fitted"][0]["donors"].get<std::vector<double>>();
  };
  const auto drawn = donors(1, 1'000);
  EXPECT_EQ(drawn.size(), 50u);
  EXPECT_TRUE(std::is_sorted(drawn.begin(), drawn.end()));
  EXPECT_EQ(donors(1, 7), drawn);
  EXPECT_NE(donors(2, 7), drawn);
  // From all of the rows: the chance that no donor is among the first or last 100 is 1e-7.
  EXPECT_LT(drawn.front(), 100);
  EXPECT_GT(drawn.back(), 300);
  EXPECT_EQ(donors(1, 1'000).size(), 50u);
}

TEST(ImputeKnn, RefusesWhatItCannotDo) {
  const Table table = Make({Texts("g", {"a", "b"}), MakeNumberColumn("x", {1, kGap}),
                            MakeNumberColumn("none", {kGap, kGap})});
  EXPECT_THAT(FitError({{"op", "impute_knn"}, {"columns", "g"}}, table),
              HasSubstr("impute_knn: column \"g\" is categorical, only numbers have distances"));
  EXPECT_THAT(FitError({{"op", "impute_knn"}, {"columns", "none"}}, table),
              HasSubstr("impute_knn: column \"none\" has no value in the training rows"));
  EXPECT_EQ(FitError({{"op", "impute_knn"}, {"columns", "x"}, {"neighbours", 0}}, table),
            "impute_knn: neighbours must be from 1 to 1000");
  EXPECT_EQ(FitError({{"op", "impute_knn"}, {"columns", "x"}, {"max_donors", 2'000'000}}, table),
            "impute_knn: max_donors must be from 1 to 1000000");
}

TEST(Indicator, OfColumnsThatLackedValues) {
  const Table table = Make({Texts("t", {"a", "", "b", ""}), MakeNumberColumn("x", {1, 2, kGap, 4}),
                            MakeNumberColumn("y", {1, 2, 3, kGap})});
  Json spec = {{"op", "indicator"}};
  Table after = FitApply(spec, table, 3);
  EXPECT_THAT(after.names(), ElementsAre("t", "t=(missing)", "x", "x=(missing)", "y"));
  EXPECT_THAT(after.columns[1].numbers, ElementsAre(0, 1, 0, 1));
  EXPECT_THAT(after.columns[3].numbers, ElementsAre(0, 0, 1, 0));
  EXPECT_EQ(after.columns[3].info.type, ColumnType::kBoolean);
  spec["which"] = "all";
  after = FitApply(spec, table, 3);
  EXPECT_THAT(after.names(),
              ElementsAre("t", "t=(missing)", "x", "x=(missing)", "y", "y=(missing)"));
  EXPECT_THAT(after.columns[5].numbers, ElementsAre(0, 0, 0, 1));
}

}  // namespace
}  // namespace penstock

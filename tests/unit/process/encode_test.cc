// one_hot with rare values, frequency, hash and categorical, against encode_reference.py.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "steps/process/operation.h"
#include "tests/unit/process/operation_bench.h"
#include "tests/unit/process/reference.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const double kGap = kMissing;

class EncodeReference : public testing::Test {
 protected:
  Table Values() const {
    return Make({MakeStringColumn("v", reference_["values"].get<std::vector<std::string>>())});
  }
  int64_t train() const { return reference_["train"].get<int64_t>(); }

  const Json reference_ = LoadReference("encode_reference.json");
};

TEST_F(EncodeReference, OneHotWithRareValuesAsScikitLearn) {
  for (const Json& expected : reference_["one_hot"]) {
    Json spec = {{"op", "one_hot"}, {"columns", "v"}, {"unknown", "rare"}};
    spec.update(expected["least"]);
    const Table encoded = FitApply(spec, Values(), train());
    std::vector<std::string> names;
    for (const Json& name : expected["names"]) names.push_back("v=" + name.get<std::string>());
    EXPECT_EQ(encoded.names(), names);
    ExpectMatrix(encoded, expected["matrix"], 0);
  }
}

TEST(OneHotRare, ColumnOrNone) {
  const Table table =
      Make({MakeStringColumn("t", {"b", "b", "a", "a", "c", "", "x"}, ColumnKind::kCategorical,
                             {true, true, true, true, true, false, true})});
  Json spec = {{"op", "one_hot"}, {"columns", "t"}, {"min_count", 2}, {"missing", "category"}};
  Table encoded = FitApply(spec, table, 6);
  EXPECT_THAT(encoded.names(), ElementsAre("t=a", "t=b", "t=(rare)", "t=(missing)"));
  EXPECT_THAT(encoded.columns[2].numbers, ElementsAre(0, 0, 0, 0, 1, 0, 0));
  EXPECT_THAT(encoded.columns[3].numbers, ElementsAre(0, 0, 0, 0, 0, 1, 0));
  spec["unknown"] = "rare";
  EXPECT_THAT(FitApply(spec, table, 6).columns[2].numbers, ElementsAre(0, 0, 0, 0, 1, 0, 1));
  spec["drop_first"] = true;
  EXPECT_THAT(FitApply(spec, table, 6).names(), ElementsAre("t=b", "t=(rare)", "t=(missing)"));
  spec = {{"op", "one_hot"}, {"columns", "t"}, {"min_count", 2}, {"rare", "ignore"}};
  encoded = FitApply(spec, table, 6);
  EXPECT_THAT(encoded.names(), ElementsAre("t=a", "t=b"));
  EXPECT_EQ(encoded.columns[0].numbers[4] + encoded.columns[1].numbers[4], 0);
  // A rare value is known.
  spec["unknown"] = "error";
  EXPECT_THAT(FitApply(spec, RowsOf(table, 0, 6), 6).names(), ElementsAre("t=a", "t=b"));
  EXPECT_THAT(FitError(spec, table), "no error");
  std::string error;
  FitApply(spec, table, 6, &error);
  EXPECT_THAT(error, HasSubstr("row 7 of t: \"x\" does not occur in the training rows"));
  // Unknown values share the column of rare ones, even where no value is rare.
  spec = {{"op", "one_hot"}, {"columns", "t"}, {"unknown", "rare"}};
  encoded = FitApply(spec, table, 6);
  EXPECT_THAT(encoded.names(), ElementsAre("t=a", "t=b", "t=c", "t=(rare)"));
  EXPECT_THAT(encoded.columns[3].numbers, ElementsAre(0, 0, 0, 0, 0, 0, 1));
}

TEST(OneHotRare, AShareIsOfRowsWithAValue) {
  std::vector<std::string> values(40, "often");
  std::vector<bool> present(40, true);
  for (std::size_t i = 0; i < 3; ++i) values[i] = "three";
  for (std::size_t i = 30; i < 40; ++i) present[i] = false;
  const Table table = Make({MakeStringColumn("t", values, ColumnKind::kCategorical, present)});
  // 0.1 * 30 is above 3 as doubles have it.
  EXPECT_THAT(
      FitApply({{"op", "one_hot"}, {"columns", "t"}, {"min_share", 0.1}}, table, 40).names(),
      ElementsAre("t=often", "t=three", "t=(rare)"));
  EXPECT_THAT(
      FitApply({{"op", "one_hot"}, {"columns", "t"}, {"min_share", 0.11}}, table, 40).names(),
      ElementsAre("t=often", "t=(rare)"));
}

TEST(OneHotRare, RefusesWhatDoesNotGoTogether) {
  const Table table = Make({MakeStringColumn("t", {"a", "b", "c", "a"})});
  EXPECT_EQ(FitError({{"op", "one_hot"}, {"columns", "t"}, {"rare", "ignore"}, {"unknown", "rare"}},
                     table),
            "one_hot: unknown: rare needs rare: category");
  EXPECT_THAT(FitError({{"op", "one_hot"}, {"columns", "t"}, {"min_share", 2}}, table),
              HasSubstr("min_share from 0 to 1"));
  EXPECT_THAT(FitError({{"op", "one_hot"}, {"columns", "t"}, {"max_categories", 2}}, table),
              HasSubstr("more than 2 distinct values"));
  EXPECT_EQ(FitError({{"op", "one_hot"}, {"columns", "t"}, {"max_categories", 2}, {"min_count", 1}},
                     table),
            "one_hot: column \"t\" has more than 2 values that are frequent enough in the training "
            "rows; raise min_count, min_share or max_categories");
}

TEST_F(EncodeReference, FrequencyAsPandas) {
  Json spec = {{"op", "frequency"}, {"columns", "v"}};
  // The same division of the same whole numbers.
  ExpectNumbers(FitApply(spec, Values(), train()).columns[0].numbers,
                reference_["frequency"]["share"], 1e-15);
  spec["as"] = "count";
  const Table counted = FitApply(spec, Values(), train());
  ExpectNumbers(counted.columns[0].numbers, reference_["frequency"]["count"], 0);
  EXPECT_EQ(counted.columns[0].info.type, ColumnType::kInteger);
}

TEST(Frequency, NumbersAndWhatIsMissing) {
  const double infinite = std::numeric_limits<double>::infinity();
  const Table table = Make({MakeNumberColumn("n", {1.5, 1.5, kGap, infinite, 7}),
                            MakeStringColumn("none", std::vector<std::string>(5),
                                             ColumnKind::kCategorical, std::vector<bool>(5))});
  const Table encoded = FitApply({{"op", "frequency"}, {"columns", {"n", "none"}}}, table, 4);
  const std::vector<double>& n = encoded.columns[0].numbers;
  EXPECT_EQ(n[0], 2.0 / 3);
  EXPECT_TRUE(std::isnan(n[2]));
  EXPECT_EQ(n[3], 1.0 / 3);
  EXPECT_EQ(n[4], 0);
  EXPECT_TRUE(std::isnan(encoded.columns[1].numbers[0]));
  EXPECT_EQ(FitError({{"op", "frequency"}, {"columns", "n"}, {"as", "percent"}}, table),
            "frequency: as must be share or count, not \"percent\"");
}

TEST(Frequency, RefusesADamagedTransform) {
  const auto error = [](const Json& fitted) {
    return RestoreError({{"op", "frequency"}, {"columns", "v"}, {"fitted", {{"v", fitted}}}});
  };
  EXPECT_EQ(error({{"values", {"a"}}, {"counts", {3}}}), "no error");
  EXPECT_THAT(error({{"values", {"a"}}, {"counts", {1, 2}}}), HasSubstr("one count"));
  EXPECT_THAT(error({{"values", {"a"}}, {"counts", {0}}}), HasSubstr("whole number from 1"));
  EXPECT_THAT(error({{"values", {"a"}}, {"counts", {"x"}}}), HasSubstr("whole number from 1"));
}

TEST_F(EncodeReference, CategoricalAsPandas) {
  const Table encoded = FitApply({{"op", "categorical"}, {"columns", "v"}}, Values(), train());
  const Column& column = encoded.columns[0];
  EXPECT_EQ(column.info.name, "v");
  EXPECT_EQ(column.info.type, ColumnType::kInteger);
  EXPECT_EQ(column.info.kind, ColumnKind::kCategorical);
  EXPECT_EQ(column.info.categories,
            reference_["categorical"]["categories"].get<std::vector<std::string>>());
  const Json& codes = reference_["categorical"]["codes"];
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] == -1) {
      EXPECT_TRUE(std::isnan(column.numbers[i]));
    } else {
      EXPECT_EQ(column.numbers[i], codes[i].get<double>());
    }
  }
}

TEST(Categorical, MayRefuseWhatItDoesNotKnow) {
  const Table table = Make({MakeStringColumn("t", {"b", "a", "", "z"}, ColumnKind::kCategorical,
                                             {true, true, false, true})});
  std::string error;
  FitApply({{"op", "categorical"}, {"columns", "t"}, {"unknown", "error"}}, table, 3, &error);
  EXPECT_EQ(error,
            "row 4 of t: \"z\" does not occur in the training rows; use unknown: missing to treat "
            "it as missing");
  EXPECT_THAT(FitError({{"op", "categorical"}, {"columns", "t"}, {"max_categories", 2}}, table),
              HasSubstr("more than 2 distinct values"));
}

TEST_F(EncodeReference, HashAsInPython) {
  const Json& expected = reference_["hash"];
  const Table encoded = FitApply({{"op", "hash"},
                                  {"columns", "v"},
                                  {"n_columns", expected["n_columns"]},
                                  {"seed", expected["seed"]}},
                                 Values(), train());
  ExpectMatrix(encoded, expected["matrix"], 0);
  EXPECT_EQ(encoded.names()[6], "v.hash6");
}

TEST(Hash, MissingIsNowhereAndSignsCanGo) {
  const Table table = Make({MakeStringColumn("t", {"a", "b", "", "c"}, ColumnKind::kCategorical,
                                             {true, true, false, true})});
  const Table plain =
      FitApply({{"op", "hash"}, {"columns", "t"}, {"n_columns", 1}, {"signed", false}}, table, 1);
  EXPECT_THAT(plain.columns[0].numbers, ElementsAre(1, 1, 0, 1));
  EXPECT_EQ(plain.columns[0].info.type, ColumnType::kInteger);
  EXPECT_EQ(FitApply({{"op", "hash"}, {"columns", "t"}}, table, 1).columns.size(), 16u);
  EXPECT_EQ(FitError({{"op", "hash"}, {"columns", "t"}, {"n_columns", 0}}, table),
            "hash: n_columns must be from 1 to 65536, not 0");
  EXPECT_THAT(FitError({{"op", "hash"}, {"columns", "t"}, {"n_columns", 70'000}}, table),
              HasSubstr("not 70000"));
}

TEST(Encode, NamesWithAnythingInThem) {
  const std::string name = "se\"l\nect 🌲; DROP";
  const Table table = Make({MakeStringColumn(name, {"a\"b", "a\"b", "c\nd"})});
  EXPECT_THAT(FitApply({{"op", "one_hot"}, {"columns", name}, {"min_count", 2}}, table, 3).names(),
              ElementsAre(name + "=a\"b", name + "=(rare)"));
  for (const char* op : {"frequency", "categorical"}) {
    EXPECT_THAT(FitApply({{"op", op}, {"columns", name}}, table, 3).names(), ElementsAre(name));
  }
}

}  // namespace
}  // namespace penstock

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "steps/process/label_rules.h"
#include "steps/process/operation.h"
#include "steps/process/selector.h"
#include "tests/unit/process/operation_bench.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const double kGap = kMissing;

TEST(Impute, NumbersByHand) {
  const Table table = Make({MakeNumberColumn("x", {3, 1, kGap, 10, 1, 4, kGap, 1000})});
  const auto filled = [&](const char* method) {
    const Json spec = {{"op", "impute"}, {"columns", "x"}, {"method", method}};
    return FitApply(spec, table, 7).columns[0].numbers[6];  // the 1000 is not a training row
  };
  EXPECT_DOUBLE_EQ(filled("mean"), 19.0 / 5);
  EXPECT_EQ(filled("median"), 3);
  EXPECT_EQ(filled("mode"), 1);
  const Table even = Make({MakeNumberColumn("x", {4, kGap, 1, 2, 8})});
  EXPECT_EQ(FitApply({{"op", "impute"}, {"columns", "x"}, {"method", "median"}}, even, 5)
                .columns[0]
                .numbers[1],
            3);
  const Table tie = Make({MakeNumberColumn("x", {7, 7, 5, 5, kGap})});
  EXPECT_EQ(FitApply({{"op", "impute"}, {"columns", "x"}, {"method", "mode"}}, tie, 5)
                .columns[0]
                .numbers[4],
            5);
}

TEST(Impute, MeanDoesNotLoseSmallNumbers) {
  const Table table = Make({MakeNumberColumn("x", {1e16, 1, -1e16, 1, kGap})});
  EXPECT_EQ(FitApply({{"op", "impute"}, {"columns", "x"}, {"method", "mean"}}, table, 5)
                .columns[0]
                .numbers[4],
            0.5);
}

TEST(Impute, Texts) {
  const Table table = Make({MakeStringColumn(
      "t", {"b", "a", "", "a", "b"}, ColumnKind::kCategorical, {true, true, false, true, true})});
  const auto filled = [&](const Json& spec) { return FitApply(spec, table, 5).columns[0].text(2); };
  EXPECT_EQ(filled({{"op", "impute"}, {"columns", "t"}, {"method", "mode"}}), "a");
  EXPECT_EQ(filled({{"op", "impute"}, {"columns", "t"}, {"method", "category"}}), "missing");
  EXPECT_EQ(filled({{"op", "impute"}, {"columns", "t"}, {"method", "category"}, {"value", "none"}}),
            "none");
  EXPECT_EQ(filled({{"op", "impute"}, {"columns", "t"}, {"method", "constant"}, {"value", 7}}),
            "7");
}

// Reference: python3 -c "import statistics as s; x=[0.1,0.7,2.3,-5.5,1e3];
// print(s.fmean(x), s.pstdev(x))"
TEST(Standard, ByAnotherProgram) {
  const Table table = Make({MakeNumberColumn("x", {0.1, 0.7, 2.3, -5.5, 1e3, kGap, 1e9}),
                            MakeNumberColumn("c", {5, 5, 5, 5, 5, 5, 6}),
                            MakeNumberColumn("tenth", {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1})});
  const Table scaled = FitApply({{"op", "standard"}, {"columns", {{"kind", "numeric"}}}}, table, 6);
  const double mean = 199.52;
  const double deviation = 400.24864471975417;
  EXPECT_DOUBLE_EQ(scaled.columns[0].numbers[0], (0.1 - mean) / deviation);
  EXPECT_DOUBLE_EQ(scaled.columns[0].numbers[4], (1e3 - mean) / deviation);
  EXPECT_TRUE(std::isnan(scaled.columns[0].numbers[5]));
  EXPECT_EQ(scaled.columns[1].numbers[0], 0);
  EXPECT_EQ(scaled.columns[1].numbers[6], 1);
  EXPECT_NEAR(scaled.columns[2].numbers[0], 0, 1e-15);
}

TEST(MinMax, ScalesAndClips) {
  const Table table = Make({MakeNumberColumn("x", {2, 4, 6, kGap, 10, 0})});
  Json spec = {{"op", "min_max"}, {"columns", "x"}};
  Table scaled = FitApply(spec, table, 4);
  EXPECT_EQ(scaled.columns[0].numbers[1], 0.5);
  EXPECT_EQ(scaled.columns[0].numbers[4], 2);
  EXPECT_EQ(scaled.columns[0].numbers[5], -0.5);
  EXPECT_TRUE(std::isnan(scaled.columns[0].numbers[3]));
  spec["clip"] = true;
  spec["range"] = {-1, 3};
  scaled = FitApply(spec, table, 4);
  EXPECT_EQ(scaled.columns[0].numbers[1], 1);
  EXPECT_EQ(scaled.columns[0].numbers[4], 3);
  EXPECT_EQ(scaled.columns[0].numbers[5], -1);
  EXPECT_TRUE(std::isnan(scaled.columns[0].numbers[3]));
  spec["range"] = {3, -1};
  EXPECT_THAT(FitError(spec, table), HasSubstr("the lower first"));
}

TEST(OneHot, KnowsOnlyTrainingValues) {
  const Table table = Make({MakeStringColumn("t", {"b", "a", "", "c"}, ColumnKind::kCategorical,
                                             {true, true, false, true}),
                            MakeNumberColumn("n", {2, 1.5, 2, 2})});
  Table encoded = FitApply({{"op", "one_hot"}, {"columns", {"t", "n"}}}, table, 3);
  EXPECT_THAT(encoded.names(), ElementsAre("t=a", "t=b", "n=1.5", "n=2"));
  EXPECT_THAT(encoded.columns[0].numbers, ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(encoded.columns[1].numbers, ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(encoded.columns[2].numbers, ElementsAre(0, 1, 0, 0));
  EXPECT_EQ(encoded.columns[0].info.type, ColumnType::kBoolean);
  EXPECT_EQ(encoded.columns[0].info.kind, ColumnKind::kNumeric);
  encoded =
      FitApply({{"op", "one_hot"}, {"columns", "t"}, {"missing", "category"}, {"drop_first", true}},
               table, 3);
  EXPECT_THAT(encoded.names(), ElementsAre("t=b", "t=(missing)", "n"));
  EXPECT_THAT(encoded.columns[1].numbers, ElementsAre(0, 0, 1, 0));
  std::string error;
  FitApply({{"op", "one_hot"}, {"columns", "t"}, {"unknown", "error"}}, table, 3, &error);
  EXPECT_EQ(error,
            "row 4 of t: \"c\" does not occur in the training rows; use unknown: ignore to "
            "give it no indicator");
  const Table clash = Make({MakeStringColumn("t", {"b", "a"}), MakeNumberColumn("t=a", {1, 2})});
  EXPECT_THAT(FitError({{"op", "one_hot"}, {"columns", "t"}}, clash),
              HasSubstr("column \"t\" would become \"t=a\", which is there already"));
}

TEST(Ordinal, SortedOrGiven) {
  const Table table = Make({MakeStringColumn("t", {"low", "high", "", "mid"},
                                             ColumnKind::kCategorical, {true, true, false, true})});
  Table encoded = FitApply({{"op", "ordinal"}, {"columns", "t"}}, table, 4);
  EXPECT_EQ(encoded.columns[0].numbers[0], 1);
  EXPECT_EQ(encoded.columns[0].numbers[1], 0);
  EXPECT_TRUE(std::isnan(encoded.columns[0].numbers[2]));
  encoded =
      FitApply({{"op", "ordinal"}, {"columns", "t"}, {"order", {"low", "mid", "high"}}}, table, 4);
  EXPECT_EQ(encoded.columns[0].numbers[1], 2);
  EXPECT_EQ(encoded.columns[0].numbers[3], 1);
  encoded = FitApply({{"op", "ordinal"}, {"columns", "t"}, {"unknown", "missing"}}, table, 2);
  EXPECT_TRUE(std::isnan(encoded.columns[0].numbers[3]));
}

TEST(MapValues, ReplacesKeepsAndRefuses) {
  const Table table =
      Make({MakeStringColumn("t", {"yes", "no", "?", "", "maybe"}, ColumnKind::kCategorical,
                             {true, true, true, false, true})});
  Json spec = {{"op", "map_values"}, {"columns", "t"}, {"map", {{"?", nullptr}, {"no", "NO"}}}};
  Table mapped = FitApply(spec, table, 5);
  EXPECT_EQ(mapped.columns[0].text(0), "yes");
  EXPECT_EQ(mapped.columns[0].text(1), "NO");
  EXPECT_TRUE(mapped.columns[0].missing(2));
  EXPECT_TRUE(mapped.columns[0].missing(3));
  spec["other"] = "missing";
  mapped = FitApply(spec, table, 5);
  EXPECT_TRUE(mapped.columns[0].missing(0));
  spec["other"] = "error";
  EXPECT_EQ(FitError(spec, table),
            "row 1 of t: \"yes\" is not in the map of map_values; add it, or "
            "use other: keep or missing");
  spec = {{"op", "map_values"},
          {"columns", "t"},
          {"kind", "numeric"},
          {"other", "missing"},
          {"map", {{"yes", 1}, {"no", 0}}}};
  mapped = FitApply(spec, table, 5);
  EXPECT_EQ(mapped.columns[0].numbers[0], 1);
  EXPECT_EQ(mapped.columns[0].numbers[1], 0);
  EXPECT_EQ(mapped.columns[0].info.kind, ColumnKind::kNumeric);
  spec["other"] = "keep";
  EXPECT_THAT(FitError(spec, table), HasSubstr("\"?\" is not a number after map_values"));
}

TEST(MakeOperation, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(FitError({{"op", "onehot"}, {"columns", "t"}}, Make({MakeNumberColumn("x", {1})})),
            "unknown operation \"onehot\" (did you mean \"one_hot\"?)");
}

TEST(Selector, NamesKindsAndGlobs) {
  const Table table = Make({MakeNumberColumn("capital-gain", {1}), MakeNumberColumn("age", {1}),
                            MakeStringColumn("job", {"x"}), MakeNumberColumn("capital-loss", {1}),
                            MakeStringColumn("note", {"x"}, ColumnKind::kText)});
  const auto select = [&](const Json& selector) {
    const auto names = SelectColumns(selector, table);
    return names.ok() ? *names : std::vector<std::string>{names.status().message()};
  };
  EXPECT_THAT(select("age"), ElementsAre("age"));
  EXPECT_THAT(select({"job", "age"}), ElementsAre("age", "job"));
  EXPECT_THAT(select({{"kind", "numeric"}}), ElementsAre("capital-gain", "age", "capital-loss"));
  EXPECT_THAT(select({{"kind", {"text", "categorical"}}}), ElementsAre("job", "note"));
  EXPECT_THAT(select({{"match", "capital-*"}}), ElementsAre("capital-gain", "capital-loss"));
  EXPECT_THAT(select({{"match", "capital-*"}, {"except", "capital-gain"}}),
              ElementsAre("capital-loss"));
  EXPECT_THAT(select({{"kind", "categorical"}, {"match", "a*"}}), IsEmpty());
  EXPECT_THAT(select(Json::array({"age", {{"match", "?ob"}}})), ElementsAre("age", "job"));
  EXPECT_EQ(select(Json()).size(), 5u);
  EXPECT_THAT(select("agee"), ElementsAre("no feature is named \"agee\" (did you mean \"age\"?)"));
  EXPECT_THAT(select({{"kind", "number"}})[0], HasSubstr("is no kind of column"));
  EXPECT_THAT(select(7)[0], HasSubstr("columns must be names"));
}

TEST(Glob, MatchesAsShellsDo) {
  EXPECT_TRUE(GlobMatches("*", ""));
  EXPECT_TRUE(GlobMatches("a*b*c", "aXXbYYbc"));
  EXPECT_TRUE(GlobMatches("a?c", "abc"));
  EXPECT_FALSE(GlobMatches("a?c", "ac"));
  EXPECT_FALSE(GlobMatches("a*b", "abc"));
  EXPECT_FALSE(GlobMatches("", "a"));
  // Backtracks over one star only: linear where the naive way is exponential.
  EXPECT_FALSE(GlobMatches("*a*a*a*a*a*a*a*a*b", std::string(200, 'a')));
}

TEST(LabelRules, InfersAndChecksClasses) {
  const auto infer = [](const LabelRules& rules, const Column& column) {
    const Frame frame = FrameOf(Make({column}));
    return InferLabel(rules, frame, column.info.name);
  };
  const Column texts = MakeStringColumn("y", {"no", "yes", "no"});
  LabelRules rules;
  auto label = infer(rules, texts);
  ASSERT_TRUE(label.ok());
  EXPECT_THAT(label->classes, ElementsAre("no", "yes"));
  EXPECT_EQ(label->positive, "yes");
  rules.positive = "no";
  EXPECT_EQ(infer(rules, texts)->positive, "no");
  rules.positive = "maybe";
  EXPECT_EQ(infer(rules, texts).status().message(),
            "labels.positive is \"maybe\", which is not among the classes (no, yes)");
  rules = {};
  EXPECT_EQ(infer(rules, MakeNumberColumn("y", {1, 2}))->kind, LabelInfo::Kind::kNumber);
  rules.positive = "1";
  EXPECT_THAT(infer(rules, MakeNumberColumn("y", {1, 2})).status().message(),
              HasSubstr("label \"y\" is a number; name its values in labels.classes"));
  rules = {};
  label = infer(rules, MakeStringColumn("y", {"c", "a", "b"}));
  EXPECT_THAT(label->classes, ElementsAre("a", "b", "c"));
  EXPECT_EQ(label->positive, "");
  EXPECT_EQ(label->positive_index(), -1);
}

}  // namespace
}  // namespace penstock

// Counts, draws and parameters of the operations that resample; what they make of data is tested in
// tests/contract/process/resample_test.cc.

#include "steps/process/resample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "steps/catalog/builtin.h"
#include "steps/process/row_operation.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<std::string> kClasses = {"a", "b", "c"};

ResampleSpec Spec(const Json& json) {
  const auto spec = ResampleSpecFromJson(json);
  EXPECT_TRUE(spec.ok()) << spec.status();
  return spec.ok() ? *spec : ResampleSpec();
}

TEST(Resample, CountsByRatioAndShares) {
  const std::vector<int64_t> counts = {100, 10, 0};
  const auto fewer = [&](const Json& spec) {
    return FewerRows(Spec(spec), "downsample", kClasses, counts).value();
  };
  const auto more = [&](const Json& spec) {
    return MoreRows(Spec(spec), "upsample", kClasses, counts).value();
  };
  EXPECT_THAT(fewer(Json::object()), ElementsAre(10, 10, 0));
  EXPECT_THAT(fewer({{"ratio", 2.55}}), ElementsAre(25, 10, 0));
  EXPECT_THAT(fewer({{"ratio", 20}}), ElementsAre(100, 10, 0));
  EXPECT_THAT(fewer({{"shares", {{"a", 0.2}, {"b", 0.8}}}}), ElementsAre(3, 10, 0));
  EXPECT_THAT(fewer({{"shares", {{"a", 0.99}, {"b", 0.01}}}}), ElementsAre(100, 1, 0));
  EXPECT_THAT(fewer({{"shares", {{"a", 0.9999}, {"b", 0.0001}}}}), ElementsAre(100, 1, 0));
  EXPECT_THAT(more(Json::object()), ElementsAre(100, 100, 0));
  EXPECT_THAT(more({{"ratio", 3}}), ElementsAre(100, 34, 0));
  EXPECT_THAT(more({{"ratio", 20}}), ElementsAre(100, 10, 0));
  EXPECT_THAT(more({{"shares", {{"a", 0.2}, {"b", 0.8}}}}), ElementsAre(100, 400, 0));
  const auto absent = MoreRows(Spec({{"shares", {{"a", 0.5}, {"b", 0.3}, {"c", 0.2}}}}), "upsample",
                               kClasses, counts);
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.status().message(),
            "upsample: shares names class \"c\", which no training row has");
}

// Every pair of four is drawn about as often as any other.
TEST(Resample, DrawsEverySetEquallyOften) {
  std::map<std::vector<bool>, int> drawn;
  for (uint64_t seed = 0; seed < 6'000; ++seed) {
    ClassDrawer drawer({4}, {2}, seed, "downsample");
    std::vector<bool> rows;
    for (int i = 0; i < 4; ++i) rows.push_back(drawer.Draw(0));
    ++drawn[rows];
  }
  ASSERT_EQ(drawn.size(), 6u);
  // Binomial with mean 1,000 and standard deviation 29.
  for (const auto& [rows, count] : drawn) EXPECT_NEAR(count, 1'000, 150);
}

TEST(Resample, RefusesWhatItCannotDo) {
  const auto error = [](Json spec, const char* op = "smote") {
    spec["op"] = op;
    const auto made = MakeRowOperation(spec);
    return made.ok() ? std::string("no error") : made.status().message();
  };
  EXPECT_EQ(error(Json::object()), "no error");
  EXPECT_EQ(error({{"ratio", 0.5}}), "smote: ratio must be a number of at least 1");
  EXPECT_EQ(error({{"ratio", "x"}}, "upsample"), "upsample: ratio must be a number of at least 1");
  EXPECT_EQ(error({{"seed", -1}}), "smote: seed must be an integer of at least 0");
  EXPECT_EQ(error({{"seed", 1.5}}, "downsample"),
            "downsample: seed must be an integer of at least 0");
  EXPECT_EQ(error({{"shares", Json::array()}}), "smote: shares must be {CLASS: share}");
  EXPECT_EQ(error({{"shares", {{"a", 0}}}}),
            "smote: the share of \"a\" must be above 0 and at most 1");
  EXPECT_EQ(error({{"shares", {{"a", 0.5}}}}), "smote: the shares must add up to 1");
  EXPECT_EQ(error({{"shares", {{"a", 1}}}, {"ratio", 2}}), "smote: give ratio or shares, not both");
  EXPECT_EQ(error({{"k", 0}}), "smote: k must be an integer from 1 to 100");
  EXPECT_EQ(error({{"k", "five"}}), "smote: k must be an integer from 1 to 100");
  EXPECT_EQ(error({{"max_rows", 1}}), "smote: max_rows must be an integer from 2 to 1000000");
  EXPECT_EQ(error({{"weights", "even"}}, "class_weights"),
            "class_weights: weights must be balanced, or {CLASS: weight}");
  EXPECT_EQ(error({{"weights", {{"a", -1}}}}, "class_weights"),
            "class_weights: the weight of \"a\" must be a number of at least 0");
  EXPECT_EQ(error({{"name", ""}}, "class_weights"),
            "class_weights: name must be the name of a column");
}

std::vector<std::string> Problems(const Json& transforms) {
  std::vector<Problem> problems;
  CheckParameters(ProcessSchema(), {{"transforms", transforms}}, "with", problems);
  std::vector<std::string> lines;
  for (const Problem& problem : problems) lines.push_back(problem.path + ": " + problem.message);
  return lines;
}

TEST(Resample, CatalogueRefusesBeforeTheRun) {
  const auto one = [](Json entry, const char* op) {
    entry["op"] = op;
    return Problems(Json::array({entry}));
  };
  for (const char* op : {"downsample", "upsample", "smote"}) {
    EXPECT_THAT(one(Json::object(), op), IsEmpty());
    EXPECT_THAT(one({{"ratio", 2.5}, {"seed", 3}}, op), IsEmpty());
    EXPECT_THAT(one({{"shares", {{"a", 0.5}, {"b", "${parameters.share}"}}}}, op), IsEmpty());
    EXPECT_THAT(one({{"ratio", 0.5}}, op), ElementsAre(HasSubstr("transforms[0].ratio")));
    EXPECT_THAT(one({{"ratio", 2}, {"shares", {{"a", 1}}}}, op),
                ElementsAre("with.transforms[0].ratio: cannot be used with shares; leave one out"));
    EXPECT_THAT(one({{"shares", Json::object()}}, op),
                ElementsAre("with.transforms[0].shares: names no class"));
    EXPECT_THAT(one({{"shares", {{"a", 0.5}}}}, op),
                ElementsAre("with.transforms[0].shares: must add up to 1; name every class"));
    EXPECT_THAT(one({{"shares", {{"a", 0}, {"b", 1}}}}, op),
                ElementsAre(HasSubstr("transforms[0].shares.a")));
    EXPECT_THAT(one({{"columns", "x"}}, op), ElementsAre(HasSubstr("unknown key")));
  }
  EXPECT_THAT(one({{"k", 0}}, "smote"), ElementsAre(HasSubstr("transforms[0].k")));
  EXPECT_THAT(one({{"max_rows", 1}}, "smote"), ElementsAre(HasSubstr("transforms[0].max_rows")));
  EXPECT_THAT(one({{"weights", {{"a", 2}}}, {"name", "w"}}, "class_weights"), IsEmpty());
  EXPECT_THAT(one({{"weights", "even"}}, "class_weights"),
              ElementsAre("with.transforms[0].weights: must be balanced, or {CLASS: weight}"));
  EXPECT_THAT(one({{"weights", {{"a", -2}}}}, "class_weights"),
              ElementsAre("with.transforms[0].weights.a: must be a number of at least 0"));
  // What learns nothing and is about rows comes before them: they come after the split.
  EXPECT_THAT(Problems({{{"op", "smote"}}, {{"op", "drop_missing"}}}),
              ElementsAre(HasSubstr("drop_missing must stand before smote")));
  EXPECT_THAT(Problems({{{"op", "standard"}, {"columns", "x"}}, {{"op", "upsample"}}}), IsEmpty());
}

}  // namespace
}  // namespace penstock

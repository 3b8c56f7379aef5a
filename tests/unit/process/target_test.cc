// target, against encode_reference.py.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "steps/process/categories.h"
#include "steps/process/operation.h"
#include "tests/unit/process/operation_bench.h"
#include "tests/unit/process/reference.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Roles kRoles{.label = "y", .weight = "", .time = "", .group = "", .id = {}, .keep = {}};
const LabelInfo kNumber{LabelInfo::Kind::kNumber, {}, ""};
const LabelInfo kNoYes{LabelInfo::Kind::kClasses, {"no", "yes"}, "yes"};
// Sums of up to 180 numbers: a few roundings each.
constexpr double kTolerance = 1e-13;

// Fits on the first `rows` rows in blocks, and applies to them as training rows, in tables of
// `at_once` rows.
Table ApplyToTraining(const Json& spec, const Table& table, int64_t rows, const LabelInfo& label,
                      int64_t at_once = 1'000, int64_t block_rows = 1'000) {
  const Table training = RowsOf(table, 0, rows);
  const Frame frame = FrameOf(training, block_rows);
  auto made = MakeOperation(spec);
  EXPECT_TRUE(made.ok()) << made.status();
  const Status fitted = (*made)->Fit(FitData(frame, kRoles, label));
  EXPECT_TRUE(fitted.ok()) << fitted;
  // As a transform keeps it.
  auto again = MakeOperation(*ParseJson(DumpJson((*made)->ToJson())));
  EXPECT_TRUE(again.ok()) << again.status();
  TableCollector collector;
  for (int64_t begin = 0; begin < rows; begin += at_once) {
    Table part = RowsOf(training, begin, std::min(begin + at_once, rows));
    std::erase_if(part.columns, [](const Column& column) { return column.info.name == "y"; });
    AppliedRows applied;
    applied.first_row = begin;
    applied.training.assign(static_cast<std::size_t>(part.rows), 1);
    const Status status = (*again)->Apply(part, applied);
    EXPECT_TRUE(status.ok()) << status;
    collector.Append(std::move(part));
  }
  return collector.Take();
}

class TargetReference : public testing::Test {
 protected:
  Column Values() const {
    return MakeStringColumn("v", reference_["values"].get<std::vector<std::string>>());
  }
  Column Classes() const {
    return MakeStringColumn("y", reference_["classes"].get<std::vector<std::string>>());
  }
  void Check(const Json& spec, const Column& label, const LabelInfo& info,
             const std::vector<Json>& expected, const std::vector<std::string>& names) const {
    const int64_t train = reference_["train"].get<int64_t>();
    const Table table = Make({Values(), label});
    const Table whole = FitApply(spec, table, train, nullptr, kRoles, info);
    const Table training = ApplyToTraining(spec, table, train, info);
    EXPECT_EQ(whole.names(), names);
    EXPECT_EQ(training.names(), names);
    for (std::size_t j = 0; j < names.size(); ++j) {
      ExpectNumbers(whole.columns[j].numbers, expected[j]["whole"], kTolerance);
      ExpectNumbers(training.columns[j].numbers, expected[j]["out_of_fold"], kTolerance);
    }
    ExpectSame(training, ApplyToTraining(spec, table, train, info, 7));
  }

  const Json reference_ = LoadReference("encode_reference.json");
};

TEST_F(TargetReference, OfNumbers) {
  const Column label = MakeNumberColumn("y", reference_["numbers"].get<std::vector<double>>());
  Check({{"op", "target"}, {"columns", "v"}}, label, kNumber, {reference_["target"]["numbers"]},
        {"v"});
}

TEST_F(TargetReference, OfThePositiveClass) {
  // "c" is no class here, so that the label has two.
  std::vector<std::string> classes = reference_["classes"].get<std::vector<std::string>>();
  for (std::string& name : classes) {
    if (name == "c") name = "a";
  }
  Check({{"op", "target"}, {"columns", "v"}, {"folds", 3}, {"seed", 11}, {"smoothing", 0}},
        MakeStringColumn("y", classes), {LabelInfo::Kind::kClasses, {"a", "b"}, "b"},
        {reference_["target"]["positive_b"]}, {"v"});
}

TEST_F(TargetReference, OfEachClass) {
  Check({{"op", "target"}, {"columns", "v"}, {"folds", 4}, {"seed", 2}, {"smoothing", 2.5}},
        Classes(), {LabelInfo::Kind::kClasses, {"a", "b", "c"}, ""},
        reference_["target"]["classes"].get<std::vector<Json>>(), {"v=a", "v=b", "v=c"});
}

TEST_F(TargetReference, BlocksOfAnyLengthGiveTheSameShares) {
  const LabelInfo info{LabelInfo::Kind::kClasses, {"a", "b", "c"}, ""};
  const Table table = Make({Values(), Classes()});
  const Json spec = {{"op", "target"}, {"columns", "v"}};
  ExpectSame(ApplyToTraining(spec, table, 180, info, 1'000, 1'000),
             ApplyToTraining(spec, table, 180, info, 1'000, 11));
}

// A category that each row has alone says nothing of the row's own label, but to the row itself.
TEST(Target, ATrainingRowDoesNotSeeItsOwnLabel) {
  std::vector<std::string> ids;
  std::vector<double> labels;
  for (int i = 0; i < 60; ++i) {
    ids.push_back("id" + std::to_string(i));
    labels.push_back(i % 7);
  }
  const Table table = Make({MakeStringColumn("id", ids), MakeNumberColumn("y", labels)});
  const Json spec = {{"op", "target"}, {"columns", "id"}, {"smoothing", 0}};
  const Table later = FitApply(spec, table, 60, nullptr, kRoles, kNumber);
  const Table training = ApplyToTraining(spec, table, 60, kNumber);
  for (std::size_t i = 0; i < 60; ++i) {
    EXPECT_EQ(later.columns[0].numbers[i], labels[i]);
    double sum = 0;
    double rows = 0;
    for (std::size_t j = 0; j < 60; ++j) {
      if (FoldOf(static_cast<int64_t>(j), 0, 5) == FoldOf(static_cast<int64_t>(i), 0, 5)) continue;
      sum += labels[j];
      rows += 1;
    }
    EXPECT_DOUBLE_EQ(training.columns[0].numbers[i], sum / rows);
  }
}

TEST(Target, MissingAndUnknownValues) {
  const Table table =
      Make({MakeStringColumn("t", {"a", "a", "", "", "b", "new"}, ColumnKind::kCategorical,
                             {true, true, false, false, true, true}),
            MakeStringColumn("y", {"yes", "no", "yes", "yes", "no", "no"})});
  Json spec = {{"op", "target"}, {"columns", "t"}, {"smoothing", 0}};
  Table encoded = FitApply(spec, table, 5, nullptr, kRoles, kNoYes);
  EXPECT_THAT(encoded.columns[0].numbers, ElementsAre(0.5, 0.5, 1, 1, 0, 0.6));
  EXPECT_EQ(encoded.columns[0].info.type, ColumnType::kDouble);
  spec["missing"] = "keep";
  encoded = FitApply(spec, table, 5, nullptr, kRoles, kNoYes);
  EXPECT_TRUE(std::isnan(encoded.columns[0].numbers[2]));
  EXPECT_EQ(encoded.columns[0].numbers[5], 0.6);
}

TEST(Target, RowsWithoutALabelDoNotCount) {
  const double infinite = std::numeric_limits<double>::infinity();
  const Table table = Make({MakeStringColumn("t", {"a", "a", "a", "b", "b"}),
                            MakeNumberColumn("y", {1, kMissing, 3, 10, infinite})});
  const Json spec = {{"op", "target"}, {"columns", "t"}, {"smoothing", 0}};
  EXPECT_THAT(FitApply(spec, table, 5, nullptr, kRoles, kNumber).columns[0].numbers,
              ElementsAre(2, 2, 2, 10, 10));
}

TEST(Target, SumsOfAFoldAreCompensated) {
  std::vector<double> labels(20);
  const std::vector<double> summands = {1e16, 1, -1e16};
  std::size_t next = 0;
  for (std::size_t i = 0; i < labels.size() && next < summands.size(); ++i) {
    if (FoldOf(static_cast<int64_t>(i), 0, 2) == 0) labels[i] = summands[next++];
  }
  ASSERT_EQ(next, summands.size());
  const Table table = Make(
      {MakeStringColumn("t", std::vector<std::string>(20, "a")), MakeNumberColumn("y", labels)});
  const Json spec = {{"op", "target"}, {"columns", "t"}, {"smoothing", 0}, {"folds", 2}};
  EXPECT_EQ(FitApply(spec, table, 20, nullptr, kRoles, kNumber).columns[0].numbers[0], 1.0 / 20);
}

TEST(Target, DegenerateInputIsAClearError) {
  const Json spec = {{"op", "target"}, {"columns", "t"}};
  const Table table =
      Make({MakeStringColumn("t", {"a", "b"}), MakeNumberColumn("y", {kMissing, kMissing})});
  EXPECT_EQ(FitError(spec, table, kRoles, kNumber), "target: no training row has a label");
  EXPECT_THAT(FitError(spec, RowsOf(table, 0, 0), kRoles, kNumber),
              HasSubstr("no training row has a label"));
  EXPECT_EQ(FitError(spec, Make({MakeStringColumn("t", {"a"})})),
            "target: there is no label to take the mean of; name its column in roles.label, or use "
            "frequency, hash or one_hot");
  const Table one = Make({MakeStringColumn("t", {"a"}), MakeNumberColumn("y", {5})});
  EXPECT_THAT(FitError(spec, one, kRoles, kNumber),
              HasSubstr("all training rows with a label (1) are in one fold"));
  const Table large = Make({MakeStringColumn("t", {"a", "a", "a", "a", "a", "a"}),
                            MakeNumberColumn("y", std::vector<double>(6, 1.7e308))});
  EXPECT_THAT(FitError(spec, large, kRoles, kNumber), HasSubstr("is no finite number"));
}

TEST(Target, ConstantValuesAndAllMissing) {
  const Table table = Make({MakeStringColumn("none", std::vector<std::string>(8),
                                             ColumnKind::kCategorical, std::vector<bool>(8)),
                            MakeNumberColumn("same", std::vector<double>(8, 4)),
                            MakeNumberColumn("y", {1, 2, 3, 4, 5, 6, 7, 8})});
  const Table encoded = FitApply({{"op", "target"}, {"columns", {"none", "same"}}}, table, 8,
                                 nullptr, kRoles, kNumber);
  EXPECT_DOUBLE_EQ(encoded.columns[0].numbers[3], 4.5);
  EXPECT_DOUBLE_EQ(encoded.columns[1].numbers[3], 4.5);
}

TEST(Target, RefusesParametersAndDamagedTransforms) {
  const auto error = [](Json spec) {
    spec["op"] = "target";
    spec["columns"] = "t";
    return RestoreError(spec);
  };
  EXPECT_EQ(error({{"folds", 1}}), "target: folds must be from 2 to 100, not 1");
  EXPECT_EQ(error({{"smoothing", -1}}), "target: smoothing must be a number from 0");
  const Json good = {{"categories", {"a"}},
                     {"classes", Json::array()},
                     {"counts", {1, 2, 0, 0}},
                     {"sums", {1, 0.5, 0, 0}}};
  const auto damaged = [&](const char* member, const Json& value) {
    Json fitted = good;
    fitted[member] = value;
    return error({{"folds", 2}, {"fitted", {{"t", fitted}}}});
  };
  EXPECT_EQ(damaged("classes", Json::array()), "no error");
  EXPECT_THAT(damaged("counts", {1, 2}), HasSubstr("a count and sums for each fold"));
  EXPECT_THAT(damaged("counts", {1, 2, 0, -1}), HasSubstr("whole number"));
  EXPECT_THAT(damaged("sums", {"x", 1, 2, 3}), HasSubstr("a sum is a number"));
  EXPECT_THAT(damaged("categories", Json::array()), HasSubstr("a count and sums for each fold"));
  EXPECT_THAT(damaged("classes", {"p", "q"}), HasSubstr("a count and sums for each fold"));
  EXPECT_THAT(damaged("counts", {0, 0, 0, 0}), HasSubstr("is no finite number"));
}

}  // namespace
}  // namespace penstock

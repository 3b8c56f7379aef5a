// Operations on numbers in a whole process step.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "steps/process/process.h"
#include "steps/process/transform.h"
#include "steps/table/dataset.h"
#include "tests/contract/process/step_bench.h"

namespace penstock {
namespace {

using testing::HasSubstr;

class NumbersTest : public testing::Test {
 protected:
  Result<StepOutcome> Run(std::string_view parameters) {
    const auto json = ParseJson(parameters);
    EXPECT_TRUE(json.ok()) << json.status();
    step_.parameters_ = *json;
    step_.Reset();
    return RunProcess(step_);
  }
  Table Load(const std::string& output) {
    auto table = LoadDataset(step_.output_ / output, {}, {});
    EXPECT_TRUE(table.ok()) << table.status();
    return table.ok() ? std::move(*table) : Table();
  }
  FakeStep step_{"process"};
};

// 400 rows of which every tenth has x = 1000 + i, and some lack x or z.
std::string Rows() {
  std::string bytes = "i,x,z,g,y\n";
  for (int i = 0; i < 400; ++i) {
    bytes += std::to_string(i) + ",";
    bytes += i % 10 == 0 ? std::to_string(1'000 + i) : i % 17 == 5 ? "" : std::to_string(i % 23);
    bytes += i % 13 == 1 ? "," : "," + std::to_string((i * 37 % 101) * 0.25);
    bytes += i % 3 == 0 ? ",left" : i % 3 == 1 ? ",right" : ",";
    bytes += i % 2 == 0 ? ",a\n" : ",b\n";
  }
  return bytes;
}

TEST_F(NumbersTest, OutliersAreDroppedFromTrainAlone) {
  step_.AddFile("data", "rows.csv", Rows());
  const auto outcome = Run(R"({
      "roles": {"label": "y", "keep": ["i"]}, "split": {"train": 0.7, "test": 0.3, "seed": 5},
      "transforms": [
        {"op": "outliers", "columns": "x", "method": "iqr", "action": "drop"},
        {"op": "impute", "columns": {"kind": "numeric"}, "method": "mean"},
        {"op": "drop", "columns": "g"}]})");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const Table train = Load("train");
  const Table test = Load("test");
  EXPECT_EQ(test.rows, 120);
  int in_test = 0;
  for (const double i : test.Find("i")->numbers) in_test += std::fmod(i, 10) == 0 ? 1 : 0;
  EXPECT_GT(in_test, 0);
  EXPECT_EQ(train.rows, 280 - (40 - in_test)) << "rows that lack x stay";
  for (const double x : train.Find("x")->numbers) EXPECT_LT(x, 100);
  EXPECT_EQ(outcome->metrics.at("train_rows"), static_cast<double>(train.rows));
  EXPECT_EQ(outcome->metrics.at("rows_dropped"), 40.0 - in_test);
  // What comes after learned from the rows that are left.
  double sum = 0;
  double count = 0;
  for (int i = 0; i < 400; ++i) {
    const auto& left = train.Find("i")->numbers;
    if (std::find(left.begin(), left.end(), i) == left.end() || i % 17 == 5) continue;
    sum += i % 23;
    ++count;
  }
  const auto transform = Transform::Load(step_.output_ / "transform");
  ASSERT_TRUE(transform.ok()) << transform.status();
  EXPECT_DOUBLE_EQ(transform->ToJson()["operations"][0]["fitted"]["x"].get<double>(), sum / count);
  // Nothing is dropped from what is predicted.
  const InputArtifact raw = step_.AddFile("x", "rows.csv", Rows());
  const auto applied = transform->ApplyToRaw(raw, {}, step_);
  ASSERT_TRUE(applied.ok()) << applied.status();
  EXPECT_EQ(applied->features.rows, 400);
}

TEST_F(NumbersTest, SomethingMustBeLeft) {
  step_.AddFile("data", "rows.csv", Rows());
  const auto outcome = Run(R"({"roles": {"label": "y"}, "transforms": [
      {"op": "outliers", "columns": ["i"], "method": "quantile", "lower": 0.49, "upper": 0.490001,
       "action": "drop"}]})");
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.status().message(),
              HasSubstr("transforms[0]: outliers: every training row has an outlier"));
}

TEST_F(NumbersTest, RawAndProcessedDataGiveTheSameBits) {
  step_.AddFile("data", "rows.csv", Rows());
  ASSERT_TRUE(Run(R"({
      "roles": {"label": "y", "id": ["i"]},
      "transforms": [
        {"op": "indicator"},
        {"op": "outliers", "columns": "x", "method": "iqr", "action": "mark"},
        {"op": "impute", "columns": "x", "method": "median", "by": "g"},
        {"op": "impute_knn", "columns": ["x", "z"], "weights": "distance", "standardize": true,
         "max_donors": 90},
        {"op": "impute", "columns": "g", "method": "category"},
        {"op": "one_hot", "columns": "g"},
        {"op": "log", "columns": "x", "offset": "auto"},
        {"op": "yeo_johnson", "columns": ["x", "z"]},
        {"op": "quantile", "columns": "z", "distribution": "normal"},
        {"op": "robust", "columns": "x"},
        {"op": "max_abs", "columns": "z"},
        {"op": "bin", "columns": "x", "method": "quantile", "output": "one_hot"}]})")
                  .ok());
  const auto processed = LoadLabelled(step_.output_ / "data", {});
  ASSERT_TRUE(processed.ok()) << processed.status();
  const auto transform = Transform::Load(step_.output_ / "data/transform");
  ASSERT_TRUE(transform.ok()) << transform.status();
  EXPECT_EQ(DumpJson(transform->ToJson()) + "\n",
            ReadBytes(step_.output_ / "transform/transform.json"));
  const InputArtifact raw = step_.AddFile("x", "rows.csv", Rows());
  const auto applied = transform->ApplyToRaw(raw, {}, step_);
  ASSERT_TRUE(applied.ok()) << applied.status();
  ASSERT_EQ(applied->features.names, processed->features.names);
  for (std::size_t j = 0; j < processed->features.columns.size(); ++j) {
    const auto& a = applied->features.columns[j];
    const auto& b = processed->features.columns[j];
    ASSERT_EQ(a.size(), b.size());
    EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(double)), 0)
        << processed->features.names[j];
  }
}

TEST_F(NumbersTest, SameBytesForAnyNumberOfThreads) {
  step_.AddFile("data", "rows.csv", Rows());
  constexpr char kSteps[] = R"({
      "roles": {"label": "y", "keep": ["i"]}, "split": {"train": 0.8, "test": 0.2, "seed": 2},
      "transforms": [
        {"op": "outliers", "columns": "z", "method": "z_score", "threshold": 1.5, "action": "drop"},
        {"op": "impute", "columns": "x", "method": "mean", "by": "g"},
        {"op": "impute_knn", "columns": ["x", "z"]},
        {"op": "drop", "columns": "g"},
        {"op": "yeo_johnson", "columns": "x"},
        {"op": "quantile", "columns": "z"}]})";
  const auto first = Run(kSteps);
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string transform = ReadBytes(step_.output_ / "transform/transform.json");
  step_.threads_ = 4;
  ASSERT_TRUE(Run(kSteps).ok());
  EXPECT_EQ(ReadBytes(step_.output_ / "transform/transform.json"), transform);
}

}  // namespace
}  // namespace penstock

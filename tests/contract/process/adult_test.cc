// The real census data: counts against numbers that were taken from the files with other tools.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>

#include "steps/process/process.h"
#include "steps/process/transform.h"
#include "steps/table/dataset.h"
#include "tests/contract/process/step_bench.h"

namespace penstock {
namespace {

Json AdultParameters() {
  Json columns = Json::array();
  for (const char* name :
       {"age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation",
        "relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week",
        "native-country", "income"}) {
    columns.push_back({{"name", name}});
  }
  return {{"read",
           {{"format", "csv"},
            {"header", false},
            {"trim", true},
            {"nulls", {"?"}},
            {"columns", columns}}},
          {"roles", {{"label", "income"}}},
          {"labels",
           {{"classes", {"<=50K", ">50K"}},
            {"positive", ">50K"},
            {"map", {{">50K.", ">50K"}, {"<=50K.", "<=50K"}}}}},
          {"transforms",
           {{{"op", "impute"}, {"columns", {{"kind", "categorical"}}}, {"method", "category"}},
            {{"op", "one_hot"}, {"columns", {{"kind", "categorical"}}}}}}};
}

class AdultTest : public testing::Test {
 protected:
  void SetUp() override {
    data_ = RealData();
    if (data_.empty()) GTEST_SKIP() << "../shared/data is absent";
    step_.inputs_["data"] = {Input("adult.data")};
  }
  InputArtifact Input(const std::string& name) const {
    return {data_ / "adult" / name, ArtifactType::kFile, Digest(), "@" + name};
  }
  FakeStep step_{"process"};
  std::filesystem::path data_;
};

TEST_F(AdultTest, Whole) {
  step_.parameters_ = AdultParameters();
  step_.Reset();
  const auto outcome = RunProcess(step_);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->metrics.at("rows"), 32'561);
  // 6 numeric columns; 8 + 16 + 7 + 14 + 6 + 5 + 2 + 41 values and 3 times "missing", as
  // `cut -d, -fN adult.data | sort -u | wc -l` counts them ("?" is one of them).
  EXPECT_EQ(outcome->metrics.at("features"), 6 + 9 + 16 + 7 + 15 + 6 + 5 + 2 + 42);
  const auto data = LoadLabelled(step_.output_ / "data", {});
  ASSERT_TRUE(data.ok()) << data.status();
  double positive = 0;
  for (const double label : data->labels) positive += label;
  EXPECT_EQ(positive, 7'841);  // grep -c '>50K$'
  // Each categorical column has exactly one indicator a row.
  for (std::size_t i = 0; i < data->labels.size(); i += 331) {
    double indicators = 0;
    for (std::size_t j = 0; j < data->features.names.size(); ++j) {
      if (data->features.names[j].find('=') != std::string::npos) {
        indicators += data->features.columns[j][i];
      }
    }
    EXPECT_EQ(indicators, 8);
  }
}

TEST_F(AdultTest, TheOtherFileGoesThroughTheSameTransform) {
  step_.parameters_ = AdultParameters();
  step_.Reset();
  ASSERT_TRUE(RunProcess(step_).ok());
  const auto train = step_.output_;
  const auto transform = Transform::Load(train / "data/transform");
  ASSERT_TRUE(transform.ok()) << transform.status();
  const auto raw =
      transform->ApplyToRaw(Input("adult.test"), {.labels = true, .keep = {"age"}}, step_);
  ASSERT_TRUE(raw.ok()) << raw.status();
  EXPECT_EQ(raw->features.rows, 16'281);
  double positive = 0;
  for (const double label : raw->labels) positive += label;
  EXPECT_EQ(positive, 3'846);  // grep -c '>50K\.$' adult.test
  EXPECT_EQ(raw->kept.columns[0].text(0), "25");
  // process with the transform given writes the same bits.
  step_.Bind("transform", train / "transform", "transform");
  step_.inputs_["data"] = {Input("adult.test")};
  step_.parameters_ = Json::object();
  step_.Reset();
  ASSERT_TRUE(RunProcess(step_).ok());
  const auto processed = LoadLabelled(step_.output_ / "data", {});
  ASSERT_TRUE(processed.ok()) << processed.status();
  EXPECT_EQ(processed->labels, raw->labels);
  ASSERT_EQ(processed->features.names, raw->features.names);
  for (std::size_t j = 0; j < raw->features.columns.size(); ++j) {
    ASSERT_EQ(std::memcmp(processed->features.columns[j].data(), raw->features.columns[j].data(),
                          raw->features.columns[j].size() * sizeof(double)),
              0);
  }
}

TEST_F(AdultTest, ReadsTheFirstLineOfThePublishedTestFileAway) {
  const std::string bytes = "|1x3 Cross validator\n" + ReadBytes(data_ / "adult/adult.test");
  for (const Json& read : {Json{{"skip_lines", 1}}, Json{{"comment", "|"}}}) {
    step_.inputs_.clear();
    step_.AddFile("data", "@adult.test", bytes);
    step_.parameters_ = AdultParameters();
    step_.parameters_["read"].update(read);
    step_.Reset();
    const auto outcome = RunProcess(step_);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_EQ(outcome->metrics.at("rows"), 16'281);
  }
  step_.parameters_ = AdultParameters();
  step_.Reset();
  const auto outcome = RunProcess(step_);
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.status().message(), testing::StartsWith("@adult.test: line 1, column 2"));
}

// No verdict on time: figures for whoever looks.
TEST_F(AdultTest, PrintsItsSpeed) {
  step_.parameters_ = AdultParameters();
  for (int i = 0; i < 4; ++i) {
    step_.Reset();
    const auto start = std::chrono::steady_clock::now();
    ASSERT_TRUE(RunProcess(step_).ok());
    const auto processed = std::chrono::steady_clock::now();
    ASSERT_TRUE(LoadLabelled(step_.output_ / "data", {}).ok());
    const auto loaded = std::chrono::steady_clock::now();
    const auto ms = [](auto a, auto b) {
      return std::chrono::duration<double, std::milli>(b - a).count();
    };
    std::printf("process %.1f ms, load %.1f ms\n", ms(start, processed), ms(processed, loaded));
  }
}

}  // namespace
}  // namespace penstock

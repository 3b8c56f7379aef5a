// Logistic regression on the real census data: fitted on the whole of adult.data, judged on
// adult.test; missing values as a category, one-hot, standardised, L2 with C = 1.
//
// Reference: reference.py beside this file, Newton's method in numpy until the gradient is below
// 1e-10 a row, on the matrix that the product's own process step exports; its output is
// reference.json. Tolerances: 1e-4 relative for coefficients, .001 for the AUC, .003 for accuracy.

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>

#include "base/file.h"
#include "steps/algorithms/linear_learner/linear_learner.h"
#include "steps/evaluate/evaluate.h"
#include "steps/model_io/score.h"
#include "tests/contract/algorithms/train_bench.h"

namespace penstock {
namespace {

Json AdultProcess() {
  Json columns = Json::array();
  for (const char* name :
       {"age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation",
        "relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week",
        "native-country", "income"}) {
    columns.push_back({{"name", name}});
  }
  return ParseJson(R"({
    "read": {"format": "csv", "header": false, "trim": true, "nulls": ["?"]},
    "roles": {"label": "income"},
    "labels": {"classes": ["<=50K", ">50K"], "positive": ">50K",
               "map": {">50K.": ">50K", "<=50K.": "<=50K"}},
    "transforms": [
      {"op": "impute", "columns": {"kind": "categorical"}, "method": "category"},
      {"op": "one_hot", "columns": {"kind": "categorical"}, "unknown": "ignore"}]})")
      .value()
      .patch(Json::array({{{"op", "add"}, {"path", "/read/columns"}, {"value", columns}}}));
}

Json ReadReference() {
  const Result<std::string> text =
      ReadFile("tests/golden/steps/linear_learner/reference.json", 1 << 20);
  EXPECT_TRUE(text.ok()) << text.status();
  return ParseJson(*text).value();
}

TEST(AdultLinearLearnerTest, MeetsTheReference) {
  const std::filesystem::path data = RealData();
  if (data.empty()) GTEST_SKIP() << "../shared/data is absent";
  const auto input = [&](const std::string& name) {
    return InputArtifact{data / "adult" / name, ArtifactType::kFile, Digest(), "@" + name};
  };
  SeriesStep process("process");
  process.parameters_ = AdultProcess();
  process.inputs_["data"] = {input("adult.data")};
  const Result<StepOutcome> processed = process.Run();
  ASSERT_TRUE(processed.ok()) << processed.status();

  SeriesStep train("train");
  train.algorithm_ = "linear-learner";
  train.parameters_ = {{"C", 1.0}, {"l1_ratio", 0.0}, {"standardize", true}};
  train.Bind("train", process.output_ / "data", "prepare.data");
  const Result<StepOutcome> trained = train.Run();
  ASSERT_TRUE(trained.ok()) << trained.status();
  EXPECT_EQ(trained->metrics.at("converged"), 1);

  const Json reference = ReadReference();
  const Result<std::string> text = ReadFile(train.output_ / "model" / kLinearModelFile);
  ASSERT_TRUE(text.ok()) << text.status();
  const Json model = ParseJson(*text, {.max_bytes = 1 << 20, .max_depth = 8}).value();
  ASSERT_EQ(model["features"].size(), reference["coefficients"].size());
  for (std::size_t j = 0; j < model["features"].size(); ++j) {
    const std::string name = model["features"][j].get<std::string>();
    ASSERT_TRUE(reference["coefficients"].contains(name)) << name;
    const double expected = reference["coefficients"][name].get<double>();
    EXPECT_NEAR(model["standardised"][0][j].get<double>(), expected, 1e-4 * std::abs(expected))
        << name;
  }

  SeriesStep evaluate("evaluate");
  evaluate.Bind("model", train.output_ / "model", "train.model");
  evaluate.inputs_["model"][0].type = ArtifactType::kModel;
  evaluate.inputs_["data"] = {input("adult.test")};
  const Result<StepOutcome> judged = evaluate.Run();
  ASSERT_TRUE(judged.ok()) << judged.status();
  EXPECT_EQ(judged->metrics.at("rows"), 16'281);
  EXPECT_NEAR(judged->metrics.at("auc"), reference["auc"].get<double>(), 0.001);
  EXPECT_NEAR(judged->metrics.at("accuracy"), reference["accuracy"].get<double>(), 0.003);
  EXPECT_NEAR(judged->metrics.at("auc"), 0.9043, 0.001);
  EXPECT_NEAR(judged->metrics.at("accuracy"), 0.8525, 0.003);
}

}  // namespace
}  // namespace penstock

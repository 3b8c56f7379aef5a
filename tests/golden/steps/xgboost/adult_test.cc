// XGBoost on the real census data: fitted on the whole of adult.data, judged on adult.test, missing
// values as a category, one-hot; depth 6, eta 0.3, 100 rounds, hist.
//
// Reference: reference.py beside this file, the same computation with XGBoost's Python package on
// the matrix that this test exports, to the folder that PENSTOCK_EXPORT_TO names. Ties between
// equally good splits fall differently with the order of the columns, hence the tolerances .001 and
// .003.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/file.h"
#include "steps/model_io/score.h"
#include "steps/table/show.h"
#include "tests/contract/algorithms/train_bench.h"

namespace penstock {
namespace {

constexpr double kReferenceAuc = 0.92690;
constexpr double kReferenceAccuracy = 0.87286;

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
            {{"op", "one_hot"}, {"columns", {{"kind", "categorical"}}}, {"unknown", "ignore"}}}}};
}

// Writes train.csv and test.csv for reference.py: the label as 0 and 1 first, then the features.
void Export(const std::filesystem::path& folder, const std::string& name, Table table) {
  for (Column& column : table.columns) {
    if (column.info.name != "income") continue;
    std::vector<double> labels;
    for (size_t i = 0; i < static_cast<size_t>(table.rows); ++i) {
      labels.push_back(column.text(i) == ">50K" ? 1 : 0);
    }
    column = MakeNumberColumn("income", std::move(labels));
    std::swap(column, table.columns.front());
  }
  ASSERT_TRUE(ExportTable(table, folder / (name + ".csv"), ExportFormat::kCsv, {}).ok());
}

// Area under the ROC curve by its definition: the share of (positive, negative) pairs in order,
// ties counting half. Independent of the product's own.
double Auc(const std::vector<double>& scores, const std::vector<double>& labels) {
  std::vector<std::pair<double, double>> rows;
  for (size_t i = 0; i < scores.size(); ++i) rows.emplace_back(scores[i], labels[i]);
  std::sort(rows.begin(), rows.end());
  double pairs = 0, negatives = 0, positives = 0;
  for (size_t begin = 0; begin < rows.size();) {
    size_t end = begin;
    double tied_positive = 0;
    while (end < rows.size() && rows[end].first == rows[begin].first) {
      tied_positive += rows[end++].second;
    }
    const double tied_negative = static_cast<double>(end - begin) - tied_positive;
    pairs += tied_positive * (negatives + tied_negative / 2);
    negatives += tied_negative;
    positives += tied_positive;
    begin = end;
  }
  return pairs / (positives * negatives);
}

class AdultXgboostTest : public testing::Test {
 protected:
  void SetUp() override {
    data_ = RealData();
    if (data_.empty()) GTEST_SKIP() << "../shared/data is absent";
    process_.parameters_ = AdultParameters();
    process_.inputs_["data"] = {Input("adult.data")};
    const Result<StepOutcome> outcome = process_.Run();
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    train_.algorithm_ = "xgboost";
    train_.Bind("train", process_.output_ / "data", "prepare.data");
    train_.parameters_ = {{"objective", "binary:logistic"},
                          {"max_depth", 6},
                          {"eta", 0.3},
                          {"num_round", 100},
                          {"tree_method", "hist"}};
  }
  InputArtifact Input(const std::string& name) const {
    return {data_ / "adult" / name, ArtifactType::kFile, Digest(), "@" + name};
  }
  std::filesystem::path data_;
  SeriesStep process_{"process"};
  SeriesStep train_{"train"};
};

TEST_F(AdultXgboostTest, JudgedOnTheTestFileItMeetsTheReference) {
  const auto start = std::chrono::steady_clock::now();
  const Result<StepOutcome> outcome = train_.Run();
  const auto end = std::chrono::steady_clock::now();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  RecordProperty("train_ms",
                 static_cast<int>(std::chrono::duration<double, std::milli>(end - start).count()));
  const InputArtifact model_input{train_.output_ / "model", ArtifactType::kModel, Digest(),
                                  "train.model"};
  const Result<LoadedModel> model = LoadModel(model_input, BuiltIn::Get().algorithms);
  ASSERT_TRUE(model.ok()) << model.status();
  const Result<ScoredInput> scored =
      ScoreInput(*model, Input("adult.test"), {.labels = true}, train_);
  ASSERT_TRUE(scored.ok()) << scored.status();
  ASSERT_TRUE(scored->has_labels);
  ASSERT_EQ(scored->predictions.rows, 16'281);
  std::vector<double> probability;
  double right = 0;
  for (size_t i = 0; i < scored->labels.size(); ++i) {
    probability.push_back(scored->predictions.scores[2 * i + 1]);
    right += (probability.back() >= 0.5) == (scored->labels[i] > 0.5) ? 1 : 0;
  }
  const double auc = Auc(probability, scored->labels);
  const double accuracy = right / 16'281;
  RecordProperty("auc", std::to_string(auc));
  RecordProperty("accuracy", std::to_string(accuracy));
  EXPECT_NEAR(auc, kReferenceAuc, 0.001);
  EXPECT_NEAR(accuracy, kReferenceAccuracy, 0.003);
}

TEST_F(AdultXgboostTest, ExportsTheMatrixForTheReference) {
  const TempFolder own = *TempFolder::Make("/tmp");
  const char* named = std::getenv("PENSTOCK_EXPORT_TO");
  const std::filesystem::path folder = named != nullptr ? named : own.path();
  Result<Table> train = LoadDataset(process_.output_ / "data", {}, {});
  ASSERT_TRUE(train.ok()) << train.status();
  Export(folder, "train", std::move(*train));
  SeriesStep test("process");
  test.Bind("transform", process_.output_ / "transform", "prepare.transform");
  test.inputs_["data"] = {Input("adult.test")};
  const Result<StepOutcome> outcome = test.Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  Result<Table> judged = LoadDataset(test.output_ / "data", {}, {});
  ASSERT_TRUE(judged.ok()) << judged.status();
  Export(folder, "test", std::move(*judged));
  for (const auto& [name, rows] : {std::pair{"train", 32'561}, std::pair{"test", 16'281}}) {
    const Result<std::string> text = ReadFile(folder / (std::string(name) + ".csv"), 256 << 20);
    ASSERT_TRUE(text.ok()) << text.status();
    EXPECT_TRUE(text->starts_with("income,")) << name;
    EXPECT_EQ(std::ranges::count(*text, '\n'), rows + 1) << name << ": a header, and a line a row";
  }
}

TEST_F(AdultXgboostTest, TheCurveIsTheLogLossOfTheFinalModel) {
  const Result<StepOutcome> outcome = train_.Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const std::vector<double>& curve = train_.series_.at("train_logloss");
  ASSERT_EQ(curve.size(), 100u);
  EXPECT_EQ(outcome->metrics.at("train_logloss"), curve.back());
  // Every round improves the training loss at this depth.
  EXPECT_TRUE(std::is_sorted(curve.rbegin(), curve.rend()));
  const InputArtifact model_input{train_.output_ / "model", ArtifactType::kModel, Digest(),
                                  "train.model"};
  const Result<LoadedModel> model = LoadModel(model_input, BuiltIn::Get().algorithms);
  ASSERT_TRUE(model.ok()) << model.status();
  const Result<ScoredInput> scored =
      ScoreInput(*model, Input("adult.data"), {.labels = true}, train_);
  ASSERT_TRUE(scored.ok()) << scored.status();
  double loss = 0;
  for (size_t i = 0; i < scored->labels.size(); ++i) {
    loss -= std::log(scored->predictions.scores[2 * i + (scored->labels[i] > 0.5 ? 1 : 0)]);
  }
  EXPECT_NEAR(loss / static_cast<double>(scored->labels.size()), curve.back(), 1e-6);
}

TEST_F(AdultXgboostTest, EarlyStoppingKeepsTheBestRounds) {
  process_.parameters_["split"] = {
      {"train", 0.8}, {"validation", 0.2}, {"seed", 7}, {"stratify", "income"}};
  ASSERT_TRUE(process_.Run().ok());
  train_.Bind("train", process_.output_ / "train", "prepare.train");
  train_.Bind("validation", process_.output_ / "validation", "prepare.validation");
  train_.parameters_["num_round"] = 300;
  train_.parameters_["early_stopping_rounds"] = 10;
  const Result<StepOutcome> outcome = train_.Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const std::vector<double>& curve = train_.series_.at("validation_logloss");
  const auto best = std::min_element(curve.begin(), curve.end());
  const auto best_round = best - curve.begin();
  EXPECT_EQ(outcome->metrics.at("best_iteration"), static_cast<double>(best_round));
  EXPECT_EQ(static_cast<int64_t>(curve.size()), best_round + 1 + 10);
  EXPECT_EQ(outcome->metrics.at("validation_logloss"), *best);
  EXPECT_EQ(outcome->metrics.at("rounds"), static_cast<double>(curve.size()));
  EXPECT_THAT(train_.log_, testing::HasSubstr("stopped early"));
  // The kept model is the one of the best round, not of the last.
  const InputArtifact model_input{train_.output_ / "model", ArtifactType::kModel, Digest(), "m"};
  const Result<LoadedModel> model = LoadModel(model_input, BuiltIn::Get().algorithms);
  ASSERT_TRUE(model.ok()) << model.status();
  const InputArtifact validation{process_.output_ / "validation", ArtifactType::kDataset, Digest(),
                                 "v"};
  const Result<ScoredInput> scored = ScoreInput(*model, validation, {.labels = true}, train_);
  ASSERT_TRUE(scored.ok()) << scored.status();
  double loss = 0;
  for (size_t i = 0; i < scored->labels.size(); ++i) {
    loss -= std::log(scored->predictions.scores[2 * i + (scored->labels[i] > 0.5 ? 1 : 0)]);
  }
  EXPECT_NEAR(loss / static_cast<double>(scored->labels.size()), *best, 1e-6);
}

}  // namespace
}  // namespace penstock

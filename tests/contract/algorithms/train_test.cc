// The steps process → train → predict on a small CSV, and what each refuses.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "steps/model_io/model_info.h"
#include "steps/table/dataset.h"
#include "tests/contract/algorithms/train_bench.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kProcess[] = R"({
    "roles": {"label": "bought", "keep": ["id"]},
    "labels": {"classes": ["no", "yes"], "positive": "yes"},
    "split": {"train": 0.8, "validation": 0.2, "seed": 3},
    "transforms": [{"op": "impute", "columns": "x", "method": "median"},
                   {"op": "one_hot", "columns": "colour", "unknown": "ignore"}]})";

Json Parsed(std::string_view text) {
  Result<Json> json = ParseJson(text);
  EXPECT_TRUE(json.ok()) << json.status();
  return json.ok() ? *json : Json();
}

class TrainTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    process_.AddFile("data", "@shop.csv", MakeCsv(600, 1));
    process_.parameters_ = Parsed(kProcess);
    const Result<StepOutcome> outcome = process_.Run();
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    train_.algorithm_ = GetParam();
    train_.threads_ = 1;
    train_.Bind("train", process_.output_ / "train", "prepare.train");
    train_.Bind("validation", process_.output_ / "validation", "prepare.validation");
  }
  void TrainAndBind() {
    const Result<StepOutcome> outcome = train_.Run();
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    predict_.Bind("model", train_.output_ / "model", "train.model");
  }
  Table Predictions() {
    const Result<StepOutcome> outcome = predict_.Run();
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    if (!outcome.ok()) return {};
    auto table = LoadDataset(predict_.output_ / "predictions", {}, {});
    EXPECT_TRUE(table.ok()) << table.status();
    return table.ok() ? std::move(*table) : Table();
  }
  static std::string ErrorOf(SeriesStep& step) {
    const Result<StepOutcome> outcome = step.Run();
    if (outcome.ok()) return "no error";
    EXPECT_EQ(outcome.status().code(), StatusCode::kInvalidArgument) << outcome.status();
    return outcome.status().message();
  }
  SeriesStep process_{"process"};
  SeriesStep train_{"train"};
  SeriesStep predict_{"predict"};
};

TEST_P(TrainTest, WritesAModelTreeThatTellsWhatItIs) {
  train_.inputs_["train"][0].digest = Digest(std::string(64, 'a'));
  const Result<StepOutcome> outcome = train_.Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  ASSERT_EQ(outcome->outputs.size(), 1u);
  EXPECT_EQ(outcome->outputs[0].name, "model");
  EXPECT_EQ(outcome->outputs[0].type, ArtifactType::kModel);
  EXPECT_EQ(outcome->metrics.at("features"), 5);
  const auto dataset = ReadDatasetInfo(process_.output_ / "train");
  ASSERT_TRUE(dataset.ok());
  EXPECT_EQ(outcome->metrics.at("rows"), static_cast<double>(dataset->rows));
  const Result<ModelInfo> info = ReadModelInfo(outcome->outputs[0].path, "model");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->algorithm, GetParam());
  EXPECT_EQ(info->task, Task::kBinary);
  EXPECT_EQ(info->label, "bought");
  EXPECT_THAT(info->classes, ElementsAre("no", "yes"));
  EXPECT_EQ(info->positive(), "yes");
  EXPECT_EQ(info->threshold, 0.5);
  EXPECT_EQ(info->features, dataset->feature_names());
  EXPECT_THAT(info->raw_features,
              ElementsAre(RawFeature{"x", "numeric"}, RawFeature{"y", "numeric"},
                          RawFeature{"colour", "categorical"}));
  EXPECT_EQ(info->transform_digest, dataset->transform_digest);
  EXPECT_EQ(info->data.at("train"), std::string(64, 'a'));
  EXPECT_EQ(ReadBytes(outcome->outputs[0].path / kModelTransformFile),
            ReadBytes(process_.output_ / "transform/transform.json"));
  // Reading and writing again loses nothing.
  EXPECT_EQ(ModelInfoToJson(*info), Parsed(ReadBytes(outcome->outputs[0].path / kModelFile)));
}

TEST_P(TrainTest, TheSameInputsGiveTheSameTree) {
  ASSERT_TRUE(train_.Run().ok());
  const auto first = TreeBytes(train_.output_);
  ASSERT_TRUE(train_.Run().ok());
  EXPECT_EQ(TreeBytes(train_.output_), first);
}

TEST_P(TrainTest, RawDataAndProcessedDataGiveTheSameBits) {
  TrainAndBind();
  predict_.parameters_ = {{"keep", {"id"}}};
  predict_.Bind("data", process_.output_ / "validation", "prepare.validation");
  const Table processed = Predictions();
  ASSERT_GT(processed.rows, 50);
  predict_.Unbind("data");
  predict_.AddFile("data", "@shop.csv", MakeCsv(600, 1));
  const Table raw = Predictions();
  ASSERT_EQ(raw.rows, 600);
  std::map<std::string, size_t> row_of;
  for (size_t i = 0; i < 600; ++i) row_of[raw.Find("id")->text(i)] = i;
  for (size_t i = 0; i < static_cast<size_t>(processed.rows); ++i) {
    const size_t j = row_of.at(processed.Find("id")->text(i));
    EXPECT_EQ(processed.Find("probability")->numbers[i], raw.Find("probability")->numbers[j]);
    EXPECT_EQ(processed.Find("prediction")->text(i), raw.Find("prediction")->text(j));
  }
}

TEST_P(TrainTest, PredictsRowsWithoutALabelInTheirOrder) {
  TrainAndBind();
  predict_.AddFile("data", "@new.csv", MakeCsv(100, 9, false));
  predict_.parameters_ = {{"keep", {"id", "colour"}}};
  const Table table = Predictions();
  EXPECT_THAT(table.names(), ElementsAre("id", "colour", "prediction", "probability"));
  ASSERT_EQ(table.rows, 100);
  EXPECT_EQ(table.Find("id")->text(0), "r0");
  EXPECT_EQ(table.Find("id")->text(99), "r99");
  for (size_t i = 0; i < 100; ++i) {
    const bool positive = table.Find("probability")->numbers[i] >= 0.5;
    EXPECT_EQ(table.Find("prediction")->text(i), positive ? "yes" : "no");
  }
}

TEST_P(TrainTest, TheThresholdAndTheColumnsAreChosen) {
  TrainAndBind();
  predict_.AddFile("data", "@new.csv", MakeCsv(50, 9, false));
  predict_.parameters_ = {{"threshold", 0.0}, {"columns", {"label", "probabilities"}}};
  const Table table = Predictions();
  EXPECT_THAT(table.names(), ElementsAre("prediction", "probability_no", "probability_yes"));
  for (size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(table.Find("prediction")->text(i), "yes");
    EXPECT_DOUBLE_EQ(table.Find("probability_no")->numbers[i],
                     1 - table.Find("probability_yes")->numbers[i]);
  }
}

TEST_P(TrainTest, PredictsIntoCsv) {
  TrainAndBind();
  predict_.AddFile("data", "@new.csv", MakeCsv(3, 9, false));
  predict_.parameters_ = {{"keep", {"id"}}, {"write", {{"format", "csv"}}}};
  ASSERT_TRUE(predict_.Run().ok());
  const std::string csv = ReadBytes(predict_.output_ / "predictions/predictions.csv");
  EXPECT_THAT(csv, StartsWith("id,prediction,probability\nr0,"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 4);
}

TEST_P(TrainTest, RefusesDataWithoutALabel) {
  process_.parameters_.erase("labels");
  process_.parameters_.erase("split");
  process_.parameters_["roles"] = Json::object();
  process_.parameters_["transforms"] = {{{"op", "drop"}, {"columns", {"id", "bought", "colour"}}}};
  ASSERT_TRUE(process_.Run().ok());
  train_.Bind("train", process_.output_ / "data", "prepare.data");
  EXPECT_THAT(ErrorOf(train_),
              AllOf(HasSubstr("prepare.data"), HasSubstr("no label"), HasSubstr("roles.label")));
}

TEST_P(TrainTest, TellsOfItsCourseAndItsWorthInAFewLines) {
  train_.parameters_["num_round"] = 45;
  TrainAndBind();
  EXPECT_LE(std::count(train_.log_.begin(), train_.log_.end(), '\n'), 12) << train_.log_;
  if (GetParam() == "xgboost") {
    for (const char* line :
         {"\nround 5 of 45: train_logloss 0.", "\nround 45 of 45: train_logloss 0.",
          ", validation_logloss 0.", "\nbest: round "}) {
      EXPECT_THAT(train_.log_, HasSubstr(line));
    }
  }
  SeriesStep evaluate("evaluate");
  evaluate.Bind("model", train_.output_ / "model", "train.model");
  evaluate.Bind("data", process_.output_ / "validation", "prepare.validation");
  ASSERT_TRUE(evaluate.Run().ok());
  EXPECT_THAT(evaluate.log_, StartsWith("judged 120 rows: accuracy 0."));
  EXPECT_THAT(evaluate.log_, AllOf(HasSubstr(", auc 0."), HasSubstr(", log_loss 0.")));
}

TEST_P(TrainTest, RefusesRowsOfOneClass) {
  process_.Unbind("data");
  process_.AddFile("data", "@one.csv", "id,x,colour,bought\na,1,red,no\nb,2,blue,no\nc,3,red,no\n");
  process_.parameters_["split"] = Json();
  ASSERT_TRUE(process_.Run().ok());
  train_.Bind("train", process_.output_ / "data", "prepare.data");
  train_.Unbind("validation");
  EXPECT_THAT(ErrorOf(train_), AllOf(StartsWith("prepare.data: all 3 rows have the class \"no\" in "
                                                "column \"bought\""),
                                     HasSubstr("labels.map and split")));
}

TEST_P(TrainTest, RefusesTextFeaturesSayingHowToEncodeThem) {
  process_.parameters_["transforms"] = Json::array();
  ASSERT_TRUE(process_.Run().ok());
  train_.Bind("train", process_.output_ / "train", "prepare.train");
  train_.Unbind("validation");
  EXPECT_THAT(ErrorOf(train_), AllOf(HasSubstr("colour"), HasSubstr("one_hot")));
}

TEST_P(TrainTest, RefusesAValidationSetOfAnotherTransform) {
  SeriesStep other("process");
  other.AddFile("data", "@other.csv", MakeCsv(300, 2));
  other.parameters_ = Parsed(kProcess);
  other.parameters_["transforms"].push_back({{"op", "drop"}, {"columns", Json::array({"x"})}});
  ASSERT_TRUE(other.Run().ok());
  train_.Bind("validation", other.output_ / "validation", "other.validation");
  EXPECT_THAT(ErrorOf(train_),
              AllOf(HasSubstr("input validation"), HasSubstr("another transform")));
}

TEST_P(TrainTest, RefusesWhatIsNoDataset) {
  train_.Unbind("train");
  train_.AddFile("train", "@shop.csv", MakeCsv(10, 1));
  EXPECT_THAT(ErrorOf(train_), AllOf(HasSubstr("@shop.csv"), HasSubstr("not a dataset")));
}

TEST_P(TrainTest, PredictRefusesDataOfAnotherTransform) {
  TrainAndBind();
  SeriesStep other("process");
  other.AddFile("data", "@other.csv", MakeCsv(300, 2));
  other.parameters_ = Parsed(kProcess);
  other.parameters_["transforms"].push_back({{"op", "drop"}, {"columns", Json::array({"x"})}});
  ASSERT_TRUE(other.Run().ok());
  predict_.Bind("data", other.output_ / "validation", "other.validation");
  EXPECT_THAT(ErrorOf(predict_),
              AllOf(HasSubstr("other.validation"), HasSubstr("another transform")));
}

TEST_P(TrainTest, PredictNamesTheColumnThatTheDataLack) {
  TrainAndBind();
  predict_.AddFile("data", "@new.csv", "id,x,colour\nr0,1,red\n");
  EXPECT_THAT(ErrorOf(predict_), AllOf(HasSubstr("@new.csv"), HasSubstr("\"y\"")));
  predict_.Unbind("data");
  predict_.AddFile("data", "@new.csv", MakeCsv(5, 9, false));
  predict_.parameters_ = {{"keep", {"customer"}}};
  EXPECT_THAT(ErrorOf(predict_), HasSubstr("customer"));
}

TEST_P(TrainTest, PredictRefusesWhatIsNoModel) {
  predict_.Bind("model", process_.output_ / "train", "prepare.train");
  predict_.AddFile("data", "@new.csv", MakeCsv(5, 9, false));
  EXPECT_THAT(ErrorOf(predict_), AllOf(HasSubstr("prepare.train"), HasSubstr("not a model")));
}

TEST_P(TrainTest, PredictRefusesTwoColumnsOfOneName) {
  TrainAndBind();
  predict_.AddFile("data", "@new.csv", "x,y,colour,prediction\n1,1,red,7\n");
  predict_.parameters_ = {{"keep", {"prediction"}}};
  EXPECT_THAT(ErrorOf(predict_), AllOf(HasSubstr("with.keep"), HasSubstr("\"prediction\"")));
}

TEST_P(TrainTest, ADamagedModelIsSaidToBeDamaged) {
  TrainAndBind();
  predict_.AddFile("data", "@new.csv", MakeCsv(5, 9, false));
  std::ofstream(train_.output_ / "model/model.json") << "{\"format\": \"penstock-model/1\"}";
  Result<StepOutcome> outcome = predict_.Run();
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(outcome.status().message(), AllOf(StartsWith("train.model"), HasSubstr("damaged")));
  std::ofstream(train_.output_ / "model/model.json") << "{\"format\": \"penstock-model/9\"}";
  outcome = predict_.Run();
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.status().reason(), "MODEL_FORMAT");
}

TEST_P(TrainTest, StopsWhenCancelled) {
  for (const int after : {0, 2}) {
    train_.cancel_after_ = after;
    const Result<StepOutcome> outcome = train_.Run();
    ASSERT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.status().code(), StatusCode::kCancelled) << outcome.status();
  }
}

std::vector<std::string> AlgorithmNames() {
  std::vector<std::string> names;
  for (const Algorithm* algorithm : BuiltIn::Get().algorithms.All()) {
    names.emplace_back(algorithm->name());
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(BuiltIn, TrainTest, testing::ValuesIn(AlgorithmNames()),
                         [](const testing::TestParamInfo<std::string>& chosen) {
                           std::string name = chosen.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace penstock

// Schemas against the code that they describe.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "steps/catalog/catalog.h"
#include "tests/contract/algorithms/train_bench.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const StepSchema& Schema(const std::string& key) {
  const StepSchema* schema = Catalog::BuiltIn().Find(key);
  EXPECT_NE(schema, nullptr) << key;
  return *schema;
}

// "path: message" of each problem.
std::vector<std::string> Problems(const std::string& key, const Json& parameters) {
  std::vector<Problem> problems;
  CheckParameters(Schema(key), parameters, "with", problems);
  std::vector<std::string> texts;
  for (const Problem& problem : problems) texts.push_back(problem.path + ": " + problem.message);
  return texts;
}

TEST(SchemaTest, EveryRegisteredStepHasASchemaOfItsVersion) {
  for (const std::string& announced : BuiltIn::Get().steps.Announce()) {
    const size_t at = announced.find('@');
    EXPECT_EQ(Schema(announced.substr(0, at)).version, announced.substr(at + 1)) << announced;
  }
}

TEST(SchemaTest, EveryAlgorithmTrainsOnItsDefaultsAndReportsWhatItDeclares) {
  for (const Algorithm* algorithm : BuiltIn::Get().algorithms.All()) {
    const StepSchema& schema = Schema("train/" + std::string(algorithm->name()));
    std::vector<Problem> problems;
    const Json defaults = CheckParameters(schema, Json::object(), "hyperparameters", problems);
    ASSERT_THAT(problems, IsEmpty());
    std::set<std::string> declared;
    for (const MetricSchema& metric : schema.metrics) declared.insert(metric.name);
    EXPECT_TRUE(declared.contains("rows") && declared.contains("features")) << schema.key;
    for (const int classes : {0, 2, 3}) {
      SeriesStep step("train");
      step.threads_ = 1;
      step.Reset();
      TrainingSetup setup = MakeSetup(classes);
      setup.hyperparameters = defaults;
      const LabelledData data = MakeData(300, classes, 1);
      const LabelledData validation = MakeData(100, classes, 2);
      const auto trained = algorithm->Train(setup, data, &validation, step);
      ASSERT_TRUE(trained.ok()) << schema.key << " " << trained.status();
      for (const auto& [name, value] : trained->metrics) {
        EXPECT_TRUE(declared.contains(name)) << schema.key << " " << name;
      }
      for (const auto& [name, values] : step.series_) {  // an algorithm may log others besides
        if (!name.starts_with("train_") && !name.starts_with("validation_")) continue;
        EXPECT_TRUE(declared.contains(name)) << schema.key << " " << name;
      }
    }
  }
}

TEST(SchemaTest, EveryParameterHasHelp) {
  for (const char* key : {"train/xgboost", "predict"}) {
    for (const ParameterSchema& parameter : Schema(key).parameters) {
      EXPECT_GT(parameter.help.size(), 10u) << key << " " << parameter.name;
    }
  }
}

TEST(SchemaTest, XgboostRefusesWhatIsOutOfBounds) {
  EXPECT_THAT(Problems("train/xgboost", {{"eta", 0.0}}), ElementsAre(HasSubstr("with.eta")));
  EXPECT_THAT(Problems("train/xgboost", {{"subsample", 1.5}}),
              ElementsAre(HasSubstr("with.subsample")));
  EXPECT_THAT(Problems("train/xgboost", {{"num_round", 0}}),
              ElementsAre(HasSubstr("with.num_round")));
  EXPECT_THAT(Problems("train/xgboost", {{"max_depht", 3}}), ElementsAre(HasSubstr("max_depth")));
  EXPECT_THAT(Problems("train/xgboost", {{"objective", "binary:logit"}}),
              ElementsAre(HasSubstr("with.objective")));
  EXPECT_THAT(Problems("train/xgboost", {{"max_depth", 0}}),
              ElementsAre(HasSubstr("grow without limit")));
  EXPECT_THAT(Problems("train/xgboost", {{"objective", "binary:logistic"}, {"base_score", 2}}),
              ElementsAre(HasSubstr("between 0 and 1")));
}

TEST(SchemaTest, XgboostKnowsItsMetrics) {
  EXPECT_THAT(Problems("train/xgboost", {{"eval_metric", "auc"}}), IsEmpty());
  EXPECT_THAT(Problems("train/xgboost", {{"eval_metric", {"auc", "${parameters.metric}"}}}),
              IsEmpty());
  EXPECT_THAT(Problems("train/xgboost", {{"eval_metric", {"auc", "loglos"}}}),
              ElementsAre(testing::AllOf(HasSubstr("with.eval_metric[1]"),
                                         HasSubstr("did you mean \"logloss\""))));
  EXPECT_THAT(Problems("train/xgboost", {{"eval_metric", Json::array()}}),
              ElementsAre(HasSubstr("empty")));
  EXPECT_THAT(Problems("train/xgboost", {{"eval_metric", 3}}),
              ElementsAre(HasSubstr("the name of a metric")));
}

TEST(SchemaTest, PredictFillsItsDefaults) {
  std::vector<Problem> problems;
  const Json filled = CheckParameters(Schema("predict"), Json::object(), "with", problems);
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_EQ(filled["keep"], Json::array());
  EXPECT_EQ(filled["write"]["format"], "parquet");
  EXPECT_THAT(Problems("predict", {{"columns", {"label", "score"}}}),
              ElementsAre(HasSubstr("with.columns[1]")));
  EXPECT_THAT(Problems("predict", {{"threshold", 1.5}}), ElementsAre(HasSubstr("with.threshold")));
}

}  // namespace
}  // namespace penstock

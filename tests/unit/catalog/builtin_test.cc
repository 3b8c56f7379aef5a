// Every built-in step's schema keeps the rules that the rest relies on.

#include "steps/catalog/builtin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/text.h"
#include "steps/catalog/task.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;
using testing::ElementsAre;
using testing::IsEmpty;

const StepSchema& Find(const std::string& key) {
  const StepSchema* schema = Catalog::BuiltIn().Find(key);
  EXPECT_NE(schema, nullptr) << key;
  static const StepSchema none;
  return schema == nullptr ? none : *schema;
}

std::vector<std::string> Names(const std::vector<PortSchema>& ports) {
  std::vector<std::string> names;
  for (const PortSchema& port : ports) names.push_back(port.name);
  return names;
}

std::set<std::string> Metrics(const std::string& key) {
  std::set<std::string> names;
  for (const MetricSchema& metric : Find(key).metrics) names.insert(metric.name);
  return names;
}

void ExpectGood(const ParameterSchema& parameter, const std::string& path, bool top) {
  SCOPED_TRACE(path);
  EXPECT_FALSE(top && parameter.help.empty()) << "`penstock describe step` shows it";
  EXPECT_FALSE(parameter.name.empty());
  EXPECT_FALSE(parameter.name.starts_with("x-"));
  EXPECT_EQ(parameter.kind == Kind::kEnum, !parameter.choices.empty());
  EXPECT_EQ(parameter.kind == Kind::kObject, !parameter.fields.empty());
  EXPECT_FALSE(parameter.required && !parameter.default_value.is_null());
  EXPECT_LE(parameter.minimum.value_or(-HUGE_VAL), parameter.maximum.value_or(HUGE_VAL));
  std::set<std::string> names;
  for (const ParameterSchema& field : parameter.fields) {
    EXPECT_TRUE(names.insert(field.name).second) << field.name;
    ExpectGood(field, path + "." + field.name, false);
  }
  if (parameter.element) ExpectGood(*parameter.element, path + "[]", false);
}

// So that a definition whose objective cannot fit is refused before it runs.
TEST(BuiltIn, EachObjectiveSaysWhatItLearns) {
  for (const std::string& algorithm : Catalog::BuiltIn().Algorithms()) {
    const std::string key = "train/" + algorithm;
    for (const ParameterSchema& parameter : Find(key).parameters) {
      if (parameter.name != "objective") continue;
      for (const std::string& choice : parameter.choices) {
        EXPECT_EQ(TasksOfObjective(key, Json{{"objective", choice}}) == kAnyTask, choice == "auto")
            << key << " " << choice;
      }
    }
  }
  EXPECT_EQ(Describe(kBinaryTask | kRegressionTask), "two classes or numbers");
}

TEST(BuiltIn, BoundsAreWrittenOut) {
  std::vector<Problem> problems;
  CheckParameters(Find("train/xgboost"),
                  {{"num_round", 1'000'000}, {"max_leafs", 5}, {"max_depth", 0}}, "h", problems);
  ASSERT_EQ(problems.size(), 2U) << "max_leaves may be what was meant: depth is not judged";
  EXPECT_EQ(problems[1].message, "1000000 is out of bounds; it must be >= 1 and <= 100000");
}

TEST(BuiltIn, HoldsTheStepsOfTheBrief) {
  std::vector<std::string> keys;
  for (const StepSchema* schema : Catalog::BuiltIn().All()) keys.push_back(schema->key);
  EXPECT_THAT(keys, ElementsAre("approval", "condition", "evaluate", "fail", "import", "map",
                                "noop", "notify", "pipeline", "predict", "process", "profile",
                                "promote", "register", "script", "train/linear-learner",
                                "train/xgboost", "validate", "wait"));
  EXPECT_THAT(Catalog::BuiltIn().Algorithms(), ElementsAre("linear-learner", "xgboost"));
}

TEST(BuiltIn, EverySchemaIsWhole) {
  for (const StepSchema* schema : Catalog::BuiltIn().All()) {
    SCOPED_TRACE(schema->key);
    EXPECT_FALSE(schema->version.empty());
    EXPECT_FALSE(schema->summary.empty());
    EXPECT_TRUE(schema->summary.ends_with("."));
    std::set<std::string> names;
    for (const ParameterSchema& parameter : schema->parameters) {
      EXPECT_TRUE(names.insert(parameter.name).second) << parameter.name;
      ExpectGood(parameter, schema->key + ": " + parameter.name, true);
    }
    for (const auto* ports : {&schema->inputs, &schema->outputs}) {
      names.clear();
      for (const PortSchema& port : *ports) {
        EXPECT_TRUE(names.insert(port.name).second) << port.name;
        EXPECT_TRUE(IsName(port.name)) << port.name;
        EXPECT_FALSE(port.help.empty()) << port.name;
      }
    }
    names.clear();
    for (const MetricSchema& metric : schema->metrics) {
      EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
      EXPECT_EQ(metric.name.find('.'), std::string::npos) << "references could not name it";
      EXPECT_FALSE(metric.help.empty()) << metric.name;
    }
    EXPECT_LE(schema->metrics.size(), static_cast<std::size_t>(limits::kMaxMetricsPerReport));
    EXPECT_EQ(JsonString(ParametersAsJsonSchema(*schema), "title"),
              schema->key + "@" + schema->version);
  }
}

TEST(BuiltIn, DefaultsPassTheirOwnChecksAndStay) {
  const std::map<std::string, Json> required = {
      {"fail", {{"message", "m"}}},
      {"register", {{"group", "g"}}},
      {"import", {{"uri", "file:///data/x"}}},
      {"promote", {{"group", "g"}, {"alias", "champion"}}},
      {"notify", {{"url", "https://example.com/hook"}}},
      {"wait", {{"duration", "1s"}}},
      {"script", {{"command", {"true"}}}},
      {"validate", {{"rules", Json::array({Json{{"rule", "rows"}, {"min", 1}}})}}},
  };
  for (const StepSchema* schema : Catalog::BuiltIn().All()) {
    const auto found = required.find(schema->key);
    std::vector<Problem> problems;
    const Json filled = CheckParameters(
        *schema, found == required.end() ? Json::object() : found->second, "with", problems);
    for (const Problem& each : problems) {
      ADD_FAILURE() << schema->key << ": " << each.path << ": " << each.message;
    }
    const Json again = CheckParameters(*schema, filled, "with", problems);
    EXPECT_EQ(again, filled) << schema->key << ": what is stored must read back to itself";
    EXPECT_THAT(problems, IsEmpty());
  }
}

TEST(BuiltIn, PortsAreThoseOfTheBrief) {
  for (const char* train : {"train/xgboost", "train/linear-learner"}) {
    const StepSchema& schema = Find(train);
    EXPECT_THAT(Names(schema.inputs), ElementsAre("train", "validation"));
    EXPECT_TRUE(schema.inputs[0].required && schema.inputs[0].needs_label);
    EXPECT_TRUE(!schema.inputs[1].required && schema.inputs[1].needs_label);
    EXPECT_THAT(Names(schema.outputs), ElementsAre("model"));
    EXPECT_EQ(schema.outputs[0].type, ArtifactType::kModel);
  }
  const StepSchema& evaluate = Find("evaluate");
  EXPECT_THAT(Names(evaluate.inputs), ElementsAre("model", "data", "predictions", "champion"));
  EXPECT_TRUE(evaluate.inputs[1].needs_label);
  EXPECT_TRUE(!evaluate.inputs[3].required && evaluate.inputs[3].named);
  EXPECT_THAT(Names(evaluate.outputs), ElementsAre("report", "predictions"));
  EXPECT_EQ(evaluate.outputs[0].type, ArtifactType::kReport);
  const StepSchema& predict = Find("predict");
  EXPECT_THAT(Names(predict.inputs), ElementsAre("model", "data"));
  EXPECT_FALSE(predict.inputs[1].needs_label);
  EXPECT_THAT(Names(predict.outputs), ElementsAre("predictions"));
  EXPECT_THAT(Names(Find("register").inputs), ElementsAre("model", "report"));
  EXPECT_FALSE(Find("register").inputs[1].required);
  EXPECT_THAT(Names(Find("process").outputs), ElementsAre("transform"));
}

TEST(BuiltIn, ControlStepsAreThoseThatTheEngineDecides) {
  const std::set<std::string> control = {"approval", "condition", "fail",     "map",
                                         "pipeline", "promote",   "register", "wait"};
  const std::set<std::string> effects = {"approval", "notify", "promote", "register"};
  for (const StepSchema* schema : Catalog::BuiltIn().All()) {
    EXPECT_EQ(schema->control, control.contains(schema->key)) << schema->key;
    EXPECT_EQ(schema->has_side_effects, effects.contains(schema->key)) << schema->key;
    EXPECT_FALSE(schema->cacheable && schema->has_side_effects) << schema->key;
  }
}

TEST(BuiltIn, ResultsOfStepsThatOnlyComputeMayBeUsedAgain) {
  const std::set<std::string> cacheable = {"evaluate", "predict", "process",
                                           "profile", "script", "train/linear-learner",
                                           "train/xgboost", "validate"};
  for (const StepSchema* schema : Catalog::BuiltIn().All()) {
    EXPECT_EQ(schema->cacheable, cacheable.contains(schema->key)) << schema->key;
    EXPECT_EQ(schema->depends_on_threads,
              schema->key.starts_with("train/") || schema->key == "script")
        << schema->key;
  }
}

TEST(BuiltIn, EvaluateReportsWhatTheBriefNames) {
  for (const char* metric : {"auc", "auc_pr", "accuracy", "precision", "recall", "f1", "log_loss",
                             "macro_f1", "micro_f1", "weighted_f1", "mse", "rmse", "mae", "r2"}) {
    EXPECT_TRUE(Metrics("evaluate").contains(metric)) << metric;
  }
}

std::vector<std::string> Wrong(const std::string& key, const Json& parameters) {
  std::vector<Problem> problems;
  CheckParameters(Find(key), parameters, "with", problems);
  std::vector<std::string> lines;
  for (const Problem& each : problems) lines.push_back(each.path + ": " + each.message);
  return lines;
}

TEST(Noop, TakesDurationsAndMakesOutputs) {
  EXPECT_THAT(Wrong("noop", {{"duration", "250ms"}, {"metrics", {{"m", 1}}}}), IsEmpty());
  EXPECT_THAT(Wrong("noop", {{"duration", "${parameters.d}"}}), IsEmpty());
  EXPECT_THAT(Wrong("noop", {{"duration", "soon"}}),
              ElementsAre(testing::StartsWith("with.duration: \"soon\" is not a duration")));
  EXPECT_THAT(Names(Find("noop").outputs_for({{"output_bytes", 0}})), IsEmpty());
  EXPECT_THAT(Names(Find("noop").outputs_for({{"output_bytes", 5}})), ElementsAre("data"));
  EXPECT_THAT(Names(Find("noop").outputs_for({{"output_bytes", "${parameters.n}"}})),
              ElementsAre("data"))
      << "how many is not known yet";
}

TEST(Register, ChecksTheGroupsName) {
  EXPECT_THAT(Wrong("register", {{"group", "census-income"}}), IsEmpty());
  EXPECT_THAT(Wrong("register", {{"group", "${parameters.g}"}}), IsEmpty());
  EXPECT_THAT(Wrong("register", {{"group", "My Group"}}),
              ElementsAre(testing::StartsWith("with.group: \"My Group\" is not a name")));
  EXPECT_THAT(Wrong("register", Json::object()),
              ElementsAre(testing::StartsWith("with.group: is missing: The model group")));
}

TEST(Fail, WantsAMessage) {
  EXPECT_THAT(Wrong("fail", Json::object()), ElementsAre("with.message: is missing: Why; may hold "
                                                         "references."));
}

}  // namespace
}  // namespace penstock

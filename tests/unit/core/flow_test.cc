#include "server/core/flow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "server/core/bind.h"
#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// A label may come from further up: a fitted transform, or the dataset that is processed again.
constexpr char kChain[] = R"(
name: p
parameters: {d: {type: dataset}, raw: {type: dataset}}
steps:
- {name: first, type: process, inputs: {data: "${parameters.d}"}, with: {ROLES}}
- {name: again, type: process, inputs: {data: "${steps.first.outputs.data}"}}
- {name: applied, type: process, inputs: {data: "${parameters.raw}",
                                          transform: "${steps.first.outputs.transform}"}}
- {name: t1, type: train, algorithm: xgboost, inputs: {train: "${steps.again.outputs.data}"}}
- {name: t2, type: train, algorithm: xgboost, inputs: {train: "${steps.applied.outputs.data}"}}
)";

std::string Chain(const std::string& with) {
  std::string text = kChain;
  return text.replace(text.find("{ROLES}"), 7, with);
}

TEST(Labels, AreTracedThroughProcessSteps) {
  EXPECT_THAT(Refusals(Chain("{roles: {label: y}}")), IsEmpty());
  EXPECT_THAT(Refusals(Chain("{}")),
              ElementsAre(AllOf(StartsWith("steps[3].inputs.train: "), HasSubstr("\"first\"")),
                          AllOf(StartsWith("steps[4].inputs.train: "), HasSubstr("\"first\""))));
}

constexpr char kTasks[] = R"(
name: p
parameters: {d: {type: dataset}, goal: {type: string, default: auto}, PARAMETERS}
steps:
- {name: first, type: process, inputs: {data: "${parameters.d}"},
   with: {roles: {label: y}, LABELS}}
- {name: again, type: process, inputs: {data: "${steps.first.outputs.data}"}}
- {name: applied, type: process, inputs: {data: "${parameters.d}",
                                          transform: "${steps.again.outputs.transform}"}}
- {name: t, type: train, algorithm: ALGORITHM, hyperparameters: {GIVEN},
   inputs: {train: "${steps.applied.outputs.data}"}}
- {name: e, type: evaluate, inputs: {model: "${steps.t.outputs.model}", data: "${parameters.d}"}}
- {name: gate, type: condition, then: [after], if: {left: "${steps.e.metrics.METRIC}", op: ">", right: 0}}
- {name: after, type: noop}
)";

struct Parts {
  std::string labels;
  std::string given;
  std::string metric = "accuracy";
  std::string algorithm = "xgboost";
  std::string parameters;
};

std::string Tasks(const Parts& parts) {
  std::string text = kTasks;
  for (const auto& [word, by] :
       {std::pair{"LABELS", parts.labels},
        {"GIVEN", parts.given},
        {"METRIC", parts.metric},
        {"ALGORITHM", parts.algorithm},
        {", PARAMETERS", parts.parameters.empty() ? "" : ", " + parts.parameters}}) {
    text.replace(text.find(word), std::string(word).size(), by);
  }
  return text;
}

TEST(Tasks, ObjectivesFitTheClassesThatProcessDeclares) {
  const std::string three = "labels: {classes: [a, b, c]}";
  const std::string two = "labels: {classes: [a, b]}";
  EXPECT_THAT(Refusals(Tasks({three, "objective: 'multi:softprob'"})), IsEmpty());
  EXPECT_THAT(Refusals(Tasks({three, "objective: auto"})), IsEmpty());
  EXPECT_THAT(Refusals(Tasks({two, "objective: 'binary:logistic'"})), IsEmpty());
  EXPECT_THAT(Refusals(Tasks({two, "objective: 'multi:softprob'"})), IsEmpty());
  EXPECT_THAT(Refusals(Tasks({"x-none: 0", "objective: 'reg:squarederror'", "rmse"})), IsEmpty());
  EXPECT_THAT(Refusals(Tasks({three, "objective: 'binary:logistic'"})),
              ElementsAre("steps[3].hyperparameters.objective: binary:logistic learns two classes, "
                          "and the label has 3 classes (`labels` of step \"first\"); use auto or "
                          "multi:softprob or multi:softmax"));
  EXPECT_THAT(Refusals(Tasks({two, "objective: 'count:poisson'"})),
              ElementsAre(HasSubstr("learns numbers, and the label has 2 classes")));
  EXPECT_THAT(Refusals(Tasks({"labels: {map: {x: a}}", "objective: 'reg:gamma'"})),
              ElementsAre(HasSubstr("learns numbers, and the label has classes")));
  EXPECT_THAT(Refusals(Tasks({three, "objective: logistic", "accuracy", "linear-learner"})),
              ElementsAre(AllOf(StartsWith("steps[3].hyperparameters.objective: "),
                                HasSubstr("use auto or multinomial"))));
  EXPECT_THAT(
      Refusals(Tasks({"labels: {classes: '${parameters.names}'}", "objective: 'binary:logistic'",
                      "accuracy", "xgboost", "names: {type: list}"})),
      IsEmpty())
      << "what a reference means is not known";
}

TEST(Tasks, EarlyStoppingNeedsTheDataThatItWatches) {
  EXPECT_THAT(Refusals(Tasks({"x-none: 0", "early_stopping_rounds: 5"})),
              ElementsAre(AllOf(StartsWith("steps[3].hyperparameters.early_stopping_rounds: "),
                                HasSubstr("needs the input `validation`"), HasSubstr("bind it"))));
  EXPECT_THAT(Refusals(Tasks({"x-none: 0", "early_stopping_rounds: null"})), IsEmpty());
}

TEST(Tasks, MetricsAreThoseOfTheModelsThatAreJudged) {
  EXPECT_THAT(
      Refusals(Tasks({"x-none: 0", "objective: 'binary:logistic'", "rmse"})),
      ElementsAre(AllOf(StartsWith("steps[5].if.left: rmse is a metric of models that learn "
                                   "numbers, and step \"t\" learns two classes"),
                        HasSubstr("use one of rows, accuracy, precision"))));
  EXPECT_THAT(Refusals(Tasks({"labels: {classes: [a, b, c]}", "objective: auto", "auc"})),
              ElementsAre(HasSubstr("learns more than two classes; use one of rows, accuracy, "
                                    "log_loss, macro_precision")));
  EXPECT_THAT(Refusals(Tasks({"x-none: 0", "objective: 'reg:squarederror'", "auc"})),
              ElementsAre(HasSubstr("use one of rows, mse, rmse, mae, r2")));
  EXPECT_THAT(Refusals(Tasks({"x-none: 0", "objective: 'multi:softprob'", "auc"})), IsEmpty())
      << "it may be two classes";
  EXPECT_THAT(Refusals(Tasks({"x-none: 0", "objective: auto", "rmse"})), IsEmpty());
  EXPECT_THAT(
      Refusals(Tasks({"x-none: 0", "objective: 'binary:logistic'", "rmse ?? steps.e.metrics.auc"})),
      IsEmpty());
}

TEST(Tasks, ParametersAreLookedAtOnceTheyAreKnown) {
  const std::string three = "labels: {classes: [a, b, c]}";
  EXPECT_THAT(Refusals(Tasks({three, "objective: '${parameters.goal}'"})), IsEmpty());
  EXPECT_THAT(
      Refusals(Tasks({three, "objective: '${parameters.o}'", "accuracy", "xgboost",
                      "o: {type: string, default: 'binary:logistic'}"})),
      ElementsAre(StartsWith("steps[3].hyperparameters.objective: binary:logistic learns")));
  const PipelineSpec spec = Good(Tasks({three, "objective: '${parameters.goal}'"}));
  const Json data = "artifact:sha256:" + std::string(64, 'a');
  EXPECT_TRUE(BindParameters(spec, {{"d", data}}, Catalog::BuiltIn()).ok());
  const Result<Json> bound =
      BindParameters(spec, {{"d", data}, {"goal", "binary:logistic"}}, Catalog::BuiltIn());
  EXPECT_EQ(bound.status().reason(), "INVALID_PARAMETERS");
  EXPECT_THAT(Lines(bound.status().problems()),
              ElementsAre(StartsWith("steps[3].hyperparameters.objective: ")));
}

TEST(Branches, WhatNeedsBothCanNeverRun) {
  EXPECT_THAT(
      Refusals(R"(
name: p
steps:
- {name: c, type: condition, if: {left: 1, op: "<", right: 2}, then: [a], else: [b]}
- {name: a, type: noop, with: {output_bytes: 1}}
- {name: b, type: noop, with: {output_bytes: 1}}
- {name: a2, type: noop, dependsOn: [a]}
- {name: both, type: noop, dependsOn: [a2], inputs: {data: "${steps.b.outputs.data}"}}
- {name: later, type: noop, dependsOn: [both]}
- {name: either, type: noop, inputs: {data: "${steps.a.outputs.data ?? steps.b.outputs.data}"}}
- {name: joined, type: noop, dependsOn: [a2, b], when: none_failed}
- {name: d, type: condition, if: {left: 1, op: "<", right: 2}, then: [two]}
- {name: e, type: condition, if: {left: 1, op: "<", right: 2}, else: [two]}
- {name: two, type: noop, dependsOn: [a]}
)"),
      ElementsAre(AllOf(StartsWith("steps[4]: step \"both\" can never run: condition \"c\""),
                        HasSubstr("`then` (step \"a\")"), HasSubstr("`else` (step \"b\")"),
                        HasSubstr("`a ?? b`"))));
}

}  // namespace
}  // namespace penstock

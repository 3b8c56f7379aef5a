#include "client/cli/local_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/definition/definition.h"

namespace penstock::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kPipeline[] = R"(
name: plan
parameters:
  data: {type: dataset}
  other: {type: dataset}
  depth: {type: integer, default: 3}
  least: {type: number, default: 0.5}
steps:
- name: prepare
  type: process
  inputs: {data: "${parameters.data}"}
  with: {roles: {label: y}, split: {train: 0.8, test: 0.2}}
- name: train
  type: train
  algorithm: xgboost
  inputs: {train: "${steps.prepare.outputs.train}"}
  hyperparameters: {objective: "binary:logistic", max_depth: "${parameters.depth}"}
- name: judge
  type: evaluate
  inputs: {model: "${steps.train.outputs.model}", data: "${steps.prepare.outputs.test}"}
- name: good
  type: condition
  if: [{left: "${steps.judge.metrics.auc}", op: ">=", right: "${parameters.least}"}]
  then: [score]
- name: score
  type: predict
  inputs: {model: "${steps.train.outputs.model}", data: "${parameters.other}"}
- name: cv
  type: map
  over: {range: 3}
  steps:
  - {name: fold, type: noop, with: {message: "fold ${item.index}"}}
  - name: inner
    type: process
    inputs: {data: "${parameters.data}"}
    with: {roles: {label: y}, split: {train: 0.8, test: 0.2}}
  outputs: {data: "${steps.inner.outputs.train}"}
- name: after-map
  type: profile
  inputs: {data: "${steps.cv.outputs.data}"}
- name: tell
  type: noop
  with: {message: "it was ${steps.cv.outputs.data.count}"}
- name: either
  type: profile
  inputs: {data: "${steps.cv.outputs.data ?? steps.prepare.outputs.train}"}
- name: champion
  type: evaluate
  inputs:
    model: "${steps.train.outputs.model}"
    data: "${steps.prepare.outputs.test}"
    champion: "model:plan@champion"
onExit:
- {name: last, type: noop, with: {message: "${run.state}"}}
)";

class LocalPlanTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto checked = CheckDefinitionText(kPipeline, Catalog::BuiltIn());
    ASSERT_TRUE(checked.ok()) << checked.status();
    spec_ = checked->spec;
  }
  std::vector<std::string> Steps(const std::string& step, const std::set<std::string>& given = {}) {
    const auto plan = PlanLocally(spec_, step, given);
    if (!plan.ok()) return {plan.status().message()};
    std::vector<std::string> names;
    for (const StepIndex index : plan->steps) {
      names.push_back(spec_.steps[static_cast<std::size_t>(index)].name.value());
    }
    return names;
  }
  std::string Refusal(const std::string& step) {
    const auto plan = PlanLocally(spec_, step, {});
    if (plan.ok()) return "it was planned";
    EXPECT_EQ(plan.status().reason(), "WRONG_USE");
    return plan.status().message();
  }
  PipelineSpec spec_;
};

TEST_F(LocalPlanTest, WhatIsNeededComesFirstAndOnce) {
  EXPECT_THAT(Steps("prepare"), ElementsAre("prepare"));
  EXPECT_THAT(Steps("judge"), ElementsAre("prepare", "train", "judge"));
}

TEST_F(LocalPlanTest, GivenInputsNeedNoSteps) {
  EXPECT_THAT(Steps("judge", {"model"}), ElementsAre("prepare", "judge"));
  EXPECT_THAT(Steps("judge", {"model", "data"}), ElementsAre("judge"));
}

TEST_F(LocalPlanTest, NamesTheParametersThatAreNeeded) {
  EXPECT_THAT(PlanLocally(spec_, "train", {})->parameters, ElementsAre("data", "depth"));
  EXPECT_THAT(PlanLocally(spec_, "train", {"train"})->parameters, ElementsAre("depth"));
}

TEST_F(LocalPlanTest, AStepOfABranchRunsWhateverTheConditionWouldSay) {
  EXPECT_THAT(Steps("score"), ElementsAre("prepare", "train", "score"));
}

TEST_F(LocalPlanTest, TheFirstChoiceThatCanBeHadCounts) {
  EXPECT_THAT(Steps("either"), ElementsAre("prepare", "either"));
}

TEST_F(LocalPlanTest, SaysWhatOnlyACoordinatorHasAndWhatToDo) {
  EXPECT_THAT(Refusal("prepair"), HasSubstr("has no step \"prepair\" (did you mean \"prepare\"?)"));
  EXPECT_THAT(Refusal("good"), HasSubstr("step good is a condition: a coordinator decides it"));
  EXPECT_THAT(Refusal("cv"), HasSubstr("step cv is a map"));
  EXPECT_THAT(Refusal("inner"), HasSubstr("stands in the map cv"));
  EXPECT_THAT(Refusal("cv.inner"), HasSubstr("stands in the map cv"));
  EXPECT_THAT(Refusal("last"), HasSubstr("stands under onExit"));
  EXPECT_THAT(
      Refusal("after-map"),
      HasSubstr("needs ${steps.cv.outputs.data}, and cv is a map, which a coordinator runs; "
                "give something in its place: --input data=PATH"));
  EXPECT_THAT(Refusal("tell"), HasSubstr("write a value in its place"));
  EXPECT_THAT(Refusal("champion"),
              HasSubstr("model:plan@champion, which a coordinator's registry"));
}

TEST_F(LocalPlanTest, AModelThatMayBeLackingIs) {
  std::string text = kPipeline;
  const std::string model = "\"model:plan@champion\"";
  text.replace(text.find(model), model.size(), "{ref: \"model:plan@champion\", optional: true}");
  const auto checked = CheckDefinitionText(text, Catalog::BuiltIn());
  ASSERT_TRUE(checked.ok()) << checked.status();
  const auto plan = PlanLocally(checked->spec, "champion", {});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->steps.size(), 3U);
}

TEST_F(LocalPlanTest, AStepOnSeveralNodesIsNotForOne) {
  std::string text =
      "name: gang\nsteps:\n- {name: all, type: script, resources: {nodes: 2}, "
      "with: {command: [\"true\"]}}\n";
  const auto checked = CheckDefinitionText(text, Catalog::BuiltIn());
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_THAT(PlanLocally(checked->spec, "all", {}).status().message(), HasSubstr("write 1"));
}

}  // namespace
}  // namespace penstock::cli

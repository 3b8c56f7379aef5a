#include "server/core/overrides.h"

#include <gmock/gmock.h>

#include "storage/model/limits.h"
#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(OverridesTest, TheWayIsTheNameWithoutItems) {
  EXPECT_EQ(DefinitionPath("fit"), "fit");
  EXPECT_EQ(DefinitionPath("cv[3].inner[12].fit"), "cv.inner.fit");
  EXPECT_EQ(DefinitionPath("child.cv[0]"), "child.cv");
}

TEST(OverridesTest, AStepIsNamedByItselfItsItemItsMapOrItsWay) {
  for (const char* name : {"cv[3].fit", "cv[3]", "cv", "cv.fit"}) {
    EXPECT_TRUE(IsNamed("cv[3].fit", {"other", name})) << name;
  }
  for (const char* name : {"cv[30].fit", "cv[3].fi", "c", "fit", "cv.score", ""}) {
    EXPECT_FALSE(IsNamed("cv[3].fit", {name})) << name;
  }
}

constexpr char kPipeline[] = R"(
name: p
parameters: {d: {type: dataset}}
steps:
- {name: prep, type: process, inputs: {data: "${parameters.d}"}, with: {roles: {label: y}, split: {train: 0.8, test: 0.2, seed: 1}}}
- name: fit
  type: train
  algorithm: xgboost
  inputs: {train: "${steps.prep.outputs.train}"}
  hyperparameters: {objective: "binary:logistic", num_round: 5}
- name: run
  type: script
  files: {train.py: "artifact:sha256:0000000000000000000000000000000000000000000000000000000000000000"}
  with: {command: [python3, train.py]}
- {name: call, type: pipeline, pipeline: other@3}
- name: cv
  type: map
  over: {range: 2}
  steps: [{name: i, type: noop}, {name: inside, type: pipeline, pipeline: another}]
onExit: [{name: tell, type: noop}]
)";

PipelineSpec Apply(const Json& overrides, std::vector<OverriddenCall>* calls = nullptr) {
  std::vector<Problem> problems;
  PipelineSpec spec =
      ApplyOverrides(Good(kPipeline), overrides, Catalog::BuiltIn(), calls, problems);
  EXPECT_THAT(problems, IsEmpty()) << (problems.empty() ? "" : problems[0].message);
  return spec;
}

TEST(OverridesTest, LabelsThatParametersAskedForGoWithThem) {
  const PipelineSpec spec =
      Good("name: p\nsteps: [{name: a, type: script, resources: {labels: {zone: x}}, with: {command: "
           "[x], isolation: required}}]");
  ASSERT_EQ(spec.steps[0].resources.labels.size(), 2U);
  std::vector<Problem> problems;
  const PipelineSpec changed = ApplyOverrides(spec, {{"a", {{"with", {{"isolation", "none"}}}}}},
                                              Catalog::BuiltIn(), nullptr, problems);
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_EQ(changed.steps[0].resources.labels,
            (std::map<std::string, std::string>{{"zone", "x"}}));
}

TEST(OverridesTest, NullTakesAParameterAway) {
  Json overrides;
  overrides["prep"]["with"]["split"]["test"] = nullptr;
  EXPECT_EQ(Apply(overrides).steps[0].parameters["split"].count("test"), 0U);
}

TEST(OverridesTest, TheyReplaceWhatTheyNameAndNothingElse) {
  const std::string artifact = "artifact:sha256:" + std::string(64, '1');
  Json overrides;
  overrides["prep"]["with"]["split"]["seed"] = 9;
  overrides["fit"]["inputs"]["train"] = artifact;
  overrides["fit"]["with"]["max_depth"] = 2;
  overrides["run"]["inputs"]["file:train.py"] = artifact;
  overrides["cv.i"]["with"]["message"] = "hello";
  overrides["tell"]["with"]["message"] = "bye";
  const PipelineSpec spec = Apply(overrides);
  EXPECT_EQ(spec.steps[0].parameters["split"], Json({{"train", 0.8}, {"test", 0.2}, {"seed", 9}}));
  EXPECT_THAT(spec.steps[1].inputs.at(0).sources, ElementsAre(Json(artifact)));
  EXPECT_EQ(spec.steps[1].parameters["max_depth"], 2);
  EXPECT_EQ(spec.steps[1].parameters["num_round"], 5);
  EXPECT_EQ(spec.steps[2].inputs.at(0).name, "file:train.py");
  EXPECT_THAT(spec.steps[2].inputs.at(0).sources, ElementsAre(Json(artifact)));
  EXPECT_EQ(spec.steps[4].steps[0].parameters["message"], "hello");
  EXPECT_EQ(spec.on_exit[0].parameters["message"], "bye");
}

TEST(OverridesTest, AtTheLimitTheyAreTakenAndOneOverItNot) {
  const auto problems = [](const Json& overrides) {
    std::vector<Problem> found;
    CheckOverridesForm(overrides, found);
    return found;
  };
  Json many = Json::object();
  for (std::size_t i = 0; i < limits::kMaxOverriddenSteps; ++i) {
    many["s" + std::to_string(i)]["with"]["x"] = 1;
  }
  EXPECT_THAT(problems(many), IsEmpty());
  many["more"]["with"]["x"] = 1;
  EXPECT_EQ(problems(many).at(0).message, "at most 100 steps");
  Json large;
  large["s"]["with"]["x"] = "";
  const std::size_t room = limits::kMaxOverrideBytes - DumpJson(large).size();
  large["s"]["with"]["x"] = std::string(room, 'x');
  EXPECT_THAT(problems(large), IsEmpty());
  large["s"]["with"]["x"] = std::string(room + 1, 'x');
  EXPECT_THAT(problems(large).at(0).message, HasSubstr("larger than 256 KiB"));
}

TEST(OverridesTest, WhatLeadsIntoOtherPipelinesIsToldOf) {
  Json overrides;
  overrides["call.x"]["with"]["a"] = 1;
  overrides["cv.inside.x.y"]["with"]["a"] = 1;
  std::vector<OverriddenCall> calls;
  Apply(overrides, &calls);
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0].way, "call");
  EXPECT_EQ(calls[0].pipeline, "other");
  EXPECT_EQ(calls[0].version, 3);
  EXPECT_EQ(calls[1].way, "cv.inside");
  EXPECT_EQ(calls[1].version, 0);
  EXPECT_EQ(OverridesBelow(overrides, "cv.inside.").begin().key(), "x.y");
}

TEST(OverridesTest, WhatIsWrongIsNamedByTheStepThatIsOverridden) {
  Json overrides;
  overrides["fit"]["with"]["max_depht"] = 2;
  overrides["fit"]["inputs"]["train"] = "${steps.prep.outputs.nothing}";
  overrides["cv"]["with"]["x"] = 1;
  overrides["cv.j"]["with"]["x"] = 1;
  std::vector<Problem> problems;
  ApplyOverrides(Good(kPipeline), overrides, Catalog::BuiltIn(), nullptr, problems);
  std::string text;
  for (const Problem& problem : problems) text += problem.path + ": " + problem.message + "\n";
  EXPECT_THAT(text, HasSubstr("overrides.fit.with.max_depht: "));
  EXPECT_THAT(text, HasSubstr("did you mean \"max_depth\"?"));
  EXPECT_THAT(text, HasSubstr("overrides.fit.inputs.train"));
  EXPECT_THAT(text, HasSubstr("overrides.cv: is a map step"));
  EXPECT_THAT(text, HasSubstr("overrides.cv.j: step cv has no step \"j\""));
}

}  // namespace
}  // namespace penstock

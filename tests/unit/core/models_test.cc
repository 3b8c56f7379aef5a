// How definitions name models of the registry, and inputs that may be lacking.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/core/model_address.h"
#include "server/core/plan.h"
#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ModelAddress, IsAGroupWithAnAliasOrAVersion) {
  EXPECT_EQ(ParseModelAddress("model:census@champion")->alias, "champion");
  EXPECT_EQ(ParseModelAddress("model:census@3")->version, 3);
  EXPECT_EQ(ParseModelAddress("model:census@3")->group, "census");
  for (const char* text : {"model:census@champion", "model:census@12"}) {
    EXPECT_EQ(ParseModelAddress(text)->text(), text);
  }
  for (const char* text :
       {"model:census", "model:@a", "model:census@", "model:census@0", "model:census@-1",
        "model:census@A b", "census@3", "model", "model:census@99999999999"}) {
    EXPECT_FALSE(ParseModelAddress(text).ok()) << text;
  }
}

TEST(ModelAddress, VersionsAndPins) {
  EXPECT_TRUE(IsModelVersion("census/3"));
  EXPECT_FALSE(IsModelVersion("census/"));
  EXPECT_FALSE(IsModelVersion("${steps.a/3"));
  EXPECT_FALSE(IsModelVersion("census"));
  EXPECT_EQ(VersionOfPin("artifact:sha256:ab#census/12"), 12);
  EXPECT_EQ(VersionOfPin(""), 0);
  EXPECT_TRUE(IsAlias("champion"));
  EXPECT_TRUE(IsAlias("v2"));
  EXPECT_FALSE(IsAlias("2"));
}

constexpr char kChampion[] = R"(
name: p
parameters: {d: {type: dataset}}
steps:
- {name: fit, type: train, algorithm: xgboost, inputs: {train: "${parameters.d}"}}
- name: e
  type: evaluate
  inputs:
    model: "${steps.fit.outputs.model}"
    data: "${parameters.d}"
    champion: {ref: "model:census@champion", optional: true}
- name: better
  type: condition
  if: {left: "${steps.e.report.comparison.delta ?? 1}", op: ">", right: 0}
  then: [keep, promote]
- {name: keep, type: register, inputs: {model: "${steps.fit.outputs.model}"}, with: {group: census}}
- {name: promote, type: promote, with: {group: census, alias: champion}}
)";

TEST(Models, AnOptionalInputStandsInTheStoredForm) {
  const PipelineSpec spec = Good(kChampion);
  EXPECT_TRUE(spec.steps[1].inputs[0].may_lack);
  const Json canonical = CanonicalDefinition(spec);
  EXPECT_EQ(canonical["steps"][1]["inputs"]["champion"],
            (Json{{"ref", "model:census@champion"}, {"optional", true}}));
  const Result<PipelineSpec> again = ParsePipeline(canonical, Catalog::BuiltIn());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(CanonicalDefinition(*again), canonical);
}

TEST(Models, PromoteWaitsForTheRegisterStepOfItsGroup) {
  const auto plan = Plan::Build(Good(kChampion), Json(), Catalog::BuiltIn());
  EXPECT_THAT(plan->dependencies(4), ElementsAre(2, 3));
  EXPECT_THAT(Plan::Build(Good(R"(
name: p
parameters: {m: {type: dataset}}
steps:
- {name: keep, type: register, inputs: {model: "${parameters.m}"}, with: {group: census}}
- {name: a, type: promote, with: {group: other, alias: champion}}
- {name: b, type: promote, with: {group: census, alias: champion, version: 3}}
)"),
                          Json(), Catalog::BuiltIn())
                  ->dependencies(1),
              IsEmpty());
}

TEST(Models, AStepThatWaitsForWhatItsPromotionIsToWaitForIsACircle) {
  EXPECT_THAT(Refusals(R"(
name: p
parameters: {m: {type: dataset}}
steps:
- {name: keep, type: register, dependsOn: [up], inputs: {model: "${parameters.m}"}, with: {group: g}}
- {name: up, type: promote, with: {group: g, alias: champion}}
)"),
              ElementsAre(HasSubstr("wait for each other in a circle")));
}

TEST(Models, WhatMayBeLackingIsWaitedForAndNotNeeded) {
  const auto plan = Plan::Build(Good(R"(
name: p
parameters: {d: {type: dataset}, m: {type: dataset}}
steps:
- {name: fit, type: train, algorithm: xgboost, inputs: {train: "${parameters.d}"}}
- name: e
  type: evaluate
  inputs: {model: "${parameters.m}", data: "${parameters.d}", champion: {ref: "${steps.fit.outputs.model}", optional: true}}
)"),
                                Json(), Catalog::BuiltIn());
  ASSERT_EQ(plan->edges(1).size(), 1u);
  EXPECT_EQ(plan->edges(1)[0].kind, Edge::Kind::kAfter);
}

TEST(Models, WrongReferencesAreRefused) {
  const auto of = [](const std::string& inputs) {
    return Refusals(
        "name: p\nparameters: {d: {type: dataset}}\nsteps:\n- name: e\n  type: evaluate\n"
        "  inputs: {data: \"${parameters.d}\", " +
        inputs + "}\n");
  };
  EXPECT_THAT(of("model: \"model:census@champion\""), IsEmpty());
  EXPECT_THAT(of("model: \"model:census\""), ElementsAre(HasSubstr("write model:GROUP@ALIAS")));
  EXPECT_THAT(of("model: {ref: \"model:census@champion\", optional: true}"),
              ElementsAre(HasSubstr("evaluate cannot do without it")));
  EXPECT_THAT(of("model: \"model:a@1\", champion: {optional: true}"),
              testing::Contains(HasSubstr("champion.ref: is missing")));
  EXPECT_THAT(of("model: \"model:a@1\", champion: {ref: \"model:a@2\", opt: true}"),
              ElementsAre(HasSubstr("champion.opt: unknown key")));
  EXPECT_THAT(Refusals("name: p\nsteps: [{name: a, type: process, inputs: {data: \"model:a@1\"}}]"),
              ElementsAre(HasSubstr("takes a dataset, and model:a@1 is a model")));
}

TEST(Models, AliasesAreNamesThatAreNoNumbers) {
  const auto of = [](const std::string& with) {
    return Refusals("name: p\nsteps: [{name: a, type: promote, with: " + with + "}]");
  };
  EXPECT_THAT(of("{group: g, alias: champion, version: 3}"), IsEmpty());
  EXPECT_THAT(of("{group: g, alias: \"3\"}"), ElementsAre(HasSubstr("is no alias")));
  EXPECT_THAT(of("{group: g}"), ElementsAre(HasSubstr("alias: is missing")));
  EXPECT_THAT(of("{group: \"G G\", alias: a}"), ElementsAre(HasSubstr("is not a name")));
}

}  // namespace
}  // namespace penstock

#include "server/core/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::shared_ptr<const Plan> Build(std::string_view text, const Json& parameters = Json()) {
  return Plan::Build(Good(text), parameters, Catalog::BuiltIn());
}

constexpr char kDiamond[] = R"(
name: p
maxParallelSteps: 3
steps:
- {name: d, type: noop, dependsOn: [a],
   inputs: {data: ["${steps.b.outputs.data}", "${steps.c.outputs.data ?? steps.b.outputs.data}"]},
   with: {message: "${steps.a.metrics.m} ${steps.a.metrics.n}"}}
- {name: a, type: noop, with: {output_bytes: 1, metrics: {m: 1}}}
- {name: b, type: noop, with: {output_bytes: 1}, inputs: {data: "${steps.a.outputs.data}"}}
- {name: c, type: noop, with: {output_bytes: 1}, inputs: {data: "${steps.a.outputs.data}"}}
)";

TEST(Plan, KnowsWhoWaitsForWhom) {
  const auto plan = Build(kDiamond);
  ASSERT_EQ(plan->size(), 4);
  EXPECT_EQ(plan->max_parallel_steps(), 3);
  EXPECT_THAT(plan->dependencies(0), ElementsAre(1, 2, 3));
  EXPECT_THAT(plan->dependencies(1), IsEmpty());
  EXPECT_THAT(plan->dependencies(2), ElementsAre(1));
  EXPECT_THAT(plan->dependents(1), ElementsAre(0, 2, 3));
  EXPECT_THAT(plan->dependents(2), ElementsAre(0));
  EXPECT_THAT(plan->dependents(0), IsEmpty());
  EXPECT_EQ(plan->FindStep("c"), 3);
  EXPECT_EQ(plan->FindStep("z"), -1);
}

TEST(Plan, GroupsAlternativesAndKeepsLoneReferencesApart) {
  const auto plan = Build(kDiamond);
  std::map<int32_t, std::vector<StepIndex>> groups;
  int order = 0;
  for (const Edge& edge : plan->edges(0)) {
    if (edge.kind == Edge::Kind::kOrder) {
      ++order;
      EXPECT_EQ(edge.from, 1);
    } else {
      EXPECT_EQ(edge.kind, Edge::Kind::kData);
      groups[edge.group].push_back(edge.from);
    }
  }
  EXPECT_EQ(order, 1);
  std::vector<std::vector<StepIndex>> sets;
  for (auto& [group, steps] : groups) sets.push_back(steps);
  EXPECT_THAT(sets, testing::UnorderedElementsAre(ElementsAre(1), ElementsAre(1), ElementsAre(2),
                                                  ElementsAre(2, 3)));
}

TEST(Plan, MakesEdgesOfBranches) {
  const auto plan = Build(R"(
name: p
steps:
- {name: yes-step, type: noop}
- {name: no-step, type: noop}
- {name: c, type: condition, if: {left: "${steps.m.metrics.x}", op: ">", right: 1},
   then: [yes-step], else: [no-step]}
- {name: m, type: noop, with: {metrics: {x: 2}}}
)");
  ASSERT_EQ(plan->edges(0).size(), 1U);
  EXPECT_EQ(plan->edges(0)[0], (Edge{2, Edge::Kind::kThen, 0}));
  ASSERT_EQ(plan->edges(1).size(), 1U);
  EXPECT_EQ(plan->edges(1)[0], (Edge{2, Edge::Kind::kElse, 0}));
  EXPECT_THAT(plan->dependencies(2), ElementsAre(3));
  EXPECT_THAT(plan->dependents(2), ElementsAre(0, 1));
}

TEST(Plan, ListsTheReportPathsThatAreReferenced) {
  const auto plan = Build(R"(
name: p
parameters: {d: {type: dataset}}
steps:
- {name: e, type: evaluate, inputs: {model: "${parameters.d}", data: "${parameters.d}"}}
- {name: f, type: fail, with: {message: "${steps.e.report.b.value} ${steps.e.report.a[0].x}"}}
- {name: g, type: fail, with: {message: "${steps.e.report.b.value} ${steps.e.metrics.auc}"}}
)");
  EXPECT_THAT(plan->report_paths(0), ElementsAre("a[0].x", "b.value"));
  EXPECT_THAT(plan->report_paths(1), IsEmpty());
}

constexpr char kFiles[] = R"(
name: p
parameters:
  d: {type: dataset}
  e: {type: dataset, default: "file:///data/e.csv"}
  note: {type: string, default: "file:///not/data"}
steps:
- {name: import, type: noop, inputs: {data: "${parameters.d}"}, with: {message: "${parameters.note}"}}
- {name: b, type: noop, inputs: {data: ["file:///data/lit.csv", "${parameters.e}"]}}
)";

TEST(Plan, AddsAnImportForEachFileOfData) {
  const Json parameters = {
      {"d", "file:///data/d.csv"}, {"e", "file:///data/e.csv"}, {"note", "file:///not/data"}};
  const auto plan = Build(kFiles, parameters);
  ASSERT_EQ(plan->size(), 5) << "one each for d, e and the literal, none for the text";
  const StepIndex d = plan->FindImport("file:///data/d.csv");
  const StepIndex e = plan->FindImport("file:///data/e.csv");
  const StepIndex literal = plan->FindImport("file:///data/lit.csv");
  EXPECT_EQ(plan->FindImport("file:///not/data"), -1);
  ASSERT_GE(d, 2);
  ASSERT_GE(e, 2);
  ASSERT_GE(literal, 2);
  EXPECT_THAT(plan->dependencies(0), ElementsAre(d));
  EXPECT_THAT(plan->dependencies(1), testing::UnorderedElementsAre(e, literal));
  EXPECT_EQ(plan->step(d).type, "import");
  EXPECT_EQ(plan->step(d).version, "1");
  EXPECT_EQ(plan->step(d).data_path(), "/data/d.csv");
  EXPECT_EQ(JsonString(plan->step(d).parameters, "uri"), "file:///data/d.csv");
  // "import" is taken by a step of the definition.
  std::vector<std::string> names;
  for (StepIndex i = 2; i < 5; ++i) names.push_back(plan->step(i).name.value());
  EXPECT_THAT(names, testing::UnorderedElementsAre("import-2", "import-3", "import-4"));
  EXPECT_EQ(plan->FindStep("import-2"), 2);
}

TEST(Plan, SharesTheImportOfOneFile) {
  const Json parameters = {{"d", "file:///data/lit.csv"}, {"e", "file:///data/lit.csv"}};
  EXPECT_EQ(Build(kFiles, parameters)->size(), 3);
}

TEST(Plan, AddsAnImportForEachAddressOfData) {
  const std::string s3 = "s3://bucket/days/";
  const std::string https = "https://data.example/e.csv?day=1";
  const auto plan = Build(kFiles, {{"d", s3}, {"e", https}, {"note", "https://no.data/"}});
  ASSERT_EQ(plan->size(), 5);
  EXPECT_THAT(plan->dependencies(0), ElementsAre(plan->FindImport(s3)));
  EXPECT_EQ(JsonString(plan->step(plan->FindImport(https)).parameters, "uri"), https);
  EXPECT_EQ(plan->step(plan->FindImport(https)).data_path(), "");
  EXPECT_EQ(plan->FindImport("https://no.data/"), -1);
}

TEST(Plan, ImportsNothingForUploads) {
  const std::string artifact = "artifact:sha256:" + std::string(64, 'a');
  const auto plan = Build(kFiles, {{"d", artifact}, {"e", artifact}, {"note", "file:///x"}});
  EXPECT_EQ(plan->size(), 3) << "the literal's alone";
  EXPECT_THAT(plan->dependencies(0), IsEmpty());
}

}  // namespace
}  // namespace penstock

// Maps, pipelines that call pipelines, onExit: what of them is judged before anything runs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/core/calls.h"
#include "server/core/plan.h"
#include "storage/model/limits.h"
#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kFolds[] = R"(
name: folds
parameters:
  data: {type: dataset}
  k: {type: integer, default: 5}
steps:
- {name: clean, type: process, inputs: {data: "${parameters.data}"}, with: {roles: {label: y}}}
- name: cv
  type: map
  over: {range: "${parameters.k}"}
  maxConcurrency: 2
  toleratedFailures: 5%
  retry: {maxAttempts: 3}
  steps:
  - name: fit
    type: train
    algorithm: xgboost
    inputs: {train: "${steps.clean.outputs.data}"}
    hyperparameters: {objective: "binary:logistic", seed: "${item.index}"}
  - name: score
    type: evaluate
    inputs: {model: "${steps.fit.outputs.model}", data: "${steps.clean.outputs.data}"}
  outputs: {auc: "${steps.score.metrics.auc}", model: "${steps.fit.outputs.model}"}
- name: good
  type: condition
  if: {left: "${steps.cv.outputs.auc.mean}", op: ">", right: 0.5}
  then: [keep]
- {name: keep, type: register, inputs: {model: "${steps.cv.best(auc, max).model}"}, with: {group: g}}
onExit:
- {name: tell, type: noop, with: {message: "ended ${run.state}: ${steps.clean.metrics.rows ?? run.message}"}}
outputs: {model: "${steps.cv.best(auc, max).model}"}
)";

TEST(Structure, AMapStandsInTheStoredFormAsItWasWritten) {
  const PipelineSpec spec = Good(kFolds);
  const StepSpec& map = spec.steps[1];
  EXPECT_EQ(map.max_concurrency, 2);
  EXPECT_DOUBLE_EQ(map.tolerated.share, 0.05);
  EXPECT_EQ(map.tolerated.Of(100), 5);
  EXPECT_EQ(map.tolerated.Of(19), 0);
  ASSERT_EQ(map.steps.size(), 2u);
  EXPECT_EQ(map.steps[0].retry.max_attempts, 3) << "the map's are the defaults inside";
  const Json canonical = CanonicalDefinition(spec);
  const Result<PipelineSpec> again = ParsePipeline(canonical, Catalog::BuiltIn());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(CanonicalDefinition(*again), canonical);
}

TEST(Structure, WhatAnItemNeedsFromOutsideTheMapWaitsFor) {
  const PipelineSpec spec = Good(kFolds);
  const auto plan = Plan::Build(spec, {{"data", "file:///d.csv"}}, Catalog::BuiltIn());
  const StepIndex cv = plan->FindStep("cv");
  EXPECT_THAT(plan->dependencies(cv), ElementsAre(plan->FindStep("clean")));
  const auto body = plan->body(cv);
  ASSERT_NE(body, nullptr);
  EXPECT_EQ(body->size(), 2);
  EXPECT_THAT(body->dependencies(0), IsEmpty());
  EXPECT_THAT(body->dependencies(1), ElementsAre(0));
  EXPECT_EQ(plan->body(0), nullptr);
  ASSERT_NE(plan->on_exit(), nullptr);
  EXPECT_EQ(plan->on_exit()->size(), 1);
  // Read once, outside, however many items use it.
  EXPECT_GE(plan->FindImport("file:///d.csv"), 0);
  EXPECT_EQ(body->FindImport("file:///d.csv"), -1);
}

TEST(Structure, AnAddressInsideAMapIsReadOutside) {
  const auto plan = Plan::Build(Good(R"(
name: p
steps:
- {name: m, type: map, over: [1], steps: [{name: a, type: noop, inputs: {data: "file:///x"}}]}
)"),
                                Json(), Catalog::BuiltIn());
  const StepIndex import = plan->FindImport("file:///x");
  ASSERT_GE(import, 0);
  EXPECT_THAT(plan->dependencies(0), ElementsAre(import));
}

TEST(Structure, APathOfAReportThatAnItemReadsIsReported) {
  const auto plan = Plan::Build(Good(R"(
name: p
parameters: {d: {type: dataset}, m: {type: dataset}}
steps:
- {name: e, type: evaluate, inputs: {data: "${parameters.d}", model: "${parameters.m}"}}
- name: m
  type: map
  over: "${steps.e.report.folds}"
  steps: [{name: a, type: noop, with: {message: "${steps.e.report.note}"}}]
onExit: [{name: x, type: noop, with: {message: "${steps.e.report.last}"}}]
outputs: {o: "${steps.e.report.out}"}
)"),
                                Json(), Catalog::BuiltIn());
  EXPECT_THAT(plan->report_paths(0), ElementsAre("folds", "last", "note", "out"));
}

TEST(Structure, AChoiceOutsideTheStepsNeedsNoneOfThem) {
  const auto plan = Plan::Build(Good(R"(
name: p
parameters: {d: {type: dataset}}
steps:
- {name: a, type: noop, with: {output_bytes: 1}}
- {name: b, type: noop, inputs: {data: "${steps.a.outputs.data ?? parameters.d}"}}
)"),
                                Json(), Catalog::BuiltIn());
  ASSERT_EQ(plan->edges(1).size(), 1u);
  EXPECT_EQ(plan->edges(1)[0].kind, Edge::Kind::kAfter);
}

TEST(ExpandItems, ListsAndRanges) {
  const auto items = [](const Json& over) {
    const Result<Json> result = ExpandItems(over);
    return result.ok() ? *result : Json(result.status().message());
  };
  EXPECT_EQ(items({1, "b", nullptr}), Json({1, "b", nullptr}));
  EXPECT_EQ(items({{"range", 3}}), Json({0, 1, 2}));
  EXPECT_EQ(items({{"range", 0}}), Json::array());
  EXPECT_EQ(items({{"from", 2}, {"to", 8}, {"step", 3}}), Json({2, 5, 8}));
  EXPECT_EQ(items({{"from", 3}, {"to", 1}, {"step", -1}}), Json({3, 2, 1}));
  EXPECT_EQ(items({{"from", 1}, {"to", 3}}), Json({1, 2, 3}));
  EXPECT_EQ(items({{"from", 0.1}, {"to", 0.5}, {"step", 0.1}}).size(), 5u);
  EXPECT_EQ(items({{"range", limits::kMaxMapItems}}).size(), 10'000u);
  EXPECT_THAT(items({{"range", limits::kMaxMapItems + 1}}).get<std::string>(),
              HasSubstr("at most 10000"));
  EXPECT_THAT(items({{"from", 1}, {"to", 1e9}}).get<std::string>(), HasSubstr("at most 10000"));
  EXPECT_THAT(items({{"range", -1}}).get<std::string>(), HasSubstr("0 or more"));
  EXPECT_THAT(items({{"from", 1}, {"to", 3}, {"step", -1}}).get<std::string>(),
              HasSubstr("must lead from"));
  EXPECT_THAT(items({{"from", 1}, {"to", 3}, {"step", 0}}).get<std::string>(),
              HasSubstr("must lead from"));
  EXPECT_THAT(items(7).get<std::string>(), HasSubstr("give a list"));
  // Also where one item would need no step.
  EXPECT_EQ(items({{"from", 4}, {"to", 4}, {"step", 0}}), Json({4}));
  for (const Json& step : {Json(nullptr), Json("1"), Json::array()}) {
    EXPECT_EQ(items({{"from", 1}, {"to", 1}, {"step", step}}), "step must be a number") << step;
  }
}

TEST(ExpandItems, IntegersStayWithinWhatHoldsThem) {
  constexpr int64_t kHuge = 9'000'000'000'000'000'000;
  const Result<Json> items = ExpandItems({{"from", -kHuge}, {"to", kHuge}, {"step", kHuge}});
  EXPECT_THAT(items.status().message(), HasSubstr("within -2^53 to 2^53"));
  constexpr int64_t kLargest = int64_t{1} << 53;
  EXPECT_EQ(*ExpandItems({{"from", -kLargest}, {"to", kLargest}, {"step", kLargest}}),
            Json({-kLargest, 0, kLargest}));
  EXPECT_FALSE(ExpandItems({{"from", 0}, {"to", std::nan("")}}).ok());
}

std::string InMap(const std::string& step) {
  return "name: p\nsteps:\n- {name: before, type: noop, with: {output_bytes: 1}}\n"
         "- {name: m, type: map, over: [1, 2], steps: [" +
         step + "], outputs: {o: \"${steps.a.metrics.n}\"}}\n";
}

TEST(Structure, RefusesWhatMapsCannotBe) {
  EXPECT_THAT(Refusals(InMap("{name: a, type: noop}")), IsEmpty());
  EXPECT_THAT(Refusals(InMap("{name: before, type: noop}")),
              testing::Contains(HasSubstr("steps[1].steps[0].name: \"before\" is the name of "
                                          "steps[0] already")));
  EXPECT_THAT(Refusals(InMap("{name: a, type: noop, dependsOn: [before]}")),
              ElementsAre(HasSubstr("steps[1].steps[0].dependsOn[0]: \"before\" stands outside")));
  EXPECT_THAT(Refusals(InMap("{name: a, type: noop, dependsOn: [a]}")),
              ElementsAre(HasSubstr("waits for itself")));
  EXPECT_THAT(Refusals(InMap("{name: a, type: noop, with: {message: '${steps.m.outputs.o}'}}")),
              ElementsAre(HasSubstr("is the map that this step is inside of")));
  EXPECT_THAT(Refusals(InMap("{name: a, type: noop, with: {fail: 3}}")),
              ElementsAre(HasSubstr("steps[1].steps[0].with.fail: must be boolean")));
  EXPECT_THAT(Refusals(InMap("{name: a, type: noop, dependsOn: [b]}, {name: b, type: noop, "
                             "dependsOn: [a]}")),
              ElementsAre(HasSubstr("steps[1].steps[0]: the steps wait for each other")));
  EXPECT_THAT(Refusals("{name: p, steps: [{name: m, type: map, over: [1]}]}"),
              ElementsAre(HasSubstr("steps[0].steps: needs at least one step")));
  EXPECT_THAT(Refusals("{name: p, steps: [{name: m, type: map, steps: [{name: a, type: noop}]}]}"),
              ElementsAre(HasSubstr("steps[0].over: is missing")));
  EXPECT_THAT(Refusals("{name: p, steps: [{name: m, type: map, over: {rang: 3}, steps: [{name: a, "
                       "type: noop}]}]}"),
              ElementsAre(HasSubstr("did you mean \"range\"?")));
  for (const char* bad : {"-1", "6.5", "'5'", "101%", "some"}) {
    EXPECT_THAT(Refusals("{name: p, steps: [{name: m, type: map, over: [1], toleratedFailures: " +
                         std::string(bad) + ", steps: [{name: a, type: noop}]}]}"),
                ElementsAre(HasSubstr("steps[0].toleratedFailures")))
        << bad;
  }
  EXPECT_THAT(Refusals("{name: p, steps: [{name: a, type: noop, with: {message: '${item}'}}]}"),
              ElementsAre(HasSubstr("means something only inside a map step")));
}

TEST(Structure, RefusesWhatCannotBeAskedOfAMap) {
  const auto after = [](const std::string& reference) {
    return Refusals(InMap("{name: a, type: noop, with: {output_bytes: 1}}") +
                    "- {name: z, type: noop, with: {message: \"" + reference + "\"}}\n");
  };
  EXPECT_THAT(after("${steps.m.outputs.o.mean}"), IsEmpty());
  EXPECT_THAT(after("${steps.m.best(o, min).index}"), IsEmpty());
  EXPECT_THAT(after("${steps.m.outputs.p}"), ElementsAre(HasSubstr("has no output \"p\"")));
  EXPECT_THAT(after("${steps.m.best(p, min).o}"), ElementsAre(HasSubstr("has no output \"p\"")));
  EXPECT_THAT(after("${steps.m.metrics.o}"), ElementsAre(HasSubstr("step \"m\" is a map")));
  EXPECT_THAT(after("${steps.a.metrics.o}"), ElementsAre(HasSubstr("there is no step \"a\"")));
  EXPECT_THAT(after("${steps.before.outputs.data.mean}"), ElementsAre(HasSubstr("is no map")));
  EXPECT_THAT(
      Refusals(std::string(kFolds) +
               "x-unused: 1\n").size(), 0u);
  EXPECT_THAT(Refusals(InMap("{name: a, type: noop}") +
                       "- {name: z, type: register, inputs: {model: \"${steps.m.outputs.o}\"}, with: "
                       "{group: g}}\n"),
              ElementsAre(HasSubstr("is a list, one for each item; choose with steps.m.best")));
}

TEST(Structure, OnExitSeesTheRunAndNobodyElseDoes) {
  const auto refusals = [](const std::string& own, const std::string& exit) {
    return Refusals("{name: p, steps: [{name: a, type: noop, with: {message: '" + own +
                    "'}}], onExit: [{name: x, type: noop, with: {message: '" + exit + "'}}]}");
  };
  EXPECT_THAT(refusals("", "${run.state} ${run.message} ${steps.a.metrics.n ?? run.id}"), IsEmpty());
  EXPECT_THAT(refusals("${run.state}", ""),
              ElementsAre(HasSubstr("steps[0].with.message: ${run.state} is known only to onExit")));
  EXPECT_THAT(refusals("${steps.x.metrics.n}", ""), ElementsAre(HasSubstr("no step \"x\"")));
  EXPECT_THAT(Refusals("{name: p, steps: [{name: a, type: noop}], onExit: [{name: a, type: noop}]}"),
              ElementsAre(HasSubstr("onExit[0].name: \"a\" is the name of steps[0] already")));
}

TEST(Structure, MapsNestOnlySoDeep) {
  std::string steps = "[{name: leaf, type: noop}]";
  for (int depth = 1; depth <= limits::kMaxMapDepth + 1; ++depth) {
    steps = "[{name: m" + std::to_string(depth) + ", type: map, over: [1], steps: " + steps + "}]";
    const auto refusals = Refusals("{name: p, steps: " + steps + "}");
    if (depth <= limits::kMaxMapDepth) {
      EXPECT_THAT(refusals, IsEmpty()) << depth;
    } else {
      EXPECT_THAT(refusals, ElementsAre(HasSubstr("at most 4 deep")));
    }
  }
}

class CallsTest : public testing::Test {
 protected:
  void Store(const std::string& text) {
    const PipelineSpec spec = Good(text);
    stored_[spec.name].push_back(std::make_shared<const PipelineSpec>(spec));
  }
  std::vector<std::string> Check(const std::string& text) {
    pins_.clear();
    const Status status = CheckCalls(
        Good(text),
        [this](const std::string& name,
               int32_t* version) -> Result<std::shared_ptr<const PipelineSpec>> {
          const auto found = stored_.find(name);
          if (found == stored_.end()) return NotFound("there is no pipeline \"" + name + "\"");
          if (*version == 0) *version = static_cast<int32_t>(found->second.size());
          return found->second.at(static_cast<std::size_t>(*version - 1));
        },
        pins_);
    return Lines(status.problems());
  }
  std::map<std::string, std::vector<std::shared_ptr<const PipelineSpec>>> stored_;
  std::map<std::string, std::string> pins_;
};

constexpr char kCaller[] =
    "{name: top, steps: [{name: call, type: pipeline, pipeline: prep, parameters: {n: 3}}, "
    "{name: use, type: noop, with: {message: '${steps.call.outputs.rows}'}}]}";

TEST_F(CallsTest, PinsTheNewestAndKeepsWhatIsPinned) {
  Store("{name: prep, parameters: {n: {type: integer}}, steps: [{name: a, type: noop}], "
        "outputs: {rows: '${steps.a.metrics.rows}'}}");
  Store("{name: prep, parameters: {n: {type: integer, default: 1}}, steps: [{name: a, type: noop}], "
        "outputs: {rows: '${steps.a.metrics.rows}', more: '${parameters.n}'}}");
  EXPECT_THAT(Check(kCaller), IsEmpty());
  EXPECT_EQ(pins_["pipeline:prep"], "2");
  EXPECT_THAT(Check("{name: top, steps: [{name: call, type: pipeline, pipeline: prep@1, parameters: "
                    "{n: 1}}]}"),
              IsEmpty());
  EXPECT_THAT(pins_, IsEmpty());
}

TEST_F(CallsTest, RefusesWhatTheOtherDoesNotTakeOrGive) {
  EXPECT_THAT(Check(kCaller), ElementsAre(HasSubstr("steps[0].pipeline: there is no pipeline")));
  Store("{name: prep, parameters: {m: {type: integer}, d: {type: dataset}}, "
        "steps: [{name: a, type: noop}]}");
  EXPECT_THAT(Check(kCaller),
              ElementsAre(HasSubstr("steps[0].parameters.n: pipeline prep has no such parameter"),
                          HasSubstr("steps[0].parameters.d: is missing"),
                          HasSubstr("steps[0].parameters.m: is missing"),
                          HasSubstr("pipeline prep has no output \"rows\"")));
  EXPECT_THAT(Check("{name: top, steps: [{name: call, type: pipeline, pipeline: prep, parameters: "
                    "{m: x, d: 'artifact:nonsense'}}]}"),
              ElementsAre(HasSubstr("parameters.d"), HasSubstr("parameters.m: must be integer")));
}

TEST_F(CallsTest, RefusesCircles) {
  Store("{name: b, steps: [{name: call, type: pipeline, pipeline: top}]}");
  EXPECT_THAT(Check("{name: top, steps: [{name: call, type: pipeline, pipeline: b}]}"),
              ElementsAre(HasSubstr("b: steps[0].pipeline: pipeline \"top\" would call itself: top → "
                                    "b → top")));
  EXPECT_THAT(Check("{name: top, steps: [{name: m, type: map, over: [1], steps: [{name: call, type: "
                    "pipeline, pipeline: top}]}]}"),
              ElementsAre(HasSubstr("steps[0].steps[0].pipeline: pipeline \"top\" would call "
                                    "itself")));
}

TEST_F(CallsTest, RefusesCallsTooDeep) {
  for (int i = 1; i <= limits::kMaxPipelineDepth; ++i) {
    Store("{name: p" + std::to_string(i) + ", steps: [{name: call, type: " +
          (i == limits::kMaxPipelineDepth ? std::string("noop}]}")
                  : "pipeline, pipeline: p" + std::to_string(i + 1) + "}]}"));
  }
  EXPECT_THAT(Check("{name: top, steps: [{name: call, type: pipeline, pipeline: p2}]}"), IsEmpty());
  EXPECT_THAT(Check("{name: top, steps: [{name: call, type: pipeline, pipeline: p1}]}"),
              ElementsAre(HasSubstr("at most 8 deep")));
}

}  // namespace
}  // namespace penstock

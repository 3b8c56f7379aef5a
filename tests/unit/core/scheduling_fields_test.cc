// What a definition says of queues, limits, mutexes and taints.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/core/plan.h"
#include "storage/model/limits.h"
#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(SchedulingFields, AreReadAndKeptInTheNormalForm) {
  const PipelineSpec spec = Good(R"(
name: p
queue: batch
priority: -7
maxActiveRuns: 2
onLimit: cancelOldest
parameters: {t: {type: string}}
steps:
- {name: a, type: noop, mutex: "db-${parameters.t}", resources: {tolerations: {team: x}}}
- name: m
  type: map
  over: [1, 2]
  steps: [{name: b, type: noop, mutex: "m-${item}-${run.id}"}]
)");
  EXPECT_EQ(spec.queue, "batch");
  EXPECT_EQ(spec.priority, -7);
  EXPECT_EQ(spec.max_active_runs, 2);
  EXPECT_EQ(spec.on_limit, OnLimit::kCancelOldest);
  EXPECT_EQ(spec.steps[0].mutex, "db-${parameters.t}");
  EXPECT_EQ(spec.steps[0].resources.tolerations.at("team"), "x");
  const Json canonical = CanonicalDefinition(spec);
  const auto again = ParsePipeline(canonical, Catalog::BuiltIn());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(CanonicalDefinition(*again), canonical);
  const auto plan = Plan::Build(*again, {{"t", "x"}}, Catalog::BuiltIn());
  EXPECT_EQ(plan->max_active_runs(), 2);
  EXPECT_EQ(plan->on_limit(), OnLimit::kCancelOldest);
}

TEST(SchedulingFields, AreLeftOutOfTheNormalFormWhereTheySayNothing) {
  const Json canonical = CanonicalDefinition(Good("name: p\nsteps: [{name: a, type: noop}]"));
  for (const char* key : {"queue", "priority", "maxActiveRuns", "onLimit"}) {
    EXPECT_FALSE(canonical.contains(key)) << key;
  }
  EXPECT_FALSE(canonical["steps"][0].contains("mutex"));
}

std::vector<std::string> RefusalsOf(const std::string& head, const std::string& step = "") {
  return Refusals("name: p\n" + head + "\nparameters: {t: {type: string, default: x}}\nsteps:\n" +
                  "- {name: a, type: noop}\n- {name: b, type: noop" + step + "}\n");
}

TEST(SchedulingFields, WrongOnesAreRefusedWithTheirPlace) {
  EXPECT_THAT(RefusalsOf("queue: No"), ElementsAre(StartsWith("queue: \"No\" is not a name")));
  EXPECT_THAT(RefusalsOf("priority: " + std::to_string(limits::kMaxPriority + 1)),
              ElementsAre(StartsWith("priority: ")));
  EXPECT_THAT(RefusalsOf("priority: " + std::to_string(limits::kMaxPriority)), ElementsAre());
  EXPECT_THAT(RefusalsOf("maxActiveRuns: " + std::to_string(limits::kMaxActiveRuns + 1)),
              ElementsAre(StartsWith("maxActiveRuns: ")));
  EXPECT_THAT(RefusalsOf("maxActiveRuns: 1\nonLimit: cancelOldets"),
              ElementsAre(HasSubstr("cancelOldest")));
  EXPECT_THAT(RefusalsOf("onLimit: skip"), ElementsAre(HasSubstr("maxActiveRuns: N")));
}

TEST(SchedulingFields, AMutexIsANameThatIsKnownBeforeTheStepRuns) {
  EXPECT_THAT(RefusalsOf("", ", mutex: \"${steps.a.metrics.m}\""),
              ElementsAre(HasSubstr("may refer to parameters, item and run")));
  EXPECT_THAT(RefusalsOf("", ", mutex: \"${parameters.u}\""),
              ElementsAre(HasSubstr("there is no parameter \"u\"")));
  EXPECT_THAT(RefusalsOf("", ", mutex: \"" + std::string(limits::kMaxMutexBytes + 1, 'x') + "\""),
              ElementsAre(HasSubstr("1 to 128 bytes")));
  EXPECT_THAT(RefusalsOf("", ", mutex: \"\""), ElementsAre(HasSubstr("1 to 128 bytes")));
  EXPECT_THAT(Refusals("name: p\nsteps: [{name: a, type: wait, with: {duration: 1s}, mutex: m}]"),
              ElementsAre(HasSubstr("is for steps that run on a worker")));
}

TEST(SchedulingFields, AFenceIsSaidOrImplied) {
  const auto fenced = [](const std::string& more) {
    return Good("name: p\nsteps: [{name: a, type: script, with: {command: [x]" + more + "}]")
        .steps[0]
        .fenced_execution();
  };
  EXPECT_FALSE(fenced("}"));
  EXPECT_TRUE(fenced("}, fence: execution"));
  EXPECT_FALSE(fenced("}, fence: result"));
  EXPECT_TRUE(fenced("}, mutex: m"));
  EXPECT_TRUE(fenced(", side_effects: true}"));
  EXPECT_FALSE(fenced(", side_effects: true}, fence: result"));
  EXPECT_THAT(RefusalsOf("", ", fence: executoin"), ElementsAre(HasSubstr("execution")));
  EXPECT_THAT(RefusalsOf("", ", fence: result, mutex: m"),
              ElementsAre(HasSubstr("take `fence` out, or write execution")));
}

TEST(SchedulingFields, WhatMayBePreempted) {
  const PipelineSpec spec = Good(
      "name: p\nsteps:\n"
      "- {name: a, type: script, fence: execution, preemptible: true, checkpointGrace: 2m, "
      "with: {command: [x]}}\n- {name: b, type: noop, preemptible: true}\n- {name: c, type: noop}");
  EXPECT_TRUE(spec.steps[0].preemptible);
  EXPECT_EQ(spec.steps[0].checkpoint_grace, std::chrono::minutes(2));
  EXPECT_TRUE(spec.steps[1].preemptible);
  const Json canonical = CanonicalDefinition(spec);
  for (const char* key : {"fence", "preemptible", "checkpointGrace"}) {
    EXPECT_FALSE(canonical["steps"][2].contains(key)) << key;
  }
  const auto again = ParsePipeline(canonical, Catalog::BuiltIn());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(CanonicalDefinition(*again), canonical);
  EXPECT_THAT(RefusalsOf("", ", preemptible: true, checkpointGrace: 10s"),
              ElementsAre(HasSubstr("is for a script that says preemptible: true")));
  const auto with_grace = [](std::chrono::seconds grace) {
    return Refusals("name: p\nsteps: [{name: a, type: script, preemptible: true, "
                    "checkpointGrace: " +
                    std::to_string(grace.count()) + "s, with: {command: [x]}}]");
  };
  EXPECT_THAT(with_grace(limits::kMaxCheckpointGrace), IsEmpty());
  EXPECT_THAT(with_grace(limits::kMaxCheckpointGrace + std::chrono::seconds(1)),
              ElementsAre(HasSubstr("at most 1h")));
  EXPECT_THAT(Refusals("name: p\nsteps: [{name: a, type: script, preemptible: true, resources: "
                       "{nodes: 2}, with: {command: [x]}}]"),
              ElementsAre(HasSubstr("is for steps on one node")));
  EXPECT_THAT(
      Refusals("name: p\nsteps: [{name: a, type: wait, with: {duration: 1s}, preemptible: true}]"),
      ElementsAre(HasSubstr("is for steps that run on a worker")));
}

}  // namespace
}  // namespace penstock

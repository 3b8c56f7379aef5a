// Results that are used again: found by content, or kept from the run that another goes on from.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class CacheTest : public testing::Test {
 protected:
  CacheTest() {
    worker_.Open();
    data_ = "artifact:" + FormatDigest(bench_.Artifact("rows", ArtifactType::kDataset).digest);
  }
  ~CacheTest() override { bench_.CheckInvariants(); }

  // Lets the worker make what it is asked for; the names of the steps that ran.
  std::vector<std::string> Work() {
    std::vector<std::string> names;
    for (int round = 0; round < 50; ++round) {
      auto leases = worker_.Start();
      if (leases.empty()) break;
      for (auto& [name, lease] : leases) {
        names.push_back(name);
        const bool fails = std::find(failing_.begin(), failing_.end(), name) != failing_.end();
        if (fails) {
          EXPECT_EQ(*worker_.Fail(lease), Verdict::kOk);
          continue;
        }
        StepResult result;
        result.metrics["n"] = 1;
        // What it makes follows from what it is given, as with real steps.
        std::string made = lease.type + lease.parameters_json;
        for (const LeaseInput& input : lease.inputs) {
          for (const ArtifactRef& ref : input.artifacts) made += ref.digest.value();
        }
        if (lease.type == "process") {
          result.outputs["data"] = bench_.Artifact(made, ArtifactType::kDataset);
          result.outputs["transform"] = bench_.Artifact(made + "t", ArtifactType::kTransform);
        }
        EXPECT_EQ(*worker_.Succeed(lease, result), Verdict::kOk);
      }
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string Pipeline(const std::string& more = "", const std::string& with = "{}",
                       const std::string& first = "a") {
    return "name: cached\nparameters: {d: {type: dataset}}\n" + more + "steps:\n- {name: " + first +
           ", type: process, inputs: {data: \"${parameters.d}\"}, with: " + with +
           "}\n- {name: b, type: process, inputs: {data: \"${steps." + first +
           ".outputs.data}\"}}\n";
  }
  RunId Run(const std::string& yaml) { return bench_.Run(yaml, {{"d", data_}}); }
  RunId Submit(const std::string& yaml, const std::function<void(SubmitRunCommand&)>& change) {
    SubmitRunCommand command = bench_.SubmissionOf(yaml);
    command.parameters = {{"d", data_}};
    change(command);
    const auto answer = bench_.Ask(&Engine::SubmitRun, command);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->run.id : RunId();
  }
  Json Miss(const RunId& run, const std::string& step) {
    return JsonMember(bench_.Step(run, step).cache, "miss");
  }

  EngineBench bench_;
  BenchWorker worker_{&bench_, "w1", 8};
  std::string data_;
  std::vector<std::string> failing_;
};

TEST_F(CacheTest, TheSameAgainIsNotRunAgain) {
  const RunId first = Run(Pipeline());
  EXPECT_THAT(Work(), ElementsAre("a", "b"));
  EXPECT_EQ(Miss(first, "a")["why"], "no earlier run has a result of this step");
  const RunId second = Run(Pipeline());
  EXPECT_EQ(bench_.Find(second).state, RunState::kSucceeded) << "at once";
  const StepRecord step = bench_.Step(second, "b");
  EXPECT_EQ(step.state, StepState::kCached);
  EXPECT_EQ(step.cache["hit"], Json({{"run", first.value()}, {"step", "b"}}));
  EXPECT_EQ(step.result.outputs, bench_.Step(first, "b").result.outputs);
  EXPECT_EQ(step.result.metrics, bench_.Step(first, "b").result.metrics);
  EXPECT_EQ(bench_.Find(second).counts.succeeded, 2);
  // From the one that made it, however often it was passed on.
  const RunId third = Run(Pipeline());
  EXPECT_EQ(bench_.Step(third, "b").cache["hit"]["run"], first.value());
  EXPECT_THAT(Work(), IsEmpty());
}

TEST_F(CacheTest, AnotherNameOfTheStepIsTheSame) {
  Run(Pipeline());
  Work();
  const RunId run = Run(Pipeline("", "{}", "renamed"));
  EXPECT_THAT(Work(), IsEmpty());
  EXPECT_EQ(bench_.Step(run, "renamed").cache["hit"]["step"], "a");
}

TEST_F(CacheTest, AnyPartThatDiffersIsNamed) {
  const RunId first = Run(Pipeline());
  Work();
  // A parameter.
  RunId run = Run(Pipeline("", "{read: {format: csv, header: true}}"));
  EXPECT_EQ(Work().front(), "a");
  EXPECT_EQ(Miss(run, "a")["run"], first.value());
  EXPECT_THAT(Miss(run, "a")["differs"].dump(), HasSubstr("parameters.read"));
  // A byte of the data.
  data_ = "artifact:" + FormatDigest(bench_.Artifact("rowz", ArtifactType::kDataset).digest);
  run = Run(Pipeline("", "{read: {format: csv, header: true}}"));
  EXPECT_THAT(Work(), ElementsAre("a", "b"));
  EXPECT_EQ(Miss(run, "a")["differs"], Json({"inputs.data"}));
  EXPECT_EQ(Miss(run, "b")["differs"], Json({"inputs.data"}));
}

TEST_F(CacheTest, ItCanBeTurnedOffExpireAndReachFurther) {
  Run(Pipeline());
  Work();
  const RunId off = Submit(Pipeline(), [](SubmitRunCommand& command) { command.no_cache = true; });
  EXPECT_THAT(Work(), ElementsAre("a", "b"));
  EXPECT_THAT(Miss(off, "a")["why"].get<std::string>(), HasSubstr("submitted without the cache"));
  Submit(Pipeline(), [](SubmitRunCommand& command) { command.no_cache_steps = {"b"}; });
  EXPECT_THAT(Work(), ElementsAre("b"));
  Run(Pipeline("defaults: {cache: false}\n"));
  EXPECT_THAT(Work(), ElementsAre("a", "b"));

  bench_.Pass(hours(2));
  worker_.Open();
  Run(Pipeline("defaults: {cache: {expiry: 3h}}\n"));
  EXPECT_THAT(Work(), IsEmpty());
  const RunId expired = Run(Pipeline("defaults: {cache: {expiry: 1h}}\n"));
  EXPECT_THAT(Work(), ElementsAre("a", "b"));
  EXPECT_THAT(Miss(expired, "a")["why"].get<std::string>(), HasSubstr("has expired"));

  // Another pipeline's results count only when asked for.
  std::string other = Pipeline();
  other.replace(other.find("cached"), 6, "others");
  Run(other);
  EXPECT_THAT(Work(), ElementsAre("a", "b"));
  other.replace(other.find("others"), 6, "thirds");
  other.replace(other.find("steps:"), 6, "defaults: {cache: {scope: all}}\nsteps:");
  Run(other);
  EXPECT_THAT(Work(), IsEmpty());
}

TEST_F(CacheTest, StepsWithEffectsAndFailuresAreNeverTakenFromIt) {
  failing_ = {"b"};
  Run(Pipeline());
  EXPECT_THAT(Work(), ElementsAre("a", "b"));
  failing_.clear();
  Run(Pipeline());
  EXPECT_THAT(Work(), ElementsAre("b"));
  const std::string noop = "name: plain\nsteps: [{name: n, type: noop}]";
  for (int i = 0; i < 2; ++i) {
    bench_.Run(noop);
    EXPECT_THAT(Work(), ElementsAre("n"));
  }
}

TEST_F(CacheTest, ARestartForgetsNothing) {
  const RunId first = Run(Pipeline());
  Work();
  bench_.Restart();
  worker_.Open();
  const RunId run = Run(Pipeline());
  EXPECT_EQ(bench_.Step(run, "a").cache["hit"]["run"], first.value());
}

// --- Going on from another run

constexpr char kWork[] = R"(
name: work
steps:
- {name: a, type: noop}
- name: m
  type: map
  over: {range: 100}
  toleratedFailures: 100
  dependsOn: [a]
  steps: [{name: i, type: noop}, {name: j, type: noop, dependsOn: [i]}]
  outputs: {n: "${steps.j.metrics.n}"}
- {name: check, type: condition, if: {left: "${steps.m.outputs.n.count}", op: "==", right: 100}, then: [good], else: [bad]}
- {name: good, type: noop}
- {name: bad, type: fail, with: {message: "not all"}}
)";

TEST_F(CacheTest, ARetryRunsWhatFailedAndWhatDependsOnIt) {
  failing_ = {"m[7].i", "m[40].j", "m[99].i"};
  const RunId first = bench_.Run(kWork);
  Work();
  ASSERT_EQ(bench_.Find(first).state, RunState::kFailed);
  failing_.clear();
  SubmitRunCommand retry = bench_.SubmissionOf(kWork);
  retry.origin.run = first;
  const auto answer = bench_.Ask(&Engine::SubmitRun, retry);
  ASSERT_TRUE(answer.ok()) << answer.status();
  const RunId second = answer->run.id;
  bench_.Restart();
  worker_.Open();
  // Three items, and what waited for them.
  EXPECT_THAT(Work(), ElementsAre("good", "m[40].j", "m[7].i", "m[7].j", "m[99].i", "m[99].j"));
  EXPECT_EQ(bench_.Find(second).state, RunState::kSucceeded);
  EXPECT_EQ(bench_.Find(second).origin.run, first);
  const StepRecord kept = bench_.Step(second, "m[40].i");
  EXPECT_EQ(kept.state, StepState::kCached);
  EXPECT_EQ(kept.cache["hit"]["run"], first.value());
}

TEST_F(CacheTest, AStepThatIsNamedRunsAgainWithWhatDependsOnIt) {
  const std::string diamond = R"(
name: diamond
steps:
- {name: a, type: noop}
- {name: b, type: noop, dependsOn: [a]}
- {name: c, type: noop, dependsOn: [a]}
- {name: d, type: noop, dependsOn: [b, c]}
)";
  const RunId first = bench_.Run(diamond);
  EXPECT_THAT(Work(), SizeIs(4));
  SubmitRunCommand retry = bench_.SubmissionOf(diamond);
  retry.origin = {first, {"b"}};
  const auto answer = bench_.Ask(&Engine::SubmitRun, retry);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(Work(), ElementsAre("b", "d"));
  EXPECT_EQ(bench_.State(answer->run.id, "c"), StepState::kCached);
}

TEST_F(CacheTest, ModelsAndApprovalsAreKeptFromTheOtherRun) {
  const std::string gated = R"(
name: gated
parameters: {m: {type: dataset}}
steps:
- {name: ok, type: approval}
- {name: r, type: register, dependsOn: [ok], inputs: {model: "${parameters.m}"}, with: {group: g}}
- {name: z, type: noop, dependsOn: [r]}
)";
  const ArtifactRef model = bench_.Artifact("model", ArtifactType::kModel);
  const std::map<std::string, Json> given = {{"m", "artifact:" + FormatDigest(model.digest)}};
  const RunId first = bench_.Run(gated, given);
  ASSERT_TRUE(bench_.Ask(&Engine::DecideApproval,
                         DecideApprovalCommand{first, "ok", true, "", Principal("user:ada")})
                  .ok());
  failing_ = {"z"};
  Work();
  failing_.clear();
  SubmitRunCommand retry = bench_.SubmissionOf(gated);
  retry.parameters = given;
  retry.origin.run = first;
  const auto answer = bench_.Ask(&Engine::SubmitRun, retry);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(Work(), ElementsAre("z"));
  EXPECT_EQ(bench_.Find(answer->run.id).state, RunState::kSucceeded);
  EXPECT_EQ(bench_.Step(answer->run.id, "r").model_version, "g/1") << "and no second version";
}

// --- Why

TEST_F(CacheTest, WhatWaitsSaysForWhat) {
  const RunId run = bench_.Run(R"(
name: why
maxParallelSteps: 1
steps:
- {name: a, type: noop, resources: {cpus: 8}}
- {name: b, type: noop, resources: {cpus: 4}}
- {name: c, type: noop, dependsOn: [a, b]}
- {name: g, type: noop, resources: {gpus: 2}}
)");
  const auto why = [&](const std::string& step) {
    std::string text;
    const auto reasons =
        bench_.Ask(&Engine::ExplainStep, ExplainCommand{run, bench_.Step(run, step).index});
    EXPECT_TRUE(reasons.ok()) << reasons.status();
    for (const Explanation& each : *reasons) {
      text += each.reason + ": " + each.message + "\n";
    }
    return text;
  };
  worker_.Start();
  EXPECT_THAT(why("c"), HasSubstr("WAITS_FOR: step a is RUNNING\nWAITS_FOR: step b is READY"));
  EXPECT_THAT(why("b"), HasSubstr("MAX_PARALLEL_STEPS: the run has 1 steps on workers"));
  EXPECT_THAT(why("b"), HasSubstr("WORKER_BUSY: worker w1 has 0 of its 8 cpus free; the step needs "
                                  "4 cpus"));
  EXPECT_THAT(why("b"), HasSubstr("step a of " + run.value() + " has 8 cpus of worker w1"));
  EXPECT_THAT(why("g"), HasSubstr("WORKER_CANNOT: worker w1 has 0 GPUs, the step needs 2"));
  EXPECT_EQ(why("a"), "");
  ASSERT_TRUE(worker_.Close().ok());
  EXPECT_THAT(why("g"), HasSubstr("NO_WORKER"));
}

}  // namespace
}  // namespace penstock

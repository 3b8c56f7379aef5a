// Maps, pipelines that call pipelines, onExit, approvals, waits, deadlines and failFast, each with
// a coordinator that stays and with one that is replaced before every report.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/digest.h"
#include "storage/model/limits.h"
#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class StructureTest : public testing::TestWithParam<bool> {
 protected:
  StructureTest() { worker_.Open(); }
  ~StructureTest() override { bench_.CheckInvariants(); }

  void MaybeRestart() {
    if (!GetParam()) return;
    bench_.Restart();
    EXPECT_THAT(worker_.Open().stale, IsEmpty());
  }

  // The value that a noop step of that name reports as its metric n; nullopt: it fails.
  using Outcome = std::function<std::optional<double>(const std::string& name)>;

  // Lets the worker run what it gets until nothing is left; the names in order.
  std::vector<std::string> RunAll(const Outcome& outcome = [](const std::string&) { return 1; }) {
    std::vector<std::string> names;
    for (int rounds = 0; rounds < 2'000; ++rounds) {
      held_.merge(worker_.Start());
      if (held_.empty()) break;
      MaybeRestart();
      auto node = held_.extract(held_.begin());
      const std::string name = node.key();
      names.push_back(name);
      const std::optional<double> value = outcome(name);
      if (value) {
        StepResult result;
        result.metrics["n"] = *value;
        EXPECT_EQ(*worker_.Succeed(node.mapped(), result), Verdict::kOk) << name;
      } else {
        EXPECT_EQ(*worker_.Fail(node.mapped()), Verdict::kOk) << name;
      }
    }
    return names;
  }
  Json Value(const RunId& run, const std::string& step, const std::string& output) {
    const StepRecord record = bench_.Step(run, step);
    const auto found = record.result.values.find(output);
    return found == record.result.values.end() ? Json("none") : found->second;
  }
  std::string Message(const RunId& run, const std::string& step) {
    return bench_.Step(run, step).message;
  }

  EngineBench bench_;
  BenchWorker worker_{&bench_, "w1", 100};
  std::map<std::string, LeasedAttempt> held_;
};

INSTANTIATE_TEST_SUITE_P(Coordinator, StructureTest, testing::Bool(), [](const auto& replaced) {
  return replaced.param ? "Replaced" : "Stays";
});

constexpr char kMap[] = R"(
name: folds
parameters: {tolerated: {type: integer, default: 0}}
steps:
- {name: before, type: noop}
- name: cv
  type: map
  over: {range: 4}
  dependsOn: [before]
  maxConcurrency: 2
  toleratedFailures: 1
  steps:
  - {name: fit, type: noop, with: {message: "fold ${item} of ${run.name}"}}
  - {name: score, type: noop, dependsOn: [fit], with: {message: "${steps.fit.metrics.n} ${steps.before.metrics.n}"}}
  outputs: {n: "${steps.score.metrics.n}"}
- name: after
  type: noop
  with: {message: "mean ${steps.cv.outputs.n.mean} of ${steps.cv.outputs.n.count}, best ${steps.cv.best(n, max).index}"}
)";

TEST_P(StructureTest, AMapRunsItsItemsAndGathersWhatTheyGive) {
  const RunId run = bench_.Run(kMap);
  std::string said;
  const auto names = RunAll([&](const std::string& name) {
    return name.find("score") == std::string::npos ? 7 : name[3] - '0';
  });
  EXPECT_THAT(names, SizeIs(10));
  EXPECT_EQ(names.front(), "before");
  EXPECT_EQ(names.back(), "after");
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  EXPECT_EQ(Value(run, "cv", "n"), Json({0.0, 1.0, 2.0, 3.0}));
  EXPECT_EQ(bench_.Find(run).counts.total, 11);
  EXPECT_EQ(bench_.Find(run).counts.succeeded, 11);
  const StepRecord inner = bench_.Step(run, "cv[2].score");
  EXPECT_EQ(inner.item, 2);
  EXPECT_EQ(inner.parent, bench_.Step(run, "cv").index);
  EXPECT_THAT(inner.depends_on, ElementsAre(bench_.Step(run, "cv[2].fit").index));
}

TEST_P(StructureTest, WhatItemsAndLaterStepsAreToldIsResolved) {
  bench_.Run(kMap);
  std::map<std::string, std::string> told;
  for (int round = 0; round < 20; ++round) {
    for (auto& [name, lease] : worker_.Start()) {
      told[name] = lease.parameters_json;
      MaybeRestart();
      StepResult result;
      result.metrics["n"] = name.find("score") == std::string::npos ? 7 : name[3] - '0';
      ASSERT_EQ(*worker_.Succeed(lease, result), Verdict::kOk);
    }
  }
  EXPECT_THAT(told["cv[3].fit"], HasSubstr("fold 3 of folds-1"));
  EXPECT_THAT(told["cv[3].score"], HasSubstr("7 7"));
  EXPECT_THAT(told["after"], HasSubstr("mean 1.5 of 4, best 3"));
}

TEST_P(StructureTest, OnlySoManyItemsRunAtATime) {
  const RunId run = bench_.Run(kMap);
  StepResult result;
  result.metrics["n"] = 1;
  ASSERT_EQ(*worker_.Succeed(worker_.Start()["before"], result), Verdict::kOk);
  MaybeRestart();
  auto leases = worker_.Start();
  EXPECT_THAT(leases, SizeIs(2));
  EXPECT_EQ(bench_.State(run, "cv[2].fit"), StepState::kWaiting);
  ASSERT_EQ(*worker_.Succeed(leases["cv[1].fit"], result), Verdict::kOk);
  MaybeRestart();
  const auto next = worker_.Start();
  EXPECT_THAT(next, SizeIs(1)) << "the item goes on, and no other begins";
  EXPECT_EQ(next.begin()->first, "cv[1].score");
}

TEST_P(StructureTest, ToleratedFailuresLeaveGapsInTheLists) {
  const RunId run = bench_.Run(kMap);
  RunAll([](const std::string& name) -> std::optional<double> {
    if (name == "cv[1].fit") return std::nullopt;
    return 2;
  });
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  EXPECT_EQ(Value(run, "cv", "n"), Json({2.0, Json(), 2.0, 2.0}));
  EXPECT_EQ(bench_.Step(run, "cv[1].score").cause, Cause::kUpstreamFailed);
  EXPECT_THAT(Message(run, "cv"), HasSubstr("1 of 4 items failed, 1 may: cv[1].fit: it broke"));
}

TEST_P(StructureTest, TooManyFailuresFailTheMapAndNoOtherItemBegins) {
  const RunId run = bench_.Run(kMap);
  RunAll([](const std::string& name) -> std::optional<double> {
    if (name.starts_with("cv[")) return std::nullopt;
    return 2;
  });
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);
  const StepRecord map = bench_.Step(run, "cv");
  EXPECT_EQ(map.state, StepState::kFailed);
  EXPECT_EQ(map.cause, Cause::kItemsFailed);
  EXPECT_THAT(map.message, HasSubstr("items failed, 1 may"));
  EXPECT_EQ(bench_.State(run, "cv[3].fit"), StepState::kSkipped);
  EXPECT_EQ(bench_.Step(run, "cv[3].fit").cause, Cause::kItemsFailed);
  EXPECT_EQ(bench_.State(run, "after"), StepState::kSkipped);
}

TEST_P(StructureTest, AMapWithoutItemsSucceedsAtOnce) {
  const RunId run = bench_.Run(R"(
name: none
parameters: {list: {type: list}}
steps:
- {name: m, type: map, over: "${parameters.list}", steps: [{name: a, type: noop}], outputs: {n: "${steps.a.metrics.n}"}}
- {name: z, type: noop, dependsOn: [m], with: {message: "of ${steps.m.outputs.n.count}"}}
)",
                               {{"list", Json::array()}});
  EXPECT_EQ(bench_.State(run, "m"), StepState::kSucceeded);
  MaybeRestart();
  EXPECT_THAT(RunAll(), ElementsAre("z"));
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

TEST_P(StructureTest, MapsInMapsAndItemsThatAreObjects) {
  const RunId run = bench_.Run(R"(
name: grid
steps:
- name: outer
  type: map
  over: [{name: a, sizes: [1, 2]}, {name: b, sizes: [3]}]
  steps:
  - name: inner
    type: map
    over: "${item.sizes}"
    steps: [{name: leaf, type: noop, with: {message: "size ${item}"}}]
    outputs: {n: "${steps.leaf.metrics.n}"}
  outputs: {sum: "${steps.inner.outputs.n.max}", who: "${item.name}"}
)");
  const auto names = RunAll([](const std::string& name) { return name[13] - '0' + 10; });
  EXPECT_THAT(names,
              testing::UnorderedElementsAre("outer[0].inner[0].leaf", "outer[0].inner[1].leaf",
                                            "outer[1].inner[0].leaf"));
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  EXPECT_EQ(Value(run, "outer", "who"), Json({"a", "b"}));
}

TEST_P(StructureTest, AListFromAReportIsWhatIsMapped) {
  const RunId run = bench_.Run(R"(
name: listed
parameters: {d: {type: dataset}}
steps:
- {name: e, type: evaluate, inputs: {data: "${parameters.d}", model: "${parameters.d}"}}
- {name: m, type: map, over: "${steps.e.report.folds}", steps: [{name: a, type: noop}]}
)",
                               {{"d", "artifact:" + FormatDigest(bench_.Artifact("x").digest)}});
  auto leases = worker_.Start();
  EXPECT_THAT(leases["e"].report_paths, ElementsAre("folds"));
  StepResult result;
  result.report_values["folds"] = {"x", "y"};
  MaybeRestart();
  ASSERT_EQ(*worker_.Succeed(leases["e"], result), Verdict::kOk);
  EXPECT_THAT(RunAll(), SizeIs(2));
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

TEST_P(StructureTest, ItemsThatMakeTooManyStepsFailTheMap) {
  std::string steps;
  for (int i = 0; i < 6; ++i) steps += "{name: s" + std::to_string(i) + ", type: noop},";
  const RunId run = bench_.Run(
      "name: wide\nparameters: {d: {type: dataset}}\nsteps:\n"
      "- {name: e, type: evaluate, inputs: {data: \"${parameters.d}\", model: "
      "\"${parameters.d}\"}}\n"
      "- {name: m, type: map, over: \"${steps.e.report.folds}\", steps: [" +
          steps + "]}",
      {{"d", "artifact:" + FormatDigest(bench_.Artifact("x").digest)}});
  StepResult result;
  for (int i = 0; i < limits::kMaxMapItems; ++i) result.report_values["folds"].push_back(i);
  ASSERT_EQ(*worker_.Succeed(worker_.Start()["e"], result), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);
  EXPECT_THAT(Message(run, "m"), HasSubstr("would make 60002 steps of the run; at most 50000"));
}

TEST_P(StructureTest, OutputsThatAreTooLargeFailTheMap) {
  const auto yaml = [](const std::string& output) {
    return "name: large\nparameters: {list: {type: list}}\nsteps: [{name: m, type: map, over: "
           "\"${parameters.list}\", steps: [{name: a, type: wait, with: {until: "
           "\"2001-01-01T00:00:00Z\"}}], outputs: {o: \"" +
           output + "\"}}]";
  };
  // 60 KB of items; each gives twenty times its text, and 1.2 MB together are too much.
  const Json list(std::vector<std::string>(60, std::string(1'000, 'x')));
  std::string output;
  for (int i = 0; i < 20; ++i) output += "${item}";
  const RunId bad = bench_.Run(yaml(output), {{"list", list}});
  EXPECT_EQ(bench_.Find(bad).state, RunState::kFailed);
  EXPECT_THAT(Message(bad, "m"), HasSubstr("output o is larger than 1.0 MiB"));
  const RunId good = bench_.Run(yaml("${item}"), {{"list", list}});
  EXPECT_EQ(bench_.Find(good).state, RunState::kSucceeded);
}

TEST_P(StructureTest, ACancelledMapEndsWithItsItems) {
  const RunId run = bench_.Run(kMap);
  ASSERT_EQ(*worker_.Succeed(worker_.Start()["before"]), Verdict::kOk);
  auto leases = worker_.Start();
  ASSERT_THAT(leases, SizeIs(2));
  ASSERT_TRUE(
      bench_.Ask(&Engine::CancelRun, CancelRunCommand{run, Principal("user:ada"), ""}).ok());
  MaybeRestart();
  EXPECT_EQ(bench_.State(run, "cv"), StepState::kRunning);
  EXPECT_EQ(bench_.State(run, "cv[3].fit"), StepState::kCancelled);
  for (auto& [name, lease] : leases) {
    MaybeRestart();
    EXPECT_EQ(*worker_.End(lease, ReportKind::kCancelled), Verdict::kOk);
  }
  EXPECT_EQ(bench_.State(run, "cv"), StepState::kCancelled);
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelled);
}

// --- Pipelines

constexpr char kChild[] = R"(
name: child
parameters: {x: {type: integer}}
steps:
- {name: work, type: noop, with: {message: "x is ${parameters.x}"}}
- {name: tail, type: noop, dependsOn: [work]}
outputs: {n: "${steps.work.metrics.n}", x: "${parameters.x}"}
onExit: [{name: tidy, type: noop}]
)";

constexpr char kParent[] = R"(
name: parent
parameters: {y: {type: integer, default: 4}}
steps:
- {name: call, type: pipeline, pipeline: child, parameters: {x: "${parameters.y}"}}
- {name: use, type: noop, with: {message: "got ${steps.call.outputs.n} and ${steps.call.outputs.x}"}}
outputs: {n: "${steps.call.outputs.n}"}
)";

TEST_P(StructureTest, APipelineRunsInsideAnother) {
  bench_.SubmissionOf(kChild);
  const RunId run = bench_.Run(kParent);
  EXPECT_EQ(bench_.Find(run).pins.at("pipeline:child"), "1");
  // A newer version does not change a run that goes on.
  bench_.SubmissionOf(
      "{name: child, parameters: {x: {type: integer}}, steps: [{name: other, type: "
      "noop}], outputs: {n: '${parameters.x}', x: '${parameters.x}'}}");
  const auto names = RunAll([](const std::string& name) { return name == "call.work" ? 9 : 1; });
  EXPECT_THAT(names, ElementsAre("call.work", "call.tail", "call.tidy", "use"));
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  EXPECT_EQ(Value(run, "call", "n"), 9.0);
  EXPECT_EQ(Value(run, "call", "x"), 4);
}

TEST_P(StructureTest, AFailureInsideFailsTheCallAfterItsOnExit) {
  bench_.SubmissionOf(kChild);
  const RunId run = bench_.Run(kParent);
  const auto names = RunAll([](const std::string& name) -> std::optional<double> {
    if (name == "call.work") return std::nullopt;
    return 1;
  });
  EXPECT_THAT(names, ElementsAre("call.work", "call.tidy"));
  const StepRecord call = bench_.Step(run, "call");
  EXPECT_EQ(call.state, StepState::kFailed);
  EXPECT_EQ(call.cause, Cause::kPipelineFailed);
  EXPECT_EQ(call.message, "step call.work: it broke");
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);
}

TEST_P(StructureTest, CallsAreJudgedWhenTheRunIsSubmitted) {
  const auto refused = bench_.Ask(&Engine::SubmitRun, bench_.SubmissionOf(kParent));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().reason(), "INVALID_DEFINITION");
  EXPECT_THAT(refused.status().problems().at(0).message, HasSubstr("no pipeline \"child\""));
}

TEST_P(StructureTest, ACallInsideAMap) {
  bench_.SubmissionOf(kChild);
  const RunId run = bench_.Run(R"(
name: many
steps:
- name: m
  type: map
  over: [5, 6]
  steps: [{name: call, type: pipeline, pipeline: child, parameters: {x: "${item}"}}]
  outputs: {x: "${steps.call.outputs.x}"}
)");
  EXPECT_THAT(RunAll(), SizeIs(6));
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  EXPECT_EQ(Value(run, "m", "x"), Json({5, 6}));
  EXPECT_EQ(bench_.State(run, "m[1].call.tidy"), StepState::kSucceeded);
}

// --- onExit

constexpr char kExit[] = R"(
name: exit
steps: [{name: a, type: noop}, {name: b, type: noop, dependsOn: [a]}]
onExit: [{name: tell, type: noop, with: {message: "${run.state}: ${run.message}"}}]
)";

TEST_P(StructureTest, OnExitRunsWhateverBecameOfTheRest) {
  const RunId good = bench_.Run(kExit);
  EXPECT_THAT(RunAll(), ElementsAre("a", "b", "tell"));
  EXPECT_EQ(bench_.Find(good).state, RunState::kSucceeded);

  const RunId bad = bench_.Run(kExit);
  held_ = worker_.Start();
  ASSERT_EQ(*worker_.Fail(held_["a"]), Verdict::kOk);
  held_.clear();
  MaybeRestart();
  EXPECT_EQ(bench_.Find(bad).state, RunState::kRunning);
  auto leases = worker_.Start();
  EXPECT_THAT(leases["tell"].parameters_json, HasSubstr("FAILED: step a: it broke"));
  ASSERT_EQ(*worker_.Succeed(leases["tell"]), Verdict::kOk);
  EXPECT_EQ(bench_.Find(bad).state, RunState::kFailed);
  EXPECT_EQ(bench_.Find(bad).message, "step a: it broke");
}

TEST_P(StructureTest, OnExitCanMakeTheVerdictWorse) {
  const RunId run = bench_.Run(kExit);
  RunAll([](const std::string& name) -> std::optional<double> {
    if (name == "tell") return std::nullopt;
    return 1;
  });
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);
  EXPECT_EQ(bench_.Find(run).message, "step tell: it broke");
}

TEST_P(StructureTest, ACancelledRunTidiesUpUnlessTheCancelSaysNow) {
  const CancelRunCommand later{RunId(), Principal("user:ada"), ""};
  for (const bool now : {false, true}) {
    const RunId run = bench_.Run(kExit);
    held_ = worker_.Start();
    CancelRunCommand cancel = later;
    cancel.run = run;
    cancel.now = now;
    ASSERT_TRUE(bench_.Ask(&Engine::CancelRun, cancel).ok());
    MaybeRestart();
    ASSERT_EQ(*worker_.End(held_["a"], ReportKind::kCancelled), Verdict::kOk);
    held_.clear();
    MaybeRestart();
    if (now) {
      EXPECT_EQ(bench_.State(run, "tell"), StepState::kCancelled);
    } else {
      auto leases = worker_.Start();
      EXPECT_THAT(leases["tell"].parameters_json, HasSubstr("CANCELLED"));
      ASSERT_EQ(*worker_.Succeed(leases["tell"]), Verdict::kOk);
    }
    EXPECT_EQ(bench_.Find(run).state, RunState::kCancelled);
  }
}

TEST_P(StructureTest, ASecondCancelStopsWhatTidiesUp) {
  const RunId run = bench_.Run(kExit);
  CancelRunCommand cancel{run, Principal("user:ada"), ""};
  held_ = worker_.Start();
  ASSERT_TRUE(bench_.Ask(&Engine::CancelRun, cancel).ok());
  ASSERT_EQ(*worker_.End(held_["a"], ReportKind::kCancelled), Verdict::kOk);
  held_ = worker_.Start();
  ASSERT_TRUE(held_.contains("tell"));
  ASSERT_TRUE(bench_.Ask(&Engine::CancelRun, cancel).ok());
  EXPECT_EQ(bench_.State(run, "tell"), StepState::kRunning) << "the same again changes nothing";
  cancel.now = true;
  ASSERT_TRUE(bench_.Ask(&Engine::CancelRun, cancel).ok());
  MaybeRestart();
  ASSERT_EQ(*worker_.End(held_["tell"], ReportKind::kCancelled), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelled);
}

// --- Approvals and waits

constexpr char kApproval[] = R"(
name: gate
steps:
- {name: a, type: noop}
- {name: ok, type: approval, dependsOn: [a], with: {message: "n is ${steps.a.metrics.n}", timeout: 2h}}
- {name: z, type: noop, with: {message: "by ${steps.ok.outputs.by}: ${steps.ok.outputs.comment}"}}
)";

TEST_P(StructureTest, AnApprovalWaitsForAPersonsWord) {
  const RunId run = bench_.Run(kApproval);
  DecideApprovalCommand yes{run, "ok", true, "looks good", Principal("user:bob")};
  EXPECT_EQ(bench_.Ask(&Engine::DecideApproval, yes).status().reason(), "NOT_WAITING");
  EXPECT_THAT(RunAll([](const std::string&) { return 3; }), ElementsAre("a"));
  MaybeRestart();
  bench_.Pass(minutes(119));
  worker_.Open();  // its session ended in silence
  EXPECT_EQ(bench_.State(run, "ok"), StepState::kRunning);
  EXPECT_EQ(Message(run, "ok"), "n is 3");
  yes.step = "nothing";
  EXPECT_EQ(bench_.Ask(&Engine::DecideApproval, yes).status().code(), StatusCode::kNotFound);
  yes.step = "a";
  EXPECT_THAT(bench_.Ask(&Engine::DecideApproval, yes).status().message(),
              HasSubstr("a noop step, no approval"));
  yes.step = "ok";
  const auto answer = bench_.Ask(&Engine::DecideApproval, yes);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->state, StepState::kSucceeded);
  MaybeRestart();
  auto leases = worker_.Start();
  EXPECT_THAT(leases["z"].parameters_json, HasSubstr("by user:bob: looks good"));
  ASSERT_EQ(*worker_.Succeed(leases["z"]), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  EXPECT_EQ(bench_.Ask(&Engine::DecideApproval, yes).status().reason(), "NOT_WAITING");
}

TEST_P(StructureTest, ARejectionFailsTheRun) {
  const RunId run = bench_.Run(kApproval);
  RunAll();
  MaybeRestart();
  const DecideApprovalCommand no{run, "ok", false, "not yet", Principal("user:bob")};
  ASSERT_TRUE(bench_.Ask(&Engine::DecideApproval, no).ok());
  EXPECT_EQ(bench_.Step(run, "ok").cause, Cause::kRejected);
  EXPECT_EQ(bench_.Find(run).message, "step ok: rejected by user:bob: not yet");
}

TEST_P(StructureTest, NoAnswerInTimeIsOne) {
  const RunId run = bench_.Run(kApproval);
  RunAll();
  MaybeRestart();
  bench_.Pass(hours(2));
  EXPECT_EQ(bench_.Step(run, "ok").cause, Cause::kTimeout);
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);

  const RunId mild = bench_.Run(
      "name: mild\nsteps: [{name: ok, type: approval, with: {timeout: 1h, on_timeout: approve}}]");
  MaybeRestart();
  bench_.Pass(hours(1));
  EXPECT_EQ(bench_.Find(mild).state, RunState::kSucceeded);
}

TEST_P(StructureTest, AnApprovalIsCancelledWithItsRun) {
  const RunId run = bench_.Run("name: p\nsteps: [{name: ok, type: approval}]");
  MaybeRestart();
  ASSERT_TRUE(
      bench_.Ask(&Engine::CancelRun, CancelRunCommand{run, Principal("user:ada"), ""}).ok());
  EXPECT_EQ(bench_.Find(run).state, RunState::kCancelled);
}

TEST_P(StructureTest, AWaitTakesItsTimeAndNoWorker) {
  const RunId run = bench_.Run(R"(
name: waits
maxParallelSteps: 1
steps:
- {name: w, type: wait, with: {duration: 90s}}
- {name: meanwhile, type: noop}
- {name: past, type: wait, with: {until: "2001-01-01T00:00:00Z"}}
- {name: z, type: noop, dependsOn: [w, past]}
)");
  EXPECT_EQ(bench_.State(run, "past"), StepState::kSucceeded);
  EXPECT_THAT(RunAll(), ElementsAre("meanwhile")) << "a wait takes nobody's place";
  MaybeRestart();
  bench_.Pass(milliseconds(89'999));
  EXPECT_EQ(bench_.State(run, "w"), StepState::kRunning);
  MaybeRestart();
  bench_.Pass(milliseconds(1));
  EXPECT_EQ(bench_.State(run, "w"), StepState::kSucceeded);
  EXPECT_THAT(RunAll(), ElementsAre("z"));
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

// --- Deadlines and failFast

TEST_P(StructureTest, ARunsDeadlineEndsItAsFailed) {
  const RunId run = bench_.Run(
      "name: p\ndeadline: 1m\nsteps: [{name: a, type: noop}, {name: b, type: noop, dependsOn: "
      "[a]}]\n"
      "onExit: [{name: x, type: noop}]");
  held_ = worker_.Start();
  MaybeRestart();
  for (int i = 0; i < 6; ++i) {
    bench_.Pass(seconds(10));
    ASSERT_TRUE(worker_.Heartbeat().ok());
  }
  EXPECT_EQ(bench_.State(run, "b"), StepState::kCancelled);
  EXPECT_EQ(bench_.Step(run, "b").cause, Cause::kDeadline);
  MaybeRestart();
  ASSERT_EQ(*worker_.End(held_["a"], ReportKind::kCancelled), Verdict::kOk);
  held_.clear();
  EXPECT_THAT(RunAll(), ElementsAre("x"));
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);
  EXPECT_EQ(bench_.Find(run).message, "the run's deadline of 1m passed");
}

TEST_P(StructureTest, AStepsDeadlineCountsItsWaitsAndTriesToo) {
  const RunId run = bench_.Run(R"(
name: p
steps:
- {name: a, type: noop, deadline: 30s, retry: {maxAttempts: 9, interval: 1h, maxInterval: 1h}}
- {name: m, type: map, over: [1], deadline: 30s, continueOnFailure: true, steps: [{name: i, type: noop}]}
- {name: never, type: noop, deadline: 30s, continueOnFailure: true, resources: {gpus: 3}}
)");
  held_ = worker_.Start();
  ASSERT_EQ(*worker_.Fail(held_["a"]), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "a"), StepState::kRetryWait);
  MaybeRestart();
  for (int i = 0; i < 3; ++i) {
    bench_.Pass(seconds(10));
    ASSERT_TRUE(worker_.Heartbeat().ok());
  }
  EXPECT_EQ(bench_.Step(run, "a").cause, Cause::kDeadline);
  EXPECT_EQ(Message(run, "a"), "its deadline of 30s passed");
  EXPECT_EQ(bench_.Step(run, "never").cause, Cause::kDeadline);
  EXPECT_EQ(bench_.State(run, "m"), StepState::kRunning) << "until its item has stopped";
  MaybeRestart();
  ASSERT_EQ(*worker_.End(held_["m[0].i"], ReportKind::kCancelled), Verdict::kOk);
  held_.clear();
  EXPECT_EQ(bench_.Step(run, "m").state, StepState::kFailed);
  EXPECT_EQ(bench_.Step(run, "m").cause, Cause::kDeadline);
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);
}

TEST_P(StructureTest, AStepThatItsDeadlineStopsEndsSoThoughTheClockIsSetBack) {
  const RunId run = bench_.Run("name: p\nsteps: [{name: a, type: noop, deadline: 30s}]");
  const LeasedAttempt lease = worker_.Start().at("a");
  for (int i = 0; i < 3; ++i) {
    bench_.Pass(seconds(10));
    ASSERT_TRUE(worker_.Heartbeat().ok());
  }
  const auto told = worker_.Lease();
  ASSERT_TRUE(told.ok());
  EXPECT_THAT(told->cancel, ElementsAre(lease.token));
  bench_.clock().JumpWall(-std::chrono::hours(1));
  EXPECT_EQ(*worker_.End(lease, ReportKind::kCancelled), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "a"), StepState::kFailed);
  EXPECT_EQ(bench_.Step(run, "a").cause, Cause::kDeadline);
}

TEST_P(StructureTest, FailFastStopsTheRest) {
  const RunId run = bench_.Run(R"(
name: p
failFast: true
steps:
- {name: a, type: noop}
- {name: b, type: noop}
- {name: mild, type: noop, continueOnFailure: true}
- {name: after, type: noop, dependsOn: [b]}
)");
  held_ = worker_.Start();
  ASSERT_EQ(*worker_.Fail(held_["mild"]), Verdict::kOk);
  EXPECT_EQ(bench_.State(run, "after"), StepState::kWaiting) << "a tolerated failure is none";
  ASSERT_EQ(*worker_.Fail(held_["a"]), Verdict::kOk);
  EXPECT_EQ(bench_.Step(run, "after").cause, Cause::kFailFast);
  EXPECT_EQ(bench_.State(run, "b"), StepState::kRunning);
  MaybeRestart();
  EXPECT_THAT(worker_.Lease()->cancel, ElementsAre(held_["b"].token));
  ASSERT_EQ(*worker_.End(held_["b"], ReportKind::kCancelled), Verdict::kOk);
  held_.clear();
  EXPECT_EQ(bench_.State(run, "b"), StepState::kCancelled);
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);
  EXPECT_THAT(bench_.Find(run).message, HasSubstr("step a: it broke"));
}

TEST_P(StructureTest, OutputsOfItemsAreAnInputOfMany) {
  const RunId run = bench_.Run(R"(
name: fan-in
steps:
- {name: m, type: map, over: [1, 2], steps: [{name: a, type: noop, with: {output_bytes: 1}}], outputs: {d: "${steps.a.outputs.data}"}}
- {name: z, type: noop, inputs: {data: "${steps.m.outputs.d}"}}
)");
  const ArtifactRef one = bench_.Artifact("one");
  const ArtifactRef two = bench_.Artifact("two");
  for (auto& [name, lease] : worker_.Start()) {
    MaybeRestart();
    StepResult result;
    result.outputs["data"] = name == "m[0].a" ? one : two;
    ASSERT_EQ(*worker_.Succeed(lease, result), Verdict::kOk);
  }
  MaybeRestart();
  auto leases = worker_.Start();
  ASSERT_THAT(leases["z"].inputs, SizeIs(1));
  EXPECT_THAT(leases["z"].inputs[0].artifacts, ElementsAre(one, two));
  ASSERT_EQ(*worker_.Succeed(leases["z"]), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
}

}  // namespace
}  // namespace penstock

// Runs that go on from others, repeat them or belong together, each with a coordinator that stays
// and with one that is replaced before every report.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/digest.h"
#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RerunTest : public testing::TestWithParam<bool> {
 protected:
  RerunTest() {
    worker_.Open();
    data_ = Named(bench_.Artifact("rows", ArtifactType::kDataset));
  }
  ~RerunTest() override { bench_.CheckInvariants(); }

  static std::string Named(const ArtifactRef& ref) {
    return "artifact:" + FormatDigest(ref.digest);
  }
  // Lets the worker make what it is asked for; the names of the steps that ran, sorted.
  std::vector<std::string> Work() {
    std::vector<std::string> names;
    for (int round = 0; round < 500; ++round) {
      held_.merge(worker_.Start());
      if (held_.empty()) break;
      if (GetParam()) {
        bench_.Restart();
        EXPECT_THAT(worker_.Open().stale, IsEmpty());
      }
      auto node = held_.extract(held_.begin());
      names.push_back(node.key());
      leases_[node.key()] = node.mapped();
      if (failing_.contains(node.key())) {
        EXPECT_EQ(*worker_.Fail(node.mapped()), Verdict::kOk);
      } else {
        EXPECT_EQ(*worker_.Succeed(node.mapped(), ResultOf(node.mapped())), Verdict::kOk);
      }
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  // What it makes follows from what it is given, as with real steps.
  StepResult ResultOf(const LeasedAttempt& lease) {
    StepResult result;
    result.metrics["n"] = 1;
    std::string made = lease.type + lease.parameters_json;
    for (const LeaseInput& input : lease.inputs) {
      for (const ArtifactRef& ref : input.artifacts) made += ref.digest.value();
    }
    if (lease.type == "process") {
      result.outputs["data"] = bench_.Artifact(made, ArtifactType::kDataset);
      result.outputs["transform"] = bench_.Artifact(made + "t", ArtifactType::kTransform);
    }
    return result;
  }
  // A run that goes on from `origin`, with its parameters.
  Result<SubmitRunAnswer> Again(const RunId& origin,
                                const std::function<void(SubmitRunCommand&)>& change = {}) {
    const RunRecord run = bench_.Find(origin);
    SubmitRunCommand command;
    command.pipeline = run.pipeline;
    command.version = run.pipeline_version;
    for (const auto& [name, value] : run.parameters.items()) command.parameters[name] = value;
    command.overrides = run.overrides;
    command.principal = Principal("user:ada");
    command.origin.run = origin;
    if (change) change(command);
    return bench_.Ask(&Engine::SubmitRun, command);
  }
  RunId Accepted(const Result<SubmitRunAnswer>& answer) {
    EXPECT_TRUE(answer.ok()) << answer.status();
    for (const Problem& problem : answer.status().problems()) {
      ADD_FAILURE() << problem.path << ": " << problem.message;
    }
    return answer.ok() ? answer->run.id : RunId();
  }
  static std::string Problems(const Status& status) {
    std::string text = status.message();
    for (const Problem& problem : status.problems()) {
      text += "\n" + problem.path + ": " + problem.message;
    }
    return text;
  }
  const std::string& ParametersOf(const std::string& step) { return leases_[step].parameters_json; }
  Digest InputOf(const std::string& step, std::size_t at = 0) {
    return leases_[step].inputs.at(at).artifacts.at(0).digest;
  }
  int32_t RegisterModel(const std::string& text) {
    RegisterModelCommand command;
    command.group = GroupName("g");
    command.model = bench_.Artifact(text, ArtifactType::kModel).digest;
    command.status = ModelStatus::kApproved;
    command.principal = Principal("user:ada");
    return bench_.Ask(&Engine::RegisterModel, command)->version;
  }
  void Promote(int32_t version) {
    EXPECT_TRUE(
        bench_
            .Ask(&Engine::PromoteModel, PromoteModelCommand{.group = GroupName("g"),
                                                            .version = version,
                                                            .alias = "champion",
                                                            .principal = Principal("user:ada")})
            .ok());
  }

  EngineBench bench_;
  BenchWorker worker_{&bench_, "w1", 100};
  std::map<std::string, LeasedAttempt> held_;
  std::map<std::string, LeasedAttempt> leases_;  // of steps that ran, by name
  std::string data_;
  std::set<std::string> failing_;
};

INSTANTIATE_TEST_SUITE_P(Coordinator, RerunTest, testing::Bool(), [](const auto& replaced) {
  return replaced.param ? "Replaced" : "Stays";
});

constexpr char kChain[] = R"(
name: chain
steps:
- {name: a, type: noop}
- {name: b, type: noop, dependsOn: [a]}
- {name: c, type: noop, dependsOn: [b]}
- {name: d, type: noop, dependsOn: [c]}
)";

// --- Retry

TEST_P(RerunTest, ARetryOfARetryKeepsWhatEitherMade) {
  failing_ = {"b"};
  const RunId first = bench_.Run(kChain);
  Work();
  failing_ = {"c"};
  const RunId second = Accepted(Again(first));
  EXPECT_THAT(Work(), ElementsAre("b", "c"));
  failing_.clear();
  const RunId third = Accepted(Again(second));
  EXPECT_THAT(Work(), ElementsAre("c", "d"));
  EXPECT_EQ(bench_.Find(third).state, RunState::kSucceeded);
  EXPECT_EQ(bench_.Step(third, "a").cache["hit"]["run"], first.value()) << "where it was made";
  EXPECT_EQ(bench_.Step(third, "b").cache["hit"]["run"], second.value());
}

TEST_P(RerunTest, ARetryUsesTheVersionsThatTheRunUsed) {
  const std::string inner = "name: inner\nsteps: [{name: x, type: noop, with: {message: old}}]\n";
  const std::string outer =
      "name: outer\nsteps:\n- {name: a, type: noop}\n"
      "- {name: child, type: pipeline, pipeline: inner, dependsOn: [a]}\n";
  bench_.SubmissionOf(inner);
  failing_ = {"child.x"};
  const RunId first = bench_.Run(outer);
  Work();
  failing_.clear();
  std::string newer = inner;
  bench_.SubmissionOf(newer.replace(newer.find("old"), 3, "new"));
  bench_.SubmissionOf(outer + "- {name: z, type: noop}\n");
  const RunId second = Accepted(Again(first));
  EXPECT_THAT(Work(), ElementsAre("child.x"));
  EXPECT_THAT(ParametersOf("child.x"), HasSubstr("old"));
  EXPECT_EQ(bench_.Find(second).pipeline_version, 1);
  EXPECT_EQ(bench_.Find(second).pins.at("pipeline:inner"), "1");
}

TEST_P(RerunTest, ARetryInsideACalledPipelineKeepsWhatSucceededThere) {
  bench_.SubmissionOf(R"(
name: inner
steps: [{name: x, type: noop}, {name: y, type: noop, dependsOn: [x]}]
outputs: {n: "${steps.y.metrics.n}"}
)");
  failing_ = {"child.y"};
  const RunId first = bench_.Run(R"(
name: outer
steps:
- {name: child, type: pipeline, pipeline: inner}
- {name: z, type: noop, with: {metrics: {n: "${steps.child.outputs.n}"}}}
)");
  EXPECT_THAT(Work(), ElementsAre("child.x", "child.y"));
  failing_.clear();
  const RunId second = Accepted(Again(first));
  EXPECT_THAT(Work(), ElementsAre("child.y", "z"));
  EXPECT_EQ(bench_.State(second, "child.x"), StepState::kCached);
  EXPECT_EQ(bench_.Find(second).state, RunState::kSucceeded);
}

constexpr char kData[] = R"(
name: data
parameters: {d: {type: dataset}, header: {type: boolean, default: false}}
steps:
- {name: a, type: process, inputs: {data: "${parameters.d}"}}
- {name: b, type: process, inputs: {data: "${steps.a.outputs.data}"}, with: {read: {format: csv, header: "${parameters.header}"}}}
- {name: c, type: process, inputs: {data: "${steps.b.outputs.data}"}}
)";

TEST_P(RerunTest, ARetryMakesAnewWhatWasCollected) {
  failing_ = {"c"};
  const RunId first = bench_.Run(kData, {{"d", data_}});
  Work();
  failing_.clear();
  const Digest gone = bench_.Step(first, "b").result.outputs.at("data").digest;
  ASSERT_TRUE(bench_.store().Begin().ok());
  ASSERT_TRUE(bench_.store().DeleteArtifact(gone).ok());
  ASSERT_TRUE(bench_.store().Commit().ok());
  const RunId second = Accepted(Again(first));
  EXPECT_THAT(Work(), ElementsAre("b", "c"));
  EXPECT_EQ(bench_.State(second, "a"), StepState::kCached);
  EXPECT_EQ(bench_.Find(second).state, RunState::kSucceeded);
}

TEST_P(RerunTest, ARetryOfACancelledRunGoesOn) {
  const RunId first = bench_.Run(kChain);
  auto leases = worker_.Start();
  EXPECT_EQ(*worker_.Succeed(leases.at("a")), Verdict::kOk);
  leases = worker_.Start();
  ASSERT_TRUE(
      bench_.Ask(&Engine::CancelRun, CancelRunCommand{first, Principal("user:ada"), "", false})
          .ok());
  EXPECT_EQ(*worker_.End(leases.at("b"), ReportKind::kCancelled), Verdict::kOk);
  ASSERT_EQ(bench_.Find(first).state, RunState::kCancelled);
  const RunId second = Accepted(Again(first));
  EXPECT_THAT(Work(), ElementsAre("b", "c", "d"));
  EXPECT_EQ(bench_.Find(second).state, RunState::kSucceeded);
}

TEST_P(RerunTest, AnApprovalIsAskedAgainWhereItJudgesSomethingNew) {
  const RunId first = bench_.Run(R"(
name: gated
steps:
- {name: a, type: noop}
- {name: ok, type: approval, dependsOn: [a]}
- {name: z, type: noop, dependsOn: [ok]}
)");
  const auto approve = [&](const RunId& run) {
    return bench_
        .Ask(&Engine::DecideApproval,
             DecideApprovalCommand{run, "ok", true, "", Principal("user:ada")})
        .ok();
  };
  failing_ = {"z"};
  Work();
  ASSERT_TRUE(approve(first));
  EXPECT_THAT(Work(), ElementsAre("z"));
  failing_.clear();
  const RunId kept = Accepted(Again(first));
  EXPECT_THAT(Work(), ElementsAre("z")) << "what was approved is the same";
  EXPECT_EQ(bench_.State(kept, "ok"), StepState::kCached);
  const RunId again =
      Accepted(Again(first, [](SubmitRunCommand& command) { command.origin.again = {"a"}; }));
  EXPECT_THAT(Work(), ElementsAre("a"));
  EXPECT_EQ(bench_.State(again, "ok"), StepState::kRunning);
  ASSERT_TRUE(approve(again));
  EXPECT_THAT(Work(), ElementsAre("z"));
}

// --- Steps that are run again

constexpr char kItems[] = R"(
name: items
steps:
- name: m
  type: map
  over: [5, 6, 7]
  steps:
  - {name: i, type: noop}
  - {name: j, type: noop, dependsOn: [i], with: {metrics: {n: "${item}"}}}
- {name: z, type: noop, dependsOn: [m]}
)";

TEST_P(RerunTest, AStepOfAMapIsRunAgainForOneItemOrForAll) {
  const RunId first = bench_.Run(kItems);
  EXPECT_THAT(Work(), SizeIs(7));
  const auto again = [&](const std::string& step) {
    Accepted(Again(first, [&](SubmitRunCommand& command) { command.origin.again = {step}; }));
    return Work();
  };
  EXPECT_THAT(again("m[1].j"), ElementsAre("m[1].j", "z"));
  EXPECT_THAT(again("m[1].i"), ElementsAre("m[1].i", "m[1].j", "z"));
  EXPECT_THAT(again("m.j"), ElementsAre("m[0].j", "m[1].j", "m[2].j", "z"));
  EXPECT_THAT(again("m[2]"), ElementsAre("m[2].i", "m[2].j", "z"));
  EXPECT_THAT(again("m"), SizeIs(7));
  EXPECT_THAT(again("z"), ElementsAre("z"));
}

TEST_P(RerunTest, AllAgainTakesWhatDoesNotDependOnTheChangeFromTheCache) {
  const RunId first = bench_.Run(kData, {{"d", data_}});
  EXPECT_THAT(Work(), SizeIs(3));
  const RunId same =
      Accepted(Again(first, [](SubmitRunCommand& command) { command.origin.afresh = true; }));
  EXPECT_THAT(Work(), IsEmpty()) << "all of it is found by content";
  EXPECT_EQ(bench_.Find(same).origin.run, first);
  Accepted(Again(first, [](SubmitRunCommand& command) {
    command.origin.afresh = true;
    command.parameters["header"] = true;
  }));
  EXPECT_THAT(Work(), ElementsAre("b", "c"));
  // What no cache keeps is run again, though the other run has it.
  const RunId chain = bench_.Run(kChain);
  Work();
  Accepted(Again(chain, [](SubmitRunCommand& command) { command.origin.afresh = true; }));
  EXPECT_THAT(Work(), SizeIs(4));
}

// --- Overrides

TEST_P(RerunTest, AStepIsGivenAnotherInputAndOtherParameters) {
  const RunId first = bench_.Run(kData, {{"d", data_}});
  Work();
  const ArtifactRef mine = bench_.Artifact("mine", ArtifactType::kDataset);
  const auto change = [&](SubmitRunCommand& command) {
    command.origin.again = {"b"};
    command.overrides = {
        {"b", {{"inputs", {{"data", Named(mine)}}}, {"with", {{"read", {{"header", true}}}}}}}};
  };
  const RunId second = Accepted(Again(first, change));
  EXPECT_THAT(Work(), ElementsAre("b", "c"));
  EXPECT_EQ(InputOf("b"), mine.digest);
  const Json parameters = *ParseJson(ParametersOf("b"));
  EXPECT_EQ(parameters["read"]["header"], true);
  EXPECT_EQ(parameters["read"]["format"], "csv") << "what is beside it stays";
  EXPECT_EQ(bench_.Find(second).overrides["b"]["inputs"]["data"], Named(mine));
  EXPECT_THAT(bench_.Step(second, "b").depends_on, IsEmpty()) << "nor does it wait for a";
  // A retry of it has them, too; and they are part of the key.
  Accepted(Again(second, [](SubmitRunCommand& command) { command.origin.afresh = true; }));
  EXPECT_THAT(Work(), IsEmpty());
}

TEST_P(RerunTest, AStepThatIsGivenItsInputDoesNotNeedWhatFailed) {
  failing_ = {"a"};
  const RunId first = bench_.Run(kData, {{"d", data_}});
  Work();
  const ArtifactRef mine = bench_.Artifact("mine", ArtifactType::kDataset);
  const RunId second = Accepted(Again(first, [&](SubmitRunCommand& command) {
    command.origin.again = {"b"};
    command.overrides = {{"b", {{"inputs", {{"data", Named(mine)}}}}}};
  }));
  EXPECT_THAT(Work(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(bench_.State(second, "c"), StepState::kSucceeded);
  EXPECT_EQ(bench_.Find(second).state, RunState::kFailed) << "a failed again";
}

TEST_P(RerunTest, StepsInsideMapsAndCalledPipelinesAreOverriddenByTheirWay) {
  bench_.SubmissionOf("name: inner\nsteps: [{name: x, type: noop, with: {message: old}}]\n");
  const RunId first = bench_.Run(R"(
name: outer
steps:
- name: m
  type: map
  over: [1, 2]
  steps: [{name: i, type: noop}, {name: child, type: pipeline, pipeline: inner}]
)");
  Work();
  const RunId second = Accepted(Again(first, [](SubmitRunCommand& command) {
    command.origin.again = {"m.i", "m.child.x"};
    command.overrides = {{"m.i", {{"with", {{"message", "for all"}}}}},
                         {"m.child.x", {{"with", {{"message", "below"}}}}}};
  }));
  EXPECT_THAT(Work(), ElementsAre("m[0].child.x", "m[0].i", "m[1].child.x", "m[1].i"));
  EXPECT_THAT(ParametersOf("m[1].i"), HasSubstr("for all"));
  EXPECT_THAT(ParametersOf("m[1].child.x"), HasSubstr("below"));
  EXPECT_EQ(bench_.Find(second).state, RunState::kSucceeded);
}

TEST_P(RerunTest, EveryProblemOfOverridesComesInOneAnswer) {
  bench_.SubmissionOf("name: inner\nsteps: [{name: x, type: noop}]\n");
  const RunId first = bench_.Run(R"(
name: outer
steps:
- {name: a, type: noop}
- {name: gate, type: condition, if: {left: "${steps.a.metrics.n}", op: ">", right: 0}, then: [z]}
- {name: z, type: noop}
- {name: child, type: pipeline, pipeline: inner}
)");
  Work();
  const Status refused =
      Again(first, [&](SubmitRunCommand& command) {
        command.overrides = {
            {"a", {{"with", {{"duratoin", "1s"}}}, {"inputs", {{"data", "artifact:sha256:00"}}}}},
            {"gate", {{"with", {{"x", 1}}}}},
            {"zz", {{"with", {{"message", "x"}}}}},
            {"a.b", {{"with", {{"message", "x"}}}}},
            {"child.x", {{"with", {{"output_bytes", -1}}}}},
            {"child.y", {{"with", {{"message", "x"}}}}}};
      }).status();
  EXPECT_EQ(refused.reason(), "INVALID_OVERRIDES");
  const std::string text = Problems(refused);
  EXPECT_THAT(text, HasSubstr("overrides.a.with.duratoin: "));
  EXPECT_THAT(text, HasSubstr("did you mean \"duration\"?"));
  EXPECT_THAT(text, HasSubstr("overrides.a.inputs.data: "));
  EXPECT_THAT(text, HasSubstr("overrides.gate: is a condition step: only steps that workers run"));
  EXPECT_THAT(text,
              HasSubstr("overrides.zz: the pipeline has no step \"zz\" (did you mean \"z\"?)"));
  EXPECT_THAT(text, HasSubstr("overrides.a.b: a is a noop step"));
  EXPECT_THAT(text, HasSubstr("overrides.child.x.with.output_bytes: "));
  EXPECT_THAT(text, HasSubstr("overrides.child.y: the pipeline has no step \"y\""));
  for (const char* wrong :
       {R"({"a": {"inputs": {"data": "file:///etc/passwd"}}})", R"({"a": {"inputs": {"data": 3}}})",
        R"({"a": {"inputs": {"data": "https://h/x"}}})",
        R"({"a": {"with": 3}})", R"({"m[3].a": {"with": {}}})"}) {
    EXPECT_EQ(
        Again(first, [&](SubmitRunCommand& command) { command.overrides = *ParseJson(wrong); })
            .status()
            .reason(),
        "INVALID_OVERRIDES")
        << wrong;
  }
}

// --- Verification

constexpr char kEffects[] = R"(
name: effects
parameters: {m: {type: dataset}}
steps:
- {name: a, type: process, inputs: {data: "${parameters.m}"}}
- {name: wait, type: wait, with: {duration: 1h}}
- {name: r, type: register, dependsOn: [a], inputs: {model: "model:g@champion"}, with: {group: made}}
- {name: told, type: notify, dependsOn: [r], with: {url: "http://127.0.0.1:1/"}}
- {name: z, type: noop, dependsOn: [told], with: {message: "${steps.r.outputs.version}"}}
)";

TEST_P(RerunTest, AVerificationMakesAllAnewButForWhatHasEffects) {
  Promote(RegisterModel("old"));
  const RunId first = bench_.Run(kEffects, {{"m", data_}});
  EXPECT_THAT(Work(), ElementsAre("a", "told", "z"));
  bench_.Pass(hours(2));
  worker_.Open();
  ASSERT_EQ(bench_.Find(first).state, RunState::kSucceeded);
  const auto pins = bench_.Find(first).pins;
  Promote(RegisterModel("new"));
  const RunId second = Accepted(Again(first, [](SubmitRunCommand& command) {
    command.origin.afresh = true;
    command.origin.verify = true;
    command.no_cache = true;
  }));
  EXPECT_THAT(Work(), ElementsAre("a", "z")) << "without the cache, and nobody is told twice";
  EXPECT_EQ(bench_.Find(second).state, RunState::kSucceeded) << "without the wait";
  EXPECT_EQ(bench_.Find(second).pins, pins) << "the champion of then";
  EXPECT_EQ(bench_.State(second, "r"), StepState::kCached);
  EXPECT_EQ(bench_.Step(second, "r").model_version, "made/1");
  EXPECT_THAT(ParametersOf("z"), HasSubstr("made/1"));
  EXPECT_TRUE(bench_.Find(second).origin.verify);
}

TEST_P(RerunTest, AVerificationSkipsEffectsThatTheOtherRunNeverHad) {
  Promote(RegisterModel("old"));
  failing_ = {"a"};
  const RunId first = bench_.Run(kEffects, {{"m", data_}});
  Work();
  bench_.Pass(hours(2));
  worker_.Open();
  failing_.clear();
  const RunId second = Accepted(Again(first, [](SubmitRunCommand& command) {
    command.origin.afresh = true;
    command.origin.verify = true;
    command.no_cache = true;
  }));
  EXPECT_THAT(Work(), ElementsAre("a"));
  EXPECT_EQ(bench_.State(second, "r"), StepState::kSkipped);
  EXPECT_THAT(bench_.Step(second, "r").message, HasSubstr("does not repeat what has effects"));
  EXPECT_EQ(bench_.State(second, "z"), StepState::kSkipped);
}

// --- Groups

TEST_P(RerunTest, OfAGroupOnlySoManyGoOnAtATime) {
  std::vector<RunId> runs;
  SubmitRunCommand command = bench_.SubmissionOf("name: one\nsteps: [{name: a, type: noop}]");
  for (int i = 0; i < 5; ++i) {
    command.group = "backfill-1";
    command.group_limit = 2;
    runs.push_back(Accepted(bench_.Ask(&Engine::SubmitRun, command)));
  }
  command.group.clear();
  const RunId beside = Accepted(bench_.Ask(&Engine::SubmitRun, command));
  if (GetParam()) {
    bench_.Restart();
    worker_.Open();
  }
  const auto states = [&] {
    std::string text;
    for (const RunId& run : runs) text += std::string(Name(bench_.Find(run).state)).substr(0, 1);
    return text;
  };
  EXPECT_EQ(states(), "RRPPP");
  EXPECT_EQ(bench_.Find(beside).state, RunState::kRunning) << "others do not wait behind it";
  const auto why = bench_.Ask(&Engine::ExplainStep, ExplainCommand{runs[4], 0});
  ASSERT_TRUE(why.ok() && !why->empty());
  EXPECT_EQ(why->front().reason, "GROUP_MAX_ACTIVE");
  const auto groups = bench_.store().reader().ListRunGroups("", 0, 10);
  ASSERT_TRUE(groups.ok()) << groups.status();
  ASSERT_THAT(*groups, SizeIs(1));
  EXPECT_EQ(groups->front().name, "backfill-1");
  EXPECT_EQ(groups->front().runs.at(RunState::kPending), 3);
  EXPECT_THAT(*bench_.store().reader().ListRunGroups("other", 0, 10), IsEmpty());
  ASSERT_TRUE(
      bench_.Ask(&Engine::CancelRun, CancelRunCommand{runs[2], Principal("user:ada"), "", false})
          .ok());
  EXPECT_EQ(states(), "RRCPP");
  const auto leased = worker_.Lease();
  ASSERT_TRUE(leased.ok()) << leased.status();
  for (const LeasedAttempt& lease : leased->leases) {
    if (lease.run != runs[0]) continue;
    EXPECT_EQ(*worker_.Succeed(lease), Verdict::kOk);
  }
  EXPECT_EQ(states(), "SRCRP");
  for (const RunId& run : runs) {
    EXPECT_TRUE(
        bench_.Ask(&Engine::CancelRun, CancelRunCommand{run, Principal("user:ada"), "", true})
            .ok());
  }
}

// --- What attempts ran in

TEST_P(RerunTest, AttemptsKeepWhatTheyRanInAndShareItsRow) {
  const RunId run = bench_.Run(kChain);
  const std::string environment = R"({"program":"w 1","threads":2})";
  for (const char* step : {"a", "b", "c", "d"}) {
    const LeasedAttempt lease = worker_.Start().at(step);
    if (GetParam()) {
      bench_.Restart();
      worker_.Open();
    }
    StepReport report = ReportOf(lease, ReportKind::kSucceeded);
    report.environment = std::string(step) == "c" ? "{not JSON" : environment;
    EXPECT_EQ(*worker_.Report(report), Verdict::kOk);
  }
  EXPECT_EQ(bench_.Attempts(run, "a").at(0).environment, environment);
  EXPECT_EQ(bench_.Attempts(run, "d").at(0).environment, environment);
  EXPECT_EQ(bench_.Attempts(run, "c").at(0).environment, "") << "nobody could read it";
}

}  // namespace
}  // namespace penstock

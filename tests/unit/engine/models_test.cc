// Aliases of models: what they mean to a run from its start on, and who moves them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ModelsTest : public testing::TestWithParam<bool> {
 protected:
  ModelsTest() { worker_.Open(); }
  ~ModelsTest() override { bench_.CheckInvariants(); }

  void MaybeRestart() {
    if (!GetParam()) return;
    bench_.Restart();
    EXPECT_THAT(worker_.Open().stale, IsEmpty());
  }
  // The version of the group census that holds this text.
  int32_t Register(const std::string& text, const std::string& group = "census") {
    RegisterModelCommand command;
    command.group = GroupName(group);
    command.model = bench_.Artifact(text, ArtifactType::kModel).digest;
    command.status = ModelStatus::kApproved;
    command.principal = Principal("user:ada");
    return bench_.Ask(&Engine::RegisterModel, command)->version;
  }
  Result<ModelVersionRecord> Promote(int32_t version, std::optional<int32_t> expected = {},
                                     const std::string& alias = "champion") {
    return bench_.Ask(&Engine::PromoteModel, {.group = GroupName("census"),
                                              .version = version,
                                              .alias = alias,
                                              .expected = expected,
                                              .principal = Principal("user:ada")});
  }
  int32_t Alias(const std::string& alias = "champion") {
    const auto found = bench_.store().reader().FindModelAlias(GroupName("census"), alias);
    EXPECT_TRUE(found.ok());
    return found.ok() && found->has_value() ? (*found)->version : 0;
  }
  Status Refusal(std::string_view yaml) {
    return bench_.Ask(&Engine::SubmitRun, bench_.SubmissionOf(yaml)).status();
  }
  static const LeaseInput* Input(const LeasedAttempt& lease, const std::string& name) {
    for (const LeaseInput& input : lease.inputs) {
      if (input.name == name) return &input;
    }
    return nullptr;
  }
  std::map<std::string, LeasedAttempt> Leases() { return worker_.Start(); }

  EngineBench bench_;
  BenchWorker worker_{&bench_, "w1", 100};
};

INSTANTIATE_TEST_SUITE_P(Coordinator, ModelsTest, testing::Bool(), [](const auto& replaced) {
  return replaced.param ? "Replaced" : "Stays";
});

TEST_P(ModelsTest, AnAliasStandsForOneVersionUntilItIsMoved) {
  Register("a");
  Register("b");
  EXPECT_THAT(Promote(1)->aliases, ElementsAre("champion"));
  EXPECT_EQ(Alias(), 1);
  EXPECT_TRUE(Promote(2, {}, "shadow").ok());
  EXPECT_THAT(Promote(2)->aliases, ElementsAre("champion", "shadow"));
  EXPECT_EQ(Alias(), 2);
  EXPECT_TRUE(Promote(2).ok()) << "the same again changes nothing";
  MaybeRestart();
  const auto groups = bench_.store().reader().ListModelGroups(GroupName(), 10);
  EXPECT_EQ(groups->front().aliases,
            (std::map<std::string, int32_t>{{"champion", 2}, {"shadow", 2}}));
  EXPECT_THAT(bench_.store().reader().GetModelVersion(GroupName("census"), 1)->aliases, IsEmpty());
  EXPECT_EQ(Promote(3).status().reason(), "MODEL_NOT_FOUND");
}

TEST_P(ModelsTest, AnAliasIsMovedOnlyFromWhatItIsExpectedToStandFor) {
  Register("a");
  Register("b");
  EXPECT_EQ(Promote(1, 2).status().reason(), "ALIAS_MOVED");
  EXPECT_TRUE(Promote(1, 0).ok());
  const Status moved = Promote(2, 0).status();
  EXPECT_EQ(moved.reason(), "ALIAS_MOVED");
  EXPECT_THAT(moved.message(), HasSubstr("stands for version 1 now, and not for no version"));
  EXPECT_THAT(moved.message(), HasSubstr("user:ada"));
  EXPECT_TRUE(Promote(2, 1).ok());
  EXPECT_TRUE(Promote(2, 1).ok()) << "it does stand for it: a repeated request";
}

TEST_P(ModelsTest, ARejectedVersionIsPromotedToNothing) {
  Register("a");
  ASSERT_TRUE(bench_
                  .Ask(&Engine::DecideModel, {.group = GroupName("census"),
                                              .version = 1,
                                              .status = ModelStatus::kRejected,
                                              .principal = Principal("user:ada")})
                  .ok());
  EXPECT_EQ(Promote(1).status().reason(), "MODEL_REJECTED");
  EXPECT_EQ(Alias(), 0);
}

constexpr char kUses[] = R"(
name: uses
steps:
- {name: before, type: noop}
- {name: use, type: noop, dependsOn: [before], inputs: {data: ["model:census@champion", "model:census@1"]}}
)";

TEST_P(ModelsTest, WhatAnAliasMeantAtTheStartHoldsForTheWholeRun) {
  Register("a");
  Register("b");
  ASSERT_TRUE(Promote(2).ok());
  const RunId run = bench_.Run(kUses);
  ASSERT_EQ(*worker_.Succeed(Leases()["before"]), Verdict::kOk);
  ASSERT_TRUE(Promote(1).ok());
  MaybeRestart();
  auto leases = Leases();
  const LeaseInput* input = Input(leases["use"], "data");
  ASSERT_NE(input, nullptr);
  ASSERT_EQ(input->artifacts.size(), 2u);
  EXPECT_EQ(input->artifacts[0].digest, Sha256("b"));
  EXPECT_EQ(input->artifacts[1].digest, Sha256("a"));
  EXPECT_THAT(input->display_names, ElementsAre("census/2", "census/1"));
  EXPECT_EQ(bench_.Find(run).pins.at("model:census@champion"),
            "artifact:" + FormatDigest(Sha256("b")) + "#census/2");
  std::vector<int64_t> rows;
  EXPECT_EQ(bench_.store().reader().ListArtifacts("", run, 0, 10, &rows)->size(), 2u)
      << "a run keeps the models that it names";
  ASSERT_EQ(*worker_.Succeed(leases["use"]), Verdict::kOk);
}

TEST_P(ModelsTest, AModelThatIsNotThereIsRefusedUnlessItMayBeLacking) {
  Register("a");
  const Status refused = Refusal(kUses);
  EXPECT_EQ(refused.reason(), "MODEL_NOT_FOUND");
  ASSERT_EQ(refused.problems().size(), 1u);
  EXPECT_EQ(refused.problems()[0].path, "steps[1].inputs.data");
  EXPECT_THAT(refused.problems()[0].message, HasSubstr("has no alias \"champion\""));
  const RunId run = bench_.Run(R"(
name: optional
steps:
- {name: use, type: noop, inputs: {data: {ref: "model:census@champion", optional: true}}}
)");
  MaybeRestart();
  auto leases = Leases();
  ASSERT_TRUE(leases.contains("use"));
  EXPECT_THAT(Input(leases["use"], "data")->artifacts, IsEmpty());
  EXPECT_EQ(bench_.Find(run).pins.at("model:census@champion"), "");
  ASSERT_EQ(*worker_.Succeed(leases["use"]), Verdict::kOk);
}

TEST_P(ModelsTest, APipelineThatIsCalledNamesModelsToo) {
  bench_.SubmissionOf(R"(
name: inner
parameters: {group: {type: string}}
steps:
- {name: use, type: noop, inputs: {data: "model:census@champion"}}
- {name: up, type: promote, dependsOn: [use], with: {group: "${parameters.group}", alias: champion, version: 2}}
)");
  constexpr char kOuter[] = R"(
name: outer
steps: [{name: child, type: pipeline, pipeline: inner, parameters: {group: census}}]
)";
  EXPECT_THAT(Refusal(kOuter).problems()[0].path, HasSubstr("inner: steps[0].inputs.data"));
  Register("a");
  Register("b");
  ASSERT_TRUE(Promote(1).ok());
  const RunId run = bench_.Run(kOuter);
  MaybeRestart();
  ASSERT_EQ(*worker_.Succeed(Leases()["child.use"]), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  EXPECT_EQ(Alias(), 2);
}

std::string Promoting(const std::string& promote, const std::string& more = "") {
  return "name: promoting\nparameters: {m: {type: dataset}}\nsteps:\n"
         "- {name: before, type: noop}\n"
         "- {name: keep, type: register, dependsOn: [before], inputs: {model: "
         "\"${parameters.m}\"}, "
         "with: {group: census, approval: Approved}}\n" +
         more + "- {name: up, type: promote, with: {group: census, alias: champion" + promote +
         "}}\n";
}

TEST_P(ModelsTest, PromoteMovesTheAliasToWhatTheRunRegistered) {
  Register("a");
  ASSERT_TRUE(Promote(1).ok());
  const Json model = "artifact:" + FormatDigest(bench_.Artifact("b", ArtifactType::kModel).digest);
  const RunId run = bench_.Run(Promoting(""), {{"m", model}});
  MaybeRestart();
  ASSERT_EQ(*worker_.Succeed(Leases()["before"]), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  EXPECT_EQ(Alias(), 2);
  const StepRecord up = bench_.Step(run, "up");
  EXPECT_EQ(up.model_version, "census/2");
  EXPECT_EQ(up.result.values.at("before"), "census/1");
  EXPECT_EQ(bench_.Step(run, "keep").result.values.at("version"), "census/2");
  const auto alias = bench_.store().reader().FindModelAlias(GroupName("census"), "champion");
  EXPECT_EQ((*alias)->run, run);
  EXPECT_EQ((*alias)->step, "up");
}

TEST_P(ModelsTest, AnAliasThatSomebodyMovedMeanwhileStaysWhereItIs) {
  Register("a");
  Register("b");
  ASSERT_TRUE(Promote(1).ok());
  const Json model = "artifact:" + FormatDigest(bench_.Artifact("c", ArtifactType::kModel).digest);
  const RunId run = bench_.Run(Promoting(""), {{"m", model}});
  ASSERT_TRUE(Promote(2).ok());
  MaybeRestart();
  ASSERT_EQ(*worker_.Succeed(Leases()["before"]), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kFailed);
  EXPECT_EQ(bench_.Step(run, "up").cause, Cause::kAliasMoved);
  EXPECT_EQ(Alias(), 2);
}

TEST_P(ModelsTest, PromoteSaysWhichVersionItCannotTell) {
  const Json model = "artifact:" + FormatDigest(bench_.Artifact("c", ArtifactType::kModel).digest);
  const RunId two = bench_.Run(
      Promoting("",
                "- {name: keep-2, type: register, inputs: {model: \"${parameters.m}\"}, with: "
                "{group: census, approval: Approved}}\n"),
      {{"m", model}});
  ASSERT_EQ(*worker_.Succeed(Leases()["before"]), Verdict::kOk);
  EXPECT_THAT(bench_.Step(two, "up").message, HasSubstr("registered several versions of census"));
  const RunId named =
      bench_.Run(Promoting(", version: \"${steps.keep.outputs.version}\""), {{"m", model}});
  ASSERT_EQ(*worker_.Succeed(Leases()["before"]), Verdict::kOk);
  EXPECT_EQ(bench_.Find(named).state, RunState::kSucceeded);
  EXPECT_EQ(Alias(), 3);
  const RunId other = bench_.Run(Promoting(", version: \"other/1\""), {{"m", model}});
  EXPECT_THAT(bench_.Step(other, "up").message, HasSubstr("no version of group census"));
  ASSERT_EQ(*worker_.Succeed(Leases()["before"]), Verdict::kOk);
  const RunId by_input = bench_.Run(R"(
name: by-input
steps: [{name: up, type: promote, inputs: {model: "model:census@1"}, with: {group: census, alias: champion}}]
)");
  EXPECT_EQ(bench_.Find(by_input).state, RunState::kSucceeded);
  EXPECT_EQ(Alias(), 1);
  const RunId none = bench_.Run(R"(
name: none
steps: [{name: up, type: promote, with: {group: census, alias: champion}}]
)");
  EXPECT_THAT(bench_.Step(none, "up").message, HasSubstr("has registered no version of census"));
}

TEST_P(ModelsTest, WhatIsPromotedHasToBeKnownAtTheStart) {
  const Status refused = Refusal(R"(
name: late
steps:
- {name: a, type: noop}
- {name: up, type: promote, with: {group: census, alias: "${steps.a.metrics.n}", version: 1}}
)");
  ASSERT_EQ(refused.problems().size(), 1u);
  EXPECT_EQ(refused.problems()[0].path, "steps[1].with.alias");
}

constexpr char kJudged[] = R"(
name: judged
parameters: {m: {type: dataset}, d: {type: dataset}}
steps:
- name: e
  type: evaluate
  inputs: {model: "${parameters.m}", data: "${parameters.d}", champion: {ref: "model:census@champion", optional: true}}
- {name: after, type: noop, with: {message: "delta ${steps.e.report.comparison.delta ?? 'none'}", fail: true}}
)";

class JudgedTest : public ModelsTest {
 protected:
  RunId Submit() {
    const auto address = [this](const std::string& text, ArtifactType type) {
      return Json("artifact:" + FormatDigest(bench_.Artifact(text, type).digest));
    };
    return bench_.Run(kJudged, {{"m", address("new", ArtifactType::kModel)},
                                {"d", address("rows", ArtifactType::kDataset)}});
  }
  // Ends what there is to do; what `after` was told.
  std::string Finish(std::optional<double> delta) {
    std::string told;
    for (auto leases = Leases(); !leases.empty(); leases = Leases()) {
      for (const auto& [name, lease] : leases) {
        MaybeRestart();
        StepResult result;
        if (name == "e" && delta) result.report_values["comparison.delta"] = *delta;
        if (name == "e") {
          ++judged_;
          EXPECT_EQ(*worker_.Succeed(lease, result), Verdict::kOk);
        } else {
          told = lease.parameters_json;
          EXPECT_EQ(*worker_.Fail(lease), Verdict::kOk);
        }
      }
    }
    return told;
  }
  int judged_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Coordinator, JudgedTest, testing::Bool(), [](const auto& replaced) {
  return replaced.param ? "Replaced" : "Stays";
});

TEST_P(JudgedTest, WithoutAChampionThereIsNoDifferenceAndTheResultIsUsedAgain) {
  Submit();
  EXPECT_THAT(Finish({}), HasSubstr("delta none"));
  const RunId again = Submit();
  EXPECT_THAT(Finish({}), HasSubstr("delta none"));
  EXPECT_EQ(judged_, 1) << "a value that the report lacks is known to be lacking";
  EXPECT_EQ(bench_.State(again, "e"), StepState::kCached);
}

TEST_P(JudgedTest, AnotherChampionIsAnotherKey) {
  Register("old");
  ASSERT_TRUE(Promote(1).ok());
  Submit();
  EXPECT_THAT(Finish(0.25), HasSubstr("delta 0.25"));
  // The same bytes under another number: the report names the version.
  Register("old");
  ASSERT_TRUE(Promote(2).ok());
  const RunId run = Submit();
  Finish(0.25);
  EXPECT_EQ(judged_, 2);
  EXPECT_THAT(bench_.Step(run, "e").cache["miss"]["differs"], Contains(Json("models.champion")));
}

TEST_P(JudgedTest, ARetryJudgesAgainWhereTheChampionIsAnotherOneNow) {
  Register("old");
  Register("newer");
  ASSERT_TRUE(Promote(1).ok());
  const RunId first = Submit();
  Finish(0.25);
  ASSERT_EQ(bench_.Find(first).state, RunState::kFailed);
  SubmitRunCommand retry = bench_.SubmissionOf(kJudged);
  retry.parameters = {};
  const Json given = bench_.Find(first).parameters;
  for (const auto& [name, value] : given.items()) retry.parameters[name] = value;
  retry.origin.run = first;
  ASSERT_TRUE(bench_.Ask(&Engine::SubmitRun, retry).ok());
  Finish(0.25);
  EXPECT_EQ(judged_, 1) << "kept";
  ASSERT_TRUE(Promote(2).ok());
  ASSERT_TRUE(bench_.Ask(&Engine::SubmitRun, retry).ok());
  EXPECT_THAT(Finish(0.5), HasSubstr("delta 0.5"));
  EXPECT_EQ(judged_, 2);
}

}  // namespace
}  // namespace penstock

#include "server/core/readiness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Verdict = Readiness::Verdict;

constexpr StepState kSucceeded = StepState::kSucceeded;
constexpr StepState kCached = StepState::kCached;
constexpr StepState kFailed = StepState::kFailed;
constexpr StepState kSkipped = StepState::kSkipped;
constexpr StepState kCancelled = StepState::kCancelled;

// Steps by name.
class Bench {
 public:
  explicit Bench(std::string_view text)
      : plan_(Plan::Build(Good(text), Json(), Catalog::BuiltIn())), readiness_(plan_) {}

  std::vector<std::string> End(const std::string& name, StepState state,
                               const std::string& branch = "") {
    std::vector<std::string> names;
    for (const StepIndex step : readiness_.OnEnded(plan_->FindStep(name), state, branch)) {
      names.push_back(plan_->step(step).name.value());
    }
    return names;
  }
  const Readiness::Decision& Of(const std::string& name) const {
    return readiness_.decision(plan_->FindStep(name));
  }
  Verdict Said(const std::string& name) const { return Of(name).verdict; }

 private:
  std::shared_ptr<const Plan> plan_;
  Readiness readiness_;
};

// READY, or the cause of the skip.
std::string Show(const Readiness::Decision& decision) {
  switch (decision.verdict) {
    case Verdict::kWait:
      return "WAIT";
    case Verdict::kReady:
      return "READY";
    case Verdict::kSkip:
      return std::string(Name(decision.cause));
  }
  return "?";
}

TEST(Readiness, StartsWithWhatWaitsForNothing) {
  Bench bench("{name: p, steps: [{name: a, type: noop}, {name: b, type: noop, dependsOn: [a]}]}");
  EXPECT_EQ(bench.Said("a"), Verdict::kReady);
  EXPECT_EQ(bench.Said("b"), Verdict::kWait);
}

TEST(Readiness, DecidesADiamondOnceBothSidesEnded) {
  Bench bench(
      "{name: p, steps: [{name: a, type: noop}, {name: b, type: noop, dependsOn: [a]}, "
      "{name: c, type: noop, dependsOn: [a]}, {name: d, type: noop, dependsOn: [b, c]}]}");
  EXPECT_THAT(bench.End("a", kSucceeded), UnorderedElementsAre("b", "c"));
  EXPECT_THAT(bench.End("b", kCached), IsEmpty());
  EXPECT_EQ(bench.Said("d"), Verdict::kWait);
  EXPECT_THAT(bench.End("c", kSucceeded), ElementsAre("d"));
  EXPECT_EQ(bench.Said("d"), Verdict::kReady);
}

TEST(Readiness, TakesADuplicateForNothing) {
  Bench bench(
      "{name: p, steps: [{name: a, type: noop}, {name: b, type: noop}, {name: c, type: noop, "
      "dependsOn: [a, b]}]}");
  bench.End("a", kSucceeded);
  EXPECT_THAT(bench.End("a", kSucceeded), IsEmpty());
  EXPECT_THAT(bench.End("a", kFailed), IsEmpty());
  EXPECT_EQ(bench.Said("c"), Verdict::kWait);
  bench.End("b", kSucceeded);
  EXPECT_EQ(bench.Said("c"), Verdict::kReady);
}

// What a step with `when` does after two others, by order or by data.
struct TruthRow {
  StepState first;
  StepState second;
  const char* all_succeeded;
  const char* none_failed;
  const char* all_done;
  const char* any_succeeded;
};

const TruthRow kOrderTruth[] = {
    {kSucceeded, kSucceeded, "READY", "READY", "READY", "READY"},
    {kSucceeded, kCached, "READY", "READY", "READY", "READY"},
    {kSucceeded, kFailed, "UPSTREAM_FAILED", "UPSTREAM_FAILED", "READY", "READY"},
    {kFailed, kSucceeded, "UPSTREAM_FAILED", "UPSTREAM_FAILED", "READY", "READY"},
    {kSucceeded, kSkipped, "UPSTREAM_SKIPPED", "READY", "READY", "READY"},
    {kSkipped, kSkipped, "UPSTREAM_SKIPPED", "READY", "READY", "UPSTREAM_FAILED"},
    {kFailed, kFailed, "UPSTREAM_FAILED", "UPSTREAM_FAILED", "READY", "UPSTREAM_FAILED"},
    {kFailed, kSkipped, "UPSTREAM_FAILED", "UPSTREAM_FAILED", "READY", "UPSTREAM_FAILED"},
    {kSucceeded, kCancelled, "UPSTREAM_FAILED", "UPSTREAM_FAILED", "READY", "READY"},
};

// The same with "${a ?? b}": one output has to be there.
const TruthRow kChoiceTruth[] = {
    {kSucceeded, kSucceeded, "READY", "READY", "READY", "READY"},
    {kSucceeded, kSkipped, "READY", "READY", "READY", "READY"},
    {kSkipped, kCached, "READY", "READY", "READY", "READY"},
    {kSkipped, kSkipped, "UPSTREAM_SKIPPED", "UPSTREAM_SKIPPED", "UPSTREAM_SKIPPED",
     "UPSTREAM_SKIPPED"},
    {kSucceeded, kFailed, "UPSTREAM_FAILED", "UPSTREAM_FAILED", "READY", "READY"},
    {kFailed, kFailed, "UPSTREAM_FAILED", "UPSTREAM_FAILED", "UPSTREAM_FAILED", "UPSTREAM_FAILED"},
};

// And with both outputs needed.
const TruthRow kBothTruth[] = {
    {kSucceeded, kSucceeded, "READY", "READY", "READY", "READY"},
    {kSucceeded, kSkipped, "UPSTREAM_SKIPPED", "UPSTREAM_SKIPPED", "UPSTREAM_SKIPPED",
     "UPSTREAM_SKIPPED"},
    {kSucceeded, kFailed, "UPSTREAM_FAILED", "UPSTREAM_FAILED", "UPSTREAM_FAILED",
     "UPSTREAM_FAILED"},
};

void ExpectTruth(const TruthRow& row, const std::string& needs) {
  const std::pair<const char*, const char*> rules[] = {{"all_succeeded", row.all_succeeded},
                                                       {"none_failed", row.none_failed},
                                                       {"all_done", row.all_done},
                                                       {"any_succeeded", row.any_succeeded}};
  for (const auto& [when, wanted] : rules) {
    for (const bool swapped : {false, true}) {
      Bench bench(
          "{name: p, steps: [{name: a, type: noop, with: {output_bytes: 1}}, {name: b, type: "
          "noop, with: {output_bytes: 1}}, {name: j, type: noop, when: " +
          std::string(when) + ", " + needs + "}]}");
      EXPECT_THAT(swapped ? bench.End("b", row.second) : bench.End("a", row.first), IsEmpty());
      EXPECT_EQ(bench.Said("j"), Verdict::kWait) << "nothing is decided early";
      EXPECT_THAT(swapped ? bench.End("a", row.first) : bench.End("b", row.second),
                  ElementsAre("j"));
      EXPECT_EQ(Show(bench.Of("j")), wanted)
          << when << " after " << Name(row.first) << " and " << Name(row.second) << ", " << needs;
    }
  }
}

TEST(Readiness, WhenAfterOrder) {
  for (const TruthRow& row : kOrderTruth) ExpectTruth(row, "dependsOn: [a, b]");
}

TEST(Readiness, WhenAfterAlternatives) {
  for (const TruthRow& row : kChoiceTruth) {
    ExpectTruth(row, "inputs: {data: '${steps.a.outputs.data ?? steps.b.outputs.data}'}");
  }
}

TEST(Readiness, WhenAfterBothOutputs) {
  for (const TruthRow& row : kBothTruth) {
    ExpectTruth(row, "inputs: {data: ['${steps.a.outputs.data}', '${steps.b.outputs.data}']}");
  }
}

TEST(Readiness, SaysWhichStepAndWhatBecameOfIt) {
  Bench bench(
      "{name: p, steps: [{name: a, type: noop}, {name: b, type: noop, dependsOn: [a]}, {name: c, "
      "type: noop, dependsOn: [b]}]}");
  bench.End("a", kFailed);
  EXPECT_EQ(bench.Of("b").message, "step a failed");
  bench.End("b", kSkipped);
  EXPECT_EQ(bench.Of("c").message, "step b was skipped");
  EXPECT_EQ(bench.Of("c").cause, Cause::kUpstreamSkipped);
}

TEST(Readiness, ToleratedFailuresDoNotCountButLeaveNothing) {
  Bench bench(R"(
name: p
steps:
- {name: a, type: noop, continueOnFailure: true, with: {output_bytes: 1}}
- {name: order, type: noop, dependsOn: [a]}
- {name: data, type: noop, inputs: {data: "${steps.a.outputs.data}"}}
- {name: b, type: noop, with: {output_bytes: 1}}
- {name: choice, type: noop, inputs: {data: "${steps.a.outputs.data ?? steps.b.outputs.data}"}}
)");
  bench.End("a", kFailed);
  bench.End("b", kSucceeded);
  EXPECT_EQ(Show(bench.Of("order")), "READY");
  EXPECT_EQ(Show(bench.Of("data")), "UPSTREAM_FAILED");
  EXPECT_EQ(Show(bench.Of("choice")), "READY");
}

constexpr char kBranches[] = R"(
name: p
steps:
- {name: c, type: condition, if: {left: 1, op: "<", right: 2}, then: [yes1, yes2], else: [no1]}
- {name: yes1, type: noop, with: {output_bytes: 1}}
- {name: yes2, type: noop, dependsOn: [yes1]}
- {name: no1, type: noop, with: {output_bytes: 1}}
- {name: no-child, type: noop, inputs: {data: "${steps.no1.outputs.data}"}}
- {name: join, type: noop, inputs: {data: "${steps.yes1.outputs.data ?? steps.no1.outputs.data}"}}
- {name: after, type: noop, dependsOn: [yes1, no1], when: none_failed}
)";

TEST(Readiness, RunsTheChosenBranchAndSkipsTheOther) {
  Bench bench(kBranches);
  EXPECT_THAT(bench.End("c", kSucceeded, "then"), UnorderedElementsAre("yes1", "no1"));
  EXPECT_EQ(Show(bench.Of("yes1")), "READY");
  EXPECT_EQ(Show(bench.Of("no1")), "NOT_CHOSEN");
  EXPECT_EQ(bench.Of("no1").message, "condition c chose `then`");
  EXPECT_EQ(bench.Said("yes2"), Verdict::kWait) << "waits for yes1 as well";
  bench.End("no1", kSkipped);
  EXPECT_EQ(Show(bench.Of("no-child")), "UPSTREAM_SKIPPED");
  bench.End("yes1", kSucceeded);
  EXPECT_EQ(Show(bench.Of("yes2")), "READY");
  EXPECT_EQ(Show(bench.Of("join")), "READY");
  EXPECT_EQ(Show(bench.Of("after")), "READY");
}

TEST(Readiness, RunsTheOtherBranch) {
  Bench bench(kBranches);
  bench.End("c", kSucceeded, "else");
  EXPECT_EQ(Show(bench.Of("no1")), "READY");
  EXPECT_EQ(Show(bench.Of("yes1")), "NOT_CHOSEN");
  bench.End("yes1", kSkipped);
  EXPECT_EQ(Show(bench.Of("yes2")), "NOT_CHOSEN") << "by its own branch, not by what it waits for";
  bench.End("no1", kSucceeded);
  EXPECT_EQ(Show(bench.Of("join")), "READY");
}

TEST(Readiness, SkipsBothBranchesOfAFailedCondition) {
  Bench bench(kBranches);
  bench.End("c", kFailed);
  EXPECT_EQ(Show(bench.Of("yes1")), "UPSTREAM_FAILED");
  EXPECT_EQ(Show(bench.Of("no1")), "UPSTREAM_FAILED");
  EXPECT_EQ(bench.Of("no1").message, "step c failed");
}

TEST(Readiness, SkipsTheBranchesOfASkippedCondition) {
  Bench bench(kBranches);
  bench.End("c", kSkipped);
  EXPECT_EQ(Show(bench.Of("yes1")), "UPSTREAM_SKIPPED");
}

TEST(Readiness, RunsWhatOneOfTwoConditionsChose) {
  constexpr char kTwo[] = R"(
name: p
steps:
- {name: c1, type: condition, if: {left: 1, op: "<", right: 2}, then: [s]}
- {name: c2, type: condition, if: {left: 1, op: "<", right: 2}, else: [s]}
- {name: s, type: noop}
)";
  Bench both_no(kTwo);
  both_no.End("c1", kSucceeded, "else");
  EXPECT_EQ(both_no.Said("s"), Verdict::kWait);
  both_no.End("c2", kSucceeded, "then");
  EXPECT_EQ(Show(both_no.Of("s")), "NOT_CHOSEN");

  Bench second(kTwo);
  second.End("c1", kSucceeded, "else");
  second.End("c2", kSucceeded, "else");
  EXPECT_EQ(Show(second.Of("s")), "READY");

  Bench failed(kTwo);
  failed.End("c1", kFailed);
  failed.End("c2", kSucceeded, "then");
  EXPECT_EQ(Show(failed.Of("s")), "UPSTREAM_FAILED");
}

TEST(Readiness, AStepInABranchStillObeysItsWhen) {
  Bench bench(R"(
name: p
steps:
- {name: c, type: condition, if: {left: 1, op: "<", right: 2}, then: [tell]}
- {name: a, type: noop}
- {name: tell, type: noop, dependsOn: [a], when: all_done}
)");
  bench.End("c", kSucceeded, "then");
  bench.End("a", kFailed);
  EXPECT_EQ(Show(bench.Of("tell")), "READY");
}

}  // namespace
}  // namespace penstock

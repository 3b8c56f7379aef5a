// The core at its limits: 10,000 steps. Nothing is judged by time; what is quadratic shows as the
// test's own timeout.

#include <gtest/gtest.h>

#include "server/core/placer.h"
#include "server/core/plan.h"
#include "server/core/readiness.h"
#include "storage/model/limits.h"
#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

constexpr int kSteps = limits::kMaxStepsPerRun;

std::string Named(int i) {
  return "s" + std::to_string(i);
}

Result<std::shared_ptr<const Plan>> PlanOf(const Json& document) {
  PENSTOCK_ASSIGN_OR_RETURN(const PipelineSpec spec, ParsePipeline(document, Catalog::BuiltIn()));
  PENSTOCK_ASSIGN_OR_RETURN(const PipelineSpec again,
                            ParsePipeline(CanonicalDefinition(spec), Catalog::BuiltIn()));
  return Plan::Build(again, Json(), Catalog::BuiltIn());
}

// Ends every step that is ready until none is left; returns how many ended.
int RunAll(const std::shared_ptr<const Plan>& plan) {
  Readiness readiness(plan);
  std::vector<StepIndex> ready;
  for (StepIndex i = 0; i < plan->size(); ++i) {
    if (readiness.decision(i).verdict == Readiness::Verdict::kReady) ready.push_back(i);
  }
  int ended = 0;
  while (!ready.empty()) {
    const StepIndex step = ready.back();
    ready.pop_back();
    ++ended;
    for (const StepIndex next : readiness.OnEnded(step, StepState::kSucceeded, "")) {
      EXPECT_EQ(readiness.decision(next).verdict, Readiness::Verdict::kReady);
      ready.push_back(next);
    }
  }
  return ended;
}

TEST(Scale, AChainOfEverySteps) {
  Json document = {{"name", "p"}, {"steps", Json::array()}};
  for (int i = 0; i < kSteps; ++i) {
    Json step = {{"name", Named(i)}, {"type", "noop"}, {"with", {{"output_bytes", 1}}}};
    if (i > 0) step["inputs"]["data"] = "${steps." + Named(i - 1) + ".outputs.data}";
    document["steps"].push_back(std::move(step));
  }
  const auto plan = PlanOf(document);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(RunAll(*plan), kSteps);
}

TEST(Scale, ACycleThroughEveryStepIsReported) {
  Json document = {{"name", "p"}, {"steps", Json::array()}};
  for (int i = 0; i < kSteps; ++i) {
    document["steps"].push_back(
        {{"name", Named(i)}, {"type", "noop"}, {"dependsOn", {Named((i + kSteps - 1) % kSteps)}}});
  }
  const Result<PipelineSpec> spec = ParsePipeline(document, Catalog::BuiltIn());
  ASSERT_FALSE(spec.ok());
  ASSERT_EQ(spec.status().problems().size(), 1U);
  const std::string& message = spec.status().problems()[0].message;
  EXPECT_NE(message.find("in a circle"), std::string::npos);
  EXPECT_LT(message.size(), 2000U) << "a message that nobody can read helps nobody";
}

TEST(Scale, AFanOutAndInOfEveryStep) {
  Json document = {{"name", "p"}, {"steps", Json::array()}};
  Json all = Json::array();
  document["steps"].push_back({{"name", "first"}, {"type", "noop"}});
  for (int i = 0; i < kSteps - 2; ++i) {
    document["steps"].push_back({{"name", Named(i)}, {"type", "noop"}, {"dependsOn", {"first"}}});
    all.push_back(Named(i));
  }
  document["steps"].push_back({{"name", "last"}, {"type", "noop"}, {"dependsOn", all}});
  const auto plan = PlanOf(document);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)->dependents(0).size(), static_cast<std::size_t>(kSteps - 2));
  EXPECT_EQ(RunAll(*plan), kSteps);
}

TEST(Scale, AStepThatNamesManyOthersInItsText) {
  Json document = {{"name", "p"}, {"steps", Json::array()}};
  Json lines = Json::object();
  for (int i = 0; i < kSteps - 1; ++i) {
    document["steps"].push_back({{"name", Named(i)}, {"type", "noop"}});
    lines[Named(i)] = "${steps." + Named(i) + ".metrics.m}";
  }
  document["steps"].push_back({{"name", "sum"}, {"type", "noop"}, {"with", {{"metrics", lines}}}});
  const auto plan = PlanOf(document);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(RunAll(*plan), kSteps);
}

TEST(Scale, UnknownNamesAmongManySteps) {
  Json document = {{"name", "p"}, {"steps", Json::array()}};
  const std::string tail(50, 'x');
  for (int i = 0; i < kSteps; ++i) {
    document["steps"].push_back(
        {{"name", Named(i) + tail}, {"type", "noop"}, {"dependsOn", {"y" + Named(i) + tail}}});
  }
  const Result<PipelineSpec> spec = ParsePipeline(document, Catalog::BuiltIn());
  ASSERT_FALSE(spec.ok());
  EXPECT_LE(spec.status().problems().size(), limits::kMaxProblemsReported);
}

TEST(Scale, PlacesEveryStepOfManyRuns) {
  Placer placer;
  WorkerInfo info;
  info.cpus = 4;
  info.steps = {"noop@1"};
  const SessionId sessions[] = {SessionId("a"), SessionId("b"), SessionId("c")};
  for (const SessionId& session : sessions) placer.UpdateWorker(session, info, {4, 0, 0, 0});
  Needs needs;
  needs.step = "noop@1";
  constexpr int kRuns = 10;
  for (int run = 1; run <= kRuns; ++run) {
    placer.AddRun(run, run % 3);
    for (StepIndex step = 0; step < kSteps; ++step) placer.Enqueue(run, step, needs);
  }
  int placed = 0;
  while (placer.queued() > 0) {
    std::vector<Placer::Placement> batch;
    std::map<SessionId, double> used;
    std::map<int64_t, int32_t> active;
    while (const auto placement = placer.Next()) {
      batch.push_back(*placement);
      used[placement->session] += 1;
      placer.UpdateWorker(placement->session, info, {4 - used[placement->session], 0, 0, 0});
      placer.SetActive(placement->run, ++active[placement->run]);
      if (placement->run % 3 > 0) {
        ASSERT_LE(active[placement->run], placement->run % 3);
      }
    }
    ASSERT_FALSE(batch.empty());
    placed += static_cast<int>(batch.size());
    for (const SessionId& session : sessions) placer.UpdateWorker(session, info, {4, 0, 0, 0});
    for (const auto& [run, count] : active) placer.SetActive(run, 0);
  }
  EXPECT_EQ(placed, kRuns * kSteps);
}

}  // namespace
}  // namespace penstock

// Retention in the engine's turns, and a database that was restored.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/metadata/retention_sweep.h"
#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;

constexpr char kOne[] = "name: one\nsteps: [{name: a, type: noop}]";
constexpr char kTakes[] =
    "name: takes\nparameters: {d: {type: dataset}}\n"
    "steps: [{name: a, type: process, inputs: {data: \"${parameters.d}\"}, with: {}}]";

class CollectionTest : public testing::Test {
 protected:
  CollectionTest() { worker_.Open(); }

  // Runs the pipeline to its end.
  RunId RunOne() {
    const RunId run = bench_.Run(kOne);
    for (auto& [name, lease] : worker_.Start()) EXPECT_EQ(*worker_.Succeed(lease), Verdict::kOk);
    EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
    return run;
  }
  // One batch, in one turn with what was asked before; whether there is more.
  bool NextBatch(const std::shared_ptr<RetentionSweep>& sweep) {
    std::optional<Result<bool>> answer;
    bench_.engine().Collect(sweep, [&](Result<bool> got) { answer = std::move(got); });
    bench_.Turn();
    EXPECT_TRUE(answer && answer->ok());
    return answer && answer->ok() && **answer;
  }
  bool Has(const RunId& run) { return *bench_.store().reader().HasRun(run); }

  EngineBench bench_;
  BenchWorker worker_{&bench_, "w1"};
};

TEST_F(CollectionTest, SweepsByItselfFromTimeToTime) {
  bench_.options().retention.run_count = 1;
  bench_.Restart();
  worker_.Reboot();
  const RunId first = RunOne();
  const RunId second = RunOne();
  bench_.Pass(minutes(2));
  for (int i = 0; i < 10; ++i) bench_.Pass(std::chrono::milliseconds(20));
  EXPECT_FALSE(Has(first));
  EXPECT_TRUE(Has(second));
  EXPECT_EQ(bench_.engine().metrics().runs_deleted.load(), 1);
  EXPECT_EQ(bench_.engine().metrics().sweeps.load(), 1);
  const RunId third = RunOne();
  bench_.Pass(hours(2));
  for (int i = 0; i < 10; ++i) bench_.Pass(std::chrono::milliseconds(20));
  EXPECT_FALSE(Has(second));
  EXPECT_TRUE(Has(third));
}

// The command that needs an artifact and the sweep that would take it come in the same turn.
TEST_F(CollectionTest, WhatACommandOfTheSameTurnNeedsStays) {
  const ArtifactRef data = bench_.Artifact("rows", ArtifactType::kDataset);
  SubmitRunCommand submit = bench_.SubmissionOf(kTakes);
  submit.parameters["d"] = "artifact:" + FormatDigest(data.digest);
  bench_.Pass(hours(24 * 30));
  const auto sweep = std::make_shared<RetentionSweep>(RetentionPolicy{}, bench_.clock().Now());
  // Past the runs: the next batch is of artifacts.
  ASSERT_TRUE(NextBatch(sweep));
  ASSERT_TRUE(NextBatch(sweep));
  std::optional<Result<SubmitRunAnswer>> submitted;
  bench_.engine().SubmitRun(submit, [&](Result<SubmitRunAnswer> got) { submitted = got; });
  ASSERT_TRUE(NextBatch(sweep));
  ASSERT_FALSE(NextBatch(sweep));
  ASSERT_TRUE(submitted && submitted->ok());
  EXPECT_EQ(sweep->totals().artifacts, 0);
  EXPECT_TRUE(*bench_.store().reader().HasArtifact(data.digest));
}

TEST_F(CollectionTest, AnAttemptOfAnotherTimelineIsLostAndItsReportRefused) {
  const RunId run = bench_.Run(kOne);
  const LeasedAttempt before = worker_.Start().at("a");
  // As after a backup that was made now, and restored.
  ASSERT_TRUE(bench_.store().Begin().ok());
  ASSERT_TRUE(bench_.store().SetIncarnation("feedbeef").ok());
  ASSERT_TRUE(bench_.store().Commit().ok());
  bench_.Restart();
  const OpenSessionAnswer answer = worker_.Open();
  EXPECT_THAT(answer.stale, testing::ElementsAre(before.token));
  EXPECT_EQ(*worker_.Succeed(before), Verdict::kStaleAttempt);
  const auto attempts = bench_.Attempts(run, "a");
  EXPECT_EQ(attempts.at(0).state, AttemptState::kLost);
  EXPECT_THAT(attempts.at(0).message, HasSubstr("restored from a backup"));

  bench_.Pass(minutes(1));
  const LeasedAttempt after = worker_.Start().at("a");
  EXPECT_EQ(after.attempt, 2);
  EXPECT_THAT(after.token.value(), testing::EndsWith(".feedbeef"));
  EXPECT_EQ(*worker_.Succeed(after), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  bench_.CheckInvariants();
}

TEST_F(CollectionTest, SaysHowLongCommandsHaveWaited) {
  EXPECT_EQ(bench_.engine().stalled(), Micros(0));
  bench_.engine().ListWorkers([](const auto&) {});
  bench_.clock().Advance(minutes(1));
  EXPECT_EQ(bench_.engine().stalled(), Micros(minutes(1)));
  bench_.Turn();
  EXPECT_EQ(bench_.engine().stalled(), Micros(0));
}

}  // namespace
}  // namespace penstock

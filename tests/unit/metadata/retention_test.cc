// What a sweep deletes, and what keeps rows from it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/metadata/retention_sweep.h"
#include "storage/model/limits.h"
#include "tests/unit/metadata/store_fixture.h"

namespace penstock {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;

class RetentionTest : public StoreFixture {
 protected:
  Digest AddArtifact(const std::string& text, const RunId& made_by = RunId()) {
    ArtifactRecord record;
    record.ref = {.digest = Sha256(text), .type = ArtifactType::kModel, .size = 10};
    record.principal = Principal("user:ada");
    record.created_at = clock_.Now();
    record.run = made_by;
    EXPECT_TRUE(*store_->InsertArtifact(record));
    return record.ref.digest;
  }

  SweepTotals Sweep(const RetentionPolicy& policy) {
    RetentionSweep sweep(policy, clock_.Now());
    bool more = true;
    while (more) {
      EXPECT_TRUE(store_->Begin().ok());
      const Result<bool> next = sweep.Next(*store_);
      EXPECT_TRUE(next.ok()) << next.status();
      EXPECT_TRUE(store_->Commit().ok());
      more = next.ok() && *next;
    }
    return sweep.totals();
  }

  bool Has(const RunRecord& run) { return *reader_->HasRun(run.id); }
};

TEST_F(RetentionTest, KeepsEverythingUnlessToldOtherwise) {
  Committed([&] { AddRun(AddPipeline("p"), RunState::kSucceeded); });
  clock_.Advance(hours(24 * 365 * 5));
  EXPECT_EQ(Sweep({}).runs, 0);
}

TEST_F(RetentionTest, DeletesOldRunsWithAllThatBelongsToThem) {
  RunRecord old;
  RunRecord young;
  RunRecord live;
  Digest made;
  Committed([&] {
    const PipelineVersionRecord pipeline = AddPipeline("p");
    old = AddRun(pipeline, RunState::kSucceeded, {{"k", "v"}});
    live = AddRun(pipeline, RunState::kRunning);
    made = AddArtifact("made", old.id);
    ASSERT_TRUE(store_->InsertRunArtifact(old.row, made).ok());
    ASSERT_TRUE(
        store_->InsertCached("key", pipeline.name, StepName("a"), old.row, 0, clock_.Now()).ok());
    clock_.Advance(hours(48));
    young = AddRun(pipeline, RunState::kFailed);
  });
  const SweepTotals totals = Sweep({.run_age = hours(24)});
  EXPECT_THAT(totals.shown, ElementsAre(old.id));
  EXPECT_EQ(totals.artifacts, 1) << "what the run made goes with it, in the same sweep";
  EXPECT_EQ(totals.artifact_bytes, 10);
  EXPECT_FALSE(Has(old));
  EXPECT_TRUE(Has(young));
  EXPECT_TRUE(Has(live));
  EXPECT_FALSE(*reader_->HasArtifact(made));
  EXPECT_FALSE(reader_->FindCached("key", PipelineName("p"))->has_value());
  EXPECT_THAT(*reader_->ListSteps(old.row), IsEmpty());
  EXPECT_THAT(*reader_->CheckForeignKeys(), IsEmpty());
}

TEST_F(RetentionTest, KeepsTheNewestRunsOfEachPipeline) {
  std::vector<RunRecord> runs;
  Committed([&] {
    const PipelineVersionRecord a = AddPipeline("a");
    const PipelineVersionRecord b = AddPipeline("b");
    for (int i = 0; i < 3; ++i) runs.push_back(AddRun(a, RunState::kSucceeded));
    runs.push_back(AddRun(a, RunState::kRunning));
    runs.push_back(AddRun(b, RunState::kSucceeded));
  });
  EXPECT_THAT(Sweep({.run_count = 2}).shown, ElementsAre(runs[0].id))
      << "a run that has not ended does not count";
}

TEST_F(RetentionTest, DeletesMoreRunsThanOneBatchHolds) {
  Committed([&] {
    const PipelineVersionRecord pipeline = AddPipeline("p");
    for (int i = 0; i < 230; ++i) AddRun(pipeline, RunState::kSucceeded);
  });
  EXPECT_EQ(Sweep({.run_count = 5}).runs, 225);
  clock_.Advance(hours(2));
  EXPECT_EQ(Sweep({.run_age = hours(1)}).runs, 5);
}

TEST_F(RetentionTest, AModelVersionKeepsItsRunUnlessItWasRejected) {
  RunRecord good;
  RunRecord bad;
  Digest model;
  Committed([&] {
    const PipelineVersionRecord pipeline = AddPipeline("p");
    good = AddRun(pipeline, RunState::kSucceeded);
    bad = AddRun(pipeline, RunState::kSucceeded);
    for (const RunRecord& run : {good, bad}) {
      ModelVersionRecord version;
      version.group = GroupName("g");
      version.model = {.digest = AddArtifact(run.id.value(), run.id), .type = ArtifactType::kModel};
      model = version.model.digest;
      version.run = run.id;
      version.step = "register";
      version.status = run.id == bad.id ? ModelStatus::kRejected : ModelStatus::kApproved;
      version.created_at = clock_.Now();
      ASSERT_TRUE(store_->InsertModelVersion(version).ok());
    }
  });
  clock_.Advance(hours(24 * 30));
  const SweepTotals totals = Sweep({.run_age = hours(1)});
  EXPECT_THAT(totals.shown, ElementsAre(bad.id));
  EXPECT_EQ(totals.artifacts, 0) << "a rejected model can still be approved";
  EXPECT_TRUE(*reader_->HasArtifact(model));
}

TEST_F(RetentionTest, ACheckpointStaysAsLongAsItsStepNamesIt) {
  RunRecord run;
  StepRecord step;
  Digest state;
  Committed([&] {
    run = AddRun(AddPipeline("p"), RunState::kRunning);
    state = AddArtifact("state");
    ASSERT_TRUE(store_->SetArtifactOrigin(state, run.id, "s", "checkpoint").ok());
    step = *store_->reader().GetStep(run.row, 0);
    EXPECT_EQ(step.preemptions, 0);
    EXPECT_FALSE(step.checkpoint.has_value());
    step.preemptions = 2;
    step.checkpoint = ArtifactRef{.digest = state, .tree = true, .size = 5};
    ASSERT_TRUE(store_->SetStepNotes(run.row, step).ok());
  });
  const auto stored = reader_->GetStep(run.row, 0);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(stored->preemptions, 2);
  EXPECT_EQ(stored->checkpoint, step.checkpoint);
  clock_.Advance(hours(24 * 30));
  EXPECT_EQ(Sweep({}).artifacts, 0);
  EXPECT_THAT(*reader_->CheckReferences(), ElementsAre());
  Committed([&] {
    step.checkpoint.reset();
    ASSERT_TRUE(store_->SetStepNotes(run.row, step).ok());
  });
  EXPECT_EQ(Sweep({}).artifacts, 1);
  EXPECT_FALSE(*reader_->HasArtifact(state));
}

TEST_F(RetentionTest, ARunThatAnotherGoesOnFromGoesAfterIt) {
  RunRecord first;
  Committed([&] {
    const PipelineVersionRecord pipeline = AddPipeline("p");
    first = AddRun(pipeline, RunState::kFailed);
    RunRecord second;
    second.row = *store_->LastRunRow() + 1;
    second.id = RunId("run-second");
    second.pipeline = pipeline.name;
    second.pipeline_version_id = pipeline.id;
    second.origin.run = first.id;
    second.created_at = clock_.Now();
    ASSERT_TRUE(store_->InsertRun(second, {}).ok());
  });
  clock_.Advance(hours(24));
  EXPECT_EQ(Sweep({.run_age = hours(1)}).runs, 0);
}

// Attempts of several runs have the same row; it goes with the last of them.
TEST_F(RetentionTest, WhatAttemptsRanInGoesWithTheLastRunThatUsedIt) {
  RunRecord first;
  RunRecord second;
  const auto ran = [&](const RunRecord& run, const std::string& environment) {
    AttemptRecord attempt{.number = 1, .token = AttemptToken("t" + run.id.value())};
    attempt.worker = WorkerId("w1");
    attempt.leased_at = clock_.Now();
    ASSERT_TRUE(store_->InsertAttempt(run.row, attempt).ok());
    attempt.state = AttemptState::kSucceeded;
    attempt.environment = environment;
    ASSERT_TRUE(store_->UpdateAttempt(run.row, attempt).ok());
  };
  const auto environment = [&](const RunRecord& run) {
    const auto attempts = reader_->ListAttempts(run.row, 0);
    return attempts.ok() && !attempts->empty() ? attempts->front().environment : "none";
  };
  Committed([&] {
    const PipelineVersionRecord pipeline = AddPipeline("p");
    first = AddRun(pipeline, RunState::kSucceeded);
    ran(first, R"({"threads":1})");
    clock_.Advance(hours(48));
    second = AddRun(pipeline, RunState::kSucceeded);
    ran(second, R"({"threads":1})");
  });
  EXPECT_EQ(Sweep({.run_age = hours(24)}).runs, 1);
  EXPECT_FALSE(Has(first));
  EXPECT_EQ(environment(second), R"({"threads":1})");
  // Taken back with its transaction, it is made again.
  RunRecord third;
  ASSERT_TRUE(store_->Begin().ok());
  third = AddRun(AddPipeline("q"), RunState::kSucceeded);
  ran(third, R"({"threads":3})");
  store_->Rollback();
  Committed([&] {
    third = AddRun(AddPipeline("q"), RunState::kSucceeded);
    ran(third, R"({"threads":3})");
  });
  EXPECT_EQ(environment(third), R"({"threads":3})");
  // At the limit it is kept, and one byte over it not.
  const auto sized = [](std::size_t bytes) { return "\"" + std::string(bytes - 2, 'x') + "\""; };
  RunRecord large;
  RunRecord larger;
  Committed([&] {
    large = AddRun(AddPipeline("r"), RunState::kSucceeded);
    ran(large, sized(limits::kMaxEnvironmentBytes));
    larger = AddRun(AddPipeline("s"), RunState::kSucceeded);
    ran(larger, sized(limits::kMaxEnvironmentBytes + 1));
  });
  EXPECT_EQ(environment(large).size(), limits::kMaxEnvironmentBytes);
  EXPECT_EQ(environment(larger), "");
}

TEST_F(RetentionTest, WhatNothingRefersToGoesAfterAWhile) {
  Digest upload;
  Digest held;
  Digest again;
  Digest named;
  Committed([&] {
    upload = AddArtifact("upload");
    held = AddArtifact("held");
    again = AddArtifact("again");
    named = AddArtifact("named");
    PipelineVersionRecord pipeline;
    pipeline.name = PipelineName("p");
    pipeline.version = 1;
    pipeline.digest = Sha256("p");
    pipeline.definition = "{\"a\":\"artifact:sha256:" + Sha256("x").value() +
                          "\",\"b\":\"artifact:sha256:" + named.value() + "\"}";
    ASSERT_TRUE(store_->InsertPipelineVersion(pipeline).ok());
  });
  EXPECT_EQ(Sweep({}).artifacts, 0) << "too young";
  clock_.Advance(hours(24 * 8));
  Committed([&] {
    ASSERT_TRUE(store_->InsertHold("user:ada", held, clock_.Now() + hours(1)).ok());
    ASSERT_TRUE(store_->TouchArtifact(again, clock_.Now()).ok());
  });
  EXPECT_EQ(Sweep({}).artifacts, 1);
  EXPECT_FALSE(*reader_->HasArtifact(upload));
  EXPECT_TRUE(*reader_->HasArtifact(held));
  EXPECT_TRUE(*reader_->HasArtifact(again)) << "somebody put it there again";
  EXPECT_TRUE(*reader_->HasArtifact(named)) << "a definition names it";

  clock_.Advance(hours(2));
  EXPECT_EQ(Sweep({}).artifacts, 1) << "the hold is over";
  Committed([&] {
    ASSERT_TRUE(
        store_->DeletePipeline(PipelineName("p"), Principal("user:ada"), clock_.Now()).ok());
  });
  EXPECT_EQ(Sweep({}).artifacts, 0);
  clock_.Advance(hours(24 * 8));
  EXPECT_EQ(Sweep({}).artifacts, 2) << "the pipeline was deleted a while ago";
}

TEST_F(RetentionTest, ARunKeepsWhatItRead) {
  Committed([&] {
    const RunRecord run = AddRun(AddPipeline("p"), RunState::kRunning);
    ASSERT_TRUE(store_->InsertRunArtifact(run.row, AddArtifact("input")).ok());
  });
  clock_.Advance(hours(24 * 100));
  EXPECT_EQ(Sweep({.run_age = hours(1)}).artifacts, 0);
}

TEST_F(RetentionTest, ChecksFindWhatIsWrongAndRepairMendsIt) {
  RunRecord run;
  Committed([&] {
    run = AddRun(AddPipeline("p"), RunState::kSucceeded);
    ASSERT_TRUE(store_->InsertRunArtifact(run.row, Sha256("gone")).ok());
    ASSERT_TRUE(
        store_->InsertCached("k", run.pipeline, StepName("a"), run.row, 7, clock_.Now()).ok());
  });
  EXPECT_THAT(*reader_->CheckIntegrity(), IsEmpty());
  EXPECT_THAT(*reader_->CheckReferences(),
              ElementsAre(testing::HasSubstr("which has no row"),
                          testing::HasSubstr("names a step that is not there")));
  EXPECT_THAT(*reader_->CheckStates(),
              ElementsAre(run.id.value() + " a is open although the run has ended"));
  Committed([&] { EXPECT_EQ(store_->Repair(clock_.Now())->size(), 4U); });
  EXPECT_THAT(*reader_->CheckReferences(), IsEmpty());
  EXPECT_THAT(*reader_->CheckStates(), IsEmpty());
}

}  // namespace
}  // namespace penstock

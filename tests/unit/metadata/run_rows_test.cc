// Runs, their steps and attempts as rows.

#include <gmock/gmock.h>

#include <cmath>

#include "tests/unit/metadata/store_fixture.h"

namespace penstock {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RunRows : public StoreFixture {
 protected:
  std::vector<int64_t> List(const RunFilter& filter, int64_t before = 0, int limit = 100) {
    const auto runs = reader_->ListRuns(filter, before, limit);
    EXPECT_TRUE(runs.ok()) << runs.status();
    std::vector<int64_t> rows;
    for (const RunRecord& run : *runs) rows.push_back(run.row);
    return rows;
  }
};

TEST_F(RunRows, KeepEverythingOfARun) {
  RunRecord run;
  Committed([&] {
    run = AddRun(AddPipeline("p"), RunState::kRunning, {{"team", "a"}, {"why", "b\"c"}});
  });
  Reopen();
  const auto found = reader_->FindRun(run.id.value());
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->row, 1);
  EXPECT_EQ(found->id, run.id);
  EXPECT_EQ(found->parameters, run.parameters);
  EXPECT_EQ(found->tags, run.tags);
  EXPECT_EQ(found->principal, run.principal);
  EXPECT_EQ(found->created_at, run.created_at);
  EXPECT_EQ(found->state, RunState::kRunning);
  EXPECT_EQ(found->counts.waiting, 1);
  EXPECT_FALSE(found->ended_at.set());
}

TEST_F(RunRows, ReadersSeeCommittedStatesAlone) {
  ASSERT_TRUE(store_->Begin().ok());
  const RunRecord run = AddRun(AddPipeline("p"), RunState::kRunning);
  EXPECT_TRUE(store_->reader().FindRun(run.id.value()).ok()) << "the writer sees its own";
  EXPECT_FALSE(reader_->FindRun(run.id.value()).ok());
  store_->Rollback();
  EXPECT_FALSE(store_->reader().FindRun(run.id.value()).ok());
  EXPECT_EQ(*store_->LastRunRow(), 0);
}

TEST_F(RunRows, AreFoundByAPrefixThatIsLongEnoughAndUnique) {
  RunRecord first;
  RunRecord second;
  Committed([&] {
    const auto pipeline = AddPipeline("p");
    first = AddRun(pipeline, RunState::kRunning);
    second = AddRun(pipeline, RunState::kRunning);  // the same millisecond
  });
  const std::string id = first.id.value();
  EXPECT_EQ(reader_->FindRun(id.substr(0, 24))->id, first.id);
  EXPECT_EQ(reader_->FindRun(id.substr(0, 12)).status().reason(), "AMBIGUOUS_RUN");
  EXPECT_EQ(reader_->FindRun(id.substr(0, 11)).status().reason(), "RUN_NOT_FOUND");
  EXPECT_EQ(reader_->FindRun("").status().reason(), "RUN_NOT_FOUND");
  EXPECT_THAT(reader_->FindRun("run-x").status().message(), HasSubstr("penstock get runs"));
}

TEST_F(RunRows, AreListedByEveryFilterInPages) {
  // Rows 1 to 8: pipelines p q alternate; states R S R S F F F F; every third is tagged.
  Committed([&] {
    const auto p = AddPipeline("p");
    const auto q = AddPipeline("q");
    for (int i = 0; i < 8; ++i) {
      clock_.Advance(seconds(10));
      const RunState state = i >= 4       ? RunState::kFailed
                             : i % 2 == 0 ? RunState::kRunning
                                          : RunState::kSucceeded;
      std::map<std::string, std::string> tags;
      if (i % 3 == 0) tags = {{"team", "a"}, {"n", std::to_string(i)}};
      AddRun(i % 2 == 0 ? p : q, state, tags);
    }
  });
  RunFilter all;
  EXPECT_THAT(List(all), ElementsAre(8, 7, 6, 5, 4, 3, 2, 1));
  EXPECT_THAT(List(all, 0, 3), ElementsAre(8, 7, 6));
  EXPECT_THAT(List(all, 6, 3), ElementsAre(5, 4, 3));
  EXPECT_THAT(List(all, 1, 3), IsEmpty());

  RunFilter p;
  p.pipeline = PipelineName("p");
  EXPECT_THAT(List(p), ElementsAre(7, 5, 3, 1));
  EXPECT_THAT(List(p, 5, 1), ElementsAre(3));
  p.states = {RunState::kFailed};
  EXPECT_THAT(List(p), ElementsAre(7, 5));

  RunFilter states;
  states.states = {RunState::kRunning, RunState::kSucceeded};
  EXPECT_THAT(List(states), ElementsAre(4, 3, 2, 1));
  EXPECT_THAT(List(states, 0, 3), ElementsAre(4, 3, 2));
  EXPECT_THAT(List(states, 2, 3), ElementsAre(1));
  states.states = {RunState::kCancelled};
  EXPECT_THAT(List(states), IsEmpty());

  RunFilter tags;
  tags.tags = {{"team", "a"}};
  EXPECT_THAT(List(tags), ElementsAre(7, 4, 1));
  tags.tags["n"] = "3";
  EXPECT_THAT(List(tags), ElementsAre(4));
  tags.tags["n"] = "4";
  EXPECT_THAT(List(tags), IsEmpty());
  tags.tags = {{"team", "a"}};
  tags.pipeline = PipelineName("q");
  EXPECT_THAT(List(tags), ElementsAre(4));
  tags.states = {RunState::kRunning};
  EXPECT_THAT(List(tags), IsEmpty());

  RunFilter time;
  const Time third = reader_->ListRuns({}, 4, 1)->front().created_at;
  time.created_after = third;
  EXPECT_THAT(List(time), ElementsAre(8, 7, 6, 5, 4)) << "after is strictly after";
  time.created_before = third + seconds(25);
  EXPECT_THAT(List(time), ElementsAre(5, 4));
  time.pipeline = PipelineName("p");
  EXPECT_THAT(List(time), ElementsAre(5));
}

TEST_F(RunRows, ChangesAreGuarded) {
  RunRecord run;
  Committed([&] { run = AddRun(AddPipeline("p"), RunState::kRunning); });
  EXPECT_EQ(Alone([&](auto& store) { return store.UpdateRun(run); }).reason(), "GUARD_FAILED")
      << "the revision is not newer";
  run.revision = 2;
  run.state = RunState::kSucceeded;
  run.ended_at = clock_.Now();
  EXPECT_TRUE(Alone([&](auto& store) { return store.UpdateRun(run); }).ok());
  run.revision = 3;
  run.state = RunState::kFailed;
  EXPECT_EQ(Alone([&](auto& store) { return store.UpdateRun(run); }).reason(), "GUARD_FAILED")
      << "it has ended";

  StepRecord step;
  step.name = "a";
  step.state = StepState::kSucceeded;
  EXPECT_TRUE(Alone([&](auto& store) { return store.UpdateStep(run.row, step, false); }).ok());
  step.state = StepState::kFailed;
  EXPECT_EQ(Alone([&](auto& store) { return store.UpdateStep(run.row, step, false); }).reason(),
            "GUARD_FAILED");
  step.index = 7;
  EXPECT_EQ(Alone([&](auto& store) { return store.UpdateStep(run.row, step, false); }).reason(),
            "GUARD_FAILED");
  EXPECT_EQ(reader_->ListSteps(run.row)->front().state, StepState::kSucceeded);
}

TEST_F(RunRows, KeepWhatAStepLeftBehind) {
  RunRecord run;
  StepRecord step;
  step.name = "a";
  step.state = StepState::kSucceeded;
  step.attempt = 2;
  step.worker = "w";
  step.cause = Cause::kTimeout;
  step.message = "took long";
  step.branch = "then";
  step.model_version = "g/1";
  step.failures = 1;
  step.infra_failures = 3;
  step.retry_at = {5};
  step.ready_at = {6};
  step.started_at = {7};
  step.ended_at = {8};
  step.result.outputs["model"] = {
      .digest = Sha256("m"), .type = ArtifactType::kModel, .tree = true, .size = 12};
  step.result.metrics = {{"auc", 0.1 + 0.2}, {"f1", std::nan("")}};
  step.result.report_values["a.b"] = {{"deep", {1, 2.5, nullptr, "x"}}};
  Committed([&] {
    run = AddRun(AddPipeline("p"), RunState::kRunning);
    ASSERT_TRUE(store_->UpdateStep(run.row, step, true).ok());
  });
  const auto steps = reader_->ListSteps(run.row);
  ASSERT_THAT(*steps, SizeIs(1));
  const StepRecord& found = steps->front();
  EXPECT_EQ(found.state, step.state);
  EXPECT_EQ(found.attempt, 2);
  EXPECT_EQ(found.worker, "w");
  EXPECT_EQ(found.cause, Cause::kTimeout);
  EXPECT_EQ(found.message, "took long");
  EXPECT_EQ(found.branch, "then");
  EXPECT_EQ(found.model_version, "g/1");
  EXPECT_EQ(found.failures, 1);
  EXPECT_EQ(found.infra_failures, 3);
  EXPECT_EQ(found.retry_at, Time{5});
  EXPECT_EQ(found.ready_at, Time{6});
  EXPECT_EQ(found.started_at, Time{7});
  EXPECT_EQ(found.ended_at, Time{8});
  EXPECT_EQ(found.result.outputs, step.result.outputs);
  EXPECT_EQ(found.result.metrics.at("auc"), 0.1 + 0.2);
  EXPECT_TRUE(std::isnan(found.result.metrics.at("f1")));
  EXPECT_EQ(found.result.report_values, step.result.report_values);
}

TEST_F(RunRows, AttemptsAreGuardedByTheirToken) {
  RunRecord run;
  AttemptRecord attempt;
  attempt.number = 1;
  attempt.token = AttemptToken("token-1");
  attempt.worker = WorkerId("w");
  attempt.leased_at = clock_.Now();
  Committed([&] {
    run = AddRun(AddPipeline("p"), RunState::kRunning);
    ASSERT_TRUE(store_->InsertAttempt(run.row, attempt).ok());
  });
  EXPECT_THAT(*reader_->ListLiveAttempts(run.row), SizeIs(1));
  AttemptRecord forged = attempt;
  forged.token = AttemptToken("token-2");
  forged.state = AttemptState::kSucceeded;
  EXPECT_EQ(Alone([&](auto& store) { return store.UpdateAttempt(run.row, forged); }).reason(),
            "GUARD_FAILED");
  attempt.state = AttemptState::kSucceeded;
  attempt.exit_code = -9;
  attempt.peak_memory = int64_t{5} << 30;
  attempt.cpu_seconds = 1.5;
  EXPECT_TRUE(Alone([&](auto& store) { return store.UpdateAttempt(run.row, attempt); }).ok());
  attempt.state = AttemptState::kLost;
  EXPECT_EQ(Alone([&](auto& store) { return store.UpdateAttempt(run.row, attempt); }).reason(),
            "GUARD_FAILED");

  const auto found = reader_->ListAttempts(run.row, 0);
  ASSERT_THAT(*found, SizeIs(1));
  EXPECT_EQ(found->front().state, AttemptState::kSucceeded);
  EXPECT_EQ(found->front().exit_code, -9);
  EXPECT_EQ(found->front().peak_memory, int64_t{5} << 30);
  EXPECT_EQ(found->front().cpu_seconds, 1.5);
  EXPECT_THAT(*reader_->ListLiveAttempts(run.row), IsEmpty());
  const auto get = [&](int32_t number, const char* token) {
    return store_->GetAttempt(run.id, 0, number, AttemptToken(token));
  };
  EXPECT_EQ(get(1, "token-1")->state, AttemptState::kSucceeded);
  EXPECT_EQ(get(1, "token-2").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(get(2, "token-1").status().code(), StatusCode::kNotFound);
}

TEST_F(RunRows, AnAttemptOnSeveralNodesIsARowARank) {
  RunRecord run;
  AttemptRecord attempt;
  attempt.number = 1;
  attempt.leased_at = clock_.Now();
  Committed([&] {
    run = AddRun(AddPipeline("p"), RunState::kRunning);
    for (int32_t rank = 0; rank < 2; ++rank) {
      attempt.rank = rank;
      attempt.token = AttemptToken("token-" + std::to_string(rank));
      attempt.worker = WorkerId("w" + std::to_string(rank));
      attempt.address = "node" + std::to_string(rank) + ":29500";
      ASSERT_TRUE(store_->InsertAttempt(run.row, attempt).ok());
    }
  });
  attempt.rank = 0;
  attempt.token = AttemptToken("token-0");
  attempt.state = AttemptState::kSucceeded;
  attempt.result.metrics["loss"] = 0.25;
  EXPECT_TRUE(Alone([&](auto& store) { return store.UpdateAttempt(run.row, attempt); }).ok());
  const auto found = reader_->ListAttempts(run.row, 0);
  ASSERT_THAT(*found, SizeIs(2));
  EXPECT_EQ((*found)[0].address, "node0:29500");
  EXPECT_EQ((*found)[0].result.metrics.at("loss"), 0.25);
  EXPECT_EQ((*found)[1].rank, 1);
  EXPECT_EQ((*found)[1].address, "node1:29500");
  EXPECT_EQ((*found)[1].state, AttemptState::kLeased);
  const auto live = reader_->ListLiveAttempts(run.row);
  ASSERT_THAT(*live, SizeIs(1));
  EXPECT_EQ(live->front().worker, WorkerId("w1"));
}

TEST_F(RunRows, LiveRunsComeOldestFirst) {
  std::vector<RunId> live;
  Committed([&] {
    const auto pipeline = AddPipeline("p");
    for (const RunState state : {RunState::kPending, RunState::kSucceeded, RunState::kRunning,
                                 RunState::kFailed, RunState::kCancelling, RunState::kCancelled}) {
      const RunRecord run = AddRun(pipeline, state);
      if (!IsTerminal(state)) live.push_back(run.id);
    }
  });
  std::vector<RunId> listed;
  const auto found = reader_->ListLiveRuns();
  for (const RunRecord& run : *found) listed.push_back(run.id);
  EXPECT_EQ(listed, live);
}

TEST_F(RunRows, IdempotencyKeysBelongToTheirPrincipalAndExpire) {
  const Principal ada("user:ada");
  const MetadataStore::Idempotent entry{Sha256("request"), RunId("run-1")};
  Committed([&] {
    ASSERT_TRUE(store_->InsertIdempotent(ada, "k", entry, clock_.Now()).ok());
    EXPECT_EQ(store_->InsertIdempotent(ada, "k", entry, clock_.Now()).reason(), "CONSTRAINT");
  });
  EXPECT_EQ((*store_->FindIdempotent(ada, "k"))->run, RunId("run-1"));
  EXPECT_EQ((*store_->FindIdempotent(ada, "k"))->request, Sha256("request"));
  EXPECT_FALSE(store_->FindIdempotent(Principal("user:bob"), "k")->has_value());
  ASSERT_TRUE(Alone([&](auto& store) { return store.ExpireIdempotent(clock_.Now()); }).ok());
  EXPECT_TRUE(store_->FindIdempotent(ada, "k")->has_value());
  ASSERT_TRUE(
      Alone([&](auto& store) { return store.ExpireIdempotent(clock_.Now() + Micros(1)); }).ok());
  EXPECT_FALSE(store_->FindIdempotent(ada, "k")->has_value());
}

TEST_F(RunRows, NothingIsWrittenWithoutATransaction) {
  const Principal ada("user:ada");
  const MetadataStore::Idempotent entry{Sha256("request"), RunId("run-1")};
  EXPECT_EQ(store_->InsertIdempotent(ada, "k", entry, clock_.Now()).reason(), "SQLITE");
  EXPECT_FALSE(store_->FindIdempotent(ada, "k")->has_value());
  // Also after one that was taken back.
  ASSERT_TRUE(store_->Begin().ok());
  store_->Rollback();
  EXPECT_FALSE(store_->InsertIdempotent(ada, "k", entry, clock_.Now()).ok());
  EXPECT_FALSE(store_->FindIdempotent(ada, "k")->has_value());
}

TEST_F(RunRows, TheIncarnationIsDrawnOnce) {
  const std::string first = store_->incarnation();
  EXPECT_FALSE(first.empty());
  Reopen();
  EXPECT_EQ(store_->incarnation(), first);
  EXPECT_EQ(*reader_->Incarnation(), first);
}

TEST_F(RunRows, APoolLendsAReaderToEachBorrower) {
  RunRecord run;
  Committed([&] { run = AddRun(AddPipeline("p"), RunState::kRunning); });
  ReaderPool pool(path());
  auto one = pool.Borrow();
  auto two = pool.Borrow();
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_TRUE((*one)->FindRun(run.id.value()).ok());
  EXPECT_TRUE((*two)->FindRun(run.id.value()).ok());
  EXPECT_FALSE(ReaderPool(path() + ".not").Borrow().ok());
}

}  // namespace
}  // namespace penstock

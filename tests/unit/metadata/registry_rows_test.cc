// Pipelines, artifacts, models, tokens and workers as rows.

#include <gmock/gmock.h>

#include "tests/unit/metadata/store_fixture.h"

namespace penstock {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RegistryRows : public StoreFixture {
 protected:
  std::vector<std::string> Pipelines(const std::string& prefix, const std::string& after,
                                     int limit) {
    const auto list = reader_->ListPipelines(prefix, PipelineName(after), limit);
    EXPECT_TRUE(list.ok()) << list.status();
    std::vector<std::string> names;
    for (const auto& record : *list) {
      names.push_back(record.name.value() + "@" + std::to_string(record.version));
    }
    return names;
  }

  ArtifactRef AddArtifact(const std::string& text, ArtifactType type = ArtifactType::kFile) {
    ArtifactRecord record;
    record.ref = {.digest = Sha256(text), .type = type, .tree = false, .size = 3};
    record.principal = Principal("user:ada");
    record.created_at = clock_.Now();
    EXPECT_TRUE(*store_->InsertArtifact(record));
    return record.ref;
  }
};

TEST_F(RegistryRows, PipelinesAreListedByNameInPages) {
  Committed([&] {
    AddPipeline("b");
    AddPipeline("a");
    AddPipeline("ab");
    AddPipeline("a", 2);
    AddPipeline("c");
  });
  EXPECT_THAT(Pipelines("", "", 10), ElementsAre("a@2", "ab@1", "b@1", "c@1"));
  EXPECT_THAT(Pipelines("", "", 2), ElementsAre("a@2", "ab@1"));
  EXPECT_THAT(Pipelines("", "ab", 2), ElementsAre("b@1", "c@1"));
  EXPECT_THAT(Pipelines("a", "", 10), ElementsAre("a@2", "ab@1"));
  EXPECT_THAT(Pipelines("x", "", 10), IsEmpty());
  const auto versions = reader_->ListPipelineVersions(PipelineName("a"), 0, 10);
  ASSERT_THAT(*versions, SizeIs(2));
  EXPECT_EQ(versions->front().version, 2);
  EXPECT_EQ(versions->front().definition, "") << "lists leave the texts out";
  EXPECT_THAT(*reader_->ListPipelineVersions(PipelineName("a"), 2, 10), SizeIs(1));
}

TEST_F(RegistryRows, VersionsAreImmutableAndOutliveTheirPipeline) {
  PipelineVersionRecord first;
  Committed([&] {
    first = AddPipeline("a");
    AddPipeline("a", 2);
  });
  PipelineVersionRecord again = first;
  EXPECT_EQ(Alone([&](auto& store) { return store.InsertPipelineVersion(again); }).reason(),
            "CONSTRAINT");
  Committed([&] {
    ASSERT_TRUE(
        store_->DeletePipeline(PipelineName("a"), Principal("user:bob"), clock_.Now()).ok());
  });
  const auto gone = reader_->GetPipeline(PipelineName("a"), 0);
  EXPECT_EQ(gone.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(gone.status().message(), HasSubstr("penstock get pipelines"));
  EXPECT_EQ(*store_->LatestPipelineVersion(PipelineName("a")), 0);
  const auto kept = reader_->GetPipeline(PipelineName("a"), 1);
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->source, first.source);
  EXPECT_EQ(kept->digest, first.digest);
  EXPECT_EQ(kept->principal, first.principal);
  EXPECT_EQ(reader_->GetPipelineVersion(first.id)->version, 1);
  EXPECT_EQ(reader_->GetPipelineVersion(999).status().code(), StatusCode::kNotFound);
  Committed([&] { AddPipeline("a", 3); });
  EXPECT_EQ(reader_->GetPipeline(PipelineName("a"), 0)->version, 3) << "a name can come back";
}

TEST_F(RegistryRows, AnArtifactIsStoredOnceAndKeepsItsFirstOrigin) {
  Committed([&] {
    const ArtifactRef ref = AddArtifact("x");
    ArtifactRecord again;
    again.ref = ref;
    again.ref.type = ArtifactType::kModel;
    EXPECT_FALSE(*store_->InsertArtifact(again));
    EXPECT_TRUE(store_->SetArtifactOrigin(ref.digest, RunId("run-1"), "s", "o").ok());
    EXPECT_TRUE(store_->SetArtifactOrigin(ref.digest, RunId("run-2"), "t", "p").ok());
  });
  const auto found = reader_->GetArtifact(Sha256("x"));
  EXPECT_EQ(found->ref.type, ArtifactType::kFile);
  EXPECT_EQ(found->run, RunId("run-1"));
  EXPECT_EQ(found->step, "s");
  EXPECT_EQ(found->output, "o");
  EXPECT_TRUE(*reader_->HasArtifact(Sha256("x")));
  EXPECT_FALSE(*reader_->HasArtifact(Sha256("y")));
  EXPECT_EQ(reader_->GetArtifact(Sha256("y")).status().code(), StatusCode::kNotFound);
}

TEST_F(RegistryRows, ArtifactsAreListedByTypeAndByRun) {
  RunRecord run;
  Committed([&] {
    run = AddRun(AddPipeline("p"), RunState::kRunning);
    AddArtifact("1");
    AddArtifact("2", ArtifactType::kModel);
    const ArtifactRef used = AddArtifact("3");
    ASSERT_TRUE(store_->InsertRunArtifact(run.row, used.digest).ok());
    ASSERT_TRUE(store_->InsertRunArtifact(run.row, used.digest).ok());
  });
  std::vector<int64_t> rows;
  auto list = reader_->ListArtifacts("", RunId(), 0, 2, &rows);
  ASSERT_THAT(*list, SizeIs(2));
  EXPECT_EQ(list->front().ref.digest, Sha256("3"));
  list = reader_->ListArtifacts("", RunId(), rows.back(), 2, &rows);
  ASSERT_THAT(*list, SizeIs(1));
  EXPECT_EQ(list->front().ref.digest, Sha256("1"));
  list = reader_->ListArtifacts("model", RunId(), 0, 10, &rows);
  ASSERT_THAT(*list, SizeIs(1));
  EXPECT_EQ(list->front().ref.digest, Sha256("2"));
  list = reader_->ListArtifacts("", run.id, 0, 10, &rows);
  ASSERT_THAT(*list, SizeIs(1));
  EXPECT_EQ(list->front().ref.digest, Sha256("3"));
}

TEST_F(RegistryRows, HoldsEndWithTheirHolderOrTheirTime) {
  Committed([&] {
    ASSERT_TRUE(store_->InsertHold("token", Sha256("x"), Time{}).ok());
    ASSERT_TRUE(store_->InsertHold("user:ada", Sha256("x"), clock_.Now() + seconds(10)).ok());
    ASSERT_TRUE(store_->InsertHold("user:ada", Sha256("x"), clock_.Now() + seconds(20)).ok());
    // The clock was set back.
    ASSERT_TRUE(store_->InsertHold("user:ada", Sha256("x"), clock_.Now() + seconds(5)).ok());
  });
  EXPECT_EQ(*reader_->CountHolds(), 2);
  EXPECT_EQ(*reader_->CountAttemptHolds(), 1);
  ASSERT_TRUE(
      Alone([&](auto& store) { return store.ExpireHolds(clock_.Now() + seconds(15)); }).ok());
  EXPECT_EQ(*reader_->CountHolds(), 2) << "the second word prolonged it";
  ASSERT_TRUE(
      Alone([&](auto& store) { return store.ExpireHolds(clock_.Now() + seconds(21)); }).ok());
  EXPECT_EQ(*reader_->CountHolds(), 1) << "an attempt's hold has no end of its own";
  ASSERT_TRUE(Alone([&](auto& store) { return store.DeleteHolds("token"); }).ok());
  EXPECT_EQ(*reader_->CountHolds(), 0);
}

TEST_F(RegistryRows, ModelVersionsAreNumberedByGroupAndOnceByStep) {
  const auto model = [&](const std::string& group, const std::string& run) {
    ModelVersionRecord record;
    record.group = GroupName(group);
    record.model = {.digest = Sha256("m"), .type = ArtifactType::kModel, .tree = true, .size = 9};
    record.report = ArtifactRef{.digest = Sha256("r"), .type = ArtifactType::kReport, .size = 2};
    record.metrics = {{"auc", 0.9}};
    record.run = RunId(run);
    record.step = "register";
    record.pipeline = PipelineName("p");
    record.pipeline_version = 4;
    record.description = "d";
    record.principal = Principal("user:ada");
    record.created_at = clock_.Now();
    auto inserted = store_->InsertModelVersion(record);
    EXPECT_TRUE(inserted.ok()) << inserted.status();
    return *inserted;
  };
  Committed([&] {
    EXPECT_EQ(model("g", "run-1").record.version, 1);
    EXPECT_EQ(model("g", "run-2").record.version, 2);
    EXPECT_EQ(model("h", "run-3").record.version, 1);
    const auto again = model("g", "run-1");
    EXPECT_FALSE(again.created);
    EXPECT_EQ(again.record.version, 1);
    EXPECT_EQ(model("g", "").record.version, 3) << "by hand: as often as one likes";
    EXPECT_EQ(model("g", "").record.version, 4);
  });
  const auto found = reader_->GetModelVersion(GroupName("g"), 1);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->model.digest, Sha256("m"));
  EXPECT_EQ(found->report->digest, Sha256("r"));
  EXPECT_EQ(found->metrics.at("auc"), 0.9);
  EXPECT_EQ(found->run, RunId("run-1"));
  EXPECT_EQ(found->pipeline_version, 4);
  EXPECT_EQ(reader_->GetModelVersion(GroupName("g"), 0)->version, 4);
  EXPECT_EQ(reader_->GetModelVersion(GroupName("g"), 9).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(reader_->GetModelVersion(GroupName("x"), 0).status().code(), StatusCode::kNotFound);
}

TEST_F(RegistryRows, GroupsCountTheirVersions) {
  Committed([&] {
    for (int i = 1; i <= 3; ++i) {
      ModelVersionRecord record;
      record.group = GroupName("g");
      record.run = RunId("run-" + std::to_string(i));
      record.principal = Principal("user:ada");
      ASSERT_TRUE(store_->InsertModelVersion(record).ok());
    }
    ModelVersionRecord decided;
    decided.group = GroupName("g");
    decided.version = 2;
    decided.status = ModelStatus::kApproved;
    ASSERT_TRUE(store_->DecideModelVersion(decided).ok());
    decided.version = 7;
    EXPECT_EQ(store_->DecideModelVersion(decided).reason(), "GUARD_FAILED");
  });
  const auto groups = reader_->ListModelGroups(GroupName(""), 10);
  ASSERT_THAT(*groups, SizeIs(1));
  EXPECT_EQ(groups->front().version_count, 3);
  EXPECT_EQ(groups->front().latest_version, 3);
  EXPECT_EQ(groups->front().latest_approved_version, 2);
  EXPECT_THAT(*reader_->ListModelGroups(GroupName("g"), 10), IsEmpty());
  std::vector<int64_t> rows;
  auto versions = reader_->ListModelVersions(GroupName("g"), {ModelStatus::kPendingManualApproval},
                                             0, 1, &rows);
  ASSERT_THAT(*versions, SizeIs(1));
  EXPECT_EQ(versions->front().version, 3);
  versions = reader_->ListModelVersions(GroupName("g"), {ModelStatus::kPendingManualApproval},
                                        rows.back(), 5, &rows);
  ASSERT_THAT(*versions, SizeIs(1));
  EXPECT_EQ(versions->front().version, 1);
}

TEST_F(RegistryRows, WorkersAreKnownByTheirLastBoot) {
  WorkerInfo info;
  info.id = WorkerId("w");
  info.boot_id = "boot-1";
  info.host = "h";
  info.cpus = 2.5;
  info.memory = 77;
  info.gpus = 1;
  info.labels = {{"zone", "a"}};
  info.steps = {"noop@1"};
  info.data_roots = {"/data"};
  info.data_sources = {"https://data.example/sets"};
  info.gpu_names = {"H100"};
  info.address = "node1";
  info.first_port = 29'500;
  info.port_count = 100;
  EXPECT_EQ(*store_->WorkerBootId(info.id), "");
  Committed([&] { ASSERT_TRUE(store_->UpsertWorker(info, clock_.Now()).ok()); });
  EXPECT_EQ(*store_->WorkerBootId(info.id), "boot-1");
  info.boot_id = "boot-2";
  Committed([&] { ASSERT_TRUE(store_->UpsertWorker(info, clock_.Now()).ok()); });
  Reopen();
  EXPECT_EQ(*store_->WorkerBootId(info.id), "boot-2");
  const auto workers = reader_->ListWorkers(Time{});
  ASSERT_THAT(*workers, SizeIs(1));
  EXPECT_EQ(workers->front().info.cpus, 2.5);
  EXPECT_EQ(workers->front().info.labels, info.labels);
  EXPECT_EQ(workers->front().info.steps, info.steps);
  EXPECT_EQ(workers->front().info.data_roots, info.data_roots);
  EXPECT_EQ(workers->front().info.data_sources, info.data_sources);
  EXPECT_EQ(workers->front().info.gpu_names, info.gpu_names);
  EXPECT_EQ(workers->front().info.address, "node1");
  EXPECT_EQ(workers->front().info.first_port, 29'500);
  EXPECT_EQ(workers->front().info.port_count, 100);
  EXPECT_FALSE(workers->front().connected);
  EXPECT_THAT(*reader_->ListWorkers(clock_.Now() + seconds(1)), IsEmpty());
}

TEST_F(RegistryRows, DeletedTokensStayAsRecords) {
  TokenRecord token;
  token.name = "ci";
  token.role = Role::kWorker;
  token.hash = Sha256("s");
  token.created_by = Principal("user:ada");
  token.created_at = clock_.Now();
  Committed([&] {
    ASSERT_TRUE(store_->InsertToken(token).ok());
    EXPECT_EQ(store_->InsertToken(token).code(), StatusCode::kAlreadyExists);
    ASSERT_TRUE(store_->RevokeToken("ci", Principal("user:bob"), clock_.Now()).ok());
    // The request that made it, once more: it stays revoked.
    EXPECT_EQ(store_->InsertToken(token).code(), StatusCode::kAlreadyExists);
  });
  const auto tokens = reader_->ListTokens();
  ASSERT_THAT(*tokens, SizeIs(1));
  EXPECT_TRUE(tokens->front().revoked_at.set());
  EXPECT_EQ(tokens->front().role, Role::kWorker);
  EXPECT_EQ(tokens->front().hash, Sha256("s"));
}

}  // namespace
}  // namespace penstock

#ifndef PENSTOCK_TESTS_UNIT_METADATA_STORE_FIXTURE_H_
#define PENSTOCK_TESTS_UNIT_METADATA_STORE_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/random.h"
#include "storage/metadata/metadata_store.h"

namespace penstock {

// A new database in a folder of its own. What a test writes is committed by Committed().
class StoreFixture : public testing::Test {
 protected:
  StoreFixture() : folder_(MakeFolder()) { Reopen(); }

  static TempFolder MakeFolder() {
    Result<TempFolder> folder = TempFolder::Make(std::filesystem::temp_directory_path());
    PENSTOCK_CHECK(folder.ok());
    return std::move(*folder);
  }

  void Reopen() {
    reader_.reset();
    store_.reset();
    auto store = MetadataStore::Open(path(), clock_, random_);
    PENSTOCK_CHECK(store.ok());
    store_ = std::move(*store);
    auto reader = MetadataReader::Open(path());
    PENSTOCK_CHECK(reader.ok());
    reader_ = std::move(*reader);
  }

  std::string path() const { return folder_.path() / "penstock.db"; }

  template <typename Change>
  void Committed(Change change) {
    ASSERT_TRUE(store_->Begin().ok());
    change();
    ASSERT_TRUE(store_->Commit().ok());
  }

  // One change in a transaction of its own.
  template <typename Change>
  Status Alone(Change change) {
    EXPECT_TRUE(store_->Begin().ok());
    const Status status = change(*store_);
    EXPECT_TRUE(store_->Commit().ok());
    return status;
  }

  PipelineVersionRecord AddPipeline(const std::string& name, int32_t version = 1) {
    PipelineVersionRecord record;
    record.name = PipelineName(name);
    record.version = version;
    record.definition = "{\"name\":\"" + name + "\"}";
    record.digest = Sha256(record.definition + std::to_string(version));
    record.source = "name: " + name;
    record.description = "about " + name;
    record.step_count = 1;
    record.principal = Principal("user:ada");
    record.created_at = clock_.Now();
    EXPECT_TRUE(store_->InsertPipelineVersion(record).ok());
    return record;
  }

  // A run with one step, in the state that is given.
  RunRecord AddRun(const PipelineVersionRecord& pipeline, RunState state,
                   const std::map<std::string, std::string>& tags = {},
                   const std::string& group = {}) {
    RunRecord run;
    run.row = *store_->LastRunRow() + 1;
    run.id = RunId("run-" + NewUlid(clock_.Now(), random_));
    run.name = "r";
    run.pipeline = pipeline.name;
    run.pipeline_version = pipeline.version;
    run.pipeline_version_id = pipeline.id;
    run.state = state;
    run.parameters = {{"n", 3}, {"text", "ä\"\n"}};
    run.tags = tags;
    run.group = group;
    run.principal = Principal("user:ada");
    run.created_at = clock_.Now();
    run.revision = 1;
    run.counts.total = 1;
    run.counts.waiting = 1;
    if (IsTerminal(state)) run.ended_at = clock_.Now();
    StepRecord step;
    step.name = "a";
    step.type = "noop";
    EXPECT_TRUE(store_->InsertRun(run, {step}).ok());
    return run;
  }

  TempFolder folder_;
  FakeClock clock_;
  SeededRandom random_{3};
  std::unique_ptr<MetadataStore> store_;
  std::unique_ptr<MetadataReader> reader_;
};

}  // namespace penstock

#endif  // PENSTOCK_TESTS_UNIT_METADATA_STORE_FIXTURE_H_

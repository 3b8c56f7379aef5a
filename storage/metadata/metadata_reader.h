#ifndef PENSTOCK_STORAGE_METADATA_METADATA_READER_H_
#define PENSTOCK_STORAGE_METADATA_METADATA_READER_H_

// Questions to the database, over a read-only connection: always a committed state. Not
// thread-safe: one reader a thread (see ReaderPool). Every list is a keyset page: rows "after" the
// last one that was shown, `limit` at the most.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "storage/db/database.h"
#include "storage/metadata/statement_cache.h"
#include "storage/model/records.h"

namespace penstock {

struct RunFilter {
  PipelineName pipeline;                    // empty: any
  std::vector<RunState> states;             // empty: any
  std::map<std::string, std::string> tags;  // all of them
  Time created_after;                       // unset: any
  Time created_before;
};

// Where a result that may be used again comes from.
struct CachedStep {
  int64_t run_row = 0;
  RunId run;
  StepIndex step = 0;
  Time created_at;
};

// Runs that were started together.
struct RunGroup {
  std::string name;
  PipelineName pipeline;
  int32_t limit = 0;
  int64_t first_row = 0;
  Time created_at;                   // of the first
  std::map<RunState, int32_t> runs;  // how many, by state
};

class MetadataReader {
 public:
  // `path`: the database file, which exists and is migrated.
  static Result<std::unique_ptr<MetadataReader>> Open(const std::string& path);
  // The same questions over a connection that somebody else owns (the writer's, in its thread).
  explicit MetadataReader(Database* database);
  ~MetadataReader();

  // kNotFound where there is none. `version` 0: the newest. A deleted pipeline is found only by an
  // explicit version.
  Result<PipelineVersionRecord> GetPipeline(const PipelineName& name, int32_t version);
  Result<PipelineVersionRecord> GetPipelineVersion(int64_t id);
  // Newest versions by name, after `after`. Without definitions.
  Result<std::vector<PipelineVersionRecord>> ListPipelines(const std::string& prefix,
                                                           const PipelineName& after, int limit);
  // Newest first, versions below `before` (0: from the newest).
  Result<std::vector<PipelineVersionRecord>> ListPipelineVersions(const PipelineName& name,
                                                                  int32_t before, int limit);

  // kNotFound with a hint. An id that is a unique prefix of at least 8 characters (after "run-")
  // is accepted too.
  Result<RunRecord> FindRun(const std::string& id_or_prefix);
  // Newest first, rows below `before_row` (0: from the newest). (metadata_reader_runs.cc)
  Result<std::vector<RunRecord>> ListRuns(const RunFilter& filter, int64_t before_row, int limit);
  // The newest first, of those whose first run is below `before_row` (0: from the newest). `name`:
  // that one alone; empty: all.
  Result<std::vector<RunGroup>> ListRunGroups(const std::string& name, int64_t before_row,
                                              int limit);
  Result<std::vector<StepRecord>> ListSteps(int64_t run_row);
  // kNotFound.
  Result<StepRecord> GetStep(int64_t run_row, StepIndex index);
  // The newest result with the key, of this pipeline's runs (empty: of any).
  Result<std::optional<CachedStep>> FindCached(const std::string& key,
                                               const PipelineName& pipeline);
  // The newest result of the step of that name, whatever its key.
  Result<std::optional<CachedStep>> NewestCached(const PipelineName& pipeline,
                                                 const StepName& step);
  Result<std::vector<AttemptRecord>> ListAttempts(int64_t run_row, StepIndex step);
  // Runs that have not ended, oldest first.
  Result<std::vector<RunRecord>> ListLiveRuns();
  // Attempts of a run that have not ended.
  Result<std::vector<AttemptRecord>> ListLiveAttempts(int64_t run_row);

  Result<ArtifactRecord> GetArtifact(const Digest& digest);
  Result<bool> HasArtifact(const Digest& digest);
  // Newest first; by type (empty: any) or by the run that uses them (empty: any). `before_row` as
  // above; `rows` gets the row of each.
  Result<std::vector<ArtifactRecord>> ListArtifacts(const std::string& type, const RunId& run,
                                                    int64_t before_row, int limit,
                                                    std::vector<int64_t>* rows);

  Result<std::vector<ModelGroupRecord>> ListModelGroups(const GroupName& after, int limit);
  // `version` 0: the newest.
  // What an alias stands for; nothing where there is no such alias.
  Result<std::optional<ModelAliasRecord>> FindModelAlias(const GroupName& group,
                                                         const std::string& alias);
  Result<ModelVersionRecord> GetModelVersion(const GroupName& group, int32_t version);
  Result<std::vector<ModelVersionRecord>> ListModelVersions(
      const GroupName& group, const std::vector<ModelStatus>& statuses, int64_t before_row,
      int limit, std::vector<int64_t>* rows);

  Result<std::vector<TokenRecord>> ListTokens();
  // By name. (secret_rows.cc)
  Result<std::vector<SecretRecord>> ListSecrets();
  // Also one that was deleted: `sealed` is empty then. nullopt where the name never was one.
  Result<std::optional<SecretRecord>> FindSecret(const std::string& name);
  // Workers that had a session since `since`, with their state as of the last commit.
  Result<std::vector<WorkerView>> ListWorkers(Time since);
  // What operators said of workers, by name; those of whom nothing is said are left out.
  Result<std::map<WorkerId, WorkerOrders>> ListWorkerOrders();
  Result<int64_t> CountHolds();
  // How many of them are for attempts (not for clients).
  Result<int64_t> CountAttemptHolds();
  Result<int> SchemaVersion();
  Result<std::string> Incarnation();
  // What its questions have cost so far (Statement::Work): tests see what grows with the tables.
  int64_t Work() const { return cache_.Work(); }

  // --- For backups, collection and checks (metadata_reader_check.cc)

  // A copy of the committed state in a new file, which must not exist. Not synced.
  Status BackupTo(const std::string& path);
  Result<bool> HasRun(const RunId& run);
  // By row, after that one; with when they ended. `last_row` changes where there are any.
  Result<std::vector<std::pair<RunId, Time>>> ListRunEnds(int64_t after_row, int limit,
                                                          int64_t* last_row);
  Result<std::vector<Digest>> ListHeldDigests();
  // What is wrong, a line each; empty: nothing. They read whole tables.
  Result<std::vector<std::string>> CheckIntegrity();
  Result<std::vector<std::string>> CheckForeignKeys();
  Result<std::vector<std::string>> CheckReferences();
  // Of runs, their steps and the attempts at these.
  Result<std::vector<std::string>> CheckStates();

 private:
  std::unique_ptr<Database> owned_;
  StatementCache cache_;
};

// A reader a thread at a time: Borrow waits for none, it opens another.
class ReaderPool {
 public:
  explicit ReaderPool(std::string path) : path_(std::move(path)) {}

  class Lease {
   public:
    Lease(ReaderPool* pool, std::unique_ptr<MetadataReader> reader)
        : pool_(pool), reader_(std::move(reader)) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = default;
    ~Lease() {
      if (reader_) pool_->Return(std::move(reader_));
    }
    MetadataReader* operator->() { return reader_.get(); }

   private:
    ReaderPool* pool_;
    std::unique_ptr<MetadataReader> reader_;
  };

  Result<Lease> Borrow();

 private:
  void Return(std::unique_ptr<MetadataReader> reader);

  const std::string path_;
  Mutex mutex_;
  std::vector<std::unique_ptr<MetadataReader>> idle_ PENSTOCK_GUARDED_BY(mutex_);
};

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_METADATA_METADATA_READER_H_

#ifndef PENSTOCK_STORAGE_METADATA_METADATA_STORE_H_
#define PENSTOCK_STORAGE_METADATA_METADATA_STORE_H_

// The write side of the database: rows in, rows changed, inside transactions that the engine opens
// and closes. One thread, one connection. Updates are guarded: where a row is not in the state that
// the caller believes it in, kInternal (GUARD_FAILED) says so and the caller rolls back.
//
// Errors of every method: kResourceExhausted (DISK_FULL), kDataLoss (IO_ERROR, CORRUPT).

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "storage/db/database.h"
#include "storage/metadata/metadata_reader.h"
#include "storage/metadata/statement_cache.h"
#include "storage/model/records.h"
#include "storage/model/retention.h"

namespace penstock {

// Whether `status` says that the database itself failed, rather than something about its rows: what
// it leaves unknown must not be taken for an answer.
bool IsDatabaseFailure(const Status& status);

class MetadataStore {
 public:
  // Opens or makes the database at `path` and migrates it (a backup is made before). The caller
  // holds the lock on the data directory. kFailedPrecondition with reason SCHEMA_TOO_NEW or
  // FOREIGN_DATABASE and what to do.
  static Result<std::unique_ptr<MetadataStore>> Open(const std::string& path, const Clock& clock,
                                                     Random& random);
  ~MetadataStore();

  const std::string& path() const { return path_; }
  // Part of every attempt's token; drawn when the database was made or restored.
  const std::string& incarnation() const { return incarnation_; }
  // Reads on the write connection: sees the open transaction.
  MetadataReader& reader() { return reader_; }

  Status Begin();
  Status Commit();
  void Rollback();

  // Stores a version and makes it the newest; revives a deleted name. Sets `record.id`.
  Status InsertPipelineVersion(PipelineVersionRecord& record);
  Status DeletePipeline(const PipelineName& name, const Principal& by, Time at);
  // Whether the name is there and not deleted, and its newest version (0: none).
  Result<int32_t> LatestPipelineVersion(const PipelineName& name);

  // Inserts a run with its steps, as they are. `run.row` is above LastRunRow.
  Status InsertRun(const RunRecord& run, const std::vector<StepRecord>& steps);
  // A step that came to be while the run was going on: of a map's item, of a called pipeline.
  Status InsertStep(int64_t run_row, const StepRecord& step);
  // Writes a step's expansion and cache record.
  Status SetStepNotes(int64_t run_row, const StepRecord& step);
  // The step's result is the newest for the key.
  Status InsertCached(const std::string& key, const PipelineName& pipeline, const StepName& step,
                      int64_t run_row, StepIndex index, Time now);
  // The highest row that a run ever had; 0 before the first.
  Result<int64_t> LastRunRow();
  // Writes state, message, times, revision and counts. Guard: the revision in the row is lower.
  Status UpdateRun(const RunRecord& run);
  Status RecordCancel(int64_t run_row, const Principal& by, const std::string& comment, bool now);
  // Writes everything that changes of a step. Guard: the row is not in a terminal state.
  // `result` is written only where `with_result`.
  Status UpdateStep(int64_t run_row, const StepRecord& step, bool with_result);

  // As it was leased, whatever has become of it since: UpdateAttempt says that.
  Status InsertAttempt(int64_t run_row, const AttemptRecord& attempt);
  // Guard: the row has this token and is not terminal.
  Status UpdateAttempt(int64_t run_row, const AttemptRecord& attempt);
  // kNotFound where there is none.
  Result<AttemptRecord> GetAttempt(const RunId& run, StepIndex step, int32_t number,
                                   const AttemptToken& token);

  struct Idempotent {
    Digest request;
    RunId run;
  };
  Result<std::optional<Idempotent>> FindIdempotent(const Principal& principal,
                                                   const std::string& key);
  Status InsertIdempotent(const Principal& principal, const std::string& key,
                          const Idempotent& entry, Time now);
  Status ExpireIdempotent(Time before);

  // A known digest stays as it is (true: it was new).
  Result<bool> InsertArtifact(const ArtifactRecord& artifact);
  Status SetArtifactOrigin(const Digest& digest, const RunId& run, const std::string& step,
                           const std::string& output);
  Status InsertRunArtifact(int64_t run_row, const Digest& digest);
  Status InsertHold(const std::string& holder, const Digest& digest, Time expires_at);
  Status DeleteHolds(const std::string& holder);
  Status ExpireHolds(Time now);

  // Creates the group where it is missing and numbers the version. A version of the same (run,
  // step) is answered as it is: `created` false.
  struct InsertedModel {
    ModelVersionRecord record;
    bool created = false;
  };
  Result<InsertedModel> InsertModelVersion(ModelVersionRecord record);
  Status DecideModelVersion(const ModelVersionRecord& record);
  // The alias stands for that version from now on; the version is there.
  Status SetModelAlias(const ModelAliasRecord& alias);

  Status InsertToken(const TokenRecord& token);
  // kNotFound where no live token has the name.
  Status RevokeToken(const std::string& name, const Principal& by, Time at);

  // (secret_rows.cc) A name keeps its row when its value is deleted: no version is given twice.
  Status PutSecret(const SecretRecord& secret);
  Status DeleteSecret(const std::string& name, const Principal& by, Time at);
  // The same value, sealed with another key.
  Status ResealSecret(const SecretRecord& secret);

  Status UpsertWorker(const WorkerInfo& worker, Time opened_at);
  Status CloseWorker(const WorkerId& worker, Time closed_at);
  Status SetWorkerOrders(const WorkerId& worker, const WorkerOrders& orders);
  // Boot id of the worker's last session; empty where it is unknown.
  Result<std::string> WorkerBootId(const WorkerId& worker);

  // --- Retention (metadata_store_gc.cc); RetentionSweep puts these together.

  struct EndedRun {
    int64_t row = 0;
    RunId id;
    int64_t steps = 0;
    Time ended_at;
  };
  // By (end, row), after those.
  Result<std::vector<EndedRun>> RunsEndedBefore(Time before, Time after_end, int64_t after_row,
                                                int limit);
  // Also of deleted pipelines; empty after the last.
  Result<std::string> NextPipelineName(const std::string& after);
  // The row of the newest ended run behind the `keep` newest; 0 where there is none.
  Result<int64_t> NewestSurplusRun(const PipelineName& pipeline, int64_t keep);
  Result<std::vector<EndedRun>> EndedRunsUpTo(const PipelineName& pipeline, int64_t last_row,
                                              int64_t after_row, int limit);
  // Whether a model version or another run needs it.
  Result<bool> IsRunKept(const RunId& run);
  // Guard: it has ended.
  Status DeleteEndedRun(int64_t row);
  // Looks at `limit` rows of artifacts behind `after_row`, deletes those that nothing needs, and
  // returns the last row that it looked at; 0 where there was none.
  Result<int64_t> DeleteUnusedArtifacts(int64_t after_row, int limit, Time unused_since, Time now,
                                        SweepTotals& totals);
  // Somebody committed what was there already.
  Status TouchArtifact(const Digest& digest, Time now);

  // --- Restore and repair (metadata_store_repair.cc)

  // Ends the timeline that the tokens and the workers know.
  Status SetIncarnation(const std::string& incarnation);
  // Brings indices, references, ends and counts into agreement; what it did, in words.
  Result<std::vector<std::string>> Repair(Time now);
  // For an artifact whose bytes are gone or damaged.
  Status DeleteArtifact(const Digest& digest);

  // Writes a row of no meaning, to see whether the disk takes it.
  Status ProbeWrite(Time now);

 private:
  MetadataStore(std::string path, std::unique_ptr<Database> database);
  Status InsertNamedArtifacts(const PipelineVersionRecord& version);
  // The row of an attempt's environment, for a run that uses it (metadata_store_environments.cc).
  // 0 for an empty text.
  Result<int64_t> InternEnvironment(int64_t run_row, const std::string& json);
  // Those that only runs of lower rows used.
  Status DeleteEnvironments();

  std::string path_;
  std::unique_ptr<Database> database_;
  StatementCache cache_;
  MetadataReader reader_;
  std::string incarnation_;
  // Environments that have rows, by text: the same few again and again.
  struct Environment {
    int64_t id = 0;
    int64_t last_run = 0;
  };
  std::unordered_map<std::string, Environment> environments_;
};

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_METADATA_METADATA_STORE_H_

#include "storage/metadata/metadata_store.h"

#include <utility>

#include "base/fault_point.h"
#include "storage/db/migrate.h"
#include "storage/metadata/encoding.h"
#include "storage/metadata/migrations.h"

namespace penstock {
namespace {

// "PNSK": tells our databases from others.
constexpr int32_t kApplicationId = 0x504e534b;

std::string OrNothing(const Json& json) {
  return json.is_null() ? std::string() : DumpJson(json);
}

Status GuardFailed(std::string what) {
  return Internal(std::move(what) + " is not in the state that the engine believes it in",
                  "GUARD_FAILED");
}

}  // namespace

bool IsDatabaseFailure(const Status& status) {
  const std::string reason = status.reason();
  return reason == "DISK_FULL" || reason == "IO_ERROR" || reason == "CORRUPT" ||
         reason == "GUARD_FAILED" || reason == "CONSTRAINT" || reason == "BUSY" ||
         reason == "SQLITE" || reason == "CANNOT_OPEN";
}

MetadataStore::MetadataStore(std::string path, std::unique_ptr<Database> database)
    : path_(std::move(path)),
      database_(std::move(database)),
      cache_(database_.get()),
      reader_(database_.get()) {}

MetadataStore::~MetadataStore() = default;

Result<std::unique_ptr<MetadataStore>> MetadataStore::Open(const std::string& path,
                                                           const Clock& clock, Random& random) {
  PENSTOCK_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Open(path, {}));
  MigrateOptions options;
  options.application_id = kApplicationId;
  options.now = clock.Now();
  PENSTOCK_RETURN_IF_ERROR(Migrate(*database, MetadataMigrations(), options));

  std::unique_ptr<MetadataStore> store(new MetadataStore(path, std::move(database)));
  Result<std::string> incarnation = store->reader_.Incarnation();
  if (!incarnation.ok()) return incarnation.status();
  if (incarnation->empty()) {
    incarnation = RandomHex(4, random);
    PENSTOCK_RETURN_IF_ERROR(store->Begin());
    PENSTOCK_RETURN_IF_ERROR(
        store->cache_.Run("INSERT INTO server (id, incarnation, created_at) VALUES (1, ?, ?)",
                          *incarnation, clock.Now()));
    PENSTOCK_RETURN_IF_ERROR(store->Commit());
  }
  store->incarnation_ = *incarnation;
  return store;
}

Status MetadataStore::Begin() {
  return cache_.RunAlone("BEGIN IMMEDIATE");
}

Status MetadataStore::Commit() {
  PENSTOCK_RETURN_IF_ERROR(PENSTOCK_FAULT_STATUS("metadata.commit"));
  return cache_.RunAlone("COMMIT");
}

void MetadataStore::Rollback() {
  // Fails where SQLite has rolled back by itself already: the wish is fulfilled either way.
  (void)cache_.RunAlone("ROLLBACK");
  environments_.clear();
}

// --- Pipelines

Status MetadataStore::InsertPipelineVersion(PipelineVersionRecord& record) {
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Run("INSERT INTO pipelines (name, latest_version) VALUES (?, ?) "
                 "ON CONFLICT (name) DO UPDATE SET latest_version = excluded.latest_version, "
                 "deleted_at = 0, deleted_by = ''",
                 record.name, record.version));
  PENSTOCK_RETURN_IF_ERROR(cache_.Run(
      "INSERT INTO pipeline_versions (name, version, digest, definition, source, description, "
      "step_count, principal, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      record.name, record.version, record.digest, record.definition, record.source,
      record.description, record.step_count, record.principal, record.created_at));
  record.id = database_->last_insert_rowid();
  return InsertNamedArtifacts(record);
}

Status MetadataStore::DeletePipeline(const PipelineName& name, const Principal& by, Time at) {
  return cache_.Run("UPDATE pipelines SET deleted_at = ?, deleted_by = ? WHERE name = ?", at, by,
                    name);
}

Result<int32_t> MetadataStore::LatestPipelineVersion(const PipelineName& name) {
  int32_t version = 0;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT latest_version FROM pipelines WHERE name = ? AND deleted_at = 0",
      [&](Statement& row) { version = static_cast<int32_t>(row.Int(0)); }, name));
  return version;
}

// --- Runs

Status MetadataStore::InsertRun(const RunRecord& run, const std::vector<StepRecord>& steps) {
  const StepCounts& counts = run.counts;
  PENSTOCK_RETURN_IF_ERROR(cache_.Run(
      "INSERT INTO runs (id, run_id, name, pipeline, pipeline_version, pipeline_version_id, state, "
      "message, parameters, tags, principal, created_at, started_at, ended_at, revision, "
      "max_parallel_steps, total, waiting, active, succeeded, failed, skipped, cancelled, pins, "
      "origin, no_cache, queue, priority, overrides, run_group, group_limit) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "?, ?, ?)",
      run.row, run.id, run.name, run.pipeline, run.pipeline_version, run.pipeline_version_id,
      run.state, run.message, DumpJson(run.parameters), EncodeTags(run.tags), run.principal,
      run.created_at, run.started_at, run.ended_at, run.revision, run.max_parallel_steps,
      counts.total, counts.waiting, counts.active, counts.succeeded, counts.failed, counts.skipped,
      counts.cancelled, EncodeTags(run.pins), EncodeOrigin(run.origin), EncodeNoCache(run),
      run.queue, run.priority, run.overrides.empty() ? std::string() : DumpJson(run.overrides),
      run.group, run.group_limit));
  for (const auto& [key, value] : run.tags) {
    PENSTOCK_RETURN_IF_ERROR(
        cache_.Run("INSERT INTO run_tags (key, value, run) VALUES (?, ?, ?)", key, value, run.row));
  }
  for (const StepRecord& step : steps) PENSTOCK_RETURN_IF_ERROR(InsertStep(run.row, step));
  return Status::Ok();
}

Status MetadataStore::InsertStep(int64_t run_row, const StepRecord& step) {
  return cache_.Run(
      "INSERT INTO steps (run, idx, name, type, algorithm, depends_on, state, attempt, worker, "
      "cause, message, branch, model_version, failures, infra_failures, retry_at, ready_at, "
      "started_at, ended_at, result, parent, item, expansion, cache) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      run_row, step.index, step.name, step.type, step.algorithm, DumpJson(Json(step.depends_on)),
      step.state, step.attempt, step.worker, step.cause, step.message, step.branch,
      step.model_version, step.failures, step.infra_failures, step.retry_at, step.ready_at,
      step.started_at, step.ended_at, EncodeStepResult(step.result), step.parent, step.item,
      OrNothing(step.expansion), OrNothing(step.cache));
}

Status MetadataStore::SetStepNotes(int64_t run_row, const StepRecord& step) {
  const std::string checkpoint =
      step.checkpoint ? DumpJson(EncodeArtifactRef(*step.checkpoint)) : std::string();
  return cache_.Run(
      "UPDATE steps SET expansion = ?, cache = ?, preemptions = ?, checkpoint = ? "
      "WHERE run = ? AND idx = ?",
      OrNothing(step.expansion), OrNothing(step.cache), step.preemptions, checkpoint, run_row,
      step.index);
}

Status MetadataStore::InsertCached(const std::string& key, const PipelineName& pipeline,
                                   const StepName& step, int64_t run_row, StepIndex index,
                                   Time now) {
  return cache_.Run(
      "INSERT INTO step_cache (key, pipeline, step, run, idx, created_at) VALUES (?, ?, ?, ?, ?, "
      "?) "
      "ON CONFLICT (key, pipeline) DO UPDATE SET step = excluded.step, run = excluded.run, "
      "idx = excluded.idx, created_at = excluded.created_at",
      key, pipeline, step, run_row, index, now);
}

Result<int64_t> MetadataStore::LastRunRow() {
  int64_t row = 0;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query("SELECT seq FROM sqlite_sequence WHERE name = 'runs'",
                                        [&](Statement& found) { row = found.Int(0); }));
  return row;
}

Status MetadataStore::UpdateRun(const RunRecord& run) {
  const StepCounts& counts = run.counts;
  PENSTOCK_RETURN_IF_ERROR(cache_.Run(
      "UPDATE runs SET state = ?, message = ?, started_at = ?, ended_at = ?, "
      "revision = ?, total = ?, waiting = ?, active = ?, succeeded = ?, failed = ?, skipped = ?, "
      "cancelled = ? WHERE id = ? AND revision < ? AND ended_at = 0",
      run.state, run.message, run.started_at, run.ended_at, run.revision, counts.total,
      counts.waiting, counts.active, counts.succeeded, counts.failed, counts.skipped,
      counts.cancelled, run.row, run.revision));
  if (cache_.changes() != 1) return GuardFailed("run " + run.id.value());
  return Status::Ok();
}

Status MetadataStore::RecordCancel(int64_t run_row, const Principal& by, const std::string& comment,
                                   bool now) {
  return cache_.Run(
      "UPDATE runs SET cancelled_by = ?, cancel_comment = ?, cancel_now = ? WHERE id = ?", by,
      comment, now, run_row);
}

Status MetadataStore::UpdateStep(int64_t run_row, const StepRecord& step, bool with_result) {
  // 6 is the first terminal state (StepState::kSucceeded).
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Run("UPDATE steps SET state = ?, attempt = ?, worker = ?, cause = ?, message = ?, "
                 "branch = ?, model_version = ?, failures = ?, infra_failures = ?, retry_at = ?, "
                 "ready_at = ?, started_at = ?, ended_at = ? "
                 "WHERE run = ? AND idx = ? AND state < 6",
                 step.state, step.attempt, step.worker, step.cause, step.message, step.branch,
                 step.model_version, step.failures, step.infra_failures, step.retry_at,
                 step.ready_at, step.started_at, step.ended_at, run_row, step.index));
  if (cache_.changes() != 1) return GuardFailed("step " + step.name);
  if (!with_result) return Status::Ok();
  const std::string result = EncodeStepResult(step.result);
  if (result.empty()) return Status::Ok();
  return cache_.Run("UPDATE steps SET result = ? WHERE run = ? AND idx = ?", result, run_row,
                    step.index);
}

Status MetadataStore::InsertAttempt(int64_t run_row, const AttemptRecord& attempt) {
  return cache_.Run(
      "INSERT INTO attempts (run, idx, number, rank, token, state, worker, address, leased_at) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      run_row, attempt.step, attempt.number, attempt.rank, attempt.token, AttemptState::kLeased,
      attempt.worker, attempt.address, attempt.leased_at);
}

Status MetadataStore::UpdateAttempt(int64_t run_row, const AttemptRecord& attempt) {
  PENSTOCK_ASSIGN_OR_RETURN(const int64_t environment,
                            InternEnvironment(run_row, attempt.environment));
  // 3 is the first terminal state (AttemptState::kSucceeded).
  PENSTOCK_RETURN_IF_ERROR(cache_.Run(
      "UPDATE attempts SET state = ?, worker = ?, cause = ?, message = ?, "
      "started_at = ?, ended_at = ?, exit_code = ?, peak_memory = ?, cpu_micros = ?, "
      "result = ?, environment = ? "
      "WHERE run = ? AND idx = ? AND number = ? AND rank = ? AND token = ? AND state < 3",
      attempt.state, attempt.worker, attempt.cause, attempt.message, attempt.started_at,
      attempt.ended_at, attempt.exit_code, attempt.peak_memory,
      static_cast<int64_t>(attempt.cpu_seconds * 1e6), EncodeStepResult(attempt.result),
      environment, run_row, attempt.step, attempt.number, attempt.rank, attempt.token));
  if (cache_.changes() != 1) return GuardFailed("attempt " + attempt.token.value().substr(0, 8));
  return Status::Ok();
}

Result<AttemptRecord> MetadataStore::GetAttempt(const RunId& run, StepIndex step, int32_t number,
                                                const AttemptToken& token) {
  PENSTOCK_RETURN_IF_ERROR(PENSTOCK_FAULT_STATUS("metadata.get_attempt"));
  AttemptRecord attempt;
  bool found = false;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT a.state, a.worker FROM attempts a JOIN runs r ON r.id = a.run "
      "WHERE r.run_id = ? AND a.idx = ? AND a.number = ? AND a.token = ?",
      [&](Statement& row) {
        found = true;
        attempt.step = step;
        attempt.number = number;
        attempt.token = token;
        attempt.state = static_cast<AttemptState>(row.Int(0));
        attempt.worker = WorkerId(std::string(row.Text(1)));
      },
      run, step, number, token));
  if (!found) return NotFound("no such attempt");
  return attempt;
}

// --- Idempotency

Result<std::optional<MetadataStore::Idempotent>> MetadataStore::FindIdempotent(
    const Principal& principal, const std::string& key) {
  std::optional<Idempotent> entry;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT request, run_id FROM idempotency WHERE principal = ? AND key = ?",
      [&](Statement& row) {
        entry = Idempotent{Digest(std::string(row.Text(0))), RunId(std::string(row.Text(1)))};
      },
      principal, key));
  return entry;
}

Status MetadataStore::InsertIdempotent(const Principal& principal, const std::string& key,
                                       const Idempotent& entry, Time now) {
  return cache_.Run(
      "INSERT INTO idempotency (principal, key, request, run_id, created_at) "
      "VALUES (?, ?, ?, ?, ?)",
      principal, key, entry.request, entry.run, now);
}

Status MetadataStore::ExpireIdempotent(Time before) {
  return cache_.Run("DELETE FROM idempotency WHERE created_at < ?", before);
}

// --- Artifacts

Result<bool> MetadataStore::InsertArtifact(const ArtifactRecord& artifact) {
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Run("INSERT INTO artifacts (digest, type, tree, size, file_count, principal, "
                 "created_at, run_id, step, output) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                 "ON CONFLICT (digest) DO NOTHING",
                 artifact.ref.digest, Name(artifact.ref.type), artifact.ref.tree, artifact.ref.size,
                 artifact.file_count, artifact.principal, artifact.created_at, artifact.run,
                 artifact.step, artifact.output));
  return cache_.changes() == 1;
}

Status MetadataStore::SetArtifactOrigin(const Digest& digest, const RunId& run,
                                        const std::string& step, const std::string& output) {
  return cache_.Run(
      "UPDATE artifacts SET run_id = ?, step = ?, output = ? WHERE digest = ? AND run_id = ''", run,
      step, output, digest);
}

Status MetadataStore::InsertRunArtifact(int64_t run_row, const Digest& digest) {
  return cache_.Run("INSERT INTO run_artifacts (run, digest) VALUES (?, ?) ON CONFLICT DO NOTHING",
                    run_row, digest);
}

Status MetadataStore::InsertHold(const std::string& holder, const Digest& digest, Time expires_at) {
  return cache_.Run(
      "INSERT INTO holds (holder, digest, expires_at) VALUES (?, ?, ?) "
      // Never shorter: the clock may have been set back since.
      "ON CONFLICT (holder, digest) DO UPDATE SET expires_at = max(expires_at, "
      "excluded.expires_at)",
      holder, digest, expires_at);
}

Status MetadataStore::DeleteHolds(const std::string& holder) {
  return cache_.Run("DELETE FROM holds WHERE holder = ?", holder);
}

Status MetadataStore::ExpireHolds(Time now) {
  return cache_.Run("DELETE FROM holds WHERE expires_at > 0 AND expires_at < ?", now);
}

// --- Models

Result<MetadataStore::InsertedModel> MetadataStore::InsertModelVersion(ModelVersionRecord record) {
  if (!record.run.empty()) {
    std::string group;
    int32_t version = 0;
    PENSTOCK_RETURN_IF_ERROR(cache_.Query(
        "SELECT model_group, version FROM model_versions WHERE run_id = ? AND step = ? "
        "AND run_id <> ''",
        [&](Statement& row) {
          group = std::string(row.Text(0));
          version = static_cast<int32_t>(row.Int(1));
        },
        record.run, record.step));
    if (version > 0) {
      PENSTOCK_ASSIGN_OR_RETURN(ModelVersionRecord known,
                                reader_.GetModelVersion(GroupName(group), version));
      return InsertedModel{std::move(known), false};
    }
  }
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Run("INSERT INTO model_groups (name, principal, created_at) VALUES (?, ?, ?) "
                 "ON CONFLICT (name) DO NOTHING",
                 record.group, record.principal, record.created_at));
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "UPDATE model_groups SET latest_version = latest_version + 1 WHERE name = ? "
      "RETURNING latest_version",
      [&](Statement& row) { record.version = static_cast<int32_t>(row.Int(0)); }, record.group));
  PENSTOCK_RETURN_IF_ERROR(cache_.Run(
      "INSERT INTO model_versions (model_group, version, status, model, report, metrics, run_id, "
      "step, pipeline, pipeline_version, description, principal, created_at) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      record.group, record.version, record.status, DumpJson(EncodeArtifactRef(record.model)),
      record.report ? DumpJson(EncodeArtifactRef(*record.report)) : std::string(),
      DumpJson(EncodeMetrics(record.metrics)), record.run, record.step, record.pipeline,
      record.pipeline_version, record.description, record.principal, record.created_at));
  return InsertedModel{std::move(record), true};
}

Status MetadataStore::DecideModelVersion(const ModelVersionRecord& record) {
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Run("UPDATE model_versions SET status = ?, decided_by = ?, decided_at = ?, "
                 "comment = ? WHERE model_group = ? AND version = ?",
                 record.status, record.decided_by, record.decided_at, record.comment, record.group,
                 record.version));
  if (cache_.changes() != 1) return GuardFailed("model " + record.group.value());
  return Status::Ok();
}

Status MetadataStore::SetModelAlias(const ModelAliasRecord& alias) {
  return cache_.Run(
      "INSERT INTO model_aliases (model_group, alias, version, principal, moved_at, run_id, step) "
      "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (model_group, alias) DO UPDATE SET "
      "version = excluded.version, principal = excluded.principal, "
      "moved_at = excluded.moved_at, run_id = excluded.run_id, step = excluded.step",
      alias.group, alias.alias, alias.version, alias.principal, alias.moved_at, alias.run,
      alias.step);
}

// --- Tokens and workers

Status MetadataStore::InsertToken(const TokenRecord& token) {
  int live = 0;
  int same = 0;  // the request that made it comes again
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT hash = ? FROM tokens WHERE (name = ? AND revoked_at = 0) OR hash = ?",
      [&](Statement& row) { ++(row.Int(0) != 0 ? same : live); }, token.hash, token.name,
      token.hash));
  if (live > 0) {
    return AlreadyExists("there is a token named \"" + token.name +
                         "\" already; revoke it first, or choose another name");
  }
  if (same > 0) return AlreadyExists("this token was created before");
  return cache_.Run(
      "INSERT INTO tokens (name, role, hash, created_by, created_at) VALUES (?, ?, ?, ?, ?)",
      token.name, token.role, token.hash, token.created_by, token.created_at);
}

Status MetadataStore::RevokeToken(const std::string& name, const Principal& by, Time at) {
  PENSTOCK_RETURN_IF_ERROR(cache_.Run(
      "UPDATE tokens SET revoked_at = ?, revoked_by = ? WHERE name = ? AND revoked_at = 0", at, by,
      name));
  if (cache_.changes() == 0) {
    return NotFound("there is no live token named \"" + name +
                    "\"; `penstock admin token list` shows those there are");
  }
  return Status::Ok();
}

Status MetadataStore::UpsertWorker(const WorkerInfo& worker, Time opened_at) {
  return cache_.Run(
      "INSERT INTO workers (worker_id, boot_id, info, opened_at) VALUES (?, ?, ?, ?) "
      "ON CONFLICT (worker_id) DO UPDATE SET boot_id = excluded.boot_id, info = excluded.info, "
      "opened_at = excluded.opened_at, closed_at = 0",
      worker.id, worker.boot_id, EncodeWorkerInfo(worker), opened_at);
}

Status MetadataStore::CloseWorker(const WorkerId& worker, Time closed_at) {
  return cache_.Run("UPDATE workers SET closed_at = ? WHERE worker_id = ?", closed_at, worker);
}

Status MetadataStore::SetWorkerOrders(const WorkerId& worker, const WorkerOrders& orders) {
  return cache_.Run("UPDATE workers SET orders = ? WHERE worker_id = ?", EncodeWorkerOrders(orders),
                    worker);
}

Result<std::string> MetadataStore::WorkerBootId(const WorkerId& worker) {
  std::string boot_id;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT boot_id FROM workers WHERE worker_id = ?",
      [&](Statement& row) { boot_id = std::string(row.Text(0)); }, worker));
  return boot_id;
}

Status MetadataStore::ProbeWrite(Time now) {
  return cache_.Run("UPDATE server SET probed_at = ? WHERE id = 1", now);
}

}  // namespace penstock

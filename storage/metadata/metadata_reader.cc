#include "storage/metadata/metadata_reader.h"

#include <algorithm>
#include <utility>

#include "base/fault_point.h"
#include "base/text.h"
#include "storage/metadata/encoding.h"
#include "storage/metadata/row.h"

namespace penstock {
namespace {

// The columns of a pipeline version, in the order of kVersionColumns' SELECTs below.
PipelineVersionRecord ReadVersion(Statement& row) {
  PipelineVersionRecord record;
  record.id = row.Int(0);
  record.name = PipelineName(Text(row, 1));
  record.version = Int32(row, 2);
  record.digest = Digest(Text(row, 3));
  record.definition = Text(row, 4);
  record.source = Text(row, 5);
  record.description = Text(row, 6);
  record.step_count = Int32(row, 7);
  record.principal = Principal(Text(row, 8));
  record.created_at = TimeAt(row, 9);
  return record;
}

StepRecord ReadStep(Statement& row) {
  StepRecord step;
  step.index = Int32(row, 0);
  step.name = Text(row, 1);
  step.type = Text(row, 2);
  step.algorithm = Text(row, 3);
  for (const Json& index : JsonAt(row, 4)) step.depends_on.push_back(index.get<StepIndex>());
  step.state = static_cast<StepState>(row.Int(5));
  step.attempt = Int32(row, 6);
  step.worker = Text(row, 7);
  step.cause = static_cast<Cause>(row.Int(8));
  step.message = Text(row, 9);
  step.branch = Text(row, 10);
  step.model_version = Text(row, 11);
  step.failures = Int32(row, 12);
  step.infra_failures = Int32(row, 13);
  step.retry_at = TimeAt(row, 14);
  step.ready_at = TimeAt(row, 15);
  step.started_at = TimeAt(row, 16);
  step.ended_at = TimeAt(row, 17);
  step.result = DecodeStepResult(Text(row, 18));
  step.parent = Int32(row, 19);
  step.item = Int32(row, 20);
  step.expansion = JsonAt(row, 21);
  step.cache = JsonAt(row, 22);
  step.preemptions = Int32(row, 23);
  if (const Json checkpoint = JsonAt(row, 24); checkpoint.is_object()) {
    step.checkpoint = DecodeArtifactRef(checkpoint);
  }
  return step;
}

CachedStep ReadCached(Statement& row) {
  return {row.Int(0), RunId(Text(row, 1)), Int32(row, 2), TimeAt(row, 3)};
}

AttemptRecord ReadAttempt(Statement& row) {
  AttemptRecord attempt;
  attempt.step = Int32(row, 0);
  attempt.number = Int32(row, 1);
  attempt.token = AttemptToken(Text(row, 2));
  attempt.state = static_cast<AttemptState>(row.Int(3));
  attempt.worker = WorkerId(Text(row, 4));
  attempt.cause = static_cast<Cause>(row.Int(5));
  attempt.message = Text(row, 6);
  attempt.leased_at = TimeAt(row, 7);
  attempt.started_at = TimeAt(row, 8);
  attempt.ended_at = TimeAt(row, 9);
  attempt.exit_code = Int32(row, 10);
  attempt.peak_memory = row.Int(11);
  attempt.cpu_seconds = static_cast<double>(row.Int(12)) / 1e6;
  attempt.rank = Int32(row, 13);
  attempt.address = Text(row, 14);
  attempt.result = DecodeStepResult(Text(row, 15));
  attempt.environment = Text(row, 16);
  return attempt;
}

#define PENSTOCK_ATTEMPT_COLUMNS                                                      \
  "SELECT idx, number, token, state, worker, cause, message, leased_at, started_at, " \
  "ended_at, exit_code, peak_memory, cpu_micros, rank, address, result, "              \
  "coalesce((SELECT e.json FROM environments e WHERE e.id = environment), '') FROM attempts "

}  // namespace

Result<std::unique_ptr<MetadataReader>> MetadataReader::Open(const std::string& path) {
  PENSTOCK_ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                            Database::Open(path, {.read_only = true}));
  auto reader = std::make_unique<MetadataReader>(database.get());
  reader->owned_ = std::move(database);
  return reader;
}

MetadataReader::MetadataReader(Database* database) : cache_(database) {}
MetadataReader::~MetadataReader() = default;

// --- Pipelines

#define PENSTOCK_VERSION_COLUMNS                                                      \
  "SELECT v.id, v.name, v.version, v.digest, v.definition, v.source, v.description, " \
  "v.step_count, v.principal, v.created_at FROM pipeline_versions v "
// Lists leave the texts out.
#define PENSTOCK_VERSION_COLUMNS_SHORT                                              \
  "SELECT v.id, v.name, v.version, v.digest, '', '', v.description, v.step_count, " \
  "v.principal, v.created_at FROM pipeline_versions v "

Result<PipelineVersionRecord> MetadataReader::GetPipeline(const PipelineName& name,
                                                          int32_t version) {
  std::optional<PipelineVersionRecord> found;
  const auto take = [&](Statement& row) { found = ReadVersion(row); };
  if (version > 0) {
    PENSTOCK_RETURN_IF_ERROR(cache_.Query(
        PENSTOCK_VERSION_COLUMNS "WHERE v.name = ? AND v.version = ?", take, name, version));
  } else {
    PENSTOCK_RETURN_IF_ERROR(
        cache_.Query(PENSTOCK_VERSION_COLUMNS
                     "JOIN pipelines p ON p.name = v.name AND p.latest_version = v.version "
                     "WHERE v.name = ? AND p.deleted_at = 0",
                     take, name));
  }
  if (found) return *std::move(found);
  std::string what = "there is no pipeline \"" + name.value() + "\"";
  if (version > 0)
    what = "pipeline \"" + name.value() + "\" has no version " + std::to_string(version);
  return NotFound(what + "; `penstock get pipelines` lists those there are", "PIPELINE_NOT_FOUND");
}

Result<PipelineVersionRecord> MetadataReader::GetPipelineVersion(int64_t id) {
  std::optional<PipelineVersionRecord> found;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      PENSTOCK_VERSION_COLUMNS "WHERE v.id = ?", [&](Statement& row) { found = ReadVersion(row); },
      id));
  if (!found) return NotFound("there is no pipeline version with id " + std::to_string(id));
  return *std::move(found);
}

Result<std::vector<PipelineVersionRecord>> MetadataReader::ListPipelines(const std::string& prefix,
                                                                         const PipelineName& after,
                                                                         int limit) {
  std::vector<PipelineVersionRecord> list;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      PENSTOCK_VERSION_COLUMNS_SHORT
      "JOIN pipelines p ON p.name = v.name AND p.latest_version = v.version "
      "WHERE p.deleted_at = 0 AND p.name > ? AND p.name >= ? AND (? = '' OR p.name < ?) "
      "ORDER BY p.name LIMIT ?",
      [&](Statement& row) { list.push_back(ReadVersion(row)); }, after, prefix, PrefixEnd(prefix),
      PrefixEnd(prefix), limit));
  return list;
}

Result<std::vector<PipelineVersionRecord>> MetadataReader::ListPipelineVersions(
    const PipelineName& name, int32_t before, int limit) {
  std::vector<PipelineVersionRecord> list;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      PENSTOCK_VERSION_COLUMNS_SHORT
      "WHERE v.name = ? AND v.version < ? ORDER BY v.version DESC LIMIT ?",
      [&](Statement& row) { list.push_back(ReadVersion(row)); }, name, OrNewest(before), limit));
  return list;
}

// --- Steps and attempts

#define PENSTOCK_STEP_COLUMNS                                                                 \
  "SELECT s.idx, s.name, s.type, s.algorithm, s.depends_on, s.state, s.attempt, s.worker, "   \
  "s.cause, s.message, s.branch, s.model_version, s.failures, s.infra_failures, s.retry_at, " \
  "s.ready_at, s.started_at, s.ended_at, s.result, s.parent, s.item, s.expansion, s.cache, "  \
  "s.preemptions, s.checkpoint "                                                              \
  "FROM steps s "

Result<std::vector<StepRecord>> MetadataReader::ListSteps(int64_t run_row) {
  std::vector<StepRecord> steps;
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Query(PENSTOCK_STEP_COLUMNS "WHERE s.run = ? ORDER BY s.idx",
                   [&](Statement& row) { steps.push_back(ReadStep(row)); }, run_row));
  return steps;
}

Result<std::optional<CachedStep>> MetadataReader::FindCached(const std::string& key,
                                                             const PipelineName& pipeline) {
  std::optional<CachedStep> found;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT c.run, r.run_id, c.idx, c.created_at FROM step_cache c JOIN runs r ON r.id = c.run "
      "WHERE c.key = ? AND (? = '' OR c.pipeline = ?) ORDER BY c.created_at DESC LIMIT 1",
      [&](Statement& row) { found = ReadCached(row); }, key, pipeline, pipeline));
  return found;
}

Result<std::optional<CachedStep>> MetadataReader::NewestCached(const PipelineName& pipeline,
                                                               const StepName& step) {
  std::optional<CachedStep> found;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT c.run, r.run_id, c.idx, c.created_at FROM step_cache c JOIN runs r ON r.id = c.run "
      "WHERE c.pipeline = ? AND c.step = ? ORDER BY c.created_at DESC, c.run DESC LIMIT "
      "1",
      [&](Statement& row) { found = ReadCached(row); }, pipeline, step));
  return found;
}

Result<StepRecord> MetadataReader::GetStep(int64_t run_row, StepIndex index) {
  std::optional<StepRecord> found;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      PENSTOCK_STEP_COLUMNS "WHERE s.run = ? AND s.idx = ?",
      [&](Statement& row) { found = ReadStep(row); }, run_row, index));
  if (!found) return NotFound("there is no such step");
  return *std::move(found);
}

Result<std::vector<AttemptRecord>> MetadataReader::ListAttempts(int64_t run_row, StepIndex step) {
  std::vector<AttemptRecord> attempts;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      PENSTOCK_ATTEMPT_COLUMNS "WHERE run = ? AND idx = ? ORDER BY number, rank",
      [&](Statement& row) { attempts.push_back(ReadAttempt(row)); }, run_row, step));
  return attempts;
}

Result<std::vector<AttemptRecord>> MetadataReader::ListLiveAttempts(int64_t run_row) {
  std::vector<AttemptRecord> attempts;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      PENSTOCK_ATTEMPT_COLUMNS "WHERE run = ? AND state < 3 ORDER BY idx, number, rank",
      [&](Statement& row) { attempts.push_back(ReadAttempt(row)); }, run_row));
  return attempts;
}

// --- Artifacts

Result<std::vector<TokenRecord>> MetadataReader::ListTokens() {
  std::vector<TokenRecord> tokens;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT name, role, hash, created_by, created_at, revoked_at FROM tokens ORDER BY id",
      [&](Statement& row) {
        tokens.push_back({.name = Text(row, 0),
                          .role = static_cast<Role>(row.Int(1)),
                          .hash = Digest(Text(row, 2)),
                          .created_by = Principal(Text(row, 3)),
                          .created_at = TimeAt(row, 4),
                          .revoked_at = TimeAt(row, 5)});
      }));
  return tokens;
}

Result<std::vector<WorkerView>> MetadataReader::ListWorkers(Time since) {
  std::vector<WorkerView> workers;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT info, boot_id, opened_at, closed_at FROM workers "
      "WHERE max(opened_at, closed_at) >= ? ORDER BY worker_id",
      [&](Statement& row) {
        WorkerView view;
        view.info = DecodeWorkerInfo(Text(row, 0));
        view.info.boot_id = Text(row, 1);
        view.connected_at = TimeAt(row, 2);
        view.last_seen = {std::max(row.Int(2), row.Int(3))};
        workers.push_back(std::move(view));
      },
      since));
  return workers;
}

Result<std::map<WorkerId, WorkerOrders>> MetadataReader::ListWorkerOrders() {
  std::map<WorkerId, WorkerOrders> orders;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT worker_id, orders FROM workers WHERE orders <> ''", [&](Statement& row) {
        orders[WorkerId(Text(row, 0))] = DecodeWorkerOrders(Text(row, 1));
      }));
  return orders;
}

Result<int64_t> MetadataReader::CountHolds() {
  int64_t count = 0;
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Query("SELECT count(*) FROM holds", [&](Statement& row) { count = row.Int(0); }));
  return count;
}

Result<int64_t> MetadataReader::CountAttemptHolds() {
  int64_t count = 0;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query("SELECT count(*) FROM holds WHERE expires_at = 0",
                                        [&](Statement& row) { count = row.Int(0); }));
  return count;
}

Result<int> MetadataReader::SchemaVersion() {
  int version = 0;
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Query("PRAGMA user_version", [&](Statement& row) { version = Int32(row, 0); }));
  return version;
}

Result<std::string> MetadataReader::Incarnation() {
  std::string incarnation;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query("SELECT incarnation FROM server WHERE id = 1",
                                        [&](Statement& row) { incarnation = Text(row, 0); }));
  return incarnation;
}

Result<ReaderPool::Lease> ReaderPool::Borrow() {
  {
    MutexLock lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<MetadataReader> reader = std::move(idle_.back());
      idle_.pop_back();
      return Lease(this, std::move(reader));
    }
  }
  PENSTOCK_ASSIGN_OR_RETURN(std::unique_ptr<MetadataReader> reader, MetadataReader::Open(path_));
  return Lease(this, std::move(reader));
}

void ReaderPool::Return(std::unique_ptr<MetadataReader> reader) {
  MutexLock lock(mutex_);
  idle_.push_back(std::move(reader));
}

}  // namespace penstock

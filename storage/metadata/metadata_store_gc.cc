// What retention deletes. Ends of foreign keys (steps, attempts, tags, references, cached results)
// go with a run's row by ON DELETE CASCADE.

#include <algorithm>
#include <utility>

#include "storage/metadata/metadata_store.h"

namespace penstock {
namespace {

MetadataStore::EndedRun ReadEndedRun(Statement& row) {
  return {.row = row.Int(0),
          .id = RunId(std::string(row.Text(1))),
          .steps = row.Int(2),
          .ended_at = {row.Int(3)}};
}

}  // namespace

Result<std::vector<MetadataStore::EndedRun>> MetadataStore::RunsEndedBefore(Time before,
                                                                            Time after_end,
                                                                            int64_t after_row,
                                                                            int limit) {
  std::vector<EndedRun> runs;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT id, run_id, total, ended_at FROM runs WHERE ended_at > 0 AND ended_at < ? "
      "AND (ended_at, id) > (?, ?) ORDER BY ended_at, id LIMIT ?",
      [&](Statement& row) { runs.push_back(ReadEndedRun(row)); }, before, after_end, after_row,
      limit));
  return runs;
}

Result<std::string> MetadataStore::NextPipelineName(const std::string& after) {
  std::string name;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT name FROM pipelines WHERE name > ? ORDER BY name LIMIT 1",
      [&](Statement& row) { name = std::string(row.Text(0)); }, after));
  return name;
}

Result<int64_t> MetadataStore::NewestSurplusRun(const PipelineName& pipeline, int64_t keep) {
  int64_t found = 0;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT id FROM runs WHERE pipeline = ? AND ended_at > 0 "
      "ORDER BY id DESC LIMIT 1 OFFSET ?",
      [&](Statement& row) { found = row.Int(0); }, pipeline, keep));
  return found;
}

Result<std::vector<MetadataStore::EndedRun>> MetadataStore::EndedRunsUpTo(
    const PipelineName& pipeline, int64_t last_row, int64_t after_row, int limit) {
  std::vector<EndedRun> runs;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT id, run_id, total, ended_at FROM runs WHERE pipeline = ? AND id > ? AND id <= ? "
      "AND ended_at > 0 ORDER BY id LIMIT ?",
      [&](Statement& row) { runs.push_back(ReadEndedRun(row)); }, pipeline, after_row, last_row,
      limit));
  return runs;
}

Result<bool> MetadataStore::IsRunKept(const RunId& run) {
  bool kept = false;
  // 3 is ModelStatus::kRejected.
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT EXISTS (SELECT 1 FROM model_versions WHERE run_id = ?1 AND run_id <> '' "
      "AND status <> 3) "
      "OR EXISTS (SELECT 1 FROM runs WHERE origin <> '' AND json_extract(origin, '$.run') = ?1)",
      [&](Statement& row) { kept = row.Int(0) != 0; }, run));
  return kept;
}

Status MetadataStore::DeleteEndedRun(int64_t row) {
  PENSTOCK_RETURN_IF_ERROR(cache_.Run("DELETE FROM runs WHERE id = ? AND ended_at > 0", row));
  if (cache_.changes() == 1) return DeleteEnvironments();
  return Internal("run row " + std::to_string(row) + " has not ended", "GUARD_FAILED");
}

Result<int64_t> MetadataStore::DeleteUnusedArtifacts(int64_t after_row, int limit,
                                                     Time unused_since, Time now,
                                                     SweepTotals& totals) {
  int64_t last = 0;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT coalesce(max(id), 0) FROM "
      "(SELECT id FROM artifacts WHERE id > ? ORDER BY id LIMIT ?)",
      [&](Statement& row) { last = row.Int(0); }, after_row, limit));
  if (last == 0) return 0;
  std::vector<std::pair<int64_t, int64_t>> unused;  // row, size
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT a.id, a.size FROM artifacts a WHERE a.id > ?1 AND a.id <= ?2 AND a.used_at < ?3 "
      "AND (a.run_id <> '' OR a.created_at < ?3) "
      "AND NOT EXISTS (SELECT 1 FROM run_artifacts r WHERE r.digest = a.digest) "
      "AND NOT EXISTS (SELECT 1 FROM steps s WHERE s.checkpoint <> '' "
      "AND json_extract(s.checkpoint, '$.digest') = a.digest) "
      "AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.digest = a.digest "
      "AND (h.expires_at = 0 OR h.expires_at > ?4)) "
      "AND NOT EXISTS (SELECT 1 FROM model_versions m "
      "WHERE json_extract(m.model, '$.digest') = a.digest) "
      "AND NOT EXISTS (SELECT 1 FROM model_versions m WHERE m.report <> '' "
      "AND json_extract(m.report, '$.digest') = a.digest) "
      "AND NOT EXISTS (SELECT 1 FROM pipeline_artifacts p "
      "JOIN pipeline_versions v ON v.id = p.version JOIN pipelines n ON n.name = v.name "
      "WHERE p.digest = a.digest AND (n.deleted_at = 0 OR n.deleted_at > ?3))",
      [&](Statement& row) { unused.emplace_back(row.Int(0), row.Int(1)); }, after_row, last,
      unused_since, now));
  for (const auto& [row, size] : unused) {
    PENSTOCK_RETURN_IF_ERROR(cache_.Run("DELETE FROM artifacts WHERE id = ?", row));
    ++totals.artifacts;
    totals.artifact_bytes += size;
  }
  return last;
}

Status MetadataStore::TouchArtifact(const Digest& digest, Time now) {
  return cache_.Run("UPDATE artifacts SET used_at = ? WHERE digest = ?", now, digest);
}

// The definition is canonical JSON: what it names stands in it as artifact:sha256:<64 digits>.
Status MetadataStore::InsertNamedArtifacts(const PipelineVersionRecord& version) {
  return cache_.Run(
      "INSERT OR IGNORE INTO pipeline_artifacts (version, digest) "
      "WITH RECURSIVE named (rest) AS ("
      "SELECT substr(?2, instr(?2, 'artifact:sha256:') + 16) "
      "WHERE instr(?2, 'artifact:sha256:') > 0 "
      "UNION ALL SELECT substr(rest, instr(rest, 'artifact:sha256:') + 16) "
      "FROM named WHERE instr(rest, 'artifact:sha256:') > 0) "
      "SELECT ?1, substr(rest, 1, 64) FROM named",
      version.id, version.definition);
}

}  // namespace penstock

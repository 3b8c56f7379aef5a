// After a restore, and where `penstock admin check --repair` was asked. Nothing here runs while a
// coordinator has the database.

#include <algorithm>

#include "storage/metadata/metadata_store.h"

namespace penstock {
namespace {

// "removed 3 references to artifacts that are not there"
void Say(int64_t count, const char* what, std::vector<std::string>& done) {
  if (count > 0) done.push_back(what + std::string(": ") + std::to_string(count));
}

}  // namespace

Status MetadataStore::SetIncarnation(const std::string& incarnation) {
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Run("UPDATE server SET incarnation = ? WHERE id = 1", incarnation));
  if (cache_.changes() != 1) {
    return DataLoss("the database has no row that names its incarnation", "CORRUPT");
  }
  incarnation_ = incarnation;
  return Status::Ok();
}

Status MetadataStore::DeleteArtifact(const Digest& digest) {
  PENSTOCK_RETURN_IF_ERROR(cache_.Run("DELETE FROM run_artifacts WHERE digest = ?", digest));
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Run("UPDATE steps SET checkpoint = '' WHERE checkpoint <> '' "
                 "AND json_extract(checkpoint, '$.digest') = ?",
                 digest));
  return cache_.Run("DELETE FROM artifacts WHERE digest = ?", digest);
}

Result<std::vector<std::string>> MetadataStore::Repair(Time now) {
  std::vector<std::string> done;
  PENSTOCK_RETURN_IF_ERROR(cache_.Run("REINDEX"));
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Run("DELETE FROM run_artifacts WHERE digest NOT IN (SELECT digest FROM artifacts)"));
  Say(cache_.changes(), "removed references of runs to artifacts that are not there", done);
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Run("UPDATE steps SET checkpoint = '' WHERE checkpoint <> '' AND "
                 "json_extract(checkpoint, '$.digest') NOT IN (SELECT digest FROM artifacts)"));
  Say(cache_.changes(), "removed references of steps to checkpoints that are not there", done);
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Run("DELETE FROM step_cache WHERE NOT EXISTS (SELECT 1 FROM steps s "
                 "WHERE s.run = step_cache.run AND s.idx = step_cache.idx)"));
  Say(cache_.changes(), "removed cached results without their step", done);
  // 6, 8 and 10 are StepState::kSucceeded, kCancelled and kCached; attempts below 3 are live, 6 is
  // AttemptState::kLost. 7 is StepState::kFailed, 9 kSkipped.
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Run("UPDATE steps SET state = 8, ended_at = ? WHERE state < 6 "
                 "AND run IN (SELECT id FROM runs WHERE ended_at > 0)",
                 now));
  Say(cache_.changes(), "cancelled open steps of runs that have ended", done);
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Run("UPDATE attempts SET state = 6, ended_at = ? WHERE state < 3 "
                 "AND EXISTS (SELECT 1 FROM steps s WHERE s.run = attempts.run "
                 "AND s.idx = attempts.idx AND s.state >= 6)",
                 now));
  Say(cache_.changes(), "ended attempts of steps that have ended", done);
  PENSTOCK_RETURN_IF_ERROR(cache_.Run(
      "UPDATE runs SET (total, waiting, active, succeeded, failed, skipped, cancelled) = "
      "(SELECT count(*), coalesce(sum(state IN (1, 2, 5)), 0), coalesce(sum(state IN (3, 4)), 0), "
      "coalesce(sum(state IN (6, 10)), 0), coalesce(sum(state = 7), 0), "
      "coalesce(sum(state = 9), 0), coalesce(sum(state = 8), 0) FROM steps s WHERE s.run = "
      "runs.id) "
      "WHERE (total, waiting, active, succeeded, failed, skipped, cancelled) <> "
      "(SELECT count(*), coalesce(sum(state IN (1, 2, 5)), 0), coalesce(sum(state IN (3, 4)), 0), "
      "coalesce(sum(state IN (6, 10)), 0), coalesce(sum(state = 7), 0), "
      "coalesce(sum(state = 9), 0), coalesce(sum(state = 8), 0) FROM steps s WHERE s.run = "
      "runs.id)"));
  Say(cache_.changes(), "counted the steps of runs again", done);
  return done;
}

}  // namespace penstock

// What backups and `penstock admin check` ask.

#include "storage/metadata/metadata_reader.h"

namespace penstock {
namespace {

// Enough to see what is wrong; a damaged database may hold any number.
constexpr std::size_t kMaxShown = 100;

// Keeps the first kMaxShown, each as one line of text.
auto Keep(std::vector<std::string>& lines, const char* what) {
  return [&lines, what](Statement& row) {
    if (lines.size() >= kMaxShown) return;
    std::string line(row.Text(0));
    for (int column = 1; column < row.Columns(); ++column) {
      line += " " + std::string(row.Text(column));
    }
    lines.push_back(line + (*what == '\0' ? "" : " ") + what);
  };
}

}  // namespace

Status MetadataReader::BackupTo(const std::string& path) {
  return cache_.RunAlone("VACUUM INTO ?", path);
}

Result<bool> MetadataReader::HasRun(const RunId& run) {
  bool there = false;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT 1 FROM runs WHERE run_id = ?", [&](Statement&) { there = true; }, run));
  return there;
}

Result<std::vector<std::pair<RunId, Time>>> MetadataReader::ListRunEnds(int64_t after_row,
                                                                        int limit,
                                                                        int64_t* last_row) {
  std::vector<std::pair<RunId, Time>> runs;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT id, run_id, ended_at FROM runs WHERE id > ? ORDER BY id LIMIT ?",
      [&](Statement& row) {
        *last_row = row.Int(0);
        runs.emplace_back(RunId(std::string(row.Text(1))), Time{row.Int(2)});
      },
      after_row, limit));
  return runs;
}

Result<std::vector<Digest>> MetadataReader::ListHeldDigests() {
  std::vector<Digest> digests;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query("SELECT DISTINCT digest FROM holds", [&](Statement& row) {
    digests.emplace_back(std::string(row.Text(0)));
  }));
  return digests;
}

Result<std::vector<std::string>> MetadataReader::CheckIntegrity() {
  std::vector<std::string> problems;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query("PRAGMA integrity_check", Keep(problems, "")));
  if (problems.size() == 1 && problems.front() == "ok") problems.clear();
  return problems;
}

Result<std::vector<std::string>> MetadataReader::CheckForeignKeys() {
  std::vector<std::string> problems;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query("PRAGMA foreign_key_check", [&](Statement& row) {
    if (problems.size() >= kMaxShown) return;
    problems.push_back("a row of " + std::string(row.Text(0)) + " names one of " +
                       std::string(row.Text(2)) + " that is not there");
  }));
  return problems;
}

Result<std::vector<std::string>> MetadataReader::CheckReferences() {
  std::vector<std::string> problems;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT r.run_id, 'refers to sha256:' || a.digest || ',' FROM run_artifacts a "
      "JOIN runs r ON r.id = a.run WHERE a.digest NOT IN (SELECT digest FROM artifacts) LIMIT 100",
      Keep(problems, "which has no row")));
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Query("SELECT r.run_id, s.name, 'goes on from a checkpoint' FROM steps s "
                   "JOIN runs r ON r.id = s.run WHERE s.checkpoint <> '' AND "
                   "json_extract(s.checkpoint, '$.digest') NOT IN (SELECT digest FROM artifacts) "
                   "LIMIT 100",
                   Keep(problems, "that has no row")));
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Query("SELECT 'model ' || model_group || '/' || version FROM model_versions "
                   "WHERE json_extract(model, '$.digest') NOT IN (SELECT digest FROM artifacts) "
                   "OR (report <> '' AND json_extract(report, '$.digest') NOT IN "
                   "(SELECT digest FROM artifacts)) LIMIT 100",
                   Keep(problems, "lacks its artifact; restore it from a backup")));
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT 'the cached result ' || substr(key, 1, 12) FROM step_cache c "
      "WHERE NOT EXISTS (SELECT 1 FROM steps s WHERE s.run = c.run AND s.idx = c.idx) LIMIT 100",
      Keep(problems, "names a step that is not there")));
  return problems;
}

// Numbers of states: storage/model/states.h.
Result<std::vector<std::string>> MetadataReader::CheckStates() {
  std::vector<std::string> problems;
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Query("SELECT r.run_id FROM runs r WHERE (r.state >= 4) <> (r.ended_at > 0) LIMIT 100",
                   Keep(problems, "has a state that does not agree with its end")));
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Query("SELECT r.run_id, s.name FROM runs r JOIN steps s ON s.run = r.id "
                   "WHERE r.ended_at > 0 AND s.state < 6 LIMIT 100",
                   Keep(problems, "is open although the run has ended")));
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Query("SELECT r.run_id FROM runs r WHERE r.ended_at = 0 AND NOT EXISTS "
                   "(SELECT 1 FROM steps s WHERE s.run = r.id AND s.state < 6) LIMIT 100",
                   Keep(problems, "has not ended although all its steps have")));
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Query("SELECT r.run_id, s.name FROM attempts a JOIN runs r ON r.id = a.run "
                   "JOIN steps s ON s.run = a.run AND s.idx = a.idx "
                   "WHERE a.state < 3 AND s.state >= 6 LIMIT 100",
                   Keep(problems, "has an attempt that is live although the step has ended")));
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Query("SELECT r.run_id, s.name FROM attempts a JOIN runs r ON r.id = a.run "
                   "JOIN steps s ON s.run = a.run AND s.idx = a.idx "
                   "WHERE a.state = 3 AND a.rank = 0 AND NOT EXISTS (SELECT 1 FROM attempts b "
                   "WHERE b.run = a.run AND b.idx = a.idx AND b.number = a.number "
                   "AND b.state <> 3) GROUP BY a.run, a.idx HAVING count(*) > 1 LIMIT 100",
                   Keep(problems, "has more than one attempt that succeeded")));
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT r.run_id FROM runs r "
      "WHERE (total, waiting, active, succeeded, failed, skipped, cancelled) <> "
      "(SELECT count(*), coalesce(sum(state IN (1, 2, 5)), 0), coalesce(sum(state IN (3, 4)), 0), "
      "coalesce(sum(state IN (6, 10)), 0), coalesce(sum(state = 7), 0), "
      "coalesce(sum(state = 9), 0), coalesce(sum(state = 8), 0) FROM steps s WHERE s.run = r.id) "
      "LIMIT 100",
      Keep(problems, "has counts that its steps do not have")));
  return problems;
}

}  // namespace penstock

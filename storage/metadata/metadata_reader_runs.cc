// What a reader finds of runs. A list reads as many rows as it shows and a few more, however many
// there are: each filter has an index whose rows come in the order of the list.

#include <algorithm>
#include <set>
#include <utility>

#include "storage/metadata/encoding.h"
#include "storage/metadata/metadata_reader.h"
#include "storage/metadata/row.h"

namespace penstock {
namespace {

RunRecord ReadRun(Statement& row) {
  RunRecord run;
  run.row = row.Int(0);
  run.id = RunId(Text(row, 1));
  run.name = Text(row, 2);
  run.pipeline = PipelineName(Text(row, 3));
  run.pipeline_version = Int32(row, 4);
  run.pipeline_version_id = row.Int(5);
  run.state = static_cast<RunState>(row.Int(6));
  run.message = Text(row, 7);
  if (Result<Json> json = ParseJson(row.Text(8), {.max_bytes = 64 << 20, .max_depth = 64});
      json.ok()) {
    run.parameters = *std::move(json);
  }
  run.tags = DecodeTags(Text(row, 9));
  run.principal = Principal(Text(row, 10));
  run.created_at = TimeAt(row, 11);
  run.started_at = TimeAt(row, 12);
  run.ended_at = TimeAt(row, 13);
  run.revision = row.Int(14);
  run.max_parallel_steps = Int32(row, 15);
  run.counts = {.total = Int32(row, 16),
                .waiting = Int32(row, 17),
                .active = Int32(row, 18),
                .succeeded = Int32(row, 19),
                .failed = Int32(row, 20),
                .skipped = Int32(row, 21),
                .cancelled = Int32(row, 22)};
  run.pins = DecodeTags(Text(row, 23));
  run.cancel_now = row.Int(24) != 0;
  run.origin = DecodeOrigin(Text(row, 25));
  DecodeNoCache(Text(row, 26), run);
  run.queue = Text(row, 27);
  run.priority = Int32(row, 28);
  if (Json overrides = JsonAt(row, 29); overrides.is_object()) run.overrides = std::move(overrides);
  run.group = Text(row, 30);
  run.group_limit = Int32(row, 31);
  return run;
}

// One list of columns for every question about runs; string literals join at compile time.
#define PENSTOCK_RUN_COLUMNS                                                                  \
  "SELECT r.id, r.run_id, r.name, r.pipeline, r.pipeline_version, r.pipeline_version_id, "    \
  "r.state, "                                                                                 \
  "r.message, r.parameters, r.tags, r.principal, r.created_at, r.started_at, r.ended_at, "    \
  "r.revision, r.max_parallel_steps, r.total, r.waiting, r.active, r.succeeded, r.failed, "   \
  "r.skipped, r.cancelled, r.pins, r.cancel_now, r.origin, r.no_cache, r.queue, r.priority, " \
  "r.overrides, r.run_group, r.group_limit FROM runs r "

// The rows that a list may show: above `low`, below `high`.
struct RowRange {
  int64_t low = 0;
  int64_t high = INT64_MAX;
};

// Rows are numbered as runs are made, so that a span of time is a span of rows. Where the clock was
// set back the two differ: what was made within 1,000 runs of that is found all the same.
Result<RowRange> RowsOf(StatementCache& cache, const RunFilter& filter, int64_t before_row) {
  RowRange range{.low = 0, .high = OrNewest(before_row)};
  if (filter.created_after.set()) {
    PENSTOCK_RETURN_IF_ERROR(cache.Query(
        "SELECT coalesce(min(id), 9223372036854775807) - 1 FROM (SELECT id FROM runs "
        "WHERE created_at > ? ORDER BY created_at, id LIMIT 1000)",
        [&](Statement& row) { range.low = row.Int(0); }, filter.created_after));
  }
  if (filter.created_before.set()) {
    PENSTOCK_RETURN_IF_ERROR(cache.Query(
        "SELECT coalesce(max(id), 0) + 1 FROM (SELECT id FROM runs "
        "WHERE created_at < ? ORDER BY created_at DESC, id DESC LIMIT 1000)",
        [&](Statement& row) { range.high = std::min(range.high, row.Int(0)); },
        filter.created_before));
  }
  return range;
}

// Which index leads to the rows of a list; the other filters are checked row by row.
struct Leader {
  enum class Kind { kNone, kPipeline, kState, kPipelineAndState, kTag };
  Kind kind = Kind::kNone;
  std::string key;  // kTag
  std::string value;
};

// The one that leads to the fewest rows. They are counted up to what is read in no time; of those
// that have more, the first will do.
Result<Leader> LeaderOf(StatementCache& cache, const RunFilter& filter,
                        const std::set<RunState>& states, const RowRange& range) {
  Leader leader;
  int64_t count = 0;
  const auto take = [&](Statement& row) { count += row.Int(0); };
  if (!filter.pipeline.empty()) {
    leader.kind = states.empty() ? Leader::Kind::kPipeline : Leader::Kind::kPipelineAndState;
  } else if (!states.empty()) {
    leader.kind = Leader::Kind::kState;
  }
  // Nothing to choose from.
  if (filter.tags.empty()) return leader;
  if (leader.kind == Leader::Kind::kPipeline) {
    PENSTOCK_RETURN_IF_ERROR(
        cache.Query("SELECT count(*) FROM (SELECT 1 FROM runs INDEXED BY runs_by_pipeline "
                    "WHERE pipeline = ? AND id > ? AND id < ? LIMIT 2000)",
                    take, filter.pipeline, range.low, range.high));
  }
  for (const RunState state : states) {
    if (leader.kind == Leader::Kind::kPipelineAndState) {
      PENSTOCK_RETURN_IF_ERROR(cache.Query(
          "SELECT count(*) FROM (SELECT 1 FROM runs INDEXED BY runs_by_pipeline_and_state "
          "WHERE pipeline = ? AND state = ? AND id > ? AND id < ? LIMIT 2000)",
          take, filter.pipeline, state, range.low, range.high));
    } else {
      PENSTOCK_RETURN_IF_ERROR(
          cache.Query("SELECT count(*) FROM (SELECT 1 FROM runs INDEXED BY runs_by_state "
                      "WHERE state = ? AND id > ? AND id < ? LIMIT 2000)",
                      take, state, range.low, range.high));
    }
  }
  int64_t fewest = leader.kind == Leader::Kind::kNone ? INT64_MAX : count;
  for (const auto& [key, value] : filter.tags) {
    count = 0;
    PENSTOCK_RETURN_IF_ERROR(
        cache.Query("SELECT count(*) FROM (SELECT 1 FROM run_tags "
                    "WHERE key = ? AND value = ? AND run > ? AND run < ? LIMIT 2000)",
                    take, key, value, range.low, range.high));
    if (count >= fewest) continue;
    fewest = count;
    leader = {.kind = Leader::Kind::kTag, .key = key, .value = value};
  }
  return leader;
}

// What is checked of each row, whatever leads to it.
#define PENSTOCK_RUN_CHECKS                                                               \
  "AND r.created_at > ? AND r.created_at < ? AND (? = '' OR r.pipeline = ?) "             \
  "AND (? = 0 OR (? >> r.state) & 1) "                                                    \
  "AND (? = '{}' OR NOT EXISTS (SELECT 1 FROM json_each(?) j WHERE NOT EXISTS (SELECT 1 " \
  "FROM run_tags u WHERE u.key = j.key AND u.value = j.value AND u.run = r.id))) "

}  // namespace

Result<RunRecord> MetadataReader::FindRun(const std::string& id_or_prefix) {
  std::vector<RunRecord> found;
  const auto take = [&](Statement& row) { found.push_back(ReadRun(row)); };
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Query(PENSTOCK_RUN_COLUMNS "WHERE r.run_id = ?", take, id_or_prefix));
  if (found.empty() && id_or_prefix.starts_with("run-") && id_or_prefix.size() >= 12) {
    PENSTOCK_RETURN_IF_ERROR(cache_.Query(PENSTOCK_RUN_COLUMNS
                                          "WHERE r.run_id >= ? AND r.run_id < ? LIMIT 2",
                                          take, id_or_prefix, PrefixEnd(id_or_prefix)));
    if (found.size() > 1) {
      return InvalidArgument(
          "several runs begin with \"" + id_or_prefix + "\"; give more characters",
          "AMBIGUOUS_RUN");
    }
  }
  if (found.empty()) {
    return NotFound(
        "there is no run \"" + id_or_prefix + "\"; `penstock get runs` lists the newest ones",
        "RUN_NOT_FOUND");
  }
  return std::move(found.front());
}

Result<std::vector<RunRecord>> MetadataReader::ListRuns(const RunFilter& filter, int64_t before_row,
                                                        int limit) {
  std::vector<RunRecord> list;
  const std::set<RunState> states(filter.states.begin(), filter.states.end());
  PENSTOCK_ASSIGN_OR_RETURN(const RowRange range, RowsOf(cache_, filter, before_row));
  PENSTOCK_ASSIGN_OR_RETURN(const Leader leader, LeaderOf(cache_, filter, states, range));
  // States as a bit mask: one statement for any set of them.
  int64_t mask = 0;
  for (const RunState state : states) mask |= int64_t{1} << static_cast<int>(state);
  const int64_t before_time =
      filter.created_before.set() ? filter.created_before.micros : INT64_MAX;
  const std::string tags = EncodeTags(filter.tags);
  const auto query = [&](const auto& sql, const auto&... leads) {
    return cache_.Query(
        sql, [&](Statement& row) { list.push_back(ReadRun(row)); }, leads..., range.low, range.high,
        filter.created_after, before_time, filter.pipeline, filter.pipeline, mask, mask, tags, tags,
        limit);
  };
  switch (leader.kind) {
    case Leader::Kind::kNone:
      PENSTOCK_RETURN_IF_ERROR(query(PENSTOCK_RUN_COLUMNS
                                     "NOT INDEXED WHERE r.id > ? AND r.id < ? " PENSTOCK_RUN_CHECKS
                                     "ORDER BY r.id DESC LIMIT ?"));
      return list;
    case Leader::Kind::kPipeline:
      PENSTOCK_RETURN_IF_ERROR(
          query(PENSTOCK_RUN_COLUMNS
                "INDEXED BY runs_by_pipeline WHERE r.pipeline = ? AND r.id > ? "
                "AND r.id < ? " PENSTOCK_RUN_CHECKS "ORDER BY r.id DESC LIMIT ?",
                filter.pipeline));
      return list;
    case Leader::Kind::kTag:
      PENSTOCK_RETURN_IF_ERROR(
          query(PENSTOCK_RUN_COLUMNS
                "JOIN run_tags t ON t.run = r.id WHERE t.key = ? AND t.value = ? AND t.run > ? "
                "AND t.run < ? " PENSTOCK_RUN_CHECKS "ORDER BY t.run DESC LIMIT ?",
                leader.key, leader.value));
      return list;
    case Leader::Kind::kState:
    case Leader::Kind::kPipelineAndState:
      break;
  }
  // Each state's newest page, merged: a state with few rows never passes over those with many.
  for (const RunState state : states) {
    if (leader.kind == Leader::Kind::kState) {
      PENSTOCK_RETURN_IF_ERROR(query(PENSTOCK_RUN_COLUMNS
                                     "INDEXED BY runs_by_state WHERE r.state = ? AND r.id > ? "
                                     "AND r.id < ? " PENSTOCK_RUN_CHECKS
                                     "ORDER BY r.id DESC LIMIT ?",
                                     state));
    } else {
      PENSTOCK_RETURN_IF_ERROR(query(PENSTOCK_RUN_COLUMNS
                                     "INDEXED BY runs_by_pipeline_and_state WHERE r.pipeline = ? "
                                     "AND r.state = ? AND r.id > ? "
                                     "AND r.id < ? " PENSTOCK_RUN_CHECKS
                                     "ORDER BY r.id DESC LIMIT ?",
                                     filter.pipeline, state));
    }
  }
  std::sort(list.begin(), list.end(),
            [](const RunRecord& a, const RunRecord& b) { return a.row > b.row; });
  if (list.size() > static_cast<std::size_t>(limit)) list.resize(static_cast<std::size_t>(limit));
  return list;
}

Result<std::vector<RunRecord>> MetadataReader::ListLiveRuns() {
  std::vector<RunRecord> list;
  for (const RunState state : {RunState::kPending, RunState::kRunning, RunState::kCancelling}) {
    PENSTOCK_RETURN_IF_ERROR(cache_.Query(
        PENSTOCK_RUN_COLUMNS "WHERE r.state = ? ORDER BY r.id",
        [&](Statement& row) { list.push_back(ReadRun(row)); }, state));
  }
  std::sort(list.begin(), list.end(),
            [](const RunRecord& a, const RunRecord& b) { return a.row < b.row; });
  return list;
}

Result<std::vector<RunGroup>> MetadataReader::ListRunGroups(const std::string& name,
                                                            int64_t before_row, int limit) {
  std::vector<RunGroup> groups;
  // From one name to the next, whatever is between them.
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "WITH RECURSIVE names (name) AS ("
      "SELECT (SELECT run_group FROM runs WHERE run_group <> '' AND (?1 = '' OR run_group = ?1) "
      "ORDER BY run_group LIMIT 1) "
      "UNION ALL SELECT (SELECT run_group FROM runs WHERE run_group > names.name AND run_group <> '' AND ?1 = '' "
      "ORDER BY run_group LIMIT 1) FROM names WHERE names.name IS NOT NULL), "
      "firsts (name, first) AS (SELECT name, (SELECT id FROM runs WHERE run_group = names.name "
      "AND run_group <> '' ORDER BY id LIMIT 1) FROM names WHERE name IS NOT NULL) "
      "SELECT f.name, f.first, r.pipeline, r.created_at FROM firsts f JOIN runs r ON r.id = "
      "f.first "
      "WHERE f.first < ?2 ORDER BY f.first DESC LIMIT ?3",
      [&](Statement& row) {
        RunGroup& group = groups.emplace_back();
        group.name = Text(row, 0);
        group.first_row = row.Int(1);
        group.pipeline = PipelineName(Text(row, 2));
        group.created_at = TimeAt(row, 3);
      },
      name, OrNewest(before_row), limit));
  for (RunGroup& group : groups) {
    for (int state = 1; state <= static_cast<int>(RunState::kCancelled); ++state) {
      group.runs[static_cast<RunState>(state)] = 0;
    }
    PENSTOCK_RETURN_IF_ERROR(cache_.Query(
        "SELECT state, group_limit FROM runs WHERE run_group = ? AND run_group <> ''",
        [&](Statement& row) {
          ++group.runs[static_cast<RunState>(row.Int(0))];
          group.limit = std::max(group.limit, Int32(row, 1));
        },
        group.name));
  }
  return groups;
}

}  // namespace penstock

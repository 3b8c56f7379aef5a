// Runs that were started together.

#include "storage/metadata/metadata_reader.h"

namespace penstock {

Result<std::vector<RunGroup>> MetadataReader::ListRunGroups(const std::string& name,
                                                            int64_t before_row, int limit) {
  std::vector<RunGroup> groups;
  const int64_t before = before_row > 0 ? before_row : INT64_MAX;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT run_group, min(id), pipeline, max(group_limit), min(created_at), "
      "sum(state = 1), sum(state = 2), sum(state = 3), sum(state = 4), sum(state = 5), "
      "sum(state = 6) FROM runs WHERE run_group <> '' AND (?1 = '' OR run_group = ?1) "
      "GROUP BY run_group HAVING min(id) < ?2 ORDER BY min(id) DESC LIMIT ?3",
      [&](Statement& row) {
        RunGroup& group = groups.emplace_back();
        group.name = std::string(row.Text(0));
        group.first_row = row.Int(1);
        group.pipeline = PipelineName(std::string(row.Text(2)));
        group.limit = static_cast<int32_t>(row.Int(3));
        group.created_at = {row.Int(4)};
        for (int state = 1; state <= static_cast<int>(RunState::kCancelled); ++state) {
          group.runs[static_cast<RunState>(state)] = static_cast<int32_t>(row.Int(4 + state));
        }
      },
      name, before, limit));
  return groups;
}

}  // namespace penstock

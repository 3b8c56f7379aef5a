// What a reader finds of artifacts and models.

#include <algorithm>
#include <utility>

#include "base/fault_point.h"
#include "base/text.h"
#include "storage/metadata/encoding.h"
#include "storage/metadata/metadata_reader.h"
#include "storage/metadata/row.h"

namespace penstock {
namespace {

ArtifactRecord ReadArtifact(Statement& row) {
  ArtifactRecord record;
  record.ref.digest = Digest(Text(row, 1));
  record.ref.type = ParseArtifactType(row.Text(2)).value_or(ArtifactType::kFile);
  record.ref.tree = row.Int(3) != 0;
  record.ref.size = row.Int(4);
  record.file_count = Int32(row, 5);
  record.principal = Principal(Text(row, 6));
  record.created_at = TimeAt(row, 7);
  record.run = RunId(Text(row, 8));
  record.step = Text(row, 9);
  record.output = Text(row, 10);
  return record;
}

#define PENSTOCK_ARTIFACT_COLUMNS                                                            \
  "SELECT a.id, a.digest, a.type, a.tree, a.size, a.file_count, a.principal, a.created_at, " \
  "a.run_id, a.step, a.output FROM artifacts a "

ModelVersionRecord ReadModel(Statement& row) {
  ModelVersionRecord model;
  model.group = GroupName(Text(row, 1));
  model.version = Int32(row, 2);
  model.status = static_cast<ModelStatus>(row.Int(3));
  if (Result<Json> json = ParseJson(row.Text(4)); json.ok()) model.model = DecodeArtifactRef(*json);
  if (!row.Text(5).empty()) {
    if (Result<Json> json = ParseJson(row.Text(5)); json.ok()) {
      model.report = DecodeArtifactRef(*json);
    }
  }
  if (Result<Json> json = ParseJson(row.Text(6)); json.ok()) model.metrics = DecodeMetrics(*json);
  model.run = RunId(Text(row, 7));
  model.step = Text(row, 8);
  model.pipeline = PipelineName(Text(row, 9));
  model.pipeline_version = Int32(row, 10);
  model.description = Text(row, 11);
  model.principal = Principal(Text(row, 12));
  model.created_at = TimeAt(row, 13);
  model.decided_by = Principal(Text(row, 14));
  model.decided_at = TimeAt(row, 15);
  model.comment = Text(row, 16);
  if (const std::string aliases = Text(row, 17); !aliases.empty()) {
    model.aliases = Split(aliases, ',');
  }
  std::sort(model.aliases.begin(), model.aliases.end());
  return model;
}

#define PENSTOCK_MODEL_COLUMNS                                                                \
  "SELECT id, model_group, version, status, model, report, metrics, run_id, step, pipeline, " \
  "pipeline_version, description, principal, created_at, decided_by, decided_at, comment, "   \
  "(SELECT group_concat(a.alias) FROM model_aliases a "                                       \
  "WHERE a.model_group = model_versions.model_group AND a.version = model_versions.version) " \
  "FROM model_versions "

}  // namespace

Result<ArtifactRecord> MetadataReader::GetArtifact(const Digest& digest) {
  PENSTOCK_RETURN_IF_ERROR(PENSTOCK_FAULT_STATUS("metadata.get_artifact"));
  std::optional<ArtifactRecord> found;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      PENSTOCK_ARTIFACT_COLUMNS "WHERE a.digest = ?",
      [&](Statement& row) { found = ReadArtifact(row); }, digest));
  if (!found) {
    return NotFound("there is no artifact " + FormatDigest(digest) +
                        "; `penstock artifacts put PATH` uploads one",
                    "ARTIFACT_NOT_FOUND");
  }
  return *std::move(found);
}

Result<bool> MetadataReader::HasArtifact(const Digest& digest) {
  bool found = false;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT 1 FROM artifacts WHERE digest = ?", [&](Statement&) { found = true; }, digest));
  return found;
}

Result<std::vector<ArtifactRecord>> MetadataReader::ListArtifacts(const std::string& type,
                                                                  const RunId& run,
                                                                  int64_t before_row, int limit,
                                                                  std::vector<int64_t>* rows) {
  std::vector<ArtifactRecord> list;
  const auto take = [&](Statement& row) {
    list.push_back(ReadArtifact(row));
    rows->push_back(row.Int(0));
  };
  const int64_t before = OrNewest(before_row);
  if (!run.empty()) {
    PENSTOCK_RETURN_IF_ERROR(cache_.Query(
        PENSTOCK_ARTIFACT_COLUMNS
        "JOIN run_artifacts u ON u.digest = a.digest JOIN runs r ON r.id = u.run "
        "WHERE r.run_id = ? AND a.id < ? AND (? = '' OR a.type = ?) ORDER BY a.id DESC LIMIT ?",
        take, run, before, type, type, limit));
  } else if (!type.empty()) {
    PENSTOCK_RETURN_IF_ERROR(cache_.Query(
        PENSTOCK_ARTIFACT_COLUMNS "WHERE a.type = ? AND a.id < ? ORDER BY a.id DESC LIMIT ?", take,
        type, before, limit));
  } else {
    PENSTOCK_RETURN_IF_ERROR(cache_.Query(PENSTOCK_ARTIFACT_COLUMNS
                                          "WHERE a.id < ? ORDER BY a.id DESC LIMIT ?",
                                          take, before, limit));
  }
  return list;
}

// --- Models

Result<std::vector<ModelGroupRecord>> MetadataReader::ListModelGroups(const GroupName& after,
                                                                      int limit) {
  std::vector<ModelGroupRecord> list;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT g.name, g.description, g.latest_version, g.principal, g.created_at, "
      "(SELECT count(*) FROM model_versions v WHERE v.model_group = g.name), "
      "(SELECT coalesce(max(v.version), 0) FROM model_versions v "
      "WHERE v.model_group = g.name AND v.status = 2), "
      "(SELECT json_group_object(a.alias, a.version) FROM model_aliases a "
      "WHERE a.model_group = g.name) "
      "FROM model_groups g WHERE g.name > ? ORDER BY g.name LIMIT ?",
      [&](Statement& row) {
        ModelGroupRecord group;
        group.name = GroupName(Text(row, 0));
        group.description = Text(row, 1);
        group.latest_version = Int32(row, 2);
        group.principal = Principal(Text(row, 3));
        group.created_at = TimeAt(row, 4);
        group.version_count = Int32(row, 5);
        group.latest_approved_version = Int32(row, 6);
        const Json aliases = ParseJson(row.Text(7)).value_or(Json::object());
        for (const auto& [alias, version] : aliases.items()) {
          group.aliases[alias] = version.get<int32_t>();
        }
        list.push_back(std::move(group));
      },
      after, limit));
  return list;
}

Result<ModelVersionRecord> MetadataReader::GetModelVersion(const GroupName& group,
                                                           int32_t version) {
  std::optional<ModelVersionRecord> found;
  const auto take = [&](Statement& row) { found = ReadModel(row); };
  if (version > 0) {
    PENSTOCK_RETURN_IF_ERROR(cache_.Query(
        PENSTOCK_MODEL_COLUMNS "WHERE model_group = ? AND version = ?", take, group, version));
  } else {
    PENSTOCK_RETURN_IF_ERROR(cache_.Query(
        PENSTOCK_MODEL_COLUMNS "WHERE model_group = ? ORDER BY version DESC LIMIT 1", take, group));
  }
  if (found) return *std::move(found);
  std::string what = "model group \"" + group.value() + "\" has no ";
  what += version > 0 ? "version " + std::to_string(version) : "versions";
  return NotFound(what + "; `penstock get models` lists what there is", "MODEL_NOT_FOUND");
}

Result<std::optional<ModelAliasRecord>> MetadataReader::FindModelAlias(const GroupName& group,
                                                                       const std::string& alias) {
  std::optional<ModelAliasRecord> found;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT version, principal, moved_at, run_id, step FROM model_aliases "
      "WHERE model_group = ? AND alias = ?",
      [&](Statement& row) {
        found = ModelAliasRecord{group,          alias,
                                 Int32(row, 0),  Principal(Text(row, 1)),
                                 TimeAt(row, 2), RunId(Text(row, 3)),
                                 Text(row, 4)};
      },
      group, alias));
  return found;
}

Result<std::vector<ModelVersionRecord>> MetadataReader::ListModelVersions(
    const GroupName& group, const std::vector<ModelStatus>& statuses, int64_t before_row, int limit,
    std::vector<int64_t>* rows) {
  int64_t mask = 0;
  for (const ModelStatus status : statuses) mask |= int64_t{1} << static_cast<int>(status);
  std::vector<ModelVersionRecord> list;
  const auto take = [&](Statement& row) {
    list.push_back(ReadModel(row));
    rows->push_back(row.Int(0));
  };
  const int64_t before = OrNewest(before_row);
  if (!group.empty()) {
    PENSTOCK_RETURN_IF_ERROR(
        cache_.Query(PENSTOCK_MODEL_COLUMNS
                     "WHERE model_group = ? AND id < ? AND (? = 0 OR (? >> status) & 1) "
                     "ORDER BY version DESC LIMIT ?",
                     take, group, before, mask, mask, limit));
  } else {
    PENSTOCK_RETURN_IF_ERROR(
        cache_.Query(PENSTOCK_MODEL_COLUMNS
                     "WHERE id < ? AND (? = 0 OR (? >> status) & 1) ORDER BY id DESC LIMIT ?",
                     take, before, mask, mask, limit));
  }
  return list;
}

// --- The rest

}  // namespace penstock

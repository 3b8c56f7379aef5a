// What attempts ran in: the same text for thousands of them, which has one row.

#include "base/digest.h"
#include "base/json.h"
#include "storage/metadata/metadata_store.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr std::size_t kMaxRemembered = 1'000;

}  // namespace

Result<int64_t> MetadataStore::InternEnvironment(int64_t run_row, const std::string& json) {
  if (json.empty() || json.size() > limits::kMaxEnvironmentBytes) return int64_t{0};
  if (const auto known = environments_.find(json);
      known != environments_.end() && known->second.last_run >= run_row) {
    return known->second.id;
  }
  // Whoever shows it must be able to read it.
  if (!ParseJson(json).ok()) return int64_t{0};
  Environment environment;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "INSERT INTO environments (digest, json, last_run) VALUES (?, ?, ?) "
      "ON CONFLICT (digest) DO UPDATE SET last_run = max(last_run, excluded.last_run) "
      "RETURNING id, last_run",
      [&](Statement& row) {
        environment = {row.Int(0), row.Int(1)};
      },
      Sha256(json), json, run_row));
  if (environments_.size() >= kMaxRemembered) environments_.clear();
  environments_[json] = environment;
  return environment.id;
}

Status MetadataStore::DeleteEnvironments() {
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Run("DELETE FROM environments WHERE last_run < (SELECT min(id) FROM runs)"));
  if (cache_.changes() > 0) environments_.clear();
  return Status::Ok();
}

}  // namespace penstock

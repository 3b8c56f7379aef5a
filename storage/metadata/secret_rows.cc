// Secrets: rows that hold sealed values alone.

#include "storage/metadata/metadata_reader.h"
#include "storage/metadata/metadata_store.h"

namespace penstock {
namespace {

SecretRecord SecretAt(Statement& row) {
  return {.name = std::string(row.Text(0)),
          .version = static_cast<int32_t>(row.Int(1)),
          .sealed = std::string(row.Text(2)),
          .principal = Principal(std::string(row.Text(3))),
          .created_at = Time{row.Int(4)},
          .updated_at = Time{row.Int(5)}};
}

}  // namespace

Status MetadataStore::PutSecret(const SecretRecord& secret) {
  return cache_.Run(
      "INSERT INTO secrets (name, version, sealed, principal, created_at, updated_at) "
      "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET version = excluded.version, "
      "sealed = excluded.sealed, principal = excluded.principal, "
      "created_at = excluded.created_at, updated_at = excluded.updated_at",
      secret.name, secret.version, secret.sealed, secret.principal, secret.created_at,
      secret.updated_at);
}

Status MetadataStore::DeleteSecret(const std::string& name, const Principal& by, Time at) {
  return cache_.Run("UPDATE secrets SET sealed = '', principal = ?, updated_at = ? WHERE name = ?",
                    by, at, name);
}

Status MetadataStore::ResealSecret(const SecretRecord& secret) {
  return cache_.Run("UPDATE secrets SET sealed = ? WHERE name = ? AND version = ?", secret.sealed,
                    secret.name, secret.version);
}

Result<std::vector<SecretRecord>> MetadataReader::ListSecrets() {
  std::vector<SecretRecord> secrets;
  PENSTOCK_RETURN_IF_ERROR(
      cache_.Query("SELECT name, version, sealed, principal, created_at, updated_at FROM secrets "
                   "WHERE sealed <> '' ORDER BY name",
                   [&](Statement& row) { secrets.push_back(SecretAt(row)); }));
  return secrets;
}

Result<std::optional<SecretRecord>> MetadataReader::FindSecret(const std::string& name) {
  std::optional<SecretRecord> secret;
  PENSTOCK_RETURN_IF_ERROR(cache_.Query(
      "SELECT name, version, sealed, principal, created_at, updated_at FROM secrets "
      "WHERE name = ?",
      [&](Statement& row) { secret = SecretAt(row); }, name));
  return secret;
}

}  // namespace penstock

#include "server/offline.h"

#include <filesystem>

#include "base/file.h"
#include "base/unfinished_writes.h"
#include "server/ops/restore.h"
#include "server/ops/secret_keys.h"
#include "server/rpc/auth.h"
#include "server/version.h"
#include "storage/artifact/local_artifact_store.h"
#include "storage/journal/journal.h"

namespace penstock {
namespace {

Result<FileLock> TakeLock(const std::string& data_dir, const std::string& instead) {
  Result<FileLock> lock = FileLock::Take(data_dir + "/LOCK");
  // Of a server, or a rotation of the key, that was killed.
  if (lock.ok()) PENSTOCK_RETURN_IF_ERROR(RemoveUnfinishedWrites(data_dir));
  if (lock.ok() || lock.status().reason() != "LOCKED") return lock;
  return FailedPrecondition(lock.status().message() + "; while the server is up, use " + instead,
                            "LOCKED");
}

Status CheckThere(const std::string& data_dir) {
  std::error_code error;
  if (std::filesystem::exists(data_dir + "/penstock.db", error)) return Status::Ok();
  return InvalidArgument(data_dir + " is no coordinator's data directory: it has no penstock.db");
}

}  // namespace

Status PrepareDataDir(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) return Status::Ok();
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(path));
  std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  return Status::Ok();
}

Result<std::unique_ptr<MetadataStore>> OpenStore(const std::string& data_dir) {
  PENSTOCK_RETURN_IF_ERROR(CheckNotRestoring(data_dir));
  const std::string path = data_dir + "/penstock.db";
  auto store = MetadataStore::Open(path, Clock::Real(), Random::Secure());
  if (!store.ok()) return store.status().WithContext(path);
  return store;
}

Result<std::string> CreateOfflineToken(const ServerConfig& config, const std::string& name,
                                       Role role, const std::string& by) {
  PENSTOCK_RETURN_IF_ERROR(CheckTokenName(name));
  PENSTOCK_RETURN_IF_ERROR(PrepareDataDir(config.data_dir));
  PENSTOCK_ASSIGN_OR_RETURN(
      const FileLock lock,
      TakeLock(config.data_dir, "penstock admin token create without --data-dir"));
  PENSTOCK_ASSIGN_OR_RETURN(const auto store, OpenStore(config.data_dir));
  PENSTOCK_ASSIGN_OR_RETURN(const auto known, store->reader().ListTokens());
  for (const TokenRecord& token : known) {
    if (token.name != name || token.revoked_at.set()) continue;
    return AlreadyExists("there is a token \"" + name +
                         "\" already; revoke it first, or take "
                         "another name");
  }
  const std::string secret = NewTokenSecret(Random::Secure());
  TokenRecord record;
  record.name = name;
  record.role = role;
  record.hash = HashTokenSecret(secret);
  record.created_by = Principal("local:" + by);
  record.created_at = Clock::Real().Now();
  PENSTOCK_RETURN_IF_ERROR(store->Begin());
  const Status inserted = store->InsertToken(record);
  if (!inserted.ok()) {
    store->Rollback();
    return inserted;
  }
  PENSTOCK_RETURN_IF_ERROR(store->Commit());
  return secret;
}

Result<BackupReport> BackUpOffline(const ServerConfig& config,
                                   const ServerInvocation::Backup& backup) {
  PENSTOCK_RETURN_IF_ERROR(CheckThere(config.data_dir));
  PENSTOCK_ASSIGN_OR_RETURN(const FileLock lock,
                            TakeLock(config.data_dir, "penstock admin backup without --data-dir"));
  // Opened to be written, so that what a crash left in the write-ahead log is in the copy.
  PENSTOCK_ASSIGN_OR_RETURN(const auto store, OpenStore(config.data_dir));
  PENSTOCK_ASSIGN_OR_RETURN(const auto artifacts,
                            LocalArtifactStore::Open(config.data_dir + "/artifacts", {}));
  PENSTOCK_ASSIGN_OR_RETURN(const auto journal, Journal::Open(config.data_dir + "/journal"));
  BackupSource source;
  source.data_dir = config.data_dir;
  source.reader = &store->reader();
  source.artifacts = artifacts.get();
  source.journal = journal.get();
  source.program = std::string("penstockd ") + kVersion;
  const StopFlag never{false};
  return MakeBackup(source, {.directory = backup.directory, .keep = backup.keep}, Clock::Real(),
                    never);
}

Result<RotationReport> RotateSecretKeyOffline(const ServerConfig& config) {
  PENSTOCK_RETURN_IF_ERROR(CheckThere(config.data_dir));
  PENSTOCK_ASSIGN_OR_RETURN(
      const FileLock lock,
      TakeLock(config.data_dir, "it as it is: the key changes only while the server is down"));
  PENSTOCK_ASSIGN_OR_RETURN(const auto store, OpenStore(config.data_dir));
  return RotateSecretKey(*store, config.data_dir, Random::Secure());
}

Result<CheckReport> CheckOffline(const ServerConfig& config, const ServerInvocation::Check& check) {
  PENSTOCK_RETURN_IF_ERROR(CheckThere(config.data_dir));
  PENSTOCK_ASSIGN_OR_RETURN(const FileLock lock,
                            TakeLock(config.data_dir, "penstock admin check without --data-dir"));
  PENSTOCK_ASSIGN_OR_RETURN(const auto store, OpenStore(config.data_dir));
  PENSTOCK_ASSIGN_OR_RETURN(const auto artifacts,
                            LocalArtifactStore::Open(config.data_dir + "/artifacts", {}));
  const auto keys = LoadSecretKeys(config.data_dir);
  if (!keys.ok() && keys.status().code() != StatusCode::kNotFound) return keys.status();
  const CheckOptions options{.verify = check.verify, .secrets = keys.ok() ? keys->get() : nullptr};
  if (check.repair) {
    return RepairData(*store, *artifacts, config.data_dir + "/damaged", options, Clock::Real());
  }
  const StopFlag never{false};
  return CheckData(store->reader(), *artifacts, options, never);
}

}  // namespace penstock

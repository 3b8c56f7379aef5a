#ifndef PENSTOCK_SERVER_OFFLINE_H_
#define PENSTOCK_SERVER_OFFLINE_H_

// What penstockd does with a data directory whose coordinator is down. LOCKED: it is up.

#include <string>

#include "base/result.h"
#include "server/config.h"
#include "server/ops/backup.h"
#include "server/ops/check.h"
#include "server/ops/secret_keys.h"
#include "storage/metadata/metadata_store.h"

namespace penstock {

// Makes the folder where it is missing; it is the server's own: what is in it tells who has which
// token and data.
Status PrepareDataDir(const std::string& path);
// Opens and migrates the database. RESTORE_UNFINISHED: a restore has broken off there.
Result<std::unique_ptr<MetadataStore>> OpenStore(const std::string& data_dir);

// Makes a token and returns its secret. kAlreadyExists: a live token of that name.
Result<std::string> CreateOfflineToken(const ServerConfig& config, const std::string& name,
                                       Role role, const std::string& by);
Result<BackupReport> BackUpOffline(const ServerConfig& config,
                                   const ServerInvocation::Backup& backup);
Result<RotationReport> RotateSecretKeyOffline(const ServerConfig& config);
Result<CheckReport> CheckOffline(const ServerConfig& config, const ServerInvocation::Check& check);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_OFFLINE_H_

#ifndef PENSTOCK_SERVER_OPS_RESTORE_H_
#define PENSTOCK_SERVER_OPS_RESTORE_H_

// A backup becomes a data directory. First the database, checked and with a new incarnation: no
// report, token or session of the time after the backup will be accepted. Then the bytes, each
// checked against its digest, and the journals. Until all is there the folder holds a file
// RESTORING, and no coordinator starts on it.

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"

namespace penstock {

struct RestoreOptions {
  std::filesystem::path backup;    // a folder of backups (its newest snapshot), or a snapshot
  std::filesystem::path data_dir;  // new, empty, or left by a restore that broke off
  bool allow_missing = false;      // finish where bytes are missing or damaged
};

struct RestoreReport {
  std::filesystem::path snapshot;
  std::string created_at;  // when the backup was made
  std::string incarnation;
  int64_t blobs = 0;
  int64_t journals = 0;
  std::vector<std::string> missing;  // bytes that are not there
};

// kFailedPrecondition: NOT_EMPTY, LOCKED, NOT_A_BACKUP; kDataLoss: the database is damaged, or
// bytes are and `allow_missing` is not set. Started again, it begins anew.
Result<RestoreReport> RestoreBackup(const RestoreOptions& options, const Clock& clock,
                                    Random& random);

// kFailedPrecondition (RESTORE_UNFINISHED) where a restore into the folder has broken off.
Status CheckNotRestoring(const std::filesystem::path& data_dir);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_OPS_RESTORE_H_

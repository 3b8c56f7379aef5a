#ifndef PENSTOCK_SERVER_OPS_BACKUP_H_
#define PENSTOCK_SERVER_OPS_BACKUP_H_

// Backups of a data directory, and the way back.
//
//   DIR/backups.json              says that the folder is one of backups
//   DIR/artifacts/blobs/…         the bytes that the snapshots need, each once
//   DIR/snapshots/TIME/           one backup: penstock.db, journal/…, and snapshot.json, its list
//   DIR/snapshots/unfinished-…    one that broke off; the next backup removes it
//
// A snapshot gets its name when all of it, and all bytes that it needs, are on the disk. Keys,
// certificates and settings are in none. A database is copied first: bytes that its rows need are
// in the store until they have been taken, because nothing is collected meanwhile.

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "server/ops/blobs.h"

namespace penstock {

struct BackupSource {
  std::filesystem::path data_dir;
  MetadataReader* reader = nullptr;
  const LocalArtifactStore* artifacts = nullptr;
  const Journal* journal = nullptr;
  std::string program;  // and its version
};

struct BackupOptions {
  std::filesystem::path directory;  // absolute; made where it is missing
  int keep = 0;                     // snapshots that stay, with this one; 0: all
};

struct BackupReport {
  std::filesystem::path snapshot;
  int64_t blobs = 0;  // that the snapshot needs
  int64_t new_blobs = 0;
  int64_t new_bytes = 0;
  int64_t journals = 0;
  // What the data directory itself lacks: the snapshot is whole but for these.
  std::vector<std::string> missing;
  int64_t removed_snapshots = 0;
  int64_t removed_blobs = 0;
};

// kInvalidArgument: the folder cannot be one of backups, and why; kFailedPrecondition (LOCKED):
// another backup goes there now. Where it fails, the snapshots that were there are as they were.
Result<BackupReport> MakeBackup(const BackupSource& source, const BackupOptions& options,
                                const Clock& clock, const StopFlag& stop);

// The newest whole snapshot of a folder of backups, or the snapshot that `path` is itself.
// kNotFound.
Result<std::filesystem::path> FindSnapshot(const std::filesystem::path& path);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_OPS_BACKUP_H_

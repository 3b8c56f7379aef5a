#ifndef PENSTOCK_SERVER_OPS_SNAPSHOT_H_
#define PENSTOCK_SERVER_OPS_SNAPSHOT_H_

// The files of a folder of backups, as backup.h draws them.

#include <filesystem>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"

namespace penstock {

inline constexpr char kBackupsFile[] = "backups.json";
inline constexpr char kSnapshotsFolder[] = "snapshots";
inline constexpr char kUnfinishedPrefix[] = "unfinished-";
inline constexpr char kSnapshotFile[] = "snapshot.json";
inline constexpr char kSnapshotFormat[] = "penstock-snapshot/1";
inline constexpr char kDatabaseFile[] = "penstock.db";
inline constexpr char kJournalFolder[] = "journal";

// Whole ones, oldest first.
std::vector<std::filesystem::path> ListSnapshots(const std::filesystem::path& backups);
// kFailedPrecondition (NOT_A_BACKUP) where the list is not one.
Result<Json> ReadSnapshot(const std::filesystem::path& snapshot);
Result<Digest> HashOfFile(const std::filesystem::path& path);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_OPS_SNAPSHOT_H_

#include "server/ops/snapshot.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "server/ops/backup.h"

namespace penstock {

namespace fs = std::filesystem;

std::vector<fs::path> ListSnapshots(const fs::path& backups) {
  std::vector<fs::path> snapshots;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(backups / kSnapshotsFolder, error)) {
    const bool named = !entry.path().filename().string().starts_with(kUnfinishedPrefix);
    if (named && fs::exists(entry.path() / kSnapshotFile, error)) snapshots.push_back(entry.path());
  }
  std::sort(snapshots.begin(), snapshots.end());
  return snapshots;
}

Result<Json> ReadSnapshot(const fs::path& snapshot) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::string text, ReadFile(snapshot / kSnapshotFile));
  const Result<Json> list = ParseJson(text, {.max_bytes = 64 << 20});
  if (!list.ok() || JsonString(*list, "format") != kSnapshotFormat) {
    return FailedPrecondition((snapshot / kSnapshotFile).string() +
                                  " is not the list of a snapshot that this program " + "can read",
                              "NOT_A_BACKUP");
  }
  return *list;
}

Result<Digest> HashOfFile(const fs::path& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "reading " + path.string());
  Sha256Hasher hasher;
  std::string buffer(1 << 20, '\0');
  while (true) {
    const ssize_t count = read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "reading " + path.string());
    if (count == 0) return hasher.Finish();
    hasher.Update({buffer.data(), static_cast<std::size_t>(count)});
  }
}

Result<fs::path> FindSnapshot(const fs::path& path) {
  std::error_code error;
  const fs::path folder = fs::absolute(path, error).lexically_normal();
  if (folder.filename().string().starts_with(kUnfinishedPrefix)) {
    return FailedPrecondition(folder.string() + " is a backup that broke off", "NOT_A_BACKUP");
  }
  if (fs::exists(folder / kSnapshotFile, error)) return folder;
  if (!fs::exists(folder / kBackupsFile, error)) {
    return NotFound(folder.string() + " is neither a folder of backups nor a snapshot of one",
                    "NOT_A_BACKUP");
  }
  const std::vector<fs::path> snapshots = ListSnapshots(folder);
  if (snapshots.empty()) {
    return NotFound(folder.string() + " holds no whole snapshot", "NOT_A_BACKUP");
  }
  return snapshots.back();
}

}  // namespace penstock

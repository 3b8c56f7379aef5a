#include "server/ops/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fault_point.h"
#include "base/json.h"
#include "base/log.h"
#include "base/unfinished_writes.h"
#include "server/ops/snapshot.h"

namespace penstock {

namespace fs = std::filesystem;

namespace {

constexpr char kMark[] = "{\"format\":\"penstock-backups/1\"}\n";
constexpr int kPage = 1'000;

// Everything written below the folder is on the disk.
Status SyncFileSystem(const fs::path& folder) {
  const UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || syncfs(fd.get()) != 0) {
    return ErrnoStatus(errno, "syncing " + folder.string());
  }
  return Status::Ok();
}

bool IsBelow(const fs::path& path, const fs::path& folder) {
  std::error_code error;
  const fs::path inner = fs::weakly_canonical(path, error);
  const fs::path outer = fs::weakly_canonical(folder, error);
  const auto end = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first;
  return end == outer.end();
}

// But for the mark that a backup was about to make when it was killed.
bool IsAsGoodAsEmpty(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!IsUnfinishedWrite(entry.path().filename().string())) return false;
  }
  return !error;
}

// Makes the folder, or finds that it is one of backups.
Status OpenFolder(const fs::path& folder, const fs::path& data_dir) {
  if (!folder.is_absolute()) {
    return InvalidArgument("\"" + folder.string() + "\" is not an absolute path");
  }
  if (IsBelow(folder, data_dir)) {
    return InvalidArgument(folder.string() + " lies in the data directory " + data_dir.string() +
                           "; back up to another place, best on another disk");
  }
  std::error_code error;
  const fs::path mark = folder / kBackupsFile;
  if (!fs::exists(mark, error)) {
    if (fs::exists(folder, error) && !IsAsGoodAsEmpty(folder)) {
      return InvalidArgument(folder.string() +
                             " holds other things than backups; name a new or empty folder");
    }
    if (!fs::exists(folder, error)) {
      PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
      // As the data directory: what is in it tells who has which data.
      fs::permissions(folder, fs::perms::owner_all, error);
    }
    PENSTOCK_RETURN_IF_ERROR(WriteFileAtomic(mark, kMark));
  }
  return MakeFolders(folder / kSnapshotsFolder);
}

Status RemoveUnfinished(const fs::path& snapshots) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(snapshots, error)) {
    if (!entry.path().filename().string().starts_with(kUnfinishedPrefix)) continue;
    PENSTOCK_RETURN_IF_ERROR(RemoveAll(entry.path()));
  }
  return Status::Ok();
}

// One backup being made.
class Maker {
 public:
  Maker(const BackupSource& source, const BackupOptions& options, const StopFlag& stop)
      : source_(source), options_(options), stop_(stop) {}

  Result<BackupReport> Make(Time now);

 private:
  Status CopyDatabase();
  Status CopyArtifacts();
  Status CopyJournals();
  Status CopyJournal(const RunId& run, bool ended);
  Status Finish(Time now);
  Status Prune();

  const BackupSource& source_;
  const BackupOptions& options_;
  const StopFlag& stop_;
  fs::path work_;      // where the snapshot is made
  fs::path previous_;  // the newest before it; empty: none
  std::unique_ptr<LocalArtifactStore> store_;
  std::unique_ptr<MetadataReader> copy_;
  Json database_;
  BackupReport report_;
};

Result<BackupReport> Maker::Make(Time now) {
  const fs::path snapshots = options_.directory / kSnapshotsFolder;
  PENSTOCK_RETURN_IF_ERROR(RemoveUnfinished(snapshots));
  const std::vector<fs::path> before = ListSnapshots(options_.directory);
  if (!before.empty()) previous_ = before.back();
  // ':' is no character for a file's name everywhere.
  std::string name = FormatTime(now);
  std::erase(name, ':');
  report_.snapshot = snapshots / name;
  if (!before.empty() && before.back() >= report_.snapshot) {
    return FailedPrecondition(
        "there is a newer snapshot, " + before.back().string() + "; is the clock right?",
        "CLOCK_WENT_BACK");
  }
  work_ = snapshots / (kUnfinishedPrefix + name);
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(work_));
  // Synced all at once, at the end.
  PENSTOCK_ASSIGN_OR_RETURN(store_, LocalArtifactStore::Open(options_.directory / "artifacts",
                                                             {.sync = false, .clean = true}));
  PENSTOCK_RETURN_IF_ERROR(CopyDatabase());
  PENSTOCK_FAULT_POINT("backup.database");
  PENSTOCK_RETURN_IF_ERROR(CopyArtifacts());
  PENSTOCK_FAULT_POINT("backup.artifacts");
  PENSTOCK_RETURN_IF_ERROR(CopyJournals());
  PENSTOCK_RETURN_IF_ERROR(Finish(now));
  PENSTOCK_RETURN_IF_ERROR(Prune());
  return std::move(report_);
}

Status Maker::CopyDatabase() {
  const fs::path to = work_ / kDatabaseFile;
  PENSTOCK_RETURN_IF_ERROR(source_.reader->BackupTo(to.string()));
  PENSTOCK_ASSIGN_OR_RETURN(const Digest digest, HashOfFile(to));
  std::error_code error;
  database_ = {{"digest", digest.value()}, {"size", fs::file_size(to, error)}};
  PENSTOCK_ASSIGN_OR_RETURN(copy_, MetadataReader::Open(to.string()));
  return Status::Ok();
}

Status Maker::CopyArtifacts() {
  PENSTOCK_ASSIGN_OR_RETURN(const NeededBlobs needed,
                            FindNeededBlobs(*copy_, *source_.artifacts, stop_));
  report_.missing = needed.unreadable;
  for (const Digest& digest : needed.blobs) {
    PENSTOCK_RETURN_IF_ERROR(CheckStop(stop_));
    ++report_.blobs;
    const Result<bool> added = store_->Import(*source_.artifacts, digest, /*link=*/true);
    if (!added.ok()) {
      const StatusCode code = added.status().code();
      if (code != StatusCode::kNotFound && code != StatusCode::kDataLoss) return added.status();
      report_.missing.push_back(added.status().message());
      continue;
    }
    if (!*added) continue;
    ++report_.new_blobs;
    report_.new_bytes += source_.artifacts->Size(digest).value_or(0);
  }
  return Status::Ok();
}

Status Maker::CopyJournals() {
  int64_t row = 0;
  while (true) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto runs, copy_->ListRunEnds(row, kPage, &row));
    if (runs.empty()) return Status::Ok();
    for (const auto& [run, ended_at] : runs) {
      PENSTOCK_RETURN_IF_ERROR(CheckStop(stop_));
      PENSTOCK_RETURN_IF_ERROR(CopyJournal(run, ended_at.set()));
    }
  }
}

// A file that grows meanwhile is a whole one with less in it, or with a torn end, which counts as
// not written. One that did not grow since the last snapshot is shared with it.
Status Maker::CopyJournal(const RunId& run, bool ended) {
  const fs::path from = source_.journal->PathOf(run);
  std::error_code error;
  const auto size = fs::file_size(from, error);
  if (error) return Status::Ok();  // the run wrote nothing, or is being deleted
  const fs::path relative = fs::relative(from, source_.data_dir / kJournalFolder, error);
  const fs::path to = work_ / kJournalFolder / relative;
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(to.parent_path()));
  ++report_.journals;
  const fs::path known = previous_ / kJournalFolder / relative;
  if (ended && !previous_.empty() && fs::file_size(known, error) == size && !error) {
    return LinkOrCopy(known, to);
  }
  fs::copy_file(from, to, error);
  if (error == std::errc::no_such_file_or_directory) return Status::Ok();
  return error ? ErrnoStatus(error.value(), "copying " + from.string()) : Status::Ok();
}

Status Maker::Finish(Time now) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::string incarnation, copy_->Incarnation());
  PENSTOCK_ASSIGN_OR_RETURN(const int schema, copy_->SchemaVersion());
  copy_.reset();
  // The reader may have left its shared memory beside the copy.
  for (const char* suffix : {"-shm", "-wal"}) {
    PENSTOCK_RETURN_IF_ERROR(RemoveAll(work_ / (std::string(kDatabaseFile) + suffix)));
  }
  const Json list = {{"format", kSnapshotFormat},
                     {"program", source_.program},
                     {"createdAt", FormatTime(now)},
                     {"incarnation", incarnation},
                     {"schema", schema},
                     {"database", database_},
                     {"blobs", report_.blobs},
                     {"journals", report_.journals},
                     {"missing", report_.missing}};
  PENSTOCK_RETURN_IF_ERROR(WriteFileAtomic(work_ / kSnapshotFile, DumpJsonPretty(list) + "\n"));
  PENSTOCK_RETURN_IF_ERROR(SyncFileSystem(options_.directory));
  PENSTOCK_FAULT_POINT("backup.before_rename");
  if (rename(work_.c_str(), report_.snapshot.c_str()) != 0) {
    return ErrnoStatus(errno, "naming " + report_.snapshot.string());
  }
  return SyncPath(report_.snapshot.parent_path());
}

Status Maker::Prune() {
  if (options_.keep <= 0) return Status::Ok();
  std::vector<fs::path> snapshots = ListSnapshots(options_.directory);
  const auto keep = static_cast<std::size_t>(options_.keep);
  if (snapshots.size() <= keep) return Status::Ok();
  const std::size_t surplus = snapshots.size() - keep;
  for (std::size_t i = 0; i < surplus; ++i) {
    // Renamed first: what breaks off is no snapshot any more, and goes with the next backup.
    const fs::path aside =
        snapshots[i].parent_path() / (kUnfinishedPrefix + snapshots[i].filename().string());
    if (rename(snapshots[i].c_str(), aside.c_str()) != 0) {
      return ErrnoStatus(errno, "removing " + snapshots[i].string());
    }
    PENSTOCK_FAULT_POINT("backup.set_aside");
    PENSTOCK_RETURN_IF_ERROR(RemoveAll(aside));
    ++report_.removed_snapshots;
  }
  std::unordered_set<Digest> needed;
  for (std::size_t i = surplus; i < snapshots.size(); ++i) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto reader,
                              MetadataReader::Open((snapshots[i] / kDatabaseFile).string()));
    PENSTOCK_ASSIGN_OR_RETURN(NeededBlobs blobs, FindNeededBlobs(*reader, *store_, stop_));
    needed.merge(blobs.blobs);
    // What it would need besides is not known.
    if (!blobs.unreadable.empty()) return Status::Ok();
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<StoredBlob> blobs, store_->List());
  for (const StoredBlob& blob : blobs) {
    if (needed.contains(blob.digest)) continue;
    PENSTOCK_RETURN_IF_ERROR(store_->Remove(blob.digest));
    ++report_.removed_blobs;
  }
  return Status::Ok();
}

}  // namespace

Result<BackupReport> MakeBackup(const BackupSource& source, const BackupOptions& options,
                                const Clock& clock, const StopFlag& stop) {
  PENSTOCK_RETURN_IF_ERROR(OpenFolder(options.directory, source.data_dir));
  const auto lock = FileLock::Take(options.directory / "LOCK");
  if (!lock.ok()) return lock.status();
  PENSTOCK_RETURN_IF_ERROR(RemoveUnfinishedWrites(options.directory));
  Result<BackupReport> report = Maker(source, options, stop).Make(clock.Now());
  if (!report.ok()) return report.status().WithContext("the backup is not whole");
  LOG_INFO("backup made snapshot={} blobs={} new_blobs={} missing={}", report->snapshot.string(),
           report->blobs, report->new_blobs, report->missing.size());
  return report;
}

}  // namespace penstock

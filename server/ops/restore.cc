#include "server/ops/restore.h"

#include "base/fault_point.h"
#include "base/file.h"
#include "base/log.h"
#include "base/unfinished_writes.h"
#include "server/ops/backup.h"
#include "server/ops/snapshot.h"
#include "storage/metadata/metadata_store.h"

namespace penstock {

namespace fs = std::filesystem;

namespace {

constexpr char kRestoringFile[] = "RESTORING";
constexpr std::size_t kShown = 5;

Status PrepareFolder(const RestoreOptions& options) {
  std::error_code error;
  if (!fs::exists(options.data_dir, error)) {
    PENSTOCK_RETURN_IF_ERROR(MakeFolders(options.data_dir));
    fs::permissions(options.data_dir, fs::perms::owner_all, error);
  }
  if (fs::exists(options.data_dir / kRestoringFile, error)) return Status::Ok();
  for (const char* name : {kDatabaseFile, "artifacts", kJournalFolder}) {
    if (!fs::exists(options.data_dir / name, error)) continue;
    return FailedPrecondition(options.data_dir.string() + " holds " + name +
                                  " already; restore into a new or empty folder",
                              "NOT_EMPTY");
  }
  return Status::Ok();
}

class Restorer {
 public:
  Restorer(const RestoreOptions& options, const fs::path& snapshot)
      : options_(options), snapshot_(snapshot) {}

  Status Run(const Clock& clock, Random& random);
  RestoreReport& report() { return report_; }

 private:
  Status PlaceDatabase(const Json& list, const Clock& clock, Random& random);
  Status PlaceArtifacts(MetadataReader& reader);
  Status PlaceJournals();

  const RestoreOptions& options_;
  const fs::path& snapshot_;
  RestoreReport report_;
};

Status Restorer::Run(const Clock& clock, Random& random) {
  PENSTOCK_ASSIGN_OR_RETURN(const Json list, ReadSnapshot(snapshot_));
  report_.snapshot = snapshot_;
  report_.created_at = JsonString(list, "createdAt");
  PENSTOCK_RETURN_IF_ERROR(
      WriteFileAtomic(options_.data_dir / kRestoringFile, snapshot_.string() + "\n"));
  PENSTOCK_RETURN_IF_ERROR(PlaceDatabase(list, clock, random));
  PENSTOCK_FAULT_POINT("restore.database");
  {
    PENSTOCK_ASSIGN_OR_RETURN(const auto reader,
                              MetadataReader::Open((options_.data_dir / kDatabaseFile).string()));
    PENSTOCK_RETURN_IF_ERROR(PlaceArtifacts(*reader));
  }
  PENSTOCK_FAULT_POINT("restore.artifacts");
  PENSTOCK_RETURN_IF_ERROR(PlaceJournals());
  PENSTOCK_FAULT_POINT("restore.journals");
  if (!report_.missing.empty() && !options_.allow_missing) {
    std::string shown;
    for (std::size_t i = 0; i < report_.missing.size() && i < kShown; ++i) {
      shown += (i > 0 ? "; " : "") + report_.missing[i];
    }
    return DataLoss(std::to_string(report_.missing.size()) +
                        " files of artifacts are missing or damaged in the backup: " + shown +
                        "; restore another snapshot, or this one without them (--allow-missing)",
                    "CORRUPT");
  }
  PENSTOCK_RETURN_IF_ERROR(RemoveAll(options_.data_dir / kRestoringFile));
  return SyncPath(options_.data_dir);
}

Status Restorer::PlaceDatabase(const Json& list, const Clock& clock, Random& random) {
  const fs::path from = snapshot_ / kDatabaseFile;
  const fs::path to = options_.data_dir / kDatabaseFile;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    PENSTOCK_RETURN_IF_ERROR(RemoveAll(to.string() + suffix));
  }
  std::error_code error;
  fs::copy_file(from, to, error);
  if (error) return ErrnoStatus(error.value(), "copying " + from.string());
  PENSTOCK_ASSIGN_OR_RETURN(const Digest digest, HashOfFile(to));
  if (digest.value() != JsonString(JsonMember(list, "database"), "digest")) {
    return DataLoss(
        from.string() + " is not the database that was backed up; restore another " + "snapshot",
        "CORRUPT");
  }
  PENSTOCK_ASSIGN_OR_RETURN(const auto store, MetadataStore::Open(to.string(), clock, random));
  PENSTOCK_ASSIGN_OR_RETURN(const auto problems, store->reader().CheckIntegrity());
  if (!problems.empty()) {
    return DataLoss("the database of " + snapshot_.string() + " is damaged: " + problems.front(),
                    "CORRUPT");
  }
  report_.incarnation = RandomHex(4, random);
  PENSTOCK_RETURN_IF_ERROR(store->Begin());
  PENSTOCK_RETURN_IF_ERROR(store->SetIncarnation(report_.incarnation));
  return store->Commit();
}

Status Restorer::PlaceArtifacts(MetadataReader& reader) {
  // A snapshot lies in DIR/snapshots.
  const fs::path backups = snapshot_.parent_path().parent_path();
  PENSTOCK_ASSIGN_OR_RETURN(
      const auto from,
      LocalArtifactStore::Open(backups / "artifacts", {.sync = false, .clean = false}));
  PENSTOCK_ASSIGN_OR_RETURN(const auto to, LocalArtifactStore::Open(options_.data_dir / "artifacts",
                                                                    {.sync = true, .clean = true}));
  const StopFlag never{false};
  PENSTOCK_ASSIGN_OR_RETURN(const NeededBlobs needed, FindNeededBlobs(reader, *from, never));
  for (const Digest& digest : needed.blobs) {
    // Copies, never links: the backup stays one, whatever happens to the new folder.
    const Result<bool> placed = to->Import(*from, digest, /*link=*/false);
    if (placed.ok()) {
      ++report_.blobs;
      continue;
    }
    const StatusCode code = placed.status().code();
    if (code != StatusCode::kNotFound && code != StatusCode::kDataLoss) return placed.status();
    report_.missing.push_back(placed.status().message());
  }
  return Status::Ok();
}

Status Restorer::PlaceJournals() {
  const fs::path from = snapshot_ / kJournalFolder;
  const fs::path to = options_.data_dir / kJournalFolder;
  PENSTOCK_RETURN_IF_ERROR(RemoveAll(to));
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(to));
  std::error_code error;
  if (!fs::exists(from, error)) return Status::Ok();
  for (fs::recursive_directory_iterator it(from, error), end; !error && it != end;
       it.increment(error)) {
    const fs::path target = to / it->path().lexically_relative(from);
    if (it->is_directory()) {
      PENSTOCK_RETURN_IF_ERROR(MakeFolders(target));
      continue;
    }
    std::error_code failed;
    fs::copy_file(it->path(), target, failed);
    if (failed) return ErrnoStatus(failed.value(), "copying " + it->path().string());
    PENSTOCK_RETURN_IF_ERROR(SyncPath(target));
    ++report_.journals;
  }
  if (error) return ErrnoStatus(error.value(), "reading " + from.string());
  return Status::Ok();
}

}  // namespace

Result<RestoreReport> RestoreBackup(const RestoreOptions& options, const Clock& clock,
                                    Random& random) {
  PENSTOCK_ASSIGN_OR_RETURN(const fs::path snapshot, FindSnapshot(options.backup));
  PENSTOCK_RETURN_IF_ERROR(PrepareFolder(options));
  const auto lock = FileLock::Take(options.data_dir / "LOCK");
  if (!lock.ok()) return lock.status();
  PENSTOCK_RETURN_IF_ERROR(RemoveUnfinishedWrites(options.data_dir));
  Restorer restorer(options, snapshot);
  PENSTOCK_RETURN_IF_ERROR(restorer.Run(clock, random));
  LOG_INFO("backup restored snapshot={} data_dir={} incarnation={}", snapshot.string(),
           options.data_dir.string(), restorer.report().incarnation);
  return std::move(restorer.report());
}

Status CheckNotRestoring(const fs::path& data_dir) {
  std::error_code error;
  if (!fs::exists(data_dir / kRestoringFile, error)) return Status::Ok();
  return FailedPrecondition("a restore into " + data_dir.string() +
                                " has broken off; restore again, into the same folder or another",
                            "RESTORE_UNFINISHED");
}

}  // namespace penstock

#include "server/ops/operations.h"

#include <future>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "server/engine/engine.h"
#include "storage/metadata/metadata_store.h"
#include "storage/metadata/retention_sweep.h"

namespace penstock {

template <typename T, typename Work>
void Operations::Do(Done<T> done, Work work) {
  const bool queued = pool_.Post([this, done, work = std::move(work)] {
    if (const Status stopped = CheckStop(stop_); !stopped.ok()) {
      done(stopped);
    } else {
      done(work());
    }
  });
  if (queued) return;
  done(ResourceExhausted("the coordinator has too many backups and checks to do; try again",
                         "OVERLOADED"));
}

void Operations::Backup(BackupOptions options, Done<BackupReport> done) {
  Do(std::move(done), [this, options = std::move(options)] { return MakeBackupNow(options); });
}

Result<BackupReport> Operations::MakeBackupNow(const BackupOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps_.readers->Borrow());
  BackupSource source;
  source.data_dir = deps_.data_dir;
  source.reader = reader.operator->();
  source.artifacts = deps_.artifacts;
  source.journal = deps_.journal;
  source.program = deps_.program;
  Result<BackupReport> report = MakeBackup(source, options, *deps_.clock, stop_);
  if (report.ok()) {
    ++metrics_.backups;
    metrics_.last_backup_micros = deps_.clock->Now().micros;
  } else {
    ++metrics_.backup_failures;
    LOG_WARN("backup failed directory={}: {}", options.directory.string(), report.status());
  }
  return report;
}

void Operations::Check(CheckOptions options, Done<CheckReport> done) {
  options.secrets = deps_.secrets;
  Do(std::move(done), [this, options]() -> Result<CheckReport> {
    PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps_.readers->Borrow());
    return CheckData(*reader.operator->(), *deps_.artifacts, options, stop_);
  });
}

void Operations::Collect(bool dry_run, Done<CollectReport> done) {
  Do(std::move(done), [this, dry_run] { return dry_run ? CollectDry() : CollectNow(); });
}

void Operations::CollectBytesLater() {
  Do<ByteTotals>([](const Result<ByteTotals>&) {}, [this] { return RemoveBytes(); });
}

Result<CollectReport> Operations::CollectNow() {
  CollectReport report;
  const auto sweep = std::make_shared<RetentionSweep>(deps_.retention, deps_.clock->Now());
  const Status swept = SweepRows(sweep);
  // A full disk takes no change of rows; but bytes that none needs can go.
  if (!swept.ok() && swept.reason() != "READ_ONLY") return swept;
  report.rows = sweep->totals();
  PENSTOCK_ASSIGN_OR_RETURN(report.bytes, RemoveBytes());
  return report;
}

Status Operations::SweepRows(const std::shared_ptr<RetentionSweep>& sweep) {
  bool more = true;
  while (more) {
    PENSTOCK_RETURN_IF_ERROR(CheckStop(stop_));
    std::promise<Result<bool>> answer;
    deps_.engine->Collect(sweep, [&](Result<bool> got) { answer.set_value(std::move(got)); });
    PENSTOCK_ASSIGN_OR_RETURN(more, answer.get_future().get());
  }
  return Status::Ok();
}

Result<ByteTotals> Operations::RemoveBytes() {
  const auto remove = [this]() -> Result<ByteTotals> {
    PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps_.readers->Borrow());
    return CollectBytes(*reader.operator->(), *deps_.artifacts, *deps_.journal,
                        deps_.clock->Now() - deps_.retention.grace, /*dry_run=*/false, stop_);
  };
  Result<ByteTotals> totals = remove();
  if (!totals.ok()) {
    ++metrics_.collection_failures;
    LOG_WARN("bytes could not be collected: {}", totals.status());
    return totals;
  }
  ++metrics_.collections;
  metrics_.journals_deleted += totals->journals;
  metrics_.blobs_deleted += totals->blobs;
  metrics_.bytes_deleted += totals->bytes;
  return totals;
}

// On a copy of the rows, so that what goes with each run is known.
Result<CollectReport> Operations::CollectDry() {
  PENSTOCK_ASSIGN_OR_RETURN(const TempFolder folder,
                            TempFolder::Make(deps_.artifacts->temp_folder()));
  const std::string path = (folder.path() / "penstock.db").string();
  {
    PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps_.readers->Borrow());
    PENSTOCK_RETURN_IF_ERROR(reader->BackupTo(path));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const auto store,
                            MetadataStore::Open(path, *deps_.clock, Random::Secure()));
  const Time now = deps_.clock->Now();
  RetentionSweep sweep(deps_.retention, now);
  bool more = true;
  PENSTOCK_RETURN_IF_ERROR(store->Begin());
  while (more) {
    PENSTOCK_RETURN_IF_ERROR(CheckStop(stop_));
    PENSTOCK_ASSIGN_OR_RETURN(more, sweep.Next(*store));
  }
  CollectReport report;
  report.rows = sweep.totals();
  PENSTOCK_ASSIGN_OR_RETURN(report.bytes,
                            CollectBytes(store->reader(), *deps_.artifacts, *deps_.journal,
                                         now - deps_.retention.grace, /*dry_run=*/true, stop_));
  store->Rollback();
  return report;
}

}  // namespace penstock

#ifndef PENSTOCK_SERVER_OPS_OPERATIONS_H_
#define PENSTOCK_SERVER_OPS_OPERATIONS_H_

// What operators ask of a coordinator that is up, and what it does for itself: backups, checks,
// collection. One thread of its own does one thing after the other: no bytes are removed while a
// backup is made or a check reads. Thread-safe.

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "server/ops/backup.h"
#include "server/ops/check.h"
#include "storage/model/retention.h"

namespace penstock {

class Engine;
class ReaderPool;
class RetentionSweep;

struct OperationsMetrics {
  std::atomic<int64_t> backups{0};
  std::atomic<int64_t> backup_failures{0};
  std::atomic<int64_t> last_backup_micros{0};  // since the epoch; 0: none since the start
  std::atomic<int64_t> collections{0};
  std::atomic<int64_t> collection_failures{0};
  std::atomic<int64_t> blobs_deleted{0};
  std::atomic<int64_t> bytes_deleted{0};
  std::atomic<int64_t> journals_deleted{0};
};

struct CollectReport {
  SweepTotals rows;
  ByteTotals bytes;
};

class Operations {
 public:
  struct Deps {
    Engine* engine = nullptr;
    ReaderPool* readers = nullptr;
    LocalArtifactStore* artifacts = nullptr;
    Journal* journal = nullptr;
    const SecretBox* secrets = nullptr;
    const Clock* clock = nullptr;
    RetentionPolicy retention;
    std::string data_dir;
    std::string program;
  };
  // Called once, on the thread of this object, or at once where there is too much to do.
  template <typename T>
  using Done = std::function<void(Result<T>)>;

  explicit Operations(Deps deps) : deps_(std::move(deps)), pool_(1, kMaxQueue) {}
  ~Operations() { Stop(); }

  void Backup(BackupOptions options, Done<BackupReport> done);
  void Check(CheckOptions options, Done<CheckReport> done);
  // What retention does not keep, rows and bytes. `dry_run`: on a copy of the database, and nothing
  // is deleted. While the disk is full rows stay, and bytes that none needs go.
  void Collect(bool dry_run, Done<CollectReport> done);
  // After a sweep of the engine's: the bytes that it left.
  void CollectBytesLater();

  // What is under way ends soon, with kUnavailable. Idempotent.
  void Stop() { stop_.store(true); }

  const OperationsMetrics& metrics() const { return metrics_; }

 private:
  static constexpr std::size_t kMaxQueue = 16;

  template <typename T, typename Work>
  void Do(Done<T> done, Work work);
  Result<BackupReport> MakeBackupNow(const BackupOptions& options);
  Result<CollectReport> CollectNow();
  Result<CollectReport> CollectDry();
  Status SweepRows(const std::shared_ptr<RetentionSweep>& sweep);
  Result<ByteTotals> RemoveBytes();

  const Deps deps_;
  OperationsMetrics metrics_;
  StopFlag stop_{false};
  ThreadPool pool_;  // last: it ends first
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_OPS_OPERATIONS_H_

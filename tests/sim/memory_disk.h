#ifndef PENSTOCK_TESTS_SIM_MEMORY_DISK_H_
#define PENSTOCK_TESTS_SIM_MEMORY_DISK_H_

// A disk in memory, for SQLite: it forgets what was not synced when the power goes, can be full or
// broken, and can stop the world before any of its operations.
//
// Every database that this process opens while a MemoryDisk lives is on it (it is SQLite's default
// file system meanwhile). One at a time; one thread. What a crash keeps: all that was synced, and
// of the writes after that none, the first ones, or any of them, one perhaps in part.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"

namespace penstock::sim {

class MemoryDisk {
 public:
  // By name: what is durable.
  using Image = std::map<std::string, std::string>;

  explicit MemoryDisk(uint64_t seed);
  ~MemoryDisk();  // when every database on it is closed
  MemoryDisk(const MemoryDisk&) = delete;
  MemoryDisk& operator=(const MemoryDisk&) = delete;

  // What does not let a file grow (SQLITE_FULL), or fails every write and sync (SQLITE_IOERR).
  void set_full(bool full) { full_ = full; }
  void set_broken(bool broken) { broken_ = broken; }
  bool full() const { return full_; }
  bool broken() const { return broken_; }

  // The power goes before the `operations`th write, sync, truncation or removal from now (1: the
  // next): what the disk holds afterwards is settled then, and what is still written is lost. 0:
  // at once.
  void CrashAfter(int64_t operations);
  // Takes back a CrashAfter that has not come to pass.
  void CancelCrash() { countdown_ = 0; }
  bool crashed() const { return after_crash_.has_value(); }
  // Once everything on it is closed: goes on with what the crash has left.
  void Revive();

  // As a backup sees it, between two transactions: all that was written.
  Image Copy() const;
  // Replaces all files. Everything is closed.
  void Load(const Image& image);

  // Whether a write or sync failed since the last call.
  bool TakeFailure() { return std::exchange(failed_, false); }
  // Writes, syncs, truncations and removals so far.
  int64_t operations() const { return operations_; }

  struct File;  // for the functions that SQLite calls
  struct Backend;
  friend struct DiskFunctions;

 private:
  bool Operate();  // counts one; false: the disk is broken

  std::unique_ptr<Backend> backend_;
  std::map<std::string, std::shared_ptr<File>> files_;
  SeededRandom random_;
  bool full_ = false;
  bool broken_ = false;
  bool failed_ = false;
  int64_t operations_ = 0;
  int64_t countdown_ = 0;
  std::optional<Image> after_crash_;
};

}  // namespace penstock::sim

#endif  // PENSTOCK_TESTS_SIM_MEMORY_DISK_H_

#include "tests/sim/memory_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <utility>

#include "base/check.h"

namespace penstock::sim {

// One file, and what connections share of it. Locks are those of SQLite's own file systems, for
// connections of one process.
struct MemoryDisk::File {
  struct Write {
    std::size_t offset = 0;
    std::string data;
    bool truncate = false;  // to `offset`
  };

  std::string data;
  std::string synced;
  std::vector<Write> unsynced;

  std::set<const void*> shared;
  const void* reserved = nullptr;
  const void* exclusive = nullptr;

  std::vector<std::unique_ptr<char[]>> regions;  // the WAL's index
  std::array<std::set<const void*>, SQLITE_SHM_NLOCK> shm_shared;
  std::array<const void*, SQLITE_SHM_NLOCK> shm_exclusive{};

  static void Apply(const Write& write, std::string& to) {
    if (write.truncate) {
      to.resize(write.offset);
      return;
    }
    if (to.size() < write.offset + write.data.size()) to.resize(write.offset + write.data.size());
    to.replace(write.offset, write.data.size(), write.data);
  }

  // What a crash leaves of it.
  std::string Settled(Random& random) const {
    std::string left = synced;
    const uint64_t how = random.Next() % 4;
    const std::size_t first = unsynced.empty() ? 0 : random.Next() % (unsynced.size() + 1);
    for (std::size_t i = 0; i < unsynced.size(); ++i) {
      const bool kept = how == 0 ? false : how == 1 ? i < first : random.Next() % 2 == 0;
      if (!kept) continue;
      Write write = unsynced[i];
      if (!write.truncate && !write.data.empty() && random.Next() % 8 == 0) {
        write.data.resize(random.Next() % write.data.size());
      }
      Apply(write, left);
    }
    return left;
  }
};

struct MemoryDisk::Backend {
  sqlite3_vfs vfs{};
  std::string name;
};

namespace {

struct Handle {
  sqlite3_file base;
  MemoryDisk* disk;
  MemoryDisk::File* file;
  std::string* temporary_name;  // to be removed when it is closed; else null
  int level;
};

}  // namespace

// The functions that SQLite calls; a class for the sake of access.
struct DiskFunctions {
  using File = MemoryDisk::File;

  static MemoryDisk& Disk(sqlite3_vfs* vfs) { return *static_cast<MemoryDisk*>(vfs->pAppData); }
  static Handle& Of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* raw, int flags, int* out) {
    MemoryDisk& disk = Disk(vfs);
    Handle& handle = Of(raw);
    handle.base.pMethods = nullptr;
    const std::string path = name != nullptr ? name
                                             : "temporary-" + std::to_string(disk.operations_) +
                                                   "-" + std::to_string(disk.files_.size());
    const bool there = disk.files_.contains(path);
    if (!there && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
    std::shared_ptr<File>& file = disk.files_[path];
    if (!file) file = std::make_shared<File>();
    handle.disk = &disk;
    handle.file = file.get();
    handle.level = SQLITE_LOCK_NONE;
    handle.temporary_name = name == nullptr || (flags & SQLITE_OPEN_DELETEONCLOSE) != 0
                                ? new std::string(path)
                                : nullptr;
    handle.base.pMethods = Methods();
    if (out != nullptr) *out = flags;
    return SQLITE_OK;
  }
  static int Delete(sqlite3_vfs* vfs, const char* name, int) {
    MemoryDisk& disk = Disk(vfs);
    if (!disk.files_.contains(name)) return SQLITE_IOERR_DELETE_NOENT;
    if (!disk.Operate()) return SQLITE_IOERR_DELETE;
    disk.files_.erase(name);
    return SQLITE_OK;
  }
  static int Access(sqlite3_vfs* vfs, const char* name, int, int* result) {
    const auto found = Disk(vfs).files_.find(name);
    *result = found != Disk(vfs).files_.end() ? 1 : 0;
    return SQLITE_OK;
  }
  static int FullPathname(sqlite3_vfs*, const char* name, int size, char* out) {
    std::snprintf(out, static_cast<std::size_t>(size), "%s", name);
    return SQLITE_OK;
  }
  static int Randomness(sqlite3_vfs* vfs, int size, char* out) {
    for (int i = 0; i < size; ++i) out[i] = static_cast<char>(Disk(vfs).random_.Next());
    return size;
  }
  static int Sleep(sqlite3_vfs*, int micros) { return micros; }
  static int CurrentTime(sqlite3_vfs*, sqlite3_int64* out) {
    *out = 212'000'000'000'000;
    return SQLITE_OK;
  }
  static int LastError(sqlite3_vfs*, int, char*) { return 0; }

  static int Close(sqlite3_file* raw) {
    Handle& handle = Of(raw);
    Unlock(raw, SQLITE_LOCK_NONE);
    if (handle.temporary_name != nullptr) {
      handle.disk->files_.erase(*handle.temporary_name);
      delete handle.temporary_name;
    }
    return SQLITE_OK;
  }
  static int Read(sqlite3_file* raw, void* out, int size, sqlite3_int64 offset) {
    const std::string& data = Of(raw).file->data;
    const auto want = static_cast<std::size_t>(size);
    const auto from = static_cast<std::size_t>(offset);
    const std::size_t got = from >= data.size() ? 0 : std::min(want, data.size() - from);
    std::memcpy(out, data.data() + std::min(from, data.size()), got);
    if (got == want) return SQLITE_OK;
    std::memset(static_cast<char*>(out) + got, 0, want - got);
    return SQLITE_IOERR_SHORT_READ;
  }
  static int Write(sqlite3_file* raw, const void* data, int size, sqlite3_int64 offset) {
    Handle& handle = Of(raw);
    MemoryDisk& disk = *handle.disk;
    if (!disk.Operate()) return SQLITE_IOERR_WRITE;
    const auto end = static_cast<std::size_t>(offset) + static_cast<std::size_t>(size);
    if (disk.full_ && end > handle.file->data.size()) {
      disk.failed_ = true;
      return SQLITE_FULL;
    }
    Change(handle,
           {static_cast<std::size_t>(offset),
            std::string(static_cast<const char*>(data), static_cast<std::size_t>(size)), false});
    return SQLITE_OK;
  }
  static int Truncate(sqlite3_file* raw, sqlite3_int64 size) {
    Handle& handle = Of(raw);
    if (!handle.disk->Operate()) return SQLITE_IOERR_TRUNCATE;
    Change(handle, {static_cast<std::size_t>(size), "", true});
    return SQLITE_OK;
  }
  static void Change(Handle& handle, File::Write write) {
    File::Apply(write, handle.file->data);
    handle.file->unsynced.push_back(std::move(write));
  }
  static int Sync(sqlite3_file* raw, int) {
    Handle& handle = Of(raw);
    if (!handle.disk->Operate()) return SQLITE_IOERR_FSYNC;
    for (const File::Write& write : handle.file->unsynced) {
      File::Apply(write, handle.file->synced);
    }
    handle.file->unsynced.clear();
    return SQLITE_OK;
  }
  static int Size(sqlite3_file* raw, sqlite3_int64* out) {
    *out = static_cast<sqlite3_int64>(Of(raw).file->data.size());
    return SQLITE_OK;
  }

  static int Lock(sqlite3_file* raw, int level) {
    Handle& handle = Of(raw);
    File& file = *handle.file;
    if (handle.level >= level) return SQLITE_OK;
    if (file.exclusive != nullptr && file.exclusive != raw) return SQLITE_BUSY;
    if (level == SQLITE_LOCK_SHARED) {
      file.shared.insert(raw);
    } else {
      if (file.reserved != nullptr && file.reserved != raw) return SQLITE_BUSY;
      if (level == SQLITE_LOCK_EXCLUSIVE) {
        if (file.shared.size() > file.shared.count(raw)) return SQLITE_BUSY;
        file.exclusive = raw;
      }
      file.reserved = raw;
    }
    handle.level = level;
    return SQLITE_OK;
  }
  static int Unlock(sqlite3_file* raw, int level) {
    Handle& handle = Of(raw);
    File& file = *handle.file;
    if (handle.level <= level) return SQLITE_OK;
    if (file.exclusive == raw) file.exclusive = nullptr;
    if (file.reserved == raw) file.reserved = nullptr;
    if (level == SQLITE_LOCK_NONE) file.shared.erase(raw);
    handle.level = level;
    return SQLITE_OK;
  }
  static int CheckReserved(sqlite3_file* raw, int* out) {
    *out = Of(raw).file->reserved != nullptr;
    return SQLITE_OK;
  }
  static int Control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int SectorSize(sqlite3_file*) { return 4096; }
  static int Characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  static int ShmMap(sqlite3_file* raw, int index, int size, int extend, void volatile** out) {
    File& file = *Of(raw).file;
    const auto i = static_cast<std::size_t>(index);
    while (file.regions.size() <= i) {
      if (extend == 0) {
        *out = nullptr;
        return SQLITE_OK;
      }
      file.regions.push_back(std::make_unique<char[]>(static_cast<std::size_t>(size)));
    }
    *out = file.regions[i].get();
    return SQLITE_OK;
  }
  static int ShmLock(sqlite3_file* raw, int offset, int count, int flags) {
    File& file = *Of(raw).file;
    const auto begin = static_cast<std::size_t>(offset);
    const std::size_t end = begin + static_cast<std::size_t>(count);
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      for (std::size_t i = begin; i < end; ++i) {
        file.shm_shared[i].erase(raw);
        if (file.shm_exclusive[i] == raw) file.shm_exclusive[i] = nullptr;
      }
      return SQLITE_OK;
    }
    const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    for (std::size_t i = begin; i < end; ++i) {
      if (file.shm_exclusive[i] != nullptr && file.shm_exclusive[i] != raw) return SQLITE_BUSY;
      const std::set<const void*>& shared = file.shm_shared[i];
      if (exclusive && shared.size() > shared.count(raw)) return SQLITE_BUSY;
    }
    for (std::size_t i = begin; i < end; ++i) {
      if (exclusive) {
        file.shm_exclusive[i] = raw;
      } else {
        file.shm_shared[i].insert(raw);
      }
    }
    return SQLITE_OK;
  }
  static void ShmBarrier(sqlite3_file*) {}
  static int ShmUnmap(sqlite3_file* raw, int remove) {
    File& file = *Of(raw).file;
    for (std::size_t i = 0; i < file.shm_shared.size(); ++i) {
      file.shm_shared[i].erase(raw);
      if (file.shm_exclusive[i] == raw) file.shm_exclusive[i] = nullptr;
    }
    if (remove != 0) file.regions.clear();
    return SQLITE_OK;
  }

  static const sqlite3_io_methods* Methods() {
    static const sqlite3_io_methods methods = [] {
      sqlite3_io_methods m{};
      m.iVersion = 2;
      m.xClose = Close;
      m.xRead = Read;
      m.xWrite = Write;
      m.xTruncate = Truncate;
      m.xSync = Sync;
      m.xFileSize = Size;
      m.xLock = Lock;
      m.xUnlock = Unlock;
      m.xCheckReservedLock = CheckReserved;
      m.xFileControl = Control;
      m.xSectorSize = SectorSize;
      m.xDeviceCharacteristics = Characteristics;
      m.xShmMap = ShmMap;
      m.xShmLock = ShmLock;
      m.xShmBarrier = ShmBarrier;
      m.xShmUnmap = ShmUnmap;
      return m;
    }();
    return &methods;
  }
};

MemoryDisk::MemoryDisk(uint64_t seed) : backend_(std::make_unique<Backend>()), random_(seed) {
  backend_->name = "penstock-memory";
  sqlite3_vfs& vfs = backend_->vfs;
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(Handle);
  vfs.mxPathname = 512;
  vfs.zName = backend_->name.c_str();
  vfs.pAppData = this;
  vfs.xOpen = DiskFunctions::Open;
  vfs.xDelete = DiskFunctions::Delete;
  vfs.xAccess = DiskFunctions::Access;
  vfs.xFullPathname = DiskFunctions::FullPathname;
  vfs.xRandomness = DiskFunctions::Randomness;
  vfs.xSleep = DiskFunctions::Sleep;
  vfs.xGetLastError = DiskFunctions::LastError;
  vfs.xCurrentTimeInt64 = DiskFunctions::CurrentTime;
  PENSTOCK_CHECK(sqlite3_vfs_register(&vfs, /*makeDflt=*/1) == SQLITE_OK);
}

MemoryDisk::~MemoryDisk() {
  sqlite3_vfs_unregister(&backend_->vfs);
}

bool MemoryDisk::Operate() {
  ++operations_;
  if (countdown_ > 0 && --countdown_ == 0) CrashAfter(0);
  if (broken_) failed_ = true;
  return !broken_;
}

void MemoryDisk::CrashAfter(int64_t operations) {
  countdown_ = operations;
  if (operations > 0 || crashed()) return;
  Image& image = after_crash_.emplace();
  for (const auto& [name, file] : files_) image[name] = file->Settled(random_);
}

void MemoryDisk::Revive() {
  PENSTOCK_CHECK(crashed());
  const Image image = *std::exchange(after_crash_, std::nullopt);
  Load(image);
}

MemoryDisk::Image MemoryDisk::Copy() const {
  Image image;
  for (const auto& [name, file] : files_) image[name] = file->data;
  return image;
}

void MemoryDisk::Load(const Image& image) {
  countdown_ = 0;
  after_crash_.reset();
  files_.clear();
  for (const auto& [name, data] : image) {
    auto file = std::make_shared<File>();
    file->data = data;
    file->synced = data;
    files_[name] = std::move(file);
  }
}

}  // namespace penstock::sim

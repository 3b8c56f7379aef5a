#ifndef PENSTOCK_STORAGE_ARTIFACT_LOCAL_ARTIFACT_STORE_H_
#define PENSTOCK_STORAGE_ARTIFACT_LOCAL_ARTIFACT_STORE_H_

// Content-addressed files in a folder:
//   ROOT/blobs/ab/cdef…   the file whose SHA-256 is abcdef…, read-only
//   ROOT/tmp/             what is being written; emptied when the store is opened
//
// A file is written beside, synced, renamed into its place, and its folder synced: a blob that is
// there is whole. Equal content is stored once. Thread-safe; several processes may share a root, of
// which one opens it with `clean`, and that one alone removes.
//
// A blob's modification time is its last use: when it was stored, stored again, or touched.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/result.h"
#include "storage/artifact/manifest.h"

namespace penstock {

struct BlobInfo {
  Digest digest;
  int64_t size = 0;
  bool existed = false;
};

struct TreeInfo {
  Digest digest;  // of the manifest
  int64_t size = 0;
  int32_t files = 0;
};

struct StoredBlob {
  Digest digest;
  int64_t size = 0;
  Time last_used;
};

// Reads and checks: the last Read fails with kDataLoss (CORRUPT) where the bytes are not the
// digest's. Not thread-safe.
class BlobReader {
 public:
  // Up to `max_bytes` from where the last read ended; empty at the end.
  Result<std::string> Read(std::size_t max_bytes);
  int64_t size() const { return size_; }

 private:
  friend class LocalArtifactStore;
  UniqueFd fd_;
  Digest digest_;
  int64_t size_ = 0;
  int64_t offset_ = 0;
  bool verify_ = true;  // reads that begin at an offset are not checked
  Sha256Hasher hasher_;
};

class LocalArtifactStore {
 public:
  struct Options {
    bool sync = true;   // fsync; a cache that can be fetched again needs none
    bool clean = true;  // empty ROOT/tmp
  };
  static Result<std::unique_ptr<LocalArtifactStore>> Open(const std::filesystem::path& root,
                                                          Options options);

  // One file being written. Not thread-safe. Gone without a trace unless committed.
  class Writer {
   public:
    Writer(Writer&& other) noexcept;
    ~Writer();
    Status Append(std::string_view bytes);
    // kDataLoss (DIGEST_MISMATCH) where `expected` is not empty and not what was written.
    Result<BlobInfo> Commit(const Digest& expected = {});

   private:
    friend class LocalArtifactStore;
    Writer(LocalArtifactStore* store, UniqueFd fd, std::filesystem::path path)
        : store_(store), fd_(std::move(fd)), path_(std::move(path)) {}
    LocalArtifactStore* store_;
    UniqueFd fd_;
    std::filesystem::path path_;
    Sha256Hasher hasher_;
    int64_t size_ = 0;
  };
  Result<Writer> NewWriter();

  // Stores bytes, or the content of a file. `move`: the file is taken over where that is cheaper
  // than a copy (same file system), and must not be used any more.
  Result<BlobInfo> PutBytes(std::string_view bytes);
  Result<BlobInfo> PutFile(const std::filesystem::path& path, bool move);
  // Stores every file of a folder and the manifest. kInvalidArgument for links and odd names.
  Result<TreeInfo> PutTree(const std::filesystem::path& folder, bool move);

  bool Contains(const Digest& digest) const;
  // Contains, and counts as a use of it now.
  bool Touch(const Digest& digest) const;
  // Every blob, in no order. Of those that come or go meanwhile, any may be missing.
  Result<std::vector<StoredBlob>> List() const;
  // kNotFound.
  Result<int64_t> Size(const Digest& digest) const;
  Result<BlobReader> OpenBlob(const Digest& digest, int64_t offset = 0) const;
  // The whole content, checked; for small files.
  Result<std::string> ReadBlob(const Digest& digest, int64_t max_bytes) const;
  Result<Manifest> ReadManifest(const Digest& digest) const;
  // Makes `destination` from a file or a tree: hard links where `link`, else copies. Links share
  // their bytes with the store: only for programs that do not write to them.
  Status Materialise(const Digest& digest, bool tree, const std::filesystem::path& destination,
                     bool link) const;
  Status Remove(const Digest& digest);
  // Removes a blob, unless it was last used at `since` or later; also where that happens at this
  // moment, in this process or another: whoever found it by Touch, or stored it, still has it.
  // Returns whether it is gone.
  Result<bool> RemoveUnlessUsed(const Digest& digest, Time since);
  // Takes a blob over from another store; whether it was new here. By a hard link where `link` and
  // the file system allow it, unread; else a copy, checked on the way: kDataLoss where the other's
  // bytes are damaged. kNotFound where it has none.
  Result<bool> Import(const LocalArtifactStore& from, const Digest& digest, bool link);
  // Reads all of it: kDataLoss (CORRUPT), kNotFound.
  Status Verify(const Digest& digest) const;
  std::filesystem::path PathOf(const Digest& digest) const;
  const std::filesystem::path& temp_folder() const { return temp_; }

 private:
  LocalArtifactStore(std::filesystem::path root, Options options)
      : blobs_(root / "blobs"), temp_(root / "tmp"), options_(options) {}
  // Renames a finished temporary file into its place.
  Status Place(const std::filesystem::path& from, const Digest& digest);

  const std::filesystem::path blobs_;
  const std::filesystem::path temp_;
  const Options options_;
  mutable Mutex removal_mutex_;  // held while a blob may be out of its place for a moment
};

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_ARTIFACT_LOCAL_ARTIFACT_STORE_H_

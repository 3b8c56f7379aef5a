#ifndef PENSTOCK_BASE_FILE_H_
#define PENSTOCK_BASE_FILE_H_

// Files and folders behind Status. Functions are thread-safe; paths in messages are as given.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace penstock {

// Owns a file descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~UniqueFd() { Close(); }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Close();

 private:
  int fd_ = -1;
};

// kNotFound, kResourceExhausted (TOO_LARGE) over `max_bytes`.
Result<std::string> ReadFile(const std::filesystem::path& path, int64_t max_bytes = 64 << 20);
// Writes beside the place and renames into it, durably: readers see the old or the new content.
Status WriteFileAtomic(const std::filesystem::path& path, std::string_view bytes, int mode = 0644);
// Writes all of `bytes` to a descriptor.
Status WriteAll(int fd, std::string_view bytes, const std::string& name);

// Makes the folder and those above it. One that is there already is fine.
Status MakeFolders(const std::filesystem::path& path);
// Removes a file or folder with all that is in it; one that is not there is fine.
Status RemoveAll(const std::filesystem::path& path);
// fsync of a file or of a folder's entries.
Status SyncPath(const std::filesystem::path& path);
// Hard link where the file system allows it, else a copy.
Status LinkOrCopy(const std::filesystem::path& from, const std::filesystem::path& to);

// A folder of its own below `parent`, removed with the object.
class TempFolder {
 public:
  static Result<TempFolder> Make(const std::filesystem::path& parent);
  TempFolder(TempFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempFolder& operator=(TempFolder&& other) noexcept;
  ~TempFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TempFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// An exclusive flock on a file, held as long as the object lives and gone with the process.
class FileLock {
 public:
  // kFailedPrecondition (LOCKED) names the process that holds it.
  static Result<FileLock> Take(const std::filesystem::path& path);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace penstock

#endif  // PENSTOCK_BASE_FILE_H_

#include "base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/fault_point.h"
#include "base/unfinished_writes.h"

namespace penstock {

namespace fs = std::filesystem;

void UniqueFd::Close() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

Result<std::string> ReadFile(const fs::path& path, int64_t max_bytes) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "reading " + path.string());
  std::string bytes;
  char buffer[64 << 10];
  while (true) {
    const ssize_t count = read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "reading " + path.string());
    if (count == 0) return bytes;
    if (static_cast<int64_t>(bytes.size()) + count > max_bytes) {
      return ResourceExhausted(
          path.string() + " is larger than " + std::to_string(max_bytes) + " bytes", "TOO_LARGE");
    }
    bytes.append(buffer, static_cast<std::size_t>(count));
  }
}

Status WriteAll(int fd, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "writing " + name);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return Status::Ok();
}

Status WriteFileAtomic(const fs::path& path, std::string_view bytes, int mode) {
  const fs::path temporary =
      path.string() + std::string(kUnfinishedWrite) + std::to_string(getpid());
  UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd.valid()) return ErrnoStatus(errno, "writing " + path.string());
  Status status = WriteAll(fd.get(), bytes, path.string());
  if (status.ok() && fsync(fd.get()) != 0) status = ErrnoStatus(errno, "syncing " + path.string());
  fd.Close();
  if (status.ok()) status = PENSTOCK_FAULT_STATUS("file.rename");
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = ErrnoStatus(errno, "renaming into " + path.string());
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  return SyncPath(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

bool IsUnfinishedWrite(const std::string& name) {
  const auto mark = name.rfind(kUnfinishedWrite);
  if (mark == std::string::npos) return false;
  const std::string pid = name.substr(mark + kUnfinishedWrite.size());
  return !pid.empty() && pid.find_first_not_of("0123456789") == std::string::npos;
}

Status RemoveUnfinishedWrites(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!IsUnfinishedWrite(entry.path().filename().string())) continue;
    std::error_code unknown;
    if (entry.symlink_status(unknown).type() != fs::file_type::regular) continue;
    if (unlink(entry.path().c_str()) != 0 && errno != ENOENT) {
      return ErrnoStatus(errno, "removing " + entry.path().string());
    }
  }
  if (error) return ErrnoStatus(error.value(), "reading " + folder.string());
  return Status::Ok();
}

Status MakeFolders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return ErrnoStatus(error.value(), "making the folder " + path.string());
  return Status::Ok();
}

Status RemoveAll(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return ErrnoStatus(error.value(), "removing " + path.string());
  return Status::Ok();
}

Status SyncPath(const fs::path& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid() || fsync(fd.get()) != 0) return ErrnoStatus(errno, "syncing " + path.string());
  return Status::Ok();
}

Status LinkOrCopy(const fs::path& from, const fs::path& to) {
  if (link(from.c_str(), to.c_str()) == 0) return Status::Ok();
  if (errno == EEXIST || errno == ENOENT) return ErrnoStatus(errno, "linking " + to.string());
  std::error_code error;
  fs::copy_file(from, to, error);
  if (error) return ErrnoStatus(error.value(), "copying to " + to.string());
  return Status::Ok();
}

Result<TempFolder> TempFolder::Make(const fs::path& parent) {
  std::string pattern = (parent / "tmp-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    return ErrnoStatus(errno, "making a temporary folder in " + parent.string());
  }
  return TempFolder(pattern);
}

TempFolder& TempFolder::operator=(TempFolder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TempFolder::~TempFolder() {
  if (!path_.empty()) (void)RemoveAll(path_);
}

Result<FileLock> FileLock::Take(const fs::path& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.valid()) return ErrnoStatus(errno, "opening the lock " + path.string());
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    const Result<std::string> holder = ReadFile(path, 64);
    return FailedPrecondition(path.string() + " is held by process " +
                                  (holder.ok() ? *holder : "?") +
                                  ": one process at a time may use a data directory",
                              "LOCKED");
  }
  const std::string pid = std::to_string(getpid());
  if (ftruncate(fd.get(), 0) != 0) return ErrnoStatus(errno, "writing " + path.string());
  PENSTOCK_RETURN_IF_ERROR(WriteAll(fd.get(), pid, path.string()));
  return FileLock(std::move(fd));
}

}  // namespace penstock

#include "storage/artifact/local_artifact_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/fault_point.h"
#include "base/log.h"
#include "storage/model/limits.h"

namespace penstock {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBufferBytes = 1 << 20;

Result<BlobInfo> HashFile(const fs::path& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "reading " + path.string());
  Sha256Hasher hasher;
  BlobInfo info;
  std::string buffer(kBufferBytes, '\0');
  while (true) {
    const ssize_t count = read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "reading " + path.string());
    if (count == 0) break;
    hasher.Update({buffer.data(), static_cast<std::size_t>(count)});
    info.size += count;
  }
  info.digest = hasher.Finish();
  return info;
}

// Whether the file is there.
bool SetLastUsed(const fs::path& path) {
  const int64_t now = Clock::Real().Now().micros;
  const timespec time{now / 1'000'000, now % 1'000'000 * 1'000};
  const timespec times[2] = {time, time};
  return utimensat(AT_FDCWD, path.c_str(), times, 0) == 0 || access(path.c_str(), F_OK) == 0;
}

Time LastUsed(const struct stat& info) {
  return {int64_t{info.st_mtim.tv_sec} * 1'000'000 + info.st_mtim.tv_nsec / 1'000};
}

}  // namespace

// --- Reading

Result<std::string> BlobReader::Read(std::size_t max_bytes) {
  std::string bytes(std::min<std::size_t>(max_bytes, static_cast<std::size_t>(size_ - offset_)),
                    '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = pread(fd_.get(), bytes.data() + filled, bytes.size() - filled,
                                offset_ + static_cast<int64_t>(filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "reading " + FormatDigest(digest_));
    if (count == 0) return DataLoss(FormatDigest(digest_) + " became shorter", "CORRUPT");
    filled += static_cast<std::size_t>(count);
  }
  offset_ += static_cast<int64_t>(filled);
  if (verify_ && filled > 0) {
    hasher_.Update(bytes);
    if (offset_ == size_) {
      verify_ = false;
      if (hasher_.Finish() != digest_) {
        LOG_ERROR("stored bytes are not what their digest says digest={}", digest_);
        return DataLoss("the stored bytes of " + FormatDigest(digest_) +
                            " do not have that digest any more; restore them from a backup, or run "
                            "the step again",
                        "CORRUPT");
      }
    }
  }
  return bytes;
}

// --- Writing

LocalArtifactStore::Writer::Writer(Writer&& other) noexcept
    : store_(other.store_),
      fd_(std::move(other.fd_)),
      path_(std::exchange(other.path_, {})),
      hasher_(std::move(other.hasher_)),
      size_(other.size_) {}

LocalArtifactStore::Writer::~Writer() {
  if (!path_.empty()) unlink(path_.c_str());
}

Status LocalArtifactStore::Writer::Append(std::string_view bytes) {
  PENSTOCK_RETURN_IF_ERROR(PENSTOCK_FAULT_STATUS("artifact.write"));
  hasher_.Update(bytes);
  size_ += static_cast<int64_t>(bytes.size());
  return WriteAll(fd_.get(), bytes, path_.string());
}

Result<BlobInfo> LocalArtifactStore::Writer::Commit(const Digest& expected) {
  BlobInfo info{hasher_.Finish(), size_, false};
  if (!expected.empty() && info.digest != expected) {
    return DataLoss("the bytes that arrived have the digest " + FormatDigest(info.digest) +
                        ", not " + FormatDigest(expected),
                    "DIGEST_MISMATCH");
  }
  info.existed = store_->Touch(info.digest);
  if (info.existed) return info;
  if (store_->options_.sync && fsync(fd_.get()) != 0) {
    return ErrnoStatus(errno, "syncing " + path_.string());
  }
  PENSTOCK_RETURN_IF_ERROR(store_->Place(path_, info.digest));
  path_.clear();
  return info;
}

Result<std::unique_ptr<LocalArtifactStore>> LocalArtifactStore::Open(const fs::path& root,
                                                                     Options options) {
  std::unique_ptr<LocalArtifactStore> store(new LocalArtifactStore(root, options));
  if (options.clean) PENSTOCK_RETURN_IF_ERROR(RemoveAll(store->temp_));
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(store->temp_));
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(store->blobs_));
  return store;
}

Result<LocalArtifactStore::Writer> LocalArtifactStore::NewWriter() {
  std::string pattern = (temp_ / "blob-XXXXXX").string();
  const int fd = mkostemp(pattern.data(), O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, "making a file in " + temp_.string());
  return Writer(this, UniqueFd(fd), pattern);
}

Status LocalArtifactStore::Place(const fs::path& from, const Digest& digest) {
  PENSTOCK_RETURN_IF_ERROR(PENSTOCK_FAULT_STATUS("artifact.place"));
  const fs::path to = PathOf(digest);
  chmod(from.c_str(), 0444);
  (void)SetLastUsed(from);
  if (rename(from.c_str(), to.c_str()) != 0) {
    if (errno != ENOENT) return ErrnoStatus(errno, "storing " + FormatDigest(digest));
    PENSTOCK_RETURN_IF_ERROR(MakeFolders(to.parent_path()));
    if (options_.sync) PENSTOCK_RETURN_IF_ERROR(SyncPath(blobs_));
    if (rename(from.c_str(), to.c_str()) != 0) {
      return ErrnoStatus(errno, "storing " + FormatDigest(digest));
    }
  }
  PENSTOCK_FAULT_POINT("artifact.renamed");
  return options_.sync ? SyncPath(to.parent_path()) : Status::Ok();
}

Result<BlobInfo> LocalArtifactStore::PutBytes(std::string_view bytes) {
  PENSTOCK_ASSIGN_OR_RETURN(Writer writer, NewWriter());
  PENSTOCK_RETURN_IF_ERROR(writer.Append(bytes));
  return writer.Commit();
}

Result<BlobInfo> LocalArtifactStore::PutFile(const fs::path& path, bool move) {
  if (move) {
    PENSTOCK_ASSIGN_OR_RETURN(BlobInfo info, HashFile(path));
    info.existed = Touch(info.digest);
    if (info.existed) return info;
    if (options_.sync) PENSTOCK_RETURN_IF_ERROR(SyncPath(path));
    // A name of its own: another may be storing the same content.
    static std::atomic<int64_t> next{1};
    const fs::path staged =
        temp_ / ("move-" + std::to_string(getpid()) + "-" + std::to_string(next++));
    if (rename(path.c_str(), staged.c_str()) == 0) {
      PENSTOCK_RETURN_IF_ERROR(Place(staged, info.digest));
      return info;
    }
    if (errno != EXDEV) return ErrnoStatus(errno, "taking over " + path.string());
  }
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "reading " + path.string());
  PENSTOCK_ASSIGN_OR_RETURN(Writer writer, NewWriter());
  std::string buffer(kBufferBytes, '\0');
  while (true) {
    const ssize_t count = read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "reading " + path.string());
    if (count == 0) return writer.Commit();
    PENSTOCK_RETURN_IF_ERROR(writer.Append({buffer.data(), static_cast<std::size_t>(count)}));
  }
}

Result<TreeInfo> LocalArtifactStore::PutTree(const fs::path& folder, bool move) {
  Manifest manifest;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().lexically_relative(folder).generic_string();
    if (it->is_symlink() || (!it->is_directory() && !it->is_regular_file())) {
      return InvalidArgument(name + " is neither a file nor a folder; a tree holds only those");
    }
    if (it->is_directory()) continue;
    if (!IsSafePath(name)) return InvalidArgument("\"" + name + "\" cannot be a path in a tree");
    if (manifest.files.size() >= static_cast<std::size_t>(limits::kMaxTreeFiles)) {
      return ResourceExhausted("the folder holds more than " +
                               std::to_string(limits::kMaxTreeFiles) + " files");
    }
    const bool executable = access(it->path().c_str(), X_OK) == 0;
    PENSTOCK_ASSIGN_OR_RETURN(const BlobInfo blob, PutFile(it->path(), move));
    manifest.files.push_back({name, blob.digest, blob.size, executable});
  }
  if (error) return ErrnoStatus(error.value(), "reading " + folder.string());
  TreeInfo info;
  PENSTOCK_ASSIGN_OR_RETURN(const BlobInfo blob, PutBytes(manifest.Serialise()));
  info.digest = blob.digest;
  info.size = manifest.total_size();
  info.files = static_cast<int32_t>(manifest.files.size());
  return info;
}

// --- Questions

fs::path LocalArtifactStore::PathOf(const Digest& digest) const {
  const std::string& hex = digest.value();
  return blobs_ / hex.substr(0, 2) / hex.substr(2);
}

bool LocalArtifactStore::Contains(const Digest& digest) const {
  return access(PathOf(digest).c_str(), F_OK) == 0;
}

bool LocalArtifactStore::Touch(const Digest& digest) const {
  const MutexLock lock(removal_mutex_);
  // Another process may take it out of its place between the look-up and the setting of the time:
  // only a blob that is still there afterwards has been seen as used.
  return SetLastUsed(PathOf(digest)) && Contains(digest);
}

Result<std::vector<StoredBlob>> LocalArtifactStore::List() const {
  std::vector<StoredBlob> blobs;
  std::error_code error;
  for (fs::recursive_directory_iterator it(blobs_, error), end; !error && it != end;
       it.increment(error)) {
    struct stat info {};
    if (stat(it->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    Result<Digest> digest =
        ParseDigest(it->path().parent_path().filename().string() + it->path().filename().string());
    if (!digest.ok()) continue;  // not ours
    blobs.push_back({*std::move(digest), info.st_size, LastUsed(info)});
  }
  if (error) return ErrnoStatus(error.value(), "reading " + blobs_.string());
  return blobs;
}

Result<int64_t> LocalArtifactStore::Size(const Digest& digest) const {
  struct stat info {};
  if (stat(PathOf(digest).c_str(), &info) != 0) {
    return NotFound(FormatDigest(digest) + " is not in the artifact store", "BLOB_NOT_FOUND");
  }
  return info.st_size;
}

Result<BlobReader> LocalArtifactStore::OpenBlob(const Digest& digest, int64_t offset) const {
  BlobReader reader;
  PENSTOCK_ASSIGN_OR_RETURN(reader.size_, Size(digest));
  reader.fd_ = UniqueFd(open(PathOf(digest).c_str(), O_RDONLY | O_CLOEXEC));
  if (!reader.fd_.valid()) return ErrnoStatus(errno, "reading " + FormatDigest(digest));
  if (offset < 0 || offset > reader.size_) {
    return OutOfRange("offset " + std::to_string(offset) + " is outside the file's " +
                      std::to_string(reader.size_) + " bytes");
  }
  reader.digest_ = digest;
  reader.offset_ = offset;
  reader.verify_ = offset == 0;
  return reader;
}

Result<std::string> LocalArtifactStore::ReadBlob(const Digest& digest, int64_t max_bytes) const {
  PENSTOCK_ASSIGN_OR_RETURN(BlobReader reader, OpenBlob(digest));
  if (reader.size() > max_bytes) {
    return ResourceExhausted(FormatDigest(digest) + " is larger than expected", "TOO_LARGE");
  }
  return reader.Read(static_cast<std::size_t>(reader.size()));
}

Result<Manifest> LocalArtifactStore::ReadManifest(const Digest& digest) const {
  PENSTOCK_ASSIGN_OR_RETURN(const std::string text, ReadBlob(digest, limits::kMaxManifestBytes));
  return ParseManifest(text);
}

Status LocalArtifactStore::Materialise(const Digest& digest, bool tree, const fs::path& destination,
                                       bool link) const {
  const auto place = [&](const Digest& blob, const fs::path& to, bool executable) -> Status {
    const fs::path from = PathOf(blob);
    // A link has the store's mode: what must be executable is copied.
    if (link && !executable) return LinkOrCopy(from, to);
    std::error_code error;
    fs::copy_file(from, to, error);
    if (error) return ErrnoStatus(error.value(), "copying to " + to.string());
    chmod(to.c_str(), executable ? 0755 : 0644);
    return Status::Ok();
  };
  if (!tree) return place(digest, destination, false);
  PENSTOCK_ASSIGN_OR_RETURN(const Manifest manifest, ReadManifest(digest));
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(destination));
  for (const ManifestEntry& file : manifest.files) {
    const fs::path to = destination / file.path;
    if (file.path.find('/') != std::string::npos) {
      PENSTOCK_RETURN_IF_ERROR(MakeFolders(to.parent_path()));
    }
    PENSTOCK_RETURN_IF_ERROR(place(file.digest, to, file.executable));
  }
  return Status::Ok();
}

Status LocalArtifactStore::Remove(const Digest& digest) {
  if (unlink(PathOf(digest).c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, "removing " + FormatDigest(digest));
  }
  return Status::Ok();
}

Result<bool> LocalArtifactStore::RemoveUnlessUsed(const Digest& digest, Time since) {
  const fs::path place = PathOf(digest);
  const fs::path aside = temp_ / ("remove-" + digest.value());
  const MutexLock lock(removal_mutex_);
  struct stat info {};
  if (stat(place.c_str(), &info) != 0) return true;
  if (LastUsed(info) >= since) return false;
  // First out of the way, then judged again: from here on nobody can find it, and who found it
  // before has left the time of that.
  if (rename(place.c_str(), aside.c_str()) != 0) {
    return ErrnoStatus(errno, "removing " + FormatDigest(digest));
  }
  PENSTOCK_FAULT_POINT("artifact.set_aside");
  if (stat(aside.c_str(), &info) == 0 && LastUsed(info) >= since) {
    if (rename(aside.c_str(), place.c_str()) == 0) return false;
    return ErrnoStatus(errno, "putting back " + FormatDigest(digest));
  }
  if (unlink(aside.c_str()) != 0) {
    return ErrnoStatus(errno, "removing " + FormatDigest(digest));
  }
  return true;
}

}  // namespace penstock

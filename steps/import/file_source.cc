// file:/// addresses: copies a file or a folder of this machine.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/text.h"
#include "steps/import/sources.h"
#include "storage/model/limits.h"

namespace penstock::importing {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kScheme = "file://";
constexpr std::size_t kBlock = 1 << 20;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The path of "file:///a%20b"; kInvalidArgument for what is none.
Result<fs::path> PathOf(const std::string& uri) {
  const Status bad = InvalidArgument("\"" + uri + "\" must be file:/// and an absolute path");
  if (uri.compare(0, kScheme.size(), kScheme) != 0) return bad;
  std::string path;
  for (std::size_t i = kScheme.size(); i < uri.size(); ++i) {
    if (uri[i] == '%' && i + 2 < uri.size() && HexDigit(uri[i + 1]) >= 0 &&
        HexDigit(uri[i + 2]) >= 0) {
      path += static_cast<char>(HexDigit(uri[i + 1]) * 16 + HexDigit(uri[i + 2]));
      i += 2;
    } else {
      path += uri[i];
    }
  }
  if (path.empty() || path[0] != '/' || path.find('\0') != std::string::npos) return bad;
  return fs::path(path);
}

bool IsBelow(const fs::path& path, const fs::path& root) {
  const auto [root_end, rest] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  return root_end == root.end();
}

class Import {
 public:
  explicit Import(StepContext& context)
      : context_(context), uri_(JsonString(context.parameters(), "uri")) {}

  Result<StepOutcome> Run() {
    PENSTOCK_ASSIGN_OR_RETURN(const fs::path given, PathOf(uri_));
    std::error_code error;
    const fs::path real = fs::canonical(given, error);
    if (error) return ErrnoStatus(error.value(), uri_);
    PENSTOCK_RETURN_IF_ERROR(FindRoot(real));
    const fs::path output = context_.output_dir() / "data";
    StepOutcome outcome;
    if (fs::is_directory(real, error)) {
      PENSTOCK_RETURN_IF_ERROR(CopyFolder(real, output));
      outcome.outputs.push_back({"data", output, ArtifactType::kDataset});
    } else {
      PENSTOCK_RETURN_IF_ERROR(CopyFile(real, output));
      outcome.outputs.push_back({"data", output, ArtifactType::kFile});
    }
    context_.Log("imported " + uri_ + ": " + std::to_string(files_) + " files, " +
                 FormatSize(bytes_));
    outcome.metrics["files"] = static_cast<double>(files_);
    outcome.metrics["bytes"] = static_cast<double>(bytes_);
    return outcome;
  }

 private:
  Status FindRoot(const fs::path& real) {
    const std::vector<std::string> roots = Texts(JsonMember(context_.parameters(), "roots"));
    for (const std::string& root : roots) {
      std::error_code error;
      const fs::path real_root = fs::canonical(root, error);
      if (error || !IsBelow(real, real_root)) continue;
      root_ = real_root;
      return Status::Ok();
    }
    return PermissionDenied(
        uri_ + " is not below a data root of this worker (" +
            (roots.empty() ? std::string("it has none") : Join(roots, ", ")) +
            "); move the data there, add the folder to dataRoots, or upload the file with "
            "-p NAME=@PATH",
        "OUTSIDE_DATA_ROOTS");
  }

  Status CopyFolder(const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::create_directories(to, error);
    if (error) return ErrnoStatus(error.value(), to.string());
    for (const auto& entry : fs::directory_iterator(from, error)) {
      const fs::path target = to / entry.path().filename();
      // A link inside may lead out of the root.
      const fs::path real = fs::canonical(entry.path(), error);
      const std::string name = uri_ + "/" + entry.path().filename().string();
      if (error) return ErrnoStatus(error.value(), name);
      if (!IsBelow(real, root_)) {
        return PermissionDenied(name + " leads out of the data root", "OUTSIDE_DATA_ROOTS");
      }
      if (entry.is_directory(error)) {
        if (entry.is_symlink(error)) {
          return InvalidArgument(name + " is a link to a folder; import that folder itself");
        }
        PENSTOCK_RETURN_IF_ERROR(CopyFolder(entry.path(), target));
      } else {
        PENSTOCK_RETURN_IF_ERROR(CopyFile(real, target));
      }
    }
    if (error) return ErrnoStatus(error.value(), uri_);
    return Status::Ok();
  }

  Status CopyFile(const fs::path& from, const fs::path& to) {
    if (++files_ > limits::kMaxTreeFiles) {
      return InvalidArgument(uri_ + " holds more than " + std::to_string(limits::kMaxTreeFiles) +
                             " files");
    }
    // Non-blocking: opening a pipe must not wait for its writer.
    const int in = open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (in < 0) return ErrnoStatus(errno, uri_);
    struct stat about {};
    if (fstat(in, &about) != 0 || !S_ISREG(about.st_mode)) {
      close(in);
      return InvalidArgument(uri_ + ": " + from.filename().string() + " is not a regular file");
    }
    const int out = open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (out < 0) {
      const Status status = ErrnoStatus(errno, to.string());
      close(in);
      return status;
    }
    const Status status = CopyBytes(in, out, about.st_size);
    close(in);
    if (close(out) != 0 && status.ok()) return ErrnoStatus(errno, to.string());
    return status;
  }

  Status CopyBytes(int in, int out, int64_t size) {
    // In the kernel where it can; copying block by block where it cannot.
    int64_t copied = 0;
    bool in_kernel = true;
    while (true) {
      if (context_.cancelled()) return Cancelled("cancelled");
      ssize_t count = in_kernel ? copy_file_range(in, nullptr, out, nullptr, 16 * kBlock, 0) : -1;
      if (count < 0) {
        in_kernel = false;
        count = CopyBlock(in, out);
        if (count < 0) return ErrnoStatus(errno, uri_);
      }
      if (count == 0) return Status::Ok();
      copied += count;
      bytes_ += count;
      if (size > 0) {
        context_.SetProgress(std::min(1.0, static_cast<double>(copied) / static_cast<double>(size)),
                             "copying");
      }
    }
  }

  // Bytes copied, 0 at the end, -1 with errno.
  ssize_t CopyBlock(int in, int out) {
    block_.resize(kBlock);
    const ssize_t count = read(in, block_.data(), block_.size());
    for (ssize_t done = 0; done < count;) {
      const ssize_t wrote =
          write(out, block_.data() + done, static_cast<std::size_t>(count - done));
      if (wrote < 0) return -1;
      done += wrote;
    }
    return count;
  }

  StepContext& context_;
  const std::string uri_;
  fs::path root_;
  int64_t files_ = 0;
  int64_t bytes_ = 0;
  std::string block_;
};

}  // namespace

Result<StepOutcome> ImportFile(StepContext& context) {
  return Import(context).Run();
}

}  // namespace penstock::importing

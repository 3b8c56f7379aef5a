#include "steps/table/plain_file.h"

#include <fcntl.h>
#include <iconv.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace penstock::reading {
namespace {

constexpr std::size_t kWindow = 256 << 10;
constexpr std::string_view kGzipMagic = "\x1F\x8B";
constexpr std::string_view kZstdMagic = "\x28\xB5\x2F\xFD";
constexpr std::string_view kLittleEndianMark = "\xFF\xFE";
constexpr std::string_view kBigEndianMark = "\xFE\xFF";

// A file's bytes, one window after the other.
class Input {
 public:
  static Result<Input> Open(const std::filesystem::path& path, const std::string& display_name,
                            const TableOptions& options) {
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return ErrnoStatus(errno, display_name);
    return Input(std::move(fd), display_name, options);
  }

  // Empty at the end.
  Result<std::string_view> Next() {
    if (options_->cancelled && options_->cancelled()) return Cancelled("cancelled");
    while (true) {
      const ssize_t count = read(fd_.get(), window_.data(), window_.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return ErrnoStatus(errno, name());
      return std::string_view(window_.data(), static_cast<std::size_t>(count));
    }
  }
  const std::string& name() const { return *display_name_; }

 private:
  Input(UniqueFd fd, const std::string& display_name, const TableOptions& options)
      : fd_(std::move(fd)), display_name_(&display_name), options_(&options), window_(kWindow) {}
  UniqueFd fd_;
  const std::string* display_name_;
  const TableOptions* options_;
  std::vector<char> window_;
};

Status WriteOut(int fd, std::string_view bytes) {
  return WriteAll(fd, bytes, "the step's scratch file");
}

Status Damaged(const Input& input, const std::string& kind) {
  return InvalidArgument(input.name() + ": the compressed data (" + kind +
                         ") are damaged; bring the file again");
}
Status CutShort(const Input& input, const std::string& kind) {
  return InvalidArgument(input.name() + ": the compressed data (" + kind +
                         ") are cut short; bring the whole file");
}

// One or more gzip members, and zeros behind them.
Status Gunzip(Input& input, int fd) {
  struct Stream {
    Stream() { ok = inflateInit2(&z, 15 + 16) == Z_OK; }
    ~Stream() {
      if (ok) inflateEnd(&z);
    }
    z_stream z{};
    bool ok = false;
  } stream;
  if (!stream.ok) return ResourceExhausted("no memory to uncompress " + input.name());
  std::vector<char> out(kWindow);
  bool in_member = true;
  while (true) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::string_view bytes, input.Next());
    if (bytes.empty()) return in_member ? CutShort(input, "gzip") : Status::Ok();
    stream.z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.z.avail_in = static_cast<uInt>(bytes.size());
    while (stream.z.avail_in > 0) {
      if (!in_member) {
        if (*stream.z.next_in == 0) {
          ++stream.z.next_in;
          --stream.z.avail_in;
          continue;
        }
        if (inflateReset(&stream.z) != Z_OK) return Damaged(input, "gzip");
        in_member = true;
      }
      int result = Z_OK;
      do {
        stream.z.next_out = reinterpret_cast<Bytef*>(out.data());
        stream.z.avail_out = static_cast<uInt>(out.size());
        result = inflate(&stream.z, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
          return Damaged(input, "gzip");
        }
        PENSTOCK_RETURN_IF_ERROR(WriteOut(fd, {out.data(), out.size() - stream.z.avail_out}));
      } while (stream.z.avail_out == 0 && result != Z_STREAM_END);
      if (result == Z_STREAM_END) in_member = false;
    }
  }
}

// One or more zstd frames.
Status Unzstd(Input& input, int fd) {
  const std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(),
                                                                             ZSTD_freeDStream);
  if (stream == nullptr) return ResourceExhausted("no memory to uncompress " + input.name());
  std::vector<char> out(ZSTD_DStreamOutSize());
  std::size_t left = 1;  // 0: at the end of a frame
  while (true) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::string_view bytes, input.Next());
    if (bytes.empty()) return left != 0 ? CutShort(input, "zstd") : Status::Ok();
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    bool full = false;
    while (in.pos < in.size || full) {
      ZSTD_outBuffer to{out.data(), out.size(), 0};
      left = ZSTD_decompressStream(stream.get(), &to, &in);
      if (ZSTD_isError(left) != 0) return Damaged(input, "zstd");
      PENSTOCK_RETURN_IF_ERROR(WriteOut(fd, {out.data(), to.pos}));
      full = to.pos == to.size && left != 0;
    }
  }
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

// The name that iconv has for it; empty: UTF-8.
std::string IconvName(const std::string& encoding, std::string_view head) {
  const std::string name = LowerCase(encoding);
  const bool big = head.substr(0, 2) == kBigEndianMark;
  const bool little = head.substr(0, 2) == kLittleEndianMark;
  if (name.empty() || name == "utf-8" || name == "utf8") {
    return big ? "UTF-16BE" : little ? "UTF-16LE" : "";
  }
  if (name == "utf-16" || name == "utf16") return big ? "UTF-16BE" : "UTF-16LE";
  if (name == "latin-1" || name == "latin1") return "ISO-8859-1";
  return encoding;
}

class Transcoder {
 public:
  Transcoder(const std::string& from, std::string asked)
      : descriptor_(iconv_open("UTF-8", from.c_str())), encoding_(std::move(asked)) {}
  ~Transcoder() {
    if (valid()) iconv_close(descriptor_);
  }
  Transcoder(const Transcoder&) = delete;
  Transcoder& operator=(const Transcoder&) = delete;
  bool valid() const { return descriptor_ != reinterpret_cast<iconv_t>(-1); }

  Status Run(Input& input, int fd) {
    std::vector<char> out(kWindow * 2);
    while (true) {
      PENSTOCK_ASSIGN_OR_RETURN(const std::string_view bytes, input.Next());
      if (bytes.empty()) break;
      // A character may lie across two windows.
      std::string in = std::exchange(rest_, {}).append(bytes);
      char* next = in.data();
      std::size_t left = in.size();
      while (left > 0) {
        char* to = out.data();
        std::size_t room = out.size();
        const std::size_t result = iconv(descriptor_, &next, &left, &to, &room);
        const int error = result == static_cast<std::size_t>(-1) ? errno : 0;
        std::string_view made(out.data(), out.size() - room);
        if (std::exchange(first_, false) && made.substr(0, 3) == "\xEF\xBB\xBF") {
          made.remove_prefix(3);  // a mark, and no text
        }
        line_ += std::count(made.begin(), made.end(), '\n');
        PENSTOCK_RETURN_IF_ERROR(WriteOut(fd, made));
        if (error == EILSEQ) return NoCharacter(input, *next);
        if (error == EINVAL) break;
      }
      rest_.assign(next, left);
    }
    return rest_.empty() ? Status::Ok() : NoCharacter(input, rest_.front());
  }

 private:
  Status NoCharacter(const Input& input, char byte) const {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    const auto value = static_cast<unsigned char>(byte);
    return InvalidArgument(input.name() + ": line " + std::to_string(line_) + ": byte 0x" +
                           kDigits[value >> 4] + kDigits[value & 15] + " is not " + encoding_ +
                           "; see read.encoding");
  }

  iconv_t descriptor_;
  std::string encoding_;
  std::string rest_;
  int64_t line_ = 1;
  bool first_ = true;
};

Result<std::string> Head(const std::filesystem::path& path, const std::string& display_name) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, display_name);
  std::array<char, 4> head{};
  const ssize_t count = read(fd.get(), head.data(), head.size());
  if (count < 0) return ErrnoStatus(errno, display_name);
  return std::string(head.data(), static_cast<std::size_t>(count));
}

}  // namespace

Result<std::shared_ptr<const TemporaryFile>> TemporaryFile::Write(
    const std::filesystem::path& folder, const std::function<Status(int fd)>& write) {
  std::error_code error;
  const std::filesystem::path place =
      folder.empty() ? std::filesystem::temp_directory_path(error) : folder;
  std::string path = (place / "penstock-plain-XXXXXX").string();
  const UniqueFd fd(mkostemp(path.data(), O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "the step's scratch file");
  auto file = std::make_shared<const TemporaryFile>(path);
  PENSTOCK_RETURN_IF_ERROR(write(fd.get()));
  return file;
}

TemporaryFile::~TemporaryFile() {
  unlink(path_.c_str());
}

Result<PlainFile> MakePlain(const std::filesystem::path& path, const std::string& display_name,
                            const ReadOptions& options, const TableOptions& table_options) {
  PlainFile plain{path, nullptr};
  const auto rewrite = [&](const std::function<Status(Input & input, int fd)>& work) -> Status {
    PENSTOCK_ASSIGN_OR_RETURN(Input input, Input::Open(plain.path, display_name, table_options));
    PENSTOCK_ASSIGN_OR_RETURN(auto file, TemporaryFile::Write(table_options.scratch, [&](int fd) {
                                return work(input, fd);
                              }));
    plain = {file->path(), file};
    return Status::Ok();
  };
  PENSTOCK_ASSIGN_OR_RETURN(std::string head, Head(path, display_name));
  const bool gzip = head.substr(0, 2) == kGzipMagic;
  const bool zstd = head == kZstdMagic;
  const FileCompression asked = options.compression;
  if ((asked == FileCompression::kGzip && !gzip) || (asked == FileCompression::kZstd && !zstd)) {
    return InvalidArgument(display_name + ": not compressed with " + std::string(Name(asked)) +
                           "; see read.compression");
  }
  if (asked != FileCompression::kNone && (gzip || zstd)) {
    PENSTOCK_RETURN_IF_ERROR(rewrite(gzip ? Gunzip : Unzstd));
    PENSTOCK_ASSIGN_OR_RETURN(head, Head(plain.path, display_name));
  }
  if (head == "PAR1") return plain;
  const std::string from = IconvName(options.encoding, head);
  if (from.empty()) return plain;
  Transcoder transcoder(from, from.substr(0, 6) == "UTF-16" ? "UTF-16" : options.encoding);
  if (!transcoder.valid()) {
    return InvalidArgument("read.encoding: \"" + options.encoding +
                           "\" is no encoding that is known here; usual are utf-8, utf-16, "
                           "latin-1 and windows-1252");
  }
  PENSTOCK_RETURN_IF_ERROR(
      rewrite([&](Input& input, int fd) { return transcoder.Run(input, fd); }));
  return plain;
}

}  // namespace penstock::reading

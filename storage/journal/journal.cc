#include "storage/journal/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "base/fault_point.h"
#include "base/file.h"
#include "base/text.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr uint32_t kMagic = 0x4c4a5350;  // "PSJL"
constexpr std::size_t kMaxOpen = 256;
constexpr uint32_t kMaxFrameBytes = 64 << 20;
constexpr int64_t kScanBytes = 1 << 20;

enum class Kind : uint32_t { kLog = 1, kPoints = 3 };

// On disk, little endian as every machine that this runs on.
struct Header {
  uint32_t magic = kMagic;
  uint32_t crc = 0;  // of everything behind this field, and of the bytes
  Kind kind = Kind::kLog;
  uint32_t size = 0;
  int32_t step = 0;
  uint32_t attempt = 0;  // the rank in the bits above kRankShift
  int64_t offset = 0;    // of the bytes in the attempt's output, or the number of the first point
};
static_assert(sizeof(Header) == 32);

constexpr int kRankShift = 24;

uint32_t PackAttempt(const LogKey& key) {
  return static_cast<uint32_t>(key.attempt) | static_cast<uint32_t>(key.rank) << kRankShift;
}

LogKey KeyOf(const Header& header) {
  return {header.step, static_cast<int32_t>(header.attempt & ((1U << kRankShift) - 1)),
          static_cast<int32_t>(header.attempt >> kRankShift)};
}

uint32_t Crc32(std::string_view bytes, uint32_t crc) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> made{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? 0xedb88320u : 0u);
      made[i] = value;
    }
    return made;
  }();
  crc = ~crc;
  for (const char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<uint8_t>(c)) & 0xff];
  return ~crc;
}

uint32_t FrameCrc(const Header& header, std::string_view bytes) {
  const char* raw = reinterpret_cast<const char*>(&header);
  return Crc32(bytes, Crc32({raw + 8, sizeof(Header) - 8}, 0));
}

}  // namespace

struct Journal::Segment {
  struct Frame {
    int64_t file_offset = 0;  // of its bytes
    int64_t offset = 0;
    int64_t size = 0;
  };
  struct Stream {
    std::vector<Frame> frames;
    int64_t known = 0;  // bytes or points, dropped ones included
  };

  Segment(std::filesystem::path where, UniqueFd file)
      : path(std::move(where)), fd(std::move(file)) {}

  Mutex mutex;
  const std::filesystem::path path;
  UniqueFd fd PENSTOCK_GUARDED_BY(mutex);
  bool loaded PENSTOCK_GUARDED_BY(mutex) = false;
  int64_t size PENSTOCK_GUARDED_BY(mutex) = 0;      // of the frames that are known
  bool torn PENSTOCK_GUARDED_BY(mutex) = false;     // the file goes on behind them
  bool damaged PENSTOCK_GUARDED_BY(mutex) = false;  // … with frames that cannot be reached
  std::map<LogKey, Stream> logs PENSTOCK_GUARDED_BY(mutex);
  std::map<LogKey, Stream> metrics PENSTOCK_GUARDED_BY(mutex);

  // Reads every frame, once. After an error nothing is known, and the next call reads anew. A
  // reader changes nothing: what a crash cut short is cut off by the first append.
  Status Load() PENSTOCK_REQUIRES(mutex) {
    if (loaded) return Status::Ok();
    size = 0;
    logs.clear();
    metrics.clear();
    while (true) {
      PENSTOCK_ASSIGN_OR_RETURN(const std::optional<RawFrame> frame, ReadWholeFrame(size));
      if (!frame) break;
      Note(frame->header, frame->bytes);
      size += static_cast<int64_t>(sizeof(Header) + frame->bytes.size());
    }
    const off_t end = lseek(fd.get(), 0, SEEK_END);
    if (end < 0) return ErrnoStatus(errno, "measuring " + path.string());
    torn = end > size;
    if (torn) {
      PENSTOCK_ASSIGN_OR_RETURN(damaged, HasFrameBehind(size));
    }
    loaded = true;
    return Status::Ok();
  }

  // For those who come to the end of what is known: whether that is the end of what was written.
  Status Damage() const PENSTOCK_REQUIRES(mutex) {
    if (!damaged) return Status::Ok();
    return DataLoss(path.string() + " is damaged at byte " + std::to_string(size) +
                        ": what stands behind it cannot be read; restore the file from a backup",
                    "CORRUPT");
  }

  // Loads, and cuts off a frame that was being written when the process ended; the worker sends it
  // again. Where whole frames follow a bad one, nothing is cut off, and nothing more is appended.
  Status LoadForAppend() PENSTOCK_REQUIRES(mutex) {
    PENSTOCK_RETURN_IF_ERROR(Load());
    PENSTOCK_RETURN_IF_ERROR(Damage());
    if (torn && ftruncate(fd.get(), size) != 0) {
      return ErrnoStatus(errno, "mending " + path.string());
    }
    torn = false;
    return Status::Ok();
  }

  struct RawFrame {
    Header header;
    std::string bytes;
  };

  // Up to `count` bytes from `offset` on; fewer at the end of the file alone.
  Result<std::string> ReadAt(int64_t offset, std::size_t count) PENSTOCK_REQUIRES(mutex) {
    PENSTOCK_RETURN_IF_ERROR(PENSTOCK_FAULT_STATUS("journal.read"));
    std::string bytes(count, '\0');
    std::size_t got = 0;
    while (got < count) {
      const ssize_t more =
          pread(fd.get(), bytes.data() + got, count - got, offset + static_cast<int64_t>(got));
      if (more < 0 && errno == EINTR) continue;
      if (more < 0) return ErrnoStatus(errno, "reading " + path.string());
      if (more == 0) break;
      got += static_cast<std::size_t>(more);
    }
    bytes.resize(got);
    return bytes;
  }

  // Nothing where no whole frame begins at `offset`.
  Result<std::optional<RawFrame>> ReadWholeFrame(int64_t offset) PENSTOCK_REQUIRES(mutex) {
    RawFrame frame;
    PENSTOCK_ASSIGN_OR_RETURN(const std::string raw, ReadAt(offset, sizeof(Header)));
    if (raw.size() < sizeof(Header)) return std::optional<RawFrame>();
    std::memcpy(&frame.header, raw.data(), sizeof(Header));
    if (frame.header.magic != kMagic || frame.header.size > kMaxFrameBytes) {
      return std::optional<RawFrame>();
    }
    PENSTOCK_ASSIGN_OR_RETURN(
        frame.bytes, ReadAt(offset + static_cast<int64_t>(sizeof(Header)), frame.header.size));
    if (frame.bytes.size() < frame.header.size ||
        FrameCrc(frame.header, frame.bytes) != frame.header.crc) {
      return std::optional<RawFrame>();
    }
    return std::optional<RawFrame>(std::move(frame));
  }

  // Whether a whole frame begins anywhere behind `offset`: then what stands at `offset` is damage,
  // and not the end of a write that was cut short. Reads to the end of the file.
  Result<bool> HasFrameBehind(int64_t offset) PENSTOCK_REQUIRES(mutex) {
    const std::string_view magic(reinterpret_cast<const char*>(&kMagic), sizeof kMagic);
    for (int64_t from = offset + 1;; from += kScanBytes) {
      // Blocks overlap, so that none cuts a mark in two.
      PENSTOCK_ASSIGN_OR_RETURN(const std::string block, ReadAt(from, kScanBytes + magic.size()));
      if (block.empty()) return false;
      for (auto at = block.find(magic); at != std::string::npos; at = block.find(magic, at + 1)) {
        PENSTOCK_ASSIGN_OR_RETURN(const std::optional<RawFrame> frame,
                                  ReadWholeFrame(from + static_cast<int64_t>(at)));
        if (frame) return true;
      }
    }
  }

  void Note(const Header& header, std::string_view bytes) PENSTOCK_REQUIRES(mutex) {
    const bool log = header.kind == Kind::kLog;
    if (!log && header.kind != Kind::kPoints) return;  // of a version that is not known here
    Stream& stream = (log ? logs : metrics)[KeyOf(header)];
    const int64_t count = log ? header.size : CountPoints(bytes);
    stream.frames.push_back(
        {size + static_cast<int64_t>(sizeof(Header)), header.offset, header.size});
    stream.known = std::max(stream.known, header.offset + count);
  }

  Status Append(Kind kind, LogKey key, int64_t offset, std::string_view bytes)
      PENSTOCK_REQUIRES(mutex) {
    PENSTOCK_RETURN_IF_ERROR(PENSTOCK_FAULT_STATUS("journal.append"));
    Header header;
    header.kind = kind;
    header.size = static_cast<uint32_t>(bytes.size());
    header.step = key.step;
    header.attempt = PackAttempt(key);
    header.offset = offset;
    header.crc = FrameCrc(header, bytes);
    std::string frame(reinterpret_cast<const char*>(&header), sizeof header);
    frame += bytes;
    std::size_t written = 0;
    torn = true;  // until the whole frame is there
    while (written < frame.size()) {
      std::size_t rest = frame.size() - written;
      if (internal::faults_armed.load(std::memory_order_relaxed)) {
        // In two pieces, so that a test can cut a frame in two.
        if (written > 0) PENSTOCK_RETURN_IF_ERROR(PENSTOCK_FAULT_STATUS("journal.torn"));
        if (written == 0) rest = (rest + 1) / 2;
      }
      const ssize_t count =
          pwrite(fd.get(), frame.data() + written, rest, size + static_cast<int64_t>(written));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return ErrnoStatus(errno, "writing " + path.string());
      written += static_cast<std::size_t>(count);
    }
    torn = false;
    Note(header, bytes);
    size += static_cast<int64_t>(frame.size());
    return Status::Ok();
  }

  Result<std::string> ReadFrame(const Frame& frame, int64_t skip, int64_t count)
      PENSTOCK_REQUIRES(mutex) {
    PENSTOCK_ASSIGN_OR_RETURN(std::string bytes,
                              ReadAt(frame.file_offset + skip, static_cast<std::size_t>(count)));
    if (static_cast<int64_t>(bytes.size()) != count) {
      return DataLoss(path.string() + " is shorter than its index says", "CORRUPT");
    }
    return bytes;
  }
};

Result<std::unique_ptr<Journal>> Journal::Open(const std::filesystem::path& root) {
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(root));
  return std::unique_ptr<Journal>(new Journal(root));
}

Journal::~Journal() = default;

std::filesystem::path Journal::PathOf(const RunId& run) const {
  // Ids sort by time: their first characters spread runs over folders.
  const std::string& id = run.value();
  return root_ / id.substr(0, std::min<std::size_t>(id.size(), 9)) / (id + ".journal");
}

Result<Journal::SegmentPtr> Journal::Find(const RunId& run, bool make) {
  const std::filesystem::path path = PathOf(run);
  MutexLock lock(mutex_);
  if (const auto found = open_.find(run); found != open_.end()) return found->second;
  if (make) PENSTOCK_RETURN_IF_ERROR(MakeFolders(path.parent_path()));
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0), 0644));
  if (!fd.valid()) {
    if (errno == ENOENT && !make) return SegmentPtr();
    return ErrnoStatus(errno, "opening " + path.string());
  }
  auto segment = std::make_shared<Segment>(path, std::move(fd));
  open_.emplace(run, segment);
  recent_.push_front(run);
  // One that somebody works with stays: a second one for the same file would overwrite its frames.
  for (auto oldest = recent_.end(); open_.size() > kMaxOpen && oldest != recent_.begin();) {
    --oldest;
    const auto found = open_.find(*oldest);
    if (found->second.use_count() > 1) continue;
    open_.erase(found);
    oldest = recent_.erase(oldest);
  }
  return segment;
}

Result<int64_t> Journal::AppendLog(const RunId& run, LogKey key, int64_t offset,
                                   std::string_view data) {
  PENSTOCK_ASSIGN_OR_RETURN(const SegmentPtr segment, Find(run, true));
  MutexLock lock(segment->mutex);
  PENSTOCK_RETURN_IF_ERROR(segment->LoadForAppend());
  Segment::Stream& stream = segment->logs[key];
  if (offset > stream.known) {
    return FailedPrecondition("the log is known up to byte " + std::to_string(stream.known) +
                                  ", these begin at " + std::to_string(offset),
                              "GAP");
  }
  const int64_t known = stream.known - offset;
  if (known >= static_cast<int64_t>(data.size())) return stream.known;
  data.remove_prefix(static_cast<std::size_t>(known));
  if (stream.known + static_cast<int64_t>(data.size()) > limits::kMaxJournalBytesPerStep) {
    return OutOfRange(
        "a log of more than " + FormatSize(limits::kMaxJournalBytesPerStep) + " is not kept",
        "LOG_FULL");
  }
  PENSTOCK_RETURN_IF_ERROR(segment->Append(Kind::kLog, key, stream.known, data));
  return stream.known;
}

Result<int64_t> Journal::AppendMetrics(const RunId& run, LogKey key, int64_t first,
                                       const std::vector<MetricPoint>& points) {
  PENSTOCK_ASSIGN_OR_RETURN(const SegmentPtr segment, Find(run, true));
  MutexLock lock(segment->mutex);
  PENSTOCK_RETURN_IF_ERROR(segment->LoadForAppend());
  Segment::Stream& stream = segment->metrics[key];
  if (first > stream.known) {
    return FailedPrecondition("points are known up to " + std::to_string(stream.known), "GAP");
  }
  const int64_t known = stream.known - first;
  if (known >= static_cast<int64_t>(points.size())) return stream.known;
  const auto news = std::span(points).subspan(static_cast<std::size_t>(known));
  PENSTOCK_RETURN_IF_ERROR(
      segment->Append(Kind::kPoints, key, stream.known, EncodePoints(news)));
  return stream.known;
}

Result<LogChunk> Journal::ReadLog(const RunId& run, LogKey key, int64_t offset, int64_t max_bytes) {
  LogChunk chunk;
  chunk.next_offset = offset;
  chunk.end = true;
  PENSTOCK_ASSIGN_OR_RETURN(const SegmentPtr segment, Find(run, false));
  if (!segment) return chunk;
  MutexLock lock(segment->mutex);
  PENSTOCK_RETURN_IF_ERROR(segment->Load());
  const auto found = segment->logs.find(key);
  if (found == segment->logs.end() || offset >= found->second.known) {
    PENSTOCK_RETURN_IF_ERROR(segment->Damage());
  }
  if (found == segment->logs.end()) return chunk;
  const Segment::Stream& stream = found->second;
  const int64_t stop = std::min(stream.known, offset + max_bytes);
  for (const Segment::Frame& frame : stream.frames) {
    if (frame.offset + frame.size <= chunk.next_offset) continue;
    if (frame.offset >= stop) break;
    const int64_t skip = chunk.next_offset - frame.offset;
    const int64_t count = std::min(frame.size - skip, stop - chunk.next_offset);
    PENSTOCK_ASSIGN_OR_RETURN(const std::string bytes, segment->ReadFrame(frame, skip, count));
    chunk.data += bytes;
    chunk.next_offset += count;
  }
  chunk.end = chunk.next_offset >= stream.known && !segment->damaged;
  return chunk;
}

Result<std::vector<LogKey>> Journal::ListLogs(const RunId& run, StepIndex step) {
  std::vector<LogKey> keys;
  PENSTOCK_ASSIGN_OR_RETURN(const SegmentPtr segment, Find(run, false));
  if (!segment) return keys;
  MutexLock lock(segment->mutex);
  PENSTOCK_RETURN_IF_ERROR(segment->Load());
  for (const auto& [key, stream] : segment->logs) {
    if (step < 0 || key.step == step) keys.push_back(key);
  }
  if (keys.empty()) PENSTOCK_RETURN_IF_ERROR(segment->Damage());
  return keys;
}

Result<MetricsRead> Journal::ReadMetrics(const RunId& run, StepIndex step,
                                         const std::vector<std::string>& names,
                                         PointPosition from) {
  MetricsRead read{{}, from};
  PENSTOCK_ASSIGN_OR_RETURN(const SegmentPtr segment, Find(run, false));
  if (!segment) return read;
  MutexLock lock(segment->mutex);
  PENSTOCK_RETURN_IF_ERROR(segment->Load());
  PENSTOCK_RETURN_IF_ERROR(segment->Damage());
  for (const auto& [key, stream] : segment->metrics) {
    // A step's metrics are those of its first rank.
    if (key.step != step || key.rank > 0 || key.attempt < from.attempt) continue;
    const int64_t skip = key.attempt == from.attempt ? from.number : 0;
    std::map<std::string, MetricSeries> by_name;
    for (std::size_t i = 0; i < stream.frames.size(); ++i) {
      const Segment::Frame& frame = stream.frames[i];
      if (i + 1 < stream.frames.size() && stream.frames[i + 1].offset <= skip) continue;
      PENSTOCK_ASSIGN_OR_RETURN(const std::string bytes, segment->ReadFrame(frame, 0, frame.size));
      PENSTOCK_ASSIGN_OR_RETURN(std::vector<MetricPoint> points, DecodePoints(bytes));
      int64_t number = frame.offset;
      for (MetricPoint& point : points) {
        if (number++ < skip) continue;
        if (!names.empty() && std::ranges::find(names, point.name) == names.end()) continue;
        MetricSeries& one = by_name[point.name];
        one.name = point.name;
        one.attempt = key.attempt;
        one.points.push_back(std::move(point));
      }
    }
    for (auto& [name, one] : by_name) read.series.push_back(std::move(one));
    read.end = std::max(read.end, PointPosition{key.attempt, stream.known});
  }
  return read;
}

Status Journal::Close(const RunId& run) {
  SegmentPtr segment;
  {
    MutexLock lock(mutex_);
    const auto found = open_.find(run);
    if (found == open_.end()) return Status::Ok();
    segment = found->second;
    // As in Find: not while somebody else works with it.
    if (segment.use_count() == 2) {
      open_.erase(found);
      recent_.remove(run);
    }
  }
  MutexLock lock(segment->mutex);
  PENSTOCK_RETURN_IF_ERROR(PENSTOCK_FAULT_STATUS("journal.sync"));
  if (fdatasync(segment->fd.get()) != 0) {
    return ErrnoStatus(errno, "syncing " + segment->path.string());
  }
  return Status::Ok();
}

Result<std::vector<RunId>> Journal::ListRuns() const {
  std::vector<RunId> runs;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(root_, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".journal") runs.emplace_back(it->path().stem().string());
  }
  if (error) return ErrnoStatus(error.value(), "reading " + root_.string());
  return runs;
}

Status Journal::Remove(const RunId& run) {
  {
    MutexLock lock(mutex_);
    open_.erase(run);
    recent_.remove(run);
  }
  PENSTOCK_FAULT_POINT("journal.remove");
  const std::filesystem::path path = PathOf(run);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, "removing " + path.string());
  }
  return Status::Ok();
}

}  // namespace penstock

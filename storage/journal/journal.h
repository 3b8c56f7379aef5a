#ifndef PENSTOCK_STORAGE_JOURNAL_JOURNAL_H_
#define PENSTOCK_STORAGE_JOURNAL_JOURNAL_H_

// What attempts write while they run: the text of their logs and the points of their metrics. One
// segment file a run, made by its first byte; nothing for a run that is silent.
//
// A file is a sequence of frames {header with CRC-32, bytes}; its index is in memory, rebuilt by
// reading the file when the run is first asked for. Reading changes nothing. A frame at the end
// that a crash cut short counts as not written, and the first append cuts it off. Where whole
// frames stand behind a bad one, the file is damaged: what stands before is read, the rest and any
// append is kDataLoss (CORRUPT), and nothing is removed. Appended bytes survive the end of the
// process at once, and of the machine after Close.
//
// Workers send limits::kMaxLogBytesPerStep of an attempt's log: its head and its tail, and a note
// on what is left out between. More than limits::kMaxJournalBytesPerStep is refused.
//
// Thread-safe.

#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "storage/journal/points.h"
#include "storage/model/ids.h"

namespace penstock {

// What one attempt logged under one name, in the order of logging.
struct MetricSeries {
  std::string name;
  int32_t attempt = 0;
  std::vector<MetricPoint> points;
};

// How far the points of a step's attempts have been read: up to this number of this attempt.
struct PointPosition {
  int32_t attempt = 0;
  int64_t number = 0;
  friend auto operator<=>(const PointPosition&, const PointPosition&) = default;
};

struct MetricsRead {
  std::vector<MetricSeries> series;  // by attempt and name
  PointPosition end;                 // where to read on
};

// Whose log it is.
struct LogKey {
  StepIndex step = 0;
  int32_t attempt = 0;
  int32_t rank = 0;  // of a step on several nodes
  friend auto operator<=>(const LogKey&, const LogKey&) = default;
};

struct LogChunk {
  std::string data;
  int64_t next_offset = 0;  // where to read on
  bool end = false;         // nothing more is known now
};

class Journal {
 public:
  // `root` is made where it is missing.
  static Result<std::unique_ptr<Journal>> Open(const std::filesystem::path& root);
  ~Journal();

  // Appends bytes that stand at `offset` of the attempt's output. What is known already is dropped;
  // a gap is kFailedPrecondition (GAP), too much kOutOfRange (LOG_FULL). Returns how many bytes are
  // known now.
  Result<int64_t> AppendLog(const RunId& run, LogKey key, int64_t offset, std::string_view data);
  // Appends points, of which the first has the number `first` among the attempt's; as above.
  Result<int64_t> AppendMetrics(const RunId& run, LogKey key, int64_t first,
                                const std::vector<MetricPoint>& points);

  // Up to `max_bytes` from `offset` on. An attempt that wrote nothing reads as empty. In a damaged
  // file the end is never reached: kDataLoss instead, also where this attempt wrote nothing more.
  Result<LogChunk> ReadLog(const RunId& run, LogKey key, int64_t offset, int64_t max_bytes);
  // The attempts of a step (or of all steps: -1) that wrote something, in order. kDataLoss for none
  // in a damaged file.
  Result<std::vector<LogKey>> ListLogs(const RunId& run, StepIndex step);
  // The series of a step (of its rank 0) from a position on; `names` empty: all. kDataLoss in a
  // damaged file.
  Result<MetricsRead> ReadMetrics(const RunId& run, StepIndex step,
                                  const std::vector<std::string>& names, PointPosition from = {});

  // Makes what the run wrote survive the machine, and forgets its index.
  Status Close(const RunId& run);
  // Removes what the run wrote.
  Status Remove(const RunId& run);
  // The runs that wrote something, in no order.
  Result<std::vector<RunId>> ListRuns() const;
  // Where the run's file is, if it wrote anything.
  std::filesystem::path PathOf(const RunId& run) const;

 private:
  struct Segment;
  using SegmentPtr = std::shared_ptr<Segment>;

  explicit Journal(std::filesystem::path root) : root_(std::move(root)) {}
  // The run's segment; null where `make` is false and the run wrote nothing.
  Result<SegmentPtr> Find(const RunId& run, bool make);

  const std::filesystem::path root_;
  Mutex mutex_;
  std::unordered_map<RunId, SegmentPtr> open_ PENSTOCK_GUARDED_BY(mutex_);
  std::list<RunId> recent_ PENSTOCK_GUARDED_BY(mutex_);  // front: newest
};

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_JOURNAL_JOURNAL_H_

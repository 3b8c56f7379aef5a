#ifndef PENSTOCK_STORAGE_MODEL_RETENTION_H_
#define PENSTOCK_STORAGE_MODEL_RETENTION_H_

// How long what is no longer needed is kept, and what a sweep took away.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "storage/model/ids.h"

namespace penstock {

struct RetentionPolicy {
  Micros run_age{0};      // after their end; 0: runs are kept whatever their age
  int64_t run_count = 0;  // ended runs of a pipeline, the newest; 0: any number
  // What nothing refers to and no run made (an upload, mostly), since it was last committed.
  Micros unused = std::chrono::hours(7 * 24);
  Micros grace = std::chrono::hours(24);    // of bytes that no row needs, since their last use
  Micros interval = std::chrono::hours(1);  // between sweeps; 0: only when asked
};

struct SweepTotals {
  static constexpr std::size_t kMaxShown = 1'000;

  int64_t runs = 0;
  std::vector<RunId> shown;  // the first of those runs
  int64_t artifacts = 0;
  int64_t artifact_bytes = 0;  // as their rows say; other artifacts may share them
};

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_MODEL_RETENTION_H_

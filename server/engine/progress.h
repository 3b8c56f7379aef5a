#ifndef PENSTOCK_SERVER_ENGINE_PROGRESS_H_
#define PENSTOCK_SERVER_ENGINE_PROGRESS_H_

// How far running steps are. Known in memory alone: a restart of the coordinator hears it again
// from the workers' next heartbeats.

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "storage/model/records.h"

namespace penstock {

// When what has come so far since `started` will have come to its end, if it goes on like that.
// Unset before there is enough to tell by: 2 % and a second.
Time ExpectedEnd(Time started, double fraction, Time now);

// Written by the engine, read by anybody. Thread-safe.
class ProgressBoard {
 public:
  void Set(const RunId& run, const StepRecord& step);
  void Forget(const RunId& run);
  // Fills in what is known of the steps that run.
  void Apply(const RunId& run, std::vector<StepRecord>& steps) const;

 private:
  struct Entry {
    double fraction = 0;
    std::string note;
    Time expected_end;
  };
  mutable Mutex mutex_;
  std::unordered_map<RunId, std::map<StepIndex, Entry>> runs_ PENSTOCK_GUARDED_BY(mutex_);
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_PROGRESS_H_

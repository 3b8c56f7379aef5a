#ifndef PENSTOCK_SERVER_ENGINE_TIMERS_H_
#define PENSTOCK_SERVER_ENGINE_TIMERS_H_

// Things to do later, in order of time. An entry is never removed: when it comes due its action
// looks whether there is still something to do. Engine thread only.

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace penstock {

class Timers {
 public:
  void At(Tick when, std::function<void()> action) {
    queue_.push({when, next_++, std::move(action)});
  }
  bool AnyDue(Tick now) const { return !queue_.empty() && queue_.top().when <= now; }
  // Runs what is due; actions may add timers.
  void RunDue(Tick now) {
    while (AnyDue(now)) {
      std::function<void()> action = std::move(const_cast<Entry&>(queue_.top()).action);
      queue_.pop();
      action();
    }
  }
  // Far in the future when there is none.
  Tick next_due() const { return queue_.empty() ? Tick{INT64_MAX} : queue_.top().when; }
  void Clear() { queue_ = {}; }

 private:
  struct Entry {
    Tick when;
    int64_t number;  // equal times run in the order in which they were set
    std::function<void()> action;
    bool operator<(const Entry& other) const {
      return when != other.when ? when > other.when : number > other.number;
    }
  };
  std::priority_queue<Entry> queue_;
  int64_t next_ = 0;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_TIMERS_H_

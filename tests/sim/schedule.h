#ifndef PENSTOCK_TESTS_SIM_SCHEDULE_H_
#define PENSTOCK_TESTS_SIM_SCHEDULE_H_

// What happens when, in a time that passes only from one event to the next. One thread.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace penstock::sim {

class Schedule {
 public:
  Tick now() const { return clock_.Ticks(); }
  FakeClock& clock() { return clock_; }
  int64_t events() const { return events_; }
  // Something else of note that happens within an event.
  void Count() { ++events_; }

  void At(Tick when, std::function<void()> action) {
    queue_.push({std::max(when, now()), next_++, std::move(action)});
  }
  void After(Micros wait, std::function<void()> action) { At(now() + wait, std::move(action)); }

  // Lets the time pass until the next event, and has it happen. False: nothing is to come.
  bool Step() {
    if (queue_.empty()) return false;
    Entry entry = std::move(const_cast<Entry&>(queue_.top()));
    queue_.pop();
    clock_.Advance(entry.when - now());
    ++events_;
    entry.action();
    return true;
  }
  Tick next() const { return queue_.empty() ? Tick{INT64_MAX} : queue_.top().when; }

 private:
  struct Entry {
    Tick when;
    int64_t number = 0;
    std::function<void()> action;
    // The queue's top is the greatest: the soonest, and of these the first.
    friend bool operator<(const Entry& a, const Entry& b) {
      return std::pair(a.when, a.number) > std::pair(b.when, b.number);
    }
  };

  FakeClock clock_;
  std::priority_queue<Entry> queue_;
  int64_t next_ = 0;
  int64_t events_ = 0;
};

}  // namespace penstock::sim

#endif  // PENSTOCK_TESTS_SIM_SCHEDULE_H_

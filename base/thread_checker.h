#ifndef PENSTOCK_BASE_THREAD_CHECKER_H_
#define PENSTOCK_BASE_THREAD_CHECKER_H_

// Aborts when what belongs to one thread is used from another. Bound by the first Check.

#include <atomic>
#include <thread>

#include "base/check.h"

namespace penstock {

class ThreadChecker {
 public:
  void Check() {
    std::thread::id none;
    const std::thread::id self = std::this_thread::get_id();
    if (!owner_.compare_exchange_strong(none, self)) PENSTOCK_CHECK(none == self);
  }
  // The next Check binds again.
  void Detach() { owner_.store(std::thread::id()); }

 private:
  std::atomic<std::thread::id> owner_{};
};

}  // namespace penstock

#endif  // PENSTOCK_BASE_THREAD_CHECKER_H_

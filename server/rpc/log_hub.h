#ifndef PENSTOCK_SERVER_RPC_LOG_HUB_H_
#define PENSTOCK_SERVER_RPC_LOG_HUB_H_

// Who follows the logs of which run. Thread-safe.

#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>

#include "base/mutex.h"
#include "storage/model/ids.h"

namespace penstock {

class LogHub {
 public:
  // Ends with its destruction; `wake` is not running then and never will.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(LogHub* hub, RunId run, int64_t id) : hub_(hub), run_(std::move(run)), id_(id) {}
    Subscription(Subscription&& other) noexcept { *this = std::move(other); }
    Subscription& operator=(Subscription&& other) noexcept;
    ~Subscription() { Reset(); }
    void Reset();

   private:
    LogHub* hub_ = nullptr;
    RunId run_;
    int64_t id_ = 0;
  };

  // `wake` is called after each Notify of the run, on the notifier's thread; it must not block.
  Subscription Follow(const RunId& run, std::function<void()> wake);
  void Notify(const RunId& run);

 private:
  Mutex mutex_;
  std::unordered_map<RunId, std::map<int64_t, std::function<void()>>> followers_
      PENSTOCK_GUARDED_BY(mutex_);
  int64_t next_id_ PENSTOCK_GUARDED_BY(mutex_) = 1;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_LOG_HUB_H_

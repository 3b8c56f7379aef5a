#ifndef PENSTOCK_SERVER_ENGINE_EVENT_HUB_H_
#define PENSTOCK_SERVER_ENGINE_EVENT_HUB_H_

// Who watches which run. To follow a run without a gap: Subscribe first, then read the snapshot
// from the database, then drop updates whose revision is not above the snapshot's.
// Thread-safe. Listeners run on the engine's thread: they must be quick and must not block.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/mutex.h"
#include "server/engine/commands.h"
#include "server/engine/progress.h"

namespace penstock {

class EventHub {
 public:
  using Listener = std::function<void(const std::shared_ptr<const RunUpdate>&)>;

  // Ends the subscription when it is destroyed; the listener is not running then and never will.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(EventHub* hub, RunId run, int64_t id) : hub_(hub), run_(std::move(run)), id_(id) {}
    Subscription(Subscription&& other) noexcept { *this = std::move(other); }
    Subscription& operator=(Subscription&& other) noexcept;
    ~Subscription() { Reset(); }
    void Reset();

   private:
    EventHub* hub_ = nullptr;
    RunId run_;
    int64_t id_ = 0;
  };

  // kResourceExhausted over limits::kMaxWatchers.
  Result<Subscription> Subscribe(const RunId& run, Listener listener);

  // Cheap: lets the engine skip building an update that nobody reads.
  bool HasListeners(const RunId& run) const;
  bool empty() const { return count_.load(std::memory_order_relaxed) == 0; }
  void Publish(std::shared_ptr<const RunUpdate> update);

  // For those who ask once.
  ProgressBoard& progress() { return progress_; }

 private:
  ProgressBoard progress_;
  mutable Mutex mutex_;
  std::unordered_map<RunId, std::map<int64_t, Listener>> listeners_ PENSTOCK_GUARDED_BY(mutex_);
  int64_t next_id_ PENSTOCK_GUARDED_BY(mutex_) = 1;
  std::atomic<int64_t> count_{0};
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_EVENT_HUB_H_

#include "server/engine/event_hub.h"

#include "storage/model/limits.h"

namespace penstock {

EventHub::Subscription& EventHub::Subscription::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    Reset();
    hub_ = other.hub_;
    run_ = std::move(other.run_);
    id_ = other.id_;
    other.hub_ = nullptr;
  }
  return *this;
}

void EventHub::Subscription::Reset() {
  if (hub_ == nullptr) return;
  MutexLock lock(hub_->mutex_);
  const auto found = hub_->listeners_.find(run_);
  if (found != hub_->listeners_.end() && found->second.erase(id_) > 0) {
    --hub_->count_;
    if (found->second.empty()) hub_->listeners_.erase(found);
  }
  hub_ = nullptr;
}

Result<EventHub::Subscription> EventHub::Subscribe(const RunId& run, Listener listener) {
  MutexLock lock(mutex_);
  if (count_.load() >= static_cast<int64_t>(limits::kMaxWatchers)) {
    return ResourceExhausted("too many clients watch runs at once; try again later", "OVERLOADED");
  }
  const int64_t id = next_id_++;
  listeners_[run].emplace(id, std::move(listener));
  ++count_;
  return Subscription(this, run, id);
}

bool EventHub::HasListeners(const RunId& run) const {
  if (empty()) return false;
  MutexLock lock(mutex_);
  return listeners_.contains(run);
}

void EventHub::Publish(std::shared_ptr<const RunUpdate> update) {
  // Under the lock, so that a listener never runs after its subscription has ended.
  MutexLock lock(mutex_);
  const auto found = listeners_.find(update->run.id);
  if (found == listeners_.end()) return;
  for (const auto& [id, listener] : found->second) listener(update);
}

}  // namespace penstock

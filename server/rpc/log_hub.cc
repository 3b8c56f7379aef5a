#include "server/rpc/log_hub.h"

#include <utility>

namespace penstock {

LogHub::Subscription& LogHub::Subscription::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    Reset();
    hub_ = std::exchange(other.hub_, nullptr);
    run_ = std::move(other.run_);
    id_ = other.id_;
  }
  return *this;
}

void LogHub::Subscription::Reset() {
  if (hub_ == nullptr) return;
  LogHub* hub = std::exchange(hub_, nullptr);
  MutexLock lock(hub->mutex_);
  const auto it = hub->followers_.find(run_);
  if (it == hub->followers_.end()) return;
  it->second.erase(id_);
  if (it->second.empty()) hub->followers_.erase(it);
}

LogHub::Subscription LogHub::Follow(const RunId& run, std::function<void()> wake) {
  MutexLock lock(mutex_);
  const int64_t id = next_id_++;
  followers_[run].emplace(id, std::move(wake));
  return Subscription(this, run, id);
}

void LogHub::Notify(const RunId& run) {
  MutexLock lock(mutex_);
  const auto it = followers_.find(run);
  if (it == followers_.end()) return;
  for (const auto& [id, wake] : it->second) wake();
}

}  // namespace penstock

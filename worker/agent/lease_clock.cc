#include "worker/agent/lease_clock.h"

#include <algorithm>
#include <utility>

namespace penstock {
namespace {

// Of the lease: for clocks that run apart, and for the time that killing takes.
constexpr int kMarginParts = 10;
// At most so much of it is grace, however long the worker's own is.
constexpr int kGraceParts = 3;

}  // namespace

Result<std::unique_ptr<LeaseClock>> LeaseClock::Make(Micros kill_grace) {
  PENSTOCK_ASSIGN_OR_RETURN(FencePage page, FencePage::Make());
  return std::unique_ptr<LeaseClock>(new LeaseClock(kill_grace, std::move(page)));
}

void LeaseClock::SetTtl(Micros lease_ttl) {
  MutexLock lock(mutex_);
  ttl_ = lease_ttl;
}

void LeaseClock::Answered(Tick sent, Tick answered) {
  MutexLock lock(mutex_);
  if (sent <= renewed_) return;
  if (answered - renewed_ >= ttl_) unbroken_since_ = sent;
  renewed_ = sent;
  const Tick dead_by = sent + (ttl_ - ttl_ / kMarginParts);
  page_.Set(dead_by + -std::min(kill_grace_, ttl_ / kGraceParts), dead_by);
}

bool LeaseClock::MayBegin(Tick sent, Tick now) const {
  MutexLock lock(mutex_);
  return unbroken_since_ <= sent && now < page_.stop_by();
}

}  // namespace penstock

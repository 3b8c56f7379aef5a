#ifndef PENSTOCK_WORKER_AGENT_LEASE_CLOCK_H_
#define PENSTOCK_WORKER_AGENT_LEASE_CLOCK_H_

// How long the leases of this worker last at the least, as far as it can know: the coordinator
// renews them when a call reaches it, which is no sooner than the call was sent. Steps that are
// fenced by execution end before that, kill grace included; their children read it from the page.
//
// Example, lease 15 s, kill grace 5 s: the last answered call was sent at 0; from 8.5 s on the
// steps are asked to end, at 13.5 s they are killed, at 15 s another worker may run them.
//
// Thread-safe.

#include <memory>

#include "base/clock.h"
#include "base/mutex.h"
#include "worker/runner/fence.h"

namespace penstock {

class LeaseClock {
 public:
  static Result<std::unique_ptr<LeaseClock>> Make(Micros kill_grace);

  // As the coordinator says when a session opens; before the next Answered.
  void SetTtl(Micros lease_ttl);
  // A call that renews leases was answered.
  void Answered(Tick sent, Tick answered);

  // Whether a fenced attempt may begin that the answer to a call of that time has brought: its
  // lease has lasted since, and there is time left.
  bool MayBegin(Tick sent, Tick now) const;
  // Whether fenced attempts must be dead.
  bool Over(Tick now) const { return now >= page_.dead_by(); }

  const FencePage& page() const { return page_; }

 private:
  LeaseClock(Micros kill_grace, FencePage page) : kill_grace_(kill_grace), page_(std::move(page)) {}

  const Micros kill_grace_;
  mutable Mutex mutex_;
  Micros ttl_ PENSTOCK_GUARDED_BY(mutex_){0};
  Tick renewed_ PENSTOCK_GUARDED_BY(mutex_);
  // No lease has run out since this call was sent.
  Tick unbroken_since_ PENSTOCK_GUARDED_BY(mutex_);
  FencePage page_;
};

}  // namespace penstock

#endif  // PENSTOCK_WORKER_AGENT_LEASE_CLOCK_H_

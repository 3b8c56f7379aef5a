#ifndef PENSTOCK_SERVER_CORE_RETRY_H_
#define PENSTOCK_SERVER_CORE_RETRY_H_

// Whether, and when, a step is tried again. Failures of the cluster (lost workers, artifacts that
// could not be moved) have a policy of their own and do not use up the user's tries. Pure.

#include "base/clock.h"
#include "storage/model/states.h"

namespace penstock {

struct RetryPolicy {
  int max_attempts = 1;  // tries in all
  Micros interval = std::chrono::seconds(1);
  double backoff = 2.0;
  Micros max_interval = std::chrono::minutes(1);
  bool jitter = true;
  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

struct RetryDecision {
  bool retry = false;
  Micros wait{0};  // 0: at once
};

// How often a step may be lost to the cluster before it fails.
inline constexpr int kMaxInfrastructureFailures = 10;

// `failures` and `infra_failures` count the one that just happened. `random` in [0, 1) draws the
// jitter: the wait is between half and the whole of its length. What can't succeed another time
// (FAIL_STEP, METRIC_UNDEFINED, BAD_REFERENCE) is never tried again.
RetryDecision DecideRetry(const RetryPolicy& policy, Cause cause, int failures, int infra_failures,
                          double random);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_RETRY_H_

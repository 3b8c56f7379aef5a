#ifndef PENSTOCK_SERVER_CORE_RETRY_H_
#define PENSTOCK_SERVER_CORE_RETRY_H_

// Whether, and when, a step is tried again. Failures of the cluster (lost workers, artifacts that
// could not be moved) have a policy of their own and do not use up the user's tries. Pure.

#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "storage/model/states.h"

namespace penstock {

struct RetryPolicy {
  int max_attempts = 1;  // tries in all
  Micros interval = std::chrono::seconds(1);
  double backoff = 2.0;
  Micros max_interval = std::chrono::minutes(1);
  bool jitter = true;
  int max_losses = 10;                 // to the cluster, before the step fails
  std::optional<Micros> expire_after;  // no new try later than this after the step became ready
  std::set<Cause> causes;              // that are tried again; empty: all of Causes()
  std::set<int> exit_codes;            // of scripts, that are tried again; empty: any
  // By the names that definitions use.
  static const std::array<std::pair<std::string_view, Cause>, 4>& Causes();
  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

struct RetryDecision {
  bool retry = false;
  Micros wait{0};  // 0: at once
};

// What became of a step so far. The counts include the failure that just happened.
struct FailureHistory {
  Cause cause = Cause::kNone;
  int exit_code = 0;  // of a script's program; 0: it has none
  int failures = 0;
  int losses = 0;  // to the cluster
  Micros since_ready{0};
};

// `random` in [0, 1) draws the jitter: the wait is between half and the whole of its length. What
// can't succeed another time (FAIL_STEP, METRIC_UNDEFINED, BAD_REFERENCE) is never tried again.
RetryDecision DecideRetry(const RetryPolicy& policy, const FailureHistory& history, double random);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_RETRY_H_

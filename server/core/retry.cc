#include "server/core/retry.h"

#include <algorithm>
#include <cmath>

namespace penstock {
namespace {

Micros Backoff(Micros interval, double factor, Micros longest, int failures) {
  const double micros =
      static_cast<double>(interval.count()) * std::pow(std::max(factor, 1.0), failures - 1);
  return Micros(static_cast<int64_t>(std::min(micros, static_cast<double>(longest.count()))));
}

}  // namespace

RetryDecision DecideRetry(const RetryPolicy& policy, Cause cause, int failures, int infra_failures,
                          double random) {
  if (IsInfrastructure(cause)) {
    if (infra_failures >= kMaxInfrastructureFailures) return {};
    // The first loss goes elsewhere at once; a step that kills its workers slows down.
    if (infra_failures == 1) return {.retry = true, .wait = Micros(0)};
    return {.retry = true,
            .wait = Backoff(std::chrono::milliseconds(100), 2, std::chrono::seconds(30),
                            infra_failures - 1)};
  }
  const bool hopeless = cause == Cause::kFailStep || cause == Cause::kMetricUndefined ||
                        cause == Cause::kBadReference || cause == Cause::kCancelled;
  if (hopeless || failures >= policy.max_attempts) return {};
  const Micros wait = Backoff(policy.interval, policy.backoff, policy.max_interval, failures);
  const double share = policy.jitter ? 0.5 + random / 2 : 1;
  return {.retry = true,
          .wait = Micros(static_cast<int64_t>(static_cast<double>(wait.count()) * share))};
}

}  // namespace penstock

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

const std::array<std::pair<std::string_view, Cause>, 4>& RetryPolicy::Causes() {
  static constexpr std::array<std::pair<std::string_view, Cause>, 4> kCauses = {
      {{"step_error", Cause::kStepError},
       {"timeout", Cause::kTimeout},
       {"out_of_memory", Cause::kOutOfMemory},
       {"crashed", Cause::kCrashed}}};
  return kCauses;
}

RetryDecision DecideRetry(const RetryPolicy& policy, const FailureHistory& history, double random) {
  if (IsInfrastructure(history.cause)) {
    if (history.losses >= policy.max_losses) return {};
    // The first loss goes elsewhere at once; a step that kills its workers slows down.
    if (history.losses == 1) return {.retry = true, .wait = Micros(0)};
    return {.retry = true,
            .wait = Backoff(std::chrono::milliseconds(100), 2, std::chrono::seconds(30),
                            history.losses - 1)};
  }
  const auto& known = RetryPolicy::Causes();
  const bool may_pass = std::any_of(known.begin(), known.end(), [&](const auto& each) {
    return each.second == history.cause;
  });
  if (!may_pass || history.failures >= policy.max_attempts) return {};
  if (!policy.causes.empty() && !policy.causes.contains(history.cause)) return {};
  if (!policy.exit_codes.empty() && history.exit_code != 0 &&
      !policy.exit_codes.contains(history.exit_code)) {
    return {};
  }
  Micros wait = Backoff(policy.interval, policy.backoff, policy.max_interval, history.failures);
  const double share = policy.jitter ? 0.5 + random / 2 : 1;
  wait = Micros(static_cast<int64_t>(static_cast<double>(wait.count()) * share));
  if (policy.expire_after && history.since_ready + wait > *policy.expire_after) return {};
  return {.retry = true, .wait = wait};
}

}  // namespace penstock

#include "server/core/retry.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

RetryPolicy Policy() {
  return {.max_attempts = 4,
          .interval = seconds(1),
          .backoff = 3,
          .max_interval = seconds(5),
          .jitter = false};
}

RetryDecision AfterStepError(const RetryPolicy& policy, int failures, double random = 0) {
  return DecideRetry(policy, Cause::kStepError, failures, 0, random);
}

TEST(DecideRetry, WaitsLongerEachTimeUpToTheLongest) {
  EXPECT_EQ(AfterStepError(Policy(), 1).wait, seconds(1));
  EXPECT_EQ(AfterStepError(Policy(), 2).wait, seconds(3));
  EXPECT_EQ(AfterStepError(Policy(), 3).wait, seconds(5));
  EXPECT_TRUE(AfterStepError(Policy(), 3).retry);
}

TEST(DecideRetry, EndsAfterTheLastAttempt) {
  EXPECT_FALSE(AfterStepError(Policy(), 4).retry);
  EXPECT_FALSE(AfterStepError(Policy(), 5).retry);
  EXPECT_FALSE(AfterStepError(RetryPolicy(), 1).retry) << "one attempt is the default";
}

TEST(DecideRetry, DrawsJitterBetweenHalfAndTheWhole) {
  RetryPolicy policy = Policy();
  policy.jitter = true;
  EXPECT_EQ(AfterStepError(policy, 1, 0.0).wait, milliseconds(500));
  EXPECT_EQ(AfterStepError(policy, 1, 0.5).wait, milliseconds(750));
  EXPECT_LE(AfterStepError(policy, 1, 0.999).wait, seconds(1));
}

TEST(DecideRetry, DoesNotOverflow) {
  RetryPolicy policy{.max_attempts = 100,
                     .interval = std::chrono::hours(24),
                     .backoff = 100,
                     .max_interval = std::chrono::hours(48),
                     .jitter = false};
  EXPECT_EQ(AfterStepError(policy, 99).wait, std::chrono::hours(48));
}

TEST(DecideRetry, TriesEveryFailureOfTheStepItself) {
  for (const Cause cause :
       {Cause::kStepError, Cause::kTimeout, Cause::kOutOfMemory, Cause::kCrashed}) {
    EXPECT_TRUE(DecideRetry(Policy(), cause, 1, 0, 0).retry) << Name(cause);
    EXPECT_FALSE(DecideRetry(Policy(), cause, 4, 0, 0).retry) << Name(cause);
  }
}

TEST(DecideRetry, NeverTriesWhatCannotSucceed) {
  for (const Cause cause :
       {Cause::kFailStep, Cause::kMetricUndefined, Cause::kBadReference, Cause::kCancelled}) {
    EXPECT_FALSE(DecideRetry(Policy(), cause, 1, 0, 0).retry) << Name(cause);
  }
}

TEST(DecideRetry, GivesTheClusterItsOwnTries) {
  for (const Cause cause : {Cause::kWorkerLost, Cause::kWorkerRestarted, Cause::kInfrastructure}) {
    // All of the user's attempts are used, or there was one only: it makes no difference.
    const RetryPolicy once;
    const RetryDecision first = DecideRetry(once, cause, 1, 1, 0);
    EXPECT_TRUE(first.retry) << Name(cause);
    EXPECT_EQ(first.wait, Micros(0)) << Name(cause);
    const RetryDecision second = DecideRetry(once, cause, 0, 2, 0);
    EXPECT_TRUE(second.retry);
    EXPECT_EQ(second.wait, milliseconds(100));
    EXPECT_EQ(DecideRetry(once, cause, 0, 3, 0).wait, milliseconds(200));
    EXPECT_TRUE(DecideRetry(once, cause, 0, kMaxInfrastructureFailures - 1, 0).retry);
    EXPECT_FALSE(DecideRetry(once, cause, 0, kMaxInfrastructureFailures, 0).retry);
  }
}

TEST(DecideRetry, StepsDoNotUseTheClustersTries) {
  EXPECT_TRUE(DecideRetry(Policy(), Cause::kStepError, 1, kMaxInfrastructureFailures, 0).retry);
}

}  // namespace
}  // namespace penstock

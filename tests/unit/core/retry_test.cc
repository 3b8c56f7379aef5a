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

RetryDecision After(const RetryPolicy& policy, Cause cause, int failures, int losses,
                    double random = 0) {
  return DecideRetry(policy, {.cause = cause, .failures = failures, .losses = losses}, random);
}

RetryDecision AfterStepError(const RetryPolicy& policy, int failures, double random = 0) {
  return After(policy, Cause::kStepError, failures, 0, random);
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
    EXPECT_TRUE(After(Policy(), cause, 1, 0, 0).retry) << Name(cause);
    EXPECT_FALSE(After(Policy(), cause, 4, 0, 0).retry) << Name(cause);
  }
}

TEST(DecideRetry, NeverTriesWhatCannotSucceed) {
  for (const Cause cause :
       {Cause::kFailStep, Cause::kMetricUndefined, Cause::kBadReference, Cause::kCancelled}) {
    EXPECT_FALSE(After(Policy(), cause, 1, 0, 0).retry) << Name(cause);
  }
}

TEST(DecideRetry, GivesTheClusterItsOwnTries) {
  for (const Cause cause : {Cause::kWorkerLost, Cause::kWorkerRestarted, Cause::kInfrastructure}) {
    // All of the user's attempts are used, or there was one only: it makes no difference.
    const RetryPolicy once;
    const RetryDecision first = After(once, cause, 1, 1, 0);
    EXPECT_TRUE(first.retry) << Name(cause);
    EXPECT_EQ(first.wait, Micros(0)) << Name(cause);
    const RetryDecision second = After(once, cause, 0, 2, 0);
    EXPECT_TRUE(second.retry);
    EXPECT_EQ(second.wait, milliseconds(100));
    EXPECT_EQ(After(once, cause, 0, 3, 0).wait, milliseconds(200));
    EXPECT_TRUE(After(once, cause, 0, RetryPolicy().max_losses - 1, 0).retry);
    EXPECT_FALSE(After(once, cause, 0, RetryPolicy().max_losses, 0).retry);
  }
}

TEST(DecideRetry, StepsDoNotUseTheClustersTries) {
  EXPECT_TRUE(After(Policy(), Cause::kStepError, 1, RetryPolicy().max_losses, 0).retry);
}

TEST(DecideRetry, TriesTheCausesThatAreNamed) {
  RetryPolicy policy = Policy();
  policy.causes = {Cause::kTimeout};
  EXPECT_TRUE(After(policy, Cause::kTimeout, 1, 0).retry);
  EXPECT_FALSE(After(policy, Cause::kStepError, 1, 0).retry);
  EXPECT_TRUE(After(policy, Cause::kWorkerLost, 0, 2).retry) << "not the step's own failure";
}

TEST(DecideRetry, TriesTheExitCodesThatAreNamed) {
  RetryPolicy policy = Policy();
  policy.exit_codes = {75};
  FailureHistory history{.cause = Cause::kStepError, .exit_code = 75, .failures = 1};
  EXPECT_TRUE(DecideRetry(policy, history, 0).retry);
  history.exit_code = 1;
  EXPECT_FALSE(DecideRetry(policy, history, 0).retry);
  history.exit_code = 0;
  EXPECT_TRUE(DecideRetry(policy, history, 0).retry) << "no program, no code";
}

TEST(DecideRetry, NoTryBeginsAfterTheExpiry) {
  RetryPolicy policy = Policy();
  policy.expire_after = seconds(10);
  FailureHistory history{.cause = Cause::kStepError, .failures = 1, .since_ready = seconds(8)};
  EXPECT_TRUE(DecideRetry(policy, history, 0).retry);
  history.since_ready = milliseconds(9'001);
  EXPECT_FALSE(DecideRetry(policy, history, 0).retry) << "the wait would end behind it";
}

TEST(DecideRetry, LossesHaveALimitOfTheirOwn) {
  RetryPolicy policy = Policy();
  policy.max_losses = 2;
  EXPECT_TRUE(After(policy, Cause::kWorkerLost, 0, 1).retry);
  EXPECT_FALSE(After(policy, Cause::kWorkerLost, 0, 2).retry);
}

}  // namespace
}  // namespace penstock

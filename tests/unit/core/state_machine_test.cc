#include "server/core/state_machine.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

namespace penstock {
namespace {

// The tables once more, written from the brief: what is not listed is refused (nullopt).
// Terminal states absorb everything.

constexpr StepState kStepStates[] = {
    StepState::kWaiting,   StepState::kReady,     StepState::kLeased, StepState::kRunning,
    StepState::kRetryWait, StepState::kSucceeded, StepState::kFailed, StepState::kCancelled,
    StepState::kSkipped,   StepState::kCached};
constexpr StepEvent kStepEvents[] = {
    StepEvent::kDependenciesMet, StepEvent::kPlaced, StepEvent::kStarted, StepEvent::kDecided,
    StepEvent::kSucceed,         StepEvent::kFail,   StepEvent::kRetry,   StepEvent::kRetryDue,
    StepEvent::kLeaseLost,       StepEvent::kSkip,   StepEvent::kCancel,  StepEvent::kCacheHit};

TEST(StepStateMachine, EveryPair) {
  using S = StepState;
  using E = StepEvent;
  const std::map<std::pair<S, E>, S> moves = {
      {{S::kWaiting, E::kDependenciesMet}, S::kReady},
      {{S::kWaiting, E::kSkip}, S::kSkipped},
      {{S::kWaiting, E::kCancel}, S::kCancelled},
      {{S::kReady, E::kPlaced}, S::kLeased},
      {{S::kReady, E::kDecided}, S::kRunning},
      {{S::kReady, E::kCacheHit}, S::kCached},
      {{S::kReady, E::kCancel}, S::kCancelled},
      {{S::kReady, E::kFail}, S::kFailed},
      {{S::kReady, E::kSkip}, S::kSkipped},
      {{S::kLeased, E::kStarted}, S::kRunning},
      {{S::kLeased, E::kSucceed}, S::kSucceeded},
      {{S::kLeased, E::kFail}, S::kFailed},
      {{S::kLeased, E::kRetry}, S::kRetryWait},
      {{S::kLeased, E::kLeaseLost}, S::kReady},
      {{S::kLeased, E::kCancel}, S::kCancelled},
      {{S::kRunning, E::kSucceed}, S::kSucceeded},
      {{S::kRunning, E::kFail}, S::kFailed},
      {{S::kRunning, E::kRetry}, S::kRetryWait},
      {{S::kRunning, E::kLeaseLost}, S::kReady},
      {{S::kRunning, E::kCancel}, S::kCancelled},
      {{S::kRetryWait, E::kRetryDue}, S::kReady},
      {{S::kRetryWait, E::kCancel}, S::kCancelled},
      {{S::kRetryWait, E::kFail}, S::kFailed},
      // Said before: nothing changes.
      {{S::kReady, E::kDependenciesMet}, S::kReady},
      {{S::kReady, E::kRetryDue}, S::kReady},
      {{S::kReady, E::kLeaseLost}, S::kReady},
      {{S::kLeased, E::kDependenciesMet}, S::kLeased},
      {{S::kLeased, E::kPlaced}, S::kLeased},
      {{S::kRunning, E::kDependenciesMet}, S::kRunning},
      {{S::kRunning, E::kPlaced}, S::kRunning},
      {{S::kRunning, E::kStarted}, S::kRunning},
      {{S::kRunning, E::kDecided}, S::kRunning},
      {{S::kRetryWait, E::kRetry}, S::kRetryWait},
  };
  for (const S state : kStepStates) {
    for (const E event : kStepEvents) {
      std::optional<S> wanted;
      if (IsTerminal(state)) {
        wanted = state;
      } else if (const auto found = moves.find({state, event}); found != moves.end()) {
        wanted = found->second;
      }
      EXPECT_EQ(NextState(state, event), wanted)
          << Name(state) << ", event " << static_cast<int>(event);
    }
  }
}

TEST(StepStateMachine, EveryUnfinishedStateCanBeCancelled) {
  for (const StepState state : kStepStates) {
    if (IsTerminal(state)) continue;
    EXPECT_EQ(NextState(state, StepEvent::kCancel), StepState::kCancelled) << Name(state);
  }
}

TEST(RunStateMachine, EveryPair) {
  using S = RunState;
  using E = RunEvent;
  constexpr S kStates[] = {S::kPending,   S::kRunning, S::kCancelling,
                           S::kSucceeded, S::kFailed,  S::kCancelled};
  constexpr E kEvents[] = {E::kStart, E::kCancel, E::kAllSucceeded, E::kSomeFailed, E::kAllEnded};
  const std::map<std::pair<S, E>, S> moves = {
      {{S::kPending, E::kStart}, S::kRunning},
      {{S::kPending, E::kCancel}, S::kCancelling},
      {{S::kRunning, E::kStart}, S::kRunning},
      {{S::kRunning, E::kCancel}, S::kCancelling},
      {{S::kRunning, E::kAllSucceeded}, S::kSucceeded},
      {{S::kRunning, E::kSomeFailed}, S::kFailed},
      {{S::kCancelling, E::kStart}, S::kCancelling},
      {{S::kCancelling, E::kCancel}, S::kCancelling},
      {{S::kCancelling, E::kAllEnded}, S::kCancelled},
  };
  for (const S state : kStates) {
    for (const E event : kEvents) {
      std::optional<S> wanted;
      if (IsTerminal(state)) {
        wanted = state;
      } else if (const auto found = moves.find({state, event}); found != moves.end()) {
        wanted = found->second;
      }
      EXPECT_EQ(NextState(state, event), wanted)
          << Name(state) << ", event " << static_cast<int>(event);
    }
  }
}

TEST(AttemptStateMachine, EveryPair) {
  using S = AttemptState;
  using E = AttemptEvent;
  constexpr S kStates[] = {S::kLeased, S::kRunning,   S::kSucceeded,
                           S::kFailed, S::kCancelled, S::kLost};
  const std::map<E, S> ends = {{E::kSucceeded, S::kSucceeded},
                               {E::kFailed, S::kFailed},
                               {E::kCancelled, S::kCancelled},
                               {E::kLost, S::kLost}};
  for (const S state : kStates) {
    const bool over = IsTerminal(state);
    EXPECT_EQ(NextState(state, E::kStarted), over ? state : S::kRunning) << Name(state);
    for (const auto& [event, end] : ends) {
      EXPECT_EQ(NextState(state, event), over ? state : end) << Name(state) << " " << Name(end);
    }
  }
}

}  // namespace
}  // namespace penstock

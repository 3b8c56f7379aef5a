#include "server/core/state_machine.h"

#include <array>

namespace penstock {
namespace {

template <typename State, typename Event>
struct Row {
  State from;
  Event event;
  State to;
};

using S = StepState;
using E = StepEvent;
constexpr std::array kStepTable = {
    Row<S, E>{S::kWaiting, E::kDependenciesMet, S::kReady},
    Row<S, E>{S::kWaiting, E::kSkip, S::kSkipped},
    Row<S, E>{S::kWaiting, E::kCancel, S::kCancelled},
    Row<S, E>{S::kReady, E::kPlaced, S::kLeased},
    Row<S, E>{S::kReady, E::kDecided, S::kRunning},
    Row<S, E>{S::kReady, E::kCacheHit, S::kCached},
    Row<S, E>{S::kReady, E::kCancel, S::kCancelled},
    Row<S, E>{S::kReady, E::kFail, S::kFailed},
    Row<S, E>{S::kReady, E::kSkip, S::kSkipped},
    Row<S, E>{S::kLeased, E::kStarted, S::kRunning},
    Row<S, E>{S::kLeased, E::kSucceed, S::kSucceeded},
    Row<S, E>{S::kLeased, E::kFail, S::kFailed},
    Row<S, E>{S::kLeased, E::kRetry, S::kRetryWait},
    Row<S, E>{S::kLeased, E::kLeaseLost, S::kReady},
    Row<S, E>{S::kLeased, E::kCancel, S::kCancelled},
    Row<S, E>{S::kRunning, E::kSucceed, S::kSucceeded},
    Row<S, E>{S::kRunning, E::kFail, S::kFailed},
    Row<S, E>{S::kRunning, E::kRetry, S::kRetryWait},
    Row<S, E>{S::kRunning, E::kLeaseLost, S::kReady},
    Row<S, E>{S::kRunning, E::kCancel, S::kCancelled},
    Row<S, E>{S::kRetryWait, E::kRetryDue, S::kReady},
    Row<S, E>{S::kRetryWait, E::kCancel, S::kCancelled},
    Row<S, E>{S::kRetryWait, E::kFail, S::kFailed},
    // Duplicates: the state has the event behind it.
    Row<S, E>{S::kReady, E::kDependenciesMet, S::kReady},
    Row<S, E>{S::kReady, E::kRetryDue, S::kReady},
    Row<S, E>{S::kReady, E::kLeaseLost, S::kReady},
    Row<S, E>{S::kLeased, E::kPlaced, S::kLeased},
    Row<S, E>{S::kLeased, E::kDependenciesMet, S::kLeased},
    Row<S, E>{S::kRunning, E::kPlaced, S::kRunning},
    Row<S, E>{S::kRunning, E::kStarted, S::kRunning},
    Row<S, E>{S::kRunning, E::kDecided, S::kRunning},
    Row<S, E>{S::kRunning, E::kDependenciesMet, S::kRunning},
    Row<S, E>{S::kRetryWait, E::kRetry, S::kRetryWait},
};

using R = RunState;
using F = RunEvent;
constexpr std::array kRunTable = {
    Row<R, F>{R::kPending, F::kStart, R::kRunning},
    Row<R, F>{R::kPending, F::kCancel, R::kCancelling},
    Row<R, F>{R::kRunning, F::kCancel, R::kCancelling},
    Row<R, F>{R::kRunning, F::kAllSucceeded, R::kSucceeded},
    Row<R, F>{R::kRunning, F::kSomeFailed, R::kFailed},
    Row<R, F>{R::kCancelling, F::kAllEnded, R::kCancelled},
    Row<R, F>{R::kRunning, F::kStart, R::kRunning},
    Row<R, F>{R::kCancelling, F::kStart, R::kCancelling},
    Row<R, F>{R::kCancelling, F::kCancel, R::kCancelling},
};

using A = AttemptState;
using G = AttemptEvent;
constexpr std::array kAttemptTable = {
    Row<A, G>{A::kLeased, G::kStarted, A::kRunning},
    Row<A, G>{A::kLeased, G::kSucceeded, A::kSucceeded},
    Row<A, G>{A::kLeased, G::kFailed, A::kFailed},
    Row<A, G>{A::kLeased, G::kCancelled, A::kCancelled},
    Row<A, G>{A::kLeased, G::kLost, A::kLost},
    Row<A, G>{A::kRunning, G::kStarted, A::kRunning},
    Row<A, G>{A::kRunning, G::kSucceeded, A::kSucceeded},
    Row<A, G>{A::kRunning, G::kFailed, A::kFailed},
    Row<A, G>{A::kRunning, G::kCancelled, A::kCancelled},
    Row<A, G>{A::kRunning, G::kLost, A::kLost},
};

template <typename Table, typename State, typename Event>
std::optional<State> Find(const Table& table, State state, Event event) {
  if (IsTerminal(state)) return state;
  for (const auto& row : table) {
    if (row.from == state && row.event == event) return row.to;
  }
  return std::nullopt;
}

}  // namespace

std::optional<StepState> NextState(StepState state, StepEvent event) {
  return Find(kStepTable, state, event);
}
std::optional<RunState> NextState(RunState state, RunEvent event) {
  return Find(kRunTable, state, event);
}
std::optional<AttemptState> NextState(AttemptState state, AttemptEvent event) {
  return Find(kAttemptTable, state, event);
}

}  // namespace penstock

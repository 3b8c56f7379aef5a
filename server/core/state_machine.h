#ifndef PENSTOCK_SERVER_CORE_STATE_MACHINE_H_
#define PENSTOCK_SERVER_CORE_STATE_MACHINE_H_

// The three state machines, each one table of (from, event, to). An event that has no row for a
// state is refused (nullopt), but for terminal states, which absorb every event, and for events
// that a state has behind it already (a duplicate), which change nothing.
//
// Step:
//
//            kDependenciesMet       kPlaced         kStarted
//   WAITING ----------------> READY -------> LEASED --------> RUNNING --kSucceed--> SUCCEEDED
//      |                      ^ | ^            |                | |----kFail------> FAILED
//      |                      | | '-kLeaseLost-'-- kLeaseLost --' |
//      |             kRetryDue| '--------- kDecided (control) ----+-> RUNNING
//      |                      |                                   |
//      |                  RETRY_WAIT <---------- kRetry ----------'
//      | kSkip → SKIPPED     kCacheHit: READY → CACHED     kCancel: any → CANCELLED
//      kFail: READY, RETRY_WAIT → FAILED, too (a deadline)
//      kSkip: READY → SKIPPED, too (what a run that verifies another does not repeat)
//
// Run:      PENDING --kStart--> RUNNING --kCancel--> CANCELLING
//           kAllSucceeded → SUCCEEDED, kSomeFailed → FAILED, kAllEnded (of CANCELLING) → CANCELLED
//
// Attempt:  LEASED --kStarted--> RUNNING --kSucceeded | kFailed | kCancelled | kLost--> …
//           LEASED ends in the same ways: a short attempt may report its end first.
//
// Pure.

#include <optional>

#include "storage/model/states.h"

namespace penstock {

enum class StepEvent {
  kDependenciesMet,  // all that it waits for is there
  kPlaced,           // an attempt was leased to a worker
  kStarted,          // the worker runs it
  kDecided,          // a control step is being decided, or a step failed before it was leased
  kSucceed,
  kFail,
  kRetry,      // failed, and will be tried again after a wait
  kRetryDue,   // the wait is over
  kLeaseLost,  // the attempt is gone, the step is placeable again at once
  kSkip,
  kCancel,
  kCacheHit,
};

enum class RunEvent { kStart, kCancel, kAllSucceeded, kSomeFailed, kAllEnded };

enum class AttemptEvent { kStarted, kSucceeded, kFailed, kCancelled, kLost };

// The state after `event`; `state` itself for a duplicate or a terminal state; nullopt where the
// event makes no sense.
std::optional<StepState> NextState(StepState state, StepEvent event);
std::optional<RunState> NextState(RunState state, RunEvent event);
std::optional<AttemptState> NextState(AttemptState state, AttemptEvent event);

// Is told of every event that a machine is given, before it has changed: what simulation counts.
class TransitionObserver {
 public:
  virtual ~TransitionObserver() = default;
  virtual void OnStep(StepState state, StepEvent event) = 0;
  virtual void OnRun(RunState state, RunEvent event) = 0;
  virtual void OnAttempt(AttemptState state, AttemptEvent event) = 0;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_STATE_MACHINE_H_

#ifndef PENSTOCK_STORAGE_MODEL_STATES_H_
#define PENSTOCK_STORAGE_MODEL_STATES_H_

// The states that records can be in. Their numbers are stored; a number is never given another
// meaning. The tables of transitions are in server/core.

#include <optional>
#include <string_view>

namespace penstock {

// PENDING → RUNNING → (CANCELLING) → {SUCCEEDED, FAILED, CANCELLED}
enum class RunState {
  kPending = 1,
  kRunning = 2,
  kCancelling = 3,
  kSucceeded = 4,
  kFailed = 5,
  kCancelled = 6,
};

// WAITING → READY → LEASED → RUNNING → terminal, with RETRY_WAIT between attempts.
enum class StepState {
  kWaiting = 1,
  kReady = 2,
  kLeased = 3,
  kRunning = 4,
  kRetryWait = 5,
  kSucceeded = 6,
  kFailed = 7,
  kCancelled = 8,
  kSkipped = 9,
  kCached = 10,
};

// LEASED → RUNNING → {SUCCEEDED, FAILED, CANCELLED, LOST}
enum class AttemptState {
  kLeased = 1,
  kRunning = 2,
  kSucceeded = 3,
  kFailed = 4,
  kCancelled = 5,
  kLost = 6,
};

enum class ModelStatus {
  kPendingManualApproval = 1,
  kApproved = 2,
  kRejected = 3,
};

enum class ArtifactType {
  kFile = 1,
  kDataset = 2,
  kModel = 3,
  kTransform = 4,
  kReport = 5,
};

// Why an attempt or step ended as it did: typed, so that retry policies and `explain` can tell.
enum class Cause {
  kNone = 0,
  kStepError = 1,         // the step itself reported an error: bad data, bad parameters
  kTimeout = 2,           // ran longer than the step's timeout
  kOutOfMemory = 3,       // over its memory limit
  kCrashed = 4,           // the child process died by a signal or left without a result
  kWorkerLost = 5,        // lease expired and another attempt took over (infrastructure)
  kWorkerRestarted = 6,   // the worker came back with another boot id (infrastructure)
  kCancelled = 7,         // by request
  kUpstreamFailed = 8,    // something that it depends on failed
  kNotChosen = 9,         // a condition took the other branch
  kMetricUndefined = 10,  // a condition compared an absent, null or NaN value
  kFailStep = 11,         // a `fail` step
  kBadReference = 12,     // a reference resolved to nothing, or to a value of the wrong type
  kInfrastructure = 13,   // artifacts could not be moved, workspace could not be made, and the like
  kUpstreamSkipped = 14,  // an output that it needs was never made because its step was skipped
  kItemsFailed = 15,      // a map: more items failed than are tolerated
  kPipelineFailed = 16,   // a pipeline step: a step of the other pipeline failed
  kRejected = 17,         // an approval: a person said no
  kDeadline = 18,         // the run's or the step's deadline passed
  kFailFast = 19,         // another step failed, and the run stops at the first failure
  kAliasMoved = 20,       // promote: the alias stands for another version than when the run started
  kPreempted = 21,        // gave way to a step of higher priority
  kGangEnded = 22,        // another rank of the same step ended first
};

constexpr bool IsTerminal(RunState s) {
  return s == RunState::kSucceeded || s == RunState::kFailed || s == RunState::kCancelled;
}
constexpr bool IsTerminal(StepState s) {
  return s >= StepState::kSucceeded;
}
constexpr bool IsTerminal(AttemptState s) {
  return s >= AttemptState::kSucceeded;
}
// CACHED counts as succeeded.
constexpr bool IsSuccess(StepState s) {
  return s == StepState::kSucceeded || s == StepState::kCached;
}
// Failures of the cluster, not of the step: retried without using the user's retries.
constexpr bool IsInfrastructure(Cause c) {
  return c == Cause::kWorkerLost || c == Cause::kWorkerRestarted || c == Cause::kInfrastructure;
}

// Upper-case names as the API and the command line show them: "SUCCEEDED", "WORKER_LOST";
// ModelStatus as SageMaker writes it: "PendingManualApproval"; ArtifactType in lower case.
std::string_view Name(RunState state);
std::string_view Name(StepState state);
std::string_view Name(AttemptState state);
std::string_view Name(ModelStatus status);
std::string_view Name(ArtifactType type);
std::string_view Name(Cause cause);

// The inverse; nullopt for a name that is none.
std::optional<RunState> ParseRunState(std::string_view name);
std::optional<StepState> ParseStepState(std::string_view name);
std::optional<ModelStatus> ParseModelStatus(std::string_view name);
std::optional<ArtifactType> ParseArtifactType(std::string_view name);
std::optional<Cause> ParseCause(std::string_view name);

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_MODEL_STATES_H_

#include "storage/model/states.h"

#include <array>
#include <utility>

#include "base/check.h"

namespace penstock {
namespace {

template <typename E, std::size_t N>
using Names = std::array<std::pair<E, std::string_view>, N>;

constexpr Names<RunState, 6> kRunStates = {{{RunState::kPending, "PENDING"},
                                            {RunState::kRunning, "RUNNING"},
                                            {RunState::kCancelling, "CANCELLING"},
                                            {RunState::kSucceeded, "SUCCEEDED"},
                                            {RunState::kFailed, "FAILED"},
                                            {RunState::kCancelled, "CANCELLED"}}};
constexpr Names<StepState, 10> kStepStates = {{{StepState::kWaiting, "WAITING"},
                                               {StepState::kReady, "READY"},
                                               {StepState::kLeased, "LEASED"},
                                               {StepState::kRunning, "RUNNING"},
                                               {StepState::kRetryWait, "RETRY_WAIT"},
                                               {StepState::kSucceeded, "SUCCEEDED"},
                                               {StepState::kFailed, "FAILED"},
                                               {StepState::kCancelled, "CANCELLED"},
                                               {StepState::kSkipped, "SKIPPED"},
                                               {StepState::kCached, "CACHED"}}};
constexpr Names<AttemptState, 6> kAttemptStates = {{{AttemptState::kLeased, "LEASED"},
                                                    {AttemptState::kRunning, "RUNNING"},
                                                    {AttemptState::kSucceeded, "SUCCEEDED"},
                                                    {AttemptState::kFailed, "FAILED"},
                                                    {AttemptState::kCancelled, "CANCELLED"},
                                                    {AttemptState::kLost, "LOST"}}};
constexpr Names<ModelStatus, 3> kModelStatuses = {
    {{ModelStatus::kPendingManualApproval, "PendingManualApproval"},
     {ModelStatus::kApproved, "Approved"},
     {ModelStatus::kRejected, "Rejected"}}};
constexpr Names<ArtifactType, 5> kArtifactTypes = {{{ArtifactType::kFile, "file"},
                                                    {ArtifactType::kDataset, "dataset"},
                                                    {ArtifactType::kModel, "model"},
                                                    {ArtifactType::kTransform, "transform"},
                                                    {ArtifactType::kReport, "report"}}};
constexpr Names<Cause, 23> kCauses = {{{Cause::kNone, "NONE"},
                                       {Cause::kStepError, "STEP_ERROR"},
                                       {Cause::kTimeout, "TIMEOUT"},
                                       {Cause::kOutOfMemory, "OUT_OF_MEMORY"},
                                       {Cause::kCrashed, "CRASHED"},
                                       {Cause::kWorkerLost, "WORKER_LOST"},
                                       {Cause::kWorkerRestarted, "WORKER_RESTARTED"},
                                       {Cause::kCancelled, "CANCELLED"},
                                       {Cause::kUpstreamFailed, "UPSTREAM_FAILED"},
                                       {Cause::kNotChosen, "NOT_CHOSEN"},
                                       {Cause::kMetricUndefined, "METRIC_UNDEFINED"},
                                       {Cause::kFailStep, "FAIL_STEP"},
                                       {Cause::kBadReference, "BAD_REFERENCE"},
                                       {Cause::kInfrastructure, "INFRASTRUCTURE"},
                                       {Cause::kUpstreamSkipped, "UPSTREAM_SKIPPED"},
                                       {Cause::kItemsFailed, "ITEMS_FAILED"},
                                       {Cause::kPipelineFailed, "PIPELINE_FAILED"},
                                       {Cause::kRejected, "REJECTED"},
                                       {Cause::kDeadline, "DEADLINE"},
                                       {Cause::kFailFast, "FAIL_FAST"},
                                       {Cause::kAliasMoved, "ALIAS_MOVED"},
                                       {Cause::kPreempted, "PREEMPTED"},
                                       {Cause::kGangEnded, "GANG_ENDED"}}};

template <typename E, std::size_t N>
std::string_view Find(const Names<E, N>& names, E value) {
  for (const auto& [known, name] : names) {
    if (known == value) return name;
  }
  PENSTOCK_CHECK(!"a value outside its enumeration");
  return {};
}

template <typename E, std::size_t N>
std::optional<E> Parse(const Names<E, N>& names, std::string_view text) {
  for (const auto& [value, name] : names) {
    if (name == text) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view Name(RunState state) {
  return Find(kRunStates, state);
}
std::string_view Name(StepState state) {
  return Find(kStepStates, state);
}
std::string_view Name(AttemptState state) {
  return Find(kAttemptStates, state);
}
std::string_view Name(ModelStatus status) {
  return Find(kModelStatuses, status);
}
std::string_view Name(ArtifactType type) {
  return Find(kArtifactTypes, type);
}
std::string_view Name(Cause cause) {
  return Find(kCauses, cause);
}

std::optional<RunState> ParseRunState(std::string_view name) {
  return Parse(kRunStates, name);
}
std::optional<StepState> ParseStepState(std::string_view name) {
  return Parse(kStepStates, name);
}
std::optional<ModelStatus> ParseModelStatus(std::string_view name) {
  return Parse(kModelStatuses, name);
}
std::optional<ArtifactType> ParseArtifactType(std::string_view name) {
  return Parse(kArtifactTypes, name);
}
std::optional<Cause> ParseCause(std::string_view name) {
  return Parse(kCauses, name);
}

}  // namespace penstock

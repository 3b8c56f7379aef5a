#ifndef PENSTOCK_STORAGE_MODEL_LIMITS_H_
#define PENSTOCK_STORAGE_MODEL_LIMITS_H_

// Every limit of the product, in one place. Refused at submission, never half-way through a run.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace penstock::limits {

// Definitions and runs.
inline constexpr int kMaxStepsPerRun = 10'000;
inline constexpr int kMaxMapItems = 10'000;
inline constexpr int kMaxMapDepth = 4;
inline constexpr int kMaxPipelineDepth = 8;  // of pipelines that call pipelines
// With the steps of maps' items and of called pipelines.
inline constexpr int kMaxStepInstances = 50'000;
inline constexpr std::size_t kMaxMapOutputBytes = 1 << 20;  // of one output, over all items
inline constexpr std::size_t kMaxDefinitionBytes = 1 << 20;
inline constexpr int kMaxDefinitionDepth = 32;
inline constexpr int kMaxNameLength = 64;
inline constexpr std::size_t kMaxKeyBytes = 512;
inline constexpr int kMaxParameters = 256;
inline constexpr std::size_t kMaxParameterBytes = 64 << 10;
inline constexpr int kMaxInputsPerStep = 1'000;
inline constexpr int kMaxEdgesPerRun = 100'000;
inline constexpr int kMaxTagsPerRun = 32;
inline constexpr std::size_t kMaxTagBytes = 256;
inline constexpr std::size_t kMaxCommentBytes = 4 << 10;
inline constexpr std::size_t kMaxSecretBytes = 64 << 10;
inline constexpr int kMaxRetryAttempts = 100;
inline constexpr int kMaxExpressionLength = 4 << 10;
inline constexpr int kMaxConditionDepth = 8;
inline constexpr std::size_t kMaxProblemsReported = 100;
inline constexpr std::size_t kMaxOverriddenSteps = 100;
inline constexpr std::size_t kMaxOverrideBytes = 256 << 10;  // of all steps together
inline constexpr std::int64_t kMaxBackfillRuns = 10'000;

// Messages.
inline constexpr int kMaxMessageBytes = 16 << 20;
inline constexpr std::size_t kArtifactChunkBytes = 1 << 20;
inline constexpr int kMaxPageSize = 1'000;
inline constexpr int kDefaultPageSize = 100;

// Reports of attempts.
inline constexpr int kMaxMetricsPerReport = 256;
inline constexpr int kMaxSeriesPoints = 100'000;  // of one series in an answer
inline constexpr std::size_t kMaxReportValueBytes = 64 << 10;
inline constexpr std::size_t kMaxReportListBytes = 1 << 20;
inline constexpr int kMaxOutputsPerStep = 256;
inline constexpr std::size_t kMaxErrorMessageBytes = 16 << 10;
inline constexpr std::size_t kMaxEnvironmentBytes = 16 << 10;

// Leases.
inline constexpr std::chrono::seconds kLeaseTtl{15};
inline constexpr std::chrono::seconds kHeartbeatInterval{3};
inline constexpr std::chrono::seconds kMaxDisconnect{3600};
inline constexpr int kMaxBacklog = 64;
inline constexpr std::chrono::milliseconds kBacklogMedian{100};
inline constexpr int kMaxLeasesPerReply = 256;

// Queues.
inline constexpr std::size_t kMaxQueuedCommands = 65'536;
inline constexpr std::size_t kMaxWatchers = 10'000;

// Scheduling.
inline constexpr std::size_t kMaxNamedQueues = 64;
inline constexpr int kMaxQueueWeight = 1'000;
inline constexpr int kMaxPriority = 1'000;  // and as far below 0
inline constexpr int kMaxActiveRuns = 10'000;
inline constexpr std::size_t kMaxMutexBytes = 128;
inline constexpr int kMaxGangNodes = 64;  // workers that run one step together
inline constexpr std::size_t kMaxGroupBytes = 128;  // of runs
// How long a step may be passed over before a worker is kept free for it.
inline constexpr std::chrono::seconds kReserveAfter{10};
// From the signal to save a checkpoint to SIGTERM.
inline constexpr std::chrono::seconds kCheckpointGrace{30};
inline constexpr std::chrono::seconds kMaxCheckpointGrace{3600};
// Inputs that are as large together draw a step to a worker that has them; artifacts below the
// second size are not looked at. Where they are is remembered for so many.
inline constexpr int64_t kLocalityBytes = 64 << 20;
inline constexpr int64_t kPlacedArtifactBytes = 1 << 20;
inline constexpr std::size_t kMaxPlacedArtifacts = 10'000;

// Logs, by step.
inline constexpr int64_t kMaxLogBytesPerStep = 16 << 20;
// With what a worker adds of its own.
inline constexpr int64_t kMaxJournalBytesPerStep = kMaxLogBytesPerStep + (64 << 10);
inline constexpr int64_t kMaxLogChunkBytes = 256 << 10;

// Artifacts.
inline constexpr int kMaxTreeFiles = 100'000;
inline constexpr std::size_t kMaxManifestBytes = 32 << 20;
inline constexpr std::chrono::hours kClientHold{1};

}  // namespace penstock::limits

#endif  // PENSTOCK_STORAGE_MODEL_LIMITS_H_

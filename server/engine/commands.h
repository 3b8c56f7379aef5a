#ifndef PENSTOCK_SERVER_ENGINE_COMMANDS_H_
#define PENSTOCK_SERVER_ENGINE_COMMANDS_H_

// What the engine can be asked, and what it answers. Plain data.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "storage/model/records.h"

namespace penstock {

// Called exactly once, on the engine's thread, after the commit that made the answer true (or with
// the error that prevented it). Must not block and must not throw.
template <typename T>
using Callback = std::function<void(Result<T>)>;
struct Done {};  // the answer of a command that has nothing else to say

struct RegisterPipelineCommand {
  // Name, digest, definition, source, description and step count; validated by the caller. The
  // engine adds version, principal and time.
  PipelineVersionRecord version;
  Principal principal;
};
struct RegisterPipelineAnswer {
  PipelineVersionRecord version;
  bool created = false;
};

struct DeletePipelineCommand {
  PipelineName name;
  Principal principal;
};

struct SubmitRunCommand {
  PipelineName pipeline;
  int32_t version = 0;  // 0: the newest
  std::map<std::string, Json> parameters;
  std::string name;
  std::map<std::string, std::string> tags;
  std::string idempotency_key;
  Principal principal;
  // Goes on from another run of the same pipeline version that has ended.
  RunRecord::Origin origin;
  // Without results of earlier runs: for all steps, or for those named.
  bool no_cache = false;
  std::vector<std::string> no_cache_steps;
  std::string queue;                // empty: the definition's
  std::optional<int32_t> priority;  // unset: the definition's
  // As in RunRecord.
  Json overrides = Json::object();
  std::string group;
  int32_t group_limit = 0;
};
struct SubmitRunAnswer {
  RunRecord run;
  bool created = false;
  std::vector<Problem> warnings;
};

struct CancelRunCommand {
  RunId run;
  Principal principal;
  std::string comment;
  bool now = false;  // onExit steps, too
};

struct DecideApprovalCommand {
  RunId run;
  std::string step;  // with the way to it: "child.sign-off"
  bool approve = false;
  std::string comment;
  Principal principal;
};

// A stable word and a sentence.
struct Explanation {
  std::string reason;
  std::string message;
};
struct ExplainCommand {
  RunId run;
  StepIndex step = 0;
};

// Which try of which step of which run.
struct AttemptKey {
  RunId run;
  StepIndex step = 0;
  int32_t number = 0;
  int32_t rank = 0;
  friend bool operator==(const AttemptKey&, const AttemptKey&) = default;
};

struct HeldAttempt {
  RunId run;
  StepIndex step = 0;
  int32_t attempt = 0;
  AttemptToken token;
  bool running = false;
  double progress = 0;
  std::string progress_note;
};

struct OpenSessionCommand {
  WorkerInfo worker;
  std::vector<HeldAttempt> held;
  int32_t protocol = 0;  // that both sides speak
  int64_t number = 0;    // of the worker's requests since its boot; 0: not said
};
struct OpenSessionAnswer {
  SessionId session;
  int32_t protocol = 0;
  Micros lease_ttl{0};
  Micros heartbeat_interval{0};
  Micros max_disconnect{0};
  std::vector<AttemptToken> stale;
};

struct LeaseInput {
  std::string name;
  std::vector<ArtifactRef> artifacts;
  std::vector<std::string> display_names;
};

// Where a rank of a step on several nodes is.
struct LeasedRank {
  WorkerId worker;
  std::string host;
  int32_t port = 0;
};

// One attempt, with all that a worker needs to run it.
struct LeasedAttempt {
  RunId run;
  std::string step_name;
  StepIndex step = 0;
  int32_t attempt = 0;
  AttemptToken token;
  std::string type;
  std::string algorithm;
  std::string version;
  std::string parameters_json;
  std::vector<LeaseInput> inputs;
  double cpus = 1;
  int64_t memory = 0;
  int32_t gpus = 0;
  std::optional<Micros> timeout;
  std::optional<Micros> idle_timeout;
  std::vector<std::string> report_paths;
  Principal principal;
  PipelineName pipeline;
  // That the parameters name. Without values but for what goes to a worker.
  std::map<std::string, std::string> secrets;
  int32_t rank = 0;
  std::vector<LeasedRank> ranks;  // of a step on several nodes; else empty
  bool fence_execution = false;           // must have ended before its lease has
  std::optional<ArtifactRef> checkpoint;  // what an earlier attempt saved before it gave way
};

struct LeaseStepsCommand {
  SessionId session;
  int64_t acknowledged = 0;
  Micros max_wait{0};
  bool draining = false;
};
// An attempt that is to save a checkpoint and to end.
struct Preemption {
  AttemptToken token;
  Micros grace{0};
};
struct LeaseStepsAnswer {
  int64_t sequence = 0;
  std::vector<LeasedAttempt> leases;
  std::vector<AttemptToken> cancel;
  std::vector<AttemptToken> revoke;
  std::vector<Preemption> preempt;
  bool drain = false;
};

struct HeartbeatCommand {
  SessionId session;
  std::vector<HeldAttempt> held;
};
struct HeartbeatAnswer {
  std::vector<AttemptToken> stale;
};

enum class ReportKind { kStarted, kSucceeded, kFailed, kCancelled, kReturned };

struct StepReport {
  RunId run;
  StepIndex step = 0;
  int32_t attempt = 0;
  AttemptToken token;
  ReportKind kind = ReportKind::kStarted;
  StepResult result;  // kSucceeded
  Cause cause = Cause::kNone;
  std::string message;
  Time started_at;
  int32_t exit_code = 0;
  int64_t peak_memory = 0;
  double cpu_seconds = 0;
  std::optional<ArtifactRef> checkpoint;  // kCancelled by a preemption
  std::string environment;  // as in AttemptRecord
};
struct ReportStepsCommand {
  SessionId session;
  std::vector<StepReport> reports;
};
enum class Verdict { kOk, kStaleAttempt, kMissingArtifact };
struct ReportStepsAnswer {
  std::vector<Verdict> verdicts;
};

// An operator's word on a worker.
struct OrderWorkerCommand {
  enum class Order { kCordon, kUncordon, kDrain };
  WorkerId worker;
  Order order = Order::kCordon;
  std::optional<Micros> deadline;  // kDrain; unset: what runs may end by itself
  Principal principal;
};

struct CommitArtifactCommand {
  ArtifactRef ref;
  int32_t file_count = 1;
  Principal principal;
  AttemptToken attempt;  // whose hold it is; empty: the principal's
};

struct HoldArtifactsCommand {
  std::vector<Digest> digests;
  Principal principal;
  AttemptToken attempt;
};

struct RegisterModelCommand {
  GroupName group;
  Digest model;
  Digest report;  // empty: none
  ModelStatus status = ModelStatus::kPendingManualApproval;
  std::string description;
  Principal principal;
};

struct DecideModelCommand {
  GroupName group;
  int32_t version = 0;
  ModelStatus status = ModelStatus::kApproved;
  std::string comment;
  Principal principal;
};

struct PromoteModelCommand {
  GroupName group;
  int32_t version = 0;
  std::string alias;
  std::optional<int32_t> expected;  // what the alias must stand for; 0: nothing
  Principal principal;
};

struct CreateTokenCommand {
  TokenRecord token;
};
struct RevokeTokenCommand {
  std::string name;
  Principal principal;
};

struct PutSecretCommand {
  std::string name;
  std::string value;
  Principal principal;
};
struct DeleteSecretCommand {
  std::string name;
  Principal principal;
};

// What one commit changed of one run.
struct RunUpdate {
  RunRecord run;  // `revision` tells it from a snapshot: older ones are to be dropped
  std::vector<StepRecord> steps;
  bool progress_only = false;  // no commit: `revision` is that of the newest one
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_COMMANDS_H_

#ifndef PENSTOCK_STORAGE_MODEL_RECORDS_H_
#define PENSTOCK_STORAGE_MODEL_RECORDS_H_

// Plain records: what the metadata store keeps, the engine changes and the API shows. No behaviour.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "storage/model/ids.h"
#include "storage/model/states.h"

namespace penstock {

// An artifact as others refer to it.
struct ArtifactRef {
  Digest digest;
  ArtifactType type = ArtifactType::kFile;
  bool tree = false;  // the digest is of a manifest
  int64_t size = 0;   // bytes of all files
  friend bool operator==(const ArtifactRef&, const ArtifactRef&) = default;
};

struct ArtifactRecord {
  ArtifactRef ref;
  int32_t file_count = 1;
  Principal principal;
  Time created_at;
  // The step that made it first; empty for an upload.
  RunId run;
  std::string step;
  std::string output;
};

struct PipelineVersionRecord {
  int64_t id = 0;  // row
  PipelineName name;
  int32_t version = 0;
  Digest digest;           // of `definition`
  std::string definition;  // normalised, canonical JSON
  std::string source;      // as it was sent
  std::string description;
  int32_t step_count = 0;
  Principal principal;
  Time created_at;
};

struct StepCounts {
  int32_t total = 0;
  int32_t waiting = 0;  // WAITING, READY, RETRY_WAIT
  int32_t active = 0;   // LEASED, RUNNING
  int32_t succeeded = 0;
  int32_t failed = 0;
  int32_t skipped = 0;
  int32_t cancelled = 0;
};

struct RunRecord {
  int64_t row = 0;  // rises with every run; order of creation
  RunId id;
  std::string name;
  PipelineName pipeline;
  int32_t pipeline_version = 0;
  int64_t pipeline_version_id = 0;
  RunState state = RunState::kPending;
  std::string message;
  Json parameters = Json::object();  // as bound, with defaults
  std::map<std::string, std::string> tags;
  Principal principal;
  Time created_at;
  Time started_at;
  Time ended_at;
  int64_t revision = 0;
  StepCounts counts;
  int32_t max_parallel_steps = 0;
  std::string queue;     // whose share its steps take; "default" where none was named
  int32_t priority = 0;  // within the queue; higher goes first
  bool cancel_now = false;  // cancelled with its onExit steps
  // What names meant when the run started: "pipeline:prep" → "3"; "model:census@champion" →
  // "artifact:sha256:…#census/3", or nothing where the alias meant none.
  std::map<std::string, std::string> pins;
  // Another run that this one goes on from: what succeeded there is kept, but for the steps named
  // in `again` (and what is inside them) and what depends on them.
  struct Origin {
    RunId run;  // empty: none
    std::vector<std::string> again;
    // Nothing is kept by name: everything is run again, or found by content.
    bool afresh = false;
    // Nor by content: everything is made anew, to be compared with what that run made. With
    // `afresh`.
    bool verify = false;
  };
  Origin origin;
  // What single steps are given in place of what the definition says: by the way to them in the
  // definition ("fit", "cv.fit", "child.prepare") {"inputs": {name: text}, "with": {…}}.
  Json overrides = Json::object();
  // Runs that were started together ("backfill-…"): of them at most so many go on at a time; 0: no
  // limit. Empty: none.
  std::string group;
  int32_t group_limit = 0;
  // Results of earlier runs are not used: for no step, or for those named (as the definition does).
  bool no_cache = false;
  std::vector<std::string> no_cache_steps;
};

// What a step left behind when it succeeded.
struct StepResult {
  std::map<std::string, ArtifactRef> outputs;
  std::map<std::string, double> metrics;      // NaN: undefined
  std::map<std::string, Json> report_values;  // path → value, for the paths that are referenced
  std::set<std::string> absent_values;        // paths that are referenced, and the report lacks
  // Of control steps that have outputs: a map's lists, by item, null where an item failed; what a
  // pipeline gave; who approved.
  std::map<std::string, Json> values;
};

struct StepRecord {
  StepIndex index = 0;
  std::string name;       // in a map or pipeline with the way to it: "cv[3].fit", "child.prepare"
  StepIndex parent = -1;  // the map or pipeline step that it belongs to
  int32_t item = -1;      // of a map
  std::string type;
  std::string algorithm;  // "xgboost@1"; empty where the type has none
  StepState state = StepState::kWaiting;
  int32_t attempt = 0;  // the newest, from 1
  std::string worker;
  Cause cause = Cause::kNone;
  std::string message;
  std::string branch;          // condition: "then" or "else"
  std::string model_version;   // register, promote: "GROUP/VERSION"
  int32_t failures = 0;        // attempts that used the user's retries
  int32_t infra_failures = 0;  // attempts that did not
  int32_t preemptions = 0;     // attempts that gave way to a higher priority
  std::optional<ArtifactRef> checkpoint;  // what such an attempt left for the next
  Time retry_at;
  Time ready_at;
  Time started_at;
  Time ended_at;
  StepResult result;
  // map, pipeline: {"base": index of its first step, "items": […]}, or {"base", "version",
  // "parameters"}; null before it has started.
  Json expansion;
  // Of steps whose results may be used again: {"key", "parts"}, and "hit": {"run", "step"}, or
  // "miss": {"why"} or {"run", "step", "differs": […]}. Null otherwise.
  Json cache;
  std::vector<StepIndex> depends_on;
  // Known while it runs, and not stored.
  double progress = 0;
  std::string progress_note;
  Time expected_end;  // unset: nothing to tell it by
};

struct AttemptRecord {
  StepIndex step = 0;
  int32_t number = 0;
  AttemptToken token;
  AttemptState state = AttemptState::kLeased;
  WorkerId worker;
  Cause cause = Cause::kNone;
  std::string message;
  Time leased_at;
  Time started_at;
  Time ended_at;
  int32_t exit_code = 0;
  int64_t peak_memory = 0;
  double cpu_seconds = 0;
  // Of a step on several nodes: one attempt a node, all with the same number.
  int32_t rank = 0;
  std::string address;  // where the rank listens: "host:port"; empty for a step on one node
  StepResult result;    // of a rank 0 that has succeeded: the step's, once every rank has
  // What its result depends on besides the definition and the inputs: program, threads, devices,
  // libraries, seeds. Canonical JSON; empty before it has ended, and where its worker said nothing.
  std::string environment;
};

struct WorkerInfo {
  WorkerId id;
  std::string boot_id;
  std::string version;
  std::string host;
  int32_t pid = 0;
  double cpus = 1;
  int64_t memory = 0;
  int32_t gpus = 0;
  std::vector<std::string> gpu_names;  // by index, where known: "NVIDIA H100 80GB HBM3"
  std::string address;                 // under which other nodes reach it
  int32_t first_port = 0;              // of those that ranks of steps on several nodes listen on
  int32_t port_count = 0;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> taints;  // keep steps away that do not tolerate them
  std::vector<std::string> steps;             // "train/xgboost@1"
  std::vector<std::string> data_roots;
  std::vector<std::string> data_sources;  // rules of source_address.h
  std::string memory_limiter;
};

// What an operator said of a worker; kept with its name, whatever becomes of its process.
struct WorkerOrders {
  bool cordoned = false;  // takes nothing new
  bool drain = false;     // nor keeps what it has
  Time drain_by;          // when what still runs is taken away; unset: it may end by itself
  Principal by;
};

// A worker as `get workers` shows it.
struct WorkerView {
  WorkerInfo info;
  bool connected = false;
  bool draining = false;
  Time connected_at;
  Time last_seen;
  double cpus_used = 0;
  int64_t memory_used = 0;
  int32_t gpus_used = 0;
  int32_t running = 0;
  int32_t backlog = 0;
  WorkerOrders orders;
};

struct ModelGroupRecord {
  GroupName name;
  std::string description;
  int32_t version_count = 0;
  int32_t latest_version = 0;
  int32_t latest_approved_version = 0;
  std::map<std::string, int32_t> aliases;  // name → version
  Principal principal;
  Time created_at;
};

struct ModelVersionRecord {
  GroupName group;
  int32_t version = 0;
  ModelStatus status = ModelStatus::kPendingManualApproval;
  ArtifactRef model;
  std::optional<ArtifactRef> report;
  std::map<std::string, double> metrics;
  RunId run;  // empty: registered by hand
  std::string step;
  PipelineName pipeline;
  int32_t pipeline_version = 0;
  std::string description;
  Principal principal;
  Time created_at;
  Principal decided_by;
  Time decided_at;
  std::string comment;
  std::vector<std::string> aliases;  // that stand for this version, sorted
};

// A name that stands for one version of a group until it is moved to another.
struct ModelAliasRecord {
  GroupName group;
  std::string alias;
  int32_t version = 0;
  Principal principal;  // who moved it there
  Time moved_at;
  RunId run;  // whose promote step did; empty: by hand
  std::string step;
};

// A value that steps get and nobody is shown.
struct SecretRecord {
  std::string name;
  int32_t version = 0;  // raised by each change of the value
  std::string sealed;   // the value, encrypted
  Principal principal;  // of the last change
  Time created_at;
  Time updated_at;
};

enum class Role { kAdmin = 1, kUser = 2, kWorker = 3 };

struct TokenRecord {
  std::string name;
  Role role = Role::kUser;
  Digest hash;  // SHA-256 of the secret
  Principal created_by;
  Time created_at;
  Time revoked_at;
};

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_MODEL_RECORDS_H_

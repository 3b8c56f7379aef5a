#ifndef PENSTOCK_SERVER_ENGINE_ENGINE_H_
#define PENSTOCK_SERVER_ENGINE_ENGINE_H_

// The engine: one thread that owns all scheduling state and the only write connection.
//
// A turn takes the waiting commands and due timers, opens one transaction, lets each make its pure
// transition, places what is ready, writes the rows that changed, commits, and only then publishes
// and answers. Nothing is acted upon before its commit. When a commit fails, every command of the
// turn is answered with the error, and the state is rebuilt from the database, by the same code
// that runs at start-up.
//
// Threads: commands may be posted from any thread. Everything else happens on the engine's thread,
// or, in simulation, on the one thread that calls Turn().

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "server/core/queues.h"
#include "server/engine/commands.h"
#include "server/engine/event_hub.h"
#include "server/engine/model_terms.h"
#include "storage/metadata/metadata_store.h"
#include "storage/model/limits.h"
#include "storage/model/retention.h"

namespace penstock {

namespace sim {
class EngineProbe;
}

class Catalog;
class EngineState;
class RetentionSweep;
class SecretBox;
class TransitionObserver;

struct EngineOptions {
  Micros lease_ttl = limits::kLeaseTtl;
  Micros heartbeat_interval = limits::kHeartbeatInterval;
  Micros max_disconnect = limits::kMaxDisconnect;
  RetentionPolicy retention;
  QueueTable queues;
};

// Counters that /metrics shows. Written by the engine, read by anybody.
struct EngineMetrics {
  std::atomic<int64_t> commits{0};
  std::atomic<int64_t> commit_micros{0};  // sum
  std::atomic<int64_t> turns{0};
  std::atomic<int64_t> turn_micros{0};  // sum, with their commits
  std::atomic<int64_t> longest_turn_micros{0};
  std::atomic<int64_t> commands{0};
  std::atomic<int64_t> commit_failures{0};
  std::atomic<int64_t> stale_reports{0};
  std::atomic<int64_t> duplicate_reports{0};
  std::atomic<int64_t> leases_expired{0};
  std::atomic<int64_t> attempts_lost{0};
  std::atomic<int64_t> retries{0};
  std::atomic<int64_t> preemptions{0};
  std::atomic<int64_t> refused_commands{0};
  std::atomic<int64_t> completions{0};
  std::atomic<int64_t> sweeps{0};
  std::atomic<int64_t> runs_deleted{0};
  std::atomic<int64_t> artifacts_deleted{0};
  std::atomic<int64_t> live_runs{0};
  std::atomic<int64_t> ready_steps{0};
  std::atomic<int64_t> live_attempts{0};
  std::atomic<int64_t> sessions{0};
};

class Engine {
 public:
  struct Deps {
    MetadataStore* store = nullptr;  // outlives the engine; used by its thread alone
    const Catalog* catalog = nullptr;
    const Clock* clock = nullptr;
    Random* random = nullptr;
    EngineOptions options;
    const SecretBox* secrets = nullptr;  // seals and opens them; null: there are none
    // Called on the engine's thread after the commit that ended a run; must not block. May be
    // empty.
    std::function<void(const RunId&)> run_ended;
    // The same, after a sweep of retention's that the engine made by itself.
    std::function<void()> swept;
    ReadModelTerms model_terms;  // may be empty
    // Ends the process, whose database cannot be trusted any more: must not return, and may throw.
    // Empty: std::_Exit.
    std::function<void()> end_process;
    TransitionObserver* observer = nullptr;  // may be null
  };

  explicit Engine(Deps deps);
  ~Engine();  // stops the thread
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Rebuilds the state from the database. Once, before Start or the first Turn.
  Status Recover();
  // Runs turns on a thread of the engine's own.
  void Start();
  // Answers what is queued, ends parked calls with UNAVAILABLE, and joins the thread. Idempotent.
  void Stop();

  // For simulation: one turn on the caller's thread. Returns when the next timer is due.
  Tick Turn();

  // --- Commands, from any thread. A full queue answers RESOURCE_EXHAUSTED (OVERLOADED) at once;
  // a server whose disk is full answers RESOURCE_EXHAUSTED (READ_ONLY), except to heartbeats.
  void RegisterPipeline(RegisterPipelineCommand, Callback<RegisterPipelineAnswer>);
  void DeletePipeline(DeletePipelineCommand, Callback<Done>);
  void SubmitRun(SubmitRunCommand, Callback<SubmitRunAnswer>);
  void CancelRun(CancelRunCommand, Callback<RunRecord>);
  void DecideApproval(DecideApprovalCommand, Callback<StepRecord>);
  // What only memory knows of why a step waits; nothing for one that does not, or of a run that has
  // ended.
  void ExplainStep(ExplainCommand, Callback<std::vector<Explanation>>);

  void OpenSession(OpenSessionCommand, Callback<OpenSessionAnswer>);
  // Parks until there is something to say, `max_wait` has passed (an empty answer), the session
  // calls again (ABORTED SUPERSEDED) or ends. NOT_FOUND SESSION_UNKNOWN. `acknowledged` applies at
  // once.
  void LeaseSteps(LeaseStepsCommand, Callback<LeaseStepsAnswer>);
  void Heartbeat(HeartbeatCommand, Callback<HeartbeatAnswer>);
  void ReportSteps(ReportStepsCommand, Callback<ReportStepsAnswer>);
  void CloseSession(SessionId, Callback<Done>);
  void ListWorkers(Callback<std::vector<WorkerView>>);
  // NOT_FOUND (WORKER_NOT_FOUND): no worker of that name was ever here.
  void OrderWorker(OrderWorkerCommand, Callback<WorkerView>);

  // The blobs of the artifact are in the store already; the caller checked them.
  void CommitArtifact(CommitArtifactCommand, Callback<ArtifactRecord>);
  void HoldArtifacts(HoldArtifactsCommand, Callback<Done>);

  void RegisterModel(RegisterModelCommand, Callback<ModelVersionRecord>);
  void DecideModel(DecideModelCommand, Callback<ModelVersionRecord>);
  void PromoteModel(PromoteModelCommand, Callback<ModelVersionRecord>);

  void CreateToken(CreateTokenCommand, Callback<TokenRecord>);
  void RevokeToken(RevokeTokenCommand, Callback<Done>);

  // INVALID_ARGUMENT for what cannot be one. The same value again changes nothing.
  void PutSecret(PutSecretCommand, Callback<SecretRecord>);
  // NOT_FOUND (SECRET_NOT_FOUND).
  void DeleteSecret(DeleteSecretCommand, Callback<Done>);

  // Does the sweep's next batch; true: there is more to do. The caller leaves the sweep alone until
  // the answer.
  void Collect(std::shared_ptr<RetentionSweep> sweep, Callback<bool>);

  // --- From any thread, without waiting.

  // Whether this attempt counts now and the token is its own: who may append to its log.
  bool IsLiveAttempt(const AttemptKey& attempt, const AttemptToken& token) const;
  // Changes of runs, published after each commit.
  EventHub& events() { return events_; }
  const EngineMetrics& metrics() const { return metrics_; }
  bool read_only() const { return read_only_.load(); }
  // True from a successful Recover until Stop.
  bool ready() const { return ready_.load(); }
  // How long the oldest command has waited for its turn: seconds mean that the disk, or the engine,
  // hangs.
  Micros stalled() const;

 private:
  friend class EngineState;
  friend class sim::EngineProbe;
  using Command = std::function<void(EngineState&)>;

  // Queues `command`; where the queue is full or the engine stopped, `refuse` gets the error.
  void Post(Command command, const std::function<void(const Status&)>& refuse);
  template <typename T, typename Handler>
  void PostWithAnswer(Callback<T> callback, Handler handler, bool mutates = true);
  void Loop();
  void Finish();
  Status CommitRecovered();
  void PublishTokens();
  void Rebuild(const Status& failure);
  void SetSweep();
  void ProbeDisk();
  [[noreturn]] void EndProcess();

  Deps deps_;
  EventHub events_;
  EngineMetrics metrics_;
  std::unique_ptr<EngineState> state_;
  std::atomic<bool> read_only_{false};
  std::atomic<bool> ready_{false};
  Tick next_probe_;  // of the disk, while read-only

  mutable Mutex mutex_;
  CondVar wake_;
  std::vector<Command> queue_ PENSTOCK_GUARDED_BY(mutex_);
  Tick queued_since_ PENSTOCK_GUARDED_BY(mutex_);  // where the queue is not empty
  bool stopping_ PENSTOCK_GUARDED_BY(mutex_) = false;
  std::thread thread_;

  mutable Mutex live_mutex_;
  std::unordered_map<AttemptToken, AttemptKey> live_ PENSTOCK_GUARDED_BY(live_mutex_);
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_ENGINE_H_

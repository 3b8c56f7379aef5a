#ifndef PENSTOCK_WORKER_AGENT_EXECUTOR_H_
#define PENSTOCK_WORKER_AGENT_EXECUTOR_H_

// Runs leased attempts on this node: one thread that owns the ledger, the children and the state of
// every attempt.
//
//   queued → fetching → running → finishing → reported
//     queued     waits, in the order of lease, for cpus, memory and GPUs
//     fetching   its inputs are being brought here (a pool)
//     running    a runner child has it
//     finishing  its log and outputs are being sent (a pool); its resources are free again, GPUs
//                when its processes are gone
//     reported   its end is with the reporter; forgotten at the coordinator's verdict
//
// Short attempts without inputs are handed to a busy child one ahead, so that it never waits for
// the agent.

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/thread_pool.h"
#include "worker/agent/artifact_cache.h"
#include "worker/agent/config.h"
#include "worker/agent/environment.h"
#include "worker/agent/lease_clock.h"
#include "worker/agent/mask.h"
#include "worker/agent/reporter.h"
#include "worker/agent/transfer.h"
#include "worker/runner/child.h"

namespace penstock {

// The step type whose program is the user's own.
inline constexpr std::string_view kScript = "script";

// Whether steps of this type may start programs of the user's: scripts, and the models that they
// wrote.
inline bool RunsPrograms(std::string_view type) {
  return type == kScript || type == "predict" || type == "evaluate";
}

class Executor {
 public:
  struct Deps {
    const WorkerConfig* config = nullptr;
    LocalArtifactStore* store = nullptr;
    ArtifactCache* cache = nullptr;
    Transfer* transfer = nullptr;
    const LeaseClock* leases = nullptr;  // without it, no attempt that is fenced can begin
    std::string program;                // of the runners
    std::filesystem::path data_folder;  // the worker's
    std::filesystem::path work_folder;  // in it, for workspaces and log files
    std::string owner;                  // marks the children
    std::function<void(v1::StepReport)> report;
  };

  explicit Executor(Deps deps);
  // Kills what still runs, and joins.
  ~Executor();

  // --- From any thread.
  // `asked`: when the call was sent whose answer brought it.
  void Lease(v1::Lease lease, Tick asked = {});
  void Cancel(const std::string& token);
  void Revoke(const std::string& token);
  // The attempt is to leave: a script may save a checkpoint first, for as long as `grace`
  // (executor_preempt.cc).
  void Preempt(const std::string& token, Micros grace);
  // The attempt does not count any more: stop it, and throw away what it made.
  void Discard(const std::string& token);
  void OnVerdict(const v1::StepReport& report, const std::string& verdict);
  // What this worker holds, for OpenSession and Heartbeat. Waits for the executor's thread.
  std::vector<v1::HeldAttempt> Held();
  // Gives back what has not started, from now on.
  void Drain();
  // Ends what runs as soon as it can.
  void CancelAll();
  // Whether nothing is held. With `timeout`, waits that long for it.
  bool WaitIdle(Micros timeout);

 private:
  struct Runner;
  struct Attempt {
    enum class State { kQueued, kFetching, kRunning, kFinishing, kReported };
    v1::Lease lease;
    State state = State::kQueued;
    int64_t id = 0;
    Runner* runner = nullptr;
    bool fetched = false;
    bool reserved = false;
    std::vector<int> gpus;  // that it has, while it is reserved
    bool started_told = false;
    bool cancel = false;
    bool preempted = false;
    bool timed_out = false;
    bool idle = false;  // timed out for want of a sign of life
    bool over_memory = false;
    bool discarded = false;
    Tick asked;
    Tick running_since;
    Tick last_sign;           // output, a metric or progress
    int64_t output_seen = 0;  // bytes of the child's file at the last look
    Time started_at;
    Tick leave_by;                    // when it is told to stop, if it was told to save
    Tick kill_at;                     // set once it was told to stop
    int64_t log_from = 0;             // where its output begins in the child's file
    int64_t log_taken = 0;            // bytes of its output that were taken over, or left out
    SecretMask mask;                  // of what it prints
    std::string unsent;               // of its log
    int64_t log_position = 0;         // of the first unsent byte in the log as it is sent
    bool shipping = false;            // a message is under way
    bool ended = false;               // the step is over, its end is not told yet
    std::vector<SeriesPoint> points;  // not yet sent
    int64_t points_sent = 0;
    double progress = 0;
    std::string note;
    Outcome outcome;
    // Used when it is cancelled or thrown away; the pool may outlive the attempt.
    std::shared_ptr<TransferStop> transfer = std::make_shared<TransferStop>();
  };
  struct Runner {
    std::unique_ptr<Child> child;
    std::string key;
    std::deque<Attempt*> attempts;  // the first is running
    int64_t log_end = 0;            // of the last attempt that ended
    int served = 0;
    bool retire = false;
    std::string mark;  // what it and the programs that it starts carry in their environment
    std::vector<int> gpus;  // that it sees
  };
  // GPUs of a script whose processes do not end though they were killed.
  struct Stuck {
    std::string mark;
    std::vector<int> gpus;
  };

  void Post(std::function<void()> task);
  void Loop();
  void RunPosted();
  void Poll(Micros timeout);
  void Tend();
  // Whether it gave no sign of life for as long as its lease allows.
  static bool IsIdle(Attempt& attempt, Tick now);
  void TrimCache();

  void StartQueued();
  bool Fits(const Attempt& attempt) const;
  void Reserve(Attempt& attempt, int sign);
  // Whether it must not begin any more, as its lease may have ended meanwhile.
  bool IsLate(const Attempt& attempt) const;
  bool TryPipeline(Attempt& attempt);
  static bool NeedsOwnRunner(const v1::Lease& lease);
  // Whether the attempt's program runs in the sandbox, where it cannot write to its inputs.
  bool Sandboxed(const v1::Lease& lease) const;
  void AddNode(const v1::Lease& lease, Json& parameters) const;
  void Fetch(Attempt& attempt);
  void Dispatch(Attempt& attempt, Runner& runner);
  Runner* FreeRunner(const Attempt& attempt);
  Runner* SpawnRunner(const Attempt& attempt, const std::string& key);
  static int ThreadsOf(const v1::Lease& lease);
  // GPUs (executor_gpus.cc).
  std::string VisibleGpus(const std::vector<int>& indices) const;
  void RetireUsersOf(const std::vector<int>& gpus);
  void KeepGpus(Runner& runner);
  void FreeStuckGpus();
  void Read(Runner& runner);
  void OnUpdate(Runner& runner, const Update& update);
  void OnOutcome(Runner& runner, Outcome outcome);
  void OnDeath(Runner& runner);
  void Stop(Attempt& attempt);
  static bool IsOverdue(const Attempt& attempt, Tick now);
  static bool GaveWay(const Attempt& attempt);
  Status FetchCheckpoint(const v1::Lease& lease, const std::filesystem::path& place,
                         TransferStop& stop);
  void CollectLog(Attempt& attempt, int file, int64_t until, bool last);
  void Take(Attempt& attempt, int file, int64_t size);
  void Ship(Attempt& attempt);
  void End(Attempt& attempt);
  void Finish(Attempt& attempt);
  void Report(Attempt& attempt);
  void ReportReturned(Attempt& attempt);
  void ReportStarted(Attempt& attempt);
  void Forget(Attempt& attempt);
  Attempt* Find(const std::string& token);
  Attempt* FindId(int64_t id);
  std::filesystem::path WorkspaceOf(const Attempt& attempt) const;
  Assignment MakeAssignment(const Attempt& attempt);

  const Deps deps_;
  EnvironmentRecorder environment_;
  std::map<int64_t, std::unique_ptr<Attempt>> attempts_;  // by id: the order of lease
  std::map<std::string, Attempt*> by_token_;
  std::list<Runner> runners_;
  std::map<std::string, double> typical_ms_;  // of recent attempts, by step type
  int64_t next_id_ = 1;
  int64_t next_log_ = 1;
  double cpus_used_ = 0;
  int64_t memory_used_ = 0;
  GpuLedger gpus_;
  std::vector<Stuck> stuck_;
  bool draining_ = false;
  bool trimming_ = false;

  Mutex mutex_;
  CondVar idle_;
  std::vector<std::function<void()>> posted_ PENSTOCK_GUARDED_BY(mutex_);
  bool ending_ PENSTOCK_GUARDED_BY(mutex_) = false;
  std::size_t held_ PENSTOCK_GUARDED_BY(mutex_) = 0;
  UniqueFd wake_;
  ThreadPool pool_;
  std::thread thread_;
};

}  // namespace penstock

#endif  // PENSTOCK_WORKER_AGENT_EXECUTOR_H_

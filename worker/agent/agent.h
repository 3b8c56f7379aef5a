#ifndef PENSTOCK_WORKER_AGENT_AGENT_H_
#define PENSTOCK_WORKER_AGENT_AGENT_H_

// The agent: keeps a session with the coordinator, brings leases to the executor, and says goodbye.
//
// Threads: one that keeps the session and one LeaseSteps call parked; one for heartbeats; the
// reporter's; the executor's with its pool. Run blocks the caller until the agent is told to stop.

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "worker/agent/executor.h"

namespace penstock {

// How long to wait after an OpenSession that failed; `wait` is what it would be by the number of
// failures.
Micros ReopenPause(const Status& status, Micros wait);

class Agent {
 public:
  // `steps`: what this worker announces ("noop@1"). `program`: of the runners.
  static Result<std::unique_ptr<Agent>> Make(const WorkerConfig& config,
                                             std::vector<std::string> steps, std::string program);
  ~Agent();

  // Works until RequestStop. Returns whether everything that ran could be finished.
  bool Run();
  // First call: drain (what runs may finish, for the drain timeout). Second: at once. Any thread.
  void RequestStop();

 private:
  Agent(const WorkerConfig& config, std::vector<std::string> steps);

  void KeepSession();
  Status OpenSession();
  // False: the session is lost.
  bool LeaseOnce();
  void Beat();
  v1::WorkerInfo Info() const;

  const WorkerConfig config_;
  const std::vector<std::string> steps_;
  std::string boot_id_;
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<LocalArtifactStore> store_;
  std::unique_ptr<ArtifactCache> cache_;
  std::unique_ptr<LeaseClock> leases_;
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<Transfer> transfer_;
  std::unique_ptr<Reporter> reporter_;
  std::unique_ptr<Executor> executor_;

  std::atomic<int> stop_requests_{0};
  std::atomic<bool> leasing_{true};
  std::atomic<int64_t> last_contact_{0};  // ticks
  std::atomic<int64_t> max_disconnect_{0};
  std::atomic<int64_t> heartbeat_micros_{100'000};  // until a session says how often
  int64_t acknowledged_ = 0;
  int64_t openings_ = 0;  // requests for a session
  bool lost_told_ = false;
  bool mismatch_told_ = false;

  Mutex mutex_;
  CondVar stop_;
  grpc::ClientContext* parked_ PENSTOCK_GUARDED_BY(mutex_) = nullptr;
  std::thread session_thread_;
  std::thread heartbeat_thread_;
};

}  // namespace penstock

#endif  // PENSTOCK_WORKER_AGENT_AGENT_H_

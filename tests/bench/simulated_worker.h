#ifndef PENSTOCK_TESTS_BENCH_SIMULATED_WORKER_H_
#define PENSTOCK_TESTS_BENCH_SIMULATED_WORKER_H_

// Workers that speak the whole protocol (a session, a parked lease call, heartbeats, reports) and
// run nothing: a step is said to have succeeded at once, or is held until it is let go. Each has a
// connection and a thread of its own; when the coordinator goes away, it comes back with what it
// holds, as an agent does.

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "penstock/v1/workers.grpc.pb.h"

namespace penstock::bench {

class SimulatedWorker {
 public:
  enum class Policy { kSucceedAtOnce, kHold };

  SimulatedWorker(const std::string& address, std::string name, double cpus, Policy policy);
  ~SimulatedWorker();  // waits for its thread; the session is left to its lease

  // Ends one held attempt as succeeded; false where it holds none, or the coordinator is not there.
  bool FinishOne();
  void Heartbeat();

  // From any thread. How many attempts were ever leased to it, and how many it holds.
  int64_t leased() const { return leased_; }
  std::size_t held() const;
  // How often it has opened a session.
  int sessions() const { return sessions_; }

 private:
  void Loop();
  bool Open();
  void Take(const v1::LeaseStepsResponse& response);
  // Reports; what has ended is not held any more. False where the coordinator is not there.
  bool Report(v1::ReportStepsRequest request);
  void Pause();
  std::string session() const;

  const std::string name_;
  const double cpus_;
  const Policy policy_;
  std::unique_ptr<v1::WorkerService::Stub> stub_;
  std::unique_ptr<v1::WorkerService::Stub> heartbeats_;
  std::atomic<int64_t> leased_{0};
  std::atomic<int> sessions_{0};
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::string session_;                    // guarded by mutex_, as the next two
  std::map<std::string, v1::Lease> held_;  // by token
  grpc::ClientContext* parked_ = nullptr;
  int64_t acknowledged_ = 0;  // of its thread alone
  std::thread thread_;
};

// Workers s0, s1 …, and the thread that sends their heartbeats.
class SimulatedWorkers {
 public:
  SimulatedWorkers(const std::string& address, int count, double cpus,
                   SimulatedWorker::Policy policy);
  ~SimulatedWorkers();

  std::vector<std::unique_ptr<SimulatedWorker>>& all() { return workers_; }
  int64_t leased() const;
  int64_t held() const;
  // How many have opened at least that many sessions.
  int WithSessions(int count) const;

 private:
  std::vector<std::unique_ptr<SimulatedWorker>> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread heartbeats_;
};

}  // namespace penstock::bench

#endif  // PENSTOCK_TESTS_BENCH_SIMULATED_WORKER_H_

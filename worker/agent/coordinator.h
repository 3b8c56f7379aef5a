#ifndef PENSTOCK_WORKER_AGENT_COORDINATOR_H_
#define PENSTOCK_WORKER_AGENT_COORDINATOR_H_

// The coordinator as the agent talks to it: blocking calls with deadlines, and the session that all
// of them belong to. Thread-safe.

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "penstock/v1/artifacts.grpc.pb.h"
#include "penstock/v1/workers.grpc.pb.h"
#include "storage/model/keepalive.h"
#include "worker/agent/config.h"

namespace penstock {

class Coordinator {
 public:
  // A call on a connection that is lost without a word ends with kUnavailable.
  static Result<std::unique_ptr<Coordinator>> Connect(
      const WorkerConfig& config, const keepalive::Pings& pings = keepalive::kClient);

  v1::WorkerService::Stub& workers() { return *workers_; }
  // Heartbeats have a connection of their own: uploads must not hold them up.
  v1::WorkerService::Stub& heartbeats() { return *heartbeats_; }
  v1::ArtifactService::Stub& artifacts() { return *artifacts_; }

  // With credential and deadline (0: none).
  std::unique_ptr<grpc::ClientContext> Context(Micros deadline) const;
  // OK, or the server's words with its reason token ("STALE_ATTEMPT").
  static Status Translate(const grpc::Status& status);

  // The session that counts now; empty while there is none.
  std::string session() const;
  void set_session(std::string session);
  // Waits until there is a session other than `old`. False when `Stop` was called.
  bool WaitForSession(const std::string& old);
  // Waits, unless `Stop` is called before. False then.
  bool Pause(Micros time);
  // Ends every wait, now and later.
  void Stop();
  bool stopped() const;

 private:
  explicit Coordinator(const WorkerConfig& config) : config_(config) {}

  const WorkerConfig config_;
  std::unique_ptr<v1::WorkerService::Stub> workers_;
  std::unique_ptr<v1::WorkerService::Stub> heartbeats_;
  std::unique_ptr<v1::ArtifactService::Stub> artifacts_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::string session_ PENSTOCK_GUARDED_BY(mutex_);
  bool stopped_ PENSTOCK_GUARDED_BY(mutex_) = false;
};

// Worth another try: the coordinator is away, stopping, full, or does not know the session.
bool IsTransient(const Status& status);

}  // namespace penstock

#endif  // PENSTOCK_WORKER_AGENT_COORDINATOR_H_

#ifndef PENSTOCK_SERVER_RPC_RUN_WATCH_H_
#define PENSTOCK_SERVER_RPC_RUN_WATCH_H_

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "penstock/v1/runs.pb.h"
#include "server/engine/event_hub.h"
#include "server/rpc/deps.h"
#include "server/rpc/run_view.h"
#include "server/rpc/stream.h"

namespace penstock {

// One WatchRun: subscribes, sends a snapshot, then every update above the snapshot's revision.
// Where more than kMaxBacklog updates wait for the client, they are dropped for a fresh snapshot.
class RunWatch final : public PumpedStream<v1::WatchRunResponse> {
 public:
  static constexpr std::size_t kMaxBacklog = 256;

  RunWatch(const Services& services, const grpc::CallbackServerContext& context,
           const RpcDeps& deps, std::string run_id);

 private:
  Next Produce(v1::WatchRunResponse& response, Status& status) override;
  // Finds the run and subscribes to it.
  Status Begin();
  Status Snapshot(v1::WatchRunResponse& response);
  void Receive(const std::shared_ptr<const RunUpdate>& update);

  const RpcDeps& deps_;
  const std::string requested_id_;

  // Touched by Produce alone.
  bool begun_ = false;
  RunId run_;
  std::vector<std::string> names_;
  int64_t revision_ = 0;

  Mutex mutex_;
  std::deque<std::shared_ptr<const RunUpdate>> backlog_ PENSTOCK_GUARDED_BY(mutex_);
  bool snapshot_wanted_ PENSTOCK_GUARDED_BY(mutex_) = true;

  // Last: it ends before what Receive uses.
  EventHub::Subscription subscription_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_RUN_WATCH_H_

#ifndef PENSTOCK_SERVER_RPC_LOG_STREAM_H_
#define PENSTOCK_SERVER_RPC_LOG_STREAM_H_

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "penstock/v1/runs.pb.h"
#include "server/engine/event_hub.h"
#include "server/rpc/deps.h"
#include "server/rpc/log_hub.h"
#include "server/rpc/stream.h"
#include "storage/journal/journal.h"
#include "storage/metadata/metadata_reader.h"

namespace penstock {

// One ReadLogs: the attempts of a step, or of every step, one after the other, and of one on
// several nodes its ranks. With `follow` it waits at the end for more, until the step (or the run)
// has ended and all of it was sent.
class LogStream final : public PumpedStream<v1::ReadLogsResponse> {
 public:
  LogStream(const Services& services, const grpc::CallbackServerContext& context,
            const RpcDeps& deps, LogHub& hub, const v1::ReadLogsRequest& request);

 private:
  Next Produce(v1::ReadLogsResponse& response, Status& status) override;
  Status Begin();
  Status BeginAtSource(MetadataReader& reader, const StepRecord& step);
  Status Follow();
  Status ReadNames();
  // Reads on where the cursor stands; true where `response` got something.
  Result<bool> ReadNext(v1::ReadLogsResponse& response);
  Result<bool> ReadKey(const LogKey& key, v1::ReadLogsResponse& response);
  // Of how many ranks the attempt is.
  Result<int32_t> RanksOf(const LogKey& key);

  const RpcDeps& deps_;
  LogHub& hub_;
  const v1::ReadLogsRequest request_;

  bool begun_ = false;
  RunId run_;
  int64_t run_row_ = 0;
  StepIndex step_ = -1;  // -1: every step
  std::vector<std::string> names_;
  std::vector<LogKey> keys_;
  std::size_t cursor_ = 0;
  std::map<LogKey, int64_t> positions_;
  std::map<std::pair<StepIndex, int32_t>, int32_t> ranks_;  // by step and attempt
  int64_t skip_ = 0;  // bytes of the step's log still to be left out
  Status loss_;       // of damage that was met; told once everything else was sent
  std::atomic<bool> ended_{false};

  // Last: they end before what their callbacks use.
  EventHub::Subscription events_;
  LogHub::Subscription appended_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_LOG_STREAM_H_

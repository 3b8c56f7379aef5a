#ifndef PENSTOCK_SERVER_RPC_RUN_SERVICE_H_
#define PENSTOCK_SERVER_RPC_RUN_SERVICE_H_

#include "penstock/v1/runs.grpc.pb.h"
#include "server/engine/commands.h"
#include "server/rpc/deps.h"
#include "server/rpc/log_hub.h"
#include "server/rpc/run_view.h"
#include "server/rpc/stream.h"

namespace penstock {

// Executions of pipelines; see runs.proto.
class RunServiceImpl final : public v1::RunService::CallbackService {
 public:
  RunServiceImpl(const RpcDeps& deps, StreamRegistry& streams, LogHub& logs, PipelineSpecs& specs)
      : deps_(deps), streams_(streams), logs_(logs), specs_(specs) {}

  grpc::ServerUnaryReactor* SubmitRun(grpc::CallbackServerContext* context,
                                      const v1::SubmitRunRequest* request,
                                      v1::SubmitRunResponse* response) override;
  grpc::ServerUnaryReactor* GetRun(grpc::CallbackServerContext* context,
                                   const v1::GetRunRequest* request, v1::Run* response) override;
  grpc::ServerUnaryReactor* ListRuns(grpc::CallbackServerContext* context,
                                     const v1::ListRunsRequest* request,
                                     v1::ListRunsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchRunResponse>* WatchRun(
      grpc::CallbackServerContext* context, const v1::WatchRunRequest* request) override;
  grpc::ServerUnaryReactor* CancelRun(grpc::CallbackServerContext* context,
                                      const v1::CancelRunRequest* request,
                                      v1::CancelRunResponse* response) override;
  grpc::ServerUnaryReactor* RetryRun(grpc::CallbackServerContext*, const v1::RetryRunRequest*,
                                     v1::SubmitRunResponse*) override;
  grpc::ServerUnaryReactor* RerunRun(grpc::CallbackServerContext*, const v1::RerunRunRequest*,
                                     v1::SubmitRunResponse*) override;
  grpc::ServerUnaryReactor* CompareRuns(grpc::CallbackServerContext*, const v1::CompareRunsRequest*,
                                        v1::CompareRunsResponse*) override;
  grpc::ServerUnaryReactor* ListRunGroups(grpc::CallbackServerContext*,
                                          const v1::ListRunGroupsRequest*,
                                          v1::ListRunGroupsResponse*) override;
  grpc::ServerUnaryReactor* ExplainStep(grpc::CallbackServerContext*,
                                        const v1::ExplainStepRequest*,
                                        v1::ExplainStepResponse*) override;
  grpc::ServerUnaryReactor* DecideApproval(grpc::CallbackServerContext*,
                                           const v1::DecideApprovalRequest*,
                                           v1::DecideApprovalResponse*) override;
  grpc::ServerUnaryReactor* ListAttempts(grpc::CallbackServerContext* context,
                                         const v1::ListAttemptsRequest* request,
                                         v1::ListAttemptsResponse* response) override;
  grpc::ServerWriteReactor<v1::ReadLogsResponse>* ReadLogs(
      grpc::CallbackServerContext* context, const v1::ReadLogsRequest* request) override;
  grpc::ServerUnaryReactor* ReadMetrics(grpc::CallbackServerContext* context,
                                        const v1::ReadMetricsRequest* request,
                                        v1::ReadMetricsResponse* response) override;

 private:
  void Submit(UnaryCall* call, const v1::SubmitRunRequest& request,
              v1::SubmitRunResponse* response);
  Status CheckSubmission(const SubmitRunCommand& command);
  template <typename Convert>
  void SubmitConverted(UnaryCall* call, v1::SubmitRunResponse* response, Convert convert);
  void Post(UnaryCall* call, SubmitRunCommand command, v1::SubmitRunResponse* response);

  const RpcDeps& deps_;
  StreamRegistry& streams_;
  LogHub& logs_;
  PipelineSpecs& specs_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_RUN_SERVICE_H_

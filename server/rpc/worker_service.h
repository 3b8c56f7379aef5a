#ifndef PENSTOCK_SERVER_RPC_WORKER_SERVICE_H_
#define PENSTOCK_SERVER_RPC_WORKER_SERVICE_H_

#include "penstock/v1/workers.grpc.pb.h"
#include "server/engine/commands.h"
#include "server/rpc/deps.h"
#include "server/rpc/log_hub.h"
#include "server/rpc/version_skew.h"

namespace penstock {

// The protocol with workers; see workers.proto. All but AppendLogs goes to the engine and is
// answered from its thread, after the commit. A parked LeaseSteps is a callback that the engine
// keeps: it costs no thread here, and the engine ends it when it stops.
class WorkerServiceImpl final : public v1::WorkerService::CallbackService {
 public:
  WorkerServiceImpl(const RpcDeps& deps, LogHub& logs) : deps_(deps), logs_(logs) {}

  grpc::ServerUnaryReactor* OpenSession(grpc::CallbackServerContext* context,
                                        const v1::OpenSessionRequest* request,
                                        v1::OpenSessionResponse* response) override;
  grpc::ServerUnaryReactor* LeaseSteps(grpc::CallbackServerContext* context,
                                       const v1::LeaseStepsRequest* request,
                                       v1::LeaseStepsResponse* response) override;
  grpc::ServerUnaryReactor* Heartbeat(grpc::CallbackServerContext* context,
                                      const v1::HeartbeatRequest* request,
                                      v1::HeartbeatResponse* response) override;
  grpc::ServerUnaryReactor* ReportSteps(grpc::CallbackServerContext* context,
                                        const v1::ReportStepsRequest* request,
                                        v1::ReportStepsResponse* response) override;
  grpc::ServerUnaryReactor* AppendLogs(grpc::CallbackServerContext* context,
                                       const v1::AppendLogsRequest* request,
                                       v1::AppendLogsResponse* response) override;
  grpc::ServerUnaryReactor* CloseSession(grpc::CallbackServerContext* context,
                                         const v1::CloseSessionRequest* request,
                                         v1::CloseSessionResponse* response) override;
  grpc::ServerUnaryReactor* ListWorkers(grpc::CallbackServerContext* context,
                                        const v1::ListWorkersRequest* request,
                                        v1::ListWorkersResponse* response) override;
  grpc::ServerUnaryReactor* CordonWorker(grpc::CallbackServerContext* context,
                                         const v1::CordonWorkerRequest* request,
                                         v1::Worker* response) override;
  grpc::ServerUnaryReactor* UncordonWorker(grpc::CallbackServerContext* context,
                                           const v1::UncordonWorkerRequest* request,
                                           v1::Worker* response) override;
  grpc::ServerUnaryReactor* DrainWorker(grpc::CallbackServerContext* context,
                                        const v1::DrainWorkerRequest* request,
                                        v1::Worker* response) override;

 private:
  void Order(UnaryCall* call, OrderWorkerCommand command, v1::Worker* response);
  Status Append(const v1::AppendLogsRequest& request, v1::AppendLogsResponse* response);

  const RpcDeps& deps_;
  LogHub& logs_;
  SkewLog skew_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_WORKER_SERVICE_H_

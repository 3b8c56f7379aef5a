#ifndef PENSTOCK_SERVER_RPC_PIPELINE_SERVICE_H_
#define PENSTOCK_SERVER_RPC_PIPELINE_SERVICE_H_

#include "penstock/v1/pipelines.grpc.pb.h"
#include "server/rpc/deps.h"

namespace penstock {

// Stored definitions; see pipelines.proto. Definitions are parsed on the read pool.
class PipelineServiceImpl final : public v1::PipelineService::CallbackService {
 public:
  explicit PipelineServiceImpl(const RpcDeps& deps) : deps_(deps) {}

  grpc::ServerUnaryReactor* ValidatePipeline(grpc::CallbackServerContext* context,
                                             const v1::ValidatePipelineRequest* request,
                                             v1::ValidatePipelineResponse* response) override;
  grpc::ServerUnaryReactor* RegisterPipeline(grpc::CallbackServerContext* context,
                                             const v1::RegisterPipelineRequest* request,
                                             v1::RegisterPipelineResponse* response) override;
  grpc::ServerUnaryReactor* GetPipeline(grpc::CallbackServerContext* context,
                                        const v1::GetPipelineRequest* request,
                                        v1::Pipeline* response) override;
  grpc::ServerUnaryReactor* ListPipelines(grpc::CallbackServerContext* context,
                                          const v1::ListPipelinesRequest* request,
                                          v1::ListPipelinesResponse* response) override;
  grpc::ServerUnaryReactor* ListPipelineVersions(grpc::CallbackServerContext* context,
                                                 const v1::ListPipelineVersionsRequest* request,
                                                 v1::ListPipelinesResponse* response) override;
  grpc::ServerUnaryReactor* DeletePipeline(grpc::CallbackServerContext* context,
                                           const v1::DeletePipelineRequest* request,
                                           v1::DeletePipelineResponse* response) override;

 private:
  void Register(UnaryCall* call, const v1::RegisterPipelineRequest& request,
                v1::RegisterPipelineResponse* response);

  const RpcDeps& deps_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_PIPELINE_SERVICE_H_

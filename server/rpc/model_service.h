#ifndef PENSTOCK_SERVER_RPC_MODEL_SERVICE_H_
#define PENSTOCK_SERVER_RPC_MODEL_SERVICE_H_

#include "penstock/v1/models.grpc.pb.h"
#include "server/rpc/deps.h"

namespace penstock {

// The model registry; see models.proto.
class ModelServiceImpl final : public v1::ModelService::CallbackService {
 public:
  explicit ModelServiceImpl(const RpcDeps& deps) : deps_(deps) {}

  grpc::ServerUnaryReactor* ListModelGroups(grpc::CallbackServerContext* context,
                                            const v1::ListModelGroupsRequest* request,
                                            v1::ListModelGroupsResponse* response) override;
  grpc::ServerUnaryReactor* ListModelVersions(grpc::CallbackServerContext* context,
                                              const v1::ListModelVersionsRequest* request,
                                              v1::ListModelVersionsResponse* response) override;
  grpc::ServerUnaryReactor* GetModelVersion(grpc::CallbackServerContext* context,
                                            const v1::GetModelVersionRequest* request,
                                            v1::ModelVersion* response) override;
  grpc::ServerUnaryReactor* RegisterModelVersion(grpc::CallbackServerContext* context,
                                                 const v1::RegisterModelVersionRequest* request,
                                                 v1::ModelVersion* response) override;
  grpc::ServerUnaryReactor* ApproveModelVersion(grpc::CallbackServerContext* context,
                                                const v1::DecideModelVersionRequest* request,
                                                v1::ModelVersion* response) override;
  grpc::ServerUnaryReactor* RejectModelVersion(grpc::CallbackServerContext* context,
                                               const v1::DecideModelVersionRequest* request,
                                               v1::ModelVersion* response) override;
  grpc::ServerUnaryReactor* PromoteModelVersion(grpc::CallbackServerContext* context,
                                                const v1::PromoteModelVersionRequest* request,
                                                v1::ModelVersion* response) override;

 private:
  grpc::ServerUnaryReactor* Decide(UnaryCall* call, const v1::DecideModelVersionRequest& request,
                                   ModelStatus status, v1::ModelVersion* response);

  const RpcDeps& deps_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_MODEL_SERVICE_H_

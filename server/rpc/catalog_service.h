#ifndef PENSTOCK_SERVER_RPC_CATALOG_SERVICE_H_
#define PENSTOCK_SERVER_RPC_CATALOG_SERVICE_H_

#include "penstock/v1/catalog.grpc.pb.h"
#include "server/rpc/deps.h"
#include "steps/catalog/catalog.h"

namespace penstock {

// `detailed`: also the help and the JSON Schema.
void ToProto(const StepSchema& schema, bool detailed, v1::StepType* out);

// Step types and algorithms; see catalog.proto. Answers from memory.
class CatalogServiceImpl final : public v1::CatalogService::CallbackService {
 public:
  explicit CatalogServiceImpl(const RpcDeps& deps) : deps_(deps) {}

  grpc::ServerUnaryReactor* ListStepTypes(grpc::CallbackServerContext* context,
                                          const v1::ListStepTypesRequest* request,
                                          v1::ListStepTypesResponse* response) override;
  grpc::ServerUnaryReactor* GetStepType(grpc::CallbackServerContext* context,
                                        const v1::GetStepTypeRequest* request,
                                        v1::StepType* response) override;

 private:
  const RpcDeps& deps_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_CATALOG_SERVICE_H_

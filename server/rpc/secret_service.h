#ifndef PENSTOCK_SERVER_RPC_SECRET_SERVICE_H_
#define PENSTOCK_SERVER_RPC_SECRET_SERVICE_H_

#include "penstock/v1/secrets.grpc.pb.h"
#include "server/rpc/deps.h"

namespace penstock {

// Values that steps get and nobody is shown; see secrets.proto.
class SecretServiceImpl final : public v1::SecretService::CallbackService {
 public:
  explicit SecretServiceImpl(const RpcDeps& deps) : deps_(deps) {}

  grpc::ServerUnaryReactor* PutSecret(grpc::CallbackServerContext* context,
                                      const v1::PutSecretRequest* request,
                                      v1::Secret* response) override;
  grpc::ServerUnaryReactor* ListSecrets(grpc::CallbackServerContext* context,
                                        const v1::ListSecretsRequest* request,
                                        v1::ListSecretsResponse* response) override;
  grpc::ServerUnaryReactor* DeleteSecret(grpc::CallbackServerContext* context,
                                         const v1::DeleteSecretRequest* request,
                                         v1::DeleteSecretResponse* response) override;

 private:
  const RpcDeps& deps_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_SECRET_SERVICE_H_

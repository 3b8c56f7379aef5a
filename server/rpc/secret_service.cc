#include "server/rpc/secret_service.h"

#include "base/secret_box.h"
#include "server/engine/engine.h"
#include "server/rpc/convert.h"
#include "storage/metadata/metadata_reader.h"

namespace penstock {
namespace {

constexpr char kService[] = "SecretService";

void SecretToProto(const SecretRecord& secret, const SecretBox& keys, v1::Secret* out) {
  out->set_name(secret.name);
  out->set_version(secret.version);
  ProvenanceToProto(secret.principal, secret.updated_at, out->mutable_changed());
  *out->mutable_created_at() = TimeToProto(secret.created_at);
  const auto value = keys.Open(secret.sealed, SecretPlace(secret.name, secret.version));
  if (!value.ok()) out->set_problem(value.status().message());
}

Status List(const RpcDeps& deps, v1::ListSecretsResponse* response) {
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps.readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(const auto secrets, reader->ListSecrets());
  for (const SecretRecord& secret : secrets) {
    SecretToProto(secret, *deps.secrets, response->add_secrets());
  }
  return Status::Ok();
}

}  // namespace

grpc::ServerUnaryReactor* SecretServiceImpl::PutSecret(grpc::CallbackServerContext* context,
                                                       const v1::PutSecretRequest* request,
                                                       v1::Secret* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "PutSecret");
  if (!call->admitted()) return call;
  deps_.engine->PutSecret({request->name(), request->value(), call->caller().principal},
                          [this, call, response](Result<SecretRecord> secret) {
                            if (secret.ok()) SecretToProto(*secret, *deps_.secrets, response);
                            call->Complete(secret.status());
                          });
  return call;
}

grpc::ServerUnaryReactor* SecretServiceImpl::ListSecrets(grpc::CallbackServerContext* context,
                                                         const v1::ListSecretsRequest*,
                                                         v1::ListSecretsResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ListSecrets");
  if (!call->admitted()) return call;
  CompleteOn(deps_.read_pool, *deps_.gate, call,
             [this, response] { return List(deps_, response); });
  return call;
}

grpc::ServerUnaryReactor* SecretServiceImpl::DeleteSecret(grpc::CallbackServerContext* context,
                                                          const v1::DeleteSecretRequest* request,
                                                          v1::DeleteSecretResponse*) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "DeleteSecret");
  if (!call->admitted()) return call;
  deps_.engine->DeleteSecret({request->name(), call->caller().principal},
                             [call](const Result<Done>& done) { call->Complete(done.status()); });
  return call;
}

}  // namespace penstock

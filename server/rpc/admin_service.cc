#include "server/rpc/admin_service.h"

#include "base/log.h"
#include "base/text.h"
#include "server/engine/engine.h"
#include "server/rpc/convert.h"
#include "storage/metadata/metadata_reader.h"

namespace penstock {
namespace {

constexpr char kService[] = "AdminService";

Status List(const RpcDeps& deps, v1::ListTokensResponse* response) {
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps.readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(const auto tokens, reader->ListTokens());
  for (const TokenRecord& token : tokens) {
    const Time last_used = token.revoked_at.set() ? Time{} : deps.tokens->LastUsed(token.name);
    ToProto(token, last_used, response->add_tokens());
  }
  return Status::Ok();
}

}  // namespace

grpc::ServerUnaryReactor* AdminServiceImpl::GetServerInfo(grpc::CallbackServerContext* context,
                                                          const v1::GetServerInfoRequest*,
                                                          v1::ServerInfo* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "GetServerInfo");
  if (!call->admitted()) return call;
  response->set_version(deps_.version);
  response->set_incarnation(deps_.incarnation);
  response->set_schema_version(deps_.schema_version);
  *response->mutable_started_at() = TimeToProto(deps_.started_at);
  response->set_read_only(deps_.engine->read_only());
  response->set_principal(call->caller().principal.value());
  response->set_role(std::string(RoleName(call->caller().role)));
  call->Complete(Status::Ok());
  return call;
}

grpc::ServerUnaryReactor* AdminServiceImpl::CreateToken(grpc::CallbackServerContext* context,
                                                        const v1::CreateTokenRequest* request,
                                                        v1::CreateTokenResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "CreateToken");
  if (!call->admitted()) return call;
  const auto role = ParseRoleName(request->role());
  Status problem = CheckTokenName(request->name());
  if (problem.ok() && !role) {
    problem = InvalidArgument("role: \"" + TruncateUtf8(request->role(), 64) +
                              "\" is none of admin, user, worker");
  }
  if (!problem.ok()) {
    call->Complete(problem);
    return call;
  }
  const std::string secret = NewTokenSecret(*deps_.random);
  CreateTokenCommand command;
  command.token.name = request->name();
  command.token.role = *role;
  command.token.hash = HashTokenSecret(secret);
  command.token.created_by = call->caller().principal;
  command.token.created_at = deps_.clock->Now();
  deps_.engine->CreateToken(std::move(command),
                            [this, call, response, secret](Result<TokenRecord> token) {
                              if (token.ok()) {
                                deps_.tokens->Add(*token);
                                ToProto(*token, {}, response->mutable_token());
                                response->set_secret(secret);
                                LOG_INFO("token made name={} role={} by={}", token->name,
                                         RoleName(token->role), token->created_by);
                              }
                              call->Complete(token.status());
                            });
  return call;
}

grpc::ServerUnaryReactor* AdminServiceImpl::ListTokens(grpc::CallbackServerContext* context,
                                                       const v1::ListTokensRequest*,
                                                       v1::ListTokensResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ListTokens");
  if (!call->admitted()) return call;
  CompleteOn(deps_.read_pool, *deps_.gate, call,
             [this, response] { return List(deps_, response); });
  return call;
}

grpc::ServerUnaryReactor* AdminServiceImpl::RevokeToken(grpc::CallbackServerContext* context,
                                                        const v1::RevokeTokenRequest* request,
                                                        v1::RevokeTokenResponse*) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "RevokeToken");
  if (!call->admitted()) return call;
  if (request->name().empty()) {
    call->Complete(InvalidArgument("name: must name a token"));
    return call;
  }
  deps_.engine->RevokeToken(
      {request->name(), call->caller().principal}, [this, call, request](Result<Done> done) {
        if (done.ok()) {
          deps_.tokens->Revoke(request->name());
          LOG_INFO("token revoked name={} by={}", request->name(), call->caller().principal);
        }
        call->Complete(done.status());
      });
  return call;
}

}  // namespace penstock

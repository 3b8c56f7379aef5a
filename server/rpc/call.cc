#include "server/rpc/call.h"

#include <string>

#include "base/fault_point.h"
#include "server/rpc/grpc_status.h"

namespace penstock {
namespace {

std::optional<std::string> Header(const grpc::CallbackServerContext& context, const char* name) {
  const auto& metadata = context.client_metadata();
  const auto it = metadata.find(name);
  if (it == metadata.end()) return std::nullopt;
  return std::string(it->second.data(), it->second.size());
}

// What a test makes of a call: nothing came, or nothing went out.
Status LostOnTheWay(std::string_view point, std::string_view method) {
  if (!internal::faults_armed.load(std::memory_order_relaxed)) return Status::Ok();
  const std::string name = std::string(point) + std::string(method);
  if (PENSTOCK_FAULT_STATUS(name).ok()) return Status::Ok();
  return Unavailable("the connection broke (" + name + ")", "INJECTED");
}

}  // namespace

Result<Caller> CallGate::Admit(const grpc::CallbackServerContext& context, std::string_view service,
                               std::string_view method) {
  if (stopping()) return Unavailable("the server is stopping; retry shortly", "STOPPING");
  PENSTOCK_RETURN_IF_ERROR(LostOnTheWay("rpc.request.", method));
  CallFacts facts;
  facts.peer = context.peer();
  facts.authorization = Header(context, "authorization");
  facts.user = Header(context, "x-penstock-user").value_or("");
  facts.forwarded_peer = Header(context, "x-penstock-peer");
  facts.forward_secret = Header(context, "x-penstock-forward-secret").value_or("");
  PENSTOCK_ASSIGN_OR_RETURN(Caller caller, authenticator_.Authenticate(facts));
  const Status allowed = Authenticator::Authorize(caller, service, method);
  if (!allowed.ok()) {
    metrics_.denied.fetch_add(1, std::memory_order_relaxed);
    return allowed;
  }
  return caller;
}

Status Reply(std::string_view method, const Status& status) {
  const Status lost = LostOnTheWay("rpc.reply.", method);
  return lost.ok() ? status : lost;
}

UnaryCall::UnaryCall(CallGate& gate, const grpc::CallbackServerContext& context,
                     std::string_view service, std::string_view method)
    : method_(method), timer_(gate, service, method) {
  auto caller = gate.Admit(context, service, method);
  if (!caller.ok()) {
    Complete(caller.status());
    return;
  }
  caller_ = *std::move(caller);
  admitted_ = true;
}

void UnaryCall::Complete(const Status& status) {
  timer_.Record(status);
  Finish(ToGrpcStatus(Reply(method_, status)));
}

Status Overloaded() {
  return ResourceExhausted("the server has too many requests waiting; retry with backoff",
                           "OVERLOADED");
}

}  // namespace penstock

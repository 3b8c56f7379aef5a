#include "server/rpc/worker_service.h"

#include <algorithm>

#include "base/log.h"
#include "server/engine/engine.h"
#include "server/rpc/convert.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr char kService[] = "WorkerService";
// A parked call must end before proxies on the way lose patience.
constexpr std::chrono::seconds kMaxWait{60};
constexpr int kMaxReportsPerCall = 4'096;
constexpr std::size_t kMaxReportBytesHere = 64 << 10;

Status CheckSession(const std::string& session) {
  if (!session.empty()) return Status::Ok();
  return NotFound("sessionId: empty; open a session first", "SESSION_UNKNOWN");
}

}  // namespace

grpc::ServerUnaryReactor* WorkerServiceImpl::OpenSession(grpc::CallbackServerContext* context,
                                                         const v1::OpenSessionRequest* request,
                                                         v1::OpenSessionResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "OpenSession");
  if (!call->admitted()) return call;
  auto command = OpenSessionFromProto(*request);
  if (!command.ok()) {
    call->Complete(command.status());
    return call;
  }
  skew_.Note(command->worker);
  LOG_INFO("worker connects worker={} host={} pid={} by={}", command->worker.id,
           command->worker.host, command->worker.pid, call->caller().principal);
  deps_.engine->OpenSession(*std::move(command),
                            [call, response](Result<OpenSessionAnswer> answer) {
                              if (answer.ok()) ToProto(*answer, response);
                              call->Complete(answer.status());
                            });
  return call;
}

grpc::ServerUnaryReactor* WorkerServiceImpl::LeaseSteps(grpc::CallbackServerContext* context,
                                                        const v1::LeaseStepsRequest* request,
                                                        v1::LeaseStepsResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "LeaseSteps");
  if (!call->admitted()) return call;
  if (const Status status = CheckSession(request->session_id()); !status.ok()) {
    call->Complete(status);
    return call;
  }
  LeaseStepsCommand command;
  command.session = SessionId(request->session_id());
  command.acknowledged = request->acknowledged();
  command.max_wait =
      std::clamp<Micros>(DurationFromProto(request->max_wait()), Micros(0), kMaxWait);
  command.draining = request->draining();
  deps_.engine->LeaseSteps(std::move(command), [call, response](Result<LeaseStepsAnswer> answer) {
    if (answer.ok()) ToProto(*answer, response);
    call->Complete(answer.status());
  });
  return call;
}

grpc::ServerUnaryReactor* WorkerServiceImpl::Heartbeat(grpc::CallbackServerContext* context,
                                                       const v1::HeartbeatRequest* request,
                                                       v1::HeartbeatResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "Heartbeat");
  if (!call->admitted()) return call;
  deps_.engine->Heartbeat(HeartbeatFromProto(*request),
                          [call, response](Result<HeartbeatAnswer> answer) {
                            if (answer.ok()) {
                              for (const AttemptToken& token : answer->stale) {
                                response->add_stale_tokens(token.value());
                              }
                            }
                            call->Complete(answer.status());
                          });
  return call;
}

grpc::ServerUnaryReactor* WorkerServiceImpl::ReportSteps(grpc::CallbackServerContext* context,
                                                         const v1::ReportStepsRequest* request,
                                                         v1::ReportStepsResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ReportSteps");
  if (!call->admitted()) return call;
  if (request->reports_size() > kMaxReportsPerCall) {
    call->Complete(
        InvalidArgument("reports: at most " + std::to_string(kMaxReportsPerCall) + " a call"));
    return call;
  }
  const auto report = [this, call, request, response] {
    deps_.engine->ReportSteps(ReportStepsFromProto(*request),
                              [call, response](Result<ReportStepsAnswer> answer) {
                                if (answer.ok()) ToProto(*answer, response);
                                call->Complete(answer.status());
                              });
  };
  // Most are small: a hop to another thread would cost more than reading them here.
  if (request->ByteSizeLong() <= kMaxReportBytesHere) {
    report();
  } else {
    HandOver(deps_.read_pool, *deps_.gate, call, report);
  }
  return call;
}

grpc::ServerUnaryReactor* WorkerServiceImpl::AppendLogs(grpc::CallbackServerContext* context,
                                                        const v1::AppendLogsRequest* request,
                                                        v1::AppendLogsResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "AppendLogs");
  if (!call->admitted()) return call;
  CompleteOn(deps_.io_pool, *deps_.gate, call,
             [this, request, response] { return Append(*request, response); });
  return call;
}

grpc::ServerUnaryReactor* WorkerServiceImpl::CloseSession(grpc::CallbackServerContext* context,
                                                          const v1::CloseSessionRequest* request,
                                                          v1::CloseSessionResponse*) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "CloseSession");
  if (!call->admitted()) return call;
  deps_.engine->CloseSession(SessionId(request->session_id()),
                             [call](Result<Done> done) { call->Complete(done.status()); });
  return call;
}

grpc::ServerUnaryReactor* WorkerServiceImpl::ListWorkers(grpc::CallbackServerContext* context,
                                                         const v1::ListWorkersRequest*,
                                                         v1::ListWorkersResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ListWorkers");
  if (!call->admitted()) return call;
  deps_.engine->ListWorkers([call, response](Result<std::vector<WorkerView>> workers) {
    if (workers.ok()) {
      for (const WorkerView& worker : *workers) ToProto(worker, response->add_workers());
    }
    call->Complete(workers.status());
  });
  return call;
}

void WorkerServiceImpl::Order(UnaryCall* call, OrderWorkerCommand command, v1::Worker* response) {
  command.principal = call->caller().principal;
  deps_.engine->OrderWorker(std::move(command), [call, response](Result<WorkerView> worker) {
    if (worker.ok()) ToProto(*worker, response);
    call->Complete(worker.status());
  });
}

grpc::ServerUnaryReactor* WorkerServiceImpl::CordonWorker(grpc::CallbackServerContext* context,
                                                          const v1::CordonWorkerRequest* request,
                                                          v1::Worker* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "CordonWorker");
  if (!call->admitted()) return call;
  Order(call, {WorkerId(request->worker_id()), OrderWorkerCommand::Order::kCordon}, response);
  return call;
}

grpc::ServerUnaryReactor* WorkerServiceImpl::UncordonWorker(
    grpc::CallbackServerContext* context, const v1::UncordonWorkerRequest* request,
    v1::Worker* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "UncordonWorker");
  if (!call->admitted()) return call;
  Order(call, {WorkerId(request->worker_id()), OrderWorkerCommand::Order::kUncordon}, response);
  return call;
}

grpc::ServerUnaryReactor* WorkerServiceImpl::DrainWorker(grpc::CallbackServerContext* context,
                                                         const v1::DrainWorkerRequest* request,
                                                         v1::Worker* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "DrainWorker");
  if (!call->admitted()) return call;
  OrderWorkerCommand command{WorkerId(request->worker_id()), OrderWorkerCommand::Order::kDrain};
  if (request->has_deadline()) command.deadline = DurationFromProto(request->deadline());
  if (command.deadline && *command.deadline < Micros(0)) {
    call->Complete(InvalidArgument("deadline: must not be negative"));
    return call;
  }
  Order(call, std::move(command), response);
  return call;
}

}  // namespace penstock

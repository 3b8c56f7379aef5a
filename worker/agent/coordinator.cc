#include "worker/agent/coordinator.h"

#include <utility>

#include "base/file.h"
#include "penstock/v1/common.pb.h"
#include "storage/model/limits.h"

namespace penstock {

Result<std::unique_ptr<Coordinator>> Coordinator::Connect(const WorkerConfig& config,
                                                          const keepalive::Pings& pings) {
  std::unique_ptr<Coordinator> coordinator(new Coordinator(config));
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (!config.tls_ca.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(std::string certificate, ReadFile(config.tls_ca));
    grpc::SslCredentialsOptions ssl;
    ssl.pem_root_certs = std::move(certificate);
    credentials = grpc::SslCredentials(ssl);
  }
  const auto channel = [&](int number) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(limits::kMaxMessageBytes);
    arguments.SetMaxSendMessageSize(limits::kMaxMessageBytes);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
    // Parked calls have no traffic of their own, and neither has a connection between calls.
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(pings.every.count()));
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(pings.patience.count()));
    arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt("penstock.channel", number);
    return grpc::CreateCustomChannel(config.coordinator, credentials, arguments);
  };
  coordinator->workers_ = v1::WorkerService::NewStub(channel(0));
  coordinator->heartbeats_ = v1::WorkerService::NewStub(channel(1));
  coordinator->artifacts_ = v1::ArtifactService::NewStub(channel(2));
  return coordinator;
}

std::unique_ptr<grpc::ClientContext> Coordinator::Context(Micros deadline) const {
  auto context = std::make_unique<grpc::ClientContext>();
  if (deadline.count() > 0) {
    context->set_deadline(std::chrono::system_clock::now() + deadline);
  }
  if (!config_.token.empty()) context->AddMetadata("authorization", "Bearer " + config_.token);
  context->AddMetadata("x-penstock-user", config_.name);
  return context;
}

Status Coordinator::Translate(const grpc::Status& status) {
  if (status.ok()) return Status::Ok();
  std::string reason;
  v1::StatusDetails details;
  if (details.ParseFromString(status.error_details())) {
    for (const google::protobuf::Any& any : details.details()) {
      v1::ErrorInfo info;
      if (any.UnpackTo(&info)) reason = info.reason();
    }
  }
  return Status(static_cast<StatusCode>(status.error_code()), status.error_message(), reason);
}

std::string Coordinator::session() const {
  MutexLock lock(mutex_);
  return session_;
}

void Coordinator::set_session(std::string session) {
  MutexLock lock(mutex_);
  session_ = std::move(session);
  changed_.NotifyAll();
}

bool Coordinator::WaitForSession(const std::string& old) {
  MutexLock lock(mutex_);
  while (!stopped_ && (session_.empty() || session_ == old)) changed_.Wait(mutex_);
  return !stopped_;
}

bool Coordinator::Pause(Micros time) {
  MutexLock lock(mutex_);
  const Tick until = Clock::Real().Ticks() + time;
  while (!stopped_) {
    const Micros left = until - Clock::Real().Ticks();
    if (left.count() <= 0) return true;
    changed_.WaitFor(mutex_, left);
  }
  return false;
}

void Coordinator::Stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  changed_.NotifyAll();
}

bool Coordinator::stopped() const {
  MutexLock lock(mutex_);
  return stopped_;
}

bool IsTransient(const Status& status) {
  return status.code() == StatusCode::kUnavailable ||
         status.code() == StatusCode::kDeadlineExceeded ||
         status.code() == StatusCode::kCancelled || status.code() == StatusCode::kUnknown ||
         status.code() == StatusCode::kResourceExhausted || status.code() == StatusCode::kAborted ||
         status.code() == StatusCode::kInternal || status.reason() == "SESSION_UNKNOWN";
}

}  // namespace penstock

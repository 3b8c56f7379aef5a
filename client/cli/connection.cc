#include "client/cli/connection.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "penstock/v1/common.pb.h"
#include "storage/model/keepalive.h"
#include "storage/model/limits.h"

namespace penstock::cli {
namespace {

std::string LoginName() {
  if (const passwd* entry = getpwuid(geteuid()); entry != nullptr) return entry->pw_name;
  return "uid-" + std::to_string(geteuid());
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::Open(const ConnectionOptions& options) {
  std::unique_ptr<Connection> connection(new Connection(options));
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (!options.tls_ca.empty()) {
    std::ifstream file(options.tls_ca);
    if (!file) {
      return NotFound("the certificate " + options.tls_ca +
                      " cannot be read; give --tls-ca the file tls/server.crt of the coordinator's "
                      "data directory");
    }
    std::stringstream text;
    text << file.rdbuf();
    grpc::SslCredentialsOptions ssl;
    ssl.pem_root_certs = text.str();
    credentials = grpc::SslCredentials(ssl);
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(limits::kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(limits::kMaxMessageBytes);
  // A stream that waits has no traffic of its own by which to notice that the server is gone.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(keepalive::kClient.every.count()));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                   static_cast<int>(keepalive::kClient.patience.count()));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  connection->channel_ = grpc::CreateCustomChannel(options.address, credentials, arguments);
  connection->pipelines_ = pb::PipelineService::NewStub(connection->channel_);
  connection->runs_ = pb::RunService::NewStub(connection->channel_);
  connection->artifacts_ = pb::ArtifactService::NewStub(connection->channel_);
  connection->models_ = pb::ModelService::NewStub(connection->channel_);
  connection->workers_ = pb::WorkerService::NewStub(connection->channel_);
  connection->catalog_ = pb::CatalogService::NewStub(connection->channel_);
  connection->admin_ = pb::AdminService::NewStub(connection->channel_);
  return connection;
}

std::unique_ptr<grpc::ClientContext> Connection::Context(Micros deadline) const {
  auto context = std::make_unique<grpc::ClientContext>();
  if (deadline.count() > 0) {
    context->set_deadline(std::chrono::system_clock::now() + deadline);
  }
  if (!options_.token.empty()) context->AddMetadata("authorization", "Bearer " + options_.token);
  context->AddMetadata("x-penstock-user", LoginName());
  return context;
}

Status Connection::Translate(const grpc::Status& status) const {
  if (status.ok()) return Status::Ok();
  std::string reason;
  std::vector<Problem> problems;
  pb::StatusDetails details;
  if (details.ParseFromString(status.error_details())) {
    for (const google::protobuf::Any& any : details.details()) {
      pb::ErrorInfo info;
      if (!any.UnpackTo(&info)) continue;
      reason = info.reason();
      for (const pb::Problem& problem : info.problems()) {
        std::string where = problem.path();
        if (problem.line() > 0) where = "line " + std::to_string(problem.line()) + ": " + where;
        problems.push_back({where, problem.message()});
      }
    }
  }
  std::string message = status.error_message();
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE && reason.empty()) {
    reason = "UNREACHABLE";
    message = "the coordinator at " + options_.address + " cannot be reached (" + message +
              "); is penstockd running there? `penstock dev` starts one for this machine, "
              "--address or PENSTOCK_ADDRESS names another";
  }
  return Status(static_cast<StatusCode>(status.error_code()), message, reason)
      .WithProblems(std::move(problems));
}

}  // namespace penstock::cli

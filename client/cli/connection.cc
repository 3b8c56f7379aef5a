#include "client/cli/connection.h"

#include <grpc/support/log.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/address.h"
#include "client/cli/output.h"
#include "penstock/v1/common.pb.h"
#include "storage/model/keepalive.h"
#include "storage/model/limits.h"

namespace penstock::cli {
namespace {

std::string LoginName() {
  if (const passwd* entry = getpwuid(geteuid()); entry != nullptr) return entry->pw_name;
  return "uid-" + std::to_string(geteuid());
}

// What to try, from gRPC's words for a connection that failed.
std::string Advice(const ConnectionOptions& options, const std::string& why) {
  const auto says = [&why](std::string_view words) { return why.find(words) != std::string::npos; };
  if (options.tls_ca.empty() && (says("Socket closed") || says("reset by peer"))) {
    return "something listens there and hangs up: where the coordinator serves TLS, give --tls-ca "
           "(or PENSTOCK_TLS_CA) the file tls/server.crt of its data directory";
  }
  if (says("wrong version number")) {
    return "what listens there speaks no TLS: leave --tls-ca (PENSTOCK_TLS_CA) out for a "
           "coordinator without it";
  }
  if (says("certificate verify failed")) {
    return "its certificate is not the one in " + options.tls_ca +
           ": copy tls/server.crt of the coordinator's data directory again";
  }
  if (!options.tls_ca.empty() && says("empty address list")) {
    return "the file " + options.tls_ca + " of --tls-ca holds no certificate";
  }
  return "is penstockd running there? `penstock dev` starts one for this machine, --address or "
         "PENSTOCK_ADDRESS names another";
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::Open(const ConnectionOptions& options) {
  if (!options.token.empty() && options.tls_ca.empty() && !StaysOnThisMachine(options.address)) {
    return WrongUse("a token needs TLS off this machine, and " + options.address +
                    " is not on it; give --tls-ca (or PENSTOCK_TLS_CA) the file tls/server.crt of "
                    "the coordinator's data directory");
  }
  // What gRPC logs of a failed handshake stands in the call's status too.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function([](gpr_log_func_args*) {});
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
  connection->secrets_ = pb::SecretService::NewStub(connection->channel_);
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

Problem ToProblem(const pb::Problem& problem) {
  const std::string line = "line " + std::to_string(problem.line()) + ": ";
  const bool said = problem.line() == 0 || problem.message().starts_with(line);
  return {(said ? "" : line) + problem.path(), problem.message()};
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
      for (const pb::Problem& problem : info.problems()) problems.push_back(ToProblem(problem));
    }
  }
  std::string message = status.error_message();
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE && reason.empty()) {
    reason = "UNREACHABLE";
    message = "the coordinator at " + options_.address + " cannot be reached (" + message + "); " +
              Advice(options_, message);
  }
  return Status(static_cast<StatusCode>(status.error_code()), message, reason)
      .WithProblems(std::move(problems));
}

}  // namespace penstock::cli

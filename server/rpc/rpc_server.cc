#include "server/rpc/rpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include "server/rpc/admin_service.h"
#include "server/rpc/artifact_service.h"
#include "server/rpc/catalog_service.h"
#include "server/rpc/library_logs.h"
#include "server/rpc/model_service.h"
#include "server/rpc/pipeline_service.h"
#include "server/rpc/run_service.h"
#include "server/rpc/secret_service.h"
#include "server/rpc/worker_service.h"
#include "storage/model/keepalive.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

// Room around the largest message that is allowed: a refusal of ours says more than gRPC's.
constexpr int kMaxReceiveBytes = limits::kMaxMessageBytes + (64 << 10);

std::shared_ptr<grpc::ServerCredentials> Credentials(const RpcServerOptions& options) {
  if (!options.tls) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions ssl;
  ssl.pem_key_cert_pairs.push_back({options.tls->key_pem, options.tls->cert_pem});
  return grpc::SslServerCredentials(ssl);
}

}  // namespace

struct RpcServer::Impl {
  explicit Impl(RpcDeps given)
      : deps(std::move(given)),
        specs(*deps.catalog),
        pipelines(deps),
        runs(deps, streams, logs, specs),
        workers(deps, logs),
        artifacts(deps, streams),
        models(deps),
        secrets(deps),
        catalog(deps),
        admin(deps) {}

  const RpcDeps deps;
  StreamRegistry streams;
  LogHub logs;
  PipelineSpecs specs;
  PipelineServiceImpl pipelines;
  RunServiceImpl runs;
  WorkerServiceImpl workers;
  ArtifactServiceImpl artifacts;
  ModelServiceImpl models;
  SecretServiceImpl secrets;
  CatalogServiceImpl catalog;
  AdminServiceImpl admin;
  int port = 0;
  std::unique_ptr<grpc::Server> server;
};

RpcServer::RpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RpcServer::~RpcServer() {
  Shutdown(std::chrono::milliseconds(0));
}

Result<std::unique_ptr<RpcServer>> RpcServer::Start(const RpcServerOptions& options, RpcDeps deps) {
  RouteLibraryLogs();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto impl = std::make_unique<Impl>(std::move(deps));
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.address, Credentials(options), &impl->port);
  builder.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  builder.SetMaxSendMessageSize(-1);
  // Without it two daemons would share a port without a word.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  const auto millis = [](std::chrono::milliseconds time) { return static_cast<int>(time.count()); };
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, millis(keepalive::kServer.every));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, millis(keepalive::kServer.patience));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             millis(keepalive::kFastestAccepted));
  builder.RegisterService(&impl->pipelines);
  builder.RegisterService(&impl->runs);
  builder.RegisterService(&impl->workers);
  builder.RegisterService(&impl->artifacts);
  builder.RegisterService(&impl->models);
  builder.RegisterService(&impl->secrets);
  builder.RegisterService(&impl->catalog);
  builder.RegisterService(&impl->admin);
  impl->server = builder.BuildAndStart();
  if (!impl->server || impl->port == 0) {
    return Unavailable("cannot listen for gRPC on " + options.address +
                           ": the port is in use or the address is not of this machine",
                       "ADDRESS_IN_USE");
  }
  return std::unique_ptr<RpcServer>(new RpcServer(std::move(impl)));
}

int RpcServer::port() const {
  return impl_->port;
}

std::shared_ptr<grpc::Channel> RpcServer::InProcessChannel() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  return impl_->server->InProcessChannel(arguments);
}

void RpcServer::Drain() {
  impl_->deps.gate->Stop();
  if (auto* health = impl_->server->GetHealthCheckService()) health->SetServingStatus(false);
  impl_->streams.AbortAll(Unavailable("the server is stopping; retry shortly", "STOPPING"));
}

void RpcServer::Shutdown(std::chrono::milliseconds patience) {
  if (!impl_->server) return;
  impl_->server->Shutdown(std::chrono::system_clock::now() + patience);
  impl_->server->Wait();
  impl_->server.reset();
}

}  // namespace penstock

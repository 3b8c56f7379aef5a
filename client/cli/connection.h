#ifndef PENSTOCK_CLIENT_CLI_CONNECTION_H_
#define PENSTOCK_CLIENT_CLI_CONNECTION_H_

// The way to the coordinator: address, credential, TLS, and every service's generated client.

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "penstock/v1/admin.grpc.pb.h"
#include "penstock/v1/artifacts.grpc.pb.h"
#include "penstock/v1/catalog.grpc.pb.h"
#include "penstock/v1/models.grpc.pb.h"
#include "penstock/v1/pipelines.grpc.pb.h"
#include "penstock/v1/runs.grpc.pb.h"
#include "penstock/v1/secrets.grpc.pb.h"
#include "penstock/v1/workers.grpc.pb.h"

namespace penstock::cli {

namespace pb = ::penstock::v1;

struct ConnectionOptions {
  std::string address = "127.0.0.1:7070";
  std::string token;                           // empty: none; never printed
  std::string tls_ca;                          // file of the certificate to trust; empty: no TLS
  Micros patience = std::chrono::seconds(30);  // with one call
};

// The path with its line, unless the message names that.
Problem ToProblem(const pb::Problem& problem);

class Connection {
 public:
  // kNotFound where the certificate's file cannot be read. WRONG_USE where a token would be sent in
  // clear to another machine.
  static Result<std::unique_ptr<Connection>> Open(const ConnectionOptions& options);

  pb::PipelineService::Stub& pipelines() { return *pipelines_; }
  pb::RunService::Stub& runs() { return *runs_; }
  pb::ArtifactService::Stub& artifacts() { return *artifacts_; }
  pb::ModelService::Stub& models() { return *models_; }
  pb::WorkerService::Stub& workers() { return *workers_; }
  pb::CatalogService::Stub& catalog() { return *catalog_; }
  pb::AdminService::Stub& admin() { return *admin_; }
  pb::SecretService::Stub& secrets() { return *secrets_; }
  const std::string& address() const { return options_.address; }

  // A context with credential, caller's name and deadline (0: none).
  std::unique_ptr<grpc::ClientContext> Context(Micros deadline) const;

  // What a call's status means: OK, or the server's own words, reason and problems.
  Status Translate(const grpc::Status& status) const;

  // Calls `method` of `stub` and returns the answer.
  template <typename Stub, typename Request, typename Response>
  Result<Response> Call(Stub& stub,
                        grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                     Response*),
                        const Request& request) {
    Response response;
    const std::unique_ptr<grpc::ClientContext> context = Context(options_.patience);
    const Status status = Translate((stub.*method)(context.get(), request, &response));
    if (!status.ok()) return status;
    return response;
  }

 private:
  explicit Connection(ConnectionOptions options) : options_(std::move(options)) {}

  ConnectionOptions options_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<pb::PipelineService::Stub> pipelines_;
  std::unique_ptr<pb::RunService::Stub> runs_;
  std::unique_ptr<pb::ArtifactService::Stub> artifacts_;
  std::unique_ptr<pb::ModelService::Stub> models_;
  std::unique_ptr<pb::WorkerService::Stub> workers_;
  std::unique_ptr<pb::CatalogService::Stub> catalog_;
  std::unique_ptr<pb::AdminService::Stub> admin_;
  std::unique_ptr<pb::SecretService::Stub> secrets_;
};

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_CONNECTION_H_

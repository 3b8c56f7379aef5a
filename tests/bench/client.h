#ifndef PENSTOCK_TESTS_BENCH_CLIENT_H_
#define PENSTOCK_TESTS_BENCH_CLIENT_H_

// A client of the coordinator's gRPC API, as thin as can be. What fails ends the program with a
// message: there is nothing to measure then. Threads may share one.

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <string>

#include "penstock/v1/pipelines.grpc.pb.h"
#include "penstock/v1/runs.grpc.pb.h"

namespace penstock::bench {

[[noreturn]] void Die(const std::string& message);

// A connection of its own, with a worker's way of coming back.
std::shared_ptr<grpc::Channel> Connect(const std::string& address);

class Client {
 public:
  explicit Client(const std::string& address);

  void Register(const std::string& text);
  // The run's id.
  std::string Submit(const std::string& pipeline,
                     const std::map<std::string, std::string>& parameters = {});
  // Waits for the end on one stream; the stream's last message.
  v1::Run WatchToEnd(const std::string& run);
  // Submits and waits for the end, as a client would: one call, one stream. The run must succeed.
  v1::Run RunToEnd(const std::string& pipeline,
                   const std::map<std::string, std::string>& parameters = {});
  v1::Run Get(const std::string& run);
  v1::ListRunsResponse List(const v1::ListRunsRequest& request);
  void Cancel(const std::string& run);
  v1::RunService::Stub& runs() { return *runs_; }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::PipelineService::Stub> pipelines_;
  std::unique_ptr<v1::RunService::Stub> runs_;
};

double Millis(const google::protobuf::Timestamp& from, const google::protobuf::Timestamp& to);

// Definitions: so many no-op steps in a chain, beside each other, or as items of a map.
std::string Chain(const std::string& name, int length);
std::string Fan(const std::string& name, int width);
std::string Map(const std::string& name, int items);

}  // namespace penstock::bench

#endif  // PENSTOCK_TESTS_BENCH_CLIENT_H_

#ifndef PENSTOCK_TESTS_INTEGRATION_SERVER_SERVER_FIXTURE_H_
#define PENSTOCK_TESTS_INTEGRATION_SERVER_SERVER_FIXTURE_H_

// A whole coordinator in the test's process, on free ports and in a folder of its own.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "penstock/v1/admin.grpc.pb.h"
#include "penstock/v1/artifacts.grpc.pb.h"
#include "penstock/v1/catalog.grpc.pb.h"
#include "penstock/v1/models.grpc.pb.h"
#include "penstock/v1/pipelines.grpc.pb.h"
#include "penstock/v1/runs.grpc.pb.h"
#include "penstock/v1/workers.grpc.pb.h"
#include "server/daemon.h"
#include "server/rpc/grpc_status.h"

namespace penstock {

inline constexpr char kHello[] =
    "apiVersion: penstock/v1\nkind: Pipeline\nname: hello\n"
    "steps:\n- {name: a, type: noop}\n- {name: b, type: noop, dependsOn: [a]}\n";

// A context with a deadline, so that nothing hangs, and a name or a token.
class TestContext : public grpc::ClientContext {
 public:
  explicit TestContext(const std::string& token = {}) {
    set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    if (token.empty()) {
      AddMetadata("x-penstock-user", "tester");
    } else {
      AddMetadata("authorization", "Bearer " + token);
    }
  }
};

class ServerFixture : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/penstock-server-XXXXXX";
    folder_ = mkdtemp(pattern);
    config_.data_dir = folder_ + "/data";
    config_.grpc_address = {"127.0.0.1", 0};
    config_.http_address = {"127.0.0.1", 0};
    config_.log_level = "warn";
  }
  void TearDown() override {
    channel_.reset();
    daemon_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Start() {
    auto daemon = Daemon::Start(config_);
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_ = *std::move(daemon);
    channel_ = Connect(grpc::InsecureChannelCredentials());
  }
  std::shared_ptr<grpc::Channel> Connect(
      const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
    grpc::ChannelArguments arguments;
    // Channels of one target and arguments share a connection; tests restart servers.
    arguments.SetInt("penstock.test.channel", ++channels_);
    return grpc::CreateCustomChannel(daemon_->grpc_address(), credentials, arguments);
  }

  // A client of one service: Stub<v1::RunService>()->GetRun(…).
  template <typename Service>
  std::unique_ptr<typename Service::Stub> Stub() {
    return Service::NewStub(channel_);
  }

  v1::Pipeline Register(const std::string& text) {
    v1::RegisterPipelineRequest request;
    v1::RegisterPipelineResponse response;
    request.mutable_definition()->set_text(text);
    TestContext context;
    const grpc::Status status =
        Stub<v1::PipelineService>()->RegisterPipeline(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.pipeline();
  }
  v1::Run Submit(const std::string& pipeline) {
    v1::SubmitRunRequest request;
    v1::SubmitRunResponse response;
    request.set_pipeline(pipeline);
    TestContext context;
    const grpc::Status status = Stub<v1::RunService>()->SubmitRun(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.run();
  }
  static std::string ReadAll(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  std::string folder_;
  ServerConfig config_;
  std::unique_ptr<Daemon> daemon_;
  std::shared_ptr<grpc::Channel> channel_;
  int channels_ = 0;
};

}  // namespace penstock

#endif  // PENSTOCK_TESTS_INTEGRATION_SERVER_SERVER_FIXTURE_H_

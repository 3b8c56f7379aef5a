// Who may call what, over real connections.

#include "server/rpc/auth.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <grpcpp/generic/generic_stub.h>

#include <future>
#include <map>

#include "penstock/v1/secrets.grpc.pb.h"
#include "server/offline.h"
#include "tests/integration/server/server_fixture.h"

namespace penstock {
namespace {

// Every method of the API with an empty request; a stream's first answer is not waited for.
std::map<std::string, const google::protobuf::MethodDescriptor*> AllMethods() {
  std::map<std::string, const google::protobuf::MethodDescriptor*> methods;
  for (const google::protobuf::Descriptor* message :
       {v1::ServerInfo::descriptor(), v1::Artifact::descriptor(), v1::StepType::descriptor(),
        v1::ModelGroup::descriptor(), v1::Pipeline::descriptor(), v1::Run::descriptor(),
        v1::Secret::descriptor(), v1::Worker::descriptor()}) {
    for (int s = 0; s < message->file()->service_count(); ++s) {
      const auto* service = message->file()->service(s);
      for (int m = 0; m < service->method_count(); ++m) {
        methods[service->name() + "/" + service->method(m)->name()] = service->method(m);
      }
    }
  }
  return methods;
}

class AuthIntegrationTest : public ServerFixture {
 protected:
  std::string Token(const std::string& name, Role role) {
    const auto secret = CreateOfflineToken(config_, name, role, "tester");
    EXPECT_TRUE(secret.ok()) << secret.status();
    return secret.value_or("");
  }

  // How a method ends for a caller with this header.
  grpc::StatusCode Call(const google::protobuf::MethodDescriptor& method,
                        const std::string& authorization) {
    grpc::GenericStub stub(channel_);
    grpc::CompletionQueue queue;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    const std::string path = "/" + method.service()->full_name() + "/" + method.name();
    auto call = stub.PrepareCall(&context, path, &queue);
    void* tag = nullptr;
    bool ok = false;
    call->StartCall(nullptr);
    queue.Next(&tag, &ok);
    grpc::Slice empty;
    call->WriteLast(grpc::ByteBuffer(&empty, 1), grpc::WriteOptions(), nullptr);
    queue.Next(&tag, &ok);
    grpc::ByteBuffer answer;
    do {
      call->Read(&answer, nullptr);
      queue.Next(&tag, &ok);
    } while (ok);
    grpc::Status status;
    call->Finish(&status, nullptr);
    queue.Next(&tag, &ok);
    return status.error_code();
  }
};

TEST_F(AuthIntegrationTest, WhereTokensAreRequiredNoMethodAnswersWithoutOne) {
  config_.auth = AuthMode::kRequired;
  Start();
  const auto methods = AllMethods();
  EXPECT_GT(methods.size(), 35u);
  for (const auto& [name, method] : methods) {
    EXPECT_EQ(Call(*method, ""), grpc::StatusCode::UNAUTHENTICATED) << name;
    EXPECT_EQ(Call(*method, "Bearer pst_" + std::string(64, '0')),
              grpc::StatusCode::UNAUTHENTICATED)
        << name;
  }
}

TEST_F(AuthIntegrationTest, AWrongTokenIsRefusedEvenWhereNoneIsNeeded) {
  Start();
  for (const auto& [name, method] : AllMethods()) {
    EXPECT_EQ(Call(*method, "Bearer wrong"), grpc::StatusCode::UNAUTHENTICATED) << name;
  }
}

TEST_F(AuthIntegrationTest, EachRoleReachesItsServicesAlone) {
  const std::map<Role, std::string> tokens = {{Role::kAdmin, Token("root", Role::kAdmin)},
                                              {Role::kUser, Token("ann", Role::kUser)},
                                              {Role::kWorker, Token("w1", Role::kWorker)}};
  config_.auth = AuthMode::kRequired;
  Start();
  for (const auto& [role, token] : tokens) {
    for (const auto& [name, method] : AllMethods()) {
      Caller caller;
      caller.role = role;
      const bool allowed =
          Authenticator::Authorize(caller, method->service()->name(), method->name()).ok();
      const grpc::StatusCode code = Call(*method, "Bearer " + token);
      EXPECT_EQ(code == grpc::StatusCode::PERMISSION_DENIED, !allowed)
          << RoleName(role) << " " << name << " " << code;
      EXPECT_NE(code, grpc::StatusCode::UNAUTHENTICATED) << name;
    }
  }
}

TEST_F(AuthIntegrationTest, TokensArePrincipalsOnRows) {
  const std::string token = Token("ann", Role::kUser);
  Start();
  v1::RegisterPipelineRequest request;
  v1::RegisterPipelineResponse response;
  request.mutable_definition()->set_text(kHello);
  TestContext context(token);
  ASSERT_TRUE(Stub<v1::PipelineService>()->RegisterPipeline(&context, request, &response).ok());
  EXPECT_EQ(response.pipeline().created().principal(), "user:ann");
}

TEST_F(AuthIntegrationTest, ForgedForwardingHeadersDoNotHelp) {
  config_.auth = AuthMode::kRequired;
  Start();
  TestContext context;
  context.AddMetadata("x-penstock-peer", "ipv4:127.0.0.1:1");
  context.AddMetadata("x-penstock-forward-secret", "guess");
  v1::ServerInfo info;
  EXPECT_EQ(Stub<v1::AdminService>()->GetServerInfo(&context, {}, &info).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(AuthIntegrationTest, TlsNeedsTheServersOwnCertificate) {
  config_.tls = TlsMode::kAuto;
  config_.auth = AuthMode::kRequired;
  // Another loopback address: the certificate must name it too.
  config_.grpc_address = {"127.0.0.2", 0};
  const std::string token = Token("root", Role::kAdmin);
  Start();
  EXPECT_EQ(daemon_->fingerprint().size(), 95u);
  v1::ServerInfo info;
  grpc::SslCredentialsOptions trusting;
  trusting.pem_root_certs = ReadAll(config_.data_dir + "/tls/server.crt");
  channel_ = Connect(grpc::SslCredentials(trusting));
  TestContext good(token);
  const grpc::Status status = Stub<v1::AdminService>()->GetServerInfo(&good, {}, &info);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(info.principal(), "user:root");
  TestContext without;
  EXPECT_EQ(Stub<v1::AdminService>()->GetServerInfo(&without, {}, &info).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  channel_ = Connect(grpc::SslCredentials({}));
  TestContext distrusting(token);
  EXPECT_EQ(Stub<v1::AdminService>()->GetServerInfo(&distrusting, {}, &info).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  channel_ = Connect(grpc::InsecureChannelCredentials());
  TestContext plain(token);
  EXPECT_EQ(Stub<v1::AdminService>()->GetServerInfo(&plain, {}, &info).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(AuthIntegrationTest, OfflineTokensNeedTheServerDown) {
  Token("one", Role::kUser);
  EXPECT_EQ(CreateOfflineToken(config_, "one", Role::kUser, "t").status().code(),
            StatusCode::kAlreadyExists);
  EXPECT_EQ(CreateOfflineToken(config_, "a b", Role::kUser, "t").status().code(),
            StatusCode::kInvalidArgument);
  Start();
  const Status status = CreateOfflineToken(config_, "two", Role::kUser, "t").status();
  EXPECT_EQ(status.reason(), "LOCKED");
  EXPECT_THAT(status.message(), testing::HasSubstr("penstock admin token create"));
}

}  // namespace
}  // namespace penstock

// SecretService over gRPC: who may call it, and that no answer holds a value.

#include <gmock/gmock.h>

#include "penstock/v1/secrets.grpc.pb.h"
#include "server/offline.h"
#include "tests/integration/server/server_fixture.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kValue[] = "value-that-nobody-is-shown";

class SecretServiceTest : public ServerFixture {
 protected:
  grpc::Status Put(const std::string& name, const std::string& value, v1::Secret* secret,
                   const std::string& token = {}) {
    v1::PutSecretRequest request;
    request.set_name(name);
    request.set_value(value);
    TestContext context(token);
    return Stub<v1::SecretService>()->PutSecret(&context, request, secret);
  }
  v1::ListSecretsResponse List() {
    v1::ListSecretsResponse list;
    TestContext context;
    EXPECT_TRUE(Stub<v1::SecretService>()->ListSecrets(&context, {}, &list).ok());
    return list;
  }
};

TEST_F(SecretServiceTest, IsPutListedAndDeleted) {
  Start();
  v1::Secret secret;
  ASSERT_TRUE(Put("hub", kValue, &secret).ok());
  EXPECT_EQ(secret.version(), 1);
  EXPECT_EQ(secret.changed().principal(), "local:tester");
  ASSERT_TRUE(Put("hub", kValue, &secret).ok());
  EXPECT_EQ(secret.version(), 1) << "a retry changes nothing";
  ASSERT_TRUE(Put("hub", "another", &secret).ok());
  EXPECT_EQ(secret.version(), 2);
  ASSERT_TRUE(Put("early", "value", &secret).ok());
  const v1::ListSecretsResponse list = List();
  ASSERT_EQ(list.secrets_size(), 2);
  EXPECT_EQ(list.secrets(0).name(), "early");
  EXPECT_EQ(list.secrets(1).version(), 2);
  EXPECT_EQ(list.secrets(1).problem(), "");
  EXPECT_THAT(list.DebugString(), Not(HasSubstr("another")));

  v1::DeleteSecretRequest remove;
  remove.set_name("hub");
  v1::DeleteSecretResponse removed;
  TestContext first;
  EXPECT_TRUE(Stub<v1::SecretService>()->DeleteSecret(&first, remove, &removed).ok());
  TestContext second;
  const Status gone =
      FromGrpcStatus(Stub<v1::SecretService>()->DeleteSecret(&second, remove, &removed));
  EXPECT_EQ(gone.reason(), "SECRET_NOT_FOUND");
  EXPECT_EQ(List().secrets_size(), 1);
}

TEST_F(SecretServiceTest, RefusalsDoNotQuoteTheValue) {
  Start();
  v1::Secret secret;
  const std::string with_nul = std::string(kValue) + '\0';
  for (const auto& [name, value] : {std::pair<std::string, std::string>{"No Name", kValue},
                                    {"hub", with_nul},
                                    {"hub", kValue + std::string(64 << 10, 'x')},
                                    {"hub", ""}}) {
    const grpc::Status status = Put(name, value, &secret);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), Not(HasSubstr(kValue)));
  }
}

TEST_F(SecretServiceTest, WorkersAreRefused) {
  config_.auth = AuthMode::kRequired;
  const auto worker = CreateOfflineToken(config_, "w1", Role::kWorker, "root");
  const auto user = CreateOfflineToken(config_, "ann", Role::kUser, "root");
  ASSERT_TRUE(worker.ok() && user.ok());
  Start();
  v1::Secret secret;
  EXPECT_EQ(Put("hub", kValue, &secret, *worker).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(Put("hub", kValue, &secret, *user).ok());
  EXPECT_EQ(secret.changed().principal(), "user:ann");
}

TEST_F(SecretServiceTest, AKeyFileThatOthersMayReadStopsTheStart) {
  Start();
  daemon_.reset();
  std::filesystem::permissions(config_.data_dir + "/secrets.key",
                               std::filesystem::perms::owner_read |
                                   std::filesystem::perms::owner_write |
                                   std::filesystem::perms::others_read);
  const auto refused = Daemon::Start(config_);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().message(), HasSubstr("run: chmod 600"));
}

}  // namespace
}  // namespace penstock

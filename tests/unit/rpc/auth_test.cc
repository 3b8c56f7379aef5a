#include "server/rpc/auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace penstock {
namespace {

using testing::HasSubstr;

constexpr char kLocal[] = "ipv4:127.0.0.1:40312";
constexpr char kRemote[] = "ipv4:192.0.2.7:40312";

class AuthTest : public testing::Test {
 protected:
  AuthTest() {
    for (const auto& [name, role, secret] :
         {std::tuple{"ann", Role::kUser, &user_}, std::tuple{"root", Role::kAdmin, &admin_},
          std::tuple{"w1", Role::kWorker, &worker_}}) {
      *secret = NewTokenSecret(Random::Secure());
      TokenRecord record;
      record.name = name;
      record.role = role;
      record.hash = HashTokenSecret(*secret);
      tokens_.Add(record);
    }
  }

  Result<Caller> Call(const std::string& peer, const std::optional<std::string>& header,
                      bool required = false) {
    Authenticator authenticator({required, ""}, tokens_, clock_);
    CallFacts facts;
    facts.peer = peer;
    facts.authorization = header;
    facts.user = "bob";
    return authenticator.Authenticate(facts);
  }

  FakeClock clock_;
  TokenTable tokens_;
  std::string user_, admin_, worker_;
};

TEST_F(AuthTest, SecretsAreLongAndDiffer) {
  std::set<std::string> secrets;
  for (int i = 0; i < 100; ++i) secrets.insert(NewTokenSecret(Random::Secure()));
  EXPECT_EQ(secrets.size(), 100u);
  EXPECT_EQ(secrets.begin()->size(), 4u + 64u);
  EXPECT_EQ(secrets.begin()->substr(0, 4), "pst_");
}

TEST_F(AuthTest, CallersOfThisMachineNameThemselvesAndAreUnverified) {
  for (const char* peer :
       {kLocal, "ipv6:[::1]:5", "ipv6:%5B::1%5D:5", "unix:/tmp/x", "ipv6:[::ffff:127.0.0.1]:5"}) {
    const auto caller = Call(peer, std::nullopt);
    ASSERT_TRUE(caller.ok()) << peer << caller.status();
    EXPECT_EQ(caller->principal.value(), "local:bob");
    EXPECT_FALSE(caller->verified);
    EXPECT_EQ(caller->role, Role::kAdmin);
  }
}

TEST_F(AuthTest, OthersNeedAToken) {
  for (const char* peer : {kRemote, "ipv6:[2001:db8::1]:5", "ipv6:[::ffff:10.0.0.1]:5", "inproc",
                           "ipv4:12.127.0.1:5", ""}) {
    EXPECT_EQ(Call(peer, std::nullopt).status().code(), StatusCode::kUnauthenticated) << peer;
  }
  EXPECT_EQ(Call(kLocal, std::nullopt, true).status().code(), StatusCode::kUnauthenticated);
}

TEST_F(AuthTest, TokensNameTheirPrincipalAndRole) {
  const auto user = Call(kRemote, "Bearer " + user_, true);
  ASSERT_TRUE(user.ok()) << user.status();
  EXPECT_EQ(user->principal.value(), "user:ann");
  EXPECT_TRUE(user->verified);
  EXPECT_EQ(Call(kLocal, "bearer " + admin_)->principal.value(), "user:root");
  EXPECT_EQ(Call(kRemote, "Bearer " + worker_)->principal.value(), "worker:w1");
}

TEST_F(AuthTest, AWrongTokenIsRefusedEvenFromThisMachine) {
  std::string changed = user_;
  changed.back() = changed.back() == '0' ? '1' : '0';
  for (const std::string& header :
       {"Bearer " + changed, std::string("Bearer "), std::string(), std::string("Basic YTpi"),
        "Bearer  " + user_, user_, "Bearer " + HashTokenSecret(user_).value()}) {
    const Status status = Call(kLocal, header).status();
    EXPECT_EQ(status.code(), StatusCode::kUnauthenticated) << header;
    EXPECT_EQ(status.message().find(user_), std::string::npos) << "the secret leaks";
  }
}

TEST_F(AuthTest, ARevokedTokenIsRefusedAtOnce) {
  ASSERT_TRUE(Call(kRemote, "Bearer " + user_).ok());
  tokens_.Revoke("ann");
  EXPECT_EQ(Call(kRemote, "Bearer " + user_).status().code(), StatusCode::kUnauthenticated);
}

TEST_F(AuthTest, ResetLeavesOutRevokedTokens) {
  TokenRecord record;
  record.name = "old";
  record.hash = HashTokenSecret("pst_old");
  record.revoked_at = {5};
  TokenRecord live = record;
  live.name = "new";
  live.hash = HashTokenSecret("pst_new");
  live.revoked_at = {};
  tokens_.Reset({record, live});
  EXPECT_FALSE(tokens_.Find("pst_old", {1}));
  EXPECT_TRUE(tokens_.Find("pst_new", {7}));
  EXPECT_EQ(tokens_.LastUsed("new"), Time{7});
  EXPECT_FALSE(Call(kRemote, "Bearer " + user_).ok());
}

TEST_F(AuthTest, OnlyWhoKnowsTheSecretSpeaksForAnotherAddress) {
  Authenticator authenticator({false, "between us"}, tokens_, clock_);
  CallFacts facts;
  facts.forwarded_peer = kLocal;
  facts.forward_secret = "between us";
  EXPECT_TRUE(authenticator.Authenticate(facts).ok());
  facts.forwarded_peer = kRemote;
  EXPECT_FALSE(authenticator.Authenticate(facts).ok());
  // A local peer that forwards for a remote one is judged as that one.
  facts.peer = kLocal;
  EXPECT_FALSE(authenticator.Authenticate(facts).ok());
  facts.peer = kRemote;
  facts.forwarded_peer = kLocal;
  facts.forward_secret = "between me";
  EXPECT_FALSE(authenticator.Authenticate(facts).ok());
  facts.forward_secret = "";
  EXPECT_FALSE(authenticator.Authenticate(facts).ok());
  EXPECT_EQ(authenticator.refusals(), 4);
  Authenticator without({false, ""}, tokens_, clock_);
  EXPECT_FALSE(without.Authenticate(facts).ok());
}

TEST_F(AuthTest, NamesAreMadePlain) {
  Authenticator authenticator({false, ""}, tokens_, clock_);
  CallFacts facts;
  facts.peer = kLocal;
  facts.user = "DOM\\a b\n\"";
  EXPECT_EQ(authenticator.Authenticate(facts)->principal.value(), "local:DOM_a_b__");
  facts.user = "";
  EXPECT_EQ(authenticator.Authenticate(facts)->principal.value(), "local:unknown");
  facts.user = std::string(1000, 'x');
  EXPECT_EQ(authenticator.Authenticate(facts)->principal.value().size(), 6u + 64u);
}

TEST_F(AuthTest, RolesReachTheirServicesAlone) {
  struct Case {
    Role role;
    const char* service;
    const char* method;
    bool allowed;
  };
  const Case cases[] = {
      {Role::kAdmin, "AdminService", "CreateToken", true},
      {Role::kAdmin, "WorkerService", "OpenSession", true},
      {Role::kAdmin, "RunService", "SubmitRun", true},
      {Role::kUser, "RunService", "SubmitRun", true},
      {Role::kUser, "PipelineService", "RegisterPipeline", true},
      {Role::kUser, "ModelService", "ApproveModelVersion", true},
      {Role::kUser, "SecretService", "PutSecret", true},
      {Role::kWorker, "SecretService", "ListSecrets", false},
      {Role::kWorker, "SecretService", "PutSecret", false},
      {Role::kUser, "CatalogService", "ListStepTypes", true},
      {Role::kUser, "ArtifactService", "UploadBlob", true},
      {Role::kUser, "WorkerService", "ListWorkers", true},
      {Role::kUser, "WorkerService", "OpenSession", false},
      {Role::kUser, "AdminService", "CreateToken", false},
      {Role::kUser, "AdminService", "GetServerInfo", true},
      {Role::kWorker, "WorkerService", "OpenSession", true},
      {Role::kWorker, "WorkerService", "CordonWorker", false},
      {Role::kWorker, "WorkerService", "UncordonWorker", false},
      {Role::kWorker, "WorkerService", "DrainWorker", false},
      {Role::kUser, "WorkerService", "DrainWorker", false},
      {Role::kAdmin, "WorkerService", "DrainWorker", true},
      {Role::kWorker, "ArtifactService", "UploadBlob", true},
      {Role::kWorker, "AdminService", "GetServerInfo", true},
      {Role::kWorker, "AdminService", "ListTokens", false},
      {Role::kWorker, "RunService", "SubmitRun", false},
      {Role::kWorker, "PipelineService", "DeletePipeline", false},
      {Role::kWorker, "ModelService", "ApproveModelVersion", false},
  };
  for (const Case& c : cases) {
    Caller caller;
    caller.role = c.role;
    caller.principal = Principal("user:x");
    const Status status = Authenticator::Authorize(caller, c.service, c.method);
    EXPECT_EQ(status.ok(), c.allowed) << RoleName(c.role) << " " << c.service << "." << c.method;
    if (!c.allowed) {
      EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
      EXPECT_THAT(status.message(), HasSubstr(c.method));
    }
  }
}

TEST_F(AuthTest, RoleNamesAreReadBack) {
  for (const Role role : {Role::kAdmin, Role::kUser, Role::kWorker}) {
    EXPECT_EQ(ParseRoleName(RoleName(role)), role);
  }
  EXPECT_FALSE(ParseRoleName("root"));
}

}  // namespace
}  // namespace penstock

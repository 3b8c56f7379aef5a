#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>

#include <set>

#include "base/digest.h"
#include "storage/model/limits.h"
#include "tests/integration/server/health_probe.h"
#include "tests/integration/server/server_fixture.h"

namespace penstock {
namespace {

using testing::HasSubstr;

class ApiTest : public ServerFixture {
 protected:
  void SetUp() override {
    ServerFixture::SetUp();
    Start();
  }
};

TEST_F(ApiTest, SaysWhoIsAsking) {
  TestContext context;
  v1::ServerInfo info;
  ASSERT_TRUE(Stub<v1::AdminService>()->GetServerInfo(&context, {}, &info).ok());
  EXPECT_EQ(info.principal(), "local:tester");
  EXPECT_EQ(info.role(), "admin");
  EXPECT_FALSE(info.incarnation().empty());
  EXPECT_GT(info.schema_version(), 0);
  EXPECT_GT(info.started_at().seconds(), 0);
}

TEST_F(ApiTest, RegistersOnceAndNumbersChanges) {
  const v1::Pipeline first = Register(kHello);
  EXPECT_EQ(first.version(), 1);
  EXPECT_EQ(first.created().principal(), "local:tester");
  EXPECT_EQ(first.source(), kHello);
  EXPECT_EQ(Register(kHello).version(), 1);
  EXPECT_EQ(Register(std::string(kHello) + "- {name: c, type: noop}\n").version(), 2);
  TestContext context;
  v1::ListPipelineVersionsRequest request;
  v1::ListPipelinesResponse versions;
  request.set_name("hello");
  ASSERT_TRUE(Stub<v1::PipelineService>()->ListPipelineVersions(&context, request, &versions).ok());
  ASSERT_EQ(versions.pipelines_size(), 2);
  EXPECT_EQ(versions.pipelines(0).version(), 2);
  EXPECT_TRUE(versions.pipelines(0).definition_json().empty());
}

// Null takes what the definition says away, and must not get lost on the way.
TEST_F(ApiTest, ARerunKeepsTheNullsOfItsOverrides) {
  Register("name: hello\nsteps: [{name: a, type: noop, with: {message: hi}}]");
  const v1::Run run = Submit("hello");
  v1::CancelRunRequest cancel;
  cancel.set_run_id(run.run_id());
  v1::CancelRunResponse cancelled;
  TestContext one, two;
  ASSERT_TRUE(Stub<v1::RunService>()->CancelRun(&one, cancel, &cancelled).ok());
  ASSERT_EQ(cancelled.run().state(), v1::Run::CANCELLED);
  v1::RerunRunRequest rerun;
  rerun.set_run_id(run.run_id());
  auto& with = *(*rerun.mutable_overrides())["a"].mutable_with()->mutable_map();
  (*with.mutable_fields())["message"].set_null(true);
  v1::SubmitRunResponse again;
  const grpc::Status status = Stub<v1::RunService>()->RerunRun(&two, rerun, &again);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const auto& kept = again.run().overrides().at("a").with().map().fields();
  EXPECT_TRUE(kept.at("message").null());
}

// The same definition as a message makes the same version as its text.
TEST_F(ApiTest, TakesADefinitionAsAMessage) {
  Register(kHello);
  v1::RegisterPipelineRequest request;
  v1::PipelineSpec* spec = request.mutable_definition()->mutable_spec();
  spec->set_name("hello");
  v1::StepSpec* a = spec->add_steps();
  a->set_name("a");
  a->set_type("noop");
  v1::StepSpec* b = spec->add_steps();
  b->set_name("b");
  b->set_type("noop");
  b->add_depends_on("a");
  TestContext context;
  v1::RegisterPipelineResponse response;
  const grpc::Status status =
      Stub<v1::PipelineService>()->RegisterPipeline(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_FALSE(response.created());
  EXPECT_EQ(response.pipeline().version(), 1);
}

TEST_F(ApiTest, RefusesADefinitionWithEveryProblemInTheDetails) {
  TestContext context;
  v1::RegisterPipelineRequest request;
  v1::RegisterPipelineResponse response;
  request.mutable_definition()->set_text(
      "apiVersion: penstock/v1\nkind: Pipeline\nname: bad\n"
      "steps:\n- {name: a, type: nop}\n- {name: b, type: noop, dependsOn: [zzz]}\n");
  const grpc::Status wire =
      Stub<v1::PipelineService>()->RegisterPipeline(&context, request, &response);
  const Status status = FromGrpcStatus(wire);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.reason(), "INVALID_DEFINITION");
  std::set<std::string> paths;
  for (const Problem& problem : status.problems()) paths.insert(problem.path);
  EXPECT_TRUE(paths.count("steps[0].type")) << status;
  EXPECT_TRUE(paths.count("steps[1].dependsOn[0]")) << status;

  TestContext again;
  v1::ValidatePipelineRequest validate;
  v1::ValidatePipelineResponse verdict;
  *validate.mutable_definition() = request.definition();
  ASSERT_TRUE(Stub<v1::PipelineService>()->ValidatePipeline(&again, validate, &verdict).ok());
  EXPECT_FALSE(verdict.valid());
  EXPECT_EQ(verdict.problems_size(), static_cast<int>(status.problems().size()));
  EXPECT_EQ(verdict.problems(0).line(), 5);
}

TEST_F(ApiTest, FilesOutsideTheDataRootsAreRefused) {
  Register(
      "apiVersion: penstock/v1\nkind: Pipeline\nname: data\nparameters: {d: {type: dataset}}\n"
      "steps:\n- {name: a, type: process, inputs: {data: \"${parameters.d}\"}, with: {read: "
      "{format: "
      "csv}, roles: {label: null}}}\n");
  v1::SubmitRunRequest request;
  v1::SubmitRunResponse response;
  request.set_pipeline("data");
  (*request.mutable_parameters())["d"].set_text("file:///etc/passwd");
  TestContext context;
  const Status status =
      FromGrpcStatus(Stub<v1::RunService>()->SubmitRun(&context, request, &response));
  EXPECT_EQ(status.reason(), "INVALID_PARAMETERS") << status;
  ASSERT_EQ(status.problems().size(), 1u);
  EXPECT_EQ(status.problems()[0].path, "parameters.d");
}

TEST_F(ApiTest, SubmittingTwiceWithAKeyMakesOneRun) {
  Register(kHello);
  v1::SubmitRunRequest request;
  request.set_pipeline("hello");
  request.set_idempotency_key("k1");
  v1::SubmitRunResponse first, second;
  TestContext one, two, three;
  ASSERT_TRUE(Stub<v1::RunService>()->SubmitRun(&one, request, &first).ok());
  ASSERT_TRUE(Stub<v1::RunService>()->SubmitRun(&two, request, &second).ok());
  EXPECT_TRUE(first.created());
  EXPECT_FALSE(second.created());
  EXPECT_EQ(first.run().run_id(), second.run().run_id());
  request.set_name("other");
  const Status status = FromGrpcStatus(Stub<v1::RunService>()->SubmitRun(&three, request, &second));
  EXPECT_EQ(status.reason(), "IDEMPOTENCY_CONFLICT");
}

TEST_F(ApiTest, ListsRunsInPagesThatBelongToTheirFilter) {
  Register(kHello);
  std::set<std::string> submitted;
  for (int i = 0; i < 5; ++i) submitted.insert(Submit("hello").run_id());
  v1::ListRunsRequest request;
  request.mutable_page()->set_page_size(2);
  std::set<std::string> seen;
  for (int pages = 0; pages < 4; ++pages) {
    TestContext context;
    v1::ListRunsResponse response;
    ASSERT_TRUE(Stub<v1::RunService>()->ListRuns(&context, request, &response).ok());
    EXPECT_LE(response.runs_size(), 2);
    for (const v1::Run& run : response.runs()) EXPECT_TRUE(seen.insert(run.run_id()).second);
    request.mutable_page()->set_page_token(response.next_page_token());
    if (response.next_page_token().empty()) break;
    TestContext other;
    v1::ListRunsRequest changed = request;
    changed.set_pipeline("hello");
    EXPECT_EQ(FromGrpcStatus(Stub<v1::RunService>()->ListRuns(&other, changed, &response)).reason(),
              "BAD_PAGE_TOKEN");
  }
  EXPECT_EQ(seen, submitted);
}

TEST_F(ApiTest, APageOfLargeRunsEndsEarly) {
  Register(
      "name: large\nparameters: {text: {type: string}}\n"
      "steps: [{name: a, type: noop, with: {message: \"${parameters.text}\"}}]\n");
  constexpr int kRuns = 280;  // of 60 KiB each
  v1::SubmitRunRequest submission;
  submission.set_pipeline("large");
  (*submission.mutable_parameters())["text"].set_text(std::string(60 << 10, 'x'));
  for (int i = 0; i < kRuns; ++i) {
    TestContext context;
    v1::SubmitRunResponse submitted;
    const grpc::Status status = Stub<v1::RunService>()->SubmitRun(&context, submission, &submitted);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(limits::kMaxMessageBytes);
  const auto runs = v1::RunService::NewStub(grpc::CreateCustomChannel(
      daemon_->grpc_address(), grpc::InsecureChannelCredentials(), arguments));
  v1::ListRunsRequest request;
  request.mutable_page()->set_page_size(1'000);
  std::set<std::string> seen;
  int pages = 0;
  do {
    TestContext context;
    v1::ListRunsResponse response;
    const grpc::Status status = runs->ListRuns(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    for (const v1::Run& run : response.runs()) EXPECT_TRUE(seen.insert(run.run_id()).second);
    request.mutable_page()->set_page_token(response.next_page_token());
    ++pages;
  } while (!request.page().page_token().empty());
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kRuns));
  EXPECT_EQ(pages, 2);
}

TEST_F(ApiTest, UnknownThingsAreNotFound) {
  v1::Run run;
  v1::GetRunRequest get;
  get.set_run_id("run-00000000000000000000000000");
  TestContext one;
  EXPECT_EQ(Stub<v1::RunService>()->GetRun(&one, get, &run).error_code(),
            grpc::StatusCode::NOT_FOUND);
  v1::StepType type;
  v1::GetStepTypeRequest step;
  step.set_key("nop");
  TestContext two;
  const grpc::Status status = Stub<v1::CatalogService>()->GetStepType(&two, step, &type);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("noop"));
  v1::ModelVersion version;
  v1::GetModelVersionRequest model;
  model.set_group("none");
  TestContext three;
  EXPECT_EQ(Stub<v1::ModelService>()->GetModelVersion(&three, model, &version).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(ApiTest, TheCatalogueHasSchemas) {
  TestContext one, two;
  v1::ListStepTypesResponse types;
  ASSERT_TRUE(Stub<v1::CatalogService>()->ListStepTypes(&one, {}, &types).ok());
  std::set<std::string> keys;
  for (const v1::StepType& type : types.step_types()) keys.insert(type.key());
  for (const char* key :
       {"process", "train/xgboost", "evaluate", "noop", "condition", "register"}) {
    EXPECT_TRUE(keys.count(key)) << key;
  }
  v1::GetStepTypeRequest request;
  v1::StepType xgboost;
  request.set_key("train/xgboost");
  ASSERT_TRUE(Stub<v1::CatalogService>()->GetStepType(&two, request, &xgboost).ok());
  EXPECT_GT(xgboost.parameters_size(), 5);
  EXPECT_THAT(xgboost.parameters_json_schema(), HasSubstr("max_depth"));
}

TEST_F(ApiTest, TokensAreMadeListedAndRevoked) {
  auto admin = Stub<v1::AdminService>();
  v1::CreateTokenRequest create;
  create.set_name("ci");
  create.set_role("user");
  v1::CreateTokenResponse created;
  TestContext one, two, three, four, five, six;
  ASSERT_TRUE(admin->CreateToken(&one, create, &created).ok());
  EXPECT_EQ(created.secret().substr(0, 4), "pst_");
  EXPECT_EQ(admin->CreateToken(&two, create, &created).error_code(),
            grpc::StatusCode::ALREADY_EXISTS);
  TestContext as_ci(created.secret());
  v1::ServerInfo info;
  ASSERT_TRUE(admin->GetServerInfo(&as_ci, {}, &info).ok());
  EXPECT_EQ(info.principal(), "user:ci");
  v1::ListTokensResponse tokens;
  ASSERT_TRUE(admin->ListTokens(&three, {}, &tokens).ok());
  ASSERT_EQ(tokens.tokens_size(), 1);
  EXPECT_GT(tokens.tokens(0).last_used().seconds(), 0);
  EXPECT_EQ(tokens.DebugString().find(created.secret()), std::string::npos);
  v1::RevokeTokenRequest revoke;
  v1::RevokeTokenResponse revoked;
  revoke.set_name("ci");
  ASSERT_TRUE(admin->RevokeToken(&four, revoke, &revoked).ok());
  TestContext refused(created.secret());
  EXPECT_EQ(admin->GetServerInfo(&refused, {}, &info).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(admin->RevokeToken(&five, revoke, &revoked).error_code(), grpc::StatusCode::NOT_FOUND);
  create.set_name("white space");
  EXPECT_EQ(admin->CreateToken(&six, create, &created).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ApiTest, HealthAndReflectionAnswer) {
  EXPECT_EQ(ProbeHealth(channel_), "SERVING");
  const std::set<std::string> services = ReflectedServices(channel_);
  for (const char* name : {"AdminService", "ArtifactService", "CatalogService", "ModelService",
                           "PipelineService", "RunService", "SecretService", "WorkerService"}) {
    EXPECT_TRUE(services.count("penstock.v1." + std::string(name))) << name;
  }
}

TEST_F(ApiTest, MessagesOverTheLimitAreRefused) {
  v1::ValidatePipelineRequest request;
  v1::ValidatePipelineResponse response;
  request.mutable_definition()->set_text(std::string(17 << 20, 'x'));
  TestContext context;
  EXPECT_EQ(
      Stub<v1::PipelineService>()->ValidatePipeline(&context, request, &response).error_code(),
      grpc::StatusCode::RESOURCE_EXHAUSTED);
  // What gRPC lets through is still too large for a definition.
  request.mutable_definition()->set_text("a: " + std::string(2 << 20, 'x'));
  TestContext second;
  ASSERT_TRUE(Stub<v1::PipelineService>()->ValidatePipeline(&second, request, &response).ok());
  EXPECT_FALSE(response.valid());
}

}  // namespace
}  // namespace penstock

// Each RPC of the API, called as its clients call it: the first request is lost on its way to the
// coordinator, the reply to the second on its way back. The third call and the fourth are answered
// as the comment of the RPC says, and nothing has happened twice.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <regex>
#include <set>

#include "base/digest.h"
#include "penstock/v1/admin.grpc.pb.h"
#include "penstock/v1/artifacts.grpc.pb.h"
#include "penstock/v1/catalog.grpc.pb.h"
#include "penstock/v1/models.grpc.pb.h"
#include "penstock/v1/pipelines.grpc.pb.h"
#include "penstock/v1/runs.grpc.pb.h"
#include "penstock/v1/secrets.grpc.pb.h"
#include "penstock/v1/workers.grpc.pb.h"
#include "storage/metadata/metadata_reader.h"
#include "storage/model/protocol.h"
#include "tests/support/cluster.h"
#include "tests/support/invariants.h"

namespace penstock {
namespace {

using google::protobuf::Message;
using grpc::StatusCode;

constexpr char kHello[] =
    "name: hello\nsteps:\n- {name: a, type: noop}\n- {name: b, type: noop, dependsOn: [a]}\n";
constexpr char kGate[] = "name: gate\nsteps:\n- {name: ok, type: approval}\n";
constexpr char kGone[] = "name: gone\nsteps:\n- {name: a, type: noop}\n";
constexpr char kBytes[] = "some bytes";

// The methods of every service in proto/penstock/v1.
std::set<std::string> MethodsInSources() {
  std::set<std::string> methods;
  const std::regex rpc(R"(\n  rpc (\w+)\()");
  for (const auto& entry : std::filesystem::directory_iterator("proto/penstock/v1")) {
    const std::string text = ReadFile(entry.path()).value_or("");
    for (std::sregex_iterator it(text.begin(), text.end(), rpc), end; it != end; ++it) {
      EXPECT_TRUE(methods.insert((*it)[1]).second) << (*it)[1] << " is in two services";
    }
  }
  return methods;
}

// What is another with every call, or with time.
void ClearVolatile(Message& message) {
  static const std::set<std::string> kVolatile = {"last_seen", "last_used",      "session_id",
                                                  "sequence",  "drain_deadline", "snapshot"};
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  reflection.ListFields(message, &fields);
  for (const auto* field : fields) {
    if (kVolatile.contains(field->name())) {
      reflection.ClearField(&message, field);
    } else if (field->cpp_type() == field->CPPTYPE_MESSAGE && !field->is_map()) {
      if (!field->is_repeated()) {
        ClearVolatile(*reflection.MutableMessage(&message, field));
        continue;
      }
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        ClearVolatile(*reflection.MutableRepeatedMessage(&message, field, i));
      }
    }
  }
}

struct Answer {
  grpc::Status status;
  std::string text;
};

struct Case {
  std::string method;
  std::function<Answer()> call;
  StatusCode again = StatusCode::OK;  // of a call whose work was done already
  bool changes = false;               // what is stored
  bool adds = false;                  // each call something of its own, as the comment says
};

// By value: what a loop runs over must outlive its Result.
template <typename T>
T Get(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status();
  return std::move(result).value_or(T());
}

class Context : public grpc::ClientContext {
 public:
  Context() {
    set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    AddMetadata("x-penstock-user", "tester");
  }
};

class LostCallTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string faults;
    for (const std::string& method : MethodsInSources()) {
      if (!faults.empty()) faults += ',';
      // The reply to a lost request counts, too.
      faults += "rpc.request." + method + "=eio@1,rpc.reply." + method + "=eio@2";
    }
    cluster_.StartCoordinator({"--faults", faults});
    channel_ = grpc::CreateChannel(cluster_.grpc(), grpc::InsecureChannelCredentials());
    const auto reader = [&] {
      return MetadataReader::Open((cluster_.data_dir() / "penstock.db").string());
    };
    auto opened = reader();
    ASSERT_TRUE(opened.ok()) << opened.status();
    reader_ = *std::move(opened);
  }

  template <typename Service, typename Request, typename Response>
  Answer Call(grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&,
                                                    Response*),
              const Request& request, Response* response) {
    Context context;
    Response own;
    Response& into = response != nullptr ? *response : own;
    into.Clear();
    Answer answer;
    answer.status = (Service::NewStub(channel_).get()->*method)(&context, request, &into);
    Response shown = into;
    ClearVolatile(shown);
    answer.text = shown.ShortDebugString();
    return answer;
  }

  // A case of a method with one request and one response: `make` fills the request.
  template <typename Service, typename Request, typename Response>
  Case Unary(const std::string& name,
             grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
             std::function<void(Request&)> make, Case more = {}, Response* response = nullptr) {
    more.method = name;
    more.call = [this, method, make, response] {
      Request request;
      make(request);
      return Call<Service, Request, Response>(method, request, response);
    };
    return more;
  }

  template <typename Service, typename Request, typename Response>
  Case Stream(const std::string& name,
              std::unique_ptr<grpc::ClientReader<Response>> (Service::Stub::*method)(
                  grpc::ClientContext*, const Request&),
              std::function<void(Request&)> make) {
    Case made;
    made.method = name;
    made.call = [this, method, make] {
      Request request;
      make(request);
      Context context;
      const auto stub = Service::NewStub(channel_);
      const auto reader = (stub.get()->*method)(&context, request);
      Answer answer;
      for (Response response; reader->Read(&response);) answer.text += response.ShortDebugString();
      answer.status = reader->Finish();
      return answer;
    };
    return made;
  }

  Case Upload() {
    Case made;
    made.method = "UploadBlob";
    made.changes = true;
    made.call = [this] {
      Context context;
      v1::UploadBlobResponse response;
      const auto stub = v1::ArtifactService::NewStub(channel_);
      const auto writer = stub->UploadBlob(&context, &response);
      v1::UploadBlobRequest request;
      request.set_digest(Digest());
      request.set_size(sizeof kBytes - 1);
      request.set_data(kBytes);
      (void)writer->Write(request);
      writer->WritesDone();
      Answer answer;
      answer.status = writer->Finish();
      answer.text = response.ShortDebugString();
      return answer;
    };
    return made;
  }

  static std::string Digest() { return FormatDigest(Sha256(kBytes)); }

  // What is stored, as far as calls change it; what workers do beside them is left out.
  std::string Stored() {
    std::string stored;
    const auto add = [&](const auto& what) { stored += what + "\n"; };
    for (const RunRecord& run : Get(reader_->ListRuns({}, 0, 1'000))) {
      add("run " + run.id.value() + (run.state == RunState::kCancelled ? " cancelled" : ""));
      for (const StepRecord& step : Get(reader_->ListSteps(run.row))) {
        if (step.state == StepState::kSucceeded) add(step.name + " succeeded");
      }
    }
    for (const char* name : {"hello", "gate", "gone"}) {
      const auto versions = reader_->ListPipelineVersions(PipelineName(name), 0, 100);
      const bool live = reader_->GetPipeline(PipelineName(name), 0).ok();
      if (versions.ok()) {
        add(std::string(name) + " " + std::to_string(versions->size()) + (live ? " live" : ""));
      }
    }
    std::vector<int64_t> rows;
    for (const auto& artifact : Get(reader_->ListArtifacts("", RunId(), 0, 1'000, &rows))) {
      add("artifact " + artifact.ref.digest.value());
    }
    for (const auto& version :
         Get(reader_->ListModelVersions(GroupName("m"), {}, 0, 1'000, &rows))) {
      std::string line = "model " + std::to_string(version.version);
      line += " " + std::string(Name(version.status));
      for (const std::string& alias : version.aliases) line += " " + alias;
      add(line);
    }
    for (const TokenRecord& token : Get(reader_->ListTokens())) {
      add("token " + token.name + (token.revoked_at.set() ? " revoked" : ""));
    }
    for (const SecretRecord& secret : Get(reader_->ListSecrets())) {
      add("secret " + secret.name + " " + std::to_string(secret.version));
    }
    for (const auto& [worker, orders] : Get(reader_->ListWorkerOrders())) {
      add("worker " + worker.value() + (orders.cordoned ? " cordoned" : "") +
          (orders.drain ? " drained" : ""));
    }
    add("held " + std::to_string(Get(reader_->ListHeldDigests()).size()));
    return stored;
  }

  void Try(const Case& tried) {
    SCOPED_TRACE(tried.method);
    EXPECT_TRUE(tried_.insert(tried.method).second) << "twice in the list";
    const std::string before = Stored();
    EXPECT_EQ(tried.call().status.error_code(), StatusCode::UNAVAILABLE) << "the request is lost";
    EXPECT_EQ(Stored(), before) << "though nothing came";
    EXPECT_EQ(tried.call().status.error_code(), StatusCode::UNAVAILABLE) << "the reply is lost";
    const std::string done = Stored();
    EXPECT_EQ(done != before, tried.changes) << before << "then\n" << done;
    const Answer third = tried.call();
    EXPECT_EQ(third.status.error_code(), tried.again) << third.status.error_message();
    const Answer fourth = tried.call();
    EXPECT_EQ(fourth.status.error_code(), tried.again) << fourth.status.error_message();
    if (tried.adds) return;
    EXPECT_EQ(Stored(), done) << "it happened twice";
    EXPECT_EQ(fourth.text, third.text);
  }

  void TryAll(const std::vector<Case>& cases) {
    for (const Case& each : cases) Try(each);
  }

  void TryPipelines();
  void TryArtifacts();
  void TryRuns();
  void TryWorker();
  void TryEndedRuns();
  void TryModels();
  void TrySecretsAndCatalog();
  void TryAdmin();

  Cluster cluster_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<MetadataReader> reader_;
  std::set<std::string> tried_;
  std::string run_;  // of hello, until TryWorker has run it
};

void LostCallTest::TryPipelines() {
  using S = v1::PipelineService;
  using Stub = S::Stub;
  const auto text = [](const char* definition) {
    return [definition](auto& request) { request.mutable_definition()->set_text(definition); };
  };
  const auto hello = [](auto& request) { request.set_name("hello"); };
  TryAll({
      Unary<S, v1::ValidatePipelineRequest, v1::ValidatePipelineResponse>(
          "ValidatePipeline", &Stub::ValidatePipeline, text(kHello)),
      Unary<S, v1::RegisterPipelineRequest, v1::RegisterPipelineResponse>(
          "RegisterPipeline", &Stub::RegisterPipeline, text(kHello), {.changes = true}),
      Unary<S, v1::GetPipelineRequest, v1::Pipeline>("GetPipeline", &Stub::GetPipeline, hello),
      Unary<S, v1::ListPipelinesRequest, v1::ListPipelinesResponse>(
          "ListPipelines", &Stub::ListPipelines, [](auto&) {}),
      Unary<S, v1::ListPipelineVersionsRequest, v1::ListPipelinesResponse>(
          "ListPipelineVersions", &Stub::ListPipelineVersions, hello),
  });
  for (const char* definition : {kGate, kGone}) {
    v1::RegisterPipelineRequest request;
    text(definition)(request);
    ASSERT_TRUE(Call<S>(&Stub::RegisterPipeline, request,
                        static_cast<v1::RegisterPipelineResponse*>(nullptr))
                    .status.ok());
  }
  Try(Unary<S, v1::DeletePipelineRequest, v1::DeletePipelineResponse>(
      "DeletePipeline", &Stub::DeletePipeline, [](auto& request) { request.set_name("gone"); },
      {.again = StatusCode::NOT_FOUND, .changes = true}));
}

void LostCallTest::TryArtifacts() {
  using S = v1::ArtifactService;
  using Stub = S::Stub;
  TryAll({
      Upload(),
      Unary<S, v1::StatArtifactsRequest, v1::StatArtifactsResponse>(
          "StatArtifacts", &Stub::StatArtifacts,
          [](auto& request) { request.add_digests(Sha256(kBytes).value()); }),
      Unary<S, v1::CommitArtifactRequest, v1::CommitArtifactResponse>(
          "CommitArtifact", &Stub::CommitArtifact,
          [](auto& request) {
            request.mutable_artifact()->set_digest(Digest());
            request.mutable_artifact()->set_type("model");
          },
          {.changes = true}),
      Unary<S, v1::GetArtifactRequest, v1::Artifact>(
          "GetArtifact", &Stub::GetArtifact, [](auto& request) { request.set_digest(Digest()); }),
      Unary<S, v1::ListArtifactsRequest, v1::ListArtifactsResponse>(
          "ListArtifacts", &Stub::ListArtifacts, [](auto&) {}),
      Stream<S, v1::DownloadBlobRequest, v1::DownloadBlobResponse>(
          "DownloadBlob", &Stub::DownloadBlob, [](auto& request) { request.set_digest(Digest()); }),
  });
}

void LostCallTest::TryRuns() {
  using S = v1::RunService;
  using Stub = S::Stub;
  v1::SubmitRunResponse submitted;
  Try(Unary<S, v1::SubmitRunRequest, v1::SubmitRunResponse>(
      "SubmitRun", &Stub::SubmitRun,
      [](auto& request) {
        request.set_pipeline("hello");
        request.set_idempotency_key("one");
        request.set_no_cache(true);
      },
      {.changes = true}, &submitted));
  run_ = submitted.run().run_id();
  const auto by_id = [this](auto& request) { request.set_run_id(run_); };
  TryAll({
      Unary<S, v1::GetRunRequest, v1::Run>("GetRun", &Stub::GetRun, by_id),
      Unary<S, v1::ListRunsRequest, v1::ListRunsResponse>("ListRuns", &Stub::ListRuns,
                                                          [](auto&) {}),
      Unary<S, v1::ListRunGroupsRequest, v1::ListRunGroupsResponse>(
          "ListRunGroups", &Stub::ListRunGroups, [](auto&) {}),
      Unary<S, v1::ExplainStepRequest, v1::ExplainStepResponse>("ExplainStep", &Stub::ExplainStep,
                                                                [this](auto& request) {
                                                                  request.set_run_id(run_);
                                                                  request.set_step("b");
                                                                }),
  });
  v1::SubmitRunRequest gate;
  gate.set_pipeline("gate");
  v1::SubmitRunResponse waiting;
  ASSERT_TRUE(Call<S>(&Stub::SubmitRun, gate, &waiting).status.ok());
  Try(Unary<S, v1::DecideApprovalRequest, v1::DecideApprovalResponse>(
      "DecideApproval", &Stub::DecideApproval,
      [id = waiting.run().run_id()](auto& request) {
        request.set_run_id(id);
        request.set_step("ok");
        request.set_approve(true);
      },
      {.again = StatusCode::FAILED_PRECONDITION, .changes = true}));
}

// A worker made of bare calls runs `hello`.
void LostCallTest::TryWorker() {
  using S = v1::WorkerService;
  using Stub = S::Stub;
  v1::OpenSessionResponse session;
  v1::LeaseStepsResponse leased;
  const auto by_session = [&](auto& request) { request.set_session_id(session.session_id()); };
  const auto by_name = [](auto& request) { request.set_worker_id("bare"); };
  Try(Unary<S, v1::OpenSessionRequest, v1::OpenSessionResponse>(
      "OpenSession", &Stub::OpenSession,
      [](auto& request) {
        v1::WorkerInfo& info = *request.mutable_worker();
        info.set_worker_id("bare");
        info.set_boot_id("boot");
        info.set_protocol(kProtocol);
        info.set_cpus(1);
        info.set_memory(1 << 30);
        info.add_steps("noop@1");
      },
      {}, &session));
  int64_t acknowledged = 0;
  const auto lease = [&](v1::LeaseStepsRequest& request) {
    by_session(request);
    request.set_acknowledged(acknowledged);
    request.mutable_max_wait()->set_seconds(5);
  };
  Try(Unary<S, v1::LeaseStepsRequest, v1::LeaseStepsResponse>("LeaseSteps", &Stub::LeaseSteps,
                                                              lease, {}, &leased));
  ASSERT_EQ(leased.leases_size(), 1) << "it is sent until it is acknowledged";
  const auto about = [&](auto& part) {
    const v1::Lease& held = leased.leases(0);
    part.set_run_id(held.run_id());
    part.set_step_index(held.step_index());
    part.set_attempt(held.attempt());
    part.set_token(held.token());
  };
  const auto report = [&](v1::ReportStepsRequest& request) {
    by_session(request);
    v1::StepReport& end = *request.add_reports();
    about(end);
    end.set_kind(v1::StepReport::SUCCEEDED);
  };
  TryAll({
      Unary<S, v1::HeartbeatRequest, v1::HeartbeatResponse>("Heartbeat", &Stub::Heartbeat,
                                                            by_session),
      Unary<S, v1::AppendLogsRequest, v1::AppendLogsResponse>("AppendLogs", &Stub::AppendLogs,
                                                              [&](auto& request) {
                                                                by_session(request);
                                                                v1::LogChunk& chunk =
                                                                    *request.add_chunks();
                                                                about(chunk);
                                                                chunk.set_data("said once\n");
                                                              }),
      Unary<S, v1::ReportStepsRequest, v1::ReportStepsResponse>("ReportSteps", &Stub::ReportSteps,
                                                                report, {.changes = true}),
  });
  acknowledged = leased.sequence();
  v1::LeaseStepsRequest next;
  lease(next);
  ASSERT_TRUE(Call<S>(&Stub::LeaseSteps, next, &leased).status.ok());
  ASSERT_EQ(leased.leases_size(), 1);
  EXPECT_EQ(leased.leases(0).step_name(), "b");
  v1::ReportStepsRequest last;
  report(last);
  v1::ReportStepsResponse verdict;
  ASSERT_TRUE(Call<S>(&Stub::ReportSteps, last, &verdict).status.ok());
  EXPECT_THAT(verdict.verdicts(), testing::ElementsAre("OK"));
  TryAll({
      Unary<S, v1::ListWorkersRequest, v1::ListWorkersResponse>("ListWorkers", &Stub::ListWorkers,
                                                                [](auto&) {}),
      Unary<S, v1::CordonWorkerRequest, v1::Worker>("CordonWorker", &Stub::CordonWorker, by_name,
                                                    {.changes = true}),
      Unary<S, v1::UncordonWorkerRequest, v1::Worker>("UncordonWorker", &Stub::UncordonWorker,
                                                      by_name, {.changes = true}),
      Unary<S, v1::DrainWorkerRequest, v1::Worker>("DrainWorker", &Stub::DrainWorker, by_name,
                                                   {.changes = true}),
      Unary<S, v1::CloseSessionRequest, v1::CloseSessionResponse>("CloseSession",
                                                                  &Stub::CloseSession, by_session),
  });
}

void LostCallTest::TryEndedRuns() {
  using S = v1::RunService;
  using Stub = S::Stub;
  const auto of_step = [this](auto& request) {
    request.set_run_id(run_);
    request.set_step("a");
  };
  const auto by_id = [this](auto& request) { request.set_run_id(run_); };
  v1::SubmitRunResponse retried;
  TryAll({
      Stream<S, v1::WatchRunRequest, v1::WatchRunResponse>("WatchRun", &Stub::WatchRun, by_id),
      Stream<S, v1::ReadLogsRequest, v1::ReadLogsResponse>("ReadLogs", &Stub::ReadLogs, of_step),
      Unary<S, v1::ListAttemptsRequest, v1::ListAttemptsResponse>("ListAttempts",
                                                                  &Stub::ListAttempts, of_step),
      Unary<S, v1::ReadMetricsRequest, v1::ReadMetricsResponse>("ReadMetrics", &Stub::ReadMetrics,
                                                                of_step),
      Unary<S, v1::RetryRunRequest, v1::SubmitRunResponse>(
          "RetryRun", &Stub::RetryRun,
          [this](auto& request) {
            request.set_run_id(run_);
            request.add_from("a");
            request.set_idempotency_key("two");
          },
          {.changes = true}, &retried),
      Unary<S, v1::RerunRunRequest, v1::SubmitRunResponse>("RerunRun", &Stub::RerunRun,
                                                           [this](auto& request) {
                                                             request.set_run_id(run_);
                                                             request.set_verify(true);
                                                             request.set_idempotency_key("three");
                                                           },
                                                           {.changes = true}),
      Unary<S, v1::CompareRunsRequest, v1::CompareRunsResponse>(
          "CompareRuns", &Stub::CompareRuns,
          [&](auto& request) { request.set_run_id(retried.run().run_id()); }),
      Unary<S, v1::CancelRunRequest, v1::CancelRunResponse>(
          "CancelRun", &Stub::CancelRun,
          [&](auto& request) { request.set_run_id(retried.run().run_id()); }, {.changes = true}),
  });
  v1::ReadLogsRequest request;
  of_step(request);
  Context context;
  const auto stub = S::NewStub(channel_);
  const auto reader = stub->ReadLogs(&context, request);
  std::string log;
  for (v1::ReadLogsResponse chunk; reader->Read(&chunk);) log += chunk.data();
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(log, "said once\n");
}

void LostCallTest::TryModels() {
  using S = v1::ModelService;
  using Stub = S::Stub;
  const auto version = [](int number) {
    return [number](auto& request) {
      request.set_group("m");
      request.set_version(number);
    };
  };
  TryAll({
      Unary<S, v1::RegisterModelVersionRequest, v1::ModelVersion>(
          "RegisterModelVersion", &Stub::RegisterModelVersion,
          [](auto& request) {
            request.set_group("m");
            request.set_model_digest(Digest());
          },
          {.changes = true, .adds = true}),
      Unary<S, v1::ListModelGroupsRequest, v1::ListModelGroupsResponse>(
          "ListModelGroups", &Stub::ListModelGroups, [](auto&) {}),
      Unary<S, v1::ListModelVersionsRequest, v1::ListModelVersionsResponse>(
          "ListModelVersions", &Stub::ListModelVersions,
          [](auto& request) { request.set_group("m"); }),
      Unary<S, v1::GetModelVersionRequest, v1::ModelVersion>("GetModelVersion",
                                                             &Stub::GetModelVersion, version(1)),
      Unary<S, v1::DecideModelVersionRequest, v1::ModelVersion>(
          "ApproveModelVersion", &Stub::ApproveModelVersion, version(1), {.changes = true}),
      Unary<S, v1::DecideModelVersionRequest, v1::ModelVersion>(
          "RejectModelVersion", &Stub::RejectModelVersion, version(2), {.changes = true}),
      Unary<S, v1::PromoteModelVersionRequest, v1::ModelVersion>("PromoteModelVersion",
                                                                 &Stub::PromoteModelVersion,
                                                                 [&](auto& request) {
                                                                   version(1)(request);
                                                                   request.set_alias("best");
                                                                   request.set_expected_version(0);
                                                                 },
                                                                 {.changes = true}),
  });
}

void LostCallTest::TrySecretsAndCatalog() {
  using S = v1::SecretService;
  using Stub = S::Stub;
  using C = v1::CatalogService;
  const auto named = [](auto& request) { request.set_name("key"); };
  TryAll({
      Unary<S, v1::PutSecretRequest, v1::Secret>("PutSecret", &Stub::PutSecret,
                                                 [](auto& request) {
                                                   request.set_name("key");
                                                   request.set_value("value");
                                                 },
                                                 {.changes = true}),
      Unary<S, v1::ListSecretsRequest, v1::ListSecretsResponse>("ListSecrets", &Stub::ListSecrets,
                                                                [](auto&) {}),
      Unary<S, v1::DeleteSecretRequest, v1::DeleteSecretResponse>(
          "DeleteSecret", &Stub::DeleteSecret, named,
          {.again = StatusCode::NOT_FOUND, .changes = true}),
      Unary<C, v1::ListStepTypesRequest, v1::ListStepTypesResponse>(
          "ListStepTypes", &C::Stub::ListStepTypes, [](auto&) {}),
      Unary<C, v1::GetStepTypeRequest, v1::StepType>(
          "GetStepType", &C::Stub::GetStepType, [](auto& request) { request.set_key("noop"); }),
  });
}

void LostCallTest::TryAdmin() {
  using S = v1::AdminService;
  using Stub = S::Stub;
  const auto named = [](auto& request) { request.set_name("robot"); };
  const std::string backups = cluster_.folder() / "backups";
  TryAll({
      Unary<S, v1::GetServerInfoRequest, v1::ServerInfo>("GetServerInfo", &Stub::GetServerInfo,
                                                         [](auto&) {}),
      Unary<S, v1::CreateTokenRequest, v1::CreateTokenResponse>(
          "CreateToken", &Stub::CreateToken,
          [&](auto& request) {
            named(request);
            request.set_role("user");
          },
          {.again = StatusCode::ALREADY_EXISTS, .changes = true}),
      Unary<S, v1::ListTokensRequest, v1::ListTokensResponse>("ListTokens", &Stub::ListTokens,
                                                              [](auto&) {}),
      Unary<S, v1::RevokeTokenRequest, v1::RevokeTokenResponse>(
          "RevokeToken", &Stub::RevokeToken, named,
          {.again = StatusCode::NOT_FOUND, .changes = true}),
      Unary<S, v1::BackupRequest, v1::BackupResponse>(
          "Backup", &Stub::Backup, [&](auto& request) { request.set_directory(backups); }),
      Unary<S, v1::CheckRequest, v1::CheckResponse>("Check", &Stub::Check, [](auto&) {}),
      Unary<S, v1::CollectRequest, v1::CollectResponse>("Collect", &Stub::Collect, [](auto&) {}),
  });
}

TEST_F(LostCallTest, EachCallIsMadeAgainAfterItsRequestOrItsReplyWasLost) {
  TryPipelines();
  TryArtifacts();
  TryRuns();
  TryWorker();
  TryEndedRuns();
  TryModels();
  TrySecretsAndCatalog();
  TryAdmin();
  EXPECT_EQ(tried_, MethodsInSources()) << "each RPC needs a case here";
  reader_.reset();
  EXPECT_EQ(cluster_.Stop("coordinator"), 0);
  CheckStored(cluster_.data_dir(), {.acknowledged = {run_}, .ended = false});
}

}  // namespace
}  // namespace penstock

// A worker made of bare calls: what agents rely on.

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <thread>

#include "storage/model/protocol.h"
#include "tests/integration/server/server_fixture.h"

namespace penstock {
namespace {

class WorkerProtocolTest : public ServerFixture {
 protected:
  void SetUp() override {
    ServerFixture::SetUp();
    Start();
    Register(kHello);
    worker_ = Stub<v1::WorkerService>();
  }

  std::string Open(const std::string& boot = "boot-1") {
    v1::OpenSessionRequest request;
    v1::WorkerInfo* info = request.mutable_worker();
    info->set_worker_id("w1");
    info->set_boot_id(boot);
    info->set_protocol(kProtocol);
    info->set_cpus(1);
    info->set_memory(1 << 30);
    info->add_steps("noop@1");
    v1::OpenSessionResponse response;
    TestContext context;
    const grpc::Status status = worker_->OpenSession(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.lease_ttl().seconds(), 15);
    return response.session_id();
  }

  grpc::Status Lease(const std::string& session, int64_t acknowledged, int wait_seconds,
                     v1::LeaseStepsResponse* response) {
    v1::LeaseStepsRequest request;
    request.set_session_id(session);
    request.set_acknowledged(acknowledged);
    request.mutable_max_wait()->set_seconds(wait_seconds);
    TestContext context;
    return worker_->LeaseSteps(&context, request, response);
  }

  std::string Report(const std::string& session, const v1::Lease& lease,
                     v1::StepReport::Kind kind) {
    v1::ReportStepsRequest request;
    request.set_session_id(session);
    v1::StepReport* report = request.add_reports();
    report->set_run_id(lease.run_id());
    report->set_step_index(lease.step_index());
    report->set_attempt(lease.attempt());
    report->set_token(lease.token());
    report->set_kind(kind);
    v1::ReportStepsResponse response;
    TestContext context;
    const grpc::Status status = worker_->ReportSteps(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.verdicts_size() == 1 ? response.verdicts(0) : "";
  }

  v1::AppendLogsResponse::Position Append(const std::string& session, const v1::Lease& lease,
                                          int64_t offset, const std::string& text) {
    v1::AppendLogsRequest request;
    request.set_session_id(session);
    v1::LogChunk* chunk = request.add_chunks();
    chunk->set_run_id(lease.run_id());
    chunk->set_step_index(lease.step_index());
    chunk->set_attempt(lease.attempt());
    chunk->set_token(lease.token());
    chunk->set_offset(offset);
    chunk->set_data(text);
    v1::AppendLogsResponse response;
    TestContext context;
    const grpc::Status status = worker_->AppendLogs(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.positions_size() == 1 ? response.positions(0)
                                          : v1::AppendLogsResponse::Position();
  }

  // Leases until something comes.
  v1::Lease LeaseOne(const std::string& session, int64_t* acknowledged) {
    for (int tries = 0; tries < 20; ++tries) {
      v1::LeaseStepsResponse response;
      const grpc::Status status = Lease(session, *acknowledged, 2, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      if (response.sequence() > 0) *acknowledged = response.sequence();
      if (response.leases_size() > 0) return response.leases(0);
    }
    ADD_FAILURE() << "no lease came";
    return {};
  }

  std::unique_ptr<v1::WorkerService::Stub> worker_;
};

TEST_F(WorkerProtocolTest, RunsAWholePipeline) {
  const std::string session = Open();
  const v1::Run run = Submit("hello");
  int64_t acknowledged = 0;
  for (const char* name : {"a", "b"}) {
    const v1::Lease lease = LeaseOne(session, &acknowledged);
    EXPECT_EQ(lease.step_name(), name);
    EXPECT_EQ(lease.run_id(), run.run_id());
    EXPECT_EQ(lease.principal(), "local:tester");
    EXPECT_EQ(Report(session, lease, v1::StepReport::STARTED), "OK");
    EXPECT_EQ(Report(session, lease, v1::StepReport::SUCCEEDED), "OK");
    // A retry of the report gets the same answer.
    EXPECT_EQ(Report(session, lease, v1::StepReport::SUCCEEDED), "OK");
  }
  v1::GetRunRequest get;
  get.set_run_id(run.run_id());
  v1::Run ended;
  TestContext context;
  ASSERT_TRUE(Stub<v1::RunService>()->GetRun(&context, get, &ended).ok());
  EXPECT_EQ(ended.state(), v1::Run::SUCCEEDED);
  ASSERT_EQ(ended.steps_size(), 2);
  EXPECT_THAT(ended.steps(1).depends_on(), testing::ElementsAre("a"));
  v1::ListAttemptsRequest attempts;
  v1::ListAttemptsResponse listed;
  attempts.set_run_id(run.run_id());
  attempts.set_step("a");
  TestContext second;
  ASSERT_TRUE(Stub<v1::RunService>()->ListAttempts(&second, attempts, &listed).ok());
  ASSERT_EQ(listed.attempts_size(), 1);
  EXPECT_EQ(listed.attempts(0).state(), v1::Attempt::SUCCEEDED);
  EXPECT_EQ(listed.attempts(0).worker(), "w1");
}

TEST_F(WorkerProtocolTest, AParkedLeaseIsAnsweredByASubmission) {
  const std::string session = Open();
  v1::LeaseStepsResponse response;
  grpc::Status status;
  std::thread parked([&] { status = Lease(session, 0, 20, &response); });
  Submit("hello");
  parked.join();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.leases_size(), 1);
}

TEST_F(WorkerProtocolTest, AnEmptyWaitEndsWithAnEmptyAnswer) {
  v1::LeaseStepsResponse response;
  const grpc::Status status = Lease(Open(), 0, 0, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.leases_size(), 0);
}

TEST_F(WorkerProtocolTest, UnacknowledgedLeasesComeAgain) {
  const std::string session = Open();
  Submit("hello");
  v1::LeaseStepsResponse first, again;
  ASSERT_TRUE(Lease(session, 0, 5, &first).ok());
  ASSERT_EQ(first.leases_size(), 1);
  ASSERT_TRUE(Lease(session, 0, 5, &again).ok());
  ASSERT_EQ(again.leases_size(), 1);
  EXPECT_EQ(again.leases(0).token(), first.leases(0).token());
}

TEST_F(WorkerProtocolTest, ASecondLeaseCallSupersedesTheFirst) {
  const std::string session = Open();
  std::atomic<int> aborted{0};
  const auto park = [&] {
    v1::LeaseStepsResponse response;
    const Status status = FromGrpcStatus(Lease(session, 0, 20, &response));
    if (status.reason() == "SUPERSEDED") ++aborted;
  };
  std::thread one(park), two(park);
  // Whichever came first is ended by the other; a third ends that one.
  while (aborted == 0) std::this_thread::yield();
  v1::LeaseStepsResponse response;
  EXPECT_TRUE(Lease(session, 0, 0, &response).ok());
  one.join();
  two.join();
  EXPECT_EQ(aborted, 2);
}

TEST_F(WorkerProtocolTest, UnknownSessionsAndProtocolsAreTold) {
  v1::LeaseStepsResponse response;
  EXPECT_EQ(FromGrpcStatus(Lease("none", 0, 0, &response)).reason(), "SESSION_UNKNOWN");
  v1::HeartbeatRequest beat;
  beat.set_session_id("none");
  v1::HeartbeatResponse beaten;
  TestContext one, two;
  EXPECT_EQ(FromGrpcStatus(worker_->Heartbeat(&one, beat, &beaten)).reason(), "SESSION_UNKNOWN");
  v1::OpenSessionRequest open;
  open.mutable_worker()->set_protocol(99);
  v1::OpenSessionResponse opened;
  EXPECT_EQ(FromGrpcStatus(worker_->OpenSession(&two, open, &opened)).reason(), "VERSION_MISMATCH");
}

TEST_F(WorkerProtocolTest, ARestartedWorkersLateReportIsStale) {
  const std::string session = Open("boot-1");
  Submit("hello");
  int64_t acknowledged = 0;
  const v1::Lease lease = LeaseOne(session, &acknowledged);
  const std::string second = Open("boot-2");
  EXPECT_EQ(Report(second, lease, v1::StepReport::SUCCEEDED), "STALE_ATTEMPT");
  EXPECT_TRUE(Append(second, lease, 0, "late").stale());
}

TEST_F(WorkerProtocolTest, LogsAreKeptOnceAndFollowed) {
  const std::string session = Open();
  const v1::Run run = Submit("hello");
  int64_t acknowledged = 0;
  const v1::Lease lease = LeaseOne(session, &acknowledged);
  EXPECT_EQ(Append(session, lease, 0, "one\n").offset(), 4);
  EXPECT_EQ(Append(session, lease, 0, "one\ntwo\n").offset(), 8);
  EXPECT_EQ(Append(session, lease, 100, "gap").offset(), 8);

  v1::ReadLogsRequest request;
  request.set_run_id(run.run_id());
  request.set_step("a");
  request.set_offset(4);
  request.set_follow(true);
  TestContext context;
  auto reader = Stub<v1::RunService>()->ReadLogs(&context, request);
  v1::ReadLogsResponse chunk;
  ASSERT_TRUE(reader->Read(&chunk));
  EXPECT_EQ(chunk.data(), "two\n");
  EXPECT_EQ(chunk.offset(), 4);
  EXPECT_EQ(chunk.step(), "a");
  Append(session, lease, 8, "three\n");
  ASSERT_TRUE(reader->Read(&chunk));
  EXPECT_EQ(chunk.data(), "three\n");
  EXPECT_EQ(chunk.offset(), 8);
  Report(session, lease, v1::StepReport::SUCCEEDED);
  EXPECT_FALSE(reader->Read(&chunk));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(WorkerProtocolTest, WhatStandsBeforeDamageIsShownAndThenTheDamageIsTold) {
  const std::string session = Open();
  const v1::Run run = Submit("hello");
  int64_t acknowledged = 0;
  const v1::Lease a = LeaseOne(session, &acknowledged);
  Append(session, a, 0, "of a\n");
  Report(session, a, v1::StepReport::SUCCEEDED);
  const v1::Lease b = LeaseOne(session, &acknowledged);
  int64_t offset = 0;
  for (const char* text : {"of b\n", "hurt\n", "more\n"}) {
    Append(session, b, offset, text);
    offset += 5;
  }
  daemon_.reset();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
    if (entry.path().extension() != ".journal") continue;
    const std::string bytes = ReadAll(entry.path());
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(bytes.find("hurt")));
    file.put('?');
  }
  Start();
  v1::ReadLogsRequest request;
  request.set_run_id(run.run_id());
  TestContext context;
  auto reader = Stub<v1::RunService>()->ReadLogs(&context, request);
  std::string text;
  for (v1::ReadLogsResponse chunk; reader->Read(&chunk);) text += chunk.data();
  EXPECT_EQ(text, "of a\nof b\n");
  EXPECT_EQ(FromGrpcStatus(reader->Finish()).reason(), "CORRUPT");
}

TEST_F(WorkerProtocolTest, OneBadReportHoldsUpNoOther) {
  const std::string session = Open();
  const v1::Run run = Submit("hello");
  int64_t acknowledged = 0;
  const v1::Lease lease = LeaseOne(session, &acknowledged);
  v1::ReportStepsRequest request;
  request.set_session_id(session);
  request.add_reports()->set_kind(static_cast<v1::StepReport::Kind>(77));
  v1::StepReport* report = request.add_reports();
  report->set_run_id(lease.run_id());
  report->set_step_index(lease.step_index());
  report->set_attempt(lease.attempt());
  report->set_token(lease.token());
  report->set_kind(v1::StepReport::SUCCEEDED);
  v1::ReportStepsResponse response;
  TestContext context;
  ASSERT_TRUE(worker_->ReportSteps(&context, request, &response).ok());
  EXPECT_THAT(response.verdicts(), testing::ElementsAre("STALE_ATTEMPT", "OK"));
}

TEST_F(WorkerProtocolTest, MetricsAreKept) {
  const std::string session = Open();
  const v1::Run run = Submit("hello");
  int64_t acknowledged = 0;
  const v1::Lease lease = LeaseOne(session, &acknowledged);
  v1::AppendLogsRequest request;
  request.set_session_id(session);
  v1::LogChunk* chunk = request.add_chunks();
  chunk->set_run_id(lease.run_id());
  chunk->set_step_index(lease.step_index());
  chunk->set_attempt(lease.attempt());
  chunk->set_token(lease.token());
  for (int i = 0; i < 3; ++i) {
    v1::MetricPoint* point = chunk->add_points();
    point->set_name("loss");
    point->set_index(i);
    point->set_value(1.0 / (i + 1));
    point->mutable_time()->set_seconds(1'000 + i);
  }
  v1::AppendLogsResponse appended;
  TestContext one, two;
  ASSERT_TRUE(worker_->AppendLogs(&one, request, &appended).ok());
  EXPECT_EQ(appended.positions(0).points(), 3);
  v1::ReadMetricsRequest read;
  read.set_run_id(run.run_id());
  read.set_step("a");
  v1::ReadMetricsResponse metrics;
  ASSERT_TRUE(Stub<v1::RunService>()->ReadMetrics(&two, read, &metrics).ok());
  ASSERT_EQ(metrics.series_size(), 1);
  EXPECT_THAT(metrics.series(0).indices(), testing::ElementsAre(0, 1, 2));
  EXPECT_EQ(metrics.series(0).values(1), 0.5);
  EXPECT_EQ(metrics.series(0).times(2).seconds(), 1'002);
  EXPECT_FALSE(metrics.ended());
}

// A watcher that does not read gets a fresh snapshot in place of what it missed.
TEST_F(WorkerProtocolTest, ASlowWatcherIsBroughtUpToDate) {
  constexpr int kSteps = 200;
  std::string text =
      "apiVersion: penstock/v1\nkind: Pipeline\nname: chain\n"
      "parameters: {note: {type: string}}\nsteps:\n- {name: s0, type: noop}\n";
  for (int i = 1; i < kSteps; ++i) {
    text += "- {name: s" + std::to_string(i) + ", type: noop, dependsOn: [s" +
            std::to_string(i - 1) + "]}\n";
  }
  Register(text);
  v1::SubmitRunRequest submit;
  v1::SubmitRunResponse submitted;
  submit.set_pipeline("chain");
  // It is in every update: the connection's window is soon full.
  (*submit.mutable_parameters())["note"].set_text(std::string(32'000, 'x'));
  TestContext one, two;
  ASSERT_TRUE(Stub<v1::RunService>()->SubmitRun(&one, submit, &submitted).ok());
  v1::WatchRunRequest watch;
  watch.set_run_id(submitted.run().run_id());
  // A connection of its own, so that the worker's is not held up.
  auto channel = Connect(grpc::InsecureChannelCredentials());
  auto reader = v1::RunService::NewStub(channel)->WatchRun(&two, watch);
  v1::WatchRunResponse response;
  ASSERT_TRUE(reader->Read(&response));
  const std::string session = Open();
  int64_t acknowledged = 0;
  for (int i = 0; i < kSteps; ++i) {
    const v1::Lease lease = LeaseOne(session, &acknowledged);
    ASSERT_EQ(lease.step_name(), "s" + std::to_string(i));
    ASSERT_EQ(Report(session, lease, v1::StepReport::STARTED), "OK");
    ASSERT_EQ(Report(session, lease, v1::StepReport::SUCCEEDED), "OK");
  }
  std::map<std::string, v1::Step::State> states;
  int messages = 0;
  int snapshots = 0;
  while (reader->Read(&response)) {
    ++messages;
    snapshots += response.snapshot() ? 1 : 0;
    for (const v1::Step& step : response.run().steps()) states[step.name()] = step.state();
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(response.run().state(), v1::Run::SUCCEEDED);
  EXPECT_GE(snapshots, 1);
  EXPECT_LT(messages, 2 * kSteps) << "nothing was left out";
  ASSERT_EQ(states.size(), static_cast<std::size_t>(kSteps));
  for (const auto& [name, state] : states) EXPECT_EQ(state, v1::Step::SUCCEEDED) << name;
}

TEST_F(WorkerProtocolTest, StoppingEndsParkedCallsAtOnce) {
  const std::string session = Open();
  grpc::Status status;
  v1::LeaseStepsResponse response;
  std::atomic<bool> ended{false};
  std::thread parked([&] {
    status = Lease(session, 0, 25, &response);
    ended = true;
  });
  // A call that comes after Stop is refused in the same way.
  daemon_->Stop();
  parked.join();
  EXPECT_TRUE(ended);
  // One that comes in that very moment is cancelled by gRPC itself.
  EXPECT_TRUE(status.error_code() == grpc::StatusCode::UNAVAILABLE ||
              status.error_code() == grpc::StatusCode::CANCELLED)
      << status.error_code() << ": " << status.error_message();
}

}  // namespace
}  // namespace penstock

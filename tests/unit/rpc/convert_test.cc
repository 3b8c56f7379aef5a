#include "server/rpc/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "storage/model/limits.h"
#include "storage/model/protocol.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kDigest(64, 'a');

TEST(ConvertTest, ValuesKeepTheirKinds) {
  const Json json = {{"null", nullptr},
                     {"flag", true},
                     {"integer", int64_t{1} << 62},
                     {"negative", -7},
                     {"number", 0.1},
                     {"whole", 2.0},
                     {"text", "ünïcode"},
                     {"list", {1, "two", Json::array()}},
                     {"map", Json::object()}};
  v1::Value value;
  ValueToProto(json, &value);
  const auto back = ValueFromProto(value, "p");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(DumpJson(*back), DumpJson(json));
  EXPECT_TRUE((*back)["whole"].is_number_float());
  EXPECT_TRUE((*back)["negative"].is_number_integer());
}

TEST(ConvertTest, ValuesWithoutAKindOrTooDeepAreRefused) {
  v1::Value value;
  value.mutable_list()->add_items();
  EXPECT_THAT(ValueFromProto(value, "p").status().message(), HasSubstr("p[0]"));
  v1::Value deep;
  v1::Value* at = &deep;
  for (int i = 0; i < limits::kMaxDefinitionDepth + 2; ++i) at = at->mutable_list()->add_items();
  at->set_integer(1);
  EXPECT_THAT(ValueFromProto(deep, "p").status().message(), HasSubstr("nested deeper"));
}

TEST(ConvertTest, TimesAndDurationsAreExact) {
  for (const int64_t micros : {int64_t{1'700'000'000'123'456}, int64_t{1}, int64_t{-1}}) {
    EXPECT_EQ(TimeFromProto(TimeToProto({micros})).micros, micros);
  }
  for (const int64_t micros : {0L, 1L, 15'000'000L, 3'600'000'001L}) {
    EXPECT_EQ(DurationFromProto(DurationToProto(Micros(micros))).count(), micros);
  }
  google::protobuf::Duration huge;
  huge.set_seconds(std::numeric_limits<int64_t>::max());
  EXPECT_GT(DurationFromProto(huge).count(), 0);
}

TEST(ConvertTest, ArtifactReferencesAreChecked) {
  const ArtifactRef ref{Digest(kDigest), ArtifactType::kModel, true, 12};
  v1::ArtifactRef wire;
  ToProto(ref, &wire);
  EXPECT_EQ(wire.digest(), "sha256:" + kDigest);
  EXPECT_EQ(wire.type(), "model");
  EXPECT_EQ(*ArtifactRefFromProto(wire, "x"), ref);
  wire.set_type("spaceship");
  EXPECT_THAT(ArtifactRefFromProto(wire, "x").status().message(), HasSubstr("x.type"));
  wire.set_type("");
  EXPECT_EQ(ArtifactRefFromProto(wire, "x")->type, ArtifactType::kFile);
  wire.set_size(-1);
  EXPECT_THAT(ArtifactRefFromProto(wire, "x").status().message(), HasSubstr("x.size"));
  wire.set_digest("sha256:12");
  EXPECT_THAT(ArtifactRefFromProto(wire, "x").status().message(), HasSubstr("x.digest"));
}

TEST(ConvertTest, RunsShowEverything) {
  RunRecord run;
  run.id = RunId("run-1");
  run.pipeline = PipelineName("census");
  run.pipeline_version = 3;
  run.state = RunState::kCancelling;
  run.parameters = {{"depth", 6}, {"names", {"a", "b"}}};
  run.tags = {{"team", "x"}};
  run.principal = Principal("user:ann");
  run.created_at = {1'000'000};
  run.revision = 9;
  run.counts = {10, 1, 2, 3, 4, 5, 6};
  v1::Run wire;
  ToProto(run, &wire);
  EXPECT_EQ(wire.run_id(), "run-1");
  EXPECT_EQ(wire.state(), v1::Run::CANCELLING);
  EXPECT_EQ(wire.parameters().at("depth").integer(), 6);
  EXPECT_EQ(wire.parameters().at("names").list().items(1).text(), "b");
  EXPECT_EQ(wire.tags().at("team"), "x");
  EXPECT_EQ(wire.created().principal(), "user:ann");
  EXPECT_EQ(wire.created().time().seconds(), 1);
  EXPECT_FALSE(wire.has_started_at());
  EXPECT_EQ(wire.counts().total(), 10);
  EXPECT_EQ(wire.counts().cancelled(), 6);
}

TEST(ConvertTest, StepsNameWhatTheyDependOn) {
  StepRecord step;
  step.index = 2;
  step.name = "train";
  step.state = StepState::kRetryWait;
  step.cause = Cause::kWorkerLost;
  step.result.metrics = {{"auc", 0.9}, {"f1", std::nan("")}};
  step.result.outputs["model"] = {Digest(kDigest), ArtifactType::kModel, true, 1};
  step.depends_on = {0, 1, 77};
  v1::Step wire;
  ToProto(step, {"a", "b", "train"}, &wire);
  EXPECT_THAT(wire.depends_on(), ElementsAre("a", "b"));
  EXPECT_EQ(wire.state(), v1::Step::RETRY_WAIT);
  EXPECT_EQ(wire.cause(), "WORKER_LOST");
  EXPECT_TRUE(std::isnan(wire.metrics().at("f1")));
  EXPECT_EQ(wire.outputs().at("model").type(), "model");
}

v1::OpenSessionRequest ValidSession() {
  v1::OpenSessionRequest request;
  v1::WorkerInfo* worker = request.mutable_worker();
  worker->set_worker_id("w1");
  worker->set_boot_id("boot");
  worker->set_protocol(kProtocol);
  worker->set_cpus(2);
  worker->add_steps("noop@1");
  (*worker->mutable_labels())["zone"] = "a";
  v1::HeldAttempt* held = request.add_held();
  held->set_run_id("run-1");
  held->set_token("t");
  held->set_running(true);
  held->set_progress(7);
  return request;
}

TEST(ConvertTest, SessionsAreChecked) {
  const auto command = OpenSessionFromProto(ValidSession());
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->worker.id.value(), "w1");
  EXPECT_THAT(command->worker.steps, ElementsAre("noop@1"));
  EXPECT_EQ(command->worker.labels.at("zone"), "a");
  ASSERT_EQ(command->held.size(), 1u);
  EXPECT_TRUE(command->held[0].running);
  EXPECT_EQ(command->held[0].progress, 1.0);
  v1::HeartbeatRequest beat;
  beat.add_held()->set_progress(std::nan(""));
  EXPECT_EQ(HeartbeatFromProto(beat).held[0].progress, 0.0);

  v1::OpenSessionRequest request = ValidSession();
  request.mutable_worker()->set_protocol(kProtocol + 1);
  EXPECT_EQ(OpenSessionFromProto(request).status().reason(), "VERSION_MISMATCH");
  request = ValidSession();
  request.mutable_worker()->set_worker_id("../etc");
  EXPECT_THAT(OpenSessionFromProto(request).status().message(), HasSubstr("worker.workerId"));
  request = ValidSession();
  request.mutable_worker()->set_cpus(std::nan(""));
  EXPECT_FALSE(OpenSessionFromProto(request).ok());
  request = ValidSession();
  request.mutable_worker()->clear_boot_id();
  EXPECT_THAT(OpenSessionFromProto(request).status().message(), HasSubstr("bootId"));
}

TEST(ConvertTest, LeasesCarryTheWholeStep) {
  LeaseStepsAnswer answer;
  answer.sequence = 4;
  LeasedAttempt attempt;
  attempt.run = RunId("run-1");
  attempt.step_name = "train";
  attempt.step = 3;
  attempt.attempt = 2;
  attempt.token = AttemptToken("tok");
  attempt.type = "train";
  attempt.algorithm = "xgboost";
  attempt.version = "1";
  attempt.parameters_json = "{}";
  attempt.inputs = {{"train", {{Digest(kDigest), ArtifactType::kDataset, true, 5}}, {"a.csv"}}};
  attempt.timeout = std::chrono::minutes(30);
  attempt.report_paths = {"x.y"};
  answer.leases = {attempt};
  answer.cancel = {AttemptToken("c")};
  answer.revoke = {AttemptToken("r")};
  answer.drain = true;
  v1::LeaseStepsResponse wire;
  ToProto(answer, &wire);
  EXPECT_EQ(wire.sequence(), 4);
  ASSERT_EQ(wire.leases_size(), 1);
  EXPECT_EQ(wire.leases(0).token(), "tok");
  EXPECT_EQ(wire.leases(0).timeout().seconds(), 1800);
  EXPECT_EQ(wire.leases(0).inputs(0).artifacts(0).type(), "dataset");
  EXPECT_EQ(wire.leases(0).inputs(0).display_names(0), "a.csv");
  EXPECT_THAT(wire.cancel_tokens(), ElementsAre("c"));
  EXPECT_THAT(wire.revoke_tokens(), ElementsAre("r"));
  EXPECT_TRUE(wire.drain());
}

TEST(ConvertTest, ReportsCarryResults) {
  v1::ReportStepsRequest request;
  request.set_session_id("s");
  v1::StepReport* report = request.add_reports();
  report->set_run_id("run-1");
  report->set_step_index(3);
  report->set_attempt(1);
  report->set_token("tok");
  report->set_kind(v1::StepReport::SUCCEEDED);
  (*report->mutable_metrics())["auc"] = 0.5;
  (*report->mutable_report_values())["a.b"] = "[1,2]";
  (*report->mutable_outputs())["model"].set_digest("sha256:" + kDigest);
  request.add_reports()->set_kind(v1::StepReport::FAILED);
  request.mutable_reports(1)->set_message(std::string(100'000, 'x'));
  const ReportStepsCommand command = ReportStepsFromProto(request);
  EXPECT_EQ(command.session, SessionId("s"));
  EXPECT_EQ(command.reports[0].kind, ReportKind::kSucceeded);
  EXPECT_EQ(command.reports[0].result.metrics.at("auc"), 0.5);
  EXPECT_EQ(command.reports[0].result.report_values.at("a.b"), Json({1, 2}));
  EXPECT_EQ(command.reports[0].result.outputs.at("model").digest.value(), kDigest);
  EXPECT_EQ(command.reports[1].cause, Cause::kStepError);
  EXPECT_EQ(command.reports[1].message.size(), limits::kMaxErrorMessageBytes);
}

// One bad report must not hold up the others of its batch: the worker would send it for ever.
TEST(ConvertTest, AReportThatCannotBeReadFailsItsStepAlone) {
  v1::ReportStepsRequest request;
  v1::StepReport* many = request.add_reports();
  many->set_kind(v1::StepReport::SUCCEEDED);
  for (int i = 0; i <= limits::kMaxMetricsPerReport; ++i) {
    (*many->mutable_metrics())["m" + std::to_string(i)] = i;
  }
  v1::StepReport* large = request.add_reports();
  large->set_kind(v1::StepReport::SUCCEEDED);
  for (const char* path : {"a", "b"}) {
    (*large->mutable_report_values())[path] =
        '"' + std::string(limits::kMaxReportListBytes / 2, 'x') + '"';
  }
  v1::StepReport* digest = request.add_reports();
  digest->set_kind(v1::StepReport::SUCCEEDED);
  (*digest->mutable_outputs())["model"].set_digest("md5:1");
  v1::StepReport* cause = request.add_reports();
  cause->set_kind(v1::StepReport::FAILED);
  cause->set_cause("BAD_MOOD");
  cause->set_message("it rains");
  request.add_reports()->set_kind(static_cast<v1::StepReport::Kind>(77));
  for (int i = 0; i < request.reports_size(); ++i) {
    request.mutable_reports(i)->set_token("t" + std::to_string(i));
  }
  request.add_reports()->set_kind(v1::StepReport::SUCCEEDED);

  const ReportStepsCommand command = ReportStepsFromProto(request);
  ASSERT_EQ(command.reports.size(), 6U);
  const char* kWhy[] = {".metrics", ".reportValues: more than 1 MiB", ".outputs.model", ".cause",
                        ".kind: 77"};
  for (int i = 0; i < 5; ++i) {
    const StepReport& report = command.reports[static_cast<std::size_t>(i)];
    EXPECT_EQ(report.token, AttemptToken("t" + std::to_string(i)));
    EXPECT_EQ(report.kind, ReportKind::kFailed);
    EXPECT_EQ(report.cause, Cause::kStepError);
    EXPECT_TRUE(report.result.metrics.empty() && report.result.report_values.empty());
    EXPECT_THAT(report.message, HasSubstr("reports[" + std::to_string(i) + "]" + kWhy[i]));
  }
  EXPECT_THAT(command.reports[3].message, HasSubstr("it rains"));
  EXPECT_EQ(command.reports[5].kind, ReportKind::kSucceeded);
}

TEST(ConvertTest, NotesAreCutBetweenCharacters) {
  v1::HeartbeatRequest request;
  std::string note = "x";
  while (note.size() < 300) note += "ä";
  request.add_held()->set_progress_note(note);
  const std::string kept = HeartbeatFromProto(request).held.at(0).progress_note;
  EXPECT_EQ(kept, note.substr(0, 255));
}

}  // namespace
}  // namespace penstock

#include "tests/support/engine_bench.h"

#include <gtest/gtest.h>

#include <set>

#include "base/digest.h"
#include "base/log.h"
#include "server/definition/definition.h"
#include "steps/catalog/catalog.h"

namespace penstock {
namespace {

TempFolder MakeFolder() {
  Result<TempFolder> folder = TempFolder::Make(std::filesystem::temp_directory_path());
  PENSTOCK_CHECK(folder.ok());
  return std::move(*folder);
}

}  // namespace

EngineBench::EngineBench(EngineOptions options)
    : options_(std::move(options)), folder_(MakeFolder()) {
  Open();
}

EngineBench::~EngineBench() {
  engine_.reset();
}

void EngineBench::Open() {
  const std::string path = folder_.path() / "penstock.db";
  auto store = MetadataStore::Open(path, clock_, random_);
  PENSTOCK_CHECK(store.ok());
  store_ = std::move(*store);
  auto reader = MetadataReader::Open(path);
  PENSTOCK_CHECK(reader.ok());
  reader_ = std::move(*reader);
  Engine::Deps deps;
  deps.store = store_.get();
  deps.catalog = &Catalog::BuiltIn();
  deps.clock = &clock_;
  deps.random = &random_;
  deps.secrets = secrets_.get();
  deps.options = options_;
  deps.model_terms = [this](const ArtifactRef& model) { return model_terms_[model.digest]; };
  deps.run_ended = [this](const RunId& run) { ended_.push_back(run); };
  engine_ = std::make_unique<Engine>(std::move(deps));
  const Status recovered = engine_->Recover();
  EXPECT_TRUE(recovered.ok()) << recovered;
}

void EngineBench::Restart() {
  engine_.reset();
  reader_.reset();
  store_.reset();
  Open();
  Turn();
}

void EngineBench::Pass(Micros by) {
  clock_.Advance(by);
  Turn();
}

SubmitRunCommand EngineBench::SubmissionOf(std::string_view yaml) {
  Result<CheckedDefinition> checked = CheckDefinitionText(yaml, Catalog::BuiltIn());
  EXPECT_TRUE(checked.ok()) << checked.status();
  if (!checked.ok()) {
    for (const Problem& problem : checked.status().problems()) {
      ADD_FAILURE() << problem.path << ": " << problem.message;
    }
    return {};
  }
  RegisterPipelineCommand command;
  command.version.name = PipelineName(checked->spec.name);
  command.version.digest = checked->digest;
  command.version.definition = checked->canonical;
  command.version.source = std::string(yaml);
  command.version.step_count = static_cast<int32_t>(checked->spec.steps.size());
  command.principal = Principal("user:ada");
  const auto registered = Ask(&Engine::RegisterPipeline, std::move(command));
  EXPECT_TRUE(registered.ok()) << registered.status();
  SubmitRunCommand submission;
  submission.pipeline = PipelineName(checked->spec.name);
  submission.principal = Principal("user:ada");
  return submission;
}

RunId EngineBench::Run(std::string_view yaml, std::map<std::string, Json> parameters) {
  SubmitRunCommand command = SubmissionOf(yaml);
  command.parameters = std::move(parameters);
  const auto answer = Ask(&Engine::SubmitRun, std::move(command));
  EXPECT_TRUE(answer.ok()) << answer.status();
  return answer.ok() ? answer->run.id : RunId();
}

SecretRecord EngineBench::PutSecret(const std::string& name, const std::string& value) {
  const auto secret = Ask(&Engine::PutSecret, PutSecretCommand{name, value, Principal("user:ada")});
  EXPECT_TRUE(secret.ok()) << secret.status();
  return secret.ok() ? *secret : SecretRecord();
}

RunRecord EngineBench::Find(const RunId& run) {
  const Result<RunRecord> record = reader_->FindRun(run.value());
  EXPECT_TRUE(record.ok()) << record.status();
  return record.ok() ? *record : RunRecord();
}

StepRecord EngineBench::Step(const RunId& run, const std::string& name) {
  const auto steps = reader_->ListSteps(Find(run).row);
  EXPECT_TRUE(steps.ok()) << steps.status();
  for (const StepRecord& step : *steps) {
    if (step.name == name) return step;
  }
  ADD_FAILURE() << "no step " << name;
  return {};
}

std::vector<AttemptRecord> EngineBench::Attempts(const RunId& run, const std::string& name) {
  const auto attempts = reader_->ListAttempts(Find(run).row, Step(run, name).index);
  EXPECT_TRUE(attempts.ok()) << attempts.status();
  return attempts.ok() ? *attempts : std::vector<AttemptRecord>();
}

ArtifactRef EngineBench::Artifact(const std::string& text, ArtifactType type) {
  CommitArtifactCommand command;
  command.ref = {.digest = Sha256(text), .type = type, .size = static_cast<int64_t>(text.size())};
  command.principal = Principal("user:ada");
  const auto committed = Ask(&Engine::CommitArtifact, command);
  EXPECT_TRUE(committed.ok()) << committed.status();
  return command.ref;
}

void EngineBench::CheckInvariants() {
  const auto runs = reader_->ListRuns({}, 0, 1000);
  ASSERT_TRUE(runs.ok()) << runs.status();
  for (const RunRecord& run : *runs) {
    const auto steps = reader_->ListSteps(run.row);
    ASSERT_TRUE(steps.ok()) << steps.status();
    StepCounts counts;
    for (const StepRecord& step : *steps) {
      const auto attempts = reader_->ListAttempts(run.row, step.index);
      ASSERT_TRUE(attempts.ok()) << attempts.status();
      // Numbers of attempts; of one on several nodes all ranks have the same.
      std::set<int32_t> succeeded;
      std::set<int32_t> live;
      for (const AttemptRecord& attempt : *attempts) {
        if (attempt.state == AttemptState::kSucceeded) succeeded.insert(attempt.number);
        if (IsTerminal(attempt.state)) continue;
        live.insert(attempt.number);
        EXPECT_TRUE(engine_->IsLiveAttempt({run.id, step.index, attempt.number, attempt.rank},
                                           attempt.token))
            << run.id << " " << step.name;
      }
      for (const AttemptRecord& attempt : *attempts) {
        if (attempt.state != AttemptState::kSucceeded) succeeded.erase(attempt.number);
      }
      EXPECT_LE(succeeded.size(), 1u) << run.id << " " << step.name;
      EXPECT_LE(live.size(), 1u) << run.id << " " << step.name;
      if (IsTerminal(step.state)) {
        EXPECT_TRUE(live.empty()) << run.id << " " << step.name;
      }
      ++counts.total;
      counts.active += step.state == StepState::kLeased || step.state == StepState::kRunning;
      counts.succeeded += IsSuccess(step.state);
      counts.failed += step.state == StepState::kFailed;
      counts.skipped += step.state == StepState::kSkipped;
      counts.cancelled += step.state == StepState::kCancelled;
    }
    EXPECT_EQ(run.counts.total, counts.total) << run.id;
    EXPECT_EQ(run.counts.active, counts.active) << run.id;
    EXPECT_EQ(run.counts.succeeded, counts.succeeded) << run.id;
    EXPECT_EQ(run.counts.failed, counts.failed) << run.id;
    EXPECT_EQ(run.counts.skipped, counts.skipped) << run.id;
    EXPECT_EQ(run.counts.cancelled, counts.cancelled) << run.id;
    const int32_t ended = counts.succeeded + counts.failed + counts.skipped + counts.cancelled;
    EXPECT_EQ(IsTerminal(run.state), ended == counts.total) << run.id;
    EXPECT_EQ(IsTerminal(run.state), run.ended_at.set()) << run.id;
  }
}

// --- Workers

BenchWorker::BenchWorker(EngineBench* bench, std::string name, double cpus) : bench_(bench) {
  info_.id = WorkerId(std::move(name));
  info_.boot_id = "boot-1";
  info_.version = "0.1.0";
  info_.host = "localhost";
  info_.cpus = cpus;
  info_.address = info_.id.value();
  info_.first_port = 29'500;
  info_.port_count = 100;
  for (const StepSchema* schema : Catalog::BuiltIn().All()) {
    if (!schema->control) info_.steps.push_back(schema->key + "@" + schema->version);
  }
}

OpenSessionAnswer BenchWorker::Open() {
  OpenSessionCommand command{.worker = info_, .held = held_};
  const auto answer = bench_->Ask(&Engine::OpenSession, std::move(command));
  EXPECT_TRUE(answer.ok()) << answer.status();
  if (!answer.ok()) return {};
  session_ = answer->session;
  acknowledged_ = 0;
  for (const AttemptToken& token : answer->stale) {
    std::erase_if(held_, [&](const HeldAttempt& held) { return held.token == token; });
  }
  return *answer;
}

void BenchWorker::Reboot() {
  held_.clear();
  info_.boot_id = "boot-" + std::to_string(++boots_);
  Open();
}

Result<LeaseStepsAnswer> BenchWorker::Lease() {
  std::optional<Result<LeaseStepsAnswer>> answer;
  LeaseStepsCommand command{.session = session_, .acknowledged = acknowledged_, .max_wait = {}};
  bench_->engine().LeaseSteps(command, [&](Result<LeaseStepsAnswer> got) { answer = got; });
  bench_->Turn();
  if (!answer) bench_->Turn();  // max_wait is over
  if (!answer) return Internal("the engine did not answer");
  if (answer->ok()) acknowledged_ = (*answer)->sequence;
  return *std::move(answer);
}

std::map<std::string, LeasedAttempt> BenchWorker::Start() {
  const Result<LeaseStepsAnswer> answer = Lease();
  EXPECT_TRUE(answer.ok()) << answer.status();
  std::map<std::string, LeasedAttempt> leases;
  if (!answer.ok()) return leases;
  for (const LeasedAttempt& lease : answer->leases) {
    leases[lease.step_name] = lease;
    held_.push_back({.run = lease.run,
                     .step = lease.step,
                     .attempt = lease.attempt,
                     .token = lease.token,
                     .running = true});
    const auto verdict = Report(ReportOf(lease, ReportKind::kStarted));
    EXPECT_TRUE(verdict.ok()) << verdict.status();
  }
  return leases;
}

Result<HeartbeatAnswer> BenchWorker::Heartbeat() {
  return bench_->Ask(&Engine::Heartbeat, HeartbeatCommand{.session = session_, .held = held_});
}

Status BenchWorker::Close() {
  return bench_->Ask(&Engine::CloseSession, session_).status();
}

Result<Verdict> BenchWorker::Report(StepReport report) {
  ReportStepsCommand command{.session = session_, .reports = {report}};
  const auto answer = bench_->Ask(&Engine::ReportSteps, std::move(command));
  if (!answer.ok()) return answer.status();
  if (report.kind != ReportKind::kStarted) {
    std::erase_if(held_, [&](const HeldAttempt& held) { return held.token == report.token; });
  }
  return answer->verdicts.at(0);
}

Result<Verdict> BenchWorker::Succeed(const LeasedAttempt& lease, StepResult result) {
  StepReport report = ReportOf(lease, ReportKind::kSucceeded);
  report.result = std::move(result);
  return Report(std::move(report));
}

Result<Verdict> BenchWorker::Fail(const LeasedAttempt& lease, Cause cause,
                                  const std::string& message) {
  StepReport report = ReportOf(lease, ReportKind::kFailed);
  report.cause = cause;
  report.message = message;
  return Report(std::move(report));
}

Result<Verdict> BenchWorker::End(const LeasedAttempt& lease, ReportKind kind) {
  return Report(ReportOf(lease, kind));
}

StepReport ReportOf(const LeasedAttempt& lease, ReportKind kind) {
  StepReport report;
  report.run = lease.run;
  report.step = lease.step;
  report.attempt = lease.attempt;
  report.token = lease.token;
  report.kind = kind;
  return report;
}

}  // namespace penstock

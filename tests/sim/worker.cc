#include "tests/sim/worker.h"

#include <algorithm>
#include <limits>

#include "base/digest.h"
#include "steps/catalog/catalog.h"
#include "tests/sim/auditor.h"
#include "tests/sim/blob_store.h"

namespace penstock::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Micros kPark = seconds(30);
constexpr Micros kTellStart = milliseconds(15);
constexpr Micros kKillGrace = seconds(2);

}  // namespace

FakeWorker::FakeWorker(Deps deps, WorkerInfo info)
    : deps_(deps),
      info_(std::move(info)),
      link_(info_.id.value(), deps.seed),
      dice_(SubSeed(deps.seed, info_.id.value() + " agent")) {}

// --- The process

void FakeWorker::Start() {
  if (alive_) return;
  alive_ = true;
  leaving_ = false;
  ++life_;
  info_.boot_id = "boot-" + std::to_string(life_);
  session_ = SessionId();
  opening_ = false;
  sending_ = false;
  report_wait_ = milliseconds(50);
  reopen_wait_ = milliseconds(100);
  max_disconnect_ = Micros(0);
  last_contact_ = deps_.schedule->now();
  KeepSession();
  heartbeat_ = seconds(3);
  Later(heartbeat_, [this] { Beat(); });
}

void FakeWorker::Kill(Micros down_for) {
  if (!alive_) return;
  alive_ = false;
  ++life_;
  paused_until_ = Tick();
  stopped_.clear();
  for (const auto& attempt : attempts_) deps_.auditor->OnEnded(attempt->lease.token);
  attempts_.clear();
  waiting_.clear();
  cpus_used_ = 0;
  memory_used_ = 0;
  gpus_used_ = 0;
  deps_.schedule->After(down_for, [this, life = life_] {
    if (life == life_) Start();
  });
}

void FakeWorker::Pause(Micros duration) {
  if (!alive_) return;
  const Tick until = deps_.schedule->now() + duration;
  if (until <= paused_until_) return;
  paused_until_ = until;
  deps_.schedule->At(until, [this, life = life_, until] {
    if (life != life_ || paused_until_ != until) return;
    for (const auto& action : std::exchange(stopped_, {})) {
      if (life == life_) action();
    }
  });
}

void FakeWorker::Leave(Micros down_for) {
  if (!alive_ || leaving_) return;
  leaving_ = true;
  leave_for_ = down_for;
  for (const auto& attempt : attempts_) {
    if (attempt->state == Attempt::State::kQueued) Report(*attempt, ReportKind::kReturned);
  }
  LeaveIfIdle();
}

void FakeWorker::LeaveIfIdle() {
  if (!leaving_ || !attempts_.empty() || session_.empty()) return;
  Call<Done, SessionId>(&Engine::CloseSession, session_, seconds(2),
                        [this](const Result<Done>&) { Kill(leave_for_); });
}

void FakeWorker::Do(std::function<void()> action) {
  if (deps_.schedule->now() < paused_until_) {
    stopped_.push_back(std::move(action));
  } else {
    action();
  }
}

void FakeWorker::Later(Micros wait, std::function<void()> action) {
  deps_.schedule->After(wait, [this, life = life_, action = std::move(action)] {
    if (life == life_) Do(action);
  });
}

// --- The session

void FakeWorker::KeepSession() {
  if (session_.empty()) {
    OpenSession();
  } else {
    LeaseOnce();
  }
}

void FakeWorker::OpenSession() {
  if (std::exchange(opening_, true)) return;
  const Tick sent = deps_.schedule->now();
  OpenSessionCommand command{.worker = info_, .held = Held(), .protocol = 2, .number = ++openings_};
  Call<OpenSessionAnswer, OpenSessionCommand>(
      &Engine::OpenSession, std::move(command), seconds(10),
      [this, sent](Result<OpenSessionAnswer> answer) {
        opening_ = false;
        if (!answer.ok()) {
          deps_.auditor->OnRefusal("OpenSession", answer.status());
          Later(reopen_wait_, [this] { KeepSession(); });
          reopen_wait_ = std::min(reopen_wait_ * 2, Micros(seconds(3)));
          return;
        }
        reopen_wait_ = milliseconds(100);
        ttl_ = answer->lease_ttl;
        heartbeat_ = answer->heartbeat_interval;
        max_disconnect_ = answer->max_disconnect;
        for (const AttemptToken& token : answer->stale) Discard(token);
        Answered(sent);
        acknowledged_ = 0;
        session_ = answer->session;
        LeaseOnce();
        SendReports();
        LeaveIfIdle();
      });
}

void FakeWorker::LeaseOnce() {
  const Tick sent = deps_.schedule->now();
  LeaseStepsCommand command{
      .session = session_, .acknowledged = acknowledged_, .max_wait = kPark, .draining = leaving_};
  Call<LeaseStepsAnswer, LeaseStepsCommand>(
      &Engine::LeaseSteps, command, kPark + seconds(15),
      [this, sent, session = session_](const Result<LeaseStepsAnswer>& answer) {
        if (session != session_) return;
        if (answer.ok()) {
          TakeReply(*answer, sent);
          LeaseOnce();
        } else if (answer.status().reason() == "SESSION_UNKNOWN") {
          session_ = SessionId();
          KeepSession();
        } else {
          deps_.auditor->OnRefusal("LeaseSteps", answer.status());
          Later(answer.status().reason() == "SUPERSEDED" ? milliseconds(10) : milliseconds(200),
                [this, session] {
                  if (session == session_) LeaseOnce();
                });
        }
      });
}

void FakeWorker::TakeReply(const LeaseStepsAnswer& answer, Tick sent) {
  Answered(sent);
  acknowledged_ = answer.sequence;
  for (const LeasedAttempt& lease : answer.leases) TakeLease(lease, sent);
  for (const AttemptToken& token : answer.cancel) Cancel(token);
  for (const AttemptToken& token : answer.revoke) Revoke(token);
  for (const Preemption& each : answer.preempt) Preempt(each.token, each.grace);
  StartQueued();
}

void FakeWorker::Beat() {
  const Tick now = deps_.schedule->now();
  Later(heartbeat_, [this] { Beat(); });
  if (max_disconnect_.count() > 0 && now - last_contact_ > max_disconnect_) {
    for (const auto& attempt : attempts_) {
      if (attempt->state == Attempt::State::kRunning) {
        Stop(*attempt, ReportKind::kCancelled, Cause::kCancelled);
      }
    }
    last_contact_ = now;
  }
  if (session_.empty()) return;
  HeartbeatCommand command{.session = session_, .held = Held()};
  Call<HeartbeatAnswer, HeartbeatCommand>(
      &Engine::Heartbeat, std::move(command), seconds(3),
      [this, sent = now](const Result<HeartbeatAnswer>& answer) {
        if (!answer.ok()) return deps_.auditor->OnRefusal("Heartbeat", answer.status());
        for (const AttemptToken& token : answer->stale) Discard(token);
        Answered(sent);
      });
}

void FakeWorker::Answered(Tick sent) {
  const Tick now = deps_.schedule->now();
  last_contact_ = now;
  if (sent <= renewed_) return;
  if (now - renewed_ >= ttl_) unbroken_since_ = sent;
  renewed_ = sent;
  dead_by_ = sent + (ttl_ - ttl_ / 10);
  stop_by_ = dead_by_ + -std::min(kKillGrace, ttl_ / 3);
}

std::vector<HeldAttempt> FakeWorker::Held() const {
  std::vector<HeldAttempt> held;
  for (const auto& attempt : attempts_) {
    if (attempt->discarded) continue;
    held.push_back({.run = attempt->lease.run,
                    .step = attempt->lease.step,
                    .attempt = attempt->lease.attempt,
                    .token = attempt->lease.token,
                    .running = attempt->state == Attempt::State::kRunning && attempt->started_told,
                    .progress = attempt->started_told ? 0.5 : 0.0});
  }
  return held;
}

// --- Attempts

FakeWorker::Attempt* FakeWorker::Find(const AttemptToken& token) {
  for (const auto& attempt : attempts_) {
    if (attempt->lease.token == token) return attempt.get();
  }
  return nullptr;
}

void FakeWorker::TakeLease(const LeasedAttempt& lease, Tick sent) {
  if (Find(lease.token) != nullptr) return;  // sent again
  auto attempt = std::make_unique<Attempt>();
  attempt->lease = lease;
  attempt->asked = sent;
  attempts_.push_back(std::move(attempt));
  if (leaving_) Report(*attempts_.back(), ReportKind::kReturned);
}

bool FakeWorker::Fits(const LeasedAttempt& lease) const {
  return cpus_used_ + lease.cpus <= info_.cpus + 1e-9 &&
         memory_used_ + lease.memory <= info_.memory && gpus_used_ + lease.gpus <= info_.gpus;
}

bool FakeWorker::IsLate(const Attempt& attempt) const {
  return attempt.lease.fence_execution &&
         !(unbroken_since_ <= attempt.asked && deps_.schedule->now() < stop_by_);
}

void FakeWorker::StartQueued() {
  std::vector<AttemptToken> queued;
  for (const auto& attempt : attempts_) {
    if (attempt->state == Attempt::State::kQueued) queued.push_back(attempt->lease.token);
  }
  for (const AttemptToken& token : queued) {
    Attempt* const attempt = Find(token);
    if (attempt == nullptr) continue;
    if (IsLate(*attempt)) {
      Report(*attempt, ReportKind::kReturned);
      continue;
    }
    if (!Fits(attempt->lease)) return;
    Run(*attempt);
  }
}

void FakeWorker::Run(Attempt& attempt) {
  const LeasedAttempt& lease = attempt.lease;
  attempt.state = Attempt::State::kRunning;
  attempt.started_at = deps_.schedule->clock().Now();
  cpus_used_ += lease.cpus;
  memory_used_ += lease.memory;
  gpus_used_ += lease.gpus;
  deps_.auditor->OnBegan(info_.id, lease);
  Dice dice(SubSeed(deps_.seed, lease.pipeline.value() + lease.step_name + lease.parameters_json +
                                    std::to_string(lease.attempt)));
  constexpr int kStraggler = 20;
  Micros takes = lease.type == "noop" ? dice.Time(Micros(500), milliseconds(60))
                                      : dice.Time(milliseconds(5), kLongestAttempt / kStraggler);
  takes *= deps_.slowness;
  if (dice.Chance(0.03)) takes *= kStraggler;
  const Json parameters = ParseJson(lease.parameters_json).value_or(Json::object());
  if (lease.timeout && takes > *lease.timeout) {
    PlanEnd(attempt, *lease.timeout, ReportKind::kFailed, Cause::kTimeout, "took too long");
  } else if (JsonBool(parameters, "fail")) {
    PlanEnd(attempt, takes, ReportKind::kFailed, Cause::kStepError, "as told");
  } else if (dice.Chance(deps_.failures)) {
    const Cause cause = dice.Pick<Cause>({Cause::kStepError, Cause::kCrashed, Cause::kOutOfMemory,
                                          Cause::kInfrastructure, Cause::kTimeout});
    PlanEnd(attempt, takes, ReportKind::kFailed, cause, "it broke");
  } else {
    attempt.end.result = ResultOf(lease, dice);
    PlanEnd(attempt, takes, ReportKind::kSucceeded, Cause::kNone, "");
  }
  if (lease.fence_execution) WatchFence(lease.token, attempt.process);
  Later(kTellStart, [this, token = lease.token] {
    Attempt* const running = Find(token);
    if (running == nullptr || running->state != Attempt::State::kRunning) return;
    running->started_told = true;
    Report(*running, ReportKind::kStarted);
  });
}

// The process ends whether the agent is stopped or not; the agent hears of it when it goes on.
void FakeWorker::PlanEnd(Attempt& attempt, Micros wait, ReportKind kind, Cause cause,
                         const std::string& message) {
  attempt.end.kind = kind;
  attempt.end.cause = cause;
  attempt.end.message = message;
  attempt.process = next_process_++;
  deps_.schedule->After(
      wait, [this, life = life_, token = attempt.lease.token, process = attempt.process] {
        if (life != life_) return;
        Attempt* const ended = Find(token);
        if (ended == nullptr || ended->process != process || ended->process_over) return;
        ended->process_over = true;
        deps_.auditor->OnEnded(token);
        Do([this, token] {
          if (Attempt* const over = Find(token)) OnProcessEnd(*over);
        });
      });
}

// By the runner, from the page that its agent writes: also while that is stopped.
void FakeWorker::WatchFence(const AttemptToken& token, int64_t process) {
  deps_.schedule->At(dead_by_, [this, life = life_, token, process] {
    if (life != life_) return;
    Attempt* const attempt = Find(token);
    if (attempt == nullptr || attempt->process_over) return;
    if (deps_.schedule->now() < dead_by_) return WatchFence(token, process);
    PlanEnd(*attempt, Micros(0), ReportKind::kFailed, Cause::kInfrastructure, "cut off");
  });
}

void FakeWorker::OnProcessEnd(Attempt& attempt) {
  if (attempt.state != Attempt::State::kRunning) return;
  attempt.state = Attempt::State::kFinishing;
  if (attempt.discarded) return Forget(attempt.lease.token);
  Publish(attempt);
}

StepResult FakeWorker::ResultOf(const LeasedAttempt& lease, Dice& dice) {
  StepResult result;
  const std::string key = lease.algorithm.empty() ? lease.type : lease.type + "/" + lease.algorithm;
  const StepSchema* schema = Catalog::BuiltIn().Find(key);
  const Json parameters = ParseJson(lease.parameters_json).value_or(Json::object());
  std::vector<PortSchema> ports = schema->outputs;
  if (schema->outputs_for) {
    for (PortSchema& port : schema->outputs_for(parameters)) ports.push_back(std::move(port));
  }
  for (const PortSchema& port : ports) {
    if (port.name == "model" && lease.type == "script") continue;
    std::string content = key + port.name + lease.parameters_json;
    for (const LeaseInput& input : lease.inputs) {
      for (const ArtifactRef& ref : input.artifacts) content += FormatDigest(ref.digest);
    }
    if (dice.Chance(0.1)) content += lease.run.value();
    result.outputs[port.name] = {.digest = Sha256(content), .type = port.type, .size = 100};
  }
  for (const auto& [name, value] : JsonMember(parameters, "metrics").items()) {
    if (value.is_number()) result.metrics[name] = value.get<double>();
  }
  if (lease.type == "script" && dice.Chance(0.9)) result.metrics["m"] = dice.Below(10);
  if (lease.type == "evaluate") {
    result.metrics["auc"] =
        dice.Chance(0.1) ? std::numeric_limits<double>::quiet_NaN() : dice.Fraction();
  }
  for (const std::string& path : lease.report_paths) {
    if (dice.Chance(0.8)) result.report_values[path] = dice.Fraction();
  }
  return result;
}

// --- What an attempt leaves

void FakeWorker::Publish(Attempt& attempt) {
  std::vector<ArtifactRef> left;
  if (attempt.end.kind == ReportKind::kSucceeded) {
    for (const auto& [name, ref] : attempt.end.result.outputs) left.push_back(ref);
  }
  if (attempt.end.checkpoint) left.push_back(*attempt.end.checkpoint);
  PublishNext(attempt.lease.token, std::move(left));
}

void FakeWorker::PublishNext(const AttemptToken& token, std::vector<ArtifactRef> left) {
  Attempt* const attempt = Find(token);
  if (attempt == nullptr || attempt->state != Attempt::State::kFinishing) return;
  if (attempt->discarded) return Forget(token);
  if (left.empty()) return Report(*attempt, attempt->end.kind);
  const ArtifactRef ref = left.back();
  deps_.blobs->Put(ref.digest, deps_.schedule->now());
  CommitArtifactCommand command;
  command.ref = ref;
  command.principal = Principal("worker:" + info_.id.value());
  command.attempt = token;
  Call<ArtifactRecord, CommitArtifactCommand>(
      &Engine::CommitArtifact, command, seconds(10),
      [this, token, left](const Result<ArtifactRecord>& answer) {
        std::vector<ArtifactRef> rest = left;
        if (answer.ok()) {
          rest.pop_back();
        } else if (answer.status().reason() == "STALE_ATTEMPT") {
          deps_.auditor->OnRefusal("CommitArtifact", answer.status());
          return Forget(token);
        }
        Later(answer.ok() ? Micros(1) : Micros(milliseconds(200)),
              [this, token, rest] { PublishNext(token, rest); });
      });
}

void FakeWorker::Report(Attempt& attempt, ReportKind kind) {
  StepReport report = attempt.end;
  report.run = attempt.lease.run;
  report.step = attempt.lease.step;
  report.attempt = attempt.lease.attempt;
  report.token = attempt.lease.token;
  report.kind = kind;
  report.started_at = attempt.started_at;
  if (kind != ReportKind::kSucceeded) report.result = {};
  if (kind != ReportKind::kStarted) {
    if (attempt.state != Attempt::State::kQueued) {
      cpus_used_ -= attempt.lease.cpus;
      memory_used_ -= attempt.lease.memory;
      gpus_used_ -= attempt.lease.gpus;
    }
    attempt.state = Attempt::State::kReported;
  }
  deps_.auditor->OnSays(report);
  waiting_.push_back(std::move(report));
  SendReports();
  if (kind != ReportKind::kStarted) Later(Micros(1), [this] { StartQueued(); });
}

void FakeWorker::SendReports() {
  if (sending_ || waiting_.empty() || session_.empty()) return;
  sending_ = true;
  ReportStepsCommand command{.session = session_, .reports = std::exchange(waiting_, {})};
  Call<ReportStepsAnswer, ReportStepsCommand>(
      &Engine::ReportSteps, command, seconds(20),
      [this, command](const Result<ReportStepsAnswer>& answer) {
        sending_ = false;
        if (answer.ok()) {
          report_wait_ = milliseconds(50);
          for (std::size_t i = 0; i < command.reports.size(); ++i) {
            const Attempt* const attempt = Find(command.reports[i].token);
            deps_.auditor->OnVerdict(command.reports[i], answer->verdicts[i],
                                     attempt != nullptr && attempt->lease.ranks.empty());
            OnVerdict(command.reports[i], answer->verdicts[i]);
          }
          return SendReports();
        }
        deps_.auditor->OnRefusal("ReportSteps", answer.status());
        waiting_.insert(waiting_.begin(), command.reports.begin(), command.reports.end());
        if (answer.status().reason() == "SESSION_UNKNOWN") {
          if (command.session == session_) {
            session_ = SessionId();
            KeepSession();
          } else {
            SendReports();
          }
          return;
        }
        Later(report_wait_, [this] { SendReports(); });
        report_wait_ = std::min(report_wait_ * 2, Micros(seconds(2)));
      });
}

void FakeWorker::OnVerdict(const StepReport& report, Verdict verdict) {
  Attempt* const attempt = Find(report.token);
  if (attempt == nullptr) return;
  if (verdict == Verdict::kStaleAttempt) {
    if (attempt->state == Attempt::State::kReported) {
      Forget(report.token);
    } else {
      Discard(report.token);
    }
  } else if (verdict == Verdict::kMissingArtifact) {
    attempt->state = Attempt::State::kFinishing;
    cpus_used_ += attempt->lease.cpus;  // Report gives it back
    memory_used_ += attempt->lease.memory;
    gpus_used_ += attempt->lease.gpus;
    Publish(*attempt);
  } else if (report.kind != ReportKind::kStarted) {
    Forget(report.token);
  }
}

// --- What the coordinator wants

void FakeWorker::Cancel(const AttemptToken& token) {
  Attempt* const attempt = Find(token);
  if (attempt == nullptr || std::exchange(attempt->cancel, true)) return;
  if (attempt->state == Attempt::State::kQueued) {
    attempt->end.cause = Cause::kCancelled;
    Report(*attempt, ReportKind::kCancelled);
  } else if (attempt->state == Attempt::State::kRunning) {
    Stop(*attempt, ReportKind::kCancelled, Cause::kCancelled);
  }
}

void FakeWorker::Revoke(const AttemptToken& token) {
  Attempt* const attempt = Find(token);
  if (attempt != nullptr && attempt->state == Attempt::State::kQueued) {
    Report(*attempt, ReportKind::kReturned);
  }
}

void FakeWorker::Preempt(const AttemptToken& token, Micros grace) {
  Attempt* const attempt = Find(token);
  if (attempt == nullptr || attempt->preempted || attempt->cancel || attempt->discarded) return;
  if (attempt->state == Attempt::State::kQueued) {
    Report(*attempt, ReportKind::kReturned);
    return;
  }
  if (attempt->state != Attempt::State::kRunning || attempt->process_over) return;
  attempt->preempted = true;
  if (dice_.Chance(0.2)) return;  // it is about to succeed anyway
  if (attempt->lease.type == "script" && dice_.Chance(0.7)) {
    const std::string saved = "checkpoint of " + token.value();
    attempt->end.checkpoint = ArtifactRef{.digest = Sha256(saved), .size = 10};
  }
  PlanEnd(*attempt, dice_.Time(milliseconds(1), std::max(grace, Micros(milliseconds(2)))),
          ReportKind::kCancelled, Cause::kPreempted, "gave way");
}

void FakeWorker::Discard(const AttemptToken& token) {
  Attempt* const attempt = Find(token);
  if (attempt == nullptr || attempt->discarded) return;
  attempt->discarded = true;
  if (attempt->state == Attempt::State::kRunning) {
    Stop(*attempt, ReportKind::kCancelled, Cause::kCancelled);
  } else if (attempt->state != Attempt::State::kFinishing) {
    Forget(token);
  }
}

void FakeWorker::Stop(Attempt& attempt, ReportKind kind, Cause cause) {
  if (attempt.process_over) return;
  attempt.end.checkpoint.reset();
  PlanEnd(attempt, dice_.Time(milliseconds(1), kKillGrace), kind, cause, "stopped");
}

void FakeWorker::Forget(const AttemptToken& token) {
  Attempt* const attempt = Find(token);
  if (attempt == nullptr) return;
  if (attempt->state == Attempt::State::kRunning || attempt->state == Attempt::State::kFinishing) {
    cpus_used_ -= attempt->lease.cpus;
    memory_used_ -= attempt->lease.memory;
    gpus_used_ -= attempt->lease.gpus;
  }
  std::erase_if(attempts_, [&](const auto& each) { return each->lease.token == token; });
  Later(Micros(1), [this] {
    StartQueued();
    LeaveIfIdle();
  });
}

}  // namespace penstock::sim

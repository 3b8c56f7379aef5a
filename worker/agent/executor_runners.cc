// An executor's children: which attempt runs in which, and what they say.

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <utility>

#include "base/fault_point.h"
#include "base/log.h"
#include "worker/agent/executor.h"
#include "worker/runner/verdict.h"

namespace penstock {
namespace {

constexpr int kAttemptsPerChild = 1'000;
constexpr double kPipelineBelowMs = 20;
constexpr int64_t kChildLogBytes = 4 << 20;

Tick Now() {
  return Clock::Real().Ticks();
}

}  // namespace

// Hands an attempt to a child that is busy with one of its kind and needs.
bool Executor::TryPipeline(Attempt& attempt) {
  const v1::Lease& lease = attempt.lease;
  const auto typical = typical_ms_.find(lease.type());
  if (lease.inputs_size() > 0 || NeedsOwnRunner(lease) || lease.gpus() > 0 ||
      typical == typical_ms_.end() || typical->second > kPipelineBelowMs) {
    return false;
  }
  for (Runner& runner : runners_) {
    if (runner.attempts.size() != 1 || runner.retire) continue;
    const v1::Lease& busy = runner.attempts.front()->lease;
    if (busy.type() != lease.type() || busy.principal() != lease.principal() ||
        busy.cpus() != lease.cpus() || busy.memory() != lease.memory() || busy.gpus() > 0) {
      continue;
    }
    Dispatch(attempt, runner);
    return true;
  }
  return false;
}

int Executor::ThreadsOf(const v1::Lease& lease) {
  return std::max(1, static_cast<int>(std::floor(lease.cpus() + 1e-9)));
}

// A process that ran a script may have been changed by it, one that was given secrets still holds
// them, and one that ends what it has started when its lease does must be told so at its start: it
// runs one attempt, and nothing else.
bool Executor::NeedsOwnRunner(const v1::Lease& lease) {
  return lease.type() == kScript || lease.secrets_size() > 0 ||
         (RunsPrograms(lease.type()) && lease.fence_execution());
}

Executor::Runner* Executor::FreeRunner(const Attempt& attempt) {
  const bool own = NeedsOwnRunner(attempt.lease);
  const std::string key = attempt.lease.principal() + "\n" +
                          std::to_string(ThreadsOf(attempt.lease)) + "\n" +
                          VisibleGpus(attempt.gpus);
  Runner* idle = nullptr;
  for (Runner& runner : runners_) {
    if (!runner.attempts.empty() || runner.retire) continue;
    if (runner.key == key && !own) return &runner;
    idle = &runner;
  }
  // An idle child of another kind makes room: there are never more than the cpus can keep busy.
  if (idle != nullptr && static_cast<double>(runners_.size()) > 2 * deps_.config->cpus + 2) {
    idle->retire = true;
  }
  RetireUsersOf(attempt.gpus);
  runners_.remove_if([](const Runner& r) { return r.attempts.empty() && r.retire; });
  return SpawnRunner(attempt, key);
}

Executor::Runner* Executor::SpawnRunner(const Attempt& attempt, const std::string& key) {
  ChildOptions options;
  options.program = deps_.program;
  const std::string name = "runner-" + std::to_string(next_log_++);
  if (attempt.lease.secrets_size() == 0) options.log_file = deps_.work_folder / (name + ".log");
  options.threads = ThreadsOf(attempt.lease);
  options.visible_gpus = VisibleGpus(attempt.gpus);
  options.owner = deps_.owner + "/" + name + "/";
  if (deps_.leases != nullptr) options.fence = deps_.leases->page().descriptor();
  options.sees_agent_go = RunsPrograms(attempt.lease.type()) && attempt.lease.fence_execution();
  Result<std::unique_ptr<Child>> child = Child::Spawn(options);
  if (!child.ok()) {
    LOG_ERROR("no runner could be started: {}", child.status());
    Attempt& failed = *FindId(attempt.id);
    failed.outcome.status = child.status();
    failed.outcome.cause = Cause::kInfrastructure;
    Report(failed);
    return nullptr;
  }
  PENSTOCK_FAULT_POINT("worker.child_spawned");
  Runner& runner = runners_.emplace_back();
  runner.child = *std::move(child);
  runner.key = key;
  runner.retire = NeedsOwnRunner(attempt.lease);
  runner.gpus = attempt.gpus;
  runner.mark = options.owner;
  return &runner;
}

void Executor::Dispatch(Attempt& attempt, Runner& runner) {
  attempt.state = Attempt::State::kRunning;
  attempt.runner = &runner;
  if (runner.attempts.empty()) {
    attempt.running_since = Now();
    attempt.started_at = Clock::Real().Now();
    attempt.log_from = runner.log_end;
  }
  runner.attempts.push_back(&attempt);
  ++runner.served;
  // A child that is gone is noticed by poll, and the attempt with it.
  if (const Status status = runner.child->Send(MakeAssignment(attempt)); !status.ok()) {
    LOG_WARN("a runner does not listen: {}", status);
  }
}

// --- What runners say

void Executor::Read(Runner& runner) {
  Result<std::vector<ChildMessage>> messages = runner.child->Receive();
  if (!messages.ok()) {
    OnDeath(runner);
    return;
  }
  for (ChildMessage& message : *messages) {
    if (message.update) OnUpdate(runner, *message.update);
    if (message.outcome) OnOutcome(runner, *std::move(message.outcome));
  }
}

void Executor::OnUpdate(Runner& runner, const Update& update) {
  if (runner.attempts.empty() || runner.attempts.front()->id != update.id) return;
  Attempt& attempt = *runner.attempts.front();
  attempt.last_sign = Now();
  if (update.progress >= 0) {
    attempt.progress = update.progress;
    attempt.note = attempt.mask.Masked(update.note);
  }
  attempt.points.insert(attempt.points.end(), update.points.begin(), update.points.end());
}

void Executor::OnOutcome(Runner& runner, Outcome outcome) {
  if (runner.attempts.empty() || runner.attempts.front()->id != outcome.id) {
    LOG_ERROR("a runner answered for another attempt; it is retired");
    runner.retire = true;
    return;
  }
  PENSTOCK_FAULT_POINT("worker.child_ended");
  Attempt& attempt = *runner.attempts.front();
  runner.attempts.pop_front();
  attempt.runner = nullptr;
  runner.log_end = outcome.log_end;
  double& typical = typical_ms_[attempt.lease.type()];
  const double millis = static_cast<double>((Now() - attempt.running_since).count()) / 1e3;
  typical = typical == 0 ? millis : 0.8 * typical + 0.2 * millis;
  if (!runner.attempts.empty()) {
    Attempt& next = *runner.attempts.front();
    next.running_since = Now();
    next.started_at = Clock::Real().Now();
    next.log_from = runner.log_end;
    Reserve(attempt, -1);
    Reserve(next, +1);
  } else {
    Reserve(attempt, -1);
  }
  const bool told_to_stop = attempt.cancel || attempt.timed_out || attempt.over_memory ||
                            attempt.discarded || attempt.kill_at.micros != 0;
  if (!outcome.status.ok() || told_to_stop || runner.served >= kAttemptsPerChild) {
    runner.retire = true;
  }
  attempt.points.insert(attempt.points.end(), outcome.points.begin(), outcome.points.end());
  attempt.outcome = std::move(outcome);
  MaskOutcome(attempt.mask, attempt.outcome);
  const auto note = [this](const StoredOutput& stored) {
    deps_.cache->Added(stored.ref.size, stored.files);
  };
  for (const StoredOutput& output : attempt.outcome.outputs) note(output);
  if (attempt.outcome.checkpoint) note(*attempt.outcome.checkpoint);
  CollectLog(attempt, runner.child->log(), runner.log_end, /*last=*/true);
  if (runner.attempts.empty() && runner.log_end > kChildLogBytes) {
    if (ftruncate(runner.child->log(), 0) == 0) runner.log_end = 0;
  }
  End(attempt);
}

void Executor::OnDeath(Runner& runner) {
  std::string how = "is gone";
  // The socket closes a moment before the process can be collected.
  for (int i = 0; i < 200 && !runner.child->Reap(&how); ++i) {
    timespec pause{0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
  runner.child->Signal(SIGKILL);
  runner.retire = true;
  // It could not end the programs that it had started.
  bool gone = false;
  for (int i = 0; !gone && i < 100; ++i) gone = KillLeftovers(runner.mark) == 0;
  if (!gone) KeepGpus(runner);
  struct stat info {};
  const int64_t end = fstat(runner.child->log(), &info) == 0 ? info.st_size : runner.log_end;
  bool first = true;
  for (Attempt* attempt : std::exchange(runner.attempts, {})) {
    attempt->runner = nullptr;
    if (!first) {
      // It had not begun: another child takes it.
      attempt->state = Attempt::State::kQueued;
      continue;
    }
    first = false;
    Reserve(*attempt, -1);
    attempt->outcome = Outcome();
    const bool fenced_off = attempt->lease.fence_execution() && runner.child->FencedOff();
    attempt->outcome.status =
        fenced_off ? Unavailable(std::string(kFencedOff)) : ProcessDied(how);
    attempt->outcome.cause = fenced_off ? Cause::kInfrastructure : Cause::kCrashed;
    CollectLog(*attempt, runner.child->log(), end, /*last=*/true);
    End(*attempt);
  }
}

// --- Ending

}  // namespace penstock

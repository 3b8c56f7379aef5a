#include "worker/agent/executor.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <future>
#include <utility>

#include "base/fault_point.h"
#include "base/log.h"
#include "storage/model/limits.h"
#include "worker/runner/verdict.h"

namespace penstock {
namespace {

constexpr Micros kTick = std::chrono::milliseconds(100);
// An attempt that ends sooner is reported once, by its end.
constexpr Micros kTellStart = std::chrono::milliseconds(15);
constexpr Micros kShipAfter = std::chrono::milliseconds(250);
constexpr std::size_t kPointsPerMessage = 10'000;

Micros FromProto(const google::protobuf::Duration& duration) {
  return Micros(duration.seconds() * 1'000'000 + duration.nanos() / 1'000);
}

Tick Now() {
  return Clock::Real().Ticks();
}

}  // namespace

Executor::Executor(Deps deps)
    : deps_(std::move(deps)),
      environment_(*deps_.config),
      gpus_(deps_.config->devices.size()),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      pool_(8, 1 << 20) {
  PENSTOCK_CHECK(wake_.valid());
  thread_ = std::thread([this] { Loop(); });
}

Executor::~Executor() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
  }
  Post([] {});
  thread_.join();
  for (const auto& [id, attempt] : attempts_) attempt->transfer->Stop();
}

void Executor::Post(std::function<void()> task) {
  {
    MutexLock lock(mutex_);
    posted_.push_back(std::move(task));
    if (posted_.size() > 1) return;  // the loop has been woken already
  }
  const uint64_t one = 1;
  static_cast<void>(!write(wake_.get(), &one, sizeof one));
}

void Executor::Loop() {
  while (true) {
    RunPosted();
    StartQueued();
    Tend();
    TrimCache();
    {
      MutexLock lock(mutex_);
      held_ = attempts_.size();
      if (held_ == 0) idle_.NotifyAll();
      if (ending_) break;
      if (!posted_.empty()) continue;
    }
    Poll(attempts_.empty() ? Micros(std::chrono::seconds(1)) : kTick);
  }
  runners_.clear();
}

void Executor::RunPosted() {
  uint64_t count = 0;
  static_cast<void>(!read(wake_.get(), &count, sizeof count));
  std::vector<std::function<void()>> tasks;
  {
    MutexLock lock(mutex_);
    tasks.swap(posted_);
  }
  for (const auto& task : tasks) task();
}

void Executor::Poll(Micros timeout) {
  std::vector<pollfd> fds = {{wake_.get(), POLLIN, 0}};
  std::vector<Runner*> runners;
  for (Runner& runner : runners_) {
    fds.push_back({runner.child->socket(), POLLIN, 0});
    runners.push_back(&runner);
  }
  const auto millis = static_cast<int>(std::max<int64_t>(timeout.count() / 1'000, 1));
  if (poll(fds.data(), fds.size(), millis) <= 0) return;
  for (std::size_t i = 0; i < runners.size(); ++i) {
    if (fds[i + 1].revents != 0) Read(*runners[i]);
  }
  runners_.remove_if([](const Runner& runner) {
    return runner.attempts.empty() && (runner.retire || !runner.child);
  });
}

// --- Commands

void Executor::Lease(v1::Lease lease, Tick asked) {
  PENSTOCK_FAULT_POINT("worker.lease_received");
  Post([this, asked, lease = std::move(lease)]() mutable {
    if (by_token_.contains(lease.token())) return;  // sent again
    auto owned = std::make_unique<Attempt>();
    Attempt& attempt = *owned;
    attempt.lease = std::move(lease);
    attempt.id = next_id_++;
    attempt.mask = SecretMask({attempt.lease.secrets().begin(), attempt.lease.secrets().end()});
    attempt.asked = asked;
    attempts_.emplace(attempt.id, std::move(owned));
    by_token_[attempt.lease.token()] = &attempt;
    if (draining_) ReportReturned(attempt);
  });
}

void Executor::Cancel(const std::string& token) {
  Post([this, token] {
    Attempt* attempt = Find(token);
    if (attempt == nullptr || attempt->cancel) return;
    attempt->cancel = true;
    attempt->transfer->Stop();
    if (attempt->state == Attempt::State::kQueued || attempt->state == Attempt::State::kFetching) {
      attempt->outcome.status = Cancelled("cancelled before it started");
      attempt->outcome.cause = Cause::kCancelled;
      Report(*attempt);
    } else if (attempt->state == Attempt::State::kRunning) {
      Stop(*attempt);
    }
  });
}

void Executor::Revoke(const std::string& token) {
  Post([this, token] {
    Attempt* attempt = Find(token);
    if (attempt != nullptr && attempt->state == Attempt::State::kQueued) ReportReturned(*attempt);
  });
}

void Executor::Discard(const std::string& token) {
  Post([this, token] {
    Attempt* attempt = Find(token);
    if (attempt == nullptr) return;
    LOG_INFO("attempt is stale, thrown away run={} step={} attempt={}", attempt->lease.run_id(),
             attempt->lease.step_name(), attempt->lease.attempt());
    attempt->discarded = true;
    attempt->transfer->Stop();
    if (attempt->state == Attempt::State::kRunning) {
      Stop(*attempt);
    } else if (attempt->state != Attempt::State::kFinishing) {
      Forget(*attempt);
    }
  });
}

void Executor::OnVerdict(const v1::StepReport& report, const std::string& verdict) {
  Post([this, kind = report.kind(), token = report.token(), verdict] {
    Attempt* attempt = Find(token);
    if (attempt == nullptr) return;
    if (verdict == "STALE_ATTEMPT") {
      if (attempt->state == Attempt::State::kReported) {
        Forget(*attempt);
      } else {
        Discard(token);
      }
    } else if (verdict == "MISSING_ARTIFACT") {
      Finish(*attempt);
    } else if (kind != v1::StepReport::STARTED) {
      Forget(*attempt);
    }
  });
}

std::vector<v1::HeldAttempt> Executor::Held() {
  std::promise<std::vector<v1::HeldAttempt>> promise;
  std::future<std::vector<v1::HeldAttempt>> future = promise.get_future();
  Post([this, &promise] {
    std::vector<v1::HeldAttempt> held;
    for (const auto& [id, attempt] : attempts_) {
      if (attempt->discarded) continue;
      v1::HeldAttempt one;
      one.set_run_id(attempt->lease.run_id());
      one.set_step_index(attempt->lease.step_index());
      one.set_attempt(attempt->lease.attempt());
      one.set_token(attempt->lease.token());
      one.set_running(attempt->state == Attempt::State::kRunning && attempt->started_told);
      one.set_progress(attempt->progress);
      one.set_progress_note(attempt->note);
      held.push_back(std::move(one));
    }
    promise.set_value(std::move(held));
  });
  return future.get();
}

void Executor::Drain() {
  Post([this] {
    draining_ = true;
    for (const auto& [id, attempt] : attempts_) {
      if (attempt->state == Attempt::State::kQueued) ReportReturned(*attempt);
    }
  });
}

void Executor::CancelAll() {
  Post([this] {
    for (const auto& [id, attempt] : attempts_) {
      if (attempt->state == Attempt::State::kRunning) Stop(*attempt);
    }
  });
}

bool Executor::WaitIdle(Micros timeout) {
  const Tick until = Now() + timeout;
  // What was posted before counts as held.
  std::promise<void> passed;
  Post([&passed] { passed.set_value(); });
  passed.get_future().wait();
  MutexLock lock(mutex_);
  while (held_ > 0 || !posted_.empty()) {
    const Micros left = until - Now();
    if (left.count() <= 0) return false;
    idle_.WaitFor(mutex_, left);
  }
  return true;
}

// --- Starting

bool Executor::Fits(const Attempt& attempt) const {
  const v1::Lease& lease = attempt.lease;
  return cpus_used_ + lease.cpus() <= deps_.config->cpus + 1e-9 &&
         memory_used_ + lease.memory() <= deps_.config->memory &&
         lease.gpus() <= static_cast<int>(gpus_.free());
}

void Executor::Reserve(Attempt& attempt, int sign) {
  if (attempt.reserved == (sign > 0)) return;
  attempt.reserved = sign > 0;
  cpus_used_ += sign * attempt.lease.cpus();
  memory_used_ += sign * attempt.lease.memory();
  if (sign > 0) {
    attempt.gpus = gpus_.Take(static_cast<std::size_t>(attempt.lease.gpus()));
  } else {
    gpus_.Give(std::exchange(attempt.gpus, {}));
  }
}

void Executor::StartQueued() {
  for (const auto& [id, owned] : attempts_) {
    Attempt& attempt = *owned;
    if (attempt.state != Attempt::State::kQueued) continue;
    if (IsLate(attempt)) {
      ReportReturned(attempt);
      continue;
    }
    if (!Fits(attempt)) {
      if (TryPipeline(attempt)) continue;
      return;  // in order: what is first in line starts first
    }
    Reserve(attempt, +1);
    if (!attempt.fetched && (attempt.lease.inputs_size() > 0 || attempt.lease.has_checkpoint())) {
      Fetch(attempt);
      continue;
    }
    Runner* runner = FreeRunner(attempt);
    if (runner != nullptr) Dispatch(attempt, *runner);
  }
}

bool Executor::IsLate(const Attempt& attempt) const {
  return attempt.lease.fence_execution() &&
         (deps_.leases == nullptr || !deps_.leases->MayBegin(attempt.asked, Now()));
}

std::filesystem::path Executor::WorkspaceOf(const Attempt& attempt) const {
  return deps_.work_folder / ("attempt-" + std::to_string(attempt.id));
}

Assignment Executor::MakeAssignment(const Attempt& attempt) {
  const v1::Lease& lease = attempt.lease;
  Assignment assignment;
  assignment.id = attempt.id;
  assignment.type = lease.type();
  assignment.algorithm = lease.algorithm();
  assignment.parameters =
      ParseJson(lease.parameters_json(), {.max_bytes = 16 << 20, .max_depth = 64})
          .value_or(Json::object());
  assignment.secrets.insert(lease.secrets().begin(), lease.secrets().end());
  if (lease.type() == "import") {
    assignment.parameters["roots"] = deps_.config->data_roots;
    assignment.parameters["sources"] = deps_.config->data_sources;
    assignment.parameters["ca"] = deps_.config->data_ca;
  }
  if (RunsPrograms(lease.type())) AddNode(lease, assignment.parameters);
  assignment.workspace = WorkspaceOf(attempt).string();
  assignment.store = deps_.store->temp_folder().parent_path().string();
  assignment.report_paths.assign(lease.report_paths().begin(), lease.report_paths().end());
  assignment.threads = ThreadsOf(lease);
  assignment.memory = lease.memory();
  assignment.fenced = lease.fence_execution();
  for (const v1::LeaseInput& input : lease.inputs()) {
    for (int i = 0; i < input.artifacts_size(); ++i) {
      AssignedInput assigned;
      assigned.name = input.name();
      assigned.path =
          (WorkspaceOf(attempt) / "in" / (input.name() + "-" + std::to_string(i))).string();
      assigned.type = ParseArtifactType(input.artifacts(i).type()).value_or(ArtifactType::kFile);
      assigned.digest = ParseDigest(input.artifacts(i).digest()).value_or(Digest());
      if (i < input.display_names_size()) assigned.display_name = input.display_names(i);
      assignment.inputs.push_back(std::move(assigned));
    }
  }
  return assignment;
}

void Executor::Stop(Attempt& attempt) {
  if (attempt.runner == nullptr || attempt.kill_at.micros != 0) return;
  Runner& runner = *attempt.runner;
  if (runner.attempts.front() != &attempt) {
    // It waits in the child behind another: that one is not to be disturbed.
    attempt.kill_at = Now();
    return;
  }
  attempt.kill_at = Now() + deps_.config->kill_grace;
  runner.child->Signal(SIGTERM);
}

bool Executor::IsIdle(Attempt& attempt, Tick now) {
  struct stat info {};
  if (fstat(attempt.runner->child->log(), &info) == 0 && info.st_size != attempt.output_seen) {
    attempt.output_seen = info.st_size;
    attempt.last_sign = now;
  }
  const Tick since = std::max(attempt.last_sign, attempt.running_since);
  return now - since > FromProto(attempt.lease.idle_timeout());
}

// Looks after what runs: late starts to tell, timeouts, memory, logs.
void Executor::Tend() {
  const Tick now = Now();
  FreeStuckGpus();
  for (Runner& runner : runners_) {
    if (runner.attempts.empty()) continue;
    Attempt& attempt = *runner.attempts.front();
    const Micros age = now - attempt.running_since;
    // It ends by itself; but should it hang, this must not be what keeps it.
    if (attempt.lease.fence_execution() && deps_.leases->Over(now)) runner.child->Signal(SIGKILL);
    if (!attempt.started_told && age >= kTellStart) ReportStarted(attempt);
    if (attempt.kill_at.micros != 0) {
      if (now >= attempt.kill_at) runner.child->Signal(SIGKILL);
      continue;
    }
    if (attempt.cancel || attempt.discarded || IsOverdue(attempt, now)) Stop(attempt);
    const v1::Lease& lease = attempt.lease;
    if (lease.has_timeout() && age > FromProto(lease.timeout())) {
      attempt.timed_out = true;
      Stop(attempt);
    }
    if (lease.has_idle_timeout() && IsIdle(attempt, now)) {
      attempt.timed_out = true;
      attempt.idle = true;
      Stop(attempt);
    }
    if (lease.memory() > 0 && age >= kTick &&
        runner.child->ResidentMemory() > lease.memory() + MemoryOfRunner(lease.type())) {
      attempt.over_memory = true;
      attempt.kill_at = now;
      runner.child->Signal(SIGKILL);
    }
    if (age >= kShipAfter && !attempt.shipping) {
      struct stat info {};
      if (fstat(runner.child->log(), &info) == 0) {
        CollectLog(attempt, runner.child->log(), info.st_size, /*last=*/false);
      }
      Ship(attempt);
    }
  }
}

// Takes over what the attempt has printed up to `until` in the child's file. The first half of the
// limit comes as it is printed; of the rest only the end is kept, and only at the end.
void Executor::CollectLog(Attempt& attempt, int file, int64_t until, bool last) {
  constexpr int64_t kHalf = limits::kMaxLogBytesPerStep / 2;
  int64_t size = until - attempt.log_from;
  if (!last) size = std::min(size, kHalf);
  if (const int64_t skip = size - kHalf - std::max(attempt.log_taken, kHalf); skip > 0) {
    Take(attempt, file, kHalf);
    attempt.mask.Finish(attempt.unsent);
    attempt.unsent += "\n… " + std::to_string(skip) + " bytes are left out here …\n";
    attempt.log_taken += skip;
  }
  Take(attempt, file, size);
  if (last) attempt.mask.Finish(attempt.unsent);
}

// Appends what stands between what was taken and `size` to what is to be sent, masked: positions
// in the log are of what is sent.
void Executor::Take(Attempt& attempt, int file, int64_t size) {
  if (size <= attempt.log_taken) return;
  std::string printed(static_cast<std::size_t>(size - attempt.log_taken), '\0');
  const ssize_t got =
      pread(file, printed.data(), printed.size(), attempt.log_from + attempt.log_taken);
  printed.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  attempt.mask.Append(printed, attempt.unsent);
  attempt.log_taken = size;
}

// Sends what is unsent of the log and the points, one message at a time.
void Executor::Ship(Attempt& attempt) {
  if (attempt.shipping || (attempt.unsent.empty() && attempt.points.empty())) return;
  v1::LogChunk chunk;
  chunk.set_run_id(attempt.lease.run_id());
  chunk.set_step_index(attempt.lease.step_index());
  chunk.set_attempt(attempt.lease.attempt());
  chunk.set_token(attempt.lease.token());
  chunk.set_rank(attempt.lease.rank());
  chunk.set_offset(attempt.log_position);
  chunk.set_data(attempt.unsent.substr(0, Transfer::kMaxLogBytes));
  attempt.unsent.erase(0, chunk.data().size());
  chunk.set_first_point(attempt.points_sent);
  const auto points_end = attempt.points.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                       attempt.points.size(), kPointsPerMessage));
  for (auto point = attempt.points.begin(); point != points_end; ++point) {
    v1::MetricPoint& sent = *chunk.add_points();
    sent.set_name(attempt.mask.Masked(point->name));
    sent.set_index(point->index);
    sent.set_value(point->value);
    SetTime(point->time, sent.mutable_time());
  }
  attempt.points.erase(attempt.points.begin(), points_end);
  attempt.shipping = true;
  const bool posted = pool_.Post([this, id = attempt.id, chunk = std::move(chunk)]() mutable {
    const std::string token = chunk.token();
    const bool has_data = !chunk.data().empty();
    const bool has_points = chunk.points_size() > 0;
    const auto known = deps_.transfer->AppendLog(std::move(chunk));
    Post([this, id, token, has_data, has_points, known] {
      if (known.status().reason() == "STALE_ATTEMPT") Discard(token);
      Attempt* shipped = FindId(id);
      if (shipped == nullptr) return;
      shipped->shipping = false;
      if (known.ok()) {
        if (has_data) shipped->log_position = known->offset();
        if (has_points) shipped->points_sent = known->points();
      } else {
        LOG_WARN("a part of a step's log is lost: {} run={} step={} attempt={}", known.status(),
                 shipped->lease.run_id(), shipped->lease.step_name(), shipped->lease.attempt());
      }
      if (shipped->ended) {
        End(*shipped);
      } else {
        Ship(*shipped);
      }
    });
  });
  PENSTOCK_CHECK(posted);
}

Executor::Attempt* Executor::Find(const std::string& token) {
  const auto found = by_token_.find(token);
  return found == by_token_.end() ? nullptr : found->second;
}

Executor::Attempt* Executor::FindId(int64_t id) {
  const auto found = attempts_.find(id);
  return found == attempts_.end() ? nullptr : found->second.get();
}

void Executor::Forget(Attempt& attempt) {
  Reserve(attempt, -1);
  // One that failed may have left half an output; without inputs and outputs there is no folder.
  if (attempt.lease.inputs_size() > 0 || attempt.lease.type() == kScript ||
      !attempt.outcome.outputs.empty() || !attempt.outcome.status.ok() ||
      attempt.state != Attempt::State::kReported) {
    (void)RemoveAll(WorkspaceOf(attempt));
  }
  by_token_.erase(attempt.lease.token());
  attempts_.erase(attempt.id);
}

}  // namespace penstock

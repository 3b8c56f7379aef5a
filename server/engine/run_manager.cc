#include "server/engine/run_manager.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "server/core/retry.h"
#include "storage/model/source_address.h"

namespace penstock {
namespace {

int32_t& Bucket(StepCounts& counts, StepState state) {
  switch (state) {
    case StepState::kWaiting:
    case StepState::kReady:
    case StepState::kRetryWait:
      return counts.waiting;
    case StepState::kLeased:
    case StepState::kRunning:
      return counts.active;
    case StepState::kSucceeded:
    case StepState::kCached:
      return counts.succeeded;
    case StepState::kFailed:
      return counts.failed;
    case StepState::kSkipped:
      return counts.skipped;
    case StepState::kCancelled:
      return counts.cancelled;
  }
  PENSTOCK_CHECK(!"a state outside its enumeration");
  return counts.waiting;
}

}  // namespace

Needs NeedsOf(const StepSpec& step) {
  Needs needs;
  needs.cpus = step.resources.cpus;
  needs.memory = step.resources.memory;
  needs.gpus = step.resources.gpus;
  needs.nodes = step.resources.nodes;
  needs.labels = step.resources.labels;
  needs.tolerations = step.resources.tolerations;
  needs.step = step.key() + "@" + step.version;
  needs.data_path = step.data_path();
  if (step.type == "import") needs.data_source = SourceToRead(step.parameters);
  return needs;
}

// --- Transitions

void RunManager::ApplyToAttempt(AttemptRecord& attempt, AttemptEvent event) {
  if (context_.observer != nullptr) context_.observer->OnAttempt(attempt.state, event);
  const std::optional<AttemptState> next = NextState(attempt.state, event);
  PENSTOCK_CHECK(next.has_value());
  attempt.state = *next;
}

void RunManager::MarkRun(LiveRun& run) {
  if (run.dirty) return;
  run.dirty = true;
  dirty_runs_.push_back(&run);
}

void RunManager::MarkStep(LiveRun& run, StepIndex index) {
  MarkRun(run);
  if (run.step_is_dirty.size() < run.steps.size()) run.step_is_dirty.resize(run.steps.size());
  const auto i = static_cast<std::size_t>(index);
  if (!run.step_is_dirty[i]) {
    run.step_is_dirty[i] = true;
    run.dirty_steps.push_back(index);
  }
}

void RunManager::Apply(LiveRun& run, StepIndex index, StepEvent event) {
  StepRecord& step = run.step(index);
  if (context_.observer != nullptr) context_.observer->OnStep(step.state, event);
  const std::optional<StepState> next = NextState(step.state, event);
  PENSTOCK_CHECK(next.has_value());
  if (*next == step.state) return;
  StepCounts& counts = run.record.counts;
  const int32_t active = counts.active;
  --Bucket(counts, step.state);
  ++Bucket(counts, *next);
  step.state = *next;
  MarkStep(run, index);
  // Control steps take nobody's place.
  if (counts.active == active || run.spec(index).control) return;
  run.on_workers += counts.active - active;
  placer_.SetActive(run.record.row, run.on_workers);
}

void RunManager::ApplyToRun(LiveRun& run, RunEvent event) {
  if (context_.observer != nullptr) context_.observer->OnRun(run.record.state, event);
  const std::optional<RunState> next = NextState(run.record.state, event);
  PENSTOCK_CHECK(next.has_value());
  run.record.state = *next;
  MarkRun(run);
}

void RunManager::Start(LiveRun& run) {
  ApplyToRun(run, RunEvent::kStart);
  run.record.started_at = context_.now;
  WatchDeadlines(run);
  StartFrame(run, run.frames.front());
  Settle(run);
}

void RunManager::BecomeReady(LiveRun& run, StepIndex index) {
  Apply(run, index, StepEvent::kDependenciesMet);
  run.step(index).ready_at = context_.now;
  WatchDeadline(run, index);
  if (EndFromOrigin(run, index)) return;
  if (run.spec(index).control) {
    Decide(run, index);
  } else if (!EndFromCache(run, index)) {
    if (const Status status = MutexOf(run, index).status(); !status.ok()) {
      Apply(run, index, StepEvent::kDecided);
      Finish(run, index, {StepEvent::kFail, Cause::kBadReference, status.message()});
      return;
    }
    Enqueue(run, index);
  }
}

void RunManager::Enqueue(LiveRun& run, StepIndex index) {
  Needs needs = NeedsOf(run.spec(index));
  AddNeedsOfModels(run, index, needs);
  AddNeedsOfSource(run, index, needs);
  placer_.Enqueue(run.record.row, index, needs, MutexOf(run, index).value_or(""));
}

void RunManager::Finish(LiveRun& run, StepIndex index, Ending ending) {
  StepRecord& step = run.step(index);
  Apply(run, index, ending.event);
  PENSTOCK_CHECK(IsTerminal(step.state));
  RunFrame& frame = run.frame(index);
  --frame.open;
  step.cause = ending.cause;
  step.message = std::move(ending.message);
  step.ended_at = context_.now;
  step.progress_note.clear();
  step.expected_end = {};
  step.message = TruncateUtf8(step.message, limits::kMaxErrorMessageBytes);
  run.to_settle.push_back(index);
  const bool own = &frame == &run.frames.front();
  if (step.state == StepState::kFailed && own && frame.plan->fail_fast() && !run.stop &&
      !run.spec(index).continue_on_failure) {
    run.stop = FailFast(step);
    run.stop_due = true;
  }
}

// Carries the ends of steps to those that wait for them, and those ends further, also out of and
// into maps and pipelines. A loop, not a recursion: a chain of 10,000 skipped steps must not use
// 10,000 stack frames.
void RunManager::Settle(LiveRun& run) {
  if (run.settling) return;
  run.settling = true;
  while (!run.to_settle.empty() || run.stop_due) {
    if (run.to_settle.empty()) {
      run.stop_due = false;
      StopSteps(run);
      continue;
    }
    const StepIndex ended = run.to_settle.back();
    run.to_settle.pop_back();
    const StepRecord& step = run.step(ended);
    RunFrame& frame = run.frame(ended);
    for (const StepIndex local :
         frame.readiness->OnEnded(ended - frame.base, step.state, step.branch)) {
      const StepIndex index = frame.base + local;
      if (IsTerminal(run.step(index).state)) continue;
      const Readiness::Decision& decision = frame.readiness->decision(local);
      if (StopOf(run, index)) {
        Finish(run, index, StoppedEnding(run, index));
      } else if (decision.verdict == Readiness::Verdict::kSkip) {
        Finish(run, index, {StepEvent::kSkip, decision.cause, decision.message});
      } else {
        BecomeReady(run, index);
      }
    }
    if (frame.open == 0 && !frame.ended) EndFrame(run, frame);
  }
  run.settling = false;
  EndRunIfDone(run);
}

void RunManager::EndRunIfDone(LiveRun& run) {
  const RunFrame& own = run.frames.front();
  if (IsTerminal(run.record.state) || !own.ended) return;
  if (own.exit != nullptr && !own.exit->ended) return;
  StepIndex failed = run.FailedStep(own);
  // What runs on exit can make it worse, and not better.
  if (failed < 0 && own.exit != nullptr) failed = run.FailedStep(*own.exit);
  if (run.record.state == RunState::kCancelling) {
    ApplyToRun(run, RunEvent::kAllEnded);
  } else if (run.stop.cause == Cause::kDeadline) {
    ApplyToRun(run, RunEvent::kSomeFailed);
    run.record.message = run.stop.message;
  } else if (failed < 0) {
    ApplyToRun(run, RunEvent::kAllSucceeded);
  } else {
    ApplyToRun(run, RunEvent::kSomeFailed);
    const StepRecord& step = run.step(failed);
    run.record.message = "step " + step.name + ": " + step.message;
  }
  run.record.ended_at = context_.now;
  LeaveAdmission(run);
  LOG_INFO("run ended run={} state={}", run.record.id, Name(run.record.state));
}

// --- Attempts

void RunManager::EndAttempt(LiveAttempt& attempt, AttemptEvent event, Cause cause,
                            std::string message) {
  LiveRun& run = *attempt.run;
  sessions_.Detach(attempt);
  if (attempt.gang == nullptr) placer_.Release(run.record.row, attempt.record.step);
  AttemptRecord& record = attempt.record;
  ApplyToAttempt(record, event);
  PENSTOCK_CHECK(IsTerminal(record.state));
  record.cause = cause;
  record.message = std::move(message);
  record.ended_at = context_.now;
  if (record.state == AttemptState::kLost) ++context_.metrics.attempts_lost;
  if (record.state == AttemptState::kSucceeded) {
    ++context_.metrics.completions;
    const StepSpec& step = run.spec(record.step);
    placer_.RecordDuration(step.key() + "@" + step.version, context_.now - record.started_at);
  }
  if (attempt.may_hold) context_.Note(context_.Write().DeleteHolds(record.token.value()));
  by_token_.erase(record.token);
  by_worker_[record.worker].erase(&attempt);
  if (by_worker_[record.worker].empty()) by_worker_.erase(record.worker);
  token_changes_.removed.push_back(record.token);
  MarkStep(run, record.step);
  ended_attempts_.push_back(TakeOut(attempt));
}

std::unique_ptr<LiveAttempt> RunManager::TakeOut(LiveAttempt& attempt) {
  const AttemptRecord& record = attempt.record;
  if (attempt.gang != nullptr) {
    if (--rank_addresses_[record.address] == 0) rank_addresses_.erase(record.address);
    return std::move(attempt.gang->ranks[static_cast<std::size_t>(record.rank)]);
  }
  return std::move(attempt.run->attempts.extract(record.step).mapped());
}

LiveAttempt* RunManager::FindAttempt(const AttemptToken& token) {
  const auto found = by_token_.find(token);
  return found == by_token_.end() ? nullptr : found->second;
}

std::vector<LiveAttempt*> RunManager::AttemptsOf(const WorkerId& worker) {
  const auto found = by_worker_.find(worker);
  if (found == by_worker_.end()) return {};
  std::vector<LiveAttempt*> attempts(found->second.begin(), found->second.end());
  // By what they are rather than by where they lie in memory: the same history, the same decisions.
  std::sort(attempts.begin(), attempts.end(), [](const LiveAttempt* a, const LiveAttempt* b) {
    return std::tuple(a->run->record.row, a->record.step, a->record.rank) <
           std::tuple(b->run->record.row, b->record.step, b->record.rank);
  });
  return attempts;
}

void RunManager::OnStarted(LiveAttempt& attempt, Time when) {
  if (attempt.record.state != AttemptState::kLeased) return;
  LiveRun& run = *attempt.run;
  ApplyToAttempt(attempt.record, AttemptEvent::kStarted);
  attempt.record.started_at = std::clamp(when, attempt.record.leased_at, context_.now);
  StepRecord& step = run.step(attempt.record.step);
  Apply(run, attempt.record.step, StepEvent::kStarted);
  MarkStep(run, attempt.record.step);  // another rank may have started it
  if (!step.started_at.set()) step.started_at = attempt.record.started_at;
  run.touched_attempts.push_back(attempt.record.step);
}

void RunManager::OnReport(LiveAttempt& attempt, const StepReport& report) {
  if (attempt.gang != nullptr) return OnRankReport(attempt, report);
  LiveRun& run = *attempt.run;
  const StepIndex index = attempt.record.step;
  if (attempt.expired) placer_.Remove(run.record.row, index);
  const bool stopping = attempt.cancelling;
  const bool moving = attempt.moving;
  if (report.kind != ReportKind::kReturned) OnStarted(attempt, report.started_at);
  attempt.record.exit_code = report.exit_code;
  attempt.record.peak_memory = report.peak_memory;
  attempt.record.cpu_seconds = report.cpu_seconds;
  attempt.record.environment = report.environment;
  StepRecord& step = run.step(index);
  switch (report.kind) {
    case ReportKind::kStarted:
      return;
    case ReportKind::kSucceeded:
      KeepCheckpoint(run, index, std::nullopt);
      KeepResult(run, index, report.result);
      NotePlaces(report.result, attempt.record.worker);
      RememberResult(run, index);
      EndAttempt(attempt, AttemptEvent::kSucceeded, Cause::kNone, "");
      Finish(run, index, {StepEvent::kSucceed, Cause::kNone, report.message});
      break;
    case ReportKind::kFailed:
      EndAttempt(attempt, AttemptEvent::kFailed, report.cause, report.message);
      if (stopping) {
        Finish(run, index, StoppedEnding(run, index));
      } else {
        RetryOrFail(run, index, report.cause, report.message, report.exit_code);
      }
      break;
    case ReportKind::kCancelled:
      if (!stopping && (moving || report.cause == Cause::kPreempted)) {
        OnGaveWay(attempt, report);
        break;
      }
      EndAttempt(attempt, AttemptEvent::kCancelled, Cause::kCancelled, report.message);
      if (stopping) {
        Finish(run, index, StoppedEnding(run, index));
      } else {
        RetryOrFail(run, index, Cause::kInfrastructure,
                    "worker " + step.worker + " was told to stop while it ran the step");
      }
      break;
    case ReportKind::kReturned:
      OnReturned(attempt, "given back before it started");
      break;
  }
  Settle(run);
}

void RunManager::OnReturned(LiveAttempt& attempt, const std::string& message) {
  if (attempt.gang != nullptr) return OnRankLost(attempt, Cause::kNone, message);
  LiveRun& run = *attempt.run;
  const StepIndex index = attempt.record.step;
  const bool stopping = attempt.cancelling;
  placer_.Remove(run.record.row, index);
  EndAttempt(attempt, AttemptEvent::kLost, Cause::kNone, message);
  if (stopping) {
    Finish(run, index, StoppedEnding(run, index));
  } else {
    Requeue(run, index);
  }
  Settle(run);
}

void RunManager::KeepResult(LiveRun& run, StepIndex index, const StepResult& result) {
  StepRecord& step = run.step(index);
  step.result = result;
  const RunFrame& frame = run.frame(index);
  for (const std::string& path : frame.plan->report_paths(index - frame.base)) {
    if (!result.report_values.contains(path)) step.result.absent_values.insert(path);
  }
  run.new_results.push_back(index);
  for (const auto& [name, ref] : result.outputs) {
    MetadataStore& store = context_.Write();
    context_.Note(store.SetArtifactOrigin(ref.digest, run.record.id, step.name, name));
    run.new_artifacts.push_back(ref.digest);
    NoteProducer(run, ref.digest, index);
  }
}

// Of several steps that left the same the first, whichever ended first.
void RunManager::NoteProducer(LiveRun& run, const Digest& digest, StepIndex index) {
  StepIndex& producer = run.producers.try_emplace(digest, index).first->second;
  producer = std::min(producer, index);
}

void RunManager::Requeue(LiveRun& run, StepIndex index) {
  Apply(run, index, StepEvent::kLeaseLost);
  Enqueue(run, index);
}

void RunManager::OnLost(LiveAttempt& attempt, Cause cause, const std::string& message) {
  if (attempt.gang != nullptr) return OnRankLost(attempt, cause, message);
  LiveRun& run = *attempt.run;
  const StepIndex index = attempt.record.step;
  const bool stopping = attempt.cancelling;
  placer_.Remove(run.record.row, index);
  EndAttempt(attempt, AttemptEvent::kLost, cause, message);
  if (stopping) {
    Finish(run, index, StoppedEnding(run, index));
  } else {
    RetryOrFail(run, index, cause, message);
  }
  Settle(run);
}

void RunManager::OnExpired(LiveAttempt& attempt) {
  if (attempt.gang != nullptr) return OnRankExpired(attempt);
  LiveRun& run = *attempt.run;
  if (attempt.cancelling) {
    OnLost(attempt, Cause::kWorkerLost, "its lease ran out while it was being stopped");
    return;
  }
  if (IsFenced(run, attempt.record.step)) {
    // Its worker has ended it by now, and may not report anything of it any more.
    OnLost(attempt, Cause::kWorkerLost,
           "its lease ran out: worker " + attempt.record.worker.value() + " was cut off");
    return;
  }
  Enqueue(run, attempt.record.step);
}

void RunManager::OnReadopted(LiveAttempt& attempt) {
  if (attempt.gang != nullptr) return OnRankReadopted(attempt);
  placer_.Remove(attempt.run->record.row, attempt.record.step);
}

void RunManager::OnProgress(LiveAttempt& attempt, double fraction, const std::string& note) {
  if (attempt.record.rank != 0) return;
  LiveRun& run = *attempt.run;
  StepRecord& step = run.step(attempt.record.step);
  if (step.progress == fraction && step.progress_note == note) return;
  step.progress = fraction;
  step.progress_note = note;
  step.expected_end = ExpectedEnd(attempt.record.started_at, fraction, context_.now);
  events_.progress().Set(run.record.id, step);
  if (!events_.HasListeners(run.record.id)) return;
  auto update = std::make_shared<RunUpdate>();
  update->run = run.record;
  update->steps.push_back(step);
  update->progress_only = true;
  context_.AfterCommit([this, update](const Status& outcome) {
    if (outcome.ok()) events_.Publish(update);
  });
}

void RunManager::RetryOrFail(LiveRun& run, StepIndex index, Cause cause, std::string message,
                             int exit_code) {
  StepRecord& step = run.step(index);
  const bool infrastructure = IsInfrastructure(cause);
  ++(infrastructure ? step.infra_failures : step.failures);
  const RetryDecision decision = DecideRetry(run.spec(index).retry,
                                             {.cause = cause,
                                              .exit_code = exit_code,
                                              .failures = step.failures,
                                              .losses = step.infra_failures,
                                              .since_ready = context_.now - step.ready_at},
                                             context_.random.NextDouble());
  MarkStep(run, index);
  if (!decision.retry) {
    if (infrastructure) {
      message += " (" + std::to_string(step.infra_failures) + " attempts were lost)";
    }
    Finish(run, index, {StepEvent::kFail, cause, std::move(message)});
    return;
  }
  ++context_.metrics.retries;
  if (decision.wait.count() == 0) {
    Requeue(run, index);
    return;
  }
  Apply(run, index, StepEvent::kRetry);
  step.cause = cause;
  step.message = std::move(message);
  step.retry_at = context_.now + decision.wait;
  ScheduleRetry(run, index);
}

void RunManager::ScheduleRetry(LiveRun& run, StepIndex index) {
  const StepRecord& step = run.step(index);
  const Micros wait = std::max(step.retry_at - context_.now, Micros(0));
  timers_.At(context_.tick + wait, [this, row = run.record.row, index, attempt = step.attempt] {
    const auto found = runs_.find(row);
    if (found == runs_.end()) return;
    LiveRun& live = *found->second;
    StepRecord& waiting = live.steps[static_cast<std::size_t>(index)];
    if (waiting.state != StepState::kRetryWait || waiting.attempt != attempt) return;
    Apply(live, index, StepEvent::kRetryDue);
    Enqueue(live, index);
  });
}

bool RunManager::HasLiveRunOf(const PipelineName& pipeline) const {
  return std::any_of(runs_.begin(), runs_.end(), [&](const auto& entry) {
    return entry.second->record.pipeline == pipeline && !IsTerminal(entry.second->record.state);
  });
}

// --- Writing and telling

void RunManager::Flush() {
  if (dirty_runs_.empty() && ended_attempts_.empty()) return;
  MetadataStore& store = context_.Write();
  for (LiveRun* run : dirty_runs_) {
    if (!context_.error().ok()) return;
    FlushRun(store, *run);
  }
  for (const auto& attempt : ended_attempts_) {
    const int64_t row = attempt->run->record.row;
    if (attempt->fresh) context_.Note(store.InsertAttempt(row, attempt->record));
    context_.Note(store.UpdateAttempt(row, attempt->record));
  }
  ended_attempts_.clear();
}

void RunManager::FlushRun(MetadataStore& store, LiveRun& run) {
  const int64_t row = run.record.row;
  ++run.record.revision;
  const auto count = static_cast<StepIndex>(run.steps.size());
  if (run.fresh) {
    run.fresh = false;
    context_.Note(store.InsertRun(run.record, run.steps));
  } else {
    std::sort(run.new_results.begin(), run.new_results.end());
    for (const StepIndex index : run.dirty_steps) {
      if (index >= run.stored) continue;
      const bool with_result =
          std::binary_search(run.new_results.begin(), run.new_results.end(), index);
      context_.Note(store.UpdateStep(row, run.step(index), with_result));
    }
    for (const StepIndex index : run.new_notes) {
      if (index < run.stored) context_.Note(store.SetStepNotes(row, run.step(index)));
    }
    for (StepIndex index = run.stored; index < count; ++index) {
      context_.Note(store.InsertStep(row, run.step(index)));
    }
    context_.Note(store.UpdateRun(run.record));
  }
  run.stored = count;
  for (const StepIndex index : run.to_cache) {
    context_.Note(store.InsertCached(JsonString(run.step(index).cache, "key"),
                                     PipelineOf(run, index), run.spec(index).name, row, index,
                                     context_.now));
  }
  for (const StepIndex index : run.touched_attempts) {
    // What ended in this turn is written with the others that did.
    if (const auto found = run.attempts.find(index); found != run.attempts.end()) {
      WriteAttempt(row, *found->second);
    } else if (const auto gang = run.gangs.find(index); gang != run.gangs.end()) {
      for (const auto& rank : gang->second.ranks) {
        if (rank) WriteAttempt(row, *rank);
      }
    }
  }
  for (const Digest& digest : run.new_artifacts) {
    context_.Note(store.InsertRunArtifact(row, digest));
  }
}

void RunManager::WriteAttempt(int64_t row, LiveAttempt& attempt) {
  MetadataStore& store = context_.Write();
  const bool fresh = std::exchange(attempt.fresh, false);
  if (fresh) context_.Note(store.InsertAttempt(row, attempt.record));
  if (fresh && attempt.record.state == AttemptState::kLeased) return;
  context_.Note(store.UpdateAttempt(row, attempt.record));
}

void RunManager::Publish() {
  for (LiveRun* run : std::exchange(dirty_runs_, {})) {
    if (events_.HasListeners(run->record.id)) PublishRun(*run);
    run->dirty = false;
    for (const StepIndex index : run->dirty_steps) {
      run->step_is_dirty[static_cast<std::size_t>(index)] = false;
    }
    run->dirty_steps.clear();
    run->new_results.clear();
    run->new_notes.clear();
    run->to_cache.clear();
    run->new_artifacts.clear();
    run->touched_attempts.clear();
    if (!IsTerminal(run->record.state)) continue;
    if (context_.run_ended) context_.run_ended(run->record.id);
    events_.progress().Forget(run->record.id);
    placer_.RemoveRun(run->record.row);
    by_id_.erase(run->record.id);
    runs_.erase(run->record.row);
  }
  context_.metrics.live_runs.store(static_cast<int64_t>(runs_.size()));
  context_.metrics.live_attempts.store(static_cast<int64_t>(by_token_.size()));
  context_.metrics.ready_steps.store(static_cast<int64_t>(placer_.queued()));
}

void RunManager::PublishRun(const LiveRun& run) {
  auto update = std::make_shared<RunUpdate>();
  update->run = run.record;
  for (const StepIndex index : run.dirty_steps) {
    update->steps.push_back(run.step(index));
  }
  events_.Publish(std::move(update));
}

}  // namespace penstock

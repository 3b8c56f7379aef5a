// What ends a run, or a part of it, before its time: cancel, deadlines, failFast.

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "server/engine/run_manager.h"

namespace penstock {

Result<RunRecord> RunManager::Cancel(const CancelRunCommand& command) {
  const auto found = by_id_.find(command.run);
  if (found == by_id_.end()) return context_.Read().FindRun(command.run.value());
  LiveRun& run = *found->second;
  const bool news = run.record.state != RunState::kCancelling || (command.now && !run.stop_exit);
  if (IsTerminal(run.record.state) || !news) return AsCommitted(run);
  // One that never began leaves nothing to tidy up.
  const bool now = command.now || run.record.state == RunState::kPending;
  ApplyToRun(run, RunEvent::kCancel);
  run.stop = {Cause::kCancelled, "the run was cancelled"};
  run.stop_exit = now;
  run.record.message = "cancelled by " + command.principal.value();
  if (!command.comment.empty()) run.record.message += ": " + command.comment;
  context_.Note(
      context_.Write().RecordCancel(run.record.row, command.principal, command.comment, now));
  run.stop_due = true;
  Settle(run);
  return AsCommitted(run);
}

// The record as this turn's commit will write it.
RunRecord RunManager::AsCommitted(const LiveRun& run) const {
  RunRecord record = run.record;
  if (run.dirty) ++record.revision;
  return record;
}

Stop RunManager::FailFast(const StepRecord& failed) {
  return {Cause::kFailFast, "step " + failed.name + " failed, and the pipeline says failFast"};
}

const Stop* RunManager::StopOf(const LiveRun& run, StepIndex index) {
  const RunFrame* frame = &run.frame(index);
  while (true) {
    // What tidies up is let run, unless somebody said that it must not.
    if (frame->on_exit) return run.stop_exit ? &run.stop : nullptr;
    if (frame->parent < 0) return run.stop ? &run.stop : nullptr;
    const Expansion& expansion = run.expansions.at(frame->parent);
    if (expansion.stop) return &expansion.stop;
    frame = &run.frame(frame->parent);
  }
}

RunManager::Ending RunManager::StoppedEnding(const LiveRun& run, StepIndex index) const {
  const Stop* stop = StopOf(run, index);
  // What else stops a step is its deadline, also where the clock was set back since it passed.
  if (stop == nullptr || DeadlinePassed(run, index)) {
    PENSTOCK_CHECK(run.spec(index).deadline.has_value());
    return {StepEvent::kFail, Cause::kDeadline,
            "its deadline of " + UnparseDuration(*run.spec(index).deadline) + " passed"};
  }
  return {StepEvent::kCancel, stop->cause, stop->message};
}

void RunManager::StopSteps(LiveRun& run) {
  for (StepIndex index = 0; index < static_cast<StepIndex>(run.steps.size()); ++index) {
    if (StopOf(run, index) != nullptr) StopStep(run, index);
  }
}

void RunManager::StopStep(LiveRun& run, StepIndex index) {
  if (IsTerminal(run.step(index).state)) return;
  // A map or a pipeline ends with what is inside it.
  if (run.expansions.contains(index)) return;
  placer_.Remove(run.record.row, index);
  if (run.gangs.contains(index)) {
    EndGang(run, index, Cause::kNone, "", 0);
    FinishGang(run, index);
    return;
  }
  const auto live = run.attempts.find(index);
  if (live == run.attempts.end()) {
    Finish(run, index, StoppedEnding(run, index));
  } else if (live->second->expired) {
    EndAttempt(*live->second, AttemptEvent::kLost, Cause::kWorkerLost, "its lease ran out");
    Finish(run, index, StoppedEnding(run, index));
  } else if (!live->second->cancelling) {
    // Ends when the worker says so, or when its lease runs out.
    sessions_.SendCancel(*live->second);
  }
}

void RunManager::WatchDeadlines(LiveRun& run) {
  const std::optional<Micros>& deadline = run.frames.front().plan->deadline();
  if (deadline) {
    const Micros left = std::max(run.record.started_at + *deadline - context_.now, Micros(0));
    timers_.At(context_.tick + left, [this, row = run.record.row, length = *deadline] {
      const auto found = runs_.find(row);
      if (found == runs_.end() || found->second->stop) return;
      LiveRun& live = *found->second;
      live.stop = {Cause::kDeadline,
                   "the run's deadline of " + UnparseDuration(length) + " passed"};
      live.stop_due = true;
      Settle(live);
    });
  }
  for (const StepRecord& step : run.steps) {
    if (step.ready_at.set() && !IsTerminal(step.state)) WatchDeadline(run, step.index);
  }
}

void RunManager::WatchDeadline(LiveRun& run, StepIndex index) {
  const std::optional<Micros>& deadline = run.spec(index).deadline;
  if (!deadline) return;
  const Micros left = std::max(run.step(index).ready_at + *deadline - context_.now, Micros(0));
  timers_.At(context_.tick + left, [this, row = run.record.row, index] {
    const auto found = runs_.find(row);
    if (found == runs_.end()) return;
    LiveRun& live = *found->second;
    if (IsTerminal(live.step(index).state)) return;
    if (!DeadlinePassed(live, index)) return WatchDeadline(live, index);  // the clock was set back
    if (const auto inside = live.expansions.find(index); inside != live.expansions.end()) {
      inside->second.stop = {Cause::kDeadline,
                             "the deadline of step " + live.step(index).name + " passed"};
      live.stop_due = true;
    } else {
      StopStep(live, index);
    }
    Settle(live);
  });
}

bool RunManager::IsStopping(const LiveRun& run, StepIndex index) const {
  return StopOf(run, index) != nullptr || DeadlinePassed(run, index);
}

bool RunManager::DeadlinePassed(const LiveRun& run, StepIndex index) const {
  const std::optional<Micros>& deadline = run.spec(index).deadline;
  const StepRecord& step = run.step(index);
  return deadline && step.ready_at.set() && context_.now >= step.ready_at + *deadline;
}

}  // namespace penstock

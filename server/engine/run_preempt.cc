// Steps that are stopped for the sake of others, and what they leave for their next attempt.

#include <utility>

#include "base/log.h"
#include "server/engine/run_manager.h"

namespace penstock {
namespace {

// The name under which a checkpoint is shown among what a step has made.
constexpr char kCheckpoint[] = "checkpoint";

}  // namespace

// Has steps stopped that what waits has more right to the room of. True where some is free already.
bool RunManager::PreemptForWaiting() {
  bool room = false;
  for (const Placer::Preemption& each : placer_.Preempt()) {
    LiveRun& run = *runs_.at(each.victim.first);
    const LiveRun& claimant = *runs_.at(each.claimant.first);
    LiveAttempt& attempt = *run.attempts.at(each.victim.second);
    const std::string why = "it gave way to step " + claimant.step(each.claimant.second).name +
                            " of " + claimant.record.id.value() + ", which has priority " +
                            std::to_string(claimant.record.priority);
    if (attempt.cancelling || attempt.moving) continue;  // it is leaving for another reason
    ++context_.metrics.preemptions;
    LOG_INFO("attempt gives way run={} step={} attempt={} to={}", run.record.id,
             run.step(attempt.record.step).name, attempt.record.number, claimant.record.id);
    if (!sessions_.SendLeave(attempt)) {
      OnReturned(attempt, why);
      room = true;
      continue;
    }
    attempt.preempted = true;
    // Kept with the attempt: it may end after a restart of this process.
    attempt.record.message = why;
    run.touched_attempts.push_back(attempt.record.step);
    MarkStep(run, attempt.record.step);
  }
  return room;
}

// It has ended because it was told to leave: nobody's failure.
void RunManager::OnGaveWay(LiveAttempt& attempt, const StepReport& report) {
  LiveRun& run = *attempt.run;
  const StepIndex index = attempt.record.step;
  const bool drained = attempt.moving && !attempt.preempted;
  if (!drained) {
    ++run.step(index).preemptions;
    run.new_notes.push_back(index);
  }
  if (report.checkpoint) KeepCheckpoint(run, index, report.checkpoint);
  std::string why = drained ? "its worker is being drained" : attempt.record.message;
  if (why.empty()) why = "it gave way to a higher priority";
  EndAttempt(attempt, AttemptEvent::kCancelled, drained ? Cause::kCancelled : Cause::kPreempted,
             std::move(why));
  Requeue(run, index);
}

// In place of the one that there was. An artifact is kept for as long as a step's row names it.
void RunManager::KeepCheckpoint(LiveRun& run, StepIndex index,
                                std::optional<ArtifactRef> checkpoint) {
  StepRecord& step = run.step(index);
  if (checkpoint == step.checkpoint) return;
  step.checkpoint = std::move(checkpoint);
  run.new_notes.push_back(index);
  MarkStep(run, index);
  if (!step.checkpoint) return;
  context_.Note(context_.Write().SetArtifactOrigin(step.checkpoint->digest, run.record.id,
                                                   step.name, kCheckpoint));
}

void RunManager::ExplainPreempted(const LiveRun& run, StepIndex index,
                                  std::vector<Explanation>& reasons) const {
  const StepRecord& step = run.step(index);
  if (const auto live = run.attempts.find(index);
      live != run.attempts.end() && live->second->preempted) {
    reasons.push_back({"PREEMPTED", "it is being stopped: " + live->second->record.message});
  }
  if (step.preemptions == 0 || IsTerminal(step.state)) return;
  reasons.push_back({"PREEMPTED", "it gave way " + std::to_string(step.preemptions) +
                                      (step.preemptions == 1 ? " time" : " times") +
                                      " to a higher priority" +
                                      (step.checkpoint ? ", and goes on from its checkpoint"
                                                       : ", and begins anew each time")});
}

}  // namespace penstock

// Runs that this program cannot go on with: another release stored their definitions, and knows
// other steps. They end, so that the coordinator starts and the others go on.

#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "server/engine/run_manager.h"

namespace penstock {

Status RunManager::EndUnreadable(RunRecord record, const Status& why) {
  if (IsDatabaseFailure(why)) return why;
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<StepRecord> steps, context_.Read().ListSteps(record.row));
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<AttemptRecord> attempts,
                            context_.Read().ListLiveAttempts(record.row));
  std::string message = "this server cannot go on with the run: " + why.message();
  if (!why.problems().empty()) {
    message += ": " + why.problems().front().path + ": " + why.problems().front().message;
  }
  message = TruncateUtf8(message, limits::kMaxErrorMessageBytes);

  MetadataStore& store = context_.Write();
  for (AttemptRecord& attempt : attempts) {
    attempt.state = AttemptState::kLost;
    attempt.cause = Cause::kInfrastructure;
    attempt.message = message;
    attempt.ended_at = context_.now;
    context_.Note(store.UpdateAttempt(record.row, attempt));
    context_.Note(store.DeleteHolds(attempt.token.value()));
    ++context_.metrics.attempts_lost;
  }
  for (StepRecord& step : steps) {
    if (IsTerminal(step.state)) continue;
    step.state = StepState::kCancelled;
    step.cause = Cause::kCancelled;
    step.message = message;
    step.ended_at = context_.now;
    context_.Note(store.UpdateStep(record.row, step, /*with_result=*/false));
    ++record.counts.cancelled;
  }
  record.counts.waiting = 0;
  record.counts.active = 0;
  // A run that was being cancelled is cancelled, as it would have been.
  record.state = record.state == RunState::kCancelling ? RunState::kCancelled : RunState::kFailed;
  record.message = message;
  record.ended_at = context_.now;
  ++record.revision;
  context_.Note(store.UpdateRun(record));
  LOG_ERROR("run ended, it cannot be loaded run={} state={}: {}", record.id, Name(record.state),
            why);
  context_.AfterCommit([this, id = record.id](const Status& outcome) {
    if (outcome.ok() && context_.run_ended) context_.run_ended(id);
  });
  return Status::Ok();
}

}  // namespace penstock

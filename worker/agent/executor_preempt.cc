// Attempts that leave this worker for the sake of others.

#include <signal.h>

#include "base/log.h"
#include "worker/agent/executor.h"

namespace penstock {

void Executor::Preempt(const std::string& token, Micros grace) {
  Post([this, token, grace] {
    Attempt* attempt = Find(token);
    if (attempt == nullptr || attempt->preempted || attempt->cancel || attempt->discarded) return;
    switch (attempt->state) {
      case Attempt::State::kQueued:
      case Attempt::State::kFetching:
        attempt->transfer->Stop();
        ReportReturned(*attempt);
        break;
      case Attempt::State::kRunning:
        attempt->preempted = true;
        if (attempt->lease.type() != kScript) {
          Stop(*attempt);
        } else {
          attempt->leave_by = Clock::Real().Ticks() + grace;
          attempt->runner->child->Signal(SIGUSR1);
        }
        break;
      case Attempt::State::kFinishing:
      case Attempt::State::kReported:
        break;  // it is leaving already
    }
  });
}

// Whether its time to save a checkpoint is over.
bool Executor::IsOverdue(const Attempt& attempt, Tick now) {
  return attempt.preempted && now >= attempt.leave_by;
}

// Whether it ended because it was told to leave. Who succeeds all the same has succeeded; and who
// took too much time or memory would do so again.
bool Executor::GaveWay(const Attempt& attempt) {
  const Outcome& outcome = attempt.outcome;
  return attempt.preempted && !outcome.status.ok() &&
         (outcome.cause == Cause::kStepError || outcome.cause == Cause::kCrashed ||
          outcome.cause == Cause::kCancelled);
}

// What an earlier attempt has saved, as a copy: the script writes to it. Where it is lost, the step
// begins anew.
Status Executor::FetchCheckpoint(const v1::Lease& lease, const std::filesystem::path& place,
                                 TransferStop& stop) {
  if (!lease.has_checkpoint()) return Status::Ok();
  const std::filesystem::path folder = place / kCheckpointFolder;
  PENSTOCK_ASSIGN_OR_RETURN(const Digest digest, ParseDigest(lease.checkpoint().digest()));
  Status status = deps_.transfer->Fetch(lease.checkpoint(), stop);
  if (status.ok()) {
    status = deps_.store->Materialise(digest, lease.checkpoint().tree(), folder, /*link=*/false);
  }
  if (status.code() != StatusCode::kNotFound && status.code() != StatusCode::kDataLoss) {
    return status;
  }
  LOG_WARN("a checkpoint is lost, and the step begins anew: {} run={} step={} attempt={}", status,
           lease.run_id(), lease.step_name(), lease.attempt());
  return RemoveAll(folder);
}

}  // namespace penstock

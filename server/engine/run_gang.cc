// Steps on several nodes. An attempt of one is an attempt a rank, with the same number and a token
// each: placed together, on as many workers.
//
//   every rank succeeds            the step does, with what rank 0 left
//   the first that ends otherwise  decides what becomes of the step; the others are told to stop,
//                                  and theirs end as GANG_ENDED
//
// The step is queued again when all of them have ended, so that two attempts of one gang do not get
// in each other's way: what was cut off alone may still run, and its reports are stale. A rank
// whose lease ran out has another lease's time to come back, while the others go on; where none of
// them can be reached, the whole gang waits as a step on one node does: until it comes back, or is
// placed elsewhere.

#include <algorithm>
#include <utility>

#include "base/address.h"
#include "server/engine/run_manager.h"

namespace penstock {
namespace {

std::string AboutRank(const AttemptRecord& rank) {
  return "rank " + std::to_string(rank.rank) + " on worker " + rank.worker.value() + ": ";
}

// Whether none has ended, and none can be reached.
bool AllExpired(const Gang& gang) {
  return std::all_of(gang.ranks.begin(), gang.ranks.end(),
                     [](const auto& rank) { return rank != nullptr && rank->expired; });
}

}  // namespace

// --- Beginning

// Free on its host, as far as it is known; the one after the last that was given, since a process
// that was cut off may still have that.
int32_t RunManager::ChoosePort(Session& session) const {
  const WorkerInfo& info = session.info;
  const auto next_free = [&](const auto& is_free) -> int32_t {
    for (int32_t i = 0; i < info.port_count; ++i) {
      const int32_t offset = (session.next_port + i) % info.port_count;
      if (!is_free(JoinHostPort(info.address, info.first_port + offset))) continue;
      session.next_port = offset + 1;
      return info.first_port + offset;
    }
    return 0;
  };
  const int32_t port =
      next_free([this](const std::string& address) { return !rank_addresses_.contains(address); });
  if (port != 0) return port;
  // Another worker on its host was given the same range, and has them all.
  return next_free([&](const std::string& address) {
    return std::none_of(session.attempts.begin(), session.attempts.end(),
                        [&](const auto& entry) { return entry.second->record.address == address; });
  });
}

void RunManager::LeaseGang(LiveRun& run, const Placer::Placement& placement) {
  const StepIndex index = placement.step;
  StepRecord& step = run.step(index);
  if (const auto old = run.gangs.find(index); old != run.gangs.end()) {
    // None of it can be reached. From here on its reports are stale.
    for (const auto& rank : old->second.ranks) {
      if (!rank) continue;
      EndAttempt(*rank, AttemptEvent::kLost, Cause::kWorkerLost,
                 "its lease ran out and other workers took over");
    }
    run.gangs.erase(old);
    placer_.Release(run.record.row, index);
    if (!TakeOver(run, index)) return;
  }
  LeasedAttempt lease;
  Status status = BuildLease(run, index, &lease);
  if (status.ok()) status = OpenSecrets(&lease);
  if (!status.ok()) {
    Apply(run, index, StepEvent::kDecided);
    Finish(run, index, {StepEvent::kFail, Cause::kBadReference, status.message()});
    Settle(run);
    return;
  }
  std::vector<Session*> sessions = {sessions_.Find(placement.session)};
  for (const SessionId& other : placement.others) sessions.push_back(sessions_.Find(other));
  lease.attempt = ++step.attempt;
  for (Session* session : sessions) {
    PENSTOCK_CHECK(session != nullptr);
    const int32_t port = ChoosePort(*session);
    auto attempt =
        MakeAttempt(run, index, session->info.id, static_cast<int32_t>(lease.ranks.size()));
    attempt->record.address = JoinHostPort(session->info.address, port);
    lease.ranks.push_back({session->info.id, session->info.address, port});
    AddRank(run, std::move(attempt));
  }
  run.touched_attempts.push_back(index);
  placer_.Occupy(run.record.row, index, NeedsOf(run.spec(index)), MutexOf(run, index).value_or(""));
  Apply(run, index, StepEvent::kPlaced);
  step.worker = sessions.front()->info.id.value();
  ForgetProgress(run, step);
  Gang& gang = run.gangs.at(index);
  for (std::size_t rank = 0; rank < sessions.size(); ++rank) {
    lease.rank = static_cast<int32_t>(rank);
    lease.token = gang.ranks[rank]->record.token;
    NotePlaces(lease, sessions[rank]->info.id);
    sessions_.Assign(*sessions[rank], *gang.ranks[rank],
                     std::make_shared<const LeasedAttempt>(lease));
  }
}

void RunManager::AddRank(LiveRun& run, std::unique_ptr<LiveAttempt> attempt) {
  const StepIndex index = attempt->record.step;
  Gang& gang = run.gangs[index];
  gang.ranks.resize(static_cast<std::size_t>(run.spec(index).resources.nodes));
  attempt->gang = &gang;
  ++rank_addresses_[attempt->record.address];
  gang.ranks[static_cast<std::size_t>(attempt->record.rank)] = std::move(attempt);
}

// What became of the ranks that had ended before a restart.
Status RunManager::RestoreGangs(LiveRun& run) {
  for (auto& [index, gang] : run.gangs) {
    placer_.Occupy(run.record.row, index, NeedsOf(run.spec(index)),
                   MutexOf(run, index).value_or(""));
    PENSTOCK_ASSIGN_OR_RETURN(std::vector<AttemptRecord> attempts,
                              context_.Read().ListAttempts(run.record.row, index));
    std::erase_if(attempts, [number = run.step(index).attempt](const AttemptRecord& attempt) {
      return attempt.number != number || !IsTerminal(attempt.state);
    });
    std::stable_sort(
        attempts.begin(), attempts.end(),
        [](const AttemptRecord& a, const AttemptRecord& b) { return a.ended_at < b.ended_at; });
    for (AttemptRecord& attempt : attempts) {
      if (attempt.state == AttemptState::kSucceeded) {
        ++gang.succeeded;
        if (attempt.rank != 0) continue;
        gang.result = std::move(attempt.result);
        gang.warnings = std::move(attempt.message);
        continue;
      }
      if (gang.ending || attempt.cause == Cause::kGangEnded) continue;
      gang.ending = true;
      gang.cause = attempt.cause == Cause::kCancelled ? Cause::kNone : attempt.cause;
      gang.message = AboutRank(attempt) + attempt.message;
      gang.exit_code = attempt.exit_code;
    }
    for (const auto& rank : gang.ranks) {
      if (rank && gang.ending) rank->cancelling = true;
    }
  }
  return Status::Ok();
}

// --- What becomes of a rank

void RunManager::OnRankReport(LiveAttempt& rank, const StepReport& report) {
  LiveRun& run = *rank.run;
  const StepIndex index = rank.record.step;
  Gang& gang = *rank.gang;
  if (report.kind == ReportKind::kReturned) {
    return OnRankLost(rank, Cause::kNone, "given back before it started");
  }
  OnStarted(rank, report.started_at);
  rank.record.exit_code = report.exit_code;
  rank.record.peak_memory = report.peak_memory;
  rank.record.cpu_seconds = report.cpu_seconds;
  rank.record.environment = report.environment;
  switch (report.kind) {
    case ReportKind::kStarted:
    case ReportKind::kReturned:
      return;
    case ReportKind::kSucceeded:
      ++gang.succeeded;
      if (rank.record.rank == 0) {
        // Kept until the others have ended: by the row, and as what the run needs.
        rank.record.result = report.result;
        gang.result = report.result;
        gang.warnings = report.message;
        for (const auto& [name, ref] : report.result.outputs) {
          run.new_artifacts.push_back(ref.digest);
        }
      }
      EndAttempt(rank, AttemptEvent::kSucceeded, Cause::kNone, report.message);
      break;
    case ReportKind::kFailed:
      EndAttempt(rank, AttemptEvent::kFailed, report.cause, report.message);
      EndGang(run, index, report.cause, AboutRank(rank.record) + report.message, report.exit_code);
      break;
    case ReportKind::kCancelled:
      OnRankStopped(rank, report);
      break;
  }
  FinishGang(run, index);
  Settle(run);
}

void RunManager::OnRankStopped(LiveAttempt& rank, const StepReport& report) {
  LiveRun& run = *rank.run;
  const StepIndex index = rank.record.step;
  if (IsStopping(run, index)) {
    EndAttempt(rank, AttemptEvent::kCancelled, Cause::kCancelled, report.message);
  } else if (rank.gang->ending) {
    const std::string why = rank.gang->message;
    EndAttempt(rank, AttemptEvent::kCancelled, Cause::kGangEnded, why);
  } else if (rank.moving) {
    EndAttempt(rank, AttemptEvent::kCancelled, Cause::kCancelled, "its worker is being drained");
    EndGang(run, index, Cause::kNone, AboutRank(rank.record) + rank.record.message, 0);
  } else {
    EndAttempt(rank, AttemptEvent::kCancelled, Cause::kInfrastructure,
               "the worker was told to stop while it ran the step");
    EndGang(run, index, Cause::kInfrastructure, AboutRank(rank.record) + rank.record.message, 0);
  }
}

void RunManager::OnRankLost(LiveAttempt& rank, Cause cause, const std::string& message) {
  LiveRun& run = *rank.run;
  const StepIndex index = rank.record.step;
  EndAttempt(rank, AttemptEvent::kLost, cause, message);
  EndGang(run, index, cause, AboutRank(rank.record) + message, 0);
  FinishGang(run, index);
  Settle(run);
}

void RunManager::OnRankExpired(LiveAttempt& rank) {
  if (rank.cancelling) {
    OnRankLost(rank, Cause::kWorkerLost, "its lease ran out while it was being stopped");
  } else if (rank.run->spec(rank.record.step).fenced_execution()) {
    // Its worker has ended it by now.
    OnRankLost(rank, Cause::kWorkerLost, "its lease ran out");
  } else if (AllExpired(*rank.gang)) {
    Enqueue(*rank.run, rank.record.step);
  } else {
    WatchRank(rank);
  }
}

void RunManager::OnRankReadopted(LiveAttempt& rank) {
  placer_.Remove(rank.run->record.row, rank.record.step);
  for (const auto& other : rank.gang->ranks) {
    if (other && other->expired) WatchRank(*other);
  }
}

void RunManager::WatchRank(const LiveAttempt& rank) {
  timers_.At(context_.tick + context_.options.lease_ttl, [this, token = rank.record.token] {
    LiveAttempt* gone = FindAttempt(token);
    if (gone == nullptr || !gone->expired || AllExpired(*gone->gang)) return;
    OnRankLost(*gone, Cause::kWorkerLost, "its lease ran out, and it did not come back");
  });
}

// --- The end of all

// One has ended, and not well; or the step is to be stopped. The first counts.
void RunManager::EndGang(LiveRun& run, StepIndex index, Cause cause, std::string message,
                         int exit_code) {
  Gang& gang = run.gangs.at(index);
  if (gang.ending) return;
  gang.ending = true;
  gang.cause = cause;
  gang.message = std::move(message);
  gang.exit_code = exit_code;
  placer_.Remove(run.record.row, index);
  for (std::unique_ptr<LiveAttempt>& rank : gang.ranks) {
    if (rank && rank->expired) {
      EndAttempt(*rank, AttemptEvent::kLost, Cause::kWorkerLost, "its lease ran out");
    } else if (rank && !rank->cancelling) {
      sessions_.SendCancel(*rank);
    }
  }
}

// Decides on the step, once no rank is left.
void RunManager::FinishGang(LiveRun& run, StepIndex index) {
  const auto found = run.gangs.find(index);
  for (const auto& rank : found->second.ranks) {
    if (rank) return;
  }
  const Gang gang = std::move(found->second);
  run.gangs.erase(found);
  placer_.Release(run.record.row, index);
  if (gang.succeeded == static_cast<int32_t>(gang.ranks.size())) {
    KeepResult(run, index, gang.result);
    NotePlaces(gang.result, WorkerId(run.step(index).worker));
    RememberResult(run, index);
    Finish(run, index, {StepEvent::kSucceed, Cause::kNone, gang.warnings});
  } else if (IsStopping(run, index)) {
    Finish(run, index, StoppedEnding(run, index));
  } else if (gang.cause == Cause::kNone) {
    Requeue(run, index);
  } else {
    RetryOrFail(run, index, gang.cause, gang.message, gang.exit_code);
  }
}

}  // namespace penstock

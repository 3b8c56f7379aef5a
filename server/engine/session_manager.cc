#include "server/engine/session_manager.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "server/engine/run_manager.h"

namespace penstock {
namespace {

constexpr std::size_t kMaxReplyBytes = limits::kMaxMessageBytes / 2;

std::size_t RoughSize(const LeasedAttempt& lease) {
  constexpr std::size_t kArtifact = 512;  // with its name, which may be long
  std::size_t bytes = 1'024 + lease.parameters_json.size();
  for (const auto& [name, value] : lease.secrets) bytes += name.size() + value.size();
  for (const LeaseInput& input : lease.inputs) bytes += kArtifact * input.artifacts.size();
  return bytes;
}

// How long a worker without a session is still listed.
constexpr std::chrono::hours kShownAfterwards{24};

Status SessionUnknown() {
  return NotFound(
      "this session is not known (the coordinator restarted, or the session was closed "
      "or replaced); open a new one",
      "SESSION_UNKNOWN");
}

}  // namespace

// --- Sessions

Result<OpenSessionAnswer> SessionManager::Open(const OpenSessionCommand& command) {
  const WorkerId& worker = command.worker.id;
  PENSTOCK_ASSIGN_OR_RETURN(const std::string boot, context_.store().WorkerBootId(worker));
  const bool same_boot = boot == command.worker.boot_id;
  if (const auto old = by_worker_.find(worker); old != by_worker_.end()) {
    // What the old session held is judged below, with what it held before a restart of ours.
    Session& session = *old->second;
    if (command.number > 0 && session.info.boot_id == command.worker.boot_id &&
        command.number <= session.opening) {
      return Aborted("a later request of this worker has opened a session already", "SUPERSEDED");
    }
    for (const auto& [order, attempt] : session.attempts) attempt->session = nullptr;
    session.attempts.clear();
    session.order.clear();
    Remove(session, Cause::kNone, "");
  }

  auto owned = std::make_unique<Session>();
  Session& session = *owned;
  session.id = SessionId("session-" + NewUlid(context_.now, context_.random));
  session.info = command.worker;
  session.opening = command.number;
  session.connected_at = context_.now;
  session.last_seen = context_.now;
  session.expires = context_.tick + context_.options.lease_ttl;
  sessions_.emplace(session.id, std::move(owned));
  by_worker_[worker] = &session;
  timers_.At(session.expires, [this, id = session.id] { Expire(id); });
  context_.metrics.sessions.store(static_cast<int64_t>(sessions_.size()));

  OpenSessionAnswer answer;
  answer.session = session.id;
  answer.protocol = command.protocol;
  answer.lease_ttl = context_.options.lease_ttl;
  answer.heartbeat_interval = context_.options.heartbeat_interval;
  answer.max_disconnect = context_.options.max_disconnect;
  std::unordered_set<AttemptToken> kept;
  for (const HeldAttempt& held : command.held) {
    LiveAttempt* attempt = runs_->FindAttempt(held.token);
    if (attempt == nullptr || attempt->record.worker != worker) {
      answer.stale.push_back(held.token);
      continue;
    }
    if (!kept.insert(held.token).second) continue;  // listed twice
    Adopt(session, *attempt);
    if (held.running) runs_->OnStarted(*attempt, context_.now);
    if (attempt->cancelling) SendCancel(*attempt);
  }
  // The end of one may end others of its run.
  std::vector<AttemptToken> left;
  for (const LiveAttempt* each : runs_->AttemptsOf(worker)) left.push_back(each->record.token);
  for (const AttemptToken& token : left) {
    LiveAttempt* const attempt = runs_->FindAttempt(token);
    if (attempt == nullptr || kept.contains(token)) continue;
    if (!same_boot) {
      runs_->OnLost(*attempt, Cause::kWorkerRestarted, "worker " + worker.value() + " restarted");
    } else if (attempt->record.state == AttemptState::kLeased) {
      // The same process does not know of it: the lease was still on its way. Nobody's failure.
      runs_->OnReturned(*attempt, "its lease never reached the worker");
    } else {
      runs_->OnLost(*attempt, Cause::kWorkerLost,
                    "worker " + worker.value() + " came back without it");
    }
  }
  UpdateCapacity(session);
  Drain(worker);
  context_.Note(context_.Write().UpsertWorker(command.worker, context_.now));
  LOG_INFO("session opened worker={} session={} held={} adopted={}", worker, session.id,
           command.held.size(), kept.size());
  return answer;
}

void SessionManager::Adopt(Session& session, LiveAttempt& attempt) {
  PENSTOCK_CHECK(attempt.session == nullptr);
  attempt.session = &session;
  if (attempt.expired) {
    attempt.expired = false;
    runs_->OnReadopted(attempt);
  }
  const int64_t order = session.next_order++;
  session.attempts[order] = &attempt;
  session.order[&attempt] = order;
  attempt.reserved = false;
  attempt.moving = false;  // what was on its way to another session is lost
  session.ranks += attempt.gang != nullptr;
  attempt.preempted = false;
  Charge(session, attempt, +1);
}

Result<Session*> SessionManager::Touch(const SessionId& id) {
  Session* session = Find(id);
  if (session == nullptr) return SessionUnknown();
  session->last_seen = context_.now;
  session->expires = context_.tick + context_.options.lease_ttl;
  if (session->expired) {
    session->expired = false;
    LOG_INFO("session is back worker={} session={}", session->info.id, id);
    timers_.At(session->expires, [this, id] { Expire(id); });
    for (const auto& [order, attempt] : session->attempts) {
      if (!attempt->expired) continue;
      attempt->expired = false;
      runs_->OnReadopted(*attempt);
    }
    UpdateCapacity(*session);
    Drain(session->info.id);
  }
  return session;
}

void SessionManager::Expire(const SessionId& id) {
  Session* session = Find(id);
  if (session == nullptr || session->expired) return;
  if (session->expires > context_.tick) {
    timers_.At(session->expires, [this, id] { Expire(id); });
    return;
  }
  session->expired = true;
  ++context_.metrics.leases_expired;
  LOG_WARN("lease expired worker={} session={} attempts={}", session->info.id, id,
           session->attempts.size());
  // OnExpired may end an attempt (its run is being cancelled) and change the map.
  std::vector<AttemptToken> tokens;
  for (const auto& [order, attempt] : session->attempts) {
    attempt->expired = true;
    tokens.push_back(attempt->record.token);
  }
  for (const AttemptToken& token : tokens) {
    LiveAttempt* const attempt = runs_->FindAttempt(token);
    if (attempt != nullptr) runs_->OnExpired(*attempt);
  }
  UpdateCapacity(*session);
  timers_.At(session->expires + context_.options.max_disconnect, [this, id] { Forget(id); });
}

void SessionManager::Forget(const SessionId& id) {
  Session* session = Find(id);
  if (session == nullptr || !session->expired || !session->attempts.empty() ||
      session->expires + context_.options.max_disconnect > context_.tick) {
    return;
  }
  // Listed for a day from when it was seen, not from now.
  context_.Note(context_.Write().CloseWorker(session->info.id, session->last_seen));
  LOG_INFO("session forgotten worker={} session={}", session->info.id, id);
  Remove(*session, Cause::kNone, "");
}

void SessionManager::WatchOrphans(const std::vector<LiveAttempt*>& attempts) {
  std::unordered_set<WorkerId> workers;
  for (const LiveAttempt* attempt : attempts) workers.insert(attempt->record.worker);
  for (const WorkerId& worker : workers) {
    timers_.At(context_.tick + context_.options.lease_ttl, [this, worker] {
      if (by_worker_.contains(worker)) return;  // it came back and was judged then
      for (LiveAttempt* attempt : runs_->AttemptsOf(worker)) {
        if (attempt->expired) continue;
        attempt->expired = true;
        runs_->OnExpired(*attempt);
      }
    });
  }
}

Result<Done> SessionManager::Close(const SessionId& id) {
  Session* session = Find(id);
  if (session == nullptr) return Done{};
  context_.Note(context_.Write().CloseWorker(session->info.id, context_.now));
  LOG_INFO("session closed worker={} session={}", session->info.id, id);
  Remove(*session, Cause::kWorkerLost, "worker " + session->info.id.value() + " was stopped");
  return Done{};
}

void SessionManager::Remove(Session& session, Cause cause, const std::string& message) {
  // The end of one may end others of its run.
  std::vector<AttemptToken> left;
  for (const auto& [order, attempt] : session.attempts) left.push_back(attempt->record.token);
  for (const AttemptToken& token : left) {
    LiveAttempt* const attempt = runs_->FindAttempt(token);
    if (attempt != nullptr) runs_->OnLost(*attempt, cause, message);
  }
  placer_.RemoveWorker(session.id);
  if (session.parked) {
    context_.AfterCommit(
        [parked = std::move(session.parked)](const Status&) { parked(SessionUnknown()); });
  }
  if (by_worker_[session.info.id] == &session) by_worker_.erase(session.info.id);
  const SessionId id = session.id;
  sessions_.erase(id);
  context_.metrics.sessions.store(static_cast<int64_t>(sessions_.size()));
}

Session* SessionManager::Find(const SessionId& id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

const Session* SessionManager::FindOf(const WorkerId& worker) const {
  const auto found = by_worker_.find(worker);
  return found == by_worker_.end() ? nullptr : found->second;
}

// --- The ledger

void SessionManager::Charge(Session& session, LiveAttempt& attempt, int sign) {
  // Attempts beyond the capacity wait in the worker's backlog and are not counted until one before
  // them ends, which is the order in which the worker starts them.
  const StepSpec& step = attempt.run->spec(attempt.record.step);
  if (sign > 0) {
    const bool fits = session.cpus_used + step.resources.cpus <= session.info.cpus + 1e-9 &&
                      (session.info.memory == 0 ||
                       session.memory_used + step.resources.memory <= session.info.memory) &&
                      session.gpus_used + step.resources.gpus <= session.info.gpus;
    if (!fits && attempt.record.state != AttemptState::kRunning) {
      ++session.backlog;
      return;
    }
    attempt.reserved = true;
    if (step.preemptible) {
      placer_.MayPreempt(attempt.run->record.row, attempt.record.step, NeedsOf(step), session.id,
                         attempt.record.leased_at);
    }
  } else if (!attempt.reserved) {
    --session.backlog;
    return;
  } else {
    attempt.reserved = false;
  }
  session.cpus_used += sign * step.resources.cpus;
  session.memory_used += sign * step.resources.memory;
  session.gpus_used += sign * step.resources.gpus;
}

void SessionManager::PromoteBacklog(Session& session) {
  if (session.backlog == 0) return;
  for (const auto& [order, attempt] : session.attempts) {
    if (attempt->reserved) continue;
    --session.backlog;
    Charge(session, *attempt, +1);
    if (!attempt->reserved) return;  // did not fit: Charge put it back
    if (session.backlog == 0) return;
  }
}

void SessionManager::UpdateCapacity(Session& session) {
  if (session.expired) {
    placer_.RemoveWorker(session.id);
    return;
  }
  WorkerCapacity& capacity = session.capacity;
  capacity.cpus = session.info.cpus - session.cpus_used;
  capacity.memory = session.info.memory - session.memory_used;
  capacity.gpus = session.info.gpus - session.gpus_used;
  capacity.backlog = session.backlog;
  capacity.ports = session.info.port_count - session.ranks;
  capacity.closed = WhyClosed(session);
  placer_.UpdateWorker(session.id, session.info, capacity);
}

void SessionManager::Assign(Session& session, LiveAttempt& attempt,
                            std::shared_ptr<const LeasedAttempt> lease) {
  Adopt(session, attempt);
  session.outbox.push_back(
      {.kind = OutboxItem::Kind::kLease, .token = attempt.record.token, .lease = std::move(lease)});
  UpdateCapacity(session);
  WantDelivery(session);
}

void SessionManager::Detach(LiveAttempt& attempt) {
  Session* session = attempt.session;
  if (session == nullptr) return;
  Charge(*session, attempt, -1);
  session->ranks -= attempt.gang != nullptr;
  const auto found = session->order.find(&attempt);
  session->attempts.erase(found->second);
  session->order.erase(found);
  attempt.session = nullptr;
  // A timer, as the caller may be at work on the session.
  if (session->expired && session->attempts.empty()) {
    timers_.At(context_.tick, [this, id = session->id] { Forget(id); });
  }
  // What was not sent needs not be; what was sent and not acknowledged would be sent again.
  std::erase_if(session->outbox,
                [&](const OutboxItem& item) { return item.token == attempt.record.token; });
  PromoteBacklog(*session);
  UpdateCapacity(*session);
}

void SessionManager::SendCancel(LiveAttempt& attempt) {
  attempt.cancelling = true;
  if (attempt.session == nullptr) return;
  attempt.session->outbox.push_back(
      {.kind = OutboxItem::Kind::kCancel, .token = attempt.record.token, .lease = nullptr});
  WantDelivery(*attempt.session);
}

// --- Calls

void SessionManager::Lease(const LeaseStepsCommand& command, Callback<LeaseStepsAnswer> callback) {
  Result<Session*> found = Touch(command.session);
  if (!found.ok()) {
    context_.AfterCommit([callback = std::move(callback), status = found.status()](const Status&) {
      callback(status);
    });
    return;
  }
  Session& session = **found;
  if (session.parked) {
    context_.AfterCommit([parked = std::move(session.parked)](const Status&) {
      parked(Aborted("a later LeaseSteps call of this session took over", "SUPERSEDED"));
    });
  }
  std::erase_if(session.outbox, [&](const OutboxItem& item) {
    return item.sent_in > 0 && item.sent_in <= command.acknowledged;
  });
  if (session.draining != command.draining) {
    session.draining = command.draining;
    UpdateCapacity(session);
  }
  session.parked = std::move(callback);
  const int64_t number = ++session.park_number;
  const Micros wait = std::clamp(command.max_wait, Micros(0), Micros(std::chrono::seconds(60)));
  timers_.At(context_.tick + wait, [this, id = session.id, number] {
    Session* waiting = Find(id);
    if (waiting == nullptr || waiting->park_number != number || !waiting->parked) return;
    waiting->deliver = true;
    to_deliver_.push_back(id);
  });
  if (!session.outbox.empty()) WantDelivery(session);
}

void SessionManager::WantDelivery(Session& session) {
  if (session.deliver) return;
  session.deliver = true;
  to_deliver_.push_back(session.id);
}

LeaseStepsAnswer SessionManager::TakeReply(Session& session) {
  LeaseStepsAnswer answer;
  answer.sequence = ++session.sequence;
  std::size_t bytes = 0;
  for (OutboxItem& item : session.outbox) {
    if (answer.leases.size() >= static_cast<std::size_t>(limits::kMaxLeasesPerReply)) break;
    // A worker takes no larger message than the limit; what is left goes with the next reply.
    if (item.kind == OutboxItem::Kind::kLease) bytes += RoughSize(*item.lease);
    if (bytes > kMaxReplyBytes && !answer.leases.empty()) break;
    if (item.sent_in == 0) item.sent_in = session.sequence;
    switch (item.kind) {
      case OutboxItem::Kind::kLease:
        answer.leases.push_back(*item.lease);
        break;
      case OutboxItem::Kind::kCancel:
        answer.cancel.push_back(item.token);
        break;
      case OutboxItem::Kind::kRevoke:
        answer.revoke.push_back(item.token);
        break;
      case OutboxItem::Kind::kPreempt:
        answer.preempt.push_back({item.token, item.grace});
        break;
    }
  }
  return answer;
}

void SessionManager::Deliver() {
  for (const SessionId& id : std::exchange(to_deliver_, {})) {
    Session* session = Find(id);
    if (session == nullptr) continue;
    session->deliver = false;
    if (!session->parked) continue;  // the next call will ask
    Callback<LeaseStepsAnswer> parked = std::exchange(session->parked, nullptr);
    parked(TakeReply(*session));
  }
}

void SessionManager::EndAll(const Status& status) {
  for (const auto& [id, session] : sessions_) {
    if (session->parked) std::exchange(session->parked, nullptr)(status);
  }
}

Result<HeartbeatAnswer> SessionManager::Heartbeat(const HeartbeatCommand& command) {
  PENSTOCK_ASSIGN_OR_RETURN(Session * session, Touch(command.session));
  HeartbeatAnswer answer;
  for (const HeldAttempt& held : command.held) {
    LiveAttempt* attempt = runs_->FindAttempt(held.token);
    if (attempt == nullptr || attempt->session != session) {
      answer.stale.push_back(held.token);
      continue;
    }
    if (held.running) runs_->OnProgress(*attempt, held.progress, held.progress_note);
  }
  return answer;
}

Result<ReportStepsAnswer> SessionManager::Report(const ReportStepsCommand& command) {
  PENSTOCK_ASSIGN_OR_RETURN(Session * session, Touch(command.session));
  ReportStepsAnswer answer;
  for (const StepReport& report : command.reports) {
    answer.verdicts.push_back(HandleReport(*session, report));
  }
  return answer;
}

Verdict SessionManager::HandleReport(Session& session, const StepReport& report) {
  LiveAttempt* attempt = runs_->FindAttempt(report.token);
  if (attempt == nullptr || attempt->record.worker != session.info.id) return JudgeUnknown(report);
  if (attempt->session == nullptr) Adopt(session, *attempt);
  if (report.kind == ReportKind::kStarted) {
    runs_->OnStarted(*attempt, report.started_at.set() ? report.started_at : context_.now);
    return Verdict::kOk;
  }
  std::vector<Digest> needed;
  for (const auto& [name, ref] : report.result.outputs) needed.push_back(ref.digest);
  if (report.checkpoint) needed.push_back(report.checkpoint->digest);
  for (const Digest& digest : needed) {
    Result<bool> there = context_.Read().HasArtifact(digest);
    if (!context_.Note(there.status())) return Verdict::kStaleAttempt;
    if (!*there) return Verdict::kMissingArtifact;
  }
  runs_->OnReport(*attempt, report);
  return Verdict::kOk;
}

Verdict SessionManager::JudgeUnknown(const StepReport& report) {
  // The attempt has ended. The same report again (its answer was lost) is answered as before.
  Result<AttemptRecord> known =
      context_.store().GetAttempt(report.run, report.step, report.attempt, report.token);
  if (IsDatabaseFailure(known.status())) {
    context_.Note(known.status());
    return Verdict::kStaleAttempt;  // never told: the turn is taken back
  }
  if (known.ok()) {
    const bool same =
        (report.kind == ReportKind::kSucceeded && known->state == AttemptState::kSucceeded) ||
        (report.kind == ReportKind::kFailed && known->state == AttemptState::kFailed) ||
        (report.kind == ReportKind::kCancelled && known->state == AttemptState::kCancelled) ||
        (report.kind == ReportKind::kStarted && known->state != AttemptState::kLost);
    if (same) {
      ++context_.metrics.duplicate_reports;
      return Verdict::kOk;
    }
  }
  ++context_.metrics.stale_reports;
  LOG_INFO("stale report refused run={} step={} attempt={}", report.run, report.step,
           report.attempt);
  return Verdict::kStaleAttempt;
}

Result<std::vector<WorkerView>> SessionManager::ListAll() const {
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<WorkerView> views,
                            context_.Read().ListWorkers(context_.now - Micros(kShownAfterwards)));
  std::erase_if(views, [&](const WorkerView& view) { return by_worker_.contains(view.info.id); });
  for (WorkerView& view : views) {
    if (const auto found = orders_.find(view.info.id); found != orders_.end()) {
      view.orders = found->second;
    }
  }
  for (const auto& [id, session] : sessions_) views.push_back(ViewOf(*session));
  std::sort(views.begin(), views.end(),
            [](const WorkerView& a, const WorkerView& b) { return a.info.id < b.info.id; });
  return views;
}

std::vector<const WorkerInfo*> SessionManager::Infos() const {
  std::vector<const WorkerInfo*> infos;
  for (const auto& [id, session] : sessions_) infos.push_back(&session->info);
  return infos;
}

WorkerView SessionManager::ViewOf(const Session& session) const {
  WorkerView view;
  view.info = session.info;
  view.connected = !session.expired;
  view.draining = session.draining;
  view.connected_at = session.connected_at;
  view.last_seen = session.last_seen;
  view.cpus_used = session.cpus_used;
  view.memory_used = session.memory_used;
  view.gpus_used = session.gpus_used;
  view.backlog = session.backlog;
  view.running = static_cast<int32_t>(session.attempts.size()) - session.backlog;
  if (const auto found = orders_.find(session.info.id); found != orders_.end()) {
    view.orders = found->second;
  }
  return view;
}

}  // namespace penstock

// What an operator says of a worker: cordon, uncordon, drain. It is kept with the worker's name in
// the database, so that it outlives restarts of either side.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "server/engine/session_manager.h"

namespace penstock {

Status SessionManager::Load() {
  PENSTOCK_ASSIGN_OR_RETURN(orders_, context_.Read().ListWorkerOrders());
  return Status::Ok();
}

Result<WorkerView> SessionManager::Order(const OrderWorkerCommand& command) {
  using Order = OrderWorkerCommand::Order;
  PENSTOCK_ASSIGN_OR_RETURN(const std::string boot, context_.store().WorkerBootId(command.worker));
  if (boot.empty()) {
    return NotFound("no worker \"" + command.worker.value() + "\" was ever here",
                    "WORKER_NOT_FOUND");
  }
  WorkerOrders orders;
  orders.by = command.principal;
  orders.cordoned = command.order != Order::kUncordon;
  orders.drain = command.order == Order::kDrain;
  if (orders.drain && command.deadline) orders.drain_by = context_.now + *command.deadline;
  context_.Note(context_.Write().SetWorkerOrders(command.worker, orders));
  if (orders.cordoned) {
    orders_[command.worker] = orders;
  } else {
    orders_.erase(command.worker);
  }
  LOG_INFO("worker ordered worker={} cordoned={} drain={} by={}", command.worker, orders.cordoned,
           orders.drain, command.principal);
  const auto here = by_worker_.find(command.worker);
  if (here == by_worker_.end()) {
    WorkerView view;
    view.info.id = command.worker;
    view.orders = std::move(orders);
    return view;
  }
  UpdateCapacity(*here->second);
  Drain(command.worker);
  return ViewOf(*here->second);
}

std::string SessionManager::WhyClosed(const Session& session) const {
  if (session.draining) return "is stopping";
  const auto found = orders_.find(session.info.id);
  if (found == orders_.end()) return {};
  return (found->second.drain ? "is being drained by " : "is cordoned by ") +
         found->second.by.value();
}

// Whether no reply has held the lease yet.
bool SessionManager::IsUnsent(const Session& session, const LiveAttempt& attempt) {
  return std::any_of(session.outbox.begin(), session.outbox.end(), [&](const OutboxItem& item) {
    return item.kind == OutboxItem::Kind::kLease && item.token == attempt.record.token &&
           item.sent_in == 0;
  });
}

bool SessionManager::SendLeave(LiveAttempt& attempt) {
  Session& session = *attempt.session;
  if (IsUnsent(session, attempt)) return false;
  attempt.moving = true;
  const StepSpec& step = attempt.run->spec(attempt.record.step);
  OutboxItem item{.kind = OutboxItem::Kind::kCancel, .token = attempt.record.token};
  if (step.preemptible) {
    item.kind = OutboxItem::Kind::kPreempt;
    item.grace = step.checkpoint_grace.value_or(limits::kCheckpointGrace);
  }
  session.outbox.push_back(std::move(item));
  WantDelivery(session);
  return true;
}

void SessionManager::Drain(const WorkerId& worker) {
  const auto found = orders_.find(worker);
  const auto here = by_worker_.find(worker);
  if (found == orders_.end() || !found->second.drain || here == by_worker_.end()) return;
  Session& session = *here->second;
  const Time by = found->second.drain_by;
  const bool over = by.set() && context_.now >= by;
  std::vector<LiveAttempt*> attempts;  // what is given back leaves the session's map
  for (const auto& [order, attempt] : session.attempts) attempts.push_back(attempt);
  for (LiveAttempt* attempt : attempts) {
    if (attempt->cancelling || attempt->moving || attempt->expired) continue;
    const bool leased = attempt->record.state == AttemptState::kLeased;
    if (IsUnsent(session, *attempt)) {
      runs_->OnReturned(*attempt, "its worker is being drained");
    } else if (over) {
      SendLeave(*attempt);
    } else if (leased) {
      // Given back unless it has begun meanwhile.
      session.outbox.push_back({OutboxItem::Kind::kRevoke, attempt->record.token, nullptr});
      WantDelivery(session);
    }
  }
  if (!by.set() || over) return;
  timers_.At(context_.tick + (by - context_.now), [this, worker] { Drain(worker); });
}

}  // namespace penstock

#ifndef PENSTOCK_SERVER_ENGINE_SESSION_MANAGER_H_
#define PENSTOCK_SERVER_ENGINE_SESSION_MANAGER_H_

// Workers' sessions: their leases, what is on its way to them, and their ledgers of capacity.
//
// A session's life:   OpenSession → alive ⇄ expired → closed
//   alive     a heartbeat, report or lease call came within the lease TTL
//   expired   none came: its attempts are placeable elsewhere, but until that happens they are its
//             own, and any call of it makes it alive again. Those that are fenced by execution are
//             lost at once
//   closed    by CloseSession, by the same worker's next OpenSession, or because nothing came for
//             max_disconnect and nothing is left of what it held
//
// Delivery: what is to be sent waits in `outbox` until the worker acknowledges the reply that held
// it. A reply carries everything that is not acknowledged.
//
// Engine thread only.

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "server/core/placer.h"
#include "server/engine/context.h"
#include "server/engine/live.h"
#include "server/engine/timers.h"

namespace penstock {

// Something on its way to a worker.
struct OutboxItem {
  enum class Kind { kLease, kCancel, kRevoke, kPreempt };
  Kind kind = Kind::kLease;
  AttemptToken token;
  std::shared_ptr<const LeasedAttempt> lease;  // kLease
  int64_t sent_in = 0;                         // sequence of the first reply that held it; 0: none
  Micros grace{0};                             // kPreempt
};

struct Session {
  SessionId id;
  WorkerInfo info;
  int64_t opening = 0;  // number of the request that opened it; 0: not said
  Time connected_at;
  Time last_seen;
  Tick expires;
  bool expired = false;
  bool draining = false;
  int64_t sequence = 0;
  std::deque<OutboxItem> outbox;
  Callback<LeaseStepsAnswer> parked;         // null: no call is waiting
  int64_t park_number = 0;                   // tells one parked call from the next
  bool deliver = false;                      // look at the parked call after the commit
  std::map<int64_t, LiveAttempt*> attempts;  // by order of lease: the order in which they will run
  std::unordered_map<LiveAttempt*, int64_t> order;
  int64_t next_order = 1;
  WorkerCapacity capacity;  // what is free, for the placer
  double cpus_used = 0;
  int64_t memory_used = 0;
  int32_t gpus_used = 0;
  int32_t backlog = 0;
  int32_t ranks = 0;      // attempts that listen on one of its ports
  int32_t next_port = 0;  // where the search for the next free one begins, from the first
};

class SessionManager {
 public:
  // What sessions tell the runs.
  class Runs {
   public:
    virtual ~Runs() = default;
    // The live attempt with this token, or null.
    virtual LiveAttempt* FindAttempt(const AttemptToken& token) = 0;
    // Every live attempt that this worker held, whether it has a session or not.
    virtual std::vector<LiveAttempt*> AttemptsOf(const WorkerId& worker) = 0;
    virtual void OnStarted(LiveAttempt& attempt, Time when) = 0;
    // The attempt is gone afterwards.
    virtual void OnReport(LiveAttempt& attempt, const StepReport& report) = 0;
    // The attempt ends as LOST and its step becomes placeable (or CANCELLED). Gone afterwards.
    virtual void OnLost(LiveAttempt& attempt, Cause cause, const std::string& message) = 0;
    // The attempt never began, and its loss is no failure: placeable at once. Gone afterwards.
    virtual void OnReturned(LiveAttempt& attempt, const std::string& message) = 0;
    // The lease ran out: the step becomes placeable. The attempt stays, unless it is fenced by
    // execution: then it is gone afterwards.
    virtual void OnExpired(LiveAttempt& attempt) = 0;
    // It is back before another attempt was leased.
    virtual void OnReadopted(LiveAttempt& attempt) = 0;
    virtual void OnProgress(LiveAttempt& attempt, double fraction, const std::string& note) = 0;
  };

  SessionManager(EngineContext& context, Timers& timers, Placer& placer)
      : context_(context), timers_(timers), placer_(placer) {}
  void set_runs(Runs* runs) { runs_ = runs; }

  Result<OpenSessionAnswer> Open(const OpenSessionCommand& command);
  // Keeps `callback` until there is something to say.
  void Lease(const LeaseStepsCommand& command, Callback<LeaseStepsAnswer> callback);
  Result<HeartbeatAnswer> Heartbeat(const HeartbeatCommand& command);
  Result<ReportStepsAnswer> Report(const ReportStepsCommand& command);
  Result<Done> Close(const SessionId& id);
  // Cordon, uncordon and drain (worker_orders.cc). kNotFound (WORKER_NOT_FOUND).
  Result<WorkerView> Order(const OrderWorkerCommand& command);
  // What was said of workers before a restart.
  Status Load();
  // Those with a session.
  std::vector<const WorkerInfo*> Infos() const;
  // The same and those that had one within the last day, by name.
  Result<std::vector<WorkerView>> ListAll() const;

  // A new attempt for this session: charges the ledger and puts the lease into the outbox.
  void Assign(Session& session, LiveAttempt& attempt, std::shared_ptr<const LeasedAttempt> lease);
  // The attempt is over or another's: releases what it used; an unsent lease is taken back.
  void Detach(LiveAttempt& attempt);
  // Tells the worker to stop an attempt.
  void SendCancel(LiveAttempt& attempt);
  // Tells the worker that an attempt is to leave, with a checkpoint where it makes one. False where
  // the worker does not know of it yet: then it can be taken back at once.
  bool SendLeave(LiveAttempt& attempt);
  Session* Find(const SessionId& id);
  // Null where it has none.
  const Session* FindOf(const WorkerId& worker) const;

  // After recovery: attempts without a session are lost unless their worker comes back within a
  // TTL.
  void WatchOrphans(const std::vector<LiveAttempt*>& attempts);

  // Answers parked calls that now have something to say. After the commit.
  void Deliver();
  // Answers every parked call with `status`.
  void EndAll(const Status& status);
  bool NeedsDelivery() const { return !to_deliver_.empty(); }

 private:
  friend class sim::EngineProbe;

  Result<Session*> Touch(const SessionId& id);
  void Expire(const SessionId& id);
  // Removes a session that ran out max_disconnect ago and holds nothing; else does nothing.
  void Forget(const SessionId& id);
  void Remove(Session& session, Cause cause, const std::string& message);
  Verdict HandleReport(Session& session, const StepReport& report);
  Verdict JudgeUnknown(const StepReport& report);
  void Adopt(Session& session, LiveAttempt& attempt);
  void Charge(Session& session, LiveAttempt& attempt, int sign);
  void PromoteBacklog(Session& session);
  void UpdateCapacity(Session& session);
  // Why it takes nothing new, as a phrase; empty: it does.
  std::string WhyClosed(const Session& session) const;
  // Gives back what waits on a worker that is being drained; past the deadline what runs, too.
  void Drain(const WorkerId& worker);
  WorkerView ViewOf(const Session& session) const;
  static bool IsUnsent(const Session& session, const LiveAttempt& attempt);
  void WantDelivery(Session& session);
  static LeaseStepsAnswer TakeReply(Session& session);

  EngineContext& context_;
  Timers& timers_;
  Placer& placer_;
  Runs* runs_ = nullptr;
  std::unordered_map<SessionId, std::unique_ptr<Session>> sessions_;
  std::unordered_map<WorkerId, Session*> by_worker_;
  std::map<WorkerId, WorkerOrders> orders_;  // those of whom something is said
  std::vector<SessionId> to_deliver_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_SESSION_MANAGER_H_

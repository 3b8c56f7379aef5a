#ifndef PENSTOCK_SERVER_CORE_PLACER_H_
#define PENSTOCK_SERVER_CORE_PLACER_H_

// Which ready step goes to which worker, and when.
//
// Order. First the named queue that has had least of what it is due (below); in it the highest
// priority, the oldest run, the first step. Steps of a queue with equal needs (resources, labels,
// type@version …) share a shape, so that one look at its head decides for all of them, and a shape
// that fits nowhere is not looked at again until some capacity is freed. A run at its
// maxParallelSteps, and steps whose mutex is taken, are set aside until that changes.
//
// Fair share. A queue's account is what its steps took of the cluster (the largest of their shares
// of cpus, memory and GPUs, times how long) over its weight, and what those that run now are
// expected to take. Nothing is saved up: a queue that had nothing to do begins where the others
// are, and one that could not be served is at most kMaxCredit behind (SFQ: Goyal, Vin, Cheng 1996;
// DRF: Ghodsi et al. 2011).
//
// Starvation. A shape that others were placed past for limits::kReserveAfter gets a worker that
// takes nothing else until one of its steps is placed; one shape of each queue at a time. A worker
// that closes meanwhile is not kept any longer, and another is.
//
// Gangs. A step on several nodes is placed on as many different workers in one go, or not at all:
// it holds nothing while it waits, so that two of them cannot wait for each other. Its share is
// that of all its nodes. Starved, it gets as many workers as it needs, or none; it is never
// backlog.
//
// Where no worker has room, steps of types whose recent attempts were short (median below
// limits::kBacklogMedian) are given to workers as backlog, up to limits::kMaxBacklog each: the
// worker starts them without asking.
//
// Preemption (placer_preempt.cc). What cannot be placed for want of room, anywhere, may have steps
// of a lower priority of its own queue stopped that say that they are preemptible: those of the
// lowest priority first, of these the youngest, as few as possible. Until it is placed, the room is
// kept for it.
//
// Locality. Of the workers with room, one that has much of the step's inputs already (as the caller
// tells, SetLocality) goes before the emptiest.
//
// Cost: O(log n) a ready step; a placement O(workers + shapes + queues). Deterministic. Pure: no
// threads, no clocks (the caller tells the time), no I/O.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "server/core/queues.h"
#include "storage/model/records.h"

namespace penstock {

namespace sim {
class EngineProbe;
}

// What a step needs of a worker.
struct Needs {
  double cpus = 1;
  int64_t memory = 0;  // bytes; 0: none asked
  int32_t gpus = 0;
  int32_t nodes = 1;  // workers that run it together: all of them, or none
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> tolerations;  // taints that the worker may have
  std::string step;                                // "train/xgboost@1": the worker must announce it
  std::string data_path;  // import: a folder or file that must lie under one of its data roots
  std::string data_source = {};  // import: an address that one of its data sources must allow
  friend auto operator<=>(const Needs&, const Needs&) = default;
};

// What a worker has left.
struct WorkerCapacity {
  double cpus = 0;
  int64_t memory = 0;
  int32_t gpus = 0;
  int32_t backlog = 0;      // attempts that it holds beyond its capacity
  std::string closed = {};  // why it takes nothing new, as a phrase: "is cordoned"; empty: it does
  int32_t ports = 0;        // free ones for ranks of steps on several nodes
};

// Whether a worker with nothing to do could run a step that needs this. `why_not`, where given,
// gets the reason, as a phrase: "has 2 cpus, the step needs 4".
bool CouldRun(const WorkerInfo& worker, const Needs& needs, std::string* why_not = nullptr);

// Whether a worker has that much free now, and nothing waits on it.
bool HasRoom(const WorkerInfo& info, const WorkerCapacity& free, const Needs& needs);

class Placer {
 public:
  using StepKey = std::pair<int64_t, StepIndex>;  // run and step

  struct Placement {
    int64_t run = 0;
    StepIndex step = 0;
    SessionId session;
    bool backlog = false;
    std::vector<SessionId> others = {};  // of a step on several nodes: ranks 1, 2 …
  };

  // Why a step waits: a stable word and a sentence. `holder`: who has what it waits for.
  struct Reason {
    std::string word;
    std::string sentence;
    std::optional<StepKey> holder = {};
  };

  explicit Placer(QueueTable queues = {});

  // The time from here on; never goes back.
  void Advance(Tick now) { now_ = now; }

  // Adds a worker, or says what it has left now. A worker that memory is not known of (0 bytes) is
  // taken to have enough.
  void UpdateWorker(const SessionId& session, const WorkerInfo& info,
                    const WorkerCapacity& capacity);
  void RemoveWorker(const SessionId& session);

  // `max_parallel` 0: no limit. Before the run's first step.
  void AddRun(int64_t run, int32_t max_parallel, const std::string& queue = kDefaultQueue,
              int32_t priority = 0);
  void RemoveRun(int64_t run);
  // How many steps of the run are leased or running. Of these and of its queue's, a step that is
  // queued again (its worker cannot be reached) takes nobody's place, its own least of all.
  void SetActive(int64_t run, int32_t active);

  // A step that is queued already stays where it is. `mutex`: a name of which one step at a time is
  // placed; empty: none. One that holds it already need not wait for itself.
  void Enqueue(int64_t run, StepIndex step, const Needs& needs, const std::string& mutex = {});
  // Does nothing where the step is not queued.
  void Remove(int64_t run, StepIndex step);
  bool IsQueued(int64_t run, StepIndex step) const;

  // The next step that can be placed, taken out of its queue; nullopt when nothing can. The caller
  // leases it and tells what the worker has left (UpdateWorker), the run (SetActive) and that it
  // has begun (Occupy) before it asks again.
  std::optional<Placement> Next();

  // An attempt of the step has begun: its queue pays for it, and its mutex is taken, until Release.
  void Occupy(int64_t run, StepIndex step, const Needs& needs, const std::string& mutex = {});
  // Does nothing where there was none.
  void Release(int64_t run, StepIndex step);

  // The step has room on that worker, and may be stopped; since when it has it. Until Release.
  void MayPreempt(int64_t run, StepIndex step, const Needs& needs, const SessionId& session,
                  Time since);
  struct Preemption {
    StepKey victim;
    StepKey claimant;  // for whose sake
  };
  // What to stop so that what waits can be placed; each is named once. To be asked when Next has
  // nothing more.
  std::vector<Preemption> Preempt();

  // The bytes of a step's inputs that workers have already, where they are many.
  using Locality = std::function<std::vector<std::pair<SessionId, int64_t>>(const StepKey& step)>;
  void SetLocality(Locality locality) { locality_ = std::move(locality); }

  // Why a queued step is not placed. Words: "MAX_PARALLEL_STEPS", "QUEUE_MAX_PARALLEL_STEPS",
  // "MUTEX", "PREEMPTING", "NO_WORKER", "WORKER_CANNOT", "WORKER_CLOSED", "WORKER_RESERVED",
  // "WORKER_BUSY", "GANG_INCOMPLETE", "QUEUED". Empty where it is not queued.
  std::vector<Reason> WhyWaiting(int64_t run, StepIndex step) const;

  // How long an attempt of this "type@version" took, for the backlog and the fair share.
  void RecordDuration(const std::string& step, Micros duration);
  bool IsShort(const std::string& step) const;

  std::size_t queued() const { return where_.size(); }

 private:
  friend class sim::EngineProbe;
  struct Lane;
  struct Queue;
  struct Run;

  // Where a step stands in its queue. Lower goes first.
  struct Place {
    int32_t urgency = 0;  // the priority, negated
    int64_t run = 0;
    StepIndex step = 0;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  // Steps of one queue with equal needs.
  struct Shape {
    Queue* queue = nullptr;
    Needs needs;
    std::map<Place, Lane*> ready;  // the first step of each lane that is not set aside
    std::size_t lanes = 0;
    int64_t stuck_at = -1;            // version_ when nothing fitted
    int64_t hopeless_at = -1;         // version_ + victims_version_ when nobody could make room
    int32_t hopeless_priority = 0;    // for that priority
    std::optional<Tick> passed_at;    // since when others are placed past it
    std::vector<SessionId> reserved;  // the workers that are kept for it
  };
  // Steps of one run with equal needs and the same mutex: they can be placed, or not, together.
  struct Lane {
    Shape* shape = nullptr;
    int64_t run_id = 0;
    Run* run = nullptr;
    std::string mutex;
    std::set<StepIndex> steps;
    std::optional<Place> listed;  // its place in shape->ready; unset: set aside
  };
  struct Queue {
    std::string name;
    QueueTerms terms;
    std::map<Needs, Shape> shapes;
    std::size_t queued = 0;
    int32_t active = 0;  // steps that are leased or running
    int32_t adrift = 0;  // of these, those that wait to be placed again
    double used = 0;     // microseconds of the whole cluster, up to `since`
    Tick since;
    double rate = 0;      // what `used` grows by in a microsecond
    double promised = 0;  // what the active ones are expected to take
    Shape* reserving = nullptr;
    int32_t places_taken() const { return active - adrift; }
  };
  struct Run {
    Queue* queue = nullptr;
    int32_t priority = 0;
    int32_t max_parallel = 0;
    int32_t active = 0;
    int32_t adrift = 0;  // of these, those that wait to be placed again
    bool held = false;
    int32_t places_taken() const { return active - adrift; }
    std::map<std::pair<Shape*, std::string>, Lane> lanes;
  };
  struct Worker {
    WorkerInfo info;
    WorkerCapacity capacity;
    Shape* reserved_for = nullptr;
    std::unordered_map<const Shape*, bool> could_run;  // remembered CouldRun
  };
  struct Mutex {
    std::set<StepKey> holders;  // at most one
    std::set<Lane*> lanes;      // that wait for it, or may take it
  };
  struct Occupied {
    Queue* queue = nullptr;
    double share = 0;
    double promised = 0;
    std::string mutex;
  };
  // A step that may be stopped.
  struct Victim {
    Queue* queue = nullptr;
    int32_t priority = 0;
    Needs needs;
    SessionId session;
    Time since;
    bool stopping = false;
  };
  // Room that is being made, or kept, for a step of a shape.
  struct Claim {
    Shape* shape = nullptr;
    int32_t priority = 0;
    SessionId session;
  };
  // Whom to stop on a worker.
  struct Choice {
    SessionId session;
    std::vector<std::map<StepKey, Victim>::iterator> victims;
  };
  struct Durations {
    std::deque<int64_t> recent;
    int64_t median = 0;
    bool is_short = false;
  };

  Queue& FindQueue(const std::string& name);
  void SetHeld(Run& run);
  void CountAdrift(const StepKey& step, int32_t change);
  Run& FindRun(int64_t run);
  Lane& FindLane(int64_t run_id, Shape& shape, const std::string& mutex);
  void Relist(Lane& lane);
  void DropLane(Lane& lane);
  void ForgetIfEmpty(Shape* shape);

  // The shape whose head is first of all that may be placed; null where there is none.
  Shape* First();
  Worker* FindRoom(Shape& shape, SessionId* session, bool* backlog);
  // Of a shape for several nodes (placer_gang.cc).
  bool FindGang(const Shape& shape, Placement* placement);
  bool IsOpen(Worker& worker, const Shape& shape);
  Reason WhyIncomplete(const Needs& needs, int32_t with_room) const;
  bool Could(Worker& worker, const Shape& shape);

  double ShareOf(const Needs& needs) const;
  double UsedBy(const Queue& queue) const;
  double Account(const Queue& queue) const;
  void CatchUp(Queue& queue);
  void Awake(Queue& queue);
  void Charge(Queue& queue);
  static bool AtLimit(const Queue& queue);

  void NotePassed(const Shape& placed, const SessionId& session);
  void Reserve();
  bool ReserveFor(Shape& shape);
  void EndReservation(Shape& shape);
  void NotStarved(Shape& shape);

  // Whether nobody may be stopped for the first step of the shape, as was found before.
  bool IsHopeless(const Shape& shape) const;
  // Whether room is being made for the shape, or could be.
  bool CanMakeRoom(Shape& shape);
  void MakeRoomFor(Shape& shape, std::vector<Preemption>& preemptions);
  static int64_t ClaimantsOf(const Lane& lane);
  std::optional<Choice> Choose(const Shape& shape, int32_t priority);
  bool ChooseOn(const SessionId& session, const Worker& worker, const Shape& shape,
                int32_t priority, Choice& choice);
  static bool IsBetter(const Choice& a, const Choice& b);
  // What a worker has left once those have ended that are told to, and all claims are met.
  WorkerCapacity Expected(const SessionId& session, const Worker& worker) const;
  // Whether a step of the shape would take what others have claimed there.
  bool IsClaimed(const SessionId& session, const Worker& worker, const Shape& shape) const;
  // False where there is none.
  bool DropVainClaims();
  void DropClaims(const Shape& shape);
  void MeetClaim(const Shape& shape, const SessionId& session);
  void WhyPreempting(const Lane& lane, std::vector<Reason>& reasons) const;
  void PreferLocal(const Shape& shape, const Place& head, SessionId* session);

  void WhySetAside(const Lane& lane, std::vector<Reason>& reasons) const;
  Reason WhyInLine(const Lane& lane, StepIndex step) const;

  std::map<std::string, Queue> queues_;
  std::map<SessionId, Worker> workers_;
  std::unordered_map<int64_t, Run> runs_;
  std::map<StepKey, Lane*> where_;
  std::map<StepKey, Occupied> occupied_;
  std::unordered_map<std::string, Mutex> mutexes_;
  std::unordered_map<std::string, Durations> durations_;
  std::map<StepKey, Victim> victims_;
  std::vector<Claim> claims_;
  int64_t victims_version_ = 0;  // raised whenever somebody may be stopped that could not
  Locality locality_;
  std::set<Shape*> passed_;  // those with passed_at; their order means nothing
  double total_cpus_ = 0;    // of the workers
  double total_memory_ = 0;
  double total_gpus_ = 0;
  double served_ = 0;  // the account of the queue that was served last, at that time
  Tick now_;
  int64_t version_ = 0;  // raised whenever room may have appeared
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_PLACER_H_

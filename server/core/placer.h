#ifndef PENSTOCK_SERVER_CORE_PLACER_H_
#define PENSTOCK_SERVER_CORE_PLACER_H_

// Which ready step goes to which worker, and when.
//
// Ready steps wait in order of (run, step): the oldest run first. Steps with equal needs
// (resources, labels, type@version) share a queue, so that one look at its head decides for all of
// them, and a queue that fits nowhere is not looked at again until some capacity is freed. A run at
// its maxParallelSteps is set aside until one of its steps ends.
//
// Where no worker has room, steps of types whose recent attempts were short (median below
// limits::kBacklogMedian) are given to workers as backlog, up to limits::kMaxBacklog each: the
// worker starts them without asking.
//
// Cost: O(log n) a ready step and O(workers) a placement. Pure: no threads, no clocks, no I/O.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "storage/model/records.h"

namespace penstock {

// What a step needs of a worker.
struct Needs {
  double cpus = 1;
  int64_t memory = 0;  // bytes; 0: none asked
  int32_t gpus = 0;
  std::map<std::string, std::string> labels;
  std::string step;       // "train/xgboost@1": the worker must announce it
  std::string data_path;  // import: a folder or file that must lie under one of its data roots
  friend auto operator<=>(const Needs&, const Needs&) = default;
};

// What a worker has left.
struct WorkerCapacity {
  double cpus = 0;
  int64_t memory = 0;
  int32_t gpus = 0;
  int32_t backlog = 0;  // attempts that it holds beyond its capacity
};

// Whether a worker with nothing to do could run a step that needs this. `why_not`, where given,
// gets the reason, as a phrase: "has 2 cpus, the step needs 4".
bool CouldRun(const WorkerInfo& worker, const Needs& needs, std::string* why_not = nullptr);

class Placer {
 public:
  struct Placement {
    int64_t run = 0;
    StepIndex step = 0;
    SessionId session;
    bool backlog = false;
  };

  // Adds a worker, or says what it has left now. A worker that memory is not known of (0 bytes) is
  // taken to have enough.
  void UpdateWorker(const SessionId& session, const WorkerInfo& info,
                    const WorkerCapacity& capacity);
  void RemoveWorker(const SessionId& session);

  // `max_parallel` 0: no limit.
  void AddRun(int64_t run, int32_t max_parallel);
  void RemoveRun(int64_t run);
  // How many steps of the run are leased or running.
  void SetActive(int64_t run, int32_t active);

  // A step that is queued already stays where it is.
  void Enqueue(int64_t run, StepIndex step, const Needs& needs);
  // Does nothing where the step is not queued.
  void Remove(int64_t run, StepIndex step);
  bool IsQueued(int64_t run, StepIndex step) const;

  // The next step that can be placed, taken out of its queue; nullopt when nothing can. The caller
  // leases it and tells what the worker has left (UpdateWorker) and the run (SetActive) before it
  // asks again.
  std::optional<Placement> Next();

  // Why a queued step is not placed: a stable word ("MAX_PARALLEL_STEPS", "NO_WORKER",
  // "WORKER_CANNOT", "WORKER_BUSY", "QUEUED") and a sentence each. Empty where it is not queued.
  std::vector<std::pair<std::string, std::string>> WhyWaiting(int64_t run, StepIndex step) const;

  // How long an attempt of this "type@version" took, for the backlog.
  void RecordDuration(const std::string& step, Micros duration);
  bool IsShort(const std::string& step) const;

  std::size_t queued() const { return where_.size(); }

 private:
  struct Queue {
    Needs needs;
    std::map<int64_t, std::set<StepIndex>> ready;  // by run
    std::map<int64_t, std::set<StepIndex>> held;   // of runs at their limit
    int64_t stuck_at = -1;                         // version_ when nothing fitted
  };
  struct Run {
    int32_t max_parallel = 0;
    int32_t active = 0;
    bool held = false;
    std::set<Queue*> queues;  // that hold steps of it
  };
  struct Worker {
    WorkerInfo info;
    WorkerCapacity capacity;
    std::unordered_map<const Queue*, bool> could_run;  // remembered CouldRun
  };
  struct Durations {
    std::deque<int64_t> recent;
    bool is_short = false;
  };

  void Hold(int64_t run_id, Run& run, bool held);
  void ForgetIfEmpty(Queue* queue);
  Worker* FindRoom(const Queue& queue, SessionId* session, bool* backlog);
  bool Could(Worker& worker, const Queue& queue);

  std::map<Needs, Queue> queues_;
  std::map<SessionId, Worker> workers_;
  std::unordered_map<int64_t, Run> runs_;
  std::map<std::pair<int64_t, StepIndex>, Queue*> where_;
  std::unordered_map<std::string, Durations> durations_;
  int64_t version_ = 0;  // raised whenever room may have appeared
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_PLACER_H_

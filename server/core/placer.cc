#include "server/core/placer.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "storage/model/limits.h"
#include "storage/model/source_address.h"

namespace penstock {
namespace {

constexpr double kCpuSlack = 1e-9;
constexpr std::size_t kManyShapes = 256;
// Of a type that no attempt of has ended yet.
constexpr Micros kGuessedDuration = std::chrono::seconds(1);

bool IsUnder(const std::string& path, const std::string& root) {
  if (!path.starts_with(root)) return false;
  return root.ends_with('/') || path.size() == root.size() || path[root.size()] == '/';
}

}  // namespace

bool HasRoom(const WorkerInfo& info, const WorkerCapacity& free, const Needs& needs) {
  return free.backlog == 0 && needs.cpus <= free.cpus + kCpuSlack &&
         (info.memory == 0 || needs.memory <= free.memory) && needs.gpus <= free.gpus &&
         (needs.nodes == 1 || free.ports > 0);
}

bool CouldRun(const WorkerInfo& worker, const Needs& needs, std::string* why_not) {
  std::string reason;
  if (std::find(worker.steps.begin(), worker.steps.end(), needs.step) == worker.steps.end()) {
    reason = "does not run " + needs.step;
  } else if (needs.cpus > worker.cpus + kCpuSlack) {
    reason =
        "has " + FormatDouble(worker.cpus) + " cpus, the step needs " + FormatDouble(needs.cpus);
  } else if (worker.memory > 0 && needs.memory > worker.memory) {
    reason = "has " + FormatSize(worker.memory) + " of memory, the step needs " +
             FormatSize(needs.memory);
  } else if (needs.gpus > worker.gpus) {
    reason = "has " + std::to_string(worker.gpus) + " GPUs, the step needs " +
             std::to_string(needs.gpus);
  } else if (needs.nodes > 1 && (worker.port_count == 0 || worker.address.empty())) {
    reason = "has no ports for ranks of steps on several nodes (rankPorts)";
  }
  for (const auto& [key, value] : needs.labels) {
    if (!reason.empty()) break;
    const auto found = worker.labels.find(key);
    if (found == worker.labels.end() || found->second != value) {
      reason = "does not carry the label " + key + "=" + value;
    }
  }
  for (const auto& [key, value] : worker.taints) {
    if (!reason.empty()) break;
    const auto found = needs.tolerations.find(key);
    if (found == needs.tolerations.end() || found->second != value) {
      reason = "has the taint " + key + "=" + value + ", which the step does not tolerate";
    }
  }
  if (reason.empty() && !needs.data_path.empty() &&
      std::none_of(worker.data_roots.begin(), worker.data_roots.end(),
                   [&](const std::string& root) { return IsUnder(needs.data_path, root); })) {
    reason = "has no data root that holds " + needs.data_path;
  }
  if (reason.empty() && !needs.data_source.empty() &&
      ReachOf(worker.data_sources, needs.data_source) == Reach::kNone) {
    reason = "may not read " + needs.data_source + " (its dataSources do not allow it)";
  }
  if (why_not != nullptr) *why_not = reason;
  return reason.empty();
}

Placer::Placer(QueueTable queues) {
  queues.try_emplace(kDefaultQueue);
  for (auto& [name, terms] : queues) {
    Queue& queue = queues_[name];
    queue.name = name;
    queue.terms = terms;
  }
}

// --- Workers

void Placer::UpdateWorker(const SessionId& session, const WorkerInfo& info,
                          const WorkerCapacity& capacity) {
  const auto [found, added] = workers_.try_emplace(session);
  Worker& worker = found->second;
  const WorkerCapacity& before = worker.capacity;
  if (added || capacity.cpus > before.cpus || capacity.memory > before.memory ||
      capacity.gpus > before.gpus || capacity.ports > before.ports ||
      capacity.backlog < before.backlog || (capacity.closed.empty() && !before.closed.empty())) {
    ++version_;
  }
  if (added) {
    worker.info = info;
    total_cpus_ += info.cpus;
    total_memory_ += static_cast<double>(info.memory);
    total_gpus_ += info.gpus;
  }
  worker.capacity = capacity;
  // What is kept for a step must be able to take it.
  if (!capacity.closed.empty() && worker.reserved_for != nullptr) {
    EndReservation(*worker.reserved_for);
  }
}

void Placer::RemoveWorker(const SessionId& session) {
  const auto found = workers_.find(session);
  if (found == workers_.end()) return;
  const WorkerInfo& info = found->second.info;
  total_cpus_ -= info.cpus;
  total_memory_ -= static_cast<double>(info.memory);
  total_gpus_ -= info.gpus;
  if (found->second.reserved_for != nullptr) EndReservation(*found->second.reserved_for);
  std::erase_if(claims_, [&](const Claim& claim) { return claim.session == session; });
  workers_.erase(found);
  if (workers_.empty()) total_cpus_ = total_memory_ = total_gpus_ = 0;
}

// --- Runs

Placer::Queue& Placer::FindQueue(const std::string& name) {
  Queue& queue = queues_[name];
  queue.name = name;
  return queue;
}

Placer::Run& Placer::FindRun(int64_t run_id) {
  Run& run = runs_[run_id];
  if (run.queue == nullptr) run.queue = &FindQueue(kDefaultQueue);
  return run;
}

void Placer::AddRun(int64_t run_id, int32_t max_parallel, const std::string& queue,
                    int32_t priority) {
  Run& run = runs_[run_id];
  run.queue = &FindQueue(queue);
  run.priority = priority;
  run.max_parallel = max_parallel;
}

void Placer::RemoveRun(int64_t run_id) {
  const auto found = runs_.find(run_id);
  if (found == runs_.end()) return;
  auto& lanes = found->second.lanes;
  while (!lanes.empty()) Remove(run_id, *lanes.begin()->second.steps.begin());
  runs_.erase(found);
}

void Placer::SetActive(int64_t run_id, int32_t active) {
  Run& run = FindRun(run_id);
  run.active = active;
  SetHeld(run);
}

void Placer::SetHeld(Run& run) {
  const bool held = run.max_parallel > 0 && run.places_taken() >= run.max_parallel;
  if (run.held == held) return;
  run.held = held;
  for (auto& [key, lane] : run.lanes) Relist(lane);
}

// The step is on a worker and queued, or no longer both.
void Placer::CountAdrift(const StepKey& step, int32_t change) {
  Run& run = FindRun(step.first);
  run.queue->adrift += change;
  run.adrift += change;
  SetHeld(run);
}

// --- Steps

Placer::Lane& Placer::FindLane(int64_t run_id, Shape& shape, const std::string& mutex) {
  Run& run = FindRun(run_id);
  const auto [found, added] = run.lanes.try_emplace({&shape, mutex});
  Lane& lane = found->second;
  if (!added) return lane;
  lane.shape = &shape;
  lane.run_id = run_id;
  lane.run = &run;
  lane.mutex = mutex;
  ++shape.lanes;
  if (!mutex.empty()) mutexes_[mutex].lanes.insert(&lane);
  return lane;
}

// Puts the lane where it belongs: into its shape's order by its first step, or aside.
void Placer::Relist(Lane& lane) {
  std::optional<Place> place;
  const bool taken = !lane.mutex.empty() && !mutexes_[lane.mutex].holders.empty();
  if (!lane.steps.empty() && !lane.run->held && !taken) {
    place = Place{-lane.run->priority, lane.run_id, *lane.steps.begin()};
  }
  if (place == lane.listed) return;
  Shape& shape = *lane.shape;
  if (lane.listed && place) {
    auto node = shape.ready.extract(*lane.listed);
    node.key() = *place;
    shape.ready.insert(std::move(node));
  } else if (lane.listed) {
    shape.ready.erase(*lane.listed);
  } else {
    shape.ready.emplace(*place, &lane);
  }
  lane.listed = place;
  if (!shape.ready.empty()) return;
  NotStarved(shape);
  DropClaims(shape);
}

// Of a lane without steps.
void Placer::DropLane(Lane& lane) {
  Relist(lane);
  Shape* shape = lane.shape;
  const std::string mutex = lane.mutex;
  if (!mutex.empty()) {
    Mutex& taken = mutexes_[mutex];
    taken.lanes.erase(&lane);
    if (taken.lanes.empty() && taken.holders.empty()) mutexes_.erase(mutex);
  }
  --shape->lanes;
  lane.run->lanes.erase({shape, mutex});
  ForgetIfEmpty(shape);
}

// Needs that name a file come and go: forgets shapes that nothing waits in.
void Placer::ForgetIfEmpty(Shape* shape) {
  auto& shapes = shape->queue->shapes;
  if (shapes.size() <= kManyShapes || shape->lanes > 0) return;
  for (auto& [id, worker] : workers_) worker.could_run.erase(shape);
  shapes.erase(Needs(shape->needs));
}

void Placer::Enqueue(int64_t run_id, StepIndex step, const Needs& needs, const std::string& mutex) {
  const auto [found, added] = where_.try_emplace({run_id, step}, nullptr);
  if (!added) return;
  Queue& queue = *FindRun(run_id).queue;
  if (queue.queued == 0 && queue.active == 0) Awake(queue);
  const auto [shape, fresh] = queue.shapes.try_emplace(needs);
  if (fresh) {
    shape->second.queue = &queue;
    shape->second.needs = needs;
  }
  const bool holds = !mutex.empty() && mutexes_[mutex].holders.contains({run_id, step});
  Lane& lane = FindLane(run_id, shape->second, holds ? std::string() : mutex);
  lane.steps.insert(step);
  ++queue.queued;
  found->second = &lane;
  Relist(lane);
  if (occupied_.contains({run_id, step})) CountAdrift({run_id, step}, +1);
}

void Placer::Remove(int64_t run_id, StepIndex step) {
  const auto found = where_.find({run_id, step});
  if (found == where_.end()) return;
  Lane& lane = *found->second;
  where_.erase(found);
  lane.steps.erase(step);
  --lane.run->queue->queued;
  if (lane.steps.empty()) {
    DropLane(lane);
  } else {
    Relist(lane);
  }
  if (occupied_.contains({run_id, step})) CountAdrift({run_id, step}, -1);
}

bool Placer::IsQueued(int64_t run, StepIndex step) const {
  return where_.contains({run, step});
}

void Placer::Occupy(int64_t run_id, StepIndex step, const Needs& needs, const std::string& mutex) {
  Release(run_id, step);
  Queue& queue = *FindRun(run_id).queue;
  const auto known = durations_.find(needs.step);
  Occupied& occupied = occupied_[{run_id, step}];
  occupied.queue = &queue;
  occupied.share = ShareOf(needs);
  occupied.promised =
      occupied.share * static_cast<double>(known == durations_.end() ? kGuessedDuration.count()
                                                                     : known->second.median);
  occupied.mutex = mutex;
  if (where_.contains({run_id, step})) CountAdrift({run_id, step}, +1);
  CatchUp(queue);
  ++queue.active;
  queue.rate += occupied.share;
  queue.promised += occupied.promised;
  if (mutex.empty()) return;
  Mutex& taken = mutexes_[mutex];
  taken.holders.insert({run_id, step});
  for (Lane* lane : taken.lanes) Relist(*lane);
}

void Placer::Release(int64_t run_id, StepIndex step) {
  const auto found = occupied_.find({run_id, step});
  if (found == occupied_.end()) return;
  const Occupied occupied = std::move(found->second);
  occupied_.erase(found);
  victims_.erase({run_id, step});
  if (where_.contains({run_id, step})) CountAdrift({run_id, step}, -1);
  Queue& queue = *occupied.queue;
  CatchUp(queue);
  --queue.active;
  // Sums of fractions: nothing must be left of them.
  queue.rate = queue.active == 0 ? 0 : queue.rate - occupied.share;
  queue.promised = queue.active == 0 ? 0 : queue.promised - occupied.promised;
  if (occupied.mutex.empty()) return;
  Mutex& taken = mutexes_[occupied.mutex];
  taken.holders.erase({run_id, step});
  for (Lane* lane : taken.lanes) Relist(*lane);
  if (taken.lanes.empty() && taken.holders.empty()) mutexes_.erase(occupied.mutex);
}

// --- Placement

bool Placer::Could(Worker& worker, const Shape& shape) {
  const auto [found, added] = worker.could_run.try_emplace(&shape, false);
  if (added) found->second = CouldRun(worker.info, shape.needs);
  return found->second;
}

Placer::Shape* Placer::First() {
  Shape* first = nullptr;
  double least = 0;
  for (auto& [name, queue] : queues_) {
    if (queue.queued == 0 || AtLimit(queue)) continue;
    Shape* of_queue = nullptr;
    for (auto& [needs, shape] : queue.shapes) {
      if (shape.ready.empty() || shape.stuck_at == version_) continue;
      if (of_queue == nullptr || shape.ready.begin()->first < of_queue->ready.begin()->first) {
        of_queue = &shape;
      }
    }
    if (of_queue == nullptr) continue;
    const double account = Account(queue);
    if (first != nullptr && account >= least) continue;
    first = of_queue;
    least = account;
  }
  return first;
}

bool Placer::IsOpen(Worker& worker, const Shape& shape) {
  return worker.capacity.closed.empty() && Could(worker, shape) &&
         (worker.reserved_for == nullptr || worker.reserved_for == &shape);
}

Placer::Worker* Placer::FindRoom(Shape& shape, SessionId* session, bool* backlog) {
  Worker* best = nullptr;
  *backlog = false;
  // The emptiest worker: spreads runs, and leaves the others' warm processes alone.
  for (auto& [id, worker] : workers_) {
    if (!HasRoom(worker.info, worker.capacity, shape.needs) || !IsOpen(worker, shape)) continue;
    if (IsClaimed(id, worker, shape)) continue;
    if (best == nullptr || worker.capacity.cpus > best->capacity.cpus) {
      best = &worker;
      *session = id;
    }
  }
  // It must not wait behind what it could have stopped.
  if (best != nullptr || !IsShort(shape.needs.step) || CanMakeRoom(shape)) return best;
  for (auto& [id, worker] : workers_) {
    if (worker.capacity.backlog >= limits::kMaxBacklog || !IsOpen(worker, shape)) continue;
    if (IsClaimed(id, worker, shape)) continue;
    if (best == nullptr || worker.capacity.backlog < best->capacity.backlog) {
      best = &worker;
      *session = id;
      *backlog = true;
    }
  }
  return best;
}

std::optional<Placer::Placement> Placer::Next() {
  if (!passed_.empty()) Reserve();
  do {
    while (Shape* first = First()) {
      const Place head = first->ready.begin()->first;
      Placement placement{.run = head.run, .step = head.step, .session = {}, .backlog = false};
      const bool gang = first->needs.nodes > 1;
      if (gang ? !FindGang(*first, &placement)
               : FindRoom(*first, &placement.session, &placement.backlog) == nullptr) {
        first->stuck_at = version_;
        continue;
      }
      if (!placement.backlog && !gang) PreferLocal(*first, head, &placement.session);
      Charge(*first->queue);
      NotePassed(*first, placement.session);
      for (const SessionId& session : placement.others) NotePassed(*first, session);
      NotStarved(*first);
      MeetClaim(*first, placement.session);
      Remove(head.run, head.step);
      return placement;
    }
  } while (DropVainClaims());
  return std::nullopt;
}

}  // namespace penstock

// Whose turn it is: what queues took, what was passed over, and why a step waits.

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "server/core/placer.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr std::size_t kRecentDurations = 21;
// How far behind the others a queue may be for what it could not use.
constexpr double kMaxCredit = 60e6;  // microseconds of the whole cluster, over its weight

}  // namespace

// --- Fair share

// The largest of its shares: a step that takes all GPUs and one cpu takes all.
double Placer::ShareOf(const Needs& needs) const {
  const auto share = [&needs](double part, double whole) {
    return whole > 0 ? std::min(part * needs.nodes / whole, 1.0) : 0;
  };
  return std::max({share(needs.cpus, total_cpus_),
                   share(static_cast<double>(needs.memory), total_memory_),
                   share(needs.gpus, total_gpus_)});
}

double Placer::UsedBy(const Queue& queue) const {
  return queue.used + queue.rate * static_cast<double>((now_ - queue.since).count());
}

double Placer::Account(const Queue& queue) const {
  return std::max((UsedBy(queue) + queue.promised) / queue.terms.weight, served_ - kMaxCredit);
}

void Placer::CatchUp(Queue& queue) {
  queue.used = UsedBy(queue);
  queue.since = now_;
}

// A queue that had nothing to do: it saved up nothing, and owes nothing for the time in which
// nobody else wanted what it took.
void Placer::Awake(Queue& queue) {
  double start = served_;
  bool any = false;
  for (const auto& [name, other] : queues_) {
    if (&other == &queue || (other.queued == 0 && other.active == 0)) continue;
    // What they are expected to take is a guess, which may be wrong: it gives nobody a start.
    const double taken = UsedBy(other) / other.terms.weight;
    start = any ? std::min(start, taken) : taken;
    any = true;
  }
  CatchUp(queue);
  queue.used = std::max(queue.used, start * queue.terms.weight);
}

// The queue is served: what it was behind by more than kMaxCredit is forgotten.
void Placer::Charge(Queue& queue) {
  CatchUp(queue);
  served_ = Account(queue);
  queue.used = std::max(queue.used, served_ * queue.terms.weight - queue.promised);
}

bool Placer::AtLimit(const Queue& queue) {
  return queue.terms.max_parallel_steps > 0 &&
         queue.places_taken() >= queue.terms.max_parallel_steps;
}

// --- Starvation

// Shapes that were first and did not fit, and that `placed` has now gone past on a worker that they
// could run on.
void Placer::NotePassed(const Shape& placed, const SessionId& session) {
  Worker& worker = workers_.at(session);
  for (auto& [name, queue] : queues_) {
    if (queue.queued == 0) continue;
    for (auto& [needs, shape] : queue.shapes) {
      if (&shape == &placed || shape.stuck_at != version_ || shape.ready.empty() ||
          shape.passed_at || !Could(worker, shape)) {
        continue;
      }
      shape.passed_at = now_;
      passed_.insert(&shape);
    }
  }
}

// Keeps workers for what has been passed over for too long: for one shape of each queue, that which
// waits longest.
void Placer::Reserve() {
  std::vector<Shape*> starved;
  for (Shape* shape : passed_) {
    if (now_ - *shape->passed_at >= limits::kReserveAfter && shape->queue->reserving == nullptr) {
      starved.push_back(shape);
    }
  }
  std::sort(starved.begin(), starved.end(), [](const Shape* a, const Shape* b) {
    return std::tie(*a->passed_at, a->queue->name, a->ready.begin()->first) <
           std::tie(*b->passed_at, b->queue->name, b->ready.begin()->first);
  });
  for (Shape* shape : starved) {
    if (shape->queue->reserving == nullptr && ReserveFor(*shape)) shape->queue->reserving = shape;
  }
}

void Placer::EndReservation(Shape& shape) {
  if (shape.queue->reserving != &shape) return;
  shape.queue->reserving = nullptr;
  for (const SessionId& session : shape.reserved) {
    if (const auto found = workers_.find(session); found != workers_.end()) {
      found->second.reserved_for = nullptr;
    }
  }
  shape.reserved.clear();
  ++version_;
}

// One of its steps was placed, or none waits any more.
void Placer::NotStarved(Shape& shape) {
  if (!shape.passed_at) return;
  shape.passed_at.reset();
  passed_.erase(&shape);
  EndReservation(shape);
}

// --- Why

namespace {

// "worker w1 has 1 of its 4 cpus free; the step needs 2 cpus".
std::string BusySentence(const WorkerInfo& info, const WorkerCapacity& free, const Needs& needs) {
  std::string has =
      FormatDouble(std::max(free.cpus, 0.0)) + " of its " + FormatDouble(info.cpus) + " cpus free";
  std::string wants = FormatDouble(needs.cpus) + " cpus";
  if (needs.memory > 0) {
    has += ", " + FormatSize(std::max<int64_t>(free.memory, 0)) + " of " + FormatSize(info.memory);
    wants += ", " + FormatSize(needs.memory);
  }
  if (needs.gpus > 0) {
    has += ", " + std::to_string(free.gpus) + " of " + std::to_string(info.gpus) + " GPUs";
    wants += ", " + std::to_string(needs.gpus) + " GPUs";
  }
  if (free.backlog > 0) {
    has += ", and " + std::to_string(free.backlog) + " steps that were given to it wait";
  }
  return "worker " + info.id.value() + " has " + has + "; the step needs " + wants;
}

}  // namespace

void Placer::WhySetAside(const Lane& lane, std::vector<Reason>& reasons) const {
  const Queue& queue = *lane.run->queue;
  if (lane.run->held) {
    reasons.push_back(
        {"MAX_PARALLEL_STEPS", "the run has " + std::to_string(lane.run->places_taken()) +
                                   " steps on workers, as many as its maxParallelSteps allows"});
  }
  if (AtLimit(queue)) {
    reasons.push_back({"QUEUE_MAX_PARALLEL_STEPS",
                       "queue " + queue.name + " has " + std::to_string(queue.places_taken()) +
                           " steps on workers, as many as its maxParallelSteps allows"});
  }
  const auto mutex = mutexes_.find(lane.mutex);
  if (lane.mutex.empty() || mutex == mutexes_.end() || mutex->second.holders.empty()) return;
  reasons.push_back(
      {"MUTEX", "the mutex " + lane.mutex + " is taken", *mutex->second.holders.begin()});
}

// Of a step for which there is room.
Placer::Reason Placer::WhyInLine(const Lane& lane, StepIndex step) const {
  const Queue& queue = *lane.run->queue;
  for (const auto& [name, other] : queues_) {
    if (&other == &queue || other.queued == 0 || AtLimit(other)) continue;
    if (Account(other) < Account(queue)) {
      return {"QUEUED", "queue " + name + " goes first: queue " + queue.name +
                            " has had more of what it is due"};
    }
  }
  std::size_t ahead = 0;
  const Place own{-lane.run->priority, lane.run_id, step};
  for (const auto& [place, other] : lane.shape->ready) {
    if (place < own && other->run != lane.run) ahead += other->steps.size();
  }
  return {"QUEUED", std::to_string(ahead) + " steps of higher priority or older runs go first"};
}

std::vector<Placer::Reason> Placer::WhyWaiting(int64_t run_id, StepIndex step) const {
  const auto found = where_.find({run_id, step});
  if (found == where_.end()) return {};
  const Lane& lane = *found->second;
  const Shape& shape = *lane.shape;
  std::vector<Reason> reasons;
  WhySetAside(lane, reasons);
  const bool set_aside = !reasons.empty();
  WhyPreempting(lane, reasons);
  if (workers_.empty()) reasons.push_back({"NO_WORKER", "no worker takes steps now"});
  int32_t with_room = 0;
  const std::size_t set_aside_for = reasons.size();
  for (const auto& [session, worker] : workers_) {
    const std::string name = "worker " + worker.info.id.value();
    std::string why;
    if (!CouldRun(worker.info, shape.needs, &why)) {
      reasons.push_back({"WORKER_CANNOT", name + " " + why});
    } else if (!worker.capacity.closed.empty()) {
      reasons.push_back({"WORKER_CLOSED", name + " " + worker.capacity.closed});
    } else if (worker.reserved_for != nullptr && worker.reserved_for != &shape) {
      reasons.push_back(
          {"WORKER_RESERVED", name + " is kept for a step that has waited longer and needs more"});
    } else if (HasRoom(worker.info, worker.capacity, shape.needs)) {
      if (IsClaimed(session, worker, shape)) {
        reasons.push_back({"WORKER_RESERVED", name + " keeps its room for a higher priority"});
      } else {
        ++with_room;
      }
    } else {
      reasons.push_back({"WORKER_BUSY", BusySentence(worker.info, worker.capacity, shape.needs)});
    }
  }
  if (with_room >= shape.needs.nodes) {
    if (!set_aside) reasons.push_back(WhyInLine(lane, step));
  } else if (shape.needs.nodes > 1) {
    reasons.insert(reasons.begin() + static_cast<std::ptrdiff_t>(set_aside_for),
                   WhyIncomplete(shape.needs, with_room));
  }
  return reasons;
}

// --- Durations

void Placer::RecordDuration(const std::string& step, Micros duration) {
  Durations& durations = durations_[step];
  durations.recent.push_back(duration.count());
  if (durations.recent.size() > kRecentDurations) durations.recent.pop_front();
  std::vector<int64_t> sorted(durations.recent.begin(), durations.recent.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  durations.median = *middle;
  const bool is_short = Micros(*middle) < limits::kBacklogMedian;
  if (is_short && !durations.is_short) ++version_;
  durations.is_short = is_short;
}

bool Placer::IsShort(const std::string& step) const {
  const auto found = durations_.find(step);
  return found != durations_.end() && found->second.is_short;
}

}  // namespace penstock

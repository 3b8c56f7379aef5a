#include "server/core/placer.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr double kCpuSlack = 1e-9;
constexpr std::size_t kRecentDurations = 21;
constexpr std::size_t kManyQueues = 256;

bool Fits(const Needs& needs, const WorkerInfo& info, double cpus, int64_t memory, int32_t gpus) {
  return needs.cpus <= cpus + kCpuSlack && (info.memory == 0 || needs.memory <= memory) &&
         needs.gpus <= gpus;
}

bool IsUnder(const std::string& path, const std::string& root) {
  if (!path.starts_with(root)) return false;
  return root.ends_with('/') || path.size() == root.size() || path[root.size()] == '/';
}

}  // namespace

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
  }
  for (const auto& [key, value] : needs.labels) {
    if (!reason.empty()) break;
    const auto found = worker.labels.find(key);
    if (found == worker.labels.end() || found->second != value) {
      reason = "does not carry the label " + key + "=" + value;
    }
  }
  if (reason.empty() && !needs.data_path.empty() &&
      std::none_of(worker.data_roots.begin(), worker.data_roots.end(),
                   [&](const std::string& root) { return IsUnder(needs.data_path, root); })) {
    reason = "has no data root that holds " + needs.data_path;
  }
  if (why_not != nullptr) *why_not = reason;
  return reason.empty();
}

void Placer::UpdateWorker(const SessionId& session, const WorkerInfo& info,
                          const WorkerCapacity& capacity) {
  const auto [found, added] = workers_.try_emplace(session);
  Worker& worker = found->second;
  const WorkerCapacity& before = worker.capacity;
  if (added || capacity.cpus > before.cpus || capacity.memory > before.memory ||
      capacity.gpus > before.gpus || capacity.backlog < before.backlog) {
    ++version_;
  }
  if (added) worker.info = info;
  worker.capacity = capacity;
}

void Placer::RemoveWorker(const SessionId& session) {
  workers_.erase(session);
}

void Placer::AddRun(int64_t run, int32_t max_parallel) {
  runs_[run].max_parallel = max_parallel;
}

void Placer::RemoveRun(int64_t run) {
  const auto found = runs_.find(run);
  if (found == runs_.end()) return;
  for (Queue* queue : found->second.queues) {
    for (auto* side : {&queue->ready, &queue->held}) {
      const auto steps = side->find(run);
      if (steps == side->end()) continue;
      for (const StepIndex step : steps->second) where_.erase({run, step});
      side->erase(steps);
    }
    ForgetIfEmpty(queue);
  }
  runs_.erase(found);
}

// Needs that name a file come and go: forgets queues that nothing waits in.
void Placer::ForgetIfEmpty(Queue* queue) {
  if (queues_.size() <= kManyQueues || !queue->ready.empty() || !queue->held.empty()) return;
  for (auto& [id, worker] : workers_) worker.could_run.erase(queue);
  queues_.erase(Needs(queue->needs));
}

void Placer::SetActive(int64_t run_id, int32_t active) {
  Run& run = runs_[run_id];
  run.active = active;
  Hold(run_id, run, run.max_parallel > 0 && active >= run.max_parallel);
}

void Placer::Hold(int64_t run_id, Run& run, bool held) {
  if (run.held == held) return;
  run.held = held;
  for (Queue* queue : run.queues) {
    auto& from = held ? queue->ready : queue->held;
    auto& to = held ? queue->held : queue->ready;
    if (auto node = from.extract(run_id); !node.empty()) to.insert(std::move(node));
    // What was behind a held run may fit where the head did not.
    queue->stuck_at = -1;
  }
}

void Placer::Enqueue(int64_t run_id, StepIndex step, const Needs& needs) {
  const auto [found, added] = where_.try_emplace({run_id, step}, nullptr);
  if (!added) return;
  const auto [queue, fresh] = queues_.try_emplace(needs);
  if (fresh) queue->second.needs = needs;
  found->second = &queue->second;
  Run& run = runs_[run_id];
  run.queues.insert(&queue->second);
  (run.held ? queue->second.held : queue->second.ready)[run_id].insert(step);
}

void Placer::Remove(int64_t run_id, StepIndex step) {
  const auto found = where_.find({run_id, step});
  if (found == where_.end()) return;
  Queue* queue = found->second;
  where_.erase(found);
  bool left = false;
  for (auto* side : {&queue->ready, &queue->held}) {
    const auto steps = side->find(run_id);
    if (steps == side->end()) continue;
    steps->second.erase(step);
    if (steps->second.empty()) {
      side->erase(steps);
    } else {
      left = true;
    }
  }
  if (left) return;
  runs_[run_id].queues.erase(queue);
  ForgetIfEmpty(queue);
}

bool Placer::IsQueued(int64_t run, StepIndex step) const {
  return where_.contains({run, step});
}

bool Placer::Could(Worker& worker, const Queue& queue) {
  const auto [found, added] = worker.could_run.try_emplace(&queue, false);
  if (added) found->second = CouldRun(worker.info, queue.needs);
  return found->second;
}

Placer::Worker* Placer::FindRoom(const Queue& queue, SessionId* session, bool* backlog) {
  Worker* best = nullptr;
  *backlog = false;
  // The emptiest worker: spreads runs, and leaves the others' warm processes alone.
  for (auto& [id, worker] : workers_) {
    const WorkerCapacity& free = worker.capacity;
    if (!Could(worker, queue) || free.backlog > 0 ||
        !Fits(queue.needs, worker.info, free.cpus, free.memory, free.gpus)) {
      continue;
    }
    if (best == nullptr || free.cpus > best->capacity.cpus) {
      best = &worker;
      *session = id;
    }
  }
  if (best != nullptr || !IsShort(queue.needs.step)) return best;
  for (auto& [id, worker] : workers_) {
    if (!Could(worker, queue) || worker.capacity.backlog >= limits::kMaxBacklog) continue;
    if (best == nullptr || worker.capacity.backlog < best->capacity.backlog) {
      best = &worker;
      *session = id;
      *backlog = true;
    }
  }
  return best;
}

std::optional<Placer::Placement> Placer::Next() {
  while (true) {
    // The queue whose head is first of all.
    Queue* first = nullptr;
    std::pair<int64_t, StepIndex> head{};
    for (auto& [needs, queue] : queues_) {
      if (queue.ready.empty() || queue.stuck_at == version_) continue;
      const auto& [run, steps] = *queue.ready.begin();
      const std::pair<int64_t, StepIndex> candidate{run, *steps.begin()};
      if (first == nullptr || candidate < head) {
        first = &queue;
        head = candidate;
      }
    }
    if (first == nullptr) return std::nullopt;
    Placement placement{.run = head.first, .step = head.second, .session = {}, .backlog = false};
    if (FindRoom(*first, &placement.session, &placement.backlog) == nullptr) {
      first->stuck_at = version_;
      continue;
    }
    Remove(head.first, head.second);
    return placement;
  }
}

namespace {

// "worker w1 has 1 of its 4 cpus free; the step needs 2 cpus".
std::string BusySentence(const WorkerInfo& info, const WorkerCapacity& free, const Needs& needs) {
  std::string has = FormatDouble(std::max(free.cpus, 0.0)) + " of its " + FormatDouble(info.cpus) +
                    " cpus free";
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

std::vector<std::pair<std::string, std::string>> Placer::WhyWaiting(int64_t run_id,
                                                                    StepIndex step) const {
  const auto found = where_.find({run_id, step});
  if (found == where_.end()) return {};
  const Queue& queue = *found->second;
  std::vector<std::pair<std::string, std::string>> reasons;
  const Run& run = runs_.at(run_id);
  if (run.held) {
    reasons.emplace_back("MAX_PARALLEL_STEPS",
                         "the run has " + std::to_string(run.active) +
                             " steps on workers, as many as its maxParallelSteps allows");
  }
  if (workers_.empty()) reasons.emplace_back("NO_WORKER", "no worker takes steps now");
  bool fits = false;
  for (const auto& [session, worker] : workers_) {
    const WorkerCapacity& free = worker.capacity;
    std::string why;
    if (!CouldRun(worker.info, queue.needs, &why)) {
      reasons.emplace_back("WORKER_CANNOT", "worker " + worker.info.id.value() + " " + why);
    } else if (free.backlog == 0 &&
               Fits(queue.needs, worker.info, free.cpus, free.memory, free.gpus)) {
      fits = true;
    } else {
      reasons.emplace_back("WORKER_BUSY", BusySentence(worker.info, free, queue.needs));
    }
  }
  if (fits && !run.held) {
    std::size_t ahead = 0;
    for (const auto& [other, steps] : queue.ready) ahead += other < run_id ? steps.size() : 0;
    reasons.emplace_back("QUEUED", std::to_string(ahead) + " steps of older runs go first");
  }
  return reasons;
}

void Placer::RecordDuration(const std::string& step, Micros duration) {
  Durations& durations = durations_[step];
  durations.recent.push_back(duration.count());
  if (durations.recent.size() > kRecentDurations) durations.recent.pop_front();
  std::vector<int64_t> sorted(durations.recent.begin(), durations.recent.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  const bool is_short = Micros(*middle) < limits::kBacklogMedian;
  if (is_short && !durations.is_short) ++version_;
  durations.is_short = is_short;
}

bool Placer::IsShort(const std::string& step) const {
  const auto found = durations_.find(step);
  return found != durations_.end() && found->second.is_short;
}

}  // namespace penstock

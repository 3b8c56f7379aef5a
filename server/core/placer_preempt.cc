// What is stopped for the sake of a higher priority, and the room that is kept for that.
//
// Only within a queue: its priorities are the user's own order. Between queues nobody is stopped,
// since shares move with every step that ends, and one would stop for another back and forth. Nor
// can two steps do that within a queue: who is stopped has the lower priority, and goes after.

#include <algorithm>
#include <tuple>
#include <utility>

#include "server/core/placer.h"

namespace penstock {
namespace {

void Add(WorkerCapacity& capacity, const Needs& needs, int sign) {
  capacity.cpus += sign * needs.cpus;
  capacity.memory += sign * needs.memory;
  capacity.gpus += sign * needs.gpus;
}

}  // namespace

void Placer::MayPreempt(int64_t run_id, StepIndex step, const Needs& needs,
                        const SessionId& session, Time since) {
  const Run& run = FindRun(run_id);
  victims_[{run_id, step}] = {.queue = run.queue,
                              .priority = run.priority,
                              .needs = needs,
                              .session = session,
                              .since = since,
                              .stopping = false};
  ++victims_version_;
}

std::vector<Placer::Preemption> Placer::Preempt() {
  std::vector<Preemption> preemptions;
  std::map<const Queue*, int32_t> lowest;  // priority of those who may be stopped
  for (const auto& [key, victim] : victims_) {
    if (victim.stopping) continue;
    const auto [found, added] = lowest.try_emplace(victim.queue, victim.priority);
    if (!added) found->second = std::min(found->second, victim.priority);
  }
  for (auto& [name, queue] : queues_) {
    if (queue.queued == 0 || AtLimit(queue) || !lowest.contains(&queue)) continue;
    std::vector<Shape*> waiting;
    for (auto& [needs, shape] : queue.shapes) {
      // Next has found no room for it.
      if (shape.ready.empty() || shape.stuck_at != version_) continue;
      const int32_t priority = -shape.ready.begin()->first.urgency;
      if (priority > lowest.at(&queue) && !IsHopeless(shape)) waiting.push_back(&shape);
    }
    std::sort(waiting.begin(), waiting.end(), [](const Shape* a, const Shape* b) {
      return a->ready.begin()->first < b->ready.begin()->first;
    });
    for (Shape* shape : waiting) MakeRoomFor(*shape, preemptions);
  }
  return preemptions;
}

bool Placer::IsHopeless(const Shape& shape) const {
  return shape.hopeless_at == version_ + victims_version_ &&
         -shape.ready.begin()->first.urgency <= shape.hopeless_priority;
}

bool Placer::CanMakeRoom(Shape& shape) {
  const auto is_for = [&](const Claim& claim) { return claim.shape == &shape; };
  if (std::any_of(claims_.begin(), claims_.end(), is_for)) return true;
  if (victims_.empty() || IsHopeless(shape)) return false;
  const int32_t priority = -shape.ready.begin()->first.urgency;
  if (Choose(shape, priority)) return true;
  shape.hopeless_at = version_ + victims_version_;
  shape.hopeless_priority = priority;
  return false;
}

// How many steps of a lane could be placed at once, were there room.
int64_t Placer::ClaimantsOf(const Lane& lane) {
  auto count = lane.mutex.empty() ? static_cast<int64_t>(lane.steps.size()) : 1;
  const Run& run = *lane.run;
  if (run.max_parallel > 0) count = std::min<int64_t>(count, run.max_parallel - run.places_taken());
  const Queue& queue = *run.queue;
  if (queue.terms.max_parallel_steps > 0) {
    count = std::min<int64_t>(count, queue.terms.max_parallel_steps - queue.places_taken());
  }
  return count;
}

void Placer::MakeRoomFor(Shape& shape, std::vector<Preemption>& preemptions) {
  // The first of its steps are those that have a claim already.
  int64_t claimed = std::count_if(claims_.begin(), claims_.end(),
                                  [&](const Claim& claim) { return claim.shape == &shape; });
  for (const auto& [place, lane] : shape.ready) {
    const int32_t priority = -place.urgency;
    const int64_t claimants = ClaimantsOf(*lane);
    auto step = lane->steps.begin();
    for (int64_t i = 0; i < claimants; ++i, ++step) {
      if (claimed > 0) {
        --claimed;
        continue;
      }
      const std::optional<Choice> choice = Choose(shape, priority);
      if (!choice) {  // nor is there anybody for a lower priority
        shape.hopeless_at = version_ + victims_version_;
        shape.hopeless_priority = priority;
        return;
      }
      claims_.push_back({.shape = &shape, .priority = priority, .session = choice->session});
      for (const auto& victim : choice->victims) {
        victim->second.stopping = true;
        preemptions.push_back({.victim = victim->first, .claimant = {lane->run_id, *step}});
      }
    }
  }
}

std::optional<Placer::Choice> Placer::Choose(const Shape& shape, int32_t priority) {
  std::optional<Choice> best;
  if (shape.needs.nodes > 1) return best;  // its room would be made one node after the other
  for (auto& [session, worker] : workers_) {
    // What waits on a worker would take the room first.
    if (worker.capacity.backlog > 0 || !IsOpen(worker, shape)) continue;
    Choice choice;
    if (!ChooseOn(session, worker, shape, priority, choice)) continue;
    if (!best || IsBetter(choice, *best)) best = std::move(choice);
  }
  return best;
}

bool Placer::ChooseOn(const SessionId& session, const Worker& worker, const Shape& shape,
                      int32_t priority, Choice& choice) {
  choice.session = session;
  WorkerCapacity free = Expected(session, worker);
  if (HasRoom(worker.info, free, shape.needs)) return true;
  std::vector<std::map<StepKey, Victim>::iterator> candidates;
  for (auto it = victims_.begin(); it != victims_.end(); ++it) {
    const Victim& victim = it->second;
    if (victim.session == session && victim.queue == shape.queue && victim.priority < priority &&
        !victim.stopping) {
      candidates.push_back(it);
    }
  }
  // The lowest priority first, then the one that loses least.
  std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    return std::tuple(a->second.priority, b->second.since, a->first) <
           std::tuple(b->second.priority, a->second.since, b->first);
  });
  for (const auto& candidate : candidates) {
    if (HasRoom(worker.info, free, shape.needs)) break;
    Add(free, candidate->second.needs, +1);
    choice.victims.push_back(candidate);
  }
  if (!HasRoom(worker.info, free, shape.needs)) return false;
  // A later one may be so large that an earlier one can stay.
  for (std::size_t i = choice.victims.size(); i-- > 0;) {
    Add(free, choice.victims[i]->second.needs, -1);
    if (HasRoom(worker.info, free, shape.needs)) {
      choice.victims.erase(choice.victims.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      Add(free, choice.victims[i]->second.needs, +1);
    }
  }
  return true;
}

// Lower priorities, then fewer, then younger.
bool Placer::IsBetter(const Choice& a, const Choice& b) {
  const auto cost = [](const Choice& choice) {
    int32_t highest = INT32_MIN;
    int64_t since = 0;
    for (const auto& victim : choice.victims) {
      highest = std::max(highest, victim->second.priority);
      since += victim->second.since.micros;
    }
    return std::tuple(highest, choice.victims.size(), -since);
  };
  return cost(a) < cost(b);
}

WorkerCapacity Placer::Expected(const SessionId& session, const Worker& worker) const {
  WorkerCapacity expected = worker.capacity;
  for (const auto& [key, victim] : victims_) {
    if (victim.session == session && victim.stopping) Add(expected, victim.needs, +1);
  }
  for (const Claim& claim : claims_) {
    if (claim.session == session) Add(expected, claim.shape->needs, -1);
  }
  return expected;
}

bool Placer::IsClaimed(const SessionId& session, const Worker& worker, const Shape& shape) const {
  if (claims_.empty() || shape.ready.empty()) return false;
  const int32_t priority = -shape.ready.begin()->first.urgency;
  WorkerCapacity left = worker.capacity;
  bool any = false;
  for (const Claim& claim : claims_) {
    // A still higher priority of the same queue need not wait for it.
    if (claim.session != session || claim.shape == &shape ||
        (claim.shape->queue == shape.queue && claim.priority < priority)) {
      continue;
    }
    any = true;
    Add(left, claim.shape->needs, -1);
  }
  return any && !HasRoom(worker.info, left, shape.needs);
}

// Those who were to make room have, and still it could not be placed: the worker was closed, or its
// room has gone otherwise. What it kept is anybody's again.
bool Placer::DropVainClaims() {
  const std::size_t dropped = std::erase_if(claims_, [&](const Claim& claim) {
    return std::none_of(victims_.begin(), victims_.end(), [&](const auto& entry) {
      return entry.second.stopping && entry.second.session == claim.session;
    });
  });
  if (dropped > 0) ++version_;
  return dropped > 0;
}

void Placer::DropClaims(const Shape& shape) {
  if (std::erase_if(claims_, [&](const Claim& claim) { return claim.shape == &shape; }) > 0) {
    ++version_;
  }
}

// A step of the shape is placed.
void Placer::MeetClaim(const Shape& shape, const SessionId& session) {
  auto met = claims_.end();
  for (auto claim = claims_.begin(); claim != claims_.end(); ++claim) {
    if (claim->shape != &shape) continue;
    if (met == claims_.end() || claim->session == session) met = claim;
  }
  if (met == claims_.end()) return;
  claims_.erase(met);
  ++version_;
}

void Placer::WhyPreempting(const Lane& lane, std::vector<Reason>& reasons) const {
  for (const Claim& claim : claims_) {
    if (claim.shape != lane.shape || claim.priority > lane.run->priority) continue;
    for (const auto& [key, victim] : victims_) {
      if (!victim.stopping || victim.session != claim.session) continue;
      reasons.push_back({"PREEMPTING", "it waits until a lower priority has made room", key});
    }
    return;
  }
}

}  // namespace penstock

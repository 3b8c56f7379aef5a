#include "tests/sim/engine_probe.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "server/engine/engine_state.h"

namespace penstock::sim {
namespace {

// What a deadline stops, its timer stops again after a restart.
bool IsRestored(const Stop& stop) {
  return stop.cause != Cause::kNone && stop.cause != Cause::kDeadline;
}

// What the run's stop stops is told again after a restart.
Json AttemptMemory(const LiveAttempt& attempt, bool stopped) {
  return Json{
      {"number", attempt.record.number},         {"rank", attempt.record.rank},
      {"token", attempt.record.token.value()},   {"state", Name(attempt.record.state)},
      {"worker", attempt.record.worker.value()}, {"cancelling", stopped && attempt.cancelling}};
}

Json StopMemory(const Stop& stop) {
  if (!IsRestored(stop)) return Json();
  return Json{{"cause", Name(stop.cause)}, {"message", stop.message}};
}

std::string StepKeyText(const Placer::StepKey& key) {
  return std::to_string(key.first) + "/" + std::to_string(key.second);
}

}  // namespace

Json EngineProbe::RunMemory(const LiveRun& run) const {
  Json memory;
  memory["state"] = Name(run.record.state);
  memory["revision"] = run.record.revision;
  memory["message"] = run.record.message;
  memory["on_workers"] = run.on_workers;
  memory["stop"] = StopMemory(run.stop);
  memory["stop_exit"] = run.stop_exit;
  memory["stopping"] = static_cast<bool>(run.stop);
  memory["pins"] = run.record.pins;
  memory["kept"] = run.kept.size();
  for (const StepRecord& step : run.steps) {
    Json one;
    one["name"] = step.name;
    one["state"] = Name(step.state);
    one["attempt"] = step.attempt;
    one["cause"] = Name(step.cause);
    one["branch"] = step.branch;
    one["failures"] = Json::array({step.failures, step.infra_failures, step.preemptions});
    one["retry_at"] = step.retry_at.micros;
    one["ended_at"] = step.ended_at.micros;
    one["metrics"] = step.result.metrics.size();
    for (const auto& [name, ref] : step.result.outputs) one["outputs"][name] = ref.digest.value();
    for (const auto& [name, value] : step.result.values) one["values"][name] = value;
    one["values_of_report"] = step.result.report_values.size();
    one["expansion"] = step.expansion;
    memory["steps"].push_back(std::move(one));
  }
  for (const RunFrame& frame : run.frames) {
    memory["frames"].push_back(Json{{"base", frame.base},
                                    {"parent", frame.parent},
                                    {"item", frame.item},
                                    {"on_exit", frame.on_exit},
                                    {"open", frame.open},
                                    {"started", frame.started || frame.ended},
                                    {"ended", frame.ended},
                                    {"parameters", frame.parameters}});
  }
  for (const auto& [index, expansion] : run.expansions) {
    if (expansion.stop) memory["stopping"] = true;
    // Of one that has ended nothing is asked any more.
    if (IsTerminal(run.step(index).state)) continue;
    memory["expansions"][std::to_string(index)] =
        Json{{"frames", expansion.frames.size()}, {"next", expansion.next},
             {"running", expansion.running},      {"ended", expansion.ended},
             {"failed", expansion.failed},        {"tolerated", expansion.tolerated},
             {"values", expansion.values},        {"stop", StopMemory(expansion.stop)}};
  }
  const auto stopped = [&run](StepIndex index) {
    const RunFrame* frame = &run.frame(index);
    while (!frame->on_exit && frame->parent >= 0) frame = &run.frame(frame->parent);
    return IsRestored(run.stop) && (!frame->on_exit || run.stop_exit);
  };
  for (const auto& [index, attempt] : run.attempts) {
    memory["attempts"][std::to_string(index)] = AttemptMemory(*attempt, stopped(index));
  }
  for (const auto& [index, gang] : run.gangs) {
    Json& one = memory["gangs"][std::to_string(index)];
    one["succeeded"] = gang.succeeded;
    // What stops all of it is told again; what one rank's end stops must be known.
    const bool one_ended = std::any_of(gang.ranks.begin(), gang.ranks.end(),
                                       [](const auto& rank) { return rank == nullptr; });
    one["ending"] = gang.ending && one_ended && gang.cause != Cause::kNone;
    one["stopping"] = engine_.state_->runs.IsStopping(run, index);
    for (const auto& rank : gang.ranks) {
      one["ranks"].push_back(rank ? AttemptMemory(*rank, stopped(index)) : Json());
    }
  }
  for (const auto& [digest, index] : run.producers) {
    memory["producers"][digest.value()] = index;
  }
  return memory;
}

Json EngineProbe::Memory() const {
  const EngineState& state = *engine_.state_;
  const RunManager& runs = state.runs;
  Json memory{{"runs", Json::object()}};
  for (const auto& [row, run] : runs.runs_) memory["runs"][std::to_string(row)] = RunMemory(*run);
  for (const auto& [key, lane] : state.placer.where_) {
    // What expired waits beside its attempt, until it is leased again.
    const auto run = runs.runs_.find(key.first);
    if (run == runs.runs_.end() || run->second->attempts.contains(key.second) ||
        run->second->gangs.contains(key.second)) {
      continue;
    }
    memory["queued"][StepKeyText(key)] = lane->mutex;
  }
  for (const auto& [name, mutex] : state.placer.mutexes_) {
    for (const Placer::StepKey& holder : mutex.holders) {
      memory["mutexes"][name].push_back(StepKeyText(holder));
    }
  }
  for (const auto& [line, waiting] : runs.waiting_) {
    for (const auto& [priority, row] : waiting) {
      memory["waiting"]
            [std::get<0>(line).value() + "/" + std::get<1>(line) + "/" + std::get<2>(line)]
                .push_back(Json::array({priority, row}));
    }
  }
  for (const auto& [pipeline, begun] : runs.begun_) {
    if (!begun.empty()) memory["begun"][pipeline.value()] = begun;
  }
  for (const auto& [queue, count] : runs.begun_in_) {
    if (count != 0) memory["begun_in"][queue] = count;
  }
  for (const auto& [group, count] : runs.begun_of_group_) {
    if (count != 0) memory["begun_of_group"][group] = count;
  }
  for (const auto& [worker, orders] : state.sessions.orders_) {
    memory["orders"][worker.value()] = Json{{"cordoned", orders.cordoned},
                                            {"drain", orders.drain},
                                            {"drain_by", orders.drain_by.micros}};
  }
  memory["last_row"] = runs.last_row_;
  return memory;
}

std::string EngineProbe::Inconsistency() const {
  const EngineState& state = *engine_.state_;
  for (const auto& [id, session] : state.sessions.sessions_) {
    double cpus = 0;
    int64_t memory = 0;
    int32_t gpus = 0;
    int32_t backlog = 0;
    double cpus_of_leased = 0;
    for (const auto& [order, attempt] : session->attempts) {
      if (attempt->session != session.get()) return "an attempt of another session: " + id.value();
      const Resources& needs = attempt->run->spec(attempt->record.step).resources;
      if (!attempt->reserved) {
        ++backlog;
        continue;
      }
      cpus += needs.cpus;
      memory += needs.memory;
      gpus += needs.gpus;
      if (attempt->record.state == AttemptState::kLeased) cpus_of_leased += needs.cpus;
    }
    const std::string whose = " of " + session->info.id.value();
    if (std::abs(cpus - session->cpus_used) > 1e-6 || memory != session->memory_used ||
        gpus != session->gpus_used) {
      return "the ledger" + whose + " is not the sum of its attempts";
    }
    if (backlog != session->backlog) return "the backlog" + whose + " is miscounted";
    if (cpus_of_leased > session->info.cpus + 1e-6) {
      return "more is counted as running than fits, on leases alone," + whose;
    }
  }
  for (const auto& [name, mutex] : state.placer.mutexes_) {
    if (mutex.holders.size() > 1) return "mutex " + name + " has two holders";
    for (const Placer::StepKey& holder : mutex.holders) {
      const auto run = state.runs.runs_.find(holder.first);
      if (run == state.runs.runs_.end()) return "mutex " + name + " is held by a run that is gone";
      if (!run->second->attempts.contains(holder.second) &&
          !run->second->gangs.contains(holder.second)) {
        return "mutex " + name + " is held by a step that has no attempt";
      }
    }
  }
  for (const auto& [row, run] : state.runs.runs_) {
    for (const StepRecord& step : run->steps) {
      if (step.state != StepState::kReady || run->spec(step.index).control) continue;
      if (!state.placer.IsQueued(row, step.index)) {
        return "step " + step.name + " of " + run->record.id.value() + " is ready and not queued";
      }
    }
  }
  return "";
}

std::string EngineProbe::WhyWaiting(int64_t run, StepIndex step) const {
  std::string text;
  for (const Placer::Reason& reason : engine_.state_->placer.WhyWaiting(run, step)) {
    text += reason.word + ": " + reason.sentence;
    if (reason.holder) text += " (" + StepKeyText(*reason.holder) + ")";
    text += "; ";
  }
  return text;
}

std::string EngineProbe::Leftover() const {
  const EngineState& state = *engine_.state_;
  if (!state.runs.runs_.empty()) return "runs";
  if (!state.runs.by_token_.empty()) return "attempts";
  if (!state.placer.where_.empty()) return "queued steps";
  if (!state.placer.occupied_.empty()) return "steps that are counted as running";
  for (const auto& [name, mutex] : state.placer.mutexes_) {
    if (!mutex.holders.empty()) return "the mutex " + name;
  }
  for (const auto& [id, session] : state.sessions.sessions_) {
    if (!session->attempts.empty() || session->cpus_used > 1e-6 || session->backlog != 0) {
      return "what is counted for worker " + session->info.id.value();
    }
  }
  for (const auto& [pipeline, begun] : state.runs.begun_) {
    if (!begun.empty()) return "runs of " + pipeline.value() + " that are counted as begun";
  }
  for (const auto& [line, waiting] : state.runs.waiting_) {
    if (!waiting.empty()) return "runs that wait to begin";
  }
  return "";
}

}  // namespace penstock::sim

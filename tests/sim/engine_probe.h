#ifndef PENSTOCK_TESTS_SIM_ENGINE_PROBE_H_
#define PENSTOCK_TESTS_SIM_ENGINE_PROBE_H_

// Looks into the engine's memory, which nobody else may.

#include <string>

#include "base/json.h"
#include "server/engine/engine.h"

namespace penstock {
struct LiveRun;
}

namespace penstock::sim {

class EngineProbe {
 public:
  explicit EngineProbe(const Engine& engine) : engine_(engine) {}

  // What a restart must find again: runs with their steps, frames, attempts and stops, the queue,
  // the mutexes, who waits to begin. What lives in memory alone (sessions, leases, progress,
  // places, durations, accounts) is left out.
  Json Memory() const;

  // What is wrong between ledgers, queues and attempts; empty: nothing.
  std::string Inconsistency() const;

  // Why a step that is ready is not placed, in words; empty where it is not queued.
  std::string WhyWaiting(int64_t run, StepIndex step) const;

  // What is left when no run is: empty where nothing is.
  std::string Leftover() const;

 private:
  Json RunMemory(const LiveRun& run) const;

  const Engine& engine_;
};

}  // namespace penstock::sim

#endif  // PENSTOCK_TESTS_SIM_ENGINE_PROBE_H_

#include "server/engine/progress.h"

#include <chrono>

namespace penstock {

Time ExpectedEnd(Time started, double fraction, Time now) {
  const Micros elapsed = now - started;
  if (!started.set() || fraction < 0.02 || fraction >= 1 || elapsed < std::chrono::seconds(1)) {
    return {};
  }
  const double whole = static_cast<double>(elapsed.count()) / fraction;
  return started + Micros(static_cast<int64_t>(whole));
}

void ProgressBoard::Set(const RunId& run, const StepRecord& step) {
  MutexLock lock(mutex_);
  runs_[run][step.index] = {step.progress, step.progress_note, step.expected_end};
}

void ProgressBoard::Forget(const RunId& run) {
  MutexLock lock(mutex_);
  runs_.erase(run);
}

void ProgressBoard::Apply(const RunId& run, std::vector<StepRecord>& steps) const {
  MutexLock lock(mutex_);
  const auto found = runs_.find(run);
  if (found == runs_.end()) return;
  for (const auto& [index, entry] : found->second) {
    if (static_cast<std::size_t>(index) >= steps.size()) continue;
    StepRecord& step = steps[static_cast<std::size_t>(index)];
    if (step.state != StepState::kRunning) continue;
    step.progress = entry.fraction;
    step.progress_note = entry.note;
    step.expected_end = entry.expected_end;
  }
}

}  // namespace penstock

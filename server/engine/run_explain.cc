// Why a step of a run that goes on waits.

#include "base/text.h"
#include "server/engine/run_manager.h"

namespace penstock {
namespace {

constexpr std::size_t kHoldersNamed = 10;

// "2 cpus, 1 GPUs"
std::string Describe(const Resources& resources) {
  std::string text = FormatDouble(resources.cpus) + " cpus";
  if (resources.gpus > 0) text += ", " + std::to_string(resources.gpus) + " GPUs";
  return text;
}

}  // namespace

std::vector<Explanation> RunManager::Explain(const ExplainCommand& command) const {
  std::vector<Explanation> reasons;
  const auto found = by_id_.find(command.run);
  if (found == by_id_.end()) return reasons;
  const LiveRun& run = *found->second;
  if (command.step < 0 || command.step >= static_cast<StepIndex>(run.steps.size())) return reasons;
  if (run.record.state == RunState::kPending) {
    ExplainPending(run, reasons);
  } else if (run.step(command.step).state == StepState::kWaiting) {
    ExplainWaiting(run, command.step, reasons);
  }
  ExplainPreempted(run, command.step, reasons);
  for (Placer::Reason& reason : placer_.WhyWaiting(run.record.row, command.step)) {
    if (reason.holder && reason.word == "PREEMPTING") {
      const LiveRun& other = *runs_.at(reason.holder->first);
      const StepRecord& victim = other.step(reason.holder->second);
      reason.sentence = "waits until " + victim.name + " of " + other.record.id.value() +
                        ", which has a lower priority, has made room on worker " + victim.worker;
    } else if (reason.holder) {
      const LiveRun& other = *runs_.at(reason.holder->first);
      const StepRecord& holder = other.step(reason.holder->second);
      reason.sentence += ": step " + holder.name + " of " + other.record.id.value() +
                         " has it, on worker " + holder.worker;
    }
    reasons.push_back({std::move(reason.word), std::move(reason.sentence)});
  }
  if (reasons.empty() || reasons.back().reason != "WORKER_BUSY") return reasons;
  // Who has what it waits for.
  std::size_t named = 0;
  for (const auto& [token, attempt] : by_token_) {
    if (attempt->record.state != AttemptState::kRunning) continue;
    if (++named > kHoldersNamed) break;
    const LiveRun& other = *attempt->run;
    reasons.push_back({"WORKER_BUSY", "step " + other.step(attempt->record.step).name + " of " +
                                          other.record.id.value() + " has " +
                                          Describe(other.spec(attempt->record.step).resources) +
                                          " of worker " + attempt->record.worker.value()});
  }
  return reasons;
}

void RunManager::ExplainWaiting(const LiveRun& run, StepIndex index,
                                std::vector<Explanation>& reasons) {
  const RunFrame& frame = run.frame(index);
  if (frame.item >= 0 && !frame.started) {
    reasons.push_back({"WAITS_FOR", "item " + std::to_string(frame.item) + " of " +
                                        run.step(frame.parent).name + " has not begun: " +
                                        std::to_string(run.spec(frame.parent).max_concurrency) +
                                        " run at a time"});
  } else if (frame.on_exit && !frame.started) {
    reasons.push_back({"WAITS_FOR", "it runs when all other steps have ended"});
  }
  for (const StepIndex local : frame.plan->dependencies(index - frame.base)) {
    const StepRecord& other = run.step(frame.base + local);
    if (IsTerminal(other.state)) continue;
    reasons.push_back(
        {"WAITS_FOR", "step " + other.name + " is " + std::string(Name(other.state))});
  }
}

}  // namespace penstock

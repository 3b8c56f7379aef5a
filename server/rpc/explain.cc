#include "server/rpc/explain.h"

#include "base/text.h"
#include "server/core/overrides.h"

namespace penstock {
namespace {

std::string OfAttempt(const AttemptRecord& attempt) {
  std::string text = "attempt " + std::to_string(attempt.number);
  if (!attempt.address.empty()) text += ", rank " + std::to_string(attempt.rank);
  text += " on " + attempt.worker.value();
  if (!attempt.address.empty()) text += " (" + attempt.address + ")";
  text += ": " + std::string(Name(attempt.state));
  if (attempt.cause != Cause::kNone) text += ", " + std::string(Name(attempt.cause));
  if (!attempt.message.empty()) text += ": " + attempt.message;
  if (attempt.started_at.set() && attempt.ended_at.set()) {
    text += " (after " + FormatDuration(attempt.ended_at - attempt.started_at) + ")";
  }
  return text;
}

void AddCache(const StepRecord& step, std::vector<Explanation>& reasons) {
  if (const Json& hit = JsonMember(step.cache, "hit"); hit.is_object()) {
    reasons.push_back({"CACHED", "its result is that of step " + JsonString(hit, "step") + " in " +
                                     JsonString(hit, "run")});
    return;
  }
  const Json& miss = JsonMember(step.cache, "miss");
  if (!miss.is_object()) return;
  if (const std::string why = JsonString(miss, "why"); !why.empty()) {
    reasons.push_back({"NOT_CACHED", "not cached: " + why});
    return;
  }
  std::vector<std::string> parts;
  for (const Json& part : JsonMember(miss, "differs")) parts.push_back(part.get<std::string>());
  reasons.push_back({"NOT_CACHED", "not cached: " + Join(parts, ", ") + " differ from step " +
                                       JsonString(miss, "step") + " in " +
                                       JsonString(miss, "run")});
}

// Where the run gives the step something else than its definition does.
void AddOverrides(const RunRecord& run, const StepRecord& step, std::vector<Explanation>& reasons) {
  const Json& change = JsonMember(run.overrides, DefinitionPath(step.name));
  if (!change.is_object()) return;
  std::vector<std::string> parts;
  for (const auto& [name, text] : JsonMember(change, "inputs").items()) {
    parts.push_back("inputs." + name);
  }
  for (const auto& [name, value] : JsonMember(change, "with").items()) {
    parts.push_back("with." + name);
  }
  reasons.push_back({"OVERRIDDEN", "this run was given its own " + Join(parts, ", ") +
                                       " for the step, in place of the definition's"});
}

void AddState(const RunRecord& run, const StepRecord& step, std::vector<Explanation>& reasons) {
  const std::string cause(Name(step.cause));
  switch (step.state) {
    case StepState::kWaiting:
    case StepState::kReady:
    case StepState::kLeased:
      return;  // the engine says why
    case StepState::kRunning:
      if (step.type == "approval") {
        reasons.push_back({"WAITS_FOR", "it waits for a person: penstock approve " + run.id.value() +
                                            " " + step.name + ", or reject"});
      } else {
        reasons.push_back({"RUNNING", "it has been running since " + FormatTime(step.started_at) +
                                          (step.worker.empty() ? "" : " on " + step.worker) +
                                          (step.message.empty() ? "" : ", " + step.message)});
      }
      return;
    case StepState::kRetryWait:
      reasons.push_back({"RETRY", "it failed (" + cause + ": " + step.message +
                                      ") and is tried again at " + FormatTime(step.retry_at)});
      return;
    case StepState::kSucceeded:
      if (!step.message.empty()) reasons.push_back({"SUCCEEDED", step.message});
      return;
    case StepState::kCached:
      return;  // the cache's record says it
    case StepState::kFailed:
    case StepState::kCancelled:
    case StepState::kSkipped:
      reasons.push_back({cause, std::string(Name(step.state)) + ": " + step.message});
      return;
  }
}

}  // namespace

std::vector<Explanation> ExplainFromRecords(const RunRecord& run, const StepRecord& step,
                                            const std::vector<AttemptRecord>& attempts) {
  std::vector<Explanation> reasons;
  AddState(run, step, reasons);
  AddOverrides(run, step, reasons);
  AddCache(step, reasons);
  const bool failed = step.state == StepState::kFailed || step.state == StepState::kRetryWait;
  if (attempts.size() > 1 || failed || step.preemptions > 0) {
    for (const AttemptRecord& attempt : attempts) {
      reasons.push_back({"ATTEMPT", OfAttempt(attempt)});
    }
  }
  return reasons;
}

}  // namespace penstock

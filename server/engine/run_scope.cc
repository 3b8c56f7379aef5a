#include "server/engine/run_scope.h"

#include <cmath>

#include "base/text.h"

namespace penstock {
namespace {

Lookup Value(Json value) {
  return {Lookup::State::kValue, std::move(value), {}};
}
Lookup Absent(std::string why) {
  return {Lookup::State::kAbsent, {}, std::move(why)};
}

std::string WhyNothing(const StepRecord& step) {
  switch (step.state) {
    case StepState::kSkipped:
      return "step " + step.name + " was skipped";
    case StepState::kFailed:
      return "step " + step.name + " failed";
    case StepState::kCancelled:
      return "step " + step.name + " was cancelled";
    default:
      return "step " + step.name + " has left nothing of that name";
  }
}

// A step that went well has other metrics; a slip is near to one of them.
std::string WhyNoMetric(const StepRecord& step, const std::string& name) {
  if (step.result.metrics.empty()) return WhyNothing(step);
  std::vector<std::string> known;
  for (const auto& [metric, value] : step.result.metrics) known.push_back(metric);
  const std::string near = Nearest(name, known);
  return "step " + step.name + " reported no metric " + name +
         (near.empty() ? "; it reported " + Join(known, ", ") : " (did you mean " + near + "?)");
}

}  // namespace

std::string ArtifactAddress(const ArtifactRef& ref) {
  return "artifact:" + FormatDigest(ref.digest);
}

Lookup RunScope::Find(const Reference& reference) const {
  switch (reference.kind) {
    case Reference::Kind::kParameter: {
      const Json& value = JsonMember(run_.record.parameters, reference.name);
      if (value.is_null()) return Absent("parameter " + reference.name + " has no value");
      return Value(value);
    }
    case Reference::Kind::kRun:
      if (reference.name == "id") return Value(run_.record.id.value());
      if (reference.name == "name") return Value(run_.record.name);
      if (reference.name == "pipeline") return Value(run_.record.pipeline.value());
      return Value(FormatTime(run_.record.started_at));
    case Reference::Kind::kOutput:
    case Reference::Kind::kMetric:
    case Reference::Kind::kReport:
      return FindInStep(reference);
    case Reference::Kind::kSecret:
    case Reference::Kind::kItem:
      return Absent("it means nothing here");
  }
  return Absent("it means nothing here");
}

Lookup RunScope::FindInStep(const Reference& reference) const {
  const StepIndex index = run_.plan->FindStep(reference.step);
  if (index < 0) return Absent("there is no step " + reference.step);
  const StepRecord& step = run_.steps[static_cast<std::size_t>(index)];
  if (reference.kind == Reference::Kind::kOutput) {
    const auto found = step.result.outputs.find(reference.name);
    return found == step.result.outputs.end() ? Absent(WhyNothing(step))
                                              : Value(ArtifactAddress(found->second));
  }
  if (reference.kind == Reference::Kind::kReport) {
    const auto found = step.result.report_values.find(reference.name);
    if (found == step.result.report_values.end()) return Absent(WhyNothing(step));
    if (found->second.is_null()) return {Lookup::State::kUndefined, {}, "it is null"};
    return Value(found->second);
  }
  const auto found = step.result.metrics.find(reference.name);
  if (found == step.result.metrics.end()) return Absent(WhyNoMetric(step, reference.name));
  if (!std::isfinite(found->second)) return {Lookup::State::kUndefined, {}, "it is undefined"};
  return Value(found->second);
}

}  // namespace penstock

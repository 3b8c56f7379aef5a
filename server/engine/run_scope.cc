#include "server/engine/run_scope.h"

#include <cmath>

#include "base/text.h"

namespace penstock {
namespace {

Lookup Value(Json value) {
  if (value.is_null()) return {Lookup::State::kUndefined, {}, "it is null"};
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

StepIndex RunScope::FindStep(const std::string& name) const {
  for (const RunFrame* frame = &frame_; frame != nullptr; frame = frame->enclosing) {
    if (const StepIndex local = frame->plan->FindStep(name); local >= 0) {
      return frame->base + local;
    }
  }
  return -1;
}

StepIndex RunScope::FindImport(const std::string& address) const {
  for (const RunFrame* frame = &frame_; frame != nullptr; frame = frame->enclosing) {
    if (const StepIndex local = frame->plan->FindImport(address); local >= 0) {
      return frame->base + local;
    }
  }
  return -1;
}

Lookup RunScope::Find(const Reference& reference) const {
  switch (reference.kind) {
    case Reference::Kind::kParameter:
      return FindParameter(reference.name);
    case Reference::Kind::kRun:
      return FindOfRun(reference.name);
    case Reference::Kind::kItem:
      return FindItem(reference.name);
    case Reference::Kind::kOutput:
    case Reference::Kind::kMetric:
    case Reference::Kind::kReport:
    case Reference::Kind::kBest:
      return FindInStep(reference);
    case Reference::Kind::kLiteral:
    case Reference::Kind::kSecret:
      return Absent("it means nothing here");
  }
  return Absent("it means nothing here");
}

Lookup RunScope::FindParameter(const std::string& name) const {
  const RunFrame* frame = &frame_;
  while (frame->parameters.is_null() && frame->enclosing != nullptr) frame = frame->enclosing;
  const Json& value = JsonMember(frame->parameters, name);
  if (value.is_null()) return Absent("parameter " + name + " has no value");
  return Value(value);
}

Lookup RunScope::FindItem(const std::string& field) const {
  const RunFrame* frame = &frame_;
  while (frame->item < 0 && frame->enclosing != nullptr) frame = frame->enclosing;
  if (frame->item < 0) return Absent("it means nothing here");
  if (field == "index") return Value(frame->item);
  const Json& items = JsonMember(run_.step(frame->parent).expansion, "items");
  const Json& item = items[static_cast<std::size_t>(frame->item)];
  if (field.empty()) return Value(item);
  if (!item.is_object() || !item.contains(field)) {
    return Absent("item " + std::to_string(frame->item) + " has no field " + field);
  }
  return Value(item[field]);
}

Lookup RunScope::FindOfRun(const std::string& field) const {
  if (field == "id") return Value(run_.record.id.value());
  if (field == "name") return Value(run_.record.name);
  if (field == "pipeline") return Value(run_.record.pipeline.value());
  if (field == "startedAt") return Value(FormatTime(run_.record.started_at));
  // What onExit steps see: how the steps before them ended.
  const RunFrame* frame = &frame_;
  while (!frame->on_exit && frame->enclosing != nullptr) frame = frame->enclosing;
  if (!frame->on_exit) return Absent("it is known only to onExit steps");
  const RunFrame& main = *frame->enclosing;
  const StepIndex at = run_.FailedStep(main);
  const StepRecord* failed = at < 0 ? nullptr : &run_.step(at);
  if (field == "message") {
    if (run_.stop && failed == nullptr) return Value(run_.stop.message);
    return Value(failed == nullptr ? "" : "step " + failed->name + ": " + failed->message);
  }
  if (run_.record.state == RunState::kCancelling) return Value("CANCELLED");
  return Value(failed != nullptr || run_.stop ? "FAILED" : "SUCCEEDED");
}

Lookup RunScope::FindInStep(const Reference& reference) const {
  const StepIndex index = FindStep(reference.step);
  if (index < 0) return Absent("there is no step " + reference.step);
  const StepRecord& step = run_.step(index);
  if (reference.kind == Reference::Kind::kOutput) return FindOutput(reference, index);
  if (reference.kind == Reference::Kind::kBest) return FindBest(reference, index);
  if (reference.kind == Reference::Kind::kReport) {
    const auto found = step.result.report_values.find(reference.name);
    return found == step.result.report_values.end() ? Absent(WhyNothing(step))
                                                    : Value(found->second);
  }
  const auto found = step.result.metrics.find(reference.name);
  if (found == step.result.metrics.end()) return Absent(WhyNoMetric(step, reference.name));
  if (!std::isfinite(found->second)) return {Lookup::State::kUndefined, {}, "it is undefined"};
  return Value(found->second);
}

Lookup RunScope::FindOutput(const Reference& reference, StepIndex index) const {
  const StepRecord& step = run_.step(index);
  const auto artifact = step.result.outputs.find(reference.name);
  if (artifact != step.result.outputs.end()) return Value(ArtifactAddress(artifact->second));
  const auto found = step.result.values.find(reference.name);
  if (found == step.result.values.end()) return Absent(WhyNothing(step));
  if (step.type != "map") return Value(found->second);
  if (!reference.field.empty()) return Value(Aggregate(reference.field, found->second));
  Json present = Json::array();
  for (const Json& value : found->second) {
    if (!value.is_null()) present.push_back(value);
  }
  return Value(std::move(present));
}

Lookup RunScope::FindBest(const Reference& reference, StepIndex index) const {
  const StepRecord& step = run_.step(index);
  const auto judged = step.result.values.find(reference.field);
  if (judged == step.result.values.end()) return Absent(WhyNothing(step));
  // Of equals the first.
  std::size_t best = judged->second.size();
  for (std::size_t i = 0; i < judged->second.size(); ++i) {
    const Json& value = judged->second[i];
    if (!value.is_number()) continue;
    if (best == judged->second.size() ||
        (reference.lowest ? value < judged->second[best] : value > judged->second[best])) {
      best = i;
    }
  }
  if (best == judged->second.size()) {
    return {Lookup::State::kUndefined, {}, "no item of " + step.name + " has a number there"};
  }
  if (reference.name == "index") return Value(best);
  if (reference.name == "item") return Value(step.expansion["items"][best]);
  const auto found = step.result.values.find(reference.name);
  if (found == step.result.values.end()) return Absent(WhyNothing(step));
  return Value(found->second[best]);
}

}  // namespace penstock

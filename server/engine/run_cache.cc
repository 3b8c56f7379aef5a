// Steps that need not run: their result is there from an earlier run, found by content, or kept
// from the run that this one goes on from.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "server/core/cache_key.h"
#include "server/core/model_address.h"
#include "server/core/overrides.h"
#include "server/engine/run_manager.h"
#include "steps/catalog/catalog.h"

namespace penstock {
namespace {

// The versions of the registry that inputs are, where the step's result names them.
std::map<std::string, std::string> ModelsNamed(const StepSchema& schema,
                                               const std::vector<LeaseInput>& inputs) {
  std::map<std::string, std::string> models;
  for (const PortSchema& port : schema.inputs) {
    if (!port.named) continue;
    for (const LeaseInput& input : inputs) {
      if (input.name != port.name || input.display_names.empty()) continue;
      if (IsModelVersion(input.display_names.front())) {
        models[port.name] = input.display_names.front();
      }
    }
  }
  return models;
}

}  // namespace

// The pipeline that defines the step: the run's own, or the one called around it.
PipelineName RunManager::PipelineOf(const LiveRun& run, StepIndex index) {
  for (StepIndex at = run.frame(index).parent; at >= 0; at = run.frame(at).parent) {
    if (run.spec(at).type == "pipeline") return PipelineName(run.spec(at).pipeline);
  }
  return run.record.pipeline;
}

// Computes the step's key; true where the step ended with a result that was there.
bool RunManager::EndFromCache(LiveRun& run, StepIndex index) {
  const StepSpec& spec = run.spec(index);
  const StepSchema* schema = context_.catalog.Find(spec.key());
  if (!schema->cacheable || !spec.cache.enabled) return false;
  LeasedAttempt resolved;
  // What is wrong with it fails the step when it is placed.
  if (!BuildLease(run, index, &resolved).ok()) return false;
  const Result<Json> parameters = ParseJson(resolved.parameters_json, {.max_bytes = 64 << 20});
  PENSTOCK_CHECK(parameters.ok());
  if (const std::string why = schema->effects_for ? schema->effects_for(*parameters) : "";
      !why.empty()) {
    run.step(index).cache = Json{{"miss", {{"why", why}}}};
    run.new_notes.push_back(index);
    return false;
  }
  if (PredictsWithModel(spec) && TermsOfModels(resolved).side_effects) {
    run.step(index).cache =
        Json{{"miss", {{"why", "the script that made its model says side_effects"}}}};
    run.new_notes.push_back(index);
    return false;
  }
  std::map<std::string, std::vector<Digest>> inputs;
  for (const LeaseInput& input : resolved.inputs) {
    for (const ArtifactRef& ref : input.artifacts) inputs[input.name].push_back(ref.digest);
  }
  const auto secrets = SecretVersions(resolved);
  if (!secrets.ok()) return false;
  CacheKey key = MakeCacheKey(spec, *schema, *parameters, inputs,
                              ModelsNamed(*schema, resolved.inputs), *secrets);
  StepRecord& step = run.step(index);
  step.cache = Json{{"key", key.digest.value()}, {"parts", std::move(key.parts)}};
  run.new_notes.push_back(index);
  if (run.record.no_cache || std::find(run.record.no_cache_steps.begin(),
                                       run.record.no_cache_steps.end(),
                                       spec.name.value()) != run.record.no_cache_steps.end()) {
    step.cache["miss"] = {{"why", "the run was submitted without the cache"}};
    return false;
  }
  const PipelineName scope =
      spec.cache.all_pipelines ? PipelineName() : PipelineOf(run, index);
  const auto found = context_.Read().FindCached(key.digest.value(), scope);
  if (!context_.Note(found.status())) return false;
  if (!*found) {
    NoteMiss(run, index);
    return false;
  }
  std::string why;
  if (spec.cache.expiry && (*found)->created_at + *spec.cache.expiry < context_.now) {
    why = "the result of " + FormatTime((*found)->created_at) + " has expired";
  } else {
    Result<StepRecord> source = context_.Read().GetStep((*found)->run_row, (*found)->step);
    if (!source.ok()) return false;
    if (TakeResult(run, index, *source, (*found)->run, &why)) return true;
  }
  step.cache["miss"] = {
      {"why", std::move(why)}, {"run", (*found)->run.value()}, {"differs", Json::array()}};
  return false;
}

// What differs from the newest result of the same step: the answer to "why was it not cached?".
void RunManager::NoteMiss(LiveRun& run, StepIndex index) {
  StepRecord& step = run.step(index);
  const auto newest =
      context_.Read().NewestCached(PipelineOf(run, index), run.spec(index).name);
  if (!context_.Note(newest.status())) return;
  if (!*newest) {
    step.cache["miss"] = {{"why", "no earlier run has a result of this step"}};
    return;
  }
  const Result<StepRecord> other = context_.Read().GetStep((*newest)->run_row, (*newest)->step);
  if (!other.ok()) return;
  step.cache["miss"] = {
      {"run", (*newest)->run.value()},
      {"step", other->name},
      {"differs", DifferingParts(JsonMember(other->cache, "parts"), step.cache["parts"])}};
}

// Ends the step with the result of `source`, a step of the run `from`. False where that result
// lacks something, and `why`.
bool RunManager::TakeResult(LiveRun& run, StepIndex index, const StepRecord& source,
                            const RunId& from, std::string* why) {
  for (const auto& [name, ref] : source.result.outputs) {
    const Result<bool> there = context_.Read().HasArtifact(ref.digest);
    if (!context_.Note(there.status()) || !*there) {
      *why = "its output " + name + " is not kept any more";
      return false;
    }
  }
  const RunFrame& frame = run.frame(index);
  for (const std::string& path : frame.plan->report_paths(index - frame.base)) {
    if (source.result.report_values.contains(path)) continue;
    if (source.result.absent_values.contains(path)) continue;
    *why = "its report's " + path + " was not kept";
    return false;
  }
  StepRecord& step = run.step(index);
  // Where the result was made, however often it was passed on.
  const Json& origin = JsonMember(source.cache, "hit");
  const std::string made_run = origin.is_object() ? JsonString(origin, "run") : from.value();
  const std::string made_step = origin.is_object() ? JsonString(origin, "step") : source.name;
  if (step.cache.is_null()) step.cache = Json::object();
  step.cache["hit"] = {{"run", made_run}, {"step", made_step}};
  run.new_notes.push_back(index);
  step.model_version = source.model_version;
  KeepResult(run, index, source.result);
  Finish(run, index, {StepEvent::kCacheHit, Cause::kNone,
                      "the result of " + made_step + " in " + made_run});
  return true;
}

void RunManager::RememberResult(LiveRun& run, StepIndex index) {
  const StepRecord& step = run.step(index);
  const std::string key = JsonString(step.cache, "key");
  if (key.empty()) return;
  run.to_cache.push_back(index);
}

// --- Going on from another run

// Reads what the other run left. Once, before the run starts or goes on after a restart.
Status RunManager::LoadOrigin(LiveRun& run) {
  if (run.record.origin.run.empty()) return Status::Ok();
  const Result<RunRecord> origin = context_.Read().FindRun(run.record.origin.run.value());
  if (origin.status().code() == StatusCode::kNotFound) return Status::Ok();  // it was deleted since
  PENSTOCK_RETURN_IF_ERROR(origin.status());
  run.origin_pins = origin->pins;
  if (run.record.origin.afresh && !run.record.origin.verify) return Status::Ok();
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<StepRecord> steps, context_.Read().ListSteps(origin->row));
  for (StepRecord& step : steps) {
    if (!IsSuccess(step.state)) continue;
    if (IsNamed(step.name, run.record.origin.again)) continue;
    std::string name = step.name;
    run.kept.emplace(std::move(name), std::move(step));
  }
  return Status::Ok();
}

// True where the step ended with what the other run left of it.
bool RunManager::EndFromOrigin(LiveRun& run, StepIndex index) {
  if (run.record.origin.verify) return EndUnrepeated(run, index);
  if (run.kept.empty()) return false;
  const auto found = run.kept.find(run.step(index).name);
  if (found == run.kept.end() || DependsOnNews(run, index)) return false;
  if (NamesOtherModels(run, index)) return false;
  const std::string& type = run.spec(index).type;
  // Decided anew, from the same values; and what is inside maps and pipelines is looked at one by
  // one.
  if (type == "condition" || type == "map" || type == "pipeline" || type == "fail") return false;
  std::string why;
  return TakeResult(run, index, found->second, run.record.origin.run, &why);
}

// Whether something that the step builds on was made in this run.
bool RunManager::DependsOnNews(const LiveRun& run, StepIndex index) {
  for (StepIndex at = index; at >= 0; at = run.frame(at).parent) {
    const RunFrame& frame = run.frame(at);
    // onExit steps build on all that went before; those of the run itself tell of this one.
    if (frame.on_exit && (frame.enclosing->parent < 0 || HasNews(run, *frame.enclosing))) {
      return true;
    }
    for (const StepIndex local : frame.plan->dependencies(at - frame.base)) {
      if (IsNews(run, frame.base + local)) return true;
    }
  }
  return false;
}

bool RunManager::HasNews(const LiveRun& run, const RunFrame& frame) {
  for (StepIndex i = frame.base; i < frame.base + frame.plan->size(); ++i) {
    if (IsNews(run, i)) return true;
  }
  return false;
}

bool RunManager::IsNews(const LiveRun& run, StepIndex index) {
  const StepRecord& step = run.step(index);
  if (step.state == StepState::kCached || step.state == StepState::kSkipped) return false;
  const auto inside = run.expansions.find(index);
  if (inside != run.expansions.end()) {
    const auto& frames = inside->second.frames;
    return std::any_of(frames.begin(), frames.end(),
                       [&run](const RunFrame* frame) { return HasNews(run, *frame); });
  }
  // A condition that is decided anew is as old as what it compares.
  if (run.spec(index).type == "condition") return DependsOnNews(run, index);
  return true;
}

}  // namespace penstock

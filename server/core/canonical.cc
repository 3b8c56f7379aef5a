// The stored form of a definition: what CanonicalDefinition gives, ParsePipeline reads back.

#include <cmath>

#include "base/text.h"
#include "server/core/pipeline.h"

namespace penstock {
namespace {

Json RetryJson(const RetryPolicy& retry) {
  Json json{{"maxAttempts", retry.max_attempts},
              {"interval", UnparseDuration(retry.interval)},
              {"backoff", retry.backoff},
              {"maxInterval", UnparseDuration(retry.max_interval)},
              {"jitter", retry.jitter}};
  if (retry.max_losses != RetryPolicy().max_losses) json["infrastructure"] = retry.max_losses;
  if (retry.expire_after) json["expireAfter"] = UnparseDuration(*retry.expire_after);
  for (const auto& [name, cause] : RetryPolicy::Causes()) {
    if (retry.causes.contains(cause)) json["on"].push_back(std::string(name));
  }
  if (!retry.exit_codes.empty()) json["exitCodes"] = retry.exit_codes;
  return json;
}

Json ResourcesJson(const Resources& resources) {
  Json json{{"cpus", resources.cpus}};
  if (resources.memory > 0) json["memory"] = std::to_string(resources.memory) + "B";
  if (resources.gpus > 0) json["gpus"] = resources.gpus;
  if (resources.nodes > 1) json["nodes"] = resources.nodes;
  if (!resources.labels.empty()) json["labels"] = resources.labels;
  if (!resources.tolerations.empty()) json["tolerations"] = resources.tolerations;
  return json;
}

Json ParameterJson(const ParameterSpec& parameter) {
  Json json{{"type", std::string(Name(parameter.type))}};
  if (!parameter.default_value.is_null()) json["default"] = parameter.default_value;
  if (parameter.minimum) json["minimum"] = *parameter.minimum;
  if (parameter.maximum) json["maximum"] = *parameter.maximum;
  if (!parameter.values.empty()) json["values"] = parameter.values;
  if (!parameter.description.empty()) json["description"] = parameter.description;
  return json;
}

// The shortest percentage that reads back as this share: a hundred times the share may be off by its
// last bit.
std::string Percentage(double share) {
  const double percent = share * 100;
  std::string best = FormatDouble(percent);
  bool exact = percent / 100 == share;
  for (const double near : {std::nextafter(percent, 0), std::nextafter(percent, 101)}) {
    const std::string text = FormatDouble(near);
    if (near / 100 != share || (exact && text.size() >= best.size())) continue;
    best = text;
    exact = true;
  }
  return best + "%";
}

Json StepJson(const StepSpec& step);

Json StepsJson(const std::vector<StepSpec>& steps) {
  Json json = Json::array();
  for (const StepSpec& step : steps) json.push_back(StepJson(step));
  return json;
}

void MapJson(const StepSpec& step, Json& json) {
  json["over"] = step.over;
  if (step.max_concurrency > 0) json["maxConcurrency"] = step.max_concurrency;
  if (step.tolerated.items > 0) {
    json["toleratedFailures"] = step.tolerated.items;
  } else if (step.tolerated.share > 0) {
    json["toleratedFailures"] = Percentage(step.tolerated.share);
  }
  json["steps"] = StepsJson(step.steps);
  if (!step.outputs.empty()) json["outputs"] = step.outputs;
}

Json StepJson(const StepSpec& step) {
  Json json{{"name", step.name.value()}, {"type", step.type}};
  const bool train = !step.algorithm.empty();
  if (train) json["algorithm"] = step.algorithm + "@" + step.version;
  for (const StepInput& input : step.inputs) {
    Json value = input.is_list ? Json(input.sources) : Json(input.sources.front());
    if (input.may_lack) value = Json{{"ref", std::move(value)}, {"optional", true}};
    if (input.name.starts_with(kAttachmentPrefix)) {
      json["files"][input.name.substr(kAttachmentPrefix.size())] = std::move(value);
    } else {
      json["inputs"][input.name] = std::move(value);
    }
  }
  if (!step.parameters.empty()) json[train ? "hyperparameters" : "with"] = step.parameters;
  if (!step.depends_on.empty()) json["dependsOn"] = step.depends_on;
  if (step.when != When::kAllSucceeded) json["when"] = std::string(Name(step.when));
  if (step.continue_on_failure) json["continueOnFailure"] = true;
  if (step.type == "condition") {
    json["if"] = step.condition;
    if (!step.then_steps.empty()) json["then"] = step.then_steps;
    if (!step.else_steps.empty()) json["else"] = step.else_steps;
  }
  if (step.type == "map") MapJson(step, json);
  if (step.type == "pipeline") {
    json["pipeline"] = step.pipeline;
    if (step.pipeline_version > 0) {
      json["pipeline"] = step.pipeline + "@" + std::to_string(step.pipeline_version);
    }
    if (!step.arguments.empty()) json["parameters"] = step.arguments;
  }
  if (step.deadline) json["deadline"] = UnparseDuration(*step.deadline);
  if (step.control) return json;
  json["resources"] = ResourcesJson(step.resources);
  json["retry"] = RetryJson(step.retry);
  if (step.timeout) json["timeout"] = UnparseDuration(*step.timeout);
  if (!step.cache.enabled) {
    json["cache"] = false;
  } else if (step.cache != CachePolicy()) {
    if (step.cache.expiry) json["cache"]["expiry"] = UnparseDuration(*step.cache.expiry);
    if (step.cache.all_pipelines) json["cache"]["scope"] = "all";
  }
  if (!step.mutex.is_null()) json["mutex"] = step.mutex;
  if (step.fence) json["fence"] = std::string(Name(*step.fence));
  if (step.preemptible) json["preemptible"] = true;
  if (step.checkpoint_grace) json["checkpointGrace"] = UnparseDuration(*step.checkpoint_grace);
  if (step.idle_timeout) json["idleTimeout"] = UnparseDuration(*step.idle_timeout);
  return json;
}

}  // namespace

Json CanonicalDefinition(const PipelineSpec& spec) {
  Json json{{"apiVersion", "penstock/v1"}, {"kind", "Pipeline"}, {"name", spec.name}};
  if (!spec.description.empty()) json["description"] = spec.description;
  if (!spec.tags.empty()) json["tags"] = spec.tags;
  if (spec.max_parallel_steps > 0) json["maxParallelSteps"] = spec.max_parallel_steps;
  if (!spec.queue.empty()) json["queue"] = spec.queue;
  if (spec.priority != 0) json["priority"] = spec.priority;
  if (spec.max_active_runs > 0) {
    json["maxActiveRuns"] = spec.max_active_runs;
    if (spec.on_limit != OnLimit::kQueue) json["onLimit"] = std::string(Name(spec.on_limit));
  }
  for (const ParameterSpec& parameter : spec.parameters) {
    json["parameters"][parameter.name] = ParameterJson(parameter);
  }
  if (spec.deadline) json["deadline"] = UnparseDuration(*spec.deadline);
  if (spec.fail_fast) json["failFast"] = true;
  json["steps"] = StepsJson(spec.steps);
  if (!spec.on_exit.empty()) json["onExit"] = StepsJson(spec.on_exit);
  if (!spec.outputs.empty()) json["outputs"] = spec.outputs;
  return json;
}

}  // namespace penstock

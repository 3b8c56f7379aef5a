// The stored form of a definition: what CanonicalDefinition gives, ParsePipeline reads back.

#include "base/text.h"
#include "server/core/pipeline.h"

namespace penstock {
namespace {

Json RetryJson(const RetryPolicy& retry) {
  return Json{{"maxAttempts", retry.max_attempts},
              {"interval", UnparseDuration(retry.interval)},
              {"backoff", retry.backoff},
              {"maxInterval", UnparseDuration(retry.max_interval)},
              {"jitter", retry.jitter}};
}

Json ResourcesJson(const Resources& resources) {
  Json json{{"cpus", resources.cpus}};
  if (resources.memory > 0) json["memory"] = std::to_string(resources.memory) + "B";
  if (resources.gpus > 0) json["gpus"] = resources.gpus;
  if (!resources.labels.empty()) json["labels"] = resources.labels;
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

Json StepJson(const StepSpec& step) {
  Json json{{"name", step.name.value()}, {"type", step.type}};
  const bool train = !step.algorithm.empty();
  if (train) json["algorithm"] = step.algorithm + "@" + step.version;
  for (const StepInput& input : step.inputs) {
    json["inputs"][input.name] = input.is_list ? Json(input.sources) : Json(input.sources.front());
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
  if (step.control) return json;
  json["resources"] = ResourcesJson(step.resources);
  json["retry"] = RetryJson(step.retry);
  if (step.timeout) json["timeout"] = UnparseDuration(*step.timeout);
  return json;
}

}  // namespace

Json CanonicalDefinition(const PipelineSpec& spec) {
  Json json{{"apiVersion", "penstock/v1"}, {"kind", "Pipeline"}, {"name", spec.name}};
  if (!spec.description.empty()) json["description"] = spec.description;
  if (!spec.tags.empty()) json["tags"] = spec.tags;
  if (spec.max_parallel_steps > 0) json["maxParallelSteps"] = spec.max_parallel_steps;
  for (const ParameterSpec& parameter : spec.parameters) {
    json["parameters"][parameter.name] = ParameterJson(parameter);
  }
  json["steps"] = Json::array();
  for (const StepSpec& step : spec.steps) json["steps"].push_back(StepJson(step));
  return json;
}

}  // namespace penstock

#include "server/rpc/pipeline_spec.h"

#include "server/rpc/convert.h"

namespace penstock {
namespace {

using Names = google::protobuf::RepeatedPtrField<std::string>;

void Put(Json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

void Put(Json& object, const char* key, const Names& names) {
  if (!names.empty()) object[key] = Json(std::vector<std::string>(names.begin(), names.end()));
}

void Put(Json& object, const char* key,
         const google::protobuf::Map<std::string, std::string>& map) {
  for (const auto& [name, value] : map) object[key][name] = value;
}

Json RetryFromProto(const v1::RetrySpec& retry) {
  Json json = Json::object();
  if (retry.max_attempts() != 0) json["maxAttempts"] = retry.max_attempts();
  Put(json, "interval", retry.interval());
  if (retry.backoff() != 0) json["backoff"] = retry.backoff();
  Put(json, "maxInterval", retry.max_interval());
  if (retry.has_jitter()) json["jitter"] = retry.jitter();
  return json;
}

Json ResourcesFromProto(const v1::ResourceSpec& resources) {
  Json json = Json::object();
  if (resources.cpus() != 0) json["cpus"] = resources.cpus();
  Put(json, "memory", resources.memory());
  if (resources.gpus() != 0) json["gpus"] = resources.gpus();
  Put(json, "labels", resources.labels());
  return json;
}

Result<Json> ParameterFromProto(const v1::ParameterSpec& parameter, const std::string& path) {
  Json json = Json::object();
  Put(json, "type", parameter.type());
  if (parameter.has_default_()) {
    PENSTOCK_ASSIGN_OR_RETURN(json["default"],
                              ValueFromProto(parameter.default_(), path + ".default"));
  }
  if (parameter.has_minimum()) json["minimum"] = parameter.minimum();
  if (parameter.has_maximum()) json["maximum"] = parameter.maximum();
  for (int i = 0; i < parameter.values_size(); ++i) {
    PENSTOCK_ASSIGN_OR_RETURN(
        Json value,
        ValueFromProto(parameter.values(i), path + ".values[" + std::to_string(i) + "]"));
    json["values"].push_back(std::move(value));
  }
  Put(json, "description", parameter.description());
  return json;
}

Result<Json> StepFromProto(const v1::StepSpec& step, const std::string& path) {
  Json json = Json::object();
  Put(json, "name", step.name());
  Put(json, "type", step.type());
  Put(json, "algorithm", step.algorithm());
  for (const auto& [name, value] : step.inputs()) {
    PENSTOCK_ASSIGN_OR_RETURN(json["inputs"][name],
                              ValueFromProto(value, path + ".inputs." + name));
  }
  if (step.has_with()) {
    PENSTOCK_ASSIGN_OR_RETURN(json["with"], ValueFromProto(step.with(), path + ".with"));
  }
  if (step.has_hyperparameters()) {
    PENSTOCK_ASSIGN_OR_RETURN(json["hyperparameters"],
                              ValueFromProto(step.hyperparameters(), path + ".hyperparameters"));
  }
  if (step.has_resources()) json["resources"] = ResourcesFromProto(step.resources());
  Put(json, "dependsOn", step.depends_on());
  Put(json, "when", step.when());
  if (step.has_retry()) json["retry"] = RetryFromProto(step.retry());
  Put(json, "timeout", step.timeout());
  if (step.continue_on_failure()) json["continueOnFailure"] = true;
  if (step.has_if_()) {
    PENSTOCK_ASSIGN_OR_RETURN(json["if"], ValueFromProto(step.if_(), path + ".if"));
  }
  Put(json, "then", step.then());
  Put(json, "else", step.else_());
  return json;
}

}  // namespace

Result<Json> DefinitionFromProto(const v1::PipelineSpec& spec) {
  Json json = Json::object();
  json["apiVersion"] = spec.api_version().empty() ? "penstock/v1" : spec.api_version();
  json["kind"] = spec.kind().empty() ? "Pipeline" : spec.kind();
  Put(json, "name", spec.name());
  Put(json, "description", spec.description());
  for (const auto& [name, parameter] : spec.parameters()) {
    PENSTOCK_ASSIGN_OR_RETURN(json["parameters"][name],
                              ParameterFromProto(parameter, "parameters." + name));
  }
  if (spec.max_parallel_steps() != 0) json["maxParallelSteps"] = spec.max_parallel_steps();
  if (spec.has_defaults()) {
    Json& defaults = json["defaults"] = Json::object();
    Put(defaults, "timeout", spec.defaults().timeout());
    if (spec.defaults().has_retry()) defaults["retry"] = RetryFromProto(spec.defaults().retry());
    if (spec.defaults().has_resources()) {
      defaults["resources"] = ResourcesFromProto(spec.defaults().resources());
    }
  }
  json["steps"] = Json::array();
  for (int i = 0; i < spec.steps_size(); ++i) {
    PENSTOCK_ASSIGN_OR_RETURN(Json step,
                              StepFromProto(spec.steps(i), "steps[" + std::to_string(i) + "]"));
    json["steps"].push_back(std::move(step));
  }
  Put(json, "tags", spec.tags());
  return json;
}

}  // namespace penstock

#include "server/rpc/pipeline_spec.h"

#include "server/rpc/convert.h"
#include "storage/model/limits.h"

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
  if (retry.infrastructure() != 0) json["infrastructure"] = retry.infrastructure();
  Put(json, "expireAfter", retry.expire_after());
  Put(json, "on", retry.on());
  for (const int code : retry.exit_codes()) json["exitCodes"].push_back(code);
  return json;
}

Json ResourcesFromProto(const v1::ResourceSpec& resources) {
  Json json = Json::object();
  if (resources.cpus() != 0) json["cpus"] = resources.cpus();
  Put(json, "memory", resources.memory());
  if (resources.gpus() != 0) json["gpus"] = resources.gpus();
  if (resources.nodes() != 0) json["nodes"] = resources.nodes();
  Put(json, "labels", resources.labels());
  Put(json, "tolerations", resources.tolerations());
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

using Values = google::protobuf::Map<std::string, v1::Value>;

Status PutValues(Json& object, const char* key, const Values& values, const std::string& path) {
  for (const auto& [name, value] : values) {
    PENSTOCK_ASSIGN_OR_RETURN(object[key][name],
                              ValueFromProto(value, path + key + "." + name));
  }
  return Status::Ok();
}

Result<Json> StepsFromProto(const google::protobuf::RepeatedPtrField<v1::StepSpec>& steps,
                            const std::string& path, int depth);

// The keys of maps and of steps that call pipelines.
Status PutNested(Json& json, const v1::StepSpec& step, const std::string& path, int depth) {
  if (step.has_over()) {
    PENSTOCK_ASSIGN_OR_RETURN(json["over"], ValueFromProto(step.over(), path + ".over"));
  }
  if (step.max_concurrency() != 0) json["maxConcurrency"] = step.max_concurrency();
  if (step.has_tolerated_failures()) {
    PENSTOCK_ASSIGN_OR_RETURN(
        json["toleratedFailures"],
        ValueFromProto(step.tolerated_failures(), path + ".toleratedFailures"));
  }
  if (!step.steps().empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(json["steps"],
                              StepsFromProto(step.steps(), path + ".steps", depth + 1));
  }
  Put(json, "pipeline", step.pipeline());
  PENSTOCK_RETURN_IF_ERROR(PutValues(json, "outputs", step.outputs(), path + "."));
  return PutValues(json, "parameters", step.parameters(), path + ".");
}

Result<Json> StepFromProto(const v1::StepSpec& step, const std::string& path, int depth) {
  Json json = Json::object();
  Put(json, "name", step.name());
  Put(json, "type", step.type());
  Put(json, "algorithm", step.algorithm());
  PENSTOCK_RETURN_IF_ERROR(PutValues(json, "inputs", step.inputs(), path + "."));
  PENSTOCK_RETURN_IF_ERROR(PutValues(json, "files", step.files(), path + "."));
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
  Put(json, "idleTimeout", step.idle_timeout());
  Put(json, "deadline", step.deadline());
  Put(json, "mutex", step.mutex());
  Put(json, "fence", step.fence());
  if (step.preemptible()) json["preemptible"] = true;
  Put(json, "checkpointGrace", step.checkpoint_grace());
  if (step.continue_on_failure()) json["continueOnFailure"] = true;
  if (step.has_if_()) {
    PENSTOCK_ASSIGN_OR_RETURN(json["if"], ValueFromProto(step.if_(), path + ".if"));
  }
  Put(json, "then", step.then());
  Put(json, "else", step.else_());
  PENSTOCK_RETURN_IF_ERROR(PutNested(json, step, path, depth));
  return json;
}

Result<Json> StepsFromProto(const google::protobuf::RepeatedPtrField<v1::StepSpec>& steps,
                            const std::string& path, int depth) {
  if (depth > limits::kMaxDefinitionDepth) {
    return InvalidArgument(path + ": is nested deeper than " +
                           std::to_string(limits::kMaxDefinitionDepth));
  }
  Json json = Json::array();
  for (int i = 0; i < steps.size(); ++i) {
    PENSTOCK_ASSIGN_OR_RETURN(
        Json step, StepFromProto(steps[i], path + "[" + std::to_string(i) + "]", depth));
    json.push_back(std::move(step));
  }
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
    Put(defaults, "idleTimeout", spec.defaults().idle_timeout());
    if (spec.defaults().has_retry()) defaults["retry"] = RetryFromProto(spec.defaults().retry());
    if (spec.defaults().has_resources()) {
      defaults["resources"] = ResourcesFromProto(spec.defaults().resources());
    }
  }
  Put(json, "deadline", spec.deadline());
  if (spec.fail_fast()) json["failFast"] = true;
  Put(json, "queue", spec.queue());
  if (spec.priority() != 0) json["priority"] = spec.priority();
  if (spec.max_active_runs() != 0) json["maxActiveRuns"] = spec.max_active_runs();
  Put(json, "onLimit", spec.on_limit());
  PENSTOCK_ASSIGN_OR_RETURN(json["steps"], StepsFromProto(spec.steps(), "steps", 0));
  if (!spec.on_exit().empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(json["onExit"], StepsFromProto(spec.on_exit(), "onExit", 0));
  }
  PENSTOCK_RETURN_IF_ERROR(PutValues(json, "outputs", spec.outputs(), ""));
  Put(json, "tags", spec.tags());
  return json;
}

}  // namespace penstock

// Control steps: decided by the engine, without a worker.

#include <utility>

#include "base/log.h"
#include "server/core/condition.h"
#include "server/engine/run_manager.h"
#include "server/engine/run_scope.h"

namespace penstock {

void RunManager::Decide(LiveRun& run, StepIndex index) {
  const StepSpec& spec = run.plan->step(index);
  StepRecord& step = run.steps[static_cast<std::size_t>(index)];
  Apply(run, index, StepEvent::kDecided);
  step.started_at = context_.now;
  Ending ending;
  if (spec.type == "condition") {
    ending = DecideCondition(run, index);
  } else if (spec.type == "fail") {
    ending = DecideFail(run, index);
  } else {
    PENSTOCK_CHECK(spec.type == "register");
    ending = DecideRegister(run, index);
  }
  Finish(run, index, std::move(ending));
}

RunManager::Ending RunManager::DecideCondition(LiveRun& run, StepIndex index) {
  const Result<ConditionOutcome> outcome =
      EvaluateCondition(run.plan->step(index).condition, RunScope(run));
  if (!outcome.ok()) {
    return {StepEvent::kFail, Cause::kMetricUndefined, outcome.status().message()};
  }
  StepRecord& step = run.steps[static_cast<std::size_t>(index)];
  step.branch = outcome->holds ? "then" : "else";
  // What was compared, with its values: the answer to "why this branch?".
  return {StepEvent::kSucceed, Cause::kNone, outcome->explanation};
}

RunManager::Ending RunManager::DecideFail(LiveRun& run, StepIndex index) {
  const Result<Json> parameters = Resolve(run.plan->step(index).parameters, RunScope(run));
  if (!parameters.ok()) {
    return {StepEvent::kFail, Cause::kBadReference, parameters.status().message()};
  }
  return {StepEvent::kFail, Cause::kFailStep, JsonString(*parameters, "message")};
}

RunManager::Ending RunManager::DecideRegister(LiveRun& run, StepIndex index) {
  const StepSpec& spec = run.plan->step(index);
  StepRecord& step = run.steps[static_cast<std::size_t>(index)];
  const auto failed = [](const Status& status) {
    return Ending{StepEvent::kFail, Cause::kBadReference, status.message()};
  };
  LeasedAttempt resolved;
  if (const Status status = BuildLease(run, index, &resolved); !status.ok()) return failed(status);
  const Result<Json> parameters = ParseJson(resolved.parameters_json);
  PENSTOCK_CHECK(parameters.ok());

  ModelVersionRecord record;
  for (const LeaseInput& input : resolved.inputs) {
    if (input.artifacts.empty()) continue;
    const ArtifactRef& ref = input.artifacts.front();
    if (input.name == "model") record.model = ref;
    if (input.name == "report") {
      record.report = ref;
      if (const auto producer = run.producers.find(ref.digest); producer != run.producers.end()) {
        record.metrics = run.steps[static_cast<std::size_t>(producer->second)].result.metrics;
      }
    }
  }
  if (record.model.type != ArtifactType::kModel) {
    return failed(InvalidArgument("input model is a " + std::string(Name(record.model.type)) +
                                  ", not a model"));
  }
  record.group = GroupName(JsonString(*parameters, "group"));
  record.status = ParseModelStatus(JsonString(*parameters, "approval"))
                      .value_or(ModelStatus::kPendingManualApproval);
  record.description = JsonString(*parameters, "description");
  record.run = run.record.id;
  record.step = spec.name.value();
  record.pipeline = run.record.pipeline;
  record.pipeline_version = run.record.pipeline_version;
  record.principal = run.record.principal;
  record.created_at = context_.now;
  Result<MetadataStore::InsertedModel> inserted =
      context_.Write().InsertModelVersion(std::move(record));
  if (!context_.Note(inserted.status())) return failed(inserted.status());
  const ModelVersionRecord& model = inserted->record;
  step.model_version = model.group.value() + "/" + std::to_string(model.version);
  LOG_INFO("model registered model={} run={} step={}", step.model_version, run.record.id,
           spec.name);
  return {StepEvent::kSucceed, Cause::kNone, ""};
}

}  // namespace penstock

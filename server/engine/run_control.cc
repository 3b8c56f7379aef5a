// Control steps: decided by the engine, without a worker.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "server/core/condition.h"
#include "server/engine/run_manager.h"
#include "server/engine/run_scope.h"

namespace penstock {

void RunManager::Decide(LiveRun& run, StepIndex index) {
  Apply(run, index, StepEvent::kDecided);
  run.step(index).started_at = context_.now;
  if (std::optional<Ending> ending = DecideKind(run, index)) {
    Finish(run, index, *std::move(ending));
  }
}

std::optional<RunManager::Ending> RunManager::DecideKind(LiveRun& run, StepIndex index) {
  const std::string& type = run.spec(index).type;
  if (type == "condition") return DecideCondition(run, index);
  if (type == "fail") return DecideFail(run, index);
  if (type == "register") return DecideRegister(run, index);
  if (type == "promote") return DecidePromote(run, index);
  if (type == "map") return StartMap(run, index);
  if (type == "pipeline") return StartPipeline(run, index);
  if (type == "approval") return StartApproval(run, index);
  PENSTOCK_CHECK(type == "wait");
  return StartWait(run, index);
}

RunManager::Ending RunManager::DecideCondition(LiveRun& run, StepIndex index) {
  const Result<ConditionOutcome> outcome =
      EvaluateCondition(run.spec(index).condition, RunScope(run, run.frame(index)));
  if (!outcome.ok()) {
    return {StepEvent::kFail, Cause::kMetricUndefined, outcome.status().message()};
  }
  StepRecord& step = run.step(index);
  step.branch = outcome->holds ? "then" : "else";
  // What was compared, with its values: the answer to "why this branch?".
  return {StepEvent::kSucceed, Cause::kNone, outcome->explanation};
}

RunManager::Ending RunManager::DecideFail(LiveRun& run, StepIndex index) {
  const Result<Json> parameters = Resolve(run.spec(index).parameters, RunScope(run, run.frame(index)));
  if (!parameters.ok()) {
    return {StepEvent::kFail, Cause::kBadReference, parameters.status().message()};
  }
  return {StepEvent::kFail, Cause::kFailStep, JsonString(*parameters, "message")};
}

RunManager::Ending RunManager::DecideRegister(LiveRun& run, StepIndex index) {
  StepRecord& step = run.step(index);
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
        record.metrics = run.step(producer->second).result.metrics;
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
  record.step = step.name;
  record.pipeline = run.record.pipeline;
  record.pipeline_version = run.record.pipeline_version;
  record.principal = run.record.principal;
  record.created_at = context_.now;
  Result<MetadataStore::InsertedModel> inserted =
      context_.Write().InsertModelVersion(std::move(record));
  if (!context_.Note(inserted.status())) return failed(inserted.status());
  const ModelVersionRecord& model = inserted->record;
  step.model_version = model.group.value() + "/" + std::to_string(model.version);
  step.result.values = {{"version", step.model_version}};
  run.new_results.push_back(index);
  LOG_INFO("model registered model={} run={} step={}", step.model_version, run.record.id,
           step.name);
  return {StepEvent::kSucceed, Cause::kNone, ""};
}

// --- Steps that wait

std::optional<RunManager::Ending> RunManager::StartApproval(LiveRun& run, StepIndex index) {
  const Result<Json> parameters =
      Resolve(run.spec(index).parameters, RunScope(run, run.frame(index)));
  const Result<Time> due = ControlDue(run, index);
  for (const Status& status : {parameters.status(), due.status()}) {
    if (!status.ok()) return Ending{StepEvent::kFail, Cause::kBadReference, status.message()};
  }
  StepRecord& step = run.step(index);
  step.message = JsonString(*parameters, "message");
  LOG_INFO("approval wanted run={} step={}", run.record.id, step.name);
  WatchControl(run, index);
  return std::nullopt;
}

Result<StepRecord> RunManager::DecideApproval(const DecideApprovalCommand& command) {
  const auto found = by_id_.find(command.run);
  if (found == by_id_.end()) {
    return FailedPrecondition("run " + command.run.value() + " has ended", "NOT_WAITING");
  }
  LiveRun& run = *found->second;
  const StepIndex index = run.FindStep(command.step);
  if (index < 0) {
    return NotFound("run " + command.run.value() + " has no step \"" + command.step + "\"");
  }
  StepRecord& step = run.step(index);
  if (step.type != "approval") {
    return FailedPrecondition("step " + step.name + " is a " + step.type + " step, no approval",
                              "NOT_WAITING");
  }
  if (step.state != StepState::kRunning) {
    std::string why = "step " + step.name + " is " + std::string(Name(step.state));
    if (!step.message.empty()) why += ": " + step.message;
    return FailedPrecondition(why, "NOT_WAITING");
  }
  std::string message = (command.approve ? "approved by " : "rejected by ") +
                        command.principal.value();
  if (!command.comment.empty()) message += ": " + command.comment;
  step.result.values = {{"by", command.principal.value()}, {"comment", command.comment}};
  run.new_results.push_back(index);
  LOG_INFO("approval decided run={} step={} approved={} by={}", run.record.id, step.name,
           command.approve, command.principal);
  if (command.approve) {
    Finish(run, index, {StepEvent::kSucceed, Cause::kNone, std::move(message)});
  } else {
    Finish(run, index, {StepEvent::kFail, Cause::kRejected, std::move(message)});
  }
  StepRecord decided = run.step(index);
  Settle(run);
  return decided;
}

std::optional<RunManager::Ending> RunManager::StartWait(LiveRun& run, StepIndex index) {
  const Result<Time> due = ControlDue(run, index);
  if (!due.ok()) return Ending{StepEvent::kFail, Cause::kBadReference, due.status().message()};
  if (*due <= context_.now) return Ending{StepEvent::kSucceed, Cause::kNone, ""};
  run.step(index).message = "until " + FormatTime(*due);
  WatchControl(run, index);
  return std::nullopt;
}

Result<Time> RunManager::ControlDue(const LiveRun& run, StepIndex index) const {
  const StepSpec& spec = run.spec(index);
  PENSTOCK_ASSIGN_OR_RETURN(const Json parameters,
                            Resolve(spec.parameters, RunScope(run, run.frame(index))));
  if (const std::string until = JsonString(parameters, "until"); !until.empty()) {
    return ParseTime(until);
  }
  const std::string length = JsonString(parameters, spec.type == "wait" ? "duration" : "timeout");
  if (length.empty()) return Time{};
  PENSTOCK_ASSIGN_OR_RETURN(const Micros duration, ParseDuration(length));
  return run.step(index).started_at + duration;
}

void RunManager::WatchControl(LiveRun& run, StepIndex index) {
  const Result<Time> due = ControlDue(run, index);
  if (!due.ok() || !due->set()) return;
  const Micros left = std::max(*due - context_.now, Micros(0));
  timers_.At(context_.tick + left, [this, row = run.record.row, index] {
    const auto found = runs_.find(row);
    if (found == runs_.end() || IsTerminal(found->second->step(index).state)) return;
    OnControlDue(*found->second, index);
  });
}

void RunManager::OnControlDue(LiveRun& run, StepIndex index) {
  const Result<Time> due = ControlDue(run, index);
  if (due.ok() && *due > context_.now) return WatchControl(run, index);  // the clock was set back
  const StepSpec& spec = run.spec(index);
  if (spec.type == "wait" || JsonString(spec.parameters, "on_timeout") == "approve") {
    Finish(run, index, {StepEvent::kSucceed, Cause::kNone,
                        spec.type == "wait" ? "" : "approved: nobody answered in time"});
  } else {
    Finish(run, index, {StepEvent::kFail, Cause::kTimeout, "nobody answered in time"});
  }
  Settle(run);
}

}  // namespace penstock

#include "server/rpc/rerun.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "server/core/overrides.h"
#include "server/rpc/convert.h"
#include "server/rpc/run_view.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

Result<RunRecord> FindEnded(MetadataReader& reader, const std::string& id,
                            const std::string& idempotency_key) {
  if (idempotency_key.size() > 128) {
    return InvalidArgument("idempotencyKey: longer than 128 characters");
  }
  PENSTOCK_ASSIGN_OR_RETURN(RunRecord run, reader.FindRun(id));
  if (IsTerminal(run.state)) return run;
  return FailedPrecondition("run " + run.id.value() + " is " + std::string(Name(run.state)) +
                                "; wait for its end, or cancel it",
                            "RUN_ACTIVE");
}

// The same pipeline version, parameters, name, tags and overrides.
SubmitRunCommand SameAs(const RunRecord& run, const std::string& idempotency_key,
                        const Principal& principal) {
  SubmitRunCommand command;
  command.pipeline = run.pipeline;
  command.version = run.pipeline_version;
  for (const auto& [name, value] : run.parameters.items()) command.parameters[name] = value;
  command.name = run.name;
  command.tags = run.tags;
  command.idempotency_key = idempotency_key;
  command.principal = principal;
  command.origin.run = run.id;
  command.queue = run.queue;
  command.priority = run.priority;
  command.overrides = run.overrides;
  command.no_cache = run.no_cache;
  command.no_cache_steps = run.no_cache_steps;
  return command;
}

// Each names a step of the run, or the way to one in the definition.
Status CheckSteps(const RunRecord& run, const std::vector<StepRecord>& steps,
                  const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const bool known = std::any_of(steps.begin(), steps.end(), [&](const StepRecord& step) {
      return DefinitionPath(step.name) == name;
    });
    if (!known) PENSTOCK_RETURN_IF_ERROR(FindStep(steps, name, run).status());
  }
  return Status::Ok();
}

Result<Json> OverrideFromProto(const v1::StepOverride& change, const std::string& path) {
  Json json = Json::object();
  for (const auto& [name, text] : change.inputs()) json["inputs"][name] = text;
  if (change.has_with()) {
    PENSTOCK_ASSIGN_OR_RETURN(json["with"], ValueFromProto(change.with(), path + ".with"));
  }
  return json;
}

// A null stays: it takes the definition's member away.
void Merge(const Json& from, Json& into) {
  if (!from.is_object()) {
    into = from;
    return;
  }
  if (!into.is_object()) into = Json::object();
  for (const auto& [name, value] : from.items()) Merge(value, into[name]);
}

// On top of those that the other run had.
Status AddOverrides(const v1::RerunRunRequest& request, SubmitRunCommand& command) {
  for (const auto& [way, change] : request.overrides()) {
    const std::string path = "overrides." + TruncateUtf8(way, 120);
    PENSTOCK_ASSIGN_OR_RETURN(const Json json, OverrideFromProto(change, path));
    if (json.empty()) return InvalidArgument(path + ": changes nothing");
    // The engine judges the form of what is there.
    Merge(json, command.overrides[way]);
    command.origin.again.push_back(way);
  }
  return Status::Ok();
}

Status AddParameters(const v1::RerunRunRequest& request, SubmitRunCommand& command) {
  for (const auto& [name, value] : request.parameters()) {
    const std::string path = "parameters." + TruncateUtf8(name, 80);
    if (value.ByteSizeLong() > limits::kMaxParameterBytes) {
      return InvalidArgument(path + ": larger than 64 KiB; upload it as an artifact");
    }
    PENSTOCK_ASSIGN_OR_RETURN(command.parameters[name], ValueFromProto(value, path));
  }
  return Status::Ok();
}

}  // namespace

Result<SubmitRunCommand> RetryFromProto(MetadataReader& reader, const v1::RetryRunRequest& request,
                                        const Principal& principal) {
  PENSTOCK_ASSIGN_OR_RETURN(const RunRecord run,
                            FindEnded(reader, request.run_id(), request.idempotency_key()));
  if (run.origin.verify) {
    return FailedPrecondition("run " + run.id.value() + " verifies " + run.origin.run.value() +
                                  ", which is done as a whole; verify that again (penstock rerun " +
                                  run.origin.run.value() + " --verify)",
                              "NOTHING_TO_RETRY");
  }
  if (run.state == RunState::kSucceeded && request.from().empty()) {
    return FailedPrecondition(
        "run " + run.id.value() + " succeeded; name a step to run again (--from STEP)",
        "NOTHING_TO_RETRY");
  }
  PENSTOCK_ASSIGN_OR_RETURN(const auto steps, reader.ListSteps(run.row));
  SubmitRunCommand command = SameAs(run, request.idempotency_key(), principal);
  command.origin.again = {request.from().begin(), request.from().end()};
  PENSTOCK_RETURN_IF_ERROR(CheckSteps(run, steps, command.origin.again));
  return command;
}

Result<SubmitRunCommand> RerunFromProto(MetadataReader& reader, const v1::RerunRunRequest& request,
                                        const Principal& principal) {
  const bool chosen = !request.steps().empty() || !request.overrides().empty();
  if (request.verify() && (chosen || !request.parameters().empty())) {
    return InvalidArgument(
        "verify: a run is verified as a whole and as it was; leave parameters, "
        "steps and overrides out");
  }
  if (chosen && !request.parameters().empty()) {
    return InvalidArgument(
        "parameters: the steps that are not run again are kept as they were, with the parameters "
        "that they had; leave the steps out (what does not depend on the change is then found in "
        "the cache), or override the steps instead");
  }
  if (request.name().size() > 256) return InvalidArgument("name: longer than 256 characters");
  PENSTOCK_ASSIGN_OR_RETURN(const RunRecord run,
                            FindEnded(reader, request.run_id(), request.idempotency_key()));
  PENSTOCK_ASSIGN_OR_RETURN(const auto steps, reader.ListSteps(run.row));
  SubmitRunCommand command = SameAs(run, request.idempotency_key(), principal);
  command.origin.again = {request.steps().begin(), request.steps().end()};
  PENSTOCK_RETURN_IF_ERROR(CheckSteps(run, steps, command.origin.again));
  PENSTOCK_RETURN_IF_ERROR(AddOverrides(request, command));
  PENSTOCK_RETURN_IF_ERROR(AddParameters(request, command));
  command.origin.afresh = !chosen;
  command.origin.verify = request.verify();
  command.no_cache = request.verify() || request.no_cache();
  if (!request.name().empty()) command.name = request.name();
  return command;
}

}  // namespace penstock

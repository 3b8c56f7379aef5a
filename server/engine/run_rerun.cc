// Runs that repeat others: with other inputs and parameters for single steps, from what names meant
// for the other run, or to see whether the same comes out again.

#include <set>
#include <utility>

#include "base/digest.h"
#include "base/text.h"
#include "server/core/bind.h"
#include "server/core/overrides.h"
#include "server/engine/run_manager.h"
#include "server/engine/run_scope.h"
#include "steps/catalog/catalog.h"

namespace penstock {
namespace {

// "child." for a step inside of which other steps' ways begin.
std::string WayInto(const LiveRun& run, StepIndex index) {
  return DefinitionPath(run.step(index).name) + ".";
}

void AddPrefixed(const std::vector<Problem>& found, const std::string& way,
                 std::vector<Problem>& problems) {
  constexpr std::string_view kRoot = "overrides.";
  for (const Problem& problem : found) {
    std::string path = problem.path;
    if (path.starts_with(kRoot)) {
      path.insert(kRoot.size(), way);
    } else if (!way.empty()) {
      path.insert(0, way + " ");
    }
    problems.push_back({std::move(path), problem.message});
  }
}

Status InvalidOverrides(std::vector<Problem> problems) {
  return InvalidArgument("the overrides do not fit the pipeline", "INVALID_OVERRIDES")
      .WithProblems(std::move(problems));
}

}  // namespace

// What the run takes from the one that it repeats, and the version that it runs.
Result<std::shared_ptr<const CachedVersion>> RunManager::PrepareRerun(
    LiveRun& run, const SubmitRunCommand& command,
    const std::shared_ptr<const CachedVersion>& stored) {
  RunRecord& record = run.record;
  record.origin = command.origin;
  record.overrides = command.overrides;
  PENSTOCK_RETURN_IF_ERROR(AdoptPins(run));
  PENSTOCK_RETURN_IF_ERROR(PinCalls(*stored->spec, record.pins));
  if (record.overrides.empty()) return stored;
  PENSTOCK_RETURN_IF_ERROR(CheckOverrides(run, *stored->spec));
  return VersionFor(run, stored->name, stored->version);
}

// A rerun calls the versions that the other run called; one that verifies it reads its models, too.
Status RunManager::AdoptPins(LiveRun& run) {
  const RunRecord::Origin& origin = run.record.origin;
  if (origin.run.empty()) return Status::Ok();
  PENSTOCK_ASSIGN_OR_RETURN(const RunRecord other, context_.Read().FindRun(origin.run.value()));
  for (const auto& [name, meaning] : other.pins) {
    if (origin.verify || name.starts_with("pipeline:")) run.record.pins[name] = meaning;
  }
  return Status::Ok();
}

Status RunManager::CheckOverrides(LiveRun& run, const PipelineSpec& spec) {
  const Json& overrides = run.record.overrides;
  std::vector<Problem> problems;
  CheckOverridesForm(overrides, problems);
  if (!problems.empty()) return InvalidOverrides(std::move(problems));
  std::set<std::string> seen;
  const std::function<Status(const PipelineSpec&, const std::string&)> check =
      [&](const PipelineSpec& of, const std::string& way) -> Status {
    std::vector<OverriddenCall> calls;
    std::vector<Problem> found;
    ApplyOverrides(of, OverridesBelow(overrides, way), context_.catalog, &calls, found);
    AddPrefixed(found, way, problems);
    for (const OverriddenCall& call : calls) {
      const std::string below = way + call.way + ".";
      if (!seen.insert(below).second) continue;
      const auto pin = run.record.pins.find("pipeline:" + call.pipeline);
      const int32_t version = call.version > 0               ? call.version
                              : pin == run.record.pins.end() ? 0
                                                             : std::stoi(pin->second);
      PENSTOCK_ASSIGN_OR_RETURN(const auto called,
                                plans_.Get(context_.Read(), PipelineName(call.pipeline), version));
      PENSTOCK_RETURN_IF_ERROR(check(*called->spec, below));
    }
    return Status::Ok();
  };
  PENSTOCK_RETURN_IF_ERROR(check(spec, ""));
  PENSTOCK_RETURN_IF_ERROR(NoteOverridingArtifacts(run, problems));
  return problems.empty() ? Status::Ok() : InvalidOverrides(std::move(problems));
}

// The artifacts that steps are given: they are the run's from its start.
Status RunManager::NoteOverridingArtifacts(LiveRun& run, std::vector<Problem>& problems) {
  constexpr std::string_view kScheme = "artifact:";
  for (const auto& [way, change] : run.record.overrides.items()) {
    for (const auto& [name, text] : JsonMember(change, "inputs").items()) {
      const auto& address = text.get_ref<const std::string&>();
      if (!address.starts_with(kScheme)) continue;
      const Result<Digest> digest =
          ParseDigest(address.substr(kScheme.size(), address.find('#') - kScheme.size()));
      const Status known =
          digest.ok() ? context_.Read().GetArtifact(*digest).status() : digest.status();
      if (known.ok()) {
        run.new_artifacts.push_back(*digest);
      } else if (IsDatabaseFailure(known)) {
        return known;
      } else {
        problems.push_back({"overrides." + way + ".inputs." + name, known.message()});
      }
    }
  }
  return Status::Ok();
}

// The version with what the run overrides in it. `call`: the step that calls it; -1: none.
Result<std::shared_ptr<const CachedVersion>> RunManager::VersionFor(LiveRun& run,
                                                                    const PipelineName& pipeline,
                                                                    int32_t version,
                                                                    StepIndex call) {
  PENSTOCK_ASSIGN_OR_RETURN(auto cached, plans_.Get(context_.Read(), pipeline, version));
  if (run.record.overrides.empty()) return cached;
  const std::string way = call < 0 ? std::string() : WayInto(run, call);
  const Json below = OverridesBelow(run.record.overrides, way);
  if (below.empty()) return cached;
  // Once a run: a call inside a map is one for each item.
  std::shared_ptr<const CachedVersion>& known = run.overridden[way];
  if (known) return known;
  std::vector<Problem> problems;
  auto changed = std::make_shared<CachedVersion>(*cached);
  changed->spec = std::make_shared<const PipelineSpec>(
      ApplyOverrides(*cached->spec, below, context_.catalog, nullptr, problems));
  if (!problems.empty()) return InvalidOverrides(std::move(problems));
  changed->plan = Plan::Build(*changed->spec, Json(), context_.catalog);
  known = std::move(changed);
  return known;
}

// Whether the step does something that its outputs do not show, or waits for what they do not
// depend on.
bool RunManager::HasEffects(LiveRun& run, StepIndex index) {
  const StepSpec& spec = run.spec(index);
  const StepSchema* schema = context_.catalog.Find(spec.key());
  if (schema->has_side_effects || spec.type == "approval" || spec.type == "wait") return true;
  return JsonBool(spec.parameters, "side_effects") || ModelHasEffects(run, index);
}

// Of a run that verifies another: true where the step ended without being repeated, with what the
// other run has of it.
bool RunManager::EndUnrepeated(LiveRun& run, StepIndex index) {
  if (!run.record.origin.verify || !HasEffects(run, index)) return false;
  std::string why = "the other run has no result of it";
  const auto found = run.kept.find(run.step(index).name);
  if (found != run.kept.end() &&
      TakeResult(run, index, found->second, run.record.origin.run, &why)) {
    return true;
  }
  Finish(run, index,
         {StepEvent::kSkip, Cause::kNotChosen,
          "a run that verifies another does not repeat what has effects or waits, and " + why});
  return true;
}

}  // namespace penstock

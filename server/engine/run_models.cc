// Models of the registry in runs: what their names meant when a run started, and promote steps.

#include <functional>
#include <set>
#include <utility>

#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "server/core/bind.h"
#include "server/core/model_address.h"
#include "server/engine/aliases.h"
#include "server/engine/run_manager.h"

namespace penstock {
namespace {

// Collects what a run's definition, and those of the pipelines that it calls, say of models.
class ModelNames {
 public:
  // Finds the version of a pipeline that the run calls.
  using Find = std::function<Result<std::shared_ptr<const PipelineSpec>>(const StepSpec& call)>;
  explicit ModelNames(Find find) : find_(std::move(find)) {}

  Status Collect(const PipelineSpec& spec, const Json& parameters, const std::string& way = {}) {
    Status status;
    VisitSteps(spec, [&](const StepSpec& step, const std::string& path) {
      for (const StepInput& input : step.inputs) AddInput(input, way + path);
      if (step.type == "promote") AddPromote(step, parameters, way + path);
      if (step.type == "pipeline" && status.ok()) status = Called(step, parameters, way);
    });
    return status;
  }

  struct Use {
    bool needed = false;
    std::string path;  // of the first use that needs it
  };
  // Of steps wherever they are.
  void AddOverrides(const Json& overrides) {
    for (const auto& [way, change] : overrides.items()) {
      for (const auto& [name, text] : JsonMember(change, "inputs").items()) {
        StepInput input;
        input.name = name;
        input.sources = {text};
        AddInput(input, "overrides." + way);
      }
    }
  }
  const std::map<std::string, Use>& uses() const { return uses_; }
  std::vector<Problem>& problems() { return problems_; }

 private:
  void AddInput(const StepInput& input, const std::string& path) {
    for (const Json& source : input.sources) {
      if (!source.is_string()) continue;
      const auto& text = source.get_ref<const std::string&>();
      if (!text.starts_with(kModelScheme)) continue;
      Use& use = uses_[text];
      if (use.needed || input.may_lack) continue;
      use = {true, path + ".inputs." + input.name};
    }
  }

  // The step compares with what the alias stands for at the start.
  void AddPromote(const StepSpec& step, const Json& parameters, const std::string& path) {
    const Json with = SubstituteParameters(step.parameters, parameters);
    ModelAddress address;
    for (const auto& [name, field] :
         {std::pair{"group", &address.group}, std::pair{"alias", &address.alias}}) {
      *field = JsonString(with, name);
      if (!HoldsReference(JsonMember(with, name))) continue;
      problems_.push_back({path + ".with." + name,
                           "has to be known when the run starts, so that the alias is moved only "
                           "from what it stands for then; write it out, or name a parameter"});
    }
    uses_[address.text()];
  }

  Status Called(const StepSpec& step, const Json& parameters, const std::string& way) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::shared_ptr<const PipelineSpec> called, find_(step));
    return Collect(*called, GivenTo(*called, step, parameters), way + called->name + ": ");
  }

  Find find_;
  std::map<std::string, Use> uses_;  // by address
  std::vector<Problem> problems_;
};

}  // namespace

// Looks up what each model that the run names is now, but for those that it has from the run that
// it verifies. Their artifacts are the run's from its start.
Status RunManager::PinModels(const PipelineSpec& spec, const Json& parameters, LiveRun& run) {
  std::map<std::string, std::string>& pins = run.record.pins;
  const std::map<std::string, std::string> adopted = pins;
  ModelNames names([&](const StepSpec& call) -> Result<std::shared_ptr<const PipelineSpec>> {
    int32_t version = call.pipeline_version;
    if (version == 0) version = std::stoi(pins.at("pipeline:" + call.pipeline));
    PENSTOCK_ASSIGN_OR_RETURN(const auto found,
                              plans_.Get(context_.Read(), PipelineName(call.pipeline), version));
    return found->spec;
  });
  PENSTOCK_RETURN_IF_ERROR(names.Collect(spec, parameters));
  names.AddOverrides(run.record.overrides);
  std::vector<Problem> problems = std::move(names.problems());
  for (const auto& [text, use] : names.uses()) {
    if (const auto known = adopted.find(text); known != adopted.end()) {
      PENSTOCK_RETURN_IF_ERROR(KeepPinned(known->second, run));
      continue;
    }
    const Result<ModelAddress> address = ParseModelAddress(text);
    if (!address.ok()) continue;  // noted where it stands
    const Result<ModelVersionRecord> model = FindModel(*address);
    std::string& pin = pins[text];
    if (model.ok()) {
      pin = "artifact:" + FormatDigest(model->model.digest) + "#" + model->group.value() + "/" +
            std::to_string(model->version);
      run.new_artifacts.push_back(model->model.digest);
    } else if (model.status().code() != StatusCode::kNotFound) {
      return model.status();
    } else if (use.needed) {
      problems.push_back({use.path, text + ": " + model.status().message() + "; write {ref: \"" +
                                        text + "\", optional: true} where it may be lacking"});
    }
  }
  if (problems.empty()) return Status::Ok();
  return NotFound("pipeline \"" + spec.name + "\" names models that are not there",
                  "MODEL_NOT_FOUND")
      .WithProblems(std::move(problems));
}

// `pin`: "artifact:sha256:…#census/3"; empty: the alias stood for none.
Status RunManager::KeepPinned(const std::string& pin, LiveRun& run) {
  if (pin.empty()) return Status::Ok();
  PENSTOCK_ASSIGN_OR_RETURN(const Digest digest, ParseDigest(pin.substr(9, pin.find('#') - 9)));
  PENSTOCK_RETURN_IF_ERROR(context_.Read().GetArtifact(digest).status().WithContext(
      "the model that the other run read"));
  run.new_artifacts.push_back(digest);
  return Status::Ok();
}

Result<ModelVersionRecord> RunManager::FindModel(const ModelAddress& address) {
  const GroupName group(address.group);
  int32_t version = address.version;
  if (!address.alias.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto alias,
                              context_.Read().FindModelAlias(group, address.alias));
    if (!alias) {
      return NotFound("model group \"" + address.group + "\" has no alias \"" + address.alias +
                          "\" (penstock promote " + address.group + "/VERSION --alias " +
                          address.alias + " makes one)",
                      "MODEL_NOT_FOUND");
    }
    version = alias->version;
  }
  return context_.Read().GetModelVersion(group, version);
}

// Whether a model that the step's inputs name was another one for the run that this one goes on
// from.
bool RunManager::NamesOtherModels(const LiveRun& run, StepIndex index) {
  for (const StepInput& input : run.spec(index).inputs) {
    for (const Json& source : input.sources) {
      if (!source.is_string()) continue;
      const auto now = run.record.pins.find(source.get_ref<const std::string&>());
      if (now == run.record.pins.end()) continue;
      const auto then = run.origin_pins.find(now->first);
      if (then == run.origin_pins.end() || then->second != now->second) return true;
    }
  }
  return false;
}

// What the models among the inputs ask for, together.
ModelTerms RunManager::TermsOfModels(const LeasedAttempt& resolved) {
  constexpr std::size_t kKept = 10'000;
  ModelTerms terms;
  if (!context_.model_terms) return terms;
  for (const LeaseInput& input : resolved.inputs) {
    if (input.name != "model" && input.name != "champion") continue;
    for (const ArtifactRef& ref : input.artifacts) {
      if (model_terms_.size() >= kKept) model_terms_.clear();
      auto known = model_terms_.find(ref.digest);
      if (known == model_terms_.end()) {
        Result<ModelTerms> read = context_.model_terms(ref);
        if (!read.ok()) {
          // Asked again next time; until then it counts as one that must not be used again.
          LOG_WARN("what model {} asks for cannot be read: {}", ref.digest, read.status());
          terms.side_effects = true;
          continue;
        }
        known = model_terms_.emplace(ref.digest, *std::move(read)).first;
      }
      terms.side_effects = terms.side_effects || known->second.side_effects;
      terms.labels.insert(known->second.labels.begin(), known->second.labels.end());
    }
  }
  return terms;
}

bool RunManager::PredictsWithModel(const StepSpec& spec) {
  return spec.type == "predict" || spec.type == "evaluate";
}

bool RunManager::ModelHasEffects(LiveRun& run, StepIndex index) {
  if (!PredictsWithModel(run.spec(index))) return false;
  LeasedAttempt resolved;
  return BuildLease(run, index, &resolved).ok() && TermsOfModels(resolved).side_effects;
}

bool RunManager::IsFenced(LiveRun& run, StepIndex index) {
  return run.spec(index).fenced_execution() || ModelHasEffects(run, index);
}

// A step that predicts goes where the model's program can run. What is wrong with its inputs fails
// it when it is placed.
void RunManager::AddNeedsOfModels(LiveRun& run, StepIndex index, Needs& needs) {
  if (!PredictsWithModel(run.spec(index))) return;
  LeasedAttempt resolved;
  if (!BuildLease(run, index, &resolved).ok()) return;
  for (const auto& [key, value] : TermsOfModels(resolved).labels) needs.labels[key] = value;
}

RunManager::Ending RunManager::DecidePromote(LiveRun& run, StepIndex index) {
  StepRecord& step = run.step(index);
  const auto failed = [this](const Status& status) {
    if (IsDatabaseFailure(status)) context_.Note(status);
    const bool moved = status.reason() == "ALIAS_MOVED";
    return Ending{StepEvent::kFail, moved ? Cause::kAliasMoved : Cause::kBadReference,
                  status.message()};
  };
  LeasedAttempt resolved;
  if (const Status status = BuildLease(run, index, &resolved); !status.ok()) return failed(status);
  const Result<Json> parameters = ParseJson(resolved.parameters_json);
  PENSTOCK_CHECK(parameters.ok());
  ModelAliasRecord to{.group = GroupName(JsonString(*parameters, "group")),
                      .alias = JsonString(*parameters, "alias"),
                      .principal = run.record.principal,
                      .moved_at = context_.now,
                      .run = run.record.id,
                      .step = step.name};
  const Result<int32_t> version = VersionToPromote(run, to.group, *parameters, resolved);
  if (!version.ok()) return failed(version.status());
  to.version = *version;
  const ModelAddress address{.group = to.group.value(), .alias = to.alias};
  const auto pin = run.record.pins.find(address.text());
  if (pin == run.record.pins.end()) {
    return failed(FailedPrecondition("what " + address.text() +
                                     " stood for when the run started is not known"));
  }
  const Result<MovedAlias> moved = MoveAlias(context_, to, VersionOfPin(pin->second));
  if (!moved.ok()) return failed(moved.status());
  const auto name = [&](int32_t of) { return to.group.value() + "/" + std::to_string(of); };
  step.model_version = name(to.version);
  step.result.values = {{"version", step.model_version},
                        {"before", moved->before > 0 ? name(moved->before) : "none"}};
  run.new_results.push_back(index);
  return {StepEvent::kSucceed, Cause::kNone, ""};
}

// The version that `with.version` or the input `model` means; else the one of the group that this
// run registered.
Result<int32_t> RunManager::VersionToPromote(LiveRun& run, const GroupName& group,
                                             const Json& parameters, const LeasedAttempt& lease) {
  const std::string prefix = group.value() + "/";
  if (const Json& version = JsonMember(parameters, "version"); !version.is_null()) {
    const std::string text = version.is_string() ? version.get<std::string>() : DumpJson(version);
    const std::string whole = text.find('/') == std::string::npos ? prefix + text : text;
    if (IsModelVersion(whole) && whole.starts_with(prefix)) return VersionOfPin(whole);
    return InvalidArgument("\"" + TruncateUtf8(text, 100) + "\" is no version of group " +
                           group.value() + "; give 3, \"" + prefix +
                           "3\" or ${steps.REGISTER.outputs.version}");
  }
  const ArtifactRef* wanted = nullptr;
  for (const LeaseInput& input : lease.inputs) {
    if (input.artifacts.empty()) continue;
    wanted = &input.artifacts.front();
    const std::string& name = input.display_names.front();
    if (IsModelVersion(name) && name.starts_with(prefix)) return VersionOfPin(name);
  }
  std::set<int32_t> registered;
  for (const StepRecord& step : run.steps) {
    if (step.type != "register" || !step.model_version.starts_with(prefix)) continue;
    const int32_t version = VersionOfPin(step.model_version);
    PENSTOCK_ASSIGN_OR_RETURN(const ModelVersionRecord record,
                              context_.Read().GetModelVersion(group, version));
    if (wanted == nullptr || record.model.digest == wanted->digest) registered.insert(version);
  }
  if (registered.size() == 1) return *registered.begin();
  return FailedPrecondition(
      registered.empty()
          ? "this run has registered no version of " + group.value() +
                (wanted == nullptr ? "" : " with that model") + "; give one as `version`"
          : "this run has registered several versions of " + group.value() +
                "; say which as `version`: ${steps.REGISTER.outputs.version}");
}

}  // namespace penstock

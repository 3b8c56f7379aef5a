#include "server/core/calls.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "server/core/expression.h"
#include "server/core/secret_refs.h"
#include "server/core/validate.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

class CallCheck {
 public:
  CallCheck(const FindPipeline& find, std::map<std::string, std::string>& pins,
            std::vector<Problem>& problems)
      : find_(find), pins_(pins), problems_(problems) {}

  void Run(const PipelineSpec& spec) {
    way_.push_back(spec.name);
    std::map<std::string, std::shared_ptr<const PipelineSpec>> called;  // by step
    VisitSteps(spec, [&](const StepSpec& step, const std::string& path) {
      if (step.type != "pipeline") return;
      if (auto found = Call(spec, step, path)) called[step.name.value()] = std::move(found);
    });
    if (!called.empty()) Outputs(spec, called);
    way_.pop_back();
  }

 private:
  void Wrong(const std::string& path, std::string message) {
    std::string where;
    for (std::size_t i = 1; i < way_.size(); ++i) where += way_[i] + ": ";
    problems_.push_back({where + path, std::move(message)});
  }

  std::shared_ptr<const PipelineSpec> Call(const PipelineSpec& spec, const StepSpec& step,
                                           const std::string& path) {
    if (std::find(way_.begin(), way_.end(), step.pipeline) != way_.end()) {
      Wrong(path + ".pipeline", "pipeline \"" + step.pipeline + "\" would call itself: " +
                                    Join(way_, " → ") + " → " + step.pipeline);
      return nullptr;
    }
    if (way_.size() >= static_cast<std::size_t>(limits::kMaxPipelineDepth)) {
      Wrong(path + ".pipeline", "pipelines call each other at most " +
                                    std::to_string(limits::kMaxPipelineDepth) + " deep");
      return nullptr;
    }
    int32_t version = step.pipeline_version;
    const auto pin = pins_.find("pipeline:" + step.pipeline);
    if (version == 0 && pin != pins_.end()) version = std::stoi(pin->second);
    auto found = find_(step.pipeline, &version);
    if (!found.ok()) {
      Wrong(path + ".pipeline", found.status().message());
      return nullptr;
    }
    if (step.pipeline_version == 0) pins_["pipeline:" + step.pipeline] = std::to_string(version);
    Arguments(spec, step, **found, path);
    Run(**found);
    return *std::move(found);
  }

  void Arguments(const PipelineSpec& spec, const StepSpec& step, const PipelineSpec& called,
                 const std::string& path) {
    std::vector<std::string> known;
    for (const ParameterSpec& parameter : called.parameters) known.push_back(parameter.name);
    for (const auto& [name, value] : step.arguments) {
      const std::string where = path + ".parameters." + name;
      const ParameterSpec* parameter = called.FindParameter(name);
      if (parameter == nullptr) {
        Wrong(where,
              "pipeline " + called.name + " has no such parameter" + Suggestion(name, known));
      } else if (!HoldsReference(value)) {
        std::vector<Problem> found;
        CheckParameterValue(*parameter, value, where, found);
        for (Problem& problem : found) Wrong(problem.path, std::move(problem.message));
      } else {
        SecretArgument(spec, *parameter, value, where);
      }
    }
    for (const ParameterSpec& parameter : called.parameters) {
      if (!parameter.default_value.is_null() || step.arguments.contains(parameter.name)) continue;
      Wrong(path + ".parameters." + parameter.name,
            "is missing: pipeline " + called.name + " has no default for it");
    }
  }

  // Names of secrets go into parameters of that type alone, and nothing else does.
  void SecretArgument(const PipelineSpec& spec, const ParameterSpec& parameter, const Json& value,
                      const std::string& path) {
    std::vector<FoundReference> found;
    std::vector<Problem> noted_elsewhere;
    CollectReferences(value, path, found, noted_elsewhere);
    const bool secret = std::any_of(found.begin(), found.end(), [&](const FoundReference& each) {
      return IsSecret(spec, each.reference);
    });
    const bool taken = parameter.type == ParameterSpec::Type::kSecret;
    if (secret && !taken) {
      Wrong(path, "is a " + std::string(Name(parameter.type)) +
                      ", and is given a parameter of type secret; declare it as one, too");
    } else if (taken && (!secret || !value.is_string() || found.size() != 1 ||
                         value != Json("${" + found.front().reference.text + "}"))) {
      Wrong(path, "takes the name of a secret, written out, or a parameter of type secret");
    }
  }

  void Outputs(const PipelineSpec& spec,
               const std::map<std::string, std::shared_ptr<const PipelineSpec>>& called) {
    std::vector<FoundReference> found;
    std::vector<Problem> noted_elsewhere;
    VisitSteps(spec, [&](const StepSpec& step, const std::string& path) {
      for (const auto& [value, below] : TextsOf(step)) {
        CollectReferences(*value, path + "." + below, found, noted_elsewhere);
      }
      for (const auto& [name, value] : step.outputs) {
        CollectReferences(value, path + ".outputs." + name, found, noted_elsewhere);
      }
    });
    for (const auto& [name, value] : spec.outputs) {
      CollectReferences(value, "outputs." + name, found, noted_elsewhere);
    }
    for (const FoundReference& each : found) {
      const auto callee = called.find(each.reference.step);
      if (each.reference.kind != Reference::Kind::kOutput || callee == called.end()) continue;
      const std::map<std::string, Json>& outputs = callee->second->outputs;
      if (outputs.contains(each.reference.name)) continue;
      std::vector<std::string> known;
      for (const auto& [name, value] : outputs) known.push_back(name);
      Wrong(each.path, "pipeline " + callee->second->name + " has no output \"" +
                           each.reference.name + "\"" +
                           (known.empty() ? "; name it under that pipeline's `outputs`"
                                          : Suggestion(each.reference.name, known)));
    }
  }

  const FindPipeline& find_;
  std::map<std::string, std::string>& pins_;
  std::vector<Problem>& problems_;
  std::vector<std::string> way_;  // names, from the run's own pipeline on
};

}  // namespace

Status CheckCalls(const PipelineSpec& spec, const FindPipeline& find,
                  std::map<std::string, std::string>& pins) {
  std::vector<Problem> problems;
  CallCheck(find, pins, problems).Run(spec);
  if (problems.empty()) return Status::Ok();
  return InvalidArgument("pipeline \"" + spec.name + "\" cannot call what it names",
                         "INVALID_DEFINITION")
      .WithProblems(std::move(problems));
}

}  // namespace penstock

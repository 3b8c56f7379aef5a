#include "client/cli/local_plan.h"

#include <algorithm>

#include "base/text.h"
#include "client/cli/output.h"
#include "server/core/expression.h"
#include "server/core/model_address.h"

namespace penstock::cli {
namespace {

std::string TypeWithArticle(const std::string& type) {
  const bool vowel = std::string_view("aeiou").find(type[0]) != std::string_view::npos;
  return (vowel ? "an " : "a ") + type;
}

// Where in a step a reference stands, for the remedy.
struct Place {
  const StepSpec& step;
  std::string input;  // empty: among its parameters
};

std::string Remedy(const Place& place) {
  return place.input.empty() ? "write a value in its place to try the step"
                             : "give something in its place: --input " + place.input +
                                   "=PATH, for step " + place.step.name.value() + " itself";
}

class Planner {
 public:
  Planner(const PipelineSpec& spec, const std::set<std::string>& given)
      : spec_(spec), given_(given) {}

  Result<LocalPlan> Run(StepIndex target) {
    target_ = target;
    PENSTOCK_RETURN_IF_ERROR(Step(target));
    return std::move(plan_);
  }

 private:
  const StepSpec& spec(StepIndex index) const {
    return spec_.steps[static_cast<std::size_t>(index)];
  }

  Status Step(StepIndex index) {
    if (std::find(plan_.steps.begin(), plan_.steps.end(), index) != plan_.steps.end()) {
      return Status::Ok();
    }
    const StepSpec& step = spec(index);
    if (step.resources.nodes > 1) {
      return WrongUse("step " + step.name.value() + " runs on " +
                      std::to_string(step.resources.nodes) +
                      " nodes at once (resources.nodes); to try it here, write 1");
    }
    for (const StepInput& input : step.inputs) {
      if (index == target_ && given_.contains(input.name)) continue;
      for (const Json& source : input.sources) {
        const LocalPlan before = plan_;
        const Status status = Value(source, {step, input.name});
        if (status.ok()) continue;
        if (!input.may_lack) return status;
        plan_ = before;
      }
    }
    PENSTOCK_RETURN_IF_ERROR(Value(step.parameters, {step, ""}));
    plan_.steps.push_back(index);
    return Status::Ok();
  }

  Status Value(const Json& value, const Place& place) {
    if (value.is_structured()) {
      for (const Json& member : value) PENSTOCK_RETURN_IF_ERROR(Value(member, place));
      return Status::Ok();
    }
    if (!value.is_string()) return Status::Ok();
    const auto& text = value.get_ref<const std::string&>();
    if (!place.input.empty() && text.starts_with(kModelScheme)) {
      return WrongUse("input " + place.input + " of step " + place.step.name.value() + " is " +
                      text + ", which a coordinator's registry knows; fetch it (penstock " +
                      "artifacts get " + text + " -o DIR) and give --input " + place.input +
                      "=DIR");
    }
    PENSTOCK_ASSIGN_OR_RETURN(const Template parsed, ParseTemplate(text));
    for (const Template::Part& part : parsed.parts) {
      if (part.is_expression()) PENSTOCK_RETURN_IF_ERROR(Alternatives(part.expression, place));
    }
    return Status::Ok();
  }

  // The first that can be had. If none can: why the first cannot.
  Status Alternatives(const Expression& expression, const Place& place) {
    Status first;
    for (const Reference& reference : expression.alternatives) {
      const LocalPlan before = plan_;
      const Status status = One(reference, place);
      if (status.ok()) return status;
      plan_ = before;
      if (first.ok()) first = status;
    }
    return first;
  }

  Status One(const Reference& reference, const Place& place) {
    if (reference.kind == Reference::Kind::kParameter) plan_.parameters.insert(reference.name);
    if (reference.step.empty()) return Status::Ok();
    const StepIndex index = spec_.FindStep(reference.step);
    if (index >= 0 && !spec(index).control) return Step(index);
    const std::string type = index < 0 ? "map" : spec(index).type;
    return WrongUse("step " + place.step.name.value() + " needs ${" + reference.text + "}, and " +
                    reference.step + " is " + TypeWithArticle(type) +
                    ", which a coordinator runs; " + Remedy(place));
  }

  const PipelineSpec& spec_;
  const std::set<std::string>& given_;
  StepIndex target_ = -1;
  LocalPlan plan_;
};

// Why a step of this name cannot be run, where it stands elsewhere in the pipeline.
Status WhyNot(const PipelineSpec& spec, const std::string& name) {
  std::vector<std::string> known;
  for (const StepSpec& step : spec.steps) {
    if (!step.control) known.push_back(step.name.value());
    for (const StepSpec& inner : step.steps) {
      if (inner.name.value() != name && step.name.value() + "." + inner.name.value() != name) {
        continue;
      }
      return WrongUse("step " + inner.name.value() + " stands in the map " + step.name.value() +
                      ", and gets its items from a coordinator; to try it here, write it among " +
                      "the pipeline's own steps, with a value for ${item}");
    }
  }
  for (const StepSpec& step : spec.on_exit) {
    if (step.name.value() != name) continue;
    return WrongUse("step " + name + " stands under onExit, and tells of a run, which there is " +
                    "none of here; to try it, write it among the pipeline's own steps");
  }
  return WrongUse("pipeline " + spec.name + " has no step \"" + name + "\"" +
                  Suggestion(name, known));
}

}  // namespace

Result<LocalPlan> PlanLocally(const PipelineSpec& spec, const std::string& name,
                              const std::set<std::string>& given) {
  const StepIndex index = spec.FindStep(name);
  if (index < 0) return WhyNot(spec, name);
  const StepSpec& step = spec.steps[static_cast<std::size_t>(index)];
  if (step.control) {
    return WrongUse("step " + name + " is " + TypeWithArticle(step.type) +
                    ": a coordinator decides it, and no worker runs it; penstock dev starts a " +
                    "coordinator here, and penstock run the whole pipeline");
  }
  return Planner(spec, given).Run(index);
}

}  // namespace penstock::cli

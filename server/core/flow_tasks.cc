#include "server/core/flow_tasks.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/text.h"
#include "server/core/bind.h"
#include "server/core/expression.h"
#include "server/core/validate.h"
#include "steps/catalog/task.h"

namespace penstock {
namespace {

// How many process steps a label is traced through.
constexpr int kMaxHops = 64;

struct Label {
  LearningTasks tasks = kAnyTask;
  StepIndex source = -1;    // the process step that declares it
  std::size_t classes = 0;  // 0: not known how many
  friend bool operator==(const Label&, const Label&) = default;
};

class TaskCheck {
 public:
  TaskCheck(const Plan& plan, std::string path, const Catalog& catalog,
            std::vector<Problem>& problems)
      : plan_(plan), path_(std::move(path)), catalog_(catalog), problems_(problems) {}

  void Run() {
    for (StepIndex step = 0; step < plan_.size(); ++step) {
      if (plan_.step(step).type == "train") CheckTrain(step);
    }
    for (StepIndex step = 0; step < plan_.size(); ++step) CheckMetrics(step);
  }

 private:
  std::string PathOf(StepIndex step) const { return path_ + "[" + std::to_string(step) + "]"; }
  std::string NameOf(StepIndex step) const {
    return "step \"" + plan_.step(step).name.value() + "\"";
  }

  const StepInput* Input(StepIndex step, const std::string& name) const {
    for (const StepInput& input : plan_.step(step).inputs) {
      if (input.name == name) return &input;
    }
    return nullptr;
  }

  // The steps of `type` that an input gets its artifacts from; nothing where any may come from
  // elsewhere.
  std::vector<StepIndex> Producers(const StepInput* input, const std::string& type) const {
    std::vector<StepIndex> producers;
    if (input == nullptr) return producers;
    for (const Json& source : input->sources) {
      std::vector<FoundReference> found;
      std::vector<Problem> noted_elsewhere;
      CollectReferences(source, "", found, noted_elsewhere);
      if (found.empty()) return {};
      for (const FoundReference& each : found) {
        if (each.reference.kind != Reference::Kind::kOutput) return {};
        const StepIndex producer = plan_.FindStep(each.reference.step);
        if (producer < 0 || plan_.step(producer).type != type) return {};
        producers.push_back(producer);
      }
    }
    return producers;
  }

  // What all producers agree upon.
  Label LabelOf(const StepInput* input, int hops) {
    std::optional<Label> label;
    for (const StepIndex producer : Producers(input, "process")) {
      const Label one = LabelOf(producer, hops + 1);
      if (label && *label != one) return {};
      label = one;
    }
    return label.value_or(Label());
  }

  // The label of what a process step makes, as it decides itself (steps/process): a fitted
  // transform brings its own, `labels` declares one, and a dataset without roles of its own keeps
  // what it has.
  Label LabelOf(StepIndex step, int hops) {
    if (hops > kMaxHops) return {};
    const auto known = labels_.find(step);
    if (known != labels_.end()) return known->second;
    const Json& parameters = plan_.step(step).parameters;
    const Json& labels = JsonMember(parameters, "labels");
    const Json& classes = JsonMember(labels, "classes");
    const Json& map = JsonMember(labels, "map");
    Label label;
    if (const StepInput* transform = Input(step, "transform"); transform != nullptr) {
      label = LabelOf(transform, hops);
    } else if (HoldsReference(labels) || HoldsReference(classes) || HoldsReference(map)) {
      label = {};
    } else if (classes.is_array() && !classes.empty()) {
      label = {kClassTasks, step, classes.size()};
      if (label.classes == 2) label.tasks = kBinaryTask;
      if (label.classes > 2) label.tasks = kMulticlassTask;
    } else if (map.is_object() && !map.empty()) {
      label = {kClassTasks, step, 0};
    } else if (JsonMember(JsonMember(parameters, "roles"), "label").is_null()) {
      label = LabelOf(Input(step, "data"), hops);
    }
    return labels_[step] = label;
  }

  void CheckTrain(StepIndex step) {
    const StepSpec& spec = plan_.step(step);
    const std::string path = PathOf(step) + ".hyperparameters.";
    const Json& rounds = JsonMember(spec.parameters, "early_stopping_rounds");
    if (rounds.is_number() && Input(step, "validation") == nullptr) {
      problems_.push_back({path + "early_stopping_rounds",
                           "needs the input `validation`, on which it watches the last metric; "
                           "bind it (inputs: {validation: …}), or take early_stopping_rounds out"});
    }
    const LearningTasks objective = TasksOfObjective(spec.key(), spec.parameters);
    const Label label = LabelOf(Input(step, "train"), 0);
    LearningTasks& learns = tasks_[step];
    learns = objective & label.tasks;
    if (learns != 0) return;
    learns = kAnyTask;  // one problem is enough
    problems_.push_back(
        {path + "objective", JsonString(spec.parameters, "objective") + " learns " +
                                 Describe(objective) + ", and the label has " +
                                 (label.classes > 0 ? std::to_string(label.classes) + " classes"
                                                    : Describe(label.tasks)) +
                                 " (`labels` of " + NameOf(label.source) + "); use " +
                                 Fitting(spec, label.tasks)});
  }

  std::string Fitting(const StepSpec& spec, LearningTasks tasks) const {
    std::vector<std::string> fitting;
    for (const ParameterSchema& parameter : catalog_.Find(spec.key())->parameters) {
      if (parameter.name != "objective") continue;
      for (const std::string& choice : parameter.choices) {
        if (TasksOfObjective(spec.key(), Json{{"objective", choice}}) & tasks) {
          fitting.push_back(choice);
        }
      }
    }
    return Join(fitting, " or ");
  }

  void CheckMetrics(StepIndex step) {
    std::vector<FoundReference> found;
    std::vector<Problem> noted_elsewhere;
    for (const auto& [value, below] : TextsOf(plan_.step(step))) {
      CollectReferences(*value, PathOf(step) + "." + below, found, noted_elsewhere);
    }
    for (const FoundReference& each : found) {
      if (each.reference.kind == Reference::Kind::kMetric && !each.guarded) CheckMetric(each);
    }
  }

  void CheckMetric(const FoundReference& found) {
    const StepIndex step = plan_.FindStep(found.reference.step);
    if (step < 0 || plan_.step(step).type != "evaluate") return;
    const std::vector<StepIndex> models = Producers(Input(step, "model"), "train");
    if (models.empty()) return;
    LearningTasks tasks = 0;
    for (const StepIndex model : models) tasks |= tasks_[model];
    const LearningTasks measured = TasksOfMeasure(found.reference.name);
    if (tasks & measured) return;
    std::vector<std::string> names;
    for (const MetricSchema& metric : catalog_.Find("evaluate")->metrics) {
      if (TasksOfMeasure(metric.name) & tasks) names.push_back(metric.name);
    }
    problems_.push_back({found.path, found.reference.name + " is a metric of models that learn " +
                                         Describe(measured) + ", and " + NameOf(models.front()) +
                                         " learns " + Describe(tasks) + "; use one of " +
                                         Join(names, ", ")});
  }

  const Plan& plan_;
  const std::string path_;
  const Catalog& catalog_;
  std::vector<Problem>& problems_;
  std::map<StepIndex, Label> labels_;         // of process steps
  std::map<StepIndex, LearningTasks> tasks_;  // of train steps
};

}  // namespace

void CheckTasks(const Plan& plan, const std::string& path, const Catalog& catalog,
                std::vector<Problem>& problems) {
  TaskCheck(plan, path, catalog, problems).Run();
}

void CheckBoundTasks(const PipelineSpec& spec, const Json& parameters, const Catalog& catalog,
                     std::vector<Problem>& problems) {
  PipelineSpec bound = spec;
  bool changed = false;
  const std::function<void(std::vector<StepSpec>&)> bind = [&](std::vector<StepSpec>& steps) {
    for (StepSpec& step : steps) {
      bind(step.steps);
      if (step.type != "process" && step.type != "train") continue;
      Json value = SubstituteParameters(step.parameters, parameters);
      changed = changed || value != step.parameters;
      step.parameters = std::move(value);
    }
  };
  bind(bound.steps);
  if (!changed) return;
  const std::function<void(const Plan&, const std::string&)> check = [&](const Plan& plan,
                                                                         const std::string& path) {
    CheckTasks(plan, path, catalog, problems);
    for (StepIndex step = 0; step < plan.size(); ++step) {
      if (const auto body = plan.body(step)) {
        check(*body, path + "[" + std::to_string(step) + "].steps");
      }
    }
  };
  check(*Plan::Build(bound, Json(), catalog), "steps");
}

}  // namespace penstock

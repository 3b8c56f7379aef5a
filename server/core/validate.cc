#include "server/core/validate.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "base/digest.h"
#include "base/text.h"
#include "server/core/bind.h"
#include "server/core/condition.h"
#include "server/core/document_shape.h"
#include "server/core/expression.h"
#include "server/core/flow.h"
#include "server/core/flow_tasks.h"
#include "server/core/model_address.h"
#include "server/core/secret_refs.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

// What is the same for all steps of a definition, whichever list they stand in.
struct Common {
  const PipelineSpec& spec;
  const Catalog& catalog;
  std::vector<Problem>& problems;
  std::set<std::string> used_parameters;
  std::size_t edges = 0;
};

// Judges one list of steps: the pipeline's own, those of an item of a map, or onExit. What a name
// means is looked up here, and then in the list around this one.
class Validator {
 public:
  // `map`: the step of `outer` that this list belongs to; -1 for onExit.
  Validator(Common& common, const std::vector<StepSpec>& steps, std::string path,
            Validator* outer = nullptr, StepIndex map = -1)
      : common_(common),
        spec_(common.spec),
        catalog_(common.catalog),
        problems_(common.problems),
        steps_(steps),
        list_path_(std::move(path)),
        outer_(outer),
        map_(map),
        edges_(steps.size()) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const std::string& name = steps[i].name.value();
      Distinct(name, i);
      index_.emplace(name, static_cast<StepIndex>(i));
      names_.push_back(name);
    }
  }

  // Whether nothing waits for itself.
  bool Run() {
    bool sound = true;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (problems_.size() >= limits::kMaxProblemsReported) return false;
      const StepSpec& step = steps_[i];
      path_ = list_path_ + "[" + std::to_string(i) + "]";
      self_ = static_cast<StepIndex>(i);
      References(step);
      Order(step);
      Branches(step);
      Inputs(step);
      if (step.type == "condition") {
        CheckCondition(step.condition, path_ + ".if", problems_);
      }
      if (step.steps.empty()) continue;
      Validator inner(common_, step.steps, path_ + ".steps", this, self_);
      sound = inner.Run() && sound;
      inner.Outputs(step.outputs, path_ + ".outputs");
    }
    for (const std::set<StepIndex>& each : edges_) common_.edges += each.size();
    return !Cycles() && sound;
  }

  // The expressions of `outputs:`, which name steps of this list.
  void Outputs(const std::map<std::string, Json>& outputs, const std::string& path) {
    self_ = -1;
    for (const auto& [name, value] : outputs) {
      std::vector<FoundReference> found;
      CollectReferences(value, path + "." + name, found, problems_);
      for (const FoundReference& reference : found) {
        Secret(nullptr, reference);
        CheckReference(reference);
      }
    }
  }

 private:
  void Distinct(const std::string& name, std::size_t index) {
    if (name.empty()) return;
    for (const Validator* list = this; list != nullptr; list = list->outer_) {
      const auto known = list->index_.find(name);
      if (known == list->index_.end()) continue;
      problems_.push_back({list_path_ + "[" + std::to_string(index) + "].name",
                           "\"" + name + "\" is the name of " + list->list_path_ + "[" +
                               std::to_string(known->second) +
                               "] already; give each step its own"});
      return;
    }
  }

  void Wrong(const std::string& path, std::string message) {
    problems_.push_back({path, std::move(message)});
  }

  // Comparing with each of very many names takes its time: only the first slips get a suggestion.
  std::string NearestStep(const std::string& name) const {
    constexpr std::size_t kComparisons = 20'000;
    if ((problems_.size() + 1) * names_.size() > kComparisons) return {};
    return Suggestion(name, names_);
  }

  // The step of that name, of this list or one around it; null after a problem was noted.
  const StepSpec* Look(const std::string& name, const std::string& path) {
    const auto found = index_.find(name);
    if (found == index_.end()) {
      if (outer_ != nullptr && outer_->Knows(name)) return outer_->LookFromWithin(name, path, map_);
      Wrong(path, "there is no step \"" + name + "\"" + NearestStep(name));
      return nullptr;
    }
    if (found->second == self_) {
      Wrong(path,
            "step \"" + name + "\" waits for itself; name another step here, or take this out");
      return nullptr;
    }
    if (self_ >= 0) edges_[static_cast<std::size_t>(self_)].insert(found->second);
    return &steps_[static_cast<std::size_t>(found->second)];
  }

  bool Knows(const std::string& name) const {
    return index_.contains(name) || (outer_ != nullptr && outer_->Knows(name));
  }

  // For a list inside `map`: what its steps wait for, the map waits for.
  const StepSpec* LookFromWithin(const std::string& name, const std::string& path, StepIndex map) {
    const auto found = index_.find(name);
    if (found == index_.end()) return outer_->LookFromWithin(name, path, map_);
    if (found->second == map) {
      Wrong(path, "step \"" + name + "\" is the map that this step is inside of");
      return nullptr;
    }
    if (map >= 0) edges_[static_cast<std::size_t>(map)].insert(found->second);
    return &steps_[static_cast<std::size_t>(found->second)];
  }

  bool InMap() const {
    for (const Validator* list = this; list != nullptr; list = list->outer_) {
      if (list->map_ >= 0) return true;
    }
    return false;
  }
  bool InExit() const {
    for (const Validator* list = this; list != nullptr; list = list->outer_) {
      if (list->outer_ != nullptr && list->map_ < 0) return true;
    }
    return false;
  }

  void References(const StepSpec& step) {
    for (const auto& [value, below] : TextsOf(step)) {
      std::vector<FoundReference> found;
      CollectReferences(*value, path_ + "." + below, found, problems_);
      for (const FoundReference& reference : found) {
        Secret(&step, reference);
        if (below == "mutex" && !reference.reference.step.empty()) {
          Wrong(reference.path, "${" + reference.reference.text +
                                    "}: the name of a mutex may refer to parameters, item and run");
        } else {
          CheckReference(reference);
        }
      }
    }
  }

  // `step`: that it stands in.
  void Secret(const StepSpec* step, const FoundReference& found) {
    if (!IsSecret(spec_, found.reference)) return;
    const StepSchema* schema = step == nullptr ? nullptr : catalog_.Find(step->key());
    const std::string below = step == nullptr ? found.path : found.path.substr(path_.size() + 1);
    std::string why = WhyNoSecretHere(step, schema, found, below);
    if (!why.empty()) Wrong(found.path, std::move(why));
  }

  void CheckReference(const FoundReference& found) {
    const Reference& reference = found.reference;
    switch (reference.kind) {
      case Reference::Kind::kParameter: {
        common_.used_parameters.insert(reference.name);
        if (spec_.FindParameter(reference.name) != nullptr) return;
        std::vector<std::string> known;
        for (const ParameterSpec& parameter : spec_.parameters) known.push_back(parameter.name);
        Wrong(found.path, "there is no parameter \"" + reference.name + "\"" +
                              (known.empty() ? "; declare it under `parameters`"
                                             : Suggestion(reference.name, known)));
        return;
      }
      case Reference::Kind::kSecret:
        return;
      case Reference::Kind::kItem:
        if (!InMap()) {
          Wrong(found.path, "${" + reference.text + "} means something only inside a map step");
        }
        return;
      case Reference::Kind::kLiteral:
        return;
      case Reference::Kind::kRun:
        if ((reference.name == "state" || reference.name == "message") && !InExit() &&
            !found.guarded) {
          Wrong(found.path, "${" + reference.text + "} is known only to onExit steps");
        }
        return;
      case Reference::Kind::kOutput:
      case Reference::Kind::kMetric:
      case Reference::Kind::kReport:
      case Reference::Kind::kBest:
        CheckStepReference(found);
        return;
    }
  }

  // Of a map or a pipeline: which outputs it has, where that is known.
  void CheckGathered(const FoundReference& found, const StepSpec& step) {
    const Reference& reference = found.reference;
    const bool map = step.type == "map";
    if (reference.kind == Reference::Kind::kMetric || reference.kind == Reference::Kind::kReport ||
        (reference.kind == Reference::Kind::kBest && !map) || (!reference.field.empty() && !map)) {
      Wrong(found.path, "step \"" + reference.step + "\" is a " + step.type +
                            "; of it there is steps." + reference.step + ".outputs.NAME" +
                            (map ? ", steps." + reference.step + ".outputs.NAME.mean and steps." +
                                       reference.step + ".best(OUTPUT, max).NAME"
                                 : ""));
      return;
    }
    if (!map) return;  // the other pipeline's outputs are judged when the run starts
    std::vector<std::string> known;
    for (const auto& [name, value] : step.outputs) known.push_back(name);
    std::vector<std::string> named = {reference.name};
    if (reference.kind == Reference::Kind::kBest) named.push_back(reference.field);
    for (const std::string& name : named) {
      if (step.outputs.contains(name)) continue;
      if (reference.kind == Reference::Kind::kBest && (name == "item" || name == "index")) continue;
      Wrong(found.path, "map \"" + reference.step + "\" has no output \"" + name + "\"" +
                            (known.empty() ? "; name it under the map's `outputs`"
                                           : Suggestion(name, known)));
    }
  }

  void CheckStepReference(const FoundReference& found) {
    const Reference& reference = found.reference;
    const StepSpec* target = Look(reference.step, found.path);
    if (target == nullptr) return;
    const StepSpec& step = *target;
    const StepSchema* schema = catalog_.Find(step.key());
    if (schema == nullptr) return;
    if (step.type == "map" || step.type == "pipeline") return CheckGathered(found, step);
    if (reference.kind == Reference::Kind::kBest || !reference.field.empty()) {
      Wrong(found.path, "step \"" + reference.step + "\" is no map: ${" + reference.text +
                            "} chooses among a map's items");
      return;
    }
    const std::vector<PortSchema> outputs = OutputsOf(step, catalog_);
    if (reference.kind == Reference::Kind::kOutput) {
      std::vector<std::string> known;
      for (const PortSchema& port : outputs) known.push_back(port.name);
      for (const MetricSchema& value : schema->values) known.push_back(value.name);
      if (std::find(known.begin(), known.end(), reference.name) == known.end()) {
        Wrong(found.path, "step \"" + reference.step + "\" (" + step.key() + ") has no output \"" +
                              reference.name + "\"" +
                              (known.empty() ? "" : Suggestion(reference.name, known)));
      }
    } else if (reference.kind == Reference::Kind::kMetric) {
      std::vector<std::string> known;
      for (const MetricSchema& metric : schema->metrics) known.push_back(metric.name);
      const bool open = step.type == "noop" || step.type == "train" || step.type == "script";
      if (!open && std::find(known.begin(), known.end(), reference.name) == known.end()) {
        Wrong(found.path, "step \"" + reference.step + "\" (" + step.key() +
                              ") reports no metric \"" + reference.name + "\"" +
                              Suggestion(reference.name, known));
      }
    } else if (std::none_of(outputs.begin(), outputs.end(), [](const PortSchema& port) {
                 return port.type == ArtifactType::kReport;
               })) {
      Wrong(found.path, "step \"" + reference.step + "\" (" + step.key() + ") makes no report");
    }
  }

  void Order(const StepSpec& step) {
    for (const StepIndex index : RegistersBefore(step, steps_)) {
      edges_[static_cast<std::size_t>(self_)].insert(index);
    }
    for (std::size_t i = 0; i < step.depends_on.size(); ++i) {
      const std::string path = path_ + ".dependsOn[" + std::to_string(i) + "]";
      if (index_.contains(step.depends_on[i]) || !Knows(step.depends_on[i])) {
        Look(step.depends_on[i], path);
      } else {
        Wrong(path, "\"" + step.depends_on[i] +
                        "\" stands outside; every step in here runs after what the map waits for: "
                        "put it into the map's own dependsOn");
      }
    }
  }

  void Branches(const StepSpec& step) {
    std::set<std::string> seen;
    for (const auto& [branch, names] :
         {std::pair{"then", &step.then_steps}, std::pair{"else", &step.else_steps}}) {
      for (std::size_t i = 0; i < names->size(); ++i) {
        const std::string& name = (*names)[i];
        const std::string path = path_ + "." + branch + "[" + std::to_string(i) + "]";
        const auto found = index_.find(name);
        if (found == index_.end()) {
          Wrong(path, "there is no step \"" + name + "\"" + NearestStep(name));
        } else if (found->second == self_) {
          Wrong(path, "a condition cannot choose itself");
        } else {
          edges_[static_cast<std::size_t>(found->second)].insert(self_);
        }
        if (!seen.insert(name).second) Wrong(path, "\"" + name + "\" is named twice");
      }
    }
  }

  void Inputs(const StepSpec& step) {
    const StepSchema* schema = catalog_.Find(step.key());
    if (schema == nullptr) return;
    for (const StepInput& input : step.inputs) {
      const PortSchema* port = FindInput(*schema, input.name);
      if (port == nullptr) continue;
      for (std::size_t i = 0; i < input.sources.size(); ++i) {
        if (!input.sources[i].is_string()) continue;
        std::string path = path_ + "." + input.path();
        if (input.is_list) path += "[" + std::to_string(i) + "]";
        Source(input.sources[i].get<std::string>(), *port, path);
      }
    }
  }

  void Source(const std::string& text, const PortSchema& port, const std::string& path) {
    const Result<Template> parsed = ParseTemplate(text);
    if (!parsed.ok()) return;  // noted with the references
    if (!parsed->has_expressions()) {
      if (text.starts_with(kModelScheme)) {
        CheckModel(text, port, path);
      } else {
        CheckDatasetAddress(text, path, problems_);
      }
      return;
    }
    if (!parsed->is_single()) {
      Wrong(path, "an input is one reference, with nothing around it");
      return;
    }
    for (const Reference& reference : parsed->parts[0].expression.alternatives) {
      if (reference.kind == Reference::Kind::kParameter) {
        const ParameterSpec* parameter = spec_.FindParameter(reference.name);
        if (parameter != nullptr && parameter->type != ParameterSpec::Type::kDataset) {
          Wrong(path, "parameter \"" + reference.name + "\" is a " +
                          std::string(Name(parameter->type)) + "; an input needs a dataset");
        }
      } else if (reference.kind == Reference::Kind::kOutput ||
                 reference.kind == Reference::Kind::kBest) {
        OutputInto(reference, port, path);
      } else if (reference.kind != Reference::Kind::kItem) {
        Wrong(path, "${" + reference.text +
                        "} is not an artifact; an input needs an output of a "
                        "step or a dataset parameter");
      }
    }
  }

  void CheckModel(const std::string& text, const PortSchema& port, const std::string& path) {
    const Result<ModelAddress> address = ParseModelAddress(text);
    if (!address.ok()) {
      Wrong(path, address.status().message());
    } else if (port.type != ArtifactType::kModel && port.type != ArtifactType::kFile) {
      Wrong(path, "takes a " + std::string(Name(port.type)) + ", and " + text + " is a model");
    }
  }

  const StepSpec* Peek(const std::string& name) const {
    const auto found = index_.find(name);
    if (found != index_.end()) return &steps_[static_cast<std::size_t>(found->second)];
    return outer_ == nullptr ? nullptr : outer_->Peek(name);
  }

  void OutputInto(const Reference& reference, const PortSchema& port, const std::string& path) {
    const StepSpec* producer = Peek(reference.step);
    if (producer == nullptr) return;
    if (producer->type == "map") {
      if (reference.kind == Reference::Kind::kOutput && !reference.field.empty()) {
        Wrong(path, "${" + reference.text + "} is a number; an input needs artifacts");
      } else if (reference.kind == Reference::Kind::kOutput && !port.many) {
        Wrong(path, "takes one artifact, and ${" + reference.text +
                        "} is a list, one for each item; choose with steps." + reference.step +
                        ".best(OUTPUT, max)." + reference.name);
      }
      return;
    }
    for (const PortSchema& output : OutputsOf(*producer, catalog_)) {
      if (output.name != reference.name) continue;
      const bool fits = port.type == ArtifactType::kFile || output.type == port.type ||
                        (port.type == ArtifactType::kDataset && output.type == ArtifactType::kFile);
      if (!fits) {
        Wrong(path, "takes a " + std::string(Name(port.type)) + ", and ${" + reference.text +
                        "} is a " + std::string(Name(output.type)));
      }
    }
  }

  // Depth-first search with colours; a cycle is named by its steps.
  bool Cycles() {
    enum class Colour { kWhite, kGrey, kBlack };
    std::vector<Colour> colour(edges_.size(), Colour::kWhite);
    struct Frame {
      StepIndex step;
      std::set<StepIndex>::const_iterator next;
    };
    for (std::size_t root = 0; root < edges_.size(); ++root) {
      if (colour[root] != Colour::kWhite) continue;
      std::vector<Frame> stack = {{static_cast<StepIndex>(root), edges_[root].begin()}};
      colour[root] = Colour::kGrey;
      while (!stack.empty()) {
        Frame& frame = stack.back();
        const auto current = static_cast<std::size_t>(frame.step);
        if (frame.next == edges_[current].end()) {
          colour[current] = Colour::kBlack;
          stack.pop_back();
          continue;
        }
        const StepIndex next = *frame.next++;
        const auto n = static_cast<std::size_t>(next);
        if (colour[n] == Colour::kWhite) {
          colour[n] = Colour::kGrey;
          stack.push_back({next, edges_[n].begin()});
        } else if (colour[n] == Colour::kGrey) {
          std::vector<std::string> cycle;
          bool inside = false;
          for (const Frame& each : stack) {
            inside = inside || each.step == next;
            if (inside) cycle.push_back(names_[static_cast<std::size_t>(each.step)]);
          }
          std::reverse(cycle.begin() + 1, cycle.end());  // edges point at what a step waits for
          ReportCycle(next, std::move(cycle));
          return true;
        }
      }
    }
    return false;
  }

  // `cycle` is closed by its first step.
  void ReportCycle(StepIndex at, std::vector<std::string> cycle) {
    constexpr std::size_t kShown = 12;
    const std::string first = cycle.front();
    if (cycle.size() > kShown) {
      const std::size_t left = cycle.size() - kShown;
      cycle.resize(kShown);
      cycle.push_back("(" + std::to_string(left) + " more)");
    }
    cycle.push_back(first);
    Wrong(list_path_ + "[" + std::to_string(at) + "]",
          "the steps wait for each other in a circle: " + Join(cycle, " → ") +
              "; remove one of these references");
  }

  Common& common_;
  const PipelineSpec& spec_;
  const Catalog& catalog_;
  std::vector<Problem>& problems_;
  const std::vector<StepSpec>& steps_;
  const std::string list_path_;
  Validator* const outer_;
  const StepIndex map_;
  std::map<std::string, StepIndex> index_;
  std::vector<std::string> names_;
  std::vector<std::set<StepIndex>> edges_;  // what each step waits for
  std::string path_;
  StepIndex self_ = -1;  // -1: no step of this list (outputs)
};

// With parameters at their defaults, do the steps' parameters hold?
void CheckDefaults(const PipelineSpec& spec, const Catalog& catalog,
                   std::vector<Problem>& problems) {
  if (!problems.empty()) return;
  CheckParameterTypes(spec, catalog, problems);
  if (!problems.empty()) return;
  Json defaults = Json::object();
  for (const ParameterSpec& parameter : spec.parameters) {
    if (parameter.type == ParameterSpec::Type::kSecret) continue;  // its value is not known here
    if (!parameter.default_value.is_null()) defaults[parameter.name] = parameter.default_value;
  }
  CheckBound(spec, defaults, catalog, problems);
  if (problems.empty()) CheckBoundTasks(spec, defaults, catalog, problems);
}

// Which are stored and shown, and in which references mean nothing.
void CheckNoSecretInTags(const PipelineSpec& spec, std::vector<Problem>& problems) {
  for (const auto& [key, value] : spec.tags) {
    if (value.find("${secrets.") == std::string::npos) continue;
    problems.push_back({"tags." + key, "is stored and shown; a secret cannot stand here"});
  }
}

bool InBounds(const ParameterSpec& parameter, double value) {
  return (!parameter.minimum || value >= *parameter.minimum) &&
         (!parameter.maximum || value <= *parameter.maximum);
}

std::string BoundsText(const ParameterSpec& parameter) {
  std::string text;
  if (parameter.minimum) text += ">= " + FormatNumber(*parameter.minimum);
  if (parameter.maximum) {
    text += (text.empty() ? "" : " and ") + ("<= " + FormatNumber(*parameter.maximum));
  }
  return text;
}

}  // namespace

std::vector<std::pair<const Json*, std::string>> TextsOf(const StepSpec& step) {
  std::vector<std::pair<const Json*, std::string>> texts;
  texts.emplace_back(&step.parameters, step.type == "train" ? "hyperparameters" : "with");
  if (!step.condition.is_null()) texts.emplace_back(&step.condition, "if");
  if (!step.over.is_null()) texts.emplace_back(&step.over, "over");
  if (!step.mutex.is_null()) texts.emplace_back(&step.mutex, "mutex");
  for (const auto& [name, value] : step.arguments) texts.emplace_back(&value, "parameters." + name);
  for (const StepInput& input : step.inputs) {
    for (std::size_t i = 0; i < input.sources.size(); ++i) {
      std::string path = input.path();
      if (input.is_list) path += "[" + std::to_string(i) + "]";
      texts.emplace_back(&input.sources[i], std::move(path));
    }
  }
  return texts;
}

std::vector<PortSchema> OutputsOf(const StepSpec& step, const Catalog& catalog) {
  const StepSchema* schema = catalog.Find(step.key());
  if (schema == nullptr) return {};
  std::vector<PortSchema> outputs = schema->outputs;
  if (schema->outputs_for) {
    for (PortSchema& port : schema->outputs_for(step.parameters)) {
      outputs.push_back(std::move(port));
    }
  }
  return outputs;
}

std::vector<StepIndex> RegistersBefore(const StepSpec& step, const std::vector<StepSpec>& steps) {
  std::vector<StepIndex> before;
  if (step.type != "promote" || !step.inputs.empty()) return before;
  if (!JsonMember(step.parameters, "version").is_null()) return before;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].type == "register" &&
        JsonMember(steps[i].parameters, "group") == JsonMember(step.parameters, "group")) {
      before.push_back(static_cast<StepIndex>(i));
    }
  }
  return before;
}

void CheckParameterValue(const ParameterSpec& parameter, const Json& value, const std::string& path,
                         std::vector<Problem>& problems) {
  using Type = ParameterSpec::Type;
  const auto wrong = [&](std::string message) { problems.push_back({path, std::move(message)}); };
  const auto kind = [&] {
    std::string text = DumpJson(value);
    if (text.size() > 60) text = TruncateUtf8(text, 57) + "…";
    wrong("must be " + std::string(Name(parameter.type)) + ", not the " +
          std::string(JsonKindName(value)) + " " + text);
  };
  if (JsonDepth(value) > limits::kMaxDefinitionDepth) {
    return wrong("is nested deeper than " + std::to_string(limits::kMaxDefinitionDepth));
  }
  if (DumpJson(value).size() > limits::kMaxParameterBytes) {
    return wrong("is larger than " + std::to_string(limits::kMaxParameterBytes) + " bytes");
  }
  const std::size_t before = problems.size();
  CheckFinite(value, path, problems);
  if (problems.size() > before) return;
  switch (parameter.type) {
    case Type::kString:
      if (!value.is_string()) kind();
      return;
    case Type::kInteger:
    case Type::kNumber: {
      const bool fits =
          parameter.type == Type::kInteger ? value.is_number_integer() : value.is_number();
      if (!fits) return kind();
      if (!InBounds(parameter, value.get<double>())) {
        wrong(DumpJson(value) + " is out of bounds; it must be " + BoundsText(parameter));
      }
      return;
    }
    case Type::kBoolean:
      if (!value.is_boolean()) kind();
      return;
    case Type::kEnum: {
      std::vector<std::string> choices;
      for (const Json& choice : parameter.values) {
        if (choice == value) return;
        choices.push_back(choice.is_string() ? choice.get<std::string>() : DumpJson(choice));
      }
      return wrong(DumpJson(value) + " is not a choice (known: " + Join(choices, ", ") + ")");
    }
    case Type::kList:
      if (!value.is_array()) kind();
      return;
    case Type::kDataset:
      if (!value.is_string()) return kind();
      CheckDatasetAddress(value.get<std::string>(), path, problems);
      return;
    case Type::kSecret:
      // Not quoted: it may be the secret itself.
      if (value.is_string() && IsName(value.get<std::string>())) return;
      return wrong(
          "must be the name of a secret, 1 to 64 of a-z 0-9 - _, and never its value; penstock "
          "secret set NAME keeps one");
  }
}

void ValidatePipeline(const PipelineSpec& spec, const Catalog& catalog,
                      std::vector<Problem>& problems, std::vector<Problem>* warnings) {
  CheckNoSecretInTags(spec, problems);
  Common common{spec, catalog, problems, {}, 0};
  Validator validator(common, spec.steps, "steps");
  bool sound = validator.Run();
  validator.Outputs(spec.outputs, "outputs");
  if (!spec.on_exit.empty()) {
    Validator on_exit(common, spec.on_exit, "onExit", &validator);
    sound = on_exit.Run() && sound;
  }
  if (common.edges > static_cast<std::size_t>(limits::kMaxEdgesPerRun)) {
    problems.push_back({"steps", "wait for each other in " + std::to_string(common.edges) +
                                     " places; at most " +
                                     std::to_string(limits::kMaxEdgesPerRun)});
  } else if (problems.size() < limits::kMaxProblemsReported) {
    if (sound) CheckFlow(spec, catalog, problems);
    CheckDefaults(spec, catalog, problems);
  }
  if (warnings == nullptr) return;
  for (const ParameterSpec& parameter : spec.parameters) {
    if (!common.used_parameters.contains(parameter.name)) {
      warnings->push_back({"parameters." + parameter.name, "nothing uses this parameter"});
    }
  }
}

}  // namespace penstock

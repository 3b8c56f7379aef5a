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
#include "storage/model/limits.h"

namespace penstock {
namespace {

class Validator {
 public:
  Validator(const PipelineSpec& spec, const Catalog& catalog, std::vector<Problem>& problems)
      : spec_(spec), catalog_(catalog), problems_(problems), edges_(spec.steps.size()) {
    for (std::size_t i = 0; i < spec.steps.size(); ++i) {
      index_.emplace(spec.steps[i].name.value(), static_cast<StepIndex>(i));
      names_.push_back(spec.steps[i].name.value());
    }
  }

  void Run() {
    for (std::size_t i = 0; i < spec_.steps.size(); ++i) {
      if (problems_.size() >= limits::kMaxProblemsReported) return;
      const StepSpec& step = spec_.steps[i];
      path_ = "steps[" + std::to_string(i) + "]";
      self_ = static_cast<StepIndex>(i);
      References(step);
      Order(step);
      Branches(step);
      Inputs(step);
      if (step.type == "condition") {
        CheckCondition(step.condition, path_ + ".if", problems_);
      }
    }
    std::size_t edges = 0;
    for (const std::set<StepIndex>& each : edges_) edges += each.size();
    if (edges > static_cast<std::size_t>(limits::kMaxEdgesPerRun)) {
      Wrong("steps", "wait for each other in " + std::to_string(edges) + " places; at most " +
                         std::to_string(limits::kMaxEdgesPerRun));
      return;
    }
    if (!Cycles()) CheckFlow(spec_, catalog_, problems_);
    Defaults();
  }

  const std::set<std::string>& used_parameters() const { return used_; }

 private:
  void Wrong(const std::string& path, std::string message) {
    problems_.push_back({path, std::move(message)});
  }

  // Comparing with each of very many names takes its time: only the first slips get a suggestion.
  std::string NearestStep(const std::string& name) const {
    constexpr std::size_t kComparisons = 20'000;
    if ((problems_.size() + 1) * names_.size() > kComparisons) return {};
    return Suggestion(name, names_);
  }

  // The step of that name; -1 after a problem was noted.
  StepIndex Look(const std::string& name, const std::string& path) {
    const auto found = index_.find(name);
    if (found == index_.end()) {
      Wrong(path, "there is no step \"" + name + "\"" + NearestStep(name));
      return -1;
    }
    if (found->second == self_) {
      Wrong(path,
            "step \"" + name + "\" waits for itself; name another step here, or take this out");
      return -1;
    }
    edges_[static_cast<std::size_t>(self_)].insert(found->second);
    return found->second;
  }

  void References(const StepSpec& step) {
    for (const auto& [value, below] : TextsOf(step)) {
      std::vector<FoundReference> found;
      CollectReferences(*value, path_ + "." + below, found, problems_);
      for (const FoundReference& reference : found) CheckReference(reference);
    }
  }

  void CheckReference(const FoundReference& found) {
    const Reference& reference = found.reference;
    switch (reference.kind) {
      case Reference::Kind::kParameter: {
        used_.insert(reference.name);
        if (spec_.FindParameter(reference.name) != nullptr) return;
        std::vector<std::string> known;
        for (const ParameterSpec& parameter : spec_.parameters) known.push_back(parameter.name);
        Wrong(found.path, "there is no parameter \"" + reference.name + "\"" +
                              (known.empty() ? "; declare it under `parameters`"
                                             : Suggestion(reference.name, known)));
        return;
      }
      case Reference::Kind::kSecret:
        Wrong(found.path,
              "${" + reference.text + "}: this server keeps no secrets; use a parameter");
        return;
      case Reference::Kind::kItem:
        Wrong(found.path, "${" + reference.text + "} means something only inside a map step");
        return;
      case Reference::Kind::kRun:
        return;
      case Reference::Kind::kOutput:
      case Reference::Kind::kMetric:
      case Reference::Kind::kReport:
        CheckStepReference(found);
        return;
    }
  }

  void CheckStepReference(const FoundReference& found) {
    const Reference& reference = found.reference;
    const StepIndex target = Look(reference.step, found.path);
    if (target < 0) return;
    const StepSpec& step = spec_.steps[static_cast<std::size_t>(target)];
    const StepSchema* schema = catalog_.Find(step.key());
    if (schema == nullptr) return;
    const std::vector<PortSchema> outputs = OutputsOf(step, catalog_);
    if (reference.kind == Reference::Kind::kOutput) {
      std::vector<std::string> known;
      for (const PortSchema& port : outputs) known.push_back(port.name);
      if (std::find(known.begin(), known.end(), reference.name) == known.end()) {
        Wrong(found.path, "step \"" + reference.step + "\" (" + step.key() + ") has no output \"" +
                              reference.name + "\"" +
                              (known.empty() ? "" : Suggestion(reference.name, known)));
      }
    } else if (reference.kind == Reference::Kind::kMetric) {
      std::vector<std::string> known;
      for (const MetricSchema& metric : schema->metrics) known.push_back(metric.name);
      const bool open = step.type == "noop" || step.type == "train";
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
    for (std::size_t i = 0; i < step.depends_on.size(); ++i) {
      Look(step.depends_on[i], path_ + ".dependsOn[" + std::to_string(i) + "]");
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
      const auto port = std::find_if(schema->inputs.begin(), schema->inputs.end(),
                                     [&](const PortSchema& p) { return p.name == input.name; });
      if (port == schema->inputs.end()) continue;
      for (std::size_t i = 0; i < input.sources.size(); ++i) {
        if (!input.sources[i].is_string()) continue;
        std::string path = path_ + ".inputs." + input.name;
        if (input.is_list) path += "[" + std::to_string(i) + "]";
        Source(input.sources[i].get<std::string>(), *port, path);
      }
    }
  }

  void Source(const std::string& text, const PortSchema& port, const std::string& path) {
    const Result<Template> parsed = ParseTemplate(text);
    if (!parsed.ok()) return;  // noted with the references
    if (!parsed->has_expressions()) {
      CheckDatasetAddress(text, path, problems_);
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
      } else if (reference.kind == Reference::Kind::kOutput) {
        OutputInto(reference, port, path);
      } else {
        Wrong(path, "${" + reference.text +
                        "} is not an artifact; an input needs an output of a "
                        "step or a dataset parameter");
      }
    }
  }

  void OutputInto(const Reference& reference, const PortSchema& port, const std::string& path) {
    const auto found = index_.find(reference.step);
    if (found == index_.end()) return;
    const StepSpec& producer = spec_.steps[static_cast<std::size_t>(found->second)];
    for (const PortSchema& output : OutputsOf(producer, catalog_)) {
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
    Wrong("steps[" + std::to_string(at) + "]",
          "the steps wait for each other in a circle: " + Join(cycle, " → ") +
              "; remove one of these references");
  }

  // With parameters at their defaults, do the steps' parameters hold?
  void Defaults() {
    if (!problems_.empty()) return;
    CheckParameterTypes(spec_, catalog_, problems_);
    if (!problems_.empty()) return;
    Json defaults = Json::object();
    for (const ParameterSpec& parameter : spec_.parameters) {
      if (!parameter.default_value.is_null()) defaults[parameter.name] = parameter.default_value;
    }
    CheckBound(spec_, defaults, catalog_, problems_);
    if (problems_.empty()) CheckBoundTasks(spec_, defaults, catalog_, problems_);
  }

  const PipelineSpec& spec_;
  const Catalog& catalog_;
  std::vector<Problem>& problems_;
  std::map<std::string, StepIndex> index_;
  std::vector<std::string> names_;
  std::vector<std::set<StepIndex>> edges_;  // what each step waits for
  std::set<std::string> used_;
  std::string path_;
  StepIndex self_ = 0;
};

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
  for (const StepInput& input : step.inputs) {
    for (std::size_t i = 0; i < input.sources.size(); ++i) {
      std::string path = "inputs." + input.name;
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
  }
}

void ValidatePipeline(const PipelineSpec& spec, const Catalog& catalog,
                      std::vector<Problem>& problems, std::vector<Problem>* warnings) {
  Validator validator(spec, catalog, problems);
  validator.Run();
  if (warnings == nullptr) return;
  for (const ParameterSpec& parameter : spec.parameters) {
    if (!validator.used_parameters().contains(parameter.name)) {
      warnings->push_back({"parameters." + parameter.name, "nothing uses this parameter"});
    }
  }
}

}  // namespace penstock

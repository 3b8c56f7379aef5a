#include "server/core/overrides.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.h"
#include "storage/model/limits.h"
#include "storage/model/source_address.h"

namespace penstock {
namespace {

constexpr char kRoot[] = "overrides.";

std::vector<std::string> NamesIn(const Json& steps) {
  std::vector<std::string> names;
  for (const Json& step : steps) names.push_back(JsonString(step, "name"));
  return names;
}

// Writes overrides into a definition.
class Writer {
 public:
  Writer(const Catalog& catalog, Json& definition, std::vector<OverriddenCall>* calls,
         std::vector<Problem>& problems)
      : catalog_(catalog), definition_(definition), calls_(calls), problems_(problems) {}

  void Write(const std::string& way, const Json& change) {
    const std::vector<std::string> names = Split(way, '.');
    std::string path;  // in the definition: "steps[2].steps[0]"
    Json* around = &definition_;
    for (std::size_t i = 0; i < names.size(); ++i) {
      Json* step = Find(*around, names[i], i == 0, &path);
      if (step == nullptr) return Unknown(way, names, i, *around);
      const std::string type = JsonString(*step, "type");
      if (i + 1 == names.size()) return WriteStep(way, path, change, *step);
      if (type == "pipeline")
        return NoteCall(Join({names.begin(), names.begin() + i + 1}, "."),
                        JsonString(*step, "pipeline"));
      if (type != "map") {
        problems_.push_back(
            {kRoot + way, names[i] + " is a " + type + " step, which has no steps inside it"});
        return;
      }
      around = step;
    }
  }

  // Whose step stands where a problem of the definition was found; the path as it is where that is
  // nobody's.
  std::string Translate(const std::string& path) const {
    const std::string* way = nullptr;
    std::size_t length = 0;
    for (const auto& [at, name] : written_) {
      if (!path.starts_with(at) || at.size() < length) continue;
      if (path.size() > at.size() && path[at.size()] != '.') continue;
      way = &name;
      length = at.size();
    }
    if (way == nullptr) return path;
    std::string rest = path.substr(length);
    constexpr std::string_view kTrain = ".hyperparameters";
    if (rest.starts_with(kTrain)) rest.replace(0, kTrain.size(), ".with");
    return kRoot + *way + rest;
  }

 private:
  Json* Find(Json& around, const std::string& name, bool top, std::string* path) {
    for (const char* list : {"steps", "onExit"}) {
      if (!around.contains(list) || (!top && std::string_view(list) == "onExit")) continue;
      Json& steps = around[list];
      for (std::size_t i = 0; i < steps.size(); ++i) {
        if (JsonString(steps[i], "name") != name) continue;
        *path += (path->empty() ? "" : ".") + std::string(list) + "[" + std::to_string(i) + "]";
        return &steps[i];
      }
    }
    return nullptr;
  }

  void Unknown(const std::string& way, const std::vector<std::string>& names, std::size_t at,
               const Json& around) {
    std::vector<std::string> known = NamesIn(JsonMember(around, "steps"));
    for (std::string& name : NamesIn(JsonMember(around, "onExit"))) {
      known.push_back(std::move(name));
    }
    const std::string where = at == 0 ? "the pipeline" : "step " + names[at - 1];
    problems_.push_back(
        {kRoot + way, where + " has no step \"" + names[at] + "\"" + Suggestion(names[at], known)});
  }

  void NoteCall(std::string way, const std::string& pipeline) {
    if (calls_ == nullptr) return;
    const auto at = pipeline.find('@');
    const int32_t version = at == std::string::npos ? 0 : std::stoi(pipeline.substr(at + 1));
    calls_->push_back({std::move(way), pipeline.substr(0, at), version});
  }

  void WriteStep(const std::string& way, const std::string& path, const Json& change, Json& step) {
    // Only those have resources.
    if (!step.contains("resources")) {
      problems_.push_back({kRoot + way, "is a " + JsonString(step, "type") +
                                            " step: only steps that workers run take other "
                                            "inputs or parameters"});
      return;
    }
    written_[path] = way;
    const std::string prefix(kAttachmentPrefix);
    for (const auto& [name, text] : JsonMember(change, "inputs").items()) {
      if (name.starts_with(prefix)) {
        step["files"][name.substr(prefix.size())] = text;
      } else {
        step["inputs"][name] = text;
      }
    }
    if (const Json& with = JsonMember(change, "with"); with.is_object()) {
      RemoveImpliedLabels(step);
      step[step.contains("algorithm") ? "hyperparameters" : "with"].merge_patch(with);
    }
  }

  // The labels that the parameters have asked for until now: the new ones ask for their own.
  void RemoveImpliedLabels(Json& step) const {
    const StepSchema* schema = catalog_.Find(JsonString(step, "type"));
    if (schema == nullptr || !schema->labels_for || !step["resources"].contains("labels")) return;
    for (const auto& [key, value] : schema->labels_for(JsonMember(step, "with"))) {
      step["resources"]["labels"].erase(key);
    }
  }

  const Catalog& catalog_;
  Json& definition_;
  std::vector<OverriddenCall>* calls_;
  std::vector<Problem>& problems_;
  std::map<std::string, std::string> written_;  // by path in the definition: the way
};

void CheckInputs(const Json& inputs, const std::string& path, std::vector<Problem>& problems) {
  if (!inputs.is_object() && !inputs.is_null()) {
    problems.push_back({path, "must be an object: inputs by name"});
    return;
  }
  for (const auto& [name, text] : inputs.items()) {
    const std::string where = path + "." + TruncateUtf8(name, 80);
    if (!text.is_string() || text.get_ref<const std::string&>().empty()) {
      problems.push_back({where,
                          "must be a text: artifact:sha256:…, model:GROUP@VERSION or a "
                          "reference"});
    } else if (const auto& address = text.get_ref<const std::string&>();
               address.starts_with("file:") || IsRemoteSource(address)) {
      problems.push_back({where,
                          "data from outside are not read for single steps; upload them (penstock "
                          "artifacts put, or @PATH), and give their artifact"});
    }
  }
}

}  // namespace

std::string DefinitionPath(std::string_view step_name) {
  std::string path;
  bool inside = false;
  for (const char c : step_name) {
    if (c == '[') inside = true;
    if (!inside) path += c;
    if (c == ']') inside = false;
  }
  return path;
}

bool IsNamed(const std::string& step_name, const std::vector<std::string>& names) {
  const auto leads_to = [](const std::string& name, const std::string& whole) {
    return whole.starts_with(name) &&
           (whole.size() == name.size() || whole[name.size()] == '.' || whole[name.size()] == '[');
  };
  const std::string path = DefinitionPath(step_name);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return leads_to(name, step_name) || leads_to(name, path);
  });
}

void CheckOverridesForm(const Json& overrides, std::vector<Problem>& problems) {
  if (overrides.size() > limits::kMaxOverriddenSteps) {
    problems.push_back(
        {"overrides", "at most " + std::to_string(limits::kMaxOverriddenSteps) + " steps"});
    return;
  }
  if (DumpJson(overrides).size() > limits::kMaxOverrideBytes) {
    problems.push_back({"overrides", "larger than 256 KiB; upload what is large as an artifact"});
    return;
  }
  for (const auto& [way, change] : overrides.items()) {
    const std::string path = kRoot + TruncateUtf8(way, 120);
    if (way.find('[') != std::string::npos) {
      problems.push_back({path,
                          "names one item of a map; what is overridden is the step of all "
                          "items: " +
                              DefinitionPath(way)});
    }
    CheckInputs(JsonMember(change, "inputs"), path + ".inputs", problems);
    const Json& with = JsonMember(change, "with");
    if (!with.is_object() && !with.is_null()) {
      problems.push_back({path + ".with", "must be an object: parameters by name"});
    }
  }
}

Json OverridesBelow(const Json& overrides, std::string_view way) {
  Json below = Json::object();
  for (const auto& [path, change] : overrides.items()) {
    if (path.starts_with(way)) below[path.substr(way.size())] = change;
  }
  return below;
}

PipelineSpec ApplyOverrides(const PipelineSpec& spec, const Json& overrides, const Catalog& catalog,
                            std::vector<OverriddenCall>* calls, std::vector<Problem>& problems) {
  Json definition = CanonicalDefinition(spec);
  Writer writer(catalog, definition, calls, problems);
  for (const auto& [way, change] : overrides.items()) writer.Write(way, change);
  Result<PipelineSpec> changed = ParsePipeline(definition, catalog);
  if (changed.ok()) return *std::move(changed);
  for (const Problem& problem : changed.status().problems()) {
    problems.push_back({writer.Translate(problem.path), problem.message});
  }
  if (changed.status().problems().empty()) {
    problems.push_back({"overrides", changed.status().message()});
  }
  return spec;
}

}  // namespace penstock

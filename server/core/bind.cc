#include "server/core/bind.h"

#include <algorithm>
#include <utility>

#include "base/digest.h"
#include "base/text.h"
#include "server/core/expression.h"
#include "server/core/flow_tasks.h"
#include "server/core/validate.h"
#include "storage/model/limits.h"
#include "storage/model/source_address.h"

namespace penstock {
namespace {

std::string ParametersPath(const StepSpec& step, const std::string& path) {
  return path + (step.type == "train" ? ".hyperparameters" : ".with");
}

bool Fits(ParameterSchema::Kind kind, ParameterSpec::Type type) {
  using Kind = ParameterSchema::Kind;
  using Type = ParameterSpec::Type;
  if (kind == Kind::kAny) return true;
  switch (type) {
    case Type::kString:
      return kind == Kind::kString || kind == Kind::kEnum;
    case Type::kDataset:
    case Type::kSecret:
      return kind == Kind::kString;
    case Type::kInteger:
    case Type::kNumber:  // 3.0 is an integer
      return kind == Kind::kInteger || kind == Kind::kNumber;
    case Type::kBoolean:
      return kind == Kind::kBoolean;
    case Type::kEnum:  // its choices have kinds of their own, and are judged one by one
      return kind != Kind::kList && kind != Kind::kObject && kind != Kind::kMap;
    case Type::kList:
      return kind == Kind::kList;
  }
  return true;
}

std::string_view HowToGive(ParameterSpec::Type type) {
  if (type == ParameterSpec::Type::kDataset) return "=@PATH";
  return type == ParameterSpec::Type::kSecret ? "=NAME-OF-A-SECRET" : "=VALUE";
}

// `over` of a map, with the parameters in it.
void CheckItems(const Json& over, const std::string& path, std::vector<Problem>& problems) {
  if (over.is_object() && std::any_of(over.begin(), over.end(), HoldsReference)) return;
  if (const Result<Json> items = ExpandItems(over); !items.ok()) {
    problems.push_back({path, items.status().message()});
  }
}

class TypeCheck {
 public:
  TypeCheck(const PipelineSpec& spec, std::vector<Problem>& problems)
      : spec_(spec), problems_(problems) {}

  void Fields(const std::vector<ParameterSchema>& fields, const Json& value,
              const std::string& path) {
    for (const ParameterSchema& field : fields) {
      Value(field, JsonMember(value, field.name), path + "." + field.name);
    }
  }

 private:
  void Value(const ParameterSchema& schema, const Json& value, const std::string& path) {
    if (value.is_string()) return Reference(schema, value, path);
    if (schema.kind == ParameterSchema::Kind::kObject) return Fields(schema.fields, value, path);
    if (!schema.element || !value.is_structured()) return;
    for (const auto& [key, member] : value.items()) {
      Value(*schema.element, member, path + (value.is_array() ? "[" + key + "]" : "." + key));
    }
  }

  void Reference(const ParameterSchema& schema, const Json& value, const std::string& path) {
    if (!HoldsReference(value)) return;
    const Result<Template> parsed = ParseTemplate(value.get_ref<const std::string&>());
    if (!parsed.ok() || !parsed->is_single()) return;
    for (const penstock::Reference& reference : parsed->parts[0].expression.alternatives) {
      if (reference.kind != penstock::Reference::Kind::kParameter) continue;
      const ParameterSpec* parameter = spec_.FindParameter(reference.name);
      if (parameter == nullptr || Fits(schema.kind, parameter->type)) continue;
      problems_.push_back({path, "must be " + std::string(Name(schema.kind)) +
                                     ", and parameter \"" + reference.name + "\" is a " +
                                     std::string(Name(parameter->type))});
    }
  }

  const PipelineSpec& spec_;
  std::vector<Problem>& problems_;
};

}  // namespace

void CheckParameterTypes(const PipelineSpec& spec, const Catalog& catalog,
                         std::vector<Problem>& problems) {
  TypeCheck check(spec, problems);
  VisitSteps(spec, [&](const StepSpec& step, const std::string& path) {
    if (const StepSchema* schema = catalog.Find(step.key()); schema != nullptr) {
      check.Fields(schema->parameters, step.parameters, ParametersPath(step, path));
    }
  });
}

Json SubstituteParameters(const Json& value, const Json& parameters) {
  if (value.is_object() || value.is_array()) {
    Json out = value;
    for (Json& member : out) member = SubstituteParameters(member, parameters);
    return out;
  }
  if (!HoldsReference(value)) return value;
  const Result<Template> parsed = ParseTemplate(value.get_ref<const std::string&>());
  if (!parsed.ok() || !parsed->is_single()) return value;
  const std::vector<Reference>& alternatives = parsed->parts[0].expression.alternatives;
  if (alternatives.size() != 1 || alternatives[0].kind != Reference::Kind::kParameter) return value;
  const Json& bound = JsonMember(parameters, alternatives[0].name);
  return bound.is_null() ? value : bound;
}

Json GivenTo(const PipelineSpec& called, const StepSpec& call, const Json& parameters) {
  Json given = Json::object();
  for (const ParameterSpec& parameter : called.parameters) {
    const auto argument = call.arguments.find(parameter.name);
    given[parameter.name] = argument == call.arguments.end()
                                ? parameter.default_value
                                : SubstituteParameters(argument->second, parameters);
  }
  return given;
}

// How many steps these make with the items of their maps. What a list has that a report or an
// item gives shows when the map starts.
double CountInstances(const std::vector<StepSpec>& steps, const Json& parameters) {
  double count = 0;
  for (const StepSpec& step : steps) {
    ++count;
    if (step.over.is_null()) continue;
    const Result<Json> items = ExpandItems(SubstituteParameters(step.over, parameters));
    if (!items.ok()) continue;
    count += static_cast<double>(items->size()) * CountInstances(step.steps, parameters);
  }
  return count;
}

void CheckBound(const PipelineSpec& spec, const Json& parameters, const Catalog& catalog,
                std::vector<Problem>& problems) {
  const double instances =
      CountInstances(spec.steps, parameters) + CountInstances(spec.on_exit, parameters);
  if (instances > limits::kMaxStepInstances) {
    problems.push_back({"steps", "with the items of its maps a run would have " +
                                     FormatDouble(instances) + " steps; at most " +
                                     std::to_string(limits::kMaxStepInstances)});
  }
  VisitSteps(spec, [&](const StepSpec& step, const std::string& path) {
    if (!step.over.is_null()) {
      const Json over = SubstituteParameters(step.over, parameters);
      if (over != step.over && !HoldsReference(over)) CheckItems(over, path + ".over", problems);
    }
    const StepSchema* schema = catalog.Find(step.key());
    if (schema == nullptr) return;
    const Json bound = SubstituteParameters(step.parameters, parameters);
    if (bound == step.parameters) return;
    CheckParameters(*schema, bound, ParametersPath(step, path), problems);
  });
}

void CheckDatasetAddress(const std::string& text, const std::string& path,
                         std::vector<Problem>& problems) {
  if (text.starts_with("artifact:")) {
    const std::string digest = text.substr(9, text.find('#') - 9);
    if (const Result<Digest> parsed = ParseDigest(digest); !parsed.ok()) {
      problems.push_back({path, parsed.status().message()});
    }
    return;
  }
  if (text.starts_with("file:")) {
    if (!text.starts_with("file:///")) {
      problems.push_back({path, "\"" + text +
                                    "\" is relative; write the whole path "
                                    "(file:///data/rows.csv), or upload with -p NAME=@PATH"});
    } else if (text.find("/../") != std::string::npos || text.ends_with("/..")) {
      problems.push_back({path, "\"" + text + "\" climbs out of its folder; write it without .."});
    }
    return;
  }
  if (IsRemoteSource(text)) {
    if (const Status status = ParseSourceAddress(text).status(); !status.ok()) {
      problems.push_back({path, status.message()});
    } else if (!IsDatasetSource(text)) {
      problems.push_back({path, "\"" + ShownSource(text) +
                                    "\" needs a query; write a step of type import with uri and "
                                    "query, and take its output data"});
    }
    return;
  }
  problems.push_back({path, "\"" + TruncateUtf8(text, 100) +
                                "\" does not say where data are; give a reference, "
                                "artifact:sha256:… (penstock artifacts put PATH prints one), "
                                "file:///absolute/path, https://…, s3://bucket/key, or "
                                "-p NAME=@PATH"});
}

Result<Json> BindParameters(const PipelineSpec& spec, const std::map<std::string, Json>& given,
                            const Catalog& catalog) {
  std::vector<Problem> problems;
  std::vector<std::string> known;
  for (const ParameterSpec& parameter : spec.parameters) known.push_back(parameter.name);
  for (const auto& [name, value] : given) {
    if (spec.FindParameter(name) == nullptr) {
      problems.push_back({"parameters." + name, "pipeline " + spec.name + " has no such parameter" +
                                                    Suggestion(name, known)});
    }
  }
  Json bound = Json::object();
  for (const ParameterSpec& parameter : spec.parameters) {
    const std::string path = "parameters." + parameter.name;
    const auto found = given.find(parameter.name);
    if (found != given.end()) {
      Json value = found->second;
      // 3 is a good value for a number; it is stored as it was declared.
      if (parameter.type == ParameterSpec::Type::kNumber && value.is_number_integer()) {
        value = value.get<double>();
      }
      CheckParameterValue(parameter, value, path, problems);
      bound[parameter.name] = std::move(value);
    } else if (!parameter.default_value.is_null()) {
      bound[parameter.name] = parameter.default_value;
    } else {
      problems.push_back(
          {path, "must be given: -p " + parameter.name + std::string(HowToGive(parameter.type)) +
                     (parameter.description.empty() ? "" : " (" + parameter.description + ")")});
    }
  }
  Json known_values = bound;
  for (const ParameterSpec& parameter : spec.parameters) {
    // What it stands for is not its value, which is a name.
    if (parameter.type == ParameterSpec::Type::kSecret) known_values.erase(parameter.name);
  }
  if (problems.empty()) CheckBound(spec, known_values, catalog, problems);
  if (problems.empty()) CheckBoundTasks(spec, known_values, catalog, problems);
  if (problems.empty()) return bound;
  return InvalidArgument("the parameters do not fit pipeline \"" + spec.name + "\"",
                         "INVALID_PARAMETERS")
      .WithProblems(std::move(problems));
}

}  // namespace penstock

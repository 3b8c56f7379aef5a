#include "server/core/pipeline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "server/core/document_shape.h"
#include "server/core/field_reader.h"
#include "server/core/secret_refs.h"
#include "server/core/step_reader.h"
#include "server/core/validate.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

using Type = ParameterSpec::Type;

constexpr std::array<std::pair<Type, std::string_view>, 8> kTypes = {{{Type::kString, "string"},
                                                                      {Type::kInteger, "integer"},
                                                                      {Type::kNumber, "number"},
                                                                      {Type::kBoolean, "boolean"},
                                                                      {Type::kEnum, "enum"},
                                                                      {Type::kList, "list"},
                                                                      {Type::kDataset, "dataset"},
                                                                      {Type::kSecret, "secret"}}};

constexpr std::array<std::pair<OnLimit, std::string_view>, 3> kOnLimits = {
    {{OnLimit::kQueue, "queue"},
     {OnLimit::kSkip, "skip"},
     {OnLimit::kCancelOldest, "cancelOldest"}}};

template <typename Table>
std::vector<std::string> NamesOf(const Table& table) {
  std::vector<std::string> names;
  for (const auto& [value, name] : table) names.emplace_back(name);
  return names;
}

// Reads a document into a specification. What needs more than one step's text (references, edges)
// is judged by ValidatePipeline.
class Parser {
 public:
  Parser(const Catalog& catalog, std::vector<Problem>& problems)
      : problems_(problems), steps_(catalog, problems) {}

  PipelineSpec Parse(const Json& document) {
    PipelineSpec spec;
    FieldReader fields(document, "", problems_);
    Envelope(fields);
    fields.String("name", spec.name);
    if (spec.name.empty()) {
      if (JsonMember(document, "name").is_null()) fields.Wrong("name", kNameMissing);
    } else {
      steps_.CheckName("name", spec.name);
    }
    fields.String("description", spec.description);
    fields.StringMap("tags", spec.tags);
    CheckTags(spec.tags);
    int64_t parallel = 0;
    fields.Int("maxParallelSteps", 0, limits::kMaxStepsPerRun, parallel);
    spec.max_parallel_steps = static_cast<int32_t>(parallel);
    Scheduling(fields, spec);
    Parameters(fields.Get("parameters"), spec);
    steps_.OptionalDuration(fields, "deadline", spec.deadline);
    fields.Bool("failFast", spec.fail_fast);
    StepSpec defaults;
    steps_.Defaults(fields.Get("defaults"), defaults);
    spec.steps = steps_.Steps(fields.Get("steps"), "steps", defaults);
    if (fields.Has("onExit")) {
      spec.on_exit = steps_.Steps(fields.Get("onExit"), "onExit", defaults);
    }
    steps_.Outputs(fields, spec.outputs);
    fields.Finish();
    return spec;
  }

 private:
  void Scheduling(FieldReader& fields, PipelineSpec& spec) {
    fields.String("queue", spec.queue);
    if (!spec.queue.empty()) steps_.CheckName("queue", spec.queue);
    int64_t priority = 0;
    fields.Int("priority", -limits::kMaxPriority, limits::kMaxPriority, priority);
    spec.priority = static_cast<int32_t>(priority);
    int64_t runs = 0;
    fields.Int("maxActiveRuns", 0, limits::kMaxActiveRuns, runs);
    spec.max_active_runs = static_cast<int32_t>(runs);
    std::string on_limit(Name(spec.on_limit));
    fields.String("onLimit", on_limit);
    const auto known =
        std::find_if(kOnLimits.begin(), kOnLimits.end(),
                     [&](const auto& entry) { return entry.second == on_limit; });
    if (known == kOnLimits.end()) {
      fields.Wrong("onLimit", "\"" + TruncateUtf8(on_limit, 80) + "\" is none of them" +
                                  Suggestion(on_limit, NamesOf(kOnLimits)));
    } else {
      spec.on_limit = known->first;
    }
    if (fields.Has("onLimit") && runs == 0) {
      fields.Wrong("onLimit", "says what happens at the limit; name it: maxActiveRuns: N");
    }
  }

  void Envelope(FieldReader& fields) {
    std::string version = "penstock/v1";
    std::string kind = "Pipeline";
    fields.String("apiVersion", version);
    fields.String("kind", kind);
    if (version != "penstock/v1") {
      fields.Wrong("apiVersion", "\"" + version + "\" is unknown; write penstock/v1");
    }
    if (kind != "Pipeline") {
      fields.Wrong("kind", "\"" + kind + "\" is unknown; this server takes Pipeline");
    }
  }

  void CheckTags(const std::map<std::string, std::string>& tags) {
    if (tags.size() > static_cast<std::size_t>(limits::kMaxTagsPerRun)) {
      problems_.push_back({"tags", "holds " + std::to_string(tags.size()) + " tags; at most " +
                                       std::to_string(limits::kMaxTagsPerRun)});
    }
    for (const auto& [key, value] : tags) {
      if (!key.empty() && key.size() <= limits::kMaxTagBytes &&
          value.size() <= limits::kMaxTagBytes) {
        continue;
      }
      problems_.push_back(
          {"tags." + TruncateUtf8(key, 80),
           "key and value have 1 to " + std::to_string(limits::kMaxTagBytes) + " bytes"});
    }
  }

  void Parameters(const Json& json, PipelineSpec& spec) {
    if (json.is_null()) return;
    if (!json.is_object()) {
      problems_.push_back({"parameters", "must be an object of parameters by name"});
      return;
    }
    if (json.size() > static_cast<std::size_t>(limits::kMaxParameters)) {
      problems_.push_back({"parameters", "holds " + std::to_string(json.size()) +
                                             " parameters; at most " +
                                             std::to_string(limits::kMaxParameters)});
      return;
    }
    for (const auto& [name, body] : json.items()) {
      ParameterSpec parameter;
      parameter.name = name;
      Parameter(body, "parameters." + name, parameter);
      spec.parameters.push_back(std::move(parameter));
    }
  }

  void Parameter(const Json& body, const std::string& path, ParameterSpec& parameter) {
    if (parameter.name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789_-") != std::string::npos ||
        parameter.name.empty() || parameter.name.size() > limits::kMaxNameLength) {
      problems_.push_back({path, "is not a name; use 1 to 64 letters, digits, - and _"});
    }
    FieldReader fields(body, path, problems_);
    std::string type;
    fields.String("type", type);
    bool known = false;
    for (const auto& [value, name] : kTypes) {
      if (name == type) {
        parameter.type = value;
        known = true;
      }
    }
    if (!known) {
      fields.Wrong("type", type.empty() ? "is missing" + Suggestion("", NamesOf(kTypes))
                                        : "\"" + type + "\" is not a type" +
                                              Suggestion(type, NamesOf(kTypes)));
    }
    parameter.default_value = fields.Get("default");
    fields.OptionalNumber("minimum", parameter.minimum);
    fields.OptionalNumber("maximum", parameter.maximum);
    fields.String("description", parameter.description);
    const Json& values = fields.Get("values");
    if (values.is_array()) parameter.values.assign(values.begin(), values.end());
    if (known) CheckBoundsOf(parameter, fields);
    fields.Finish();
    if (known && !parameter.default_value.is_null()) {
      CheckParameterValue(parameter, parameter.default_value, path + ".default", problems_);
    }
  }

  void CheckBoundsOf(const ParameterSpec& parameter, FieldReader& fields) {
    const bool number = parameter.type == Type::kInteger || parameter.type == Type::kNumber;
    for (const char* bound : {"minimum", "maximum"}) {
      if (!number && !fields.Get(bound).is_null()) {
        fields.Wrong(bound, "bounds are for integers and numbers, not for " +
                                std::string(Name(parameter.type)));
      }
    }
    if (parameter.minimum && parameter.maximum && *parameter.minimum > *parameter.maximum) {
      fields.Wrong("minimum", FormatNumber(*parameter.minimum) + " is above the maximum, " +
                                  FormatNumber(*parameter.maximum));
    }
    if (parameter.type == Type::kEnum && parameter.values.empty()) {
      fields.Wrong("values", "an enum needs the list of its choices");
    } else if (parameter.type != Type::kEnum && !fields.Get("values").is_null()) {
      fields.Wrong("values", "belongs to the type enum");
    }
  }

  std::vector<Problem>& problems_;
  StepReader steps_;
};

}  // namespace

std::string StepInput::path() const {
  if (!name.starts_with(kAttachmentPrefix)) return "inputs." + name;
  return "files." + name.substr(kAttachmentPrefix.size());
}

std::string StepSpec::data_path() const {
  if (type != "import") return {};
  const std::string uri = JsonString(parameters, "uri");
  constexpr std::string_view kScheme = "file://";
  return uri.starts_with(kScheme) ? uri.substr(kScheme.size()) : std::string();
}

const ParameterSpec* PipelineSpec::FindParameter(const std::string& wanted) const {
  for (const ParameterSpec& parameter : parameters) {
    if (parameter.name == wanted) return &parameter;
  }
  return nullptr;
}

StepIndex PipelineSpec::FindStep(const std::string& wanted) const {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].name.value() == wanted) return static_cast<StepIndex>(i);
  }
  return -1;
}

void VisitSteps(const PipelineSpec& spec,
                const std::function<void(const StepSpec&, const std::string&)>& visit) {
  const std::function<void(const std::vector<StepSpec>&, const std::string&)> walk =
      [&](const std::vector<StepSpec>& steps, const std::string& path) {
        for (std::size_t i = 0; i < steps.size(); ++i) {
          const std::string here = path + "[" + std::to_string(i) + "]";
          visit(steps[i], here);
          walk(steps[i].steps, here + ".steps");
        }
      };
  walk(spec.steps, "steps");
  walk(spec.on_exit, "onExit");
}

Result<Json> ExpandItems(const Json& over) {
  const auto too_many = [](double count) {
    return InvalidArgument("has " + FormatDouble(count) + " items; a map takes at most " +
                           std::to_string(limits::kMaxMapItems));
  };
  if (over.is_array()) {
    if (over.size() > static_cast<std::size_t>(limits::kMaxMapItems)) {
      return too_many(static_cast<double>(over.size()));
    }
    return over;
  }
  const auto number = [&](const char* key) { return JsonMember(over, key).is_number(); };
  Json items = Json::array();
  if (over.is_object() && over.size() == 1 && over.contains("range")) {
    const Json& count = over["range"];
    if (!count.is_number_integer() || count < 0) {
      return InvalidArgument("range must be a number of items, 0 or more");
    }
    if (count > limits::kMaxMapItems) return too_many(count.get<double>());
    for (int64_t i = 0; i < count.get<int64_t>(); ++i) items.push_back(i);
    return items;
  }
  if (over.is_object() && number("from") && number("to") &&
      over.size() == (over.contains("step") ? 3u : 2u)) {
    const Json one = 1;
    const Json& step = over.contains("step") ? over["step"] : one;
    const double from = over["from"].get<double>();
    const double to = over["to"].get<double>();
    if (!step.is_number()) return InvalidArgument("step must be a number");
    if (from != to && (step == 0 || (step > 0) != (from < to))) {
      return InvalidArgument("step must lead from `from` to `to`");
    }
    // `to` belongs to the range where a step meets it, up to rounding.
    const double count = from == to ? 1 : std::floor((to - from) / step.get<double>() + 1e-9) + 1;
    if (!(count <= limits::kMaxMapItems)) return too_many(count);
    const bool whole = over["from"].is_number_integer() && step.is_number_integer();
    // Beyond, a double does not tell integers apart, and their sums leave what an integer holds.
    constexpr double kExact = 9'007'199'254'740'992;
    if (whole && std::max(std::abs(from), std::abs(to)) > kExact) {
      return InvalidArgument("from and to must lie within -2^53 to 2^53");
    }
    for (int64_t i = 0; i < static_cast<int64_t>(count); ++i) {
      if (whole) {
        items.push_back(over["from"].get<int64_t>() + i * step.get<int64_t>());
      } else {
        items.push_back(from + static_cast<double>(i) * step.get<double>());
      }
    }
    return items;
  }
  return InvalidArgument("is a " + std::string(JsonKindName(over)) +
                         "; give a list, {range: N} or {from, to, step}");
}

std::string_view Name(ParameterSpec::Type type) {
  for (const auto& [value, name] : kTypes) {
    if (value == type) return name;
  }
  return {};
}

std::string_view Name(OnLimit on_limit) {
  for (const auto& [value, name] : kOnLimits) {
    if (value == on_limit) return name;
  }
  return {};
}

Result<PipelineSpec> ParsePipeline(const Json& document, const Catalog& catalog,
                                   std::vector<Problem>* warnings) {
  std::vector<Problem> problems;
  PipelineSpec spec;
  if (CheckShape(document, problems)) {
    spec = Parser(catalog, problems).Parse(document);
    ValidatePipeline(spec, catalog, problems, warnings);
    NoteInfinite(document, problems);
    MarkSecrets(spec);
  }
  if (problems.empty()) return spec;
  std::string message = "the definition";
  if (!spec.name.empty()) message += " of \"" + spec.name + "\"";
  message += problems.size() == 1 ? " has a problem"
                                  : " has " + std::to_string(problems.size()) + " problems";
  if (problems.size() > limits::kMaxProblemsReported) {
    problems.resize(limits::kMaxProblemsReported);
    message += "; the first " + std::to_string(limits::kMaxProblemsReported) + " are listed";
  }
  return InvalidArgument(std::move(message), "INVALID_DEFINITION")
      .WithProblems(std::move(problems));
}

}  // namespace penstock

#include "server/core/pipeline.h"

#include <array>
#include <utility>

#include "base/text.h"
#include "server/core/document_shape.h"
#include "server/core/field_reader.h"
#include "server/core/validate.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

using Type = ParameterSpec::Type;

constexpr std::array<std::pair<Type, std::string_view>, 7> kTypes = {{{Type::kString, "string"},
                                                                      {Type::kInteger, "integer"},
                                                                      {Type::kNumber, "number"},
                                                                      {Type::kBoolean, "boolean"},
                                                                      {Type::kEnum, "enum"},
                                                                      {Type::kList, "list"},
                                                                      {Type::kDataset, "dataset"}}};

constexpr std::array<std::pair<When, std::string_view>, 4> kWhens = {
    {{When::kAllSucceeded, "all_succeeded"},
     {When::kNoneFailed, "none_failed"},
     {When::kAllDone, "all_done"},
     {When::kAnySucceeded, "any_succeeded"}}};

constexpr char kNameMissing[] =
    "is missing; give it one of 1 to 64 characters of a-z 0-9 - _, for example name: prepare";

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
      : catalog_(catalog), problems_(problems) {}

  PipelineSpec Parse(const Json& document) {
    PipelineSpec spec;
    FieldReader fields(document, "", problems_);
    Envelope(fields);
    fields.String("name", spec.name);
    if (spec.name.empty()) {
      if (JsonMember(document, "name").is_null()) fields.Wrong("name", kNameMissing);
    } else {
      CheckName("name", spec.name);
    }
    fields.String("description", spec.description);
    fields.StringMap("tags", spec.tags);
    CheckTags(spec.tags);
    int64_t parallel = 0;
    fields.Int("maxParallelSteps", 0, limits::kMaxStepsPerRun, parallel);
    spec.max_parallel_steps = static_cast<int32_t>(parallel);
    Parameters(fields.Get("parameters"), spec);
    StepSpec defaults;
    Defaults(fields.Get("defaults"), defaults);
    Steps(fields.Get("steps"), defaults, spec);
    fields.Finish();
    return spec;
  }

 private:
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

  void CheckName(const std::string& path, const std::string& name) {
    if (IsName(name, limits::kMaxNameLength)) return;
    problems_.push_back({path, "\"" + TruncateUtf8(name, 80) +
                                   "\" is not a name; use 1 to 64 of a-z 0-9 - _, first and last "
                                   "a letter or digit"});
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

  void Retry(const Json& json, const std::string& path, RetryPolicy& retry) {
    FieldReader fields(json, path, problems_);
    int64_t attempts = retry.max_attempts;
    fields.Int("maxAttempts", 1, limits::kMaxRetryAttempts, attempts);
    retry.max_attempts = static_cast<int>(attempts);
    fields.Duration("interval", retry.interval);
    fields.Number("backoff", 1, 100, retry.backoff);
    fields.Duration("maxInterval", retry.max_interval);
    fields.Bool("jitter", retry.jitter);
    fields.Finish();
  }

  void ReadResources(const Json& json, const std::string& path, Resources& resources) {
    FieldReader fields(json, path, problems_);
    fields.Number("cpus", 0.01, 4096, resources.cpus);
    fields.Size("memory", resources.memory);
    int64_t gpus = resources.gpus;
    fields.Int("gpus", 0, 64, gpus);
    resources.gpus = static_cast<int32_t>(gpus);
    fields.StringMap("labels", resources.labels);
    fields.Finish();
  }

  void Timeout(FieldReader& fields, std::optional<Micros>& timeout) {
    if (!fields.Has("timeout")) return;
    Micros value{-1};
    fields.Duration("timeout", value);
    if (value.count() == 0) {
      fields.Wrong("timeout", "must be longer than 0s; leave it out for none");
    } else if (value.count() > 0) {
      timeout = value;
    }
  }

  void Defaults(const Json& json, StepSpec& defaults) {
    FieldReader fields(json, "defaults", problems_);
    Timeout(fields, defaults.timeout);
    Retry(fields.Get("retry"), "defaults.retry", defaults.retry);
    ReadResources(fields.Get("resources"), "defaults.resources", defaults.resources);
    fields.Finish();
  }

  void Steps(const Json& json, const StepSpec& defaults, PipelineSpec& spec) {
    if (!json.is_array() || json.empty()) {
      problems_.push_back({"steps", json.is_null() || json.empty()
                                        ? "a pipeline needs at least one step"
                                        : "must be a list of steps"});
      return;
    }
    if (json.size() > static_cast<std::size_t>(limits::kMaxStepsPerRun)) {
      problems_.push_back({"steps", "holds " + std::to_string(json.size()) + " steps; at most " +
                                        std::to_string(limits::kMaxStepsPerRun)});
      return;
    }
    std::map<std::string, std::size_t> seen;
    for (std::size_t i = 0; i < json.size(); ++i) {
      if (problems_.size() >= limits::kMaxProblemsReported) return;
      const std::string path = "steps[" + std::to_string(i) + "]";
      StepSpec step = Step(json[i], path, defaults);
      const auto [first, added] = seen.emplace(step.name.value(), i);
      if (!added && !step.name.empty()) {
        problems_.push_back({path + ".name", "\"" + step.name.value() + "\" is the name of steps[" +
                                                 std::to_string(first->second) +
                                                 "] already; give each step its own"});
      }
      spec.steps.push_back(std::move(step));
    }
  }

  StepSpec Step(const Json& json, const std::string& path, const StepSpec& defaults) {
    StepSpec step = defaults;
    FieldReader fields(json, path, problems_);
    std::string name;
    fields.String("name", name);
    if (name.empty()) {
      fields.Wrong("name", kNameMissing);
    } else {
      CheckName(path + ".name", name);
    }
    step.name = StepName(name);
    fields.String("type", step.type);
    const StepSchema* schema = FindSchema(fields, step);
    fields.Strings("dependsOn", step.depends_on);
    fields.Bool("continueOnFailure", step.continue_on_failure);
    ReadWhen(fields, step.when);
    Timeout(fields, step.timeout);
    Retry(fields.Get("retry"), path + ".retry", step.retry);
    ReadResources(fields.Get("resources"), path + ".resources", step.resources);
    ReadInputs(fields, schema, step);
    ReadParameters(fields, schema, step);
    if (step.type == "condition") {
      step.condition = fields.Get("if");
      fields.Strings("then", step.then_steps);
      fields.Strings("else", step.else_steps);
      if (step.then_steps.empty() && step.else_steps.empty()) {
        fields.Wrong("then", "a condition names the steps to run: then, else, or both");
      }
    }
    fields.Finish();
    return step;
  }

  const StepSchema* FindSchema(FieldReader& fields, StepSpec& step) {
    std::vector<std::string> types;
    for (const StepSchema* schema : catalog_.All()) {
      std::string type = schema->key.substr(0, schema->key.find('/'));
      if (type != "import" && (types.empty() || types.back() != type)) types.push_back(type);
    }
    if (step.type.empty()) {
      fields.Wrong("type", "is missing" + Suggestion("", types));
      return nullptr;
    }
    if (step.type == "train") fields.String("algorithm", step.algorithm);
    std::string wanted;
    if (const auto at = step.algorithm.find('@'); at != std::string::npos) {
      wanted = step.algorithm.substr(at + 1);
      step.algorithm.resize(at);
    }
    if (step.type == "train" && catalog_.Find(step.key()) == nullptr) {
      fields.Wrong("algorithm", step.algorithm.empty()
                                    ? "is missing" + Suggestion("", catalog_.Algorithms())
                                    : "\"" + step.algorithm + "\" is not an algorithm" +
                                          Suggestion(step.algorithm, catalog_.Algorithms()));
      return nullptr;
    }
    const StepSchema* schema = catalog_.Find(step.key());
    if (schema == nullptr || step.type == "import") {
      fields.Wrong("type", "\"" + step.type + "\" is not a step type" +
                               Suggestion(step.type, types) + "; `penstock get steps` lists them");
      return nullptr;
    }
    if (!wanted.empty() && wanted != schema->version) {
      fields.Wrong("algorithm", step.algorithm + "@" + wanted +
                                    " is not known here; this server "
                                    "has " +
                                    step.algorithm + "@" + schema->version);
    }
    step.version = schema->version;
    step.control = schema->control;
    return schema;
  }

  void ReadWhen(FieldReader& fields, When& when) {
    std::string text;
    fields.String("when", text);
    if (text.empty()) return;
    for (const auto& [value, name] : kWhens) {
      if (name == text) {
        when = value;
        return;
      }
    }
    fields.Wrong("when", "\"" + text + "\" is unknown" + Suggestion(text, NamesOf(kWhens)));
  }

  void ReadInputs(FieldReader& fields, const StepSchema* schema, StepSpec& step) {
    const Json& json = fields.Get("inputs");
    if (!json.is_null() && !json.is_object()) {
      fields.Wrong("inputs", "must be an object of inputs by name");
      return;
    }
    if (json.is_object()) {
      std::size_t artifacts = 0;
      for (const auto& [name, value] : json.items()) {
        StepInput input;
        input.name = name;
        input.is_list = value.is_array();
        if (input.is_list) {
          input.sources.assign(value.begin(), value.end());
        } else {
          input.sources.push_back(value);
        }
        for (const Json& source : input.sources) {
          if (!source.is_string()) {
            fields.Wrong("inputs." + name,
                         "must be a reference such as ${steps.NAME.outputs.OUTPUT}, an artifact, "
                         "or a list of them");
            break;
          }
        }
        artifacts += input.sources.size();
        step.inputs.push_back(std::move(input));
      }
      if (artifacts > static_cast<std::size_t>(limits::kMaxInputsPerStep)) {
        fields.Wrong("inputs", "holds " + std::to_string(artifacts) + " artifacts; at most " +
                                   std::to_string(limits::kMaxInputsPerStep));
      }
    }
    if (schema != nullptr) CheckPorts(fields, *schema, step);
  }

  void CheckPorts(FieldReader& fields, const StepSchema& schema, StepSpec& step) {
    std::vector<std::string> known;
    for (const PortSchema& port : schema.inputs) known.push_back(port.name);
    for (StepInput& input : step.inputs) {
      const PortSchema* found = nullptr;
      for (const PortSchema& port : schema.inputs) {
        if (port.name == input.name) found = &port;
      }
      if (found == nullptr) {
        fields.Wrong("inputs." + input.name, schema.inputs.empty()
                                                 ? "a " + schema.key + " step takes no inputs"
                                                 : "a " + schema.key + " step has no such input" +
                                                       Suggestion(input.name, known));
        continue;
      }
      input.optional = !found->required;
      if (input.is_list && !found->many) {
        fields.Wrong("inputs." + input.name, "takes one artifact, not a list");
      }
    }
    for (const PortSchema& port : schema.inputs) {
      bool given = !port.required;
      for (const StepInput& input : step.inputs) given = given || input.name == port.name;
      if (!given) fields.Wrong("inputs." + port.name, "is missing: " + port.help);
    }
  }

  void ReadParameters(FieldReader& fields, const StepSchema* schema, StepSpec& step) {
    // train calls them hyperparameters; `with` is the word everywhere else.
    const bool train = step.type == "train";
    const std::string key = train ? "hyperparameters" : "with";
    const Json& json = fields.Get(key);
    if (schema == nullptr) {
      fields.Get("with");
      fields.Get("hyperparameters");
      return;
    }
    if (!train && fields.Has("hyperparameters")) {
      fields.Get("hyperparameters");
      fields.Wrong("hyperparameters", "belongs to train steps; this one takes `with`");
    }
    if (train && fields.Has("with")) {
      fields.Get("with");
      fields.Wrong("with", "a train step takes `hyperparameters`");
    }
    step.parameters = CheckParameters(*schema, json, fields.PathOf(key), problems_);
  }

  const Catalog& catalog_;
  std::vector<Problem>& problems_;
};

}  // namespace

std::string StepSpec::data_path() const {
  if (type != "import") return {};
  std::string uri = JsonString(parameters, "uri");
  constexpr std::string_view kScheme = "file://";
  return uri.starts_with(kScheme) ? uri.substr(kScheme.size()) : uri;
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

std::string_view Name(ParameterSpec::Type type) {
  for (const auto& [value, name] : kTypes) {
    if (value == type) return name;
  }
  return {};
}

std::string_view Name(When when) {
  for (const auto& [value, name] : kWhens) {
    if (value == when) return name;
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

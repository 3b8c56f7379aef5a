#include "server/core/step_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "base/text.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr std::array<std::pair<When, std::string_view>, 4> kWhens = {
    {{When::kAllSucceeded, "all_succeeded"},
     {When::kNoneFailed, "none_failed"},
     {When::kAllDone, "all_done"},
     {When::kAnySucceeded, "any_succeeded"}}};

std::vector<std::string> NamesOfWhens() {
  std::vector<std::string> names;
  for (const auto& [value, name] : kWhens) names.emplace_back(name);
  return names;
}

}  // namespace

std::string_view Name(When when) {
  for (const auto& [value, name] : kWhens) {
    if (value == when) return name;
  }
  return {};
}

void StepReader::CheckName(const std::string& path, const std::string& name) {
  if (IsName(name, limits::kMaxNameLength)) return;
  problems_.push_back({path, "\"" + TruncateUtf8(name, 80) +
                                 "\" is not a name; use 1 to 64 of a-z 0-9 - _, first and last "
                                 "a letter or digit"});
}

void StepReader::Retry(const Json& json, const std::string& path, RetryPolicy& retry) {
  FieldReader fields(json, path, problems_);
  int64_t attempts = retry.max_attempts;
  fields.Int("maxAttempts", 1, limits::kMaxRetryAttempts, attempts);
  retry.max_attempts = static_cast<int>(attempts);
  fields.Duration("interval", retry.interval);
  fields.Number("backoff", 1, 100, retry.backoff);
  fields.Duration("maxInterval", retry.max_interval);
  fields.Bool("jitter", retry.jitter);
  int64_t losses = retry.max_losses;
  fields.Int("infrastructure", 1, limits::kMaxRetryAttempts, losses);
  retry.max_losses = static_cast<int>(losses);
  if (fields.Has("expireAfter")) {
    OptionalDuration(fields, "expireAfter", retry.expire_after);
    // Time is the limit then, unless both are given.
    if (!fields.Has("maxAttempts")) retry.max_attempts = limits::kMaxRetryAttempts;
  }
  RetryCauses(fields, retry);
  fields.Finish();
}

void StepReader::RetryCauses(FieldReader& fields, RetryPolicy& retry) {
  if (fields.Has("on")) {
    std::vector<std::string> names;
    fields.Strings("on", names);
    retry.causes.clear();
    std::vector<std::string> known;
    for (const auto& [name, cause] : RetryPolicy::Causes()) known.emplace_back(name);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto found = std::find(known.begin(), known.end(), names[i]);
      if (found == known.end()) {
        fields.Wrong("on[" + std::to_string(i) + "]",
                     "\"" + names[i] + "\" is not a cause" + Suggestion(names[i], known));
      } else {
        retry.causes.insert(
            RetryPolicy::Causes()[static_cast<std::size_t>(found - known.begin())].second);
      }
    }
    if (names.empty()) fields.Wrong("on", "names no cause; leave it out, or say maxAttempts: 1");
  }
  const Json& codes = fields.Get("exitCodes");
  if (codes.is_null()) return;
  retry.exit_codes.clear();
  for (const Json& code : codes) {
    if (!code.is_number_integer() || code < 1 || code > 255) {
      fields.Wrong("exitCodes", "must be a list of exit codes, 1 to 255");
      return;
    }
    retry.exit_codes.insert(code.get<int>());
  }
  if (!codes.is_array()) fields.Wrong("exitCodes", "must be a list of exit codes, 1 to 255");
}

void StepReader::ReadResources(const Json& json, const std::string& path, Resources& resources) {
  FieldReader fields(json, path, problems_);
  fields.Number("cpus", 0.01, 4096, resources.cpus);
  fields.Size("memory", resources.memory);
  int64_t gpus = resources.gpus;
  fields.Int("gpus", 0, 64, gpus);
  resources.gpus = static_cast<int32_t>(gpus);
  int64_t nodes = resources.nodes;
  fields.Int("nodes", 1, limits::kMaxGangNodes, nodes);
  resources.nodes = static_cast<int32_t>(nodes);
  fields.StringMap("labels", resources.labels);
  fields.StringMap("tolerations", resources.tolerations);
  fields.Finish();
}

void StepReader::OptionalDuration(FieldReader& fields, const std::string& key,
                                  std::optional<Micros>& duration) {
  if (!fields.Has(key)) return;
  Micros value{-1};
  fields.Duration(key, value);
  if (value.count() == 0) {
    fields.Wrong(key, "must be longer than 0s; leave it out for none");
  } else if (value.count() > 0) {
    duration = value;
  }
}

void StepReader::Defaults(const Json& json, StepSpec& defaults) {
  FieldReader fields(json, "defaults", problems_);
  OptionalDuration(fields, "timeout", defaults.timeout);
  OptionalDuration(fields, "idleTimeout", defaults.idle_timeout);
  Retry(fields.Get("retry"), "defaults.retry", defaults.retry);
  ReadResources(fields.Get("resources"), "defaults.resources", defaults.resources);
  ReadCache(fields, defaults.cache);
  fields.Finish();
}

std::vector<StepSpec> StepReader::Steps(const Json& json, const std::string& path,
                                        const StepSpec& defaults) {
  std::vector<StepSpec> steps;
  if (!json.is_array() || json.empty()) {
    const bool missing = json.is_null() || json.empty();
    problems_.push_back({path, missing ? "needs at least one step" : "must be a list of steps"});
    return steps;
  }
  steps_read_ += static_cast<int>(json.size());
  if (steps_read_ > limits::kMaxStepsPerRun) {
    problems_.push_back({path, "holds " + std::to_string(steps_read_) + " steps; at most " +
                                   std::to_string(limits::kMaxStepsPerRun)});
    return steps;
  }
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (problems_.size() >= limits::kMaxProblemsReported) break;
    steps.push_back(Step(json[i], path + "[" + std::to_string(i) + "]", defaults));
  }
  return steps;
}

void StepReader::Outputs(FieldReader& fields, std::map<std::string, Json>& outputs) {
  const Json& json = fields.Get("outputs");
  if (json.is_null()) return;
  if (!json.is_object()) {
    fields.Wrong("outputs", "must be an object of expressions by name");
    return;
  }
  if (json.size() > static_cast<std::size_t>(limits::kMaxOutputsPerStep)) {
    fields.Wrong("outputs", "holds " + std::to_string(json.size()) + " outputs; at most " +
                                std::to_string(limits::kMaxOutputsPerStep));
    return;
  }
  for (const auto& [name, value] : json.items()) {
    CheckName(fields.PathOf("outputs." + name), name);
    outputs[name] = value;
  }
}

StepSpec StepReader::Step(const Json& json, const std::string& path, const StepSpec& defaults) {
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
  OptionalDuration(fields, "timeout", step.timeout);
  OptionalDuration(fields, "idleTimeout", step.idle_timeout);
  OptionalDuration(fields, "deadline", step.deadline);
  Retry(fields.Get("retry"), path + ".retry", step.retry);
  ReadResources(fields.Get("resources"), path + ".resources", step.resources);
  if (step.resources.nodes > 1 && schema != nullptr && !schema->gang && step.type != "map") {
    problems_.push_back(
        {path + ".resources.nodes",
         "is for steps that run on several nodes together, as script steps can; a " + step.type +
             " step runs on one"});
  }
  ReadCache(fields, step.cache);
  ReadScheduling(fields, step);
  ReadInputs(fields, schema, step);
  ReadParameters(fields, schema, step);
  if (schema != nullptr && schema->check_inputs) {
    std::set<std::string> inputs;
    for (const StepInput& input : step.inputs) inputs.insert(input.name);
    schema->check_inputs(inputs, step.parameters, path, problems_);
  }
  if (schema != nullptr && schema->labels_for) {
    for (auto& [key, value] : schema->labels_for(step.parameters)) {
      step.resources.labels[key] = std::move(value);
    }
  }
  if (step.type == "condition") ReadCondition(fields, step);
  if (step.type == "map") ReadMap(fields, defaults, step);
  if (step.type == "pipeline") ReadSubPipeline(fields, step);
  fields.Finish();
  return step;
}

void StepReader::ReadCondition(FieldReader& fields, StepSpec& step) {
  step.condition = fields.Get("if");
  fields.Strings("then", step.then_steps);
  fields.Strings("else", step.else_steps);
  if (step.then_steps.empty() && step.else_steps.empty()) {
    fields.Wrong("then", "a condition names the steps to run: then, else, or both");
  }
}

void StepReader::ReadMap(FieldReader& fields, const StepSpec& defaults, StepSpec& step) {
  ReadOver(fields, step);
  int64_t concurrency = 0;
  fields.Int("maxConcurrency", 0, limits::kMaxMapItems, concurrency);
  step.max_concurrency = static_cast<int32_t>(concurrency);
  ReadTolerance(fields, step.tolerated);
  Outputs(fields, step.outputs);
  if (++map_depth_ > limits::kMaxMapDepth) {
    fields.Get("steps");
    fields.Wrong("steps", "maps stand in maps at most " + std::to_string(limits::kMaxMapDepth) +
                              " deep");
  } else {
    // What is said of tries and times on the map counts for each step of each item.
    StepSpec inner = defaults;
    inner.retry = step.retry;
    inner.resources = step.resources;
    inner.cache = step.cache;
    inner.timeout = step.timeout;
    inner.idle_timeout = step.idle_timeout;
    step.steps = Steps(fields.Get("steps"), fields.PathOf("steps"), inner);
  }
  --map_depth_;
}

void StepReader::ReadOver(FieldReader& fields, StepSpec& step) {
  step.over = fields.Get("over");
  if (step.over.is_null()) {
    fields.Wrong("over", "is missing: a list, ${parameters.LIST}, {range: N}, {from, to, step}, or "
                         "a list in a report");
    return;
  }
  if (step.over.is_object()) {
    static const std::vector<std::string> kKeys = {"range", "from", "to", "step"};
    for (const auto& [key, value] : step.over.items()) {
      if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
        fields.Wrong("over." + key, "unknown key" + Suggestion(key, kKeys));
        return;
      }
      if (HoldsReference(value)) return;  // judged when the run starts
    }
  } else if (HoldsReference(step.over)) {
    return;
  }
  if (const Result<Json> items = ExpandItems(step.over); !items.ok()) {
    fields.Wrong("over", items.status().message());
  }
}

void StepReader::ReadTolerance(FieldReader& fields, Tolerance& tolerance) {
  const Json& json = fields.Get("toleratedFailures");
  if (json.is_null()) return;
  if (json.is_number_integer() && json >= 0 && json <= limits::kMaxMapItems) {
    tolerance.items = json.get<int64_t>();
    return;
  }
  if (json.is_string()) {
    const auto text = json.get<std::string>();
    double percent = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
    if (error == std::errc() && std::string_view(end, text.data() + text.size()) == "%" &&
        percent >= 0 && percent <= 100) {
      tolerance.share = percent / 100;
      return;
    }
  }
  fields.Wrong("toleratedFailures", TruncateUtf8(DumpJson(json), 60) +
                                        " is neither a number of items nor a share such as \"5%\"");
}

void StepReader::ReadSubPipeline(FieldReader& fields, StepSpec& step) {
  std::string name;
  fields.String("pipeline", name);
  const auto at = name.find('@');
  step.pipeline = name.substr(0, at);
  if (name.empty()) {
    fields.Wrong("pipeline", "is missing: NAME, or NAME@VERSION");
  } else if (!IsName(step.pipeline, limits::kMaxNameLength)) {
    CheckName(fields.PathOf("pipeline"), step.pipeline);
  } else if (at != std::string::npos) {
    const std::string version = name.substr(at + 1);
    const char* end = version.data() + version.size();
    const auto [stop, error] = std::from_chars(version.data(), end, step.pipeline_version);
    if (error != std::errc() || stop != end || step.pipeline_version < 1) {
      fields.Wrong("pipeline", "\"" + version + "\" is not a version; write NAME@3, or NAME for the "
                                               "newest when the run starts");
    }
  }
  const Json& arguments = fields.Get("parameters");
  if (!arguments.is_null() && !arguments.is_object()) {
    fields.Wrong("parameters", "must be an object of values by name");
  } else if (arguments.is_object()) {
    for (const auto& [key, value] : arguments.items()) step.arguments[key] = value;
  }
}

const StepSchema* StepReader::FindSchema(FieldReader& fields, StepSpec& step) {
  std::vector<std::string> types;
  for (const StepSchema* schema : catalog_.All()) {
    std::string type = schema->key.substr(0, schema->key.find('/'));
    if (types.empty() || types.back() != type) types.push_back(type);
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
  if (schema == nullptr) {
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

void StepReader::ReadCache(FieldReader& fields, CachePolicy& cache) {
  const Json& json = fields.Get("cache");
  if (json.is_null()) return;
  if (json.is_boolean()) {
    cache.enabled = json.get<bool>();
    return;
  }
  FieldReader inner(json, fields.PathOf("cache"), problems_);
  cache.enabled = true;
  OptionalDuration(inner, "expiry", cache.expiry);
  std::string scope;
  inner.String("scope", scope);
  if (scope == "all" || scope == "pipeline") {
    cache.all_pipelines = scope == "all";
  } else if (!scope.empty()) {
    inner.Wrong("scope", "\"" + scope + "\" is unknown; write pipeline or all");
  }
  inner.Finish();
}

void StepReader::ReadWhen(FieldReader& fields, When& when) {
  std::string text;
  fields.String("when", text);
  if (text.empty()) return;
  for (const auto& [value, name] : kWhens) {
    if (name == text) {
      when = value;
      return;
    }
  }
  fields.Wrong("when", "\"" + text + "\" is unknown" + Suggestion(text, NamesOfWhens()));
}

void StepReader::ReadInputs(FieldReader& fields, const StepSchema* schema, StepSpec& step) {
  std::size_t artifacts = ReadSources(fields, "inputs", "", step);
  if (schema != nullptr && schema->attachment) {
    artifacts += ReadSources(fields, "files", kAttachmentPrefix, step);
  }
  if (artifacts > static_cast<std::size_t>(limits::kMaxInputsPerStep)) {
    fields.Wrong("inputs", "holds " + std::to_string(artifacts) + " artifacts; at most " +
                               std::to_string(limits::kMaxInputsPerStep));
  }
  if (schema != nullptr) CheckPorts(fields, *schema, step);
}

// Appends what stands under `key`; returns how many artifacts that are.
std::size_t StepReader::ReadSources(FieldReader& fields, const std::string& key,
                                    std::string_view prefix, StepSpec& step) {
  const Json& json = fields.Get(key);
  if (json.is_null()) return 0;
  if (!json.is_object()) {
    fields.Wrong(key, "must be an object of " + key + " by name");
    return 0;
  }
  std::size_t artifacts = 0;
  for (const auto& [name, value] : json.items()) {
    if (prefix.empty() && name.starts_with(kAttachmentPrefix)) {
      fields.Wrong(key + "." + name, "is no name for an input; files stand under `files`");
      continue;
    }
    StepInput input;
    input.name = std::string(prefix) + name;
    input.is_list = value.is_array();
    if (input.is_list) {
      input.sources.assign(value.begin(), value.end());
    } else if (value.is_object() && (value.contains("ref") || value.contains("optional"))) {
      ReadOptionalInput(fields.PathOf(input.path()), value, input);
    } else {
      input.sources.push_back(value);
    }
    for (const Json& source : input.sources) {
      if (!source.is_string()) {
        fields.Wrong(input.path(),
                     "must be a reference such as ${steps.NAME.outputs.OUTPUT}, an artifact, a "
                     "model such as model:GROUP@champion, a list of them, or {ref, optional}");
        break;
      }
    }
    artifacts += input.sources.size();
    step.inputs.push_back(std::move(input));
  }
  return artifacts;
}

// {ref: "model:GROUP@ALIAS", optional: true}
void StepReader::ReadOptionalInput(const std::string& path, const Json& json, StepInput& input) {
  FieldReader fields(json, path, problems_);
  std::string reference;
  fields.String("ref", reference);
  fields.Bool("optional", input.may_lack);
  fields.Finish();
  if (reference.empty()) {
    fields.Wrong("ref", "is missing: a reference, or a model such as model:GROUP@champion");
  }
  input.sources.push_back(reference);
}

void StepReader::CheckPorts(FieldReader& fields, const StepSchema& schema, StepSpec& step) {
  std::vector<std::string> known;
  for (const PortSchema& port : schema.inputs) known.push_back(port.name);
  for (StepInput& input : step.inputs) {
    const PortSchema* found = FindInput(schema, input.name);
    if (found == nullptr && schema.any_input) {
      const bool file = input.name.starts_with(kAttachmentPrefix);
      fields.Wrong(input.path(), std::string("is not a name for ") +
                                     (file ? "a file here; use letters, digits and . - _ +"
                                           : "an input; use letters, digits, - and _"));
      continue;
    }
    if (found == nullptr) {
      fields.Wrong("inputs." + input.name, schema.inputs.empty()
                                               ? "a " + schema.key + " step takes no inputs"
                                               : "a " + schema.key + " step has no such input" +
                                                     Suggestion(input.name, known));
      continue;
    }
    input.optional = !found->required;
    if (input.may_lack && found->required) {
      fields.Wrong("inputs." + input.name,
                   schema.key + " cannot do without it; take `optional` out");
    }
    if (input.is_list && !found->many) {
      fields.Wrong(input.path(), "takes one artifact, not a list");
    }
  }
  for (const PortSchema& port : schema.inputs) {
    bool given = !port.required;
    for (const StepInput& input : step.inputs) {
      given =
          given || input.name == port.name || (!port.unless.empty() && input.name == port.unless);
    }
    if (!given) fields.Wrong("inputs." + port.name, "is missing: " + port.help);
  }
}

void StepReader::ReadParameters(FieldReader& fields, const StepSchema* schema, StepSpec& step) {
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


}  // namespace penstock

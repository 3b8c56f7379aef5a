// The schema of script: a program of the user's own.

#include <re2/re2.h>

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "steps/catalog/builtin.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

constexpr std::size_t kMaxMetricName = 64;

std::shared_ptr<const ParameterSchema> Element(ParameterSchema schema) {
  return std::make_shared<const ParameterSchema>(std::move(schema));
}

bool IsVariable(std::string_view name) {
  const auto fits = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  return !name.empty() && !std::isdigit(static_cast<unsigned char>(name.front())) &&
         std::all_of(name.begin(), name.end(), fits);
}

bool IsOption(std::string_view name) {
  const auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
  };
  return !name.empty() && name.front() != '-' && std::all_of(name.begin(), name.end(), fits);
}

// Below its folder, whatever it is joined to.
bool IsInside(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.back() == '/') return false;
  for (const std::string& part : Split(path, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

void CheckEnvironment(const Json& environment, const std::string& path,
                      std::vector<Problem>& problems) {
  for (const auto& [name, value] : environment.items()) {
    const std::string where = path + ".environment." + name;
    if (!IsVariable(name)) {
      problems.push_back({where, "is no name for a variable; use letters, digits and _"});
    } else if (name == "CUDA_VISIBLE_DEVICES") {
      problems.push_back({where,
                          "is what Penstock sets itself; resources.gpus says how many GPUs the "
                          "program gets"});
    } else if (name.starts_with("SM_") || name.starts_with("PENSTOCK_")) {
      problems.push_back({where, "begins with " + name.substr(0, name.find('_') + 1) +
                                     ", as what Penstock sets itself; choose another name"});
    }
  }
}

void CheckNames(const Json& parameters, const std::string& path, std::vector<Problem>& problems) {
  for (const auto& [name, value] : JsonMember(parameters, "hyperparameters").items()) {
    if (IsOption(name)) continue;
    problems.push_back({path + ".hyperparameters." + name,
                        "is no name for a hyperparameter: it becomes the argument --NAME; use "
                        "letters, digits and . - _"});
  }
  CheckEnvironment(JsonMember(parameters, "environment"), path, problems);
}

// What one output takes away, another cannot have.
bool Overlap(const std::string& a, const std::string& b) {
  return a == b || a.starts_with(b + "/") || b.starts_with(a + "/");
}

void CheckOutputs(const Json& parameters, const std::string& path, std::vector<Problem>& problems) {
  const Json& outputs = JsonMember(parameters, "outputs");
  if (outputs.size() >= static_cast<std::size_t>(limits::kMaxOutputsPerStep)) {
    problems.push_back({path + ".outputs", "holds " + std::to_string(outputs.size()) +
                                               " outputs; at most " +
                                               std::to_string(limits::kMaxOutputsPerStep - 1)});
    return;  // each is compared with each below
  }
  for (const auto& [name, output] : outputs.items()) {
    const std::string where = path + ".outputs." + name;
    if (!IsName(name)) {
      problems.push_back({where,
                          "is no name for an output; use 1 to 64 of a-z 0-9 - _, first and last a "
                          "letter or digit"});
    } else if (name == "model") {
      problems.push_back({where, "is there without being named: what is written to SM_MODEL_DIR"});
    }
    for (const auto& [other, declared] : outputs.items()) {
      if (other < name &&
          Overlap(JsonString(output, "path", name), JsonString(declared, "path", other))) {
        problems.push_back({where, "lies in the same place as output " + other});
      }
    }
    const Json& place = JsonMember(output, "path");
    if (place.is_string() && !HoldsReference(place) && !IsInside(place.get<std::string>())) {
      problems.push_back({where + ".path",
                          "must lie below SM_OUTPUT_DATA_DIR: a path such as "
                          "predictions.csv, without . and .."});
    }
  }
}

void CheckMetrics(const Json& parameters, const std::string& path, std::vector<Problem>& problems) {
  const Json& metrics = JsonMember(parameters, "metrics");
  for (std::size_t i = 0; metrics.is_array() && i < metrics.size(); ++i) {
    const std::string where = path + ".metrics[" + std::to_string(i) + "]";
    const std::string name = JsonString(metrics[i], "name");
    if (name.size() > kMaxMetricName || name.find_first_of(" \t\n\"'{}()") != std::string::npos) {
      problems.push_back({where + ".name",
                          "must have at most 64 characters, none of them a space, "
                          "a quote, a brace or a bracket"});
    }
    const Json& regex = JsonMember(metrics[i], "regex");
    if (!regex.is_string() || HoldsReference(regex)) continue;
    const RE2 compiled(regex.get<std::string>(), RE2::Quiet);
    if (!compiled.ok()) {
      problems.push_back({where + ".regex", "is no regular expression: " + compiled.error()});
    } else if (compiled.NumberOfCapturingGroups() < 1) {
      problems.push_back(
          {where + ".regex", "needs a group that holds the number, as in \"loss: ([0-9.]+)\""});
    }
  }
}

void CheckPredict(const Json& predict, const std::string& path, std::vector<Problem>& problems) {
  CheckEnvironment(JsonMember(predict, "environment"), path, problems);
  const Json& classes = JsonMember(predict, "classes");
  const Json& positive = JsonMember(predict, "positive");
  if (!classes.is_null() && JsonMember(predict, "label").is_null()) {
    problems.push_back({path + ".label", "is missing: the column whose values are the classes"});
  }
  if (!positive.is_null() && (!classes.is_array() || classes.size() != 2)) {
    problems.push_back({path + ".positive", "needs `classes` with two of them"});
  } else if (!positive.is_null() && !HoldsReference(positive) && !HoldsReference(classes[0]) &&
             !HoldsReference(classes[1]) && positive != classes[0] && positive != classes[1]) {
    problems.push_back({path + ".positive", DumpJson(positive) + " is not among the classes"});
  }
  for (std::size_t i = 0; classes.is_array() && i < classes.size(); ++i) {
    const std::string where = path + ".classes[" + std::to_string(i) + "]";
    if (classes[i].is_structured() || classes[i].is_null()) {
      problems.push_back({where, "a class is a string or a number"});
    } else if (std::find(classes.begin(), classes.begin() + static_cast<std::ptrdiff_t>(i),
                         classes[i]) != classes.begin() + static_cast<std::ptrdiff_t>(i)) {
      problems.push_back({where, DumpJson(classes[i]) + " stands here twice"});
    }
  }
}

void CheckImage(const Json& parameters, const std::string& path, std::vector<Problem>& problems) {
  const Json& image = JsonMember(parameters, "image");
  if (image.is_null()) return;
  const std::string isolation = JsonString(parameters, "isolation");
  if (isolation == "none") {
    problems.push_back({path + ".isolation",
                        "is none, and a container isolates; take one of "
                        "`isolation` and `image` out"});
  }
  if (!image.is_string() || HoldsReference(image)) return;
  const auto& name = image.get_ref<const std::string&>();
  const auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("._-/:@").find(c) != std::string_view::npos;
  };
  if (!name.empty() && (name.front() == '-' || !std::all_of(name.begin(), name.end(), fits))) {
    problems.push_back({path + ".image", "\"" + name +
                                             "\" is no name of an image, such as "
                                             "registry.example/team/train:1.2@sha256:…"});
  }
  const auto at = name.find('@');
  constexpr std::string_view kDigest = "@sha256:";
  if (at == std::string::npos) return;
  const std::string digest = name.substr(at);
  const bool whole =
      digest.starts_with(kDigest) && digest.size() == kDigest.size() + 64 &&
      digest.find_first_not_of("0123456789abcdef", kDigest.size()) == std::string::npos;
  if (!whole) {
    problems.push_back({path + ".image", "ends with \"" + digest +
                                             "\"; a digest is @sha256: and 64 hexadecimal digits"});
  }
}

void CheckScript(const Json& parameters, const std::string& path, std::vector<Problem>& problems) {
  CheckNames(parameters, path, problems);
  if (const Json& predict = JsonMember(parameters, "predict"); predict.is_object()) {
    CheckPredict(predict, path + ".predict", problems);
  }
  CheckOutputs(parameters, path, problems);
  CheckMetrics(parameters, path, problems);
  CheckImage(parameters, path, problems);
  for (const char* name : {"isolation", "side_effects"}) {
    // Where a step may run, and whether its result may come from elsewhere, is judged before it.
    if (HoldsReference(JsonMember(parameters, name))) {
      problems.push_back({path + "." + name, "must be written out; it cannot be a reference"});
    }
  }
}

std::vector<PortSchema> DeclaredOutputs(const Json& parameters) {
  std::vector<PortSchema> ports;
  const Json& outputs = JsonMember(parameters, "outputs");
  if (!outputs.is_object()) return ports;
  for (const auto& [name, output] : outputs.items()) {
    const auto type = ParseArtifactType(JsonString(output, "type", "file"));
    ports.push_back({.name = name, .type = type.value_or(ArtifactType::kFile)});
  }
  return ports;
}

ParameterSchema PredictParameter() {
  return {
      .name = "predict",
      .kind = Kind::kObject,
      .help =
          "How to predict with the model that the program writes: predict, evaluate and "
          "promote then take the output `model` as any other. The step's files go with it.",
      .fields = {
          {.name = "command",
           .kind = Kind::kList,
           .help = "A program and its arguments. It finds rows in SM_CHANNEL_DATA (data.csv, "
                   "features alone), what the script wrote in SM_MODEL_DIR, and writes as many "
                   "in the same order to SM_OUTPUT_DATA_DIR/predictions.csv: the column "
                   "probability (of the positive of two classes), probability_CLASS (of each of "
                   "more), or prediction (a number, or a class).",
           .required = true,
           .minimum = 1,
           .maximum = 1'000,
           .element = Element({.name = "argument", .kind = Kind::kString})},
          {.name = "input_format",
           .kind = Kind::kEnum,
           .help = "What the rows come as: data.csv with a header, or data.parquet.",
           .default_value = "csv",
           .choices = {"csv", "parquet"}},
          {.name = "environment",
           .kind = Kind::kMap,
           .help = "Variables for the program. They are kept with the model, for all to read.",
           .default_value = Json::object(),
           .element = Element({.name = "value", .kind = Kind::kString})},
          {.name = "channel",
           .kind = Kind::kString,
           .help = "The input that the model learns from, whose dataset.json says what its "
                   "features and its label are. Left out: train, or the only input.",
           .minimum = 1},
          {.name = "label",
           .kind = Kind::kString,
           .help = "The column that it predicts. Left out: as that input says.",
           .minimum = 1},
          {.name = "classes",
           .kind = Kind::kList,
           .help = "With `label`: its classes. Left out: it is a number.",
           .minimum = 2,
           .element = Element({.name = "class", .kind = Kind::kAny})},
          {.name = "positive",
           .kind = Kind::kAny,
           .help = "The positive one of two classes. Left out: the second."},
          {.name = "threshold",
           .kind = Kind::kNumber,
           .help = "Two classes: the positive one is predicted from this probability on.",
           .default_value = 0.5,
           .minimum = 0,
           .maximum = 1}}};
}

std::vector<ParameterSchema> Parameters() {
  return {
      {.name = "command",
       .kind = Kind::kList,
       .help = "The program and its arguments, as in [python3, train.py]. It starts in a folder of "
               "its own that holds `files`. The hyperparameters are added.",
       .required = true,
       .minimum = 1,
       .maximum = 1'000,
       .element = Element({.name = "argument", .kind = Kind::kString})},
      {.name = "hyperparameters",
       .kind = Kind::kMap,
       .help = "Values for the program: as arguments (--NAME VALUE), as SM_HP_NAME and in SM_HPS.",
       .default_value = Json::object(),
       .element = Element({.name = "value", .kind = Kind::kAny, .nullable = true})},
      {.name = "environment",
       .kind = Kind::kMap,
       .help = "Variables for the program, texts, which may name secrets. Of the worker's own it "
               "gets PATH, HOME, USER, "
               "LANG, TZ and those of the linker and of CUDA.",
       .default_value = Json::object(),
       .element = Element({.name = "value", .kind = Kind::kString})},
      {.name = "input_format",
       .kind = Kind::kEnum,
       .help = "How datasets lie in their folders: as Parquet parts, or as one CSV file with a "
               "header.",
       .default_value = "parquet",
       .choices = {"parquet", "csv"}},
      {.name = "outputs",
       .kind = Kind::kMap,
       .help = "What the program leaves below SM_OUTPUT_DATA_DIR beside its metrics, by name.",
       .default_value = Json::object(),
       .element = Element(
           {.name = "output",
            .kind = Kind::kObject,
            .fields = {{.name = "type",
                        .kind = Kind::kEnum,
                        .help = "What it is for other steps.",
                        .default_value = "file",
                        .choices = {"dataset", "model", "transform", "report", "file"}},
                       {.name = "path",
                        .kind = Kind::kString,
                        .help = "The file or folder below SM_OUTPUT_DATA_DIR. Left out: its name.",
                        .minimum = 1,
                        .maximum = 512}}})},
      {.name = "metrics",
       .kind = Kind::kList,
       .help = "Metrics that are read from what the program prints, as SageMaker defines them.",
       .default_value = Json::array(),
       .maximum = 64,
       .element = Element(
           {.name = "metric",
            .kind = Kind::kObject,
            .fields = {{.name = "name",
                        .kind = Kind::kString,
                        .help = "As steps.S.metrics has it, such as validation:loss.",
                        .required = true,
                        .minimum = 1},
                       {.name = "regex",
                        .kind = Kind::kString,
                        .help = "Tried on each line (RE2's syntax); its first group is the number.",
                        .required = true,
                        .minimum = 1,
                        .maximum = 1'000}}})},
      PredictParameter(),
      {.name = "isolation",
       .kind = Kind::kEnum,
       .help = "required: only on workers that have bubblewrap. preferred: in bubblewrap where the "
               "worker has it, else as a plain process. none: a plain process.",
       .default_value = "preferred",
       .choices = {"required", "preferred", "none"}},
      {.name = "image",
       .kind = Kind::kString,
       .help = "A container image, NAME or NAME@sha256:DIGEST, to run the program in, on workers "
               "that have podman or docker. The folders lie below /opt/ml. Only an image that is "
               "pinned by its digest lets the result be used again.",
       .minimum = 1,
       .maximum = 512},
      {.name = "network",
       .kind = Kind::kBoolean,
       .help =
           "Whether the program may use the network. A plain process always can, and so can one "
           "that runs on several nodes.",
       .default_value = false},
      {.name = "side_effects",
       .kind = Kind::kBoolean,
       .help = "The program does more than write its outputs: its result is never used again.",
       .default_value = false},
  };
}

}  // namespace

StepSchema ScriptSchema() {
  StepSchema schema;
  schema.key = "script";
  schema.version = "1";
  schema.cacheable = true;
  schema.depends_on_threads = true;
  schema.gang = true;
  schema.summary = "Runs a program of your own, in the environment of SageMaker's script mode.";
  schema.help =
      "Each input is a folder, SM_CHANNEL_<NAME>, and SM_CHANNELS lists them. What the program "
      "writes to SM_MODEL_DIR is the output `model`; what it writes below SM_OUTPUT_DATA_DIR is "
      "kept where `outputs` names it. SM_NUM_CPUS, SM_NUM_GPUS, SM_HPS and SM_HP_<NAME> are set, "
      "and hyperparameters come as arguments, too.\n\n"
      "Metrics: SM_OUTPUT_DATA_DIR/metrics.json is one object of numbers, or of lists of numbers "
      "(a curve; its last value counts). A line of SM_OUTPUT_DATA_DIR/metrics.jsonl is an object "
      "of numbers, with `step` for the position; it is read while the program runs. `metrics` "
      "reads them from what is printed.\n\n"
      "With `predict` the output `model` is one that predict and evaluate can use: a tree with "
      "model.json, the step's files in code/, and SM_MODEL_DIR in model/.\n\n"
      "An exit code other than 0 fails the step with STEP_ERROR (`retry.exitCodes` may name it); a "
      "signal, also as the code 128 + N, with CRASHED. When the program has ended, all that it "
      "started is ended, too.\n\n"
      "With `resources.nodes: N` the program runs on N workers at once, each with these resources; "
      "RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT are set, PENSTOCK_RANKS names where each rank "
      "listens, and SM_HOSTS and SM_CURRENT_HOST say algo-1, algo-2 …. The network is open. It "
      "succeeds when every rank has; its outputs and metrics are those of rank 0.";
  schema.any_input = PortSchema{.name = "NAME",
                                .type = ArtifactType::kFile,
                                .required = false,
                                .many = true,
                                .help = "Anything: a folder, which the program may only read."};
  schema.attachment = PortSchema{.name = "files.NAME",
                                 .type = ArtifactType::kFile,
                                 .required = false,
                                 .help = "A file or folder that lies beside the program."};
  schema.outputs = {{.name = "model",
                     .type = ArtifactType::kModel,
                     .help = "What lies in SM_MODEL_DIR, where something does."}};
  schema.outputs_for = DeclaredOutputs;
  schema.effects_for = [](const Json& parameters) -> std::string {
    if (JsonBool(parameters, "side_effects")) return "its definition says side_effects";
    const std::string image = JsonString(parameters, "image");
    if (image.empty() || image.find("@sha256:") != std::string::npos) return {};
    return "its image " + image + " may be another tomorrow; pin it by digest, NAME@sha256:…";
  };
  schema.labels_for = [](const Json& parameters) -> std::map<std::string, std::string> {
    if (!JsonMember(parameters, "image").is_null()) {
      return {{std::string(kContainerLabel), std::string(kContainersRun)}};
    }
    if (JsonString(parameters, "isolation") != "required") return {};
    return {{std::string(kIsolationLabel), "bubblewrap"}};
  };
  schema.parameters = Parameters();
  // Arguments, also those that hyperparameters become, can be seen by other processes.
  schema.secrets_in = {"environment"};
  schema.check = CheckScript;
  return schema;
}

}  // namespace penstock

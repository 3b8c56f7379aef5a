// The steps that the engine decides itself, and noop.

#include "base/text.h"
#include "steps/catalog/builtin.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

void CheckGroup(const Json& parameters, const std::string& path, std::vector<Problem>& problems) {
  const Json& group = JsonMember(parameters, "group");
  if (!group.is_string() || HoldsReference(group) || IsName(group.get<std::string>())) return;
  problems.push_back({path + ".group", "\"" + group.get<std::string>() +
                                           "\" is not a name; use 1 to 64 of a-z 0-9 - _, first "
                                           "and last a letter or digit"});
}

}  // namespace

StepSchema NoopSchema() {
  StepSchema schema;
  schema.key = "noop";
  schema.version = "1";
  schema.summary = "Does nothing, or waits, fails or echoes as told: for trying out pipelines.";
  schema.parameters = {
      {.name = "duration",
       .kind = Kind::kString,
       .help = "How long it takes: 250ms, 5s.",
       .default_value = "0s"},
      {.name = "fail", .kind = Kind::kBoolean, .help = "End as FAILED.", .default_value = false},
      {.name = "message",
       .kind = Kind::kString,
       .help = "Written to the log, and the error.",
       .default_value = ""},
      {.name = "metrics",
       .kind = Kind::kMap,
       .help = "Numbers to report as metrics.",
       .default_value = Json::object(),
       .element = std::make_shared<ParameterSchema>(
           ParameterSchema{.name = "value", .kind = Kind::kNumber})},
      {.name = "output_bytes",
       .kind = Kind::kInteger,
       .help = "Size of the output `data`, in bytes; 0 makes none.",
       .default_value = 0,
       .minimum = 0,
       .maximum = 1 << 30},
  };
  schema.inputs = {{.name = "data",
                    .type = ArtifactType::kFile,
                    .required = false,
                    .many = true,
                    .help = "Anything; fetched and left alone."}};
  schema.outputs_for = [](const Json& parameters) -> std::vector<PortSchema> {
    // A reference may mean any number: the step's outputs are not known to be none.
    const Json& bytes = JsonMember(parameters, "output_bytes");
    if (!HoldsReference(bytes) && JsonInt(parameters, "output_bytes") == 0) return {};
    return {{.name = "data", .type = ArtifactType::kFile, .help = "`output_bytes` zeros."}};
  };
  schema.check = [](const Json& parameters, const std::string& path,
                    std::vector<Problem>& problems) {
    CheckDuration(parameters, "duration", path, problems);
  };
  return schema;
}

StepSchema ConditionSchema() {
  StepSchema schema;
  schema.key = "condition";
  schema.version = "1";
  schema.control = true;
  schema.summary = "Compares values and chooses the steps in `then` or in `else`.";
  schema.help =
      "`if` is a comparison {left, op, right} with == != > >= < <= in, a list of them (all must "
      "hold), or {all: […]}, {any: […]}, {not: …}. A value that is absent, null or NaN fails the "
      "step with METRIC_UNDEFINED: it is never taken for false.";
  return schema;
}

StepSchema RegisterSchema() {
  StepSchema schema;
  schema.key = "register";
  schema.version = "1";
  schema.control = true;
  schema.has_side_effects = true;
  schema.summary = "Makes a version in a model group, with the report's metrics.";
  schema.inputs = {
      {.name = "model", .type = ArtifactType::kModel, .help = "The model to register."},
      {.name = "report",
       .type = ArtifactType::kReport,
       .required = false,
       .help = "The evaluation that speaks for it."}};
  schema.outputs = {};
  schema.values = {{.name = "version", .help = "GROUP/VERSION."}};
  schema.parameters = {
      {.name = "group",
       .kind = Kind::kString,
       .help = "The model group; made where it is missing. 1 to 64 of a-z 0-9 - _.",
       .required = true,
       .minimum = 1,
       .maximum = 64},
      {.name = "approval",
       .kind = Kind::kEnum,
       .help = "The version's first status.",
       .default_value = "PendingManualApproval",
       .choices = {"PendingManualApproval", "Approved", "Rejected"}},
      {.name = "description",
       .kind = Kind::kString,
       .help = "For people.",
       .default_value = "",
       .maximum = 4096},
  };
  schema.check = [](const Json& parameters, const std::string& path,
                    std::vector<Problem>& problems) { CheckGroup(parameters, path, problems); };
  return schema;
}

StepSchema PromoteSchema() {
  StepSchema schema;
  schema.key = "promote";
  schema.version = "1";
  schema.control = true;
  schema.has_side_effects = true;
  schema.summary = "Makes an alias of a model group, such as champion, stand for a version.";
  schema.help =
      "Promotes `version`, or the model that the input names, or else the version of the group "
      "that "
      "this run registered: the step then waits for the pipeline's register steps of that group. "
      "The alias is moved only from what it stood for when the run started. Where somebody has "
      "moved "
      "it since, the step fails with ALIAS_MOVED, and the run that was compared with another "
      "champion changes nothing; retry it. `outputs.version` and `outputs.before` say what it "
      "stands for and stood for (GROUP/VERSION, or none).";
  schema.inputs = {
      {.name = "model",
       .type = ArtifactType::kModel,
       .required = false,
       .help = "The model: \"model:GROUP@VERSION\", or one that this run registered."}};
  schema.values = {{.name = "version", .help = "GROUP/VERSION that the alias stands for."},
                   {.name = "before", .help = "What it stood for; none."}};
  schema.parameters = {
      {.name = "group",
       .kind = Kind::kString,
       .help = "The model group; known when the run starts.",
       .required = true,
       .minimum = 1,
       .maximum = 64},
      {.name = "alias",
       .kind = Kind::kString,
       .help =
           "The alias, such as champion; known when the run starts. 1 to 64 of a-z 0-9 - _, and "
           "no number.",
       .required = true,
       .minimum = 1,
       .maximum = 64},
      {.name = "version",
       .help = "3, \"GROUP/3\" or ${steps.REGISTER.outputs.version}. Left out: what this run "
               "registered.",
       .nullable = true}};
  schema.check = [](const Json& parameters, const std::string& path,
                    std::vector<Problem>& problems) {
    CheckGroup(parameters, path, problems);
    const Json& alias = JsonMember(parameters, "alias");
    if (!alias.is_string() || HoldsReference(alias)) return;
    const auto& text = alias.get_ref<const std::string&>();
    if (!IsName(text) || text.find_first_not_of("0123456789") == std::string::npos) {
      problems.push_back({path + ".alias", "\"" + text +
                                               "\" is no alias; use 1 to 64 of a-z 0-9 - _, first "
                                               "and last a letter or digit, and no number"});
    }
  };
  return schema;
}

StepSchema FailSchema() {
  StepSchema schema;
  schema.key = "fail";
  schema.version = "1";
  schema.control = true;
  schema.summary = "Ends the run as FAILED with a message; steps that run already may finish.";
  schema.parameters = {{.name = "message",
                        .kind = Kind::kString,
                        .help = "Why; may hold references.",
                        .required = true,
                        .maximum = 4096}};
  return schema;
}

}  // namespace penstock

// One step of a definition, here and now.

#include "client/cli/step_commands.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "base/text.h"
#include "client/cli/data_view.h"
#include "client/cli/local_plan.h"
#include "client/cli/local_run.h"
#include "client/cli/names.h"
#include "client/cli/parameters.h"
#include "client/cli/scratch.h"
#include "client/cli/step_view.h"
#include "server/core/bind.h"
#include "server/definition/definition.h"

namespace penstock::cli {
namespace {

namespace fs = std::filesystem;

struct StepOptions {
  std::string file;
  std::string step;
  std::vector<std::string> parameters;
  std::vector<std::string> inputs;
  int64_t sample = 0;
  int64_t seed = 0;
  int64_t rows = 5;
  std::string out;
  bool force = false;
  bool json = false;
};

Status CheckPath(const std::string& path) {
  std::error_code error;
  if (fs::exists(path, error)) return Status::Ok();
  return WrongUse("there is no file or folder " + path);
}

// What one step takes, of what was typed. Parameters that nothing here refers to need no value.
Result<Json> Bind(const CheckedDefinition& definition, const StepOptions& options,
                  const LocalPlan& plan, LocalGiven& given) {
  PENSTOCK_ASSIGN_OR_RETURN(
      const Json document,
      ParseJson(definition.canonical, {.max_bytes = 16 << 20, .max_depth = 64}));
  std::map<std::string, Json> values;
  for (const std::string& parameter : options.parameters) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto assignment,
                              ParseAssignment(parameter, "-p NAME=VALUE or -p NAME=@PATH"));
    const auto& [name, text] = assignment;
    const ParameterSpec* spec = definition.spec.FindParameter(name);
    if (!text.starts_with('@')) {
      values[name] = TypedValue(document, name, text);
      continue;
    }
    if (spec != nullptr && spec->type == ParameterSpec::Type::kSecret) {
      return WrongUse("-p " + name + "=NAME takes the name of a secret, not a file");
    }
    const std::string path = text.substr(1);
    PENSTOCK_RETURN_IF_ERROR(CheckPath(path));
    const std::string address = AddressOf(path);
    given.paths[address.substr(0, address.find('#'))] = path;
    values[name] = address;
  }
  PipelineSpec needed = definition.spec;
  std::erase_if(needed.parameters, [&](const ParameterSpec& parameter) {
    return parameter.default_value.is_null() && !values.contains(parameter.name) &&
           !plan.parameters.contains(parameter.name);
  });
  return penstock::BindParameters(needed, values, Catalog::BuiltIn());
}

Status ReadInputs(const PipelineSpec& spec, const StepOptions& options, LocalGiven& given) {
  const StepIndex index = spec.FindStep(options.step);
  for (const std::string& text : options.inputs) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto assignment, ParseAssignment(text, "--input NAME=PATH"));
    std::string path = assignment.second;
    if (path.starts_with('@')) path.erase(0, 1);
    PENSTOCK_RETURN_IF_ERROR(CheckPath(path));
    given.inputs[assignment.first].push_back(path);
    if (index < 0) continue;  // said later
    const StepSpec& step = spec.steps[static_cast<std::size_t>(index)];
    const StepSchema* schema = Catalog::BuiltIn().Find(step.key());
    if (schema == nullptr) continue;
    // What a step that takes any input has is what its definition names.
    std::vector<std::string> known;
    for (const PortSchema& port : schema->inputs) known.push_back(port.name);
    for (const StepInput& input : step.inputs) known.push_back(input.name);
    if (std::find(known.begin(), known.end(), assignment.first) != known.end()) continue;
    return WrongUse("step " + options.step + " (" + step.key() + ") has no input \"" +
                    assignment.first + "\"" + Suggestion(assignment.first, known));
  }
  return Status::Ok();
}

// Which of the step's required inputs nothing gives is known from the definition; of those that
// were given on the command line it is not said there that several are one too many.
Status CheckCounts(const PipelineSpec& spec, const StepOptions& options, const LocalGiven& given) {
  const StepIndex index = spec.FindStep(options.step);
  if (index < 0) return Status::Ok();
  const StepSpec& step = spec.steps[static_cast<std::size_t>(index)];
  const StepSchema* schema = Catalog::BuiltIn().Find(step.key());
  for (const auto& [name, paths] : given.inputs) {
    const PortSchema* port = schema == nullptr ? nullptr : FindInput(*schema, name);
    if (port == nullptr || port->many || paths.size() == 1) continue;
    return WrongUse("input " + name + " of step " + options.step + " takes one path, not " +
                    std::to_string(paths.size()));
  }
  return Status::Ok();
}

// Where outputs are made before they get their places, which none has that is not whole.
class OutputFolder {
 public:
  // Nothing to keep: `out` is empty.
  static Result<std::unique_ptr<OutputFolder>> Make(const std::string& out, bool force) {
    if (out.empty()) return std::unique_ptr<OutputFolder>();
    std::error_code error;
    if (fs::exists(out, error) && !fs::is_directory(out, error)) {
      return WrongUse(out + " is a file; --out names a folder");
    }
    if (!force && fs::is_directory(out, error) && !fs::is_empty(out, error)) {
      return WrongUse(out + " holds something already; --force replaces outputs that are there");
    }
    fs::create_directories(out, error);
    if (error) return WrongUse("the folder " + out + " cannot be made: " + error.message());
    return std::unique_ptr<OutputFolder>(new OutputFolder(out));
  }

  std::string part() const { return fs::absolute(part_.path()).string(); }

  // Gives each output of the answer its place, and says so in it.
  Status Keep(Json& answer) {
    if (!answer.contains("outputs")) return Status::Ok();
    for (Json& output : answer["outputs"]) {
      const fs::path place = out_ / JsonString(output, "name");
      std::error_code error;
      fs::remove_all(place, error);
      fs::rename(JsonString(output, "path"), place, error);
      if (error) return InvalidArgument("writing " + place.string() + ": " + error.message());
      output["path"] = place.string();
    }
    return Status::Ok();
  }

 private:
  explicit OutputFolder(const fs::path& out)
      : out_(out), part_(out / (".part-" + std::to_string(getpid()))) {}

  const fs::path out_;
  const Scratch part_;
};

int ShowFailure(const PipelineSpec& spec, const std::vector<StepRunView>& runs,
                const StepOptions& options) {
  const StepRunView& failed = runs.back();
  const std::string name = failed.step->name.value();
  if (options.json) std::cout << DumpJsonPretty(StepRunJson(spec, runs, false)) << "\n";
  if (JsonString(failed.answer, "state") == "CANCELLED") {
    std::cerr << "step " << name << " was stopped\n";
    return kWorkFailed;
  }
  std::cerr << "error: step " << name << (name == options.step ? "" : ", which is needed first,")
            << " failed: " << JsonString(failed.answer, "message") << "\n";
  return kWorkFailed;
}

Result<int> RunSteps(const PipelineSpec& spec, const LocalPlan& plan, const Json& parameters,
                     const LocalGiven& given, const StepOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::unique_ptr<OutputFolder> kept,
                            OutputFolder::Make(options.out, options.force));
  PENSTOCK_ASSIGN_OR_RETURN(const Scratch scratch, Scratch::MakeFolder());
  PENSTOCK_ASSIGN_OR_RETURN(LocalWorker worker, LocalWorker::Start());
  LocalRun run(spec, parameters, given, scratch.path(), worker);
  PENSTOCK_RETURN_IF_ERROR(run.CheckSecrets(plan.steps));
  std::vector<StepRunView> runs;
  for (const StepIndex index : plan.steps) {
    const StepSpec& step = spec.steps[static_cast<std::size_t>(index)];
    const bool target = index == plan.steps.back();
    StepProgress progress(step.name.value());
    Result<Json> answer = run.Run(index, target, target && kept ? kept->part() : "",
                                  [&](const Json& event) { progress.OnEvent(event); });
    progress.Finish(answer.ok() ? JsonString(*answer, "message") : "");
    if (!answer.ok()) return answer.status().WithContext("step " + step.name.value());
    runs.push_back({&step, *std::move(answer)});
    if (JsonString(runs.back().answer, "state") != "SUCCEEDED") {
      return ShowFailure(spec, runs, options);
    }
  }
  if (kept) PENSTOCK_RETURN_IF_ERROR(kept->Keep(runs.back().answer));
  if (options.json) {
    std::cout << DumpJsonPretty(StepRunJson(spec, runs, kept != nullptr)) << "\n";
    return kDone;
  }
  std::cout << StepRunText(runs, kept != nullptr, OutputWidth());
  if (!kept && !JsonMember(runs.back().answer, "outputs").empty()) {
    std::cerr << "the outputs are gone with this command; --out DIR keeps them\n";
  }
  return kDone;
}

Result<int> RunStep(const StepOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::string text, ReadDefinition(options.file));
  const Result<CheckedDefinition> definition = CheckDefinitionText(text, Catalog::BuiltIn());
  if (!definition.ok()) return definition.status().WithContext(options.file);
  for (const Problem& warning : definition->warnings) {
    std::cerr << options.file << ": warning: " << warning.path << ": " << warning.message << "\n";
  }
  LocalGiven given{.sample = options.sample, .seed = options.seed, .head_rows = options.rows};
  given.texts = !options.json;
  PENSTOCK_RETURN_IF_ERROR(ReadInputs(definition->spec, options, given));
  PENSTOCK_RETURN_IF_ERROR(CheckCounts(definition->spec, options, given));
  std::set<std::string> replaced;
  for (const auto& [name, paths] : given.inputs) replaced.insert(name);
  PENSTOCK_ASSIGN_OR_RETURN(const LocalPlan plan,
                            PlanLocally(definition->spec, options.step, replaced));
  PENSTOCK_ASSIGN_OR_RETURN(const Json parameters, Bind(*definition, options, plan, given));
  return RunSteps(definition->spec, plan, parameters, given, options);
}

void AddRun(CLI::App& step, Cli& cli) {
  CLI::App* command =
      step.add_subcommand("run", "run one step of a definition on this machine, without a server");
  auto options = std::make_shared<StepOptions>();
  command->add_option("-f,--file", options->file, "the definition; - reads standard input")
      ->required();
  command->add_option("--step", options->step, "the step; those that it needs run before it")
      ->required();
  command
      ->add_option("-p,--parameter", options->parameters,
                   "NAME=VALUE, or NAME=@PATH for a file or folder as it is; may be given several "
                   "times")
      ->allow_extra_args(false);
  command
      ->add_option("--input", options->inputs,
                   "NAME=PATH: an input of the step in place of what the definition says")
      ->allow_extra_args(false);
  command
      ->add_option("--sample", options->sample,
                   "no more than so many rows of each raw input, drawn at random before the first "
                   "step")
      ->check(CLI::Range(int64_t{1}, int64_t{10'000'000}).description(""));
  command->add_option("--seed", options->seed, "which rows; the same seed draws the same")
      ->check(CLI::NonNegativeNumber.description(""))
      ->capture_default_str();
  command->add_option("-n,--rows", options->rows, "how many rows of each output to show")
      ->check(CLI::Range(0, 10'000).description(""))
      ->capture_default_str();
  command->add_option("--out", options->out, "a folder to keep the outputs in");
  command->add_flag("--force", options->force, "replace outputs that are in --out already");
  command
      ->add_option_function<std::string>(
          "-o,--output", [options](const std::string& name) { options->json = name == "json"; },
          "how to show the result")
      ->transform(OneOf({"table", "json"}))
      ->type_name("table|json");
  command->footer(
      "The step is run as a worker runs it, with the same checks and the same messages. Sampled "
      "rows\n"
      "keep their order and the file its format; messages name the lines of the whole file.\n"
      "Conditions are not asked, and timeouts hold. The value of a secret comes from the "
      "environment:\n"
      "PENSTOCK_SECRET_HUB_TOKEN for ${secrets.hub-token}.\n"
      "\n"
      "  penstock step run -f census.yaml --step prepare -p data=@adult.csv --sample 1000\n"
      "  penstock step run -f census.yaml --step prepare -p data=@adult.csv --out prepared/\n"
      "  penstock step run -f census.yaml --step evaluate --input model=model/ --input "
      "data=new.csv");
  command->callback([options, &cli] {
    const Result<int> code = RunStep(*options);
    cli.exit_code = code.ok() ? *code : Fail(code.status());
  });
}

}  // namespace

void AddStepCommands(CLI::App& app, Cli& cli) {
  CLI::App* step = app.add_subcommand("step", "try single steps");
  step->require_subcommand(1);
  AddRun(*step, cli);
}

}  // namespace penstock::cli

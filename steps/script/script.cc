#include "steps/script/script.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/random.h"
#include "base/subprocess.h"
#include "base/text.h"
#include "steps/api/checkpoint.h"
#include "steps/catalog/catalog.h"
#include "steps/script/container.h"
#include "steps/script/environment.h"
#include "steps/script/program.h"
#include "steps/script/sandbox.h"
#include "steps/script/script_model.h"
#include "steps/table/dataset.h"
#include "steps/table/show.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

Status Move(const fs::path& from, const fs::path& to) {
  if (rename(from.c_str(), to.c_str()) != 0) {
    return ErrnoStatus(errno, "moving " + from.filename().string() + " to " + to.string());
  }
  return Status::Ok();
}

// The name of a single file in its channel's folder: the user's, where it has one.
std::string FileName(const InputArtifact& input, const std::string& channel) {
  std::string name = fs::path(input.display_name).filename().string();
  if (name.starts_with('@')) name.erase(0, 1);
  const bool plain = !name.empty() && name.front() != '.' &&
                     name.find_first_of("${}\n") == std::string::npos && name.size() <= 255;
  if (plain) return name;
  const bool json = input.type == ArtifactType::kReport || input.type == ArtifactType::kTransform;
  return channel + (json ? ".json" : "");
}

// As the step itself runs its program.
ProgramRun OwnRun(StepContext& context) {
  const fs::path& scratch = context.scratch_dir();
  const fs::path& out = context.output_dir();
  const auto* saves = dynamic_cast<const CheckpointContext*>(&context);
  return {.parameters = context.parameters(),
          .folders = {.code = scratch / "code",
                      .input = scratch / "input",
                      .model = out / "model",
                      .output = out / "data",
                      .temporary = scratch / "tmp",
                      .checkpoint = saves != nullptr ? saves->checkpoint_dir()
                                                     : scratch / "checkpoint"},
          .memory_bytes = context.memory_bytes()};
}

class Script {
 public:
  Script(StepContext& context, ProgramRun run)
      : context_(context),
        run_(std::move(run)),
        parameters_(run_.parameters),
        node_(JsonMember(parameters_, kScriptNode)),
        rank_(static_cast<int>(JsonInt(node_, "rank"))),
        out_(context.output_dir()),
        folders_(run_.folders),
        channels_(run_.channels) {
    const std::string isolation = JsonString(parameters_, "isolation", "preferred");
    image_ = JsonString(parameters_, "image");
    if (image_.empty() && isolation != "none") bubblewrap_ = JsonString(node_, "bubblewrap");
    required_ = image_.empty() && isolation == "required";
  }

  Result<StepOutcome> Go() {
    if (required_ && bubblewrap_.empty()) {
      return FailedPrecondition("with.isolation is required, and this worker has no bubblewrap");
    }
    for (const fs::path& folder :
         {folders_.code, folders_.temporary, folders_.input / "data", folders_.input / "config",
          folders_.model, folders_.output, folders_.checkpoint}) {
      PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
    }
    // Of inputs that are about to be moved.
    if (const Json& predict = JsonMember(parameters_, "predict"); predict.is_object()) {
      PENSTOCK_ASSIGN_OR_RETURN(draft_, DraftModel(context_, context_.scratch_dir() / "kept"));
    }
    for (const std::string& name : context_.input_names()) {
      PENSTOCK_RETURN_IF_ERROR(PlaceInput(name));
      if (context_.cancelled()) return Cancelled("cancelled before the program started");
    }
    ScriptMetrics metrics(JsonMember(parameters_, "metrics"),
                          [this](std::string_view name, int64_t index, double value) {
                            context_.LogMetric(name, index, value);
                          },
                          [this](double fraction, std::string_view note) {
                            context_.SetProgress(fraction, note);
                          });
    PENSTOCK_RETURN_IF_ERROR(Execute(metrics));
    // What the step leaves is what rank 0 has left.
    if (rank_ > 0) return StepOutcome();
    PENSTOCK_RETURN_IF_ERROR(metrics.ReadDocument(folders_.output / "metrics.json"));
    for (const std::string& warning : metrics.warnings()) context_.Log("warning: " + warning);
    StepOutcome outcome;
    outcome.metrics = metrics.scalars();
    PENSTOCK_RETURN_IF_ERROR(Collect(outcome));
    return outcome;
  }

  Status Execute(ScriptMetrics& metrics) {
    PENSTOCK_ASSIGN_OR_RETURN(const ProgramOptions options,
                              image_.empty() ? MakeOptions() : MakeContainerOptions());
    if (image_.empty()) TellIsolation();
    PENSTOCK_ASSIGN_OR_RETURN(const ProgramResult result, RunToEnd(options, context_, metrics));
    return Judge(result);
  }

 private:
  Status PlaceInput(const std::string& name) {
    const std::vector<InputArtifact>& bound = context_.inputs(name);
    if (name.starts_with(kAttachmentPrefix)) {
      if (bound.size() != 1) return InvalidArgument(name + " needs one artifact");
      const fs::path place = folders_.code / name.substr(kAttachmentPrefix.size());
      PENSTOCK_RETURN_IF_ERROR(Move(bound.front().path, place));
      // An uploaded file has lost the bit, and the command may be ./run.sh.
      if (fs::is_regular_file(place)) chmod(place.c_str(), 0755);
      return Status::Ok();
    }
    channels_.push_back(name);
    const fs::path folder = folders_.input / "data" / name;
    if (bound.size() == 1) return PlaceArtifact(bound.front(), name, folder);
    PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
    for (std::size_t i = 0; i < bound.size(); ++i) {
      PENSTOCK_RETURN_IF_ERROR(PlaceArtifact(bound[i], name, folder / std::to_string(i)));
    }
    return Status::Ok();
  }

  Status PlaceArtifact(const InputArtifact& input, const std::string& channel,
                       const fs::path& folder) {
    if (!fs::is_directory(input.path)) {
      PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
      return Move(input.path, folder / FileName(input, channel));
    }
    if (!IsDataset(input.path)) return Move(input.path, folder);
    PENSTOCK_ASSIGN_OR_RETURN(const DatasetInfo info,
                              ReadDatasetInfo(input.path, input.display_name));
    PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
    if (JsonString(parameters_, "input_format") == "csv") {
      const TableOptions options{.threads = context_.threads(),
                                 .memory_bytes = context_.memory_bytes(),
                                 .cancelled = [this] { return context_.cancelled(); }};
      PENSTOCK_RETURN_IF_ERROR(
          ExportDataset(input.path, folder / (channel + ".csv"), ExportFormat::kCsv, options));
    } else {
      // Readers of a folder of Parquet files stumble over anything else in it.
      for (const std::string& part : info.parts) {
        PENSTOCK_RETURN_IF_ERROR(Move(input.path / part, folder / part));
      }
    }
    return Move(input.path / kDatasetFile, folders_.input / "config" / (channel + ".json"));
  }

  ScriptSurroundings Surroundings() const {
    ScriptSurroundings surroundings{.folders = folders_,
                                    .channels = channels_,
                                    .cpus = context_.threads(),
                                    .gpus = static_cast<int>(JsonInt(node_, "gpus"))};
    surroundings.rank = rank_;
    for (const Json& rank : JsonMember(node_, "ranks")) {
      surroundings.ranks.push_back(
          {JsonString(rank, "host"), static_cast<int>(JsonInt(rank, "port"))});
    }
    if (!bubblewrap_.empty()) surroundings.folders.temporary = "/tmp";
    if (!image_.empty()) {
      surroundings.folders = ContainerFolders();
      if (folders_.checkpoint.empty()) surroundings.folders.checkpoint.clear();
    }
    for (const std::string& variable : CurrentEnvironment()) {
      const std::size_t equals = variable.find('=');
      if (equals == std::string::npos) continue;
      surroundings.inherited[variable.substr(0, equals)] = variable.substr(equals + 1);
    }
    return surroundings;
  }

  // What the definition says, with the hyperparameters.
  Result<std::vector<std::string>> Command() const {
    std::vector<std::string> command;
    for (const Json& argument : JsonMember(parameters_, "command")) {
      command.push_back(argument.is_string() ? argument.get<std::string>() : DumpJson(argument));
    }
    if (command.empty()) return InvalidArgument("with.command is empty");
    if (run_.arguments) {
      for (std::string& argument :
           HyperparameterArguments(JsonMember(parameters_, "hyperparameters"))) {
        command.push_back(std::move(argument));
      }
    }
    return command;
  }

  void SetLimits(ProgramOptions& options) const {
    options.working_directory = folders_.code;
    // The agent kills what is left when its own grace is over; this is to be done by then.
    const int64_t grace = JsonInt(node_, "grace_ms", 5'000);
    options.grace = std::chrono::milliseconds(std::max(grace / 2, grace - 1'000));
    options.metric_lines = folders_.output / "metrics.jsonl";
    options.memory_bytes = run_.memory_bytes;
  }

  Result<ProgramOptions> MakeContainerOptions() {
    const std::string engine = JsonString(node_, "container");
    if (engine.empty()) {
      return FailedPrecondition("the image " + image_ +
                                " needs a worker with podman or docker, and "
                                "this one has neither; give the step resources: {labels: {" +
                                std::string(kContainerLabel) + ": " + std::string(kContainersRun) +
                                "}}");
    }
    PENSTOCK_ASSIGN_OR_RETURN(const std::string digest, ResolveImage(engine, image_, context_));
    const ScriptSurroundings surroundings = Surroundings();
    ContainerPlan plan{.engine = engine,
                       .image = image_,
                       .name = "penstock-" + RandomHex(8, Random::Secure()),
                       .owner = JsonString(node_, "data_dir"),
                       .folders = folders_,
                       .writes_model = run_.writes_model,
                       .variables_file = folders_.temporary.parent_path() / "variables",
                       .variables = ContainerEnvironment(parameters_, surroundings),
                       .cpus = JsonDouble(node_, "cpus"),
                       .memory = run_.memory_bytes,
                       .network = HasNetwork(),
                       .init = HasContainerInit(engine)};
    for (const auto& [name, value] : JsonMember(parameters_, "environment").items()) {
      if (!surroundings.inherited.contains(name)) plan.by_environment.insert(name);
    }
    if (surroundings.gpus > 0) plan.gpus = GpusOf(surroundings);
    PENSTOCK_ASSIGN_OR_RETURN(plan.command, Command());
    ProgramOptions options;
    PENSTOCK_ASSIGN_OR_RETURN(options.command, ContainerCommand(plan));
    options.environment = surroundings.inherited;  // the engine's own
    for (const std::string& name : plan.by_environment) {
      options.environment[name] = plan.variables.at(name);
    }
    options.end_container = [engine, name = plan.name] { EndContainer(engine, name); };
    SetLimits(options);
    context_.Log("isolation: " + fs::path(engine).filename().string() + " (image " + image_ + ", " +
                 digest + ", " + (plan.network ? "network" : "no network") + ")");
    return options;
  }

  Result<ProgramOptions> MakeOptions() {
    const ScriptSurroundings surroundings = Surroundings();
    ProgramOptions options;
    options.environment = ScriptEnvironment(parameters_, surroundings);
    PENSTOCK_ASSIGN_OR_RETURN(std::vector<std::string> command, Command());
    PENSTOCK_ASSIGN_OR_RETURN(command.front(),
                              FindProgram(command.front(), options.environment["PATH"]));
    if (!bubblewrap_.empty()) {
      options.sandboxed = true;
      std::vector<fs::path> writable = {folders_.code, folders_.output};
      if (!folders_.checkpoint.empty()) writable.push_back(folders_.checkpoint);
      std::vector<fs::path> read_only = {folders_.input};
      (run_.writes_model ? writable : read_only).push_back(folders_.model);
      options.command = SandboxCommand({.bubblewrap = bubblewrap_,
                                        .hidden = Hidden(),
                                        .temporary = folders_.temporary,
                                        .writable = std::move(writable),
                                        .read_only = std::move(read_only),
                                        .working_directory = folders_.code,
                                        .network = HasNetwork(),
                                        .gpus = surroundings.gpus > 0});
    }
    options.command.insert(options.command.end(), command.begin(), command.end());
    SetLimits(options);
    return options;
  }

  // The worker's own data, and where a coordinator and a worker that run as services keep their
  // tokens, keys and database: a script is often the same user.
  std::vector<fs::path> Hidden() const {
    std::vector<fs::path> hidden;
    if (const std::string own = JsonString(node_, "data_dir"); !own.empty()) hidden.push_back(own);
    for (const char* service : {"/etc/penstock", "/var/lib/penstock"}) {
      std::error_code error;
      if (fs::is_directory(service, error)) hidden.emplace_back(service);
    }
    return hidden;
  }

  Result<std::string> FindProgram(const std::string& name, const std::string& path) const {
    if (name.find('/') != std::string::npos) {
      const fs::path program = folders_.code / name;  // an absolute name stays what it is
      if (access(program.c_str(), X_OK) == 0) return program.string();
      return InvalidArgument("with.command[0]: there is no program " + name +
                             "; `files` puts one beside the script");
    }
    for (const std::string& folder : Split(path, ':')) {
      const fs::path program = fs::path(folder) / name;
      if (folder.starts_with('/') && access(program.c_str(), X_OK) == 0) return program.string();
    }
    return InvalidArgument("with.command[0]: this worker has no program \"" + name + "\" on its " +
                           "PATH (" + path + ")");
  }

  // Ranks that cannot reach each other are none.
  bool HasNetwork() const {
    return JsonBool(parameters_, "network") || !JsonMember(node_, "ranks").empty();
  }

  void TellIsolation() {
    const bool network = HasNetwork();
    if (!bubblewrap_.empty()) {
      context_.Log(
          std::string("isolation: bubblewrap (read-only system, own /tmp and processes, ") +
          (network ? "network" : "no network") + ")");
    } else if (JsonString(parameters_, "isolation") == "none") {
      context_.Log("isolation: none (a plain process, as the definition says)");
    } else {
      context_.Log("warning: isolation: none (a plain process; this worker has no bubblewrap)");
    }
  }

  Status Judge(const ProgramResult& result) {
    constexpr int kSignal = 128;  // as a shell, and a sandbox, says that a signal ended it
    constexpr int kSignals = 64;
    context_.SetExitCode(result.code);
    if (result.out_of_memory) {
      return Status(StatusCode::kResourceExhausted,
                    "the program and what it started used more than " +
                        FormatSize(run_.memory_bytes) + " of memory; raise resources.memory",
                    kOutOfMemoryReason);
    }
    if (result.cancelled) return Cancelled("the program was stopped");
    if (result.left_behind > 0) {
      context_.Log("warning: ended " + std::to_string(result.left_behind) +
                   " processes that outlived the program");
    }
    if (result.code == 0) return Status::Ok();
    if (!image_.empty()) PENSTOCK_RETURN_IF_ERROR(JudgeContainer(result.code));
    if (result.code > kSignal && result.code <= kSignal + kSignals) {
      const int signal = result.code - kSignal;
      return Status(StatusCode::kFailedPrecondition,
                    "the program was killed by signal " + std::to_string(signal) + " (" +
                        strsignal(signal) + ")",
                    kCrashedReason);
    }
    return FailedPrecondition("the program ended with exit code " + std::to_string(result.code));
  }

  // What an engine says, and no program.
  Status JudgeContainer(int code) const {
    constexpr int kEngineFailed = 125;
    constexpr int kNotRunnable = 126;
    constexpr int kNotFound = 127;
    if (code == kEngineFailed) {
      return FailedPrecondition("the container of image " + image_ +
                                " could not be run; the log ends with why");
    }
    if (code == kNotRunnable || code == kNotFound) {
      return FailedPrecondition("the program ended with exit code " + std::to_string(code) +
                                ": the image " + image_ +
                                " has no such program, or it cannot be "
                                "run there");
    }
    // The kernel's word: nobody here sent that signal.
    if (code == 128 + SIGKILL && run_.memory_bytes > 0) {
      return Status(StatusCode::kResourceExhausted,
                    "the container was killed, as one is that uses more than its " +
                        FormatSize(run_.memory_bytes) + " of memory; raise resources.memory",
                    kOutOfMemoryReason);
    }
    return Status::Ok();
  }

  Status Collect(StepOutcome& outcome) {
    std::error_code error;
    const bool wrote_model = fs::is_directory(fs::symlink_status(folders_.model)) &&
                             !fs::is_empty(folders_.model, error);
    if (draft_) {
      if (!wrote_model) {
        return InvalidArgument("with.predict: the program wrote no model to SM_MODEL_DIR");
      }
      const fs::path tree = out_ / "model-tree";
      PENSTOCK_RETURN_IF_ERROR(WriteModelTree(*draft_, folders_.model, tree));
      outcome.outputs.push_back({"model", tree, ArtifactType::kModel});
    } else if (wrote_model) {
      outcome.outputs.push_back({"model", folders_.model, ArtifactType::kModel});
    }
    for (const auto& [name, declared] : JsonMember(parameters_, "outputs").items()) {
      const fs::path place = JsonString(declared, "path", name);
      const fs::path path = folders_.output / place;
      const auto type = fs::symlink_status(path).type();
      if (type == fs::file_type::not_found) {
        return InvalidArgument("the program wrote no output " + name + ": there is no " +
                               (fs::path("SM_OUTPUT_DATA_DIR") / place).string());
      }
      // Not through a link: it could lead out of the workspace, and what is there would be taken.
      const bool whole =
          (type == fs::file_type::regular || type == fs::file_type::directory) &&
          fs::weakly_canonical(path, error) == fs::weakly_canonical(out_, error) / "data" / place;
      if (!whole) {
        return InvalidArgument("output " + name + " (" + place.string() +
                               ") is neither a file nor a folder; links are not followed");
      }
      const auto kind = ParseArtifactType(JsonString(declared, "type", "file"));
      outcome.outputs.push_back({name, path, kind.value_or(ArtifactType::kFile)});
      if (kind == ArtifactType::kReport && type == fs::file_type::regular &&
          outcome.report.is_null()) {
        PENSTOCK_ASSIGN_OR_RETURN(outcome.report, ReadReport(name, path));
      }
    }
    return Status::Ok();
  }

  static Result<Json> ReadReport(const std::string& name, const fs::path& path) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
    Result<Json> report = ParseJson(text);
    if (!report.ok()) return report.status().WithContext("output " + name);
    return report;
  }

  StepContext& context_;
  const ProgramRun run_;
  const Json& parameters_;
  const Json& node_;
  const int rank_;
  const fs::path out_;
  std::string image_;  // of a container; empty: none
  std::string bubblewrap_;
  bool required_ = false;
  const ScriptFolders folders_;
  std::vector<std::string> channels_;
  std::optional<ModelDraft> draft_;  // of the model that its program can predict with
};

}  // namespace

Status RunProgram(StepContext& context, const ProgramRun& run, ScriptMetrics& metrics) {
  return Script(context, run).Execute(metrics);
}

Result<StepOutcome> RunScript(StepContext& context) {
  return Script(context, OwnRun(context)).Go();
}

}  // namespace penstock

#include "steps/script/script_model.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "steps/catalog/catalog.h"
#include "steps/model_io/read_predictions.h"
#include "steps/process/read_spec.h"
#include "steps/process/transform.h"
#include "steps/script/script.h"
#include "steps/table/dataset.h"
#include "steps/table/read.h"
#include "steps/table/show.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

constexpr char kFormat[] = "penstock-program/1";
constexpr char kProgramFile[] = "program.json";
constexpr char kCode[] = "code";
constexpr char kWritten[] = "model";
constexpr char kChannel[] = "data";
constexpr int64_t kLeastMemory = 64 << 20;

Status Move(const fs::path& from, const fs::path& to) {
  if (rename(from.c_str(), to.c_str()) == 0) return Status::Ok();
  return ErrnoStatus(errno, "moving " + from.filename().string());
}

Status CopyTree(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy(from, to, fs::copy_options::recursive, error);
  return error ? ErrnoStatus(error.value(), "copying " + from.filename().string()) : Status::Ok();
}

// The input that the model learns from; null where it may be any of several, or none.
Result<const InputArtifact*> TrainingChannel(const StepContext& context, const Json& predict,
                                             std::string* name) {
  std::vector<std::string> channels;
  for (std::string& input : context.input_names()) {
    if (!input.starts_with(kAttachmentPrefix)) channels.push_back(std::move(input));
  }
  *name = JsonString(predict, "channel");
  if (name->empty() && !context.inputs("train").empty()) *name = "train";
  if (name->empty() && channels.size() == 1) *name = channels.front();
  if (name->empty()) return nullptr;
  const std::vector<InputArtifact>& bound = context.inputs(*name);
  if (bound.empty()) {
    return InvalidArgument("with.predict.channel: there is no input \"" + *name + "\"" +
                           Suggestion(*name, channels));
  }
  return bound.size() == 1 ? &bound.front() : nullptr;
}

// Which columns the program will be given, and what of the label the data themselves say.
Status LearnSchema(const InputArtifact& channel, ModelDraft& draft) {
  if (!IsDataset(channel.path)) return Status::Ok();
  PENSTOCK_ASSIGN_OR_RETURN(const DatasetInfo data,
                            ReadDatasetInfo(channel.path, channel.display_name));
  ModelInfo& info = draft.info;
  info.features = data.feature_names();
  if (info.label.empty()) {
    info.label = data.roles.label;
    info.classes = data.label.classes;
    info.positive_index = data.label.positive_index();
    if (data.label.kind == LabelInfo::Kind::kClasses) {
      info.task = info.classes.size() == 2 ? Task::kBinary : Task::kMulticlass;
    }
  }
  std::erase(info.features, info.label);
  if (data.transform_digest.empty()) {
    for (const std::string& name : info.features) {
      info.raw_features.push_back({name, std::string(Name(data.Find(name)->kind))});
    }
    return Status::Ok();
  }
  PENSTOCK_ASSIGN_OR_RETURN(draft.transform, ReadFile(channel.path / kDatasetTransformFile));
  PENSTOCK_ASSIGN_OR_RETURN(const Transform transform,
                            Transform::Load(channel.path / kDatasetTransformFile));
  for (const ColumnInfo& column : transform.raw_features()) {
    info.raw_features.push_back({column.name, std::string(Name(column.kind))});
  }
  info.transform_digest = data.transform_digest;
  return Status::Ok();
}

// What the definition says of the label; it wins over the data.
void DeclaredLabel(const Json& predict, ModelInfo& info) {
  info.label = JsonString(predict, "label");
  info.classes = TextList(JsonMember(predict, "classes"));
  if (info.classes.empty()) return;
  info.task = info.classes.size() == 2 ? Task::kBinary : Task::kMulticlass;
  if (info.task != Task::kBinary) return;
  const std::string positive = ScalarText(JsonMember(predict, "positive"));
  info.positive_index = positive == info.classes.front() ? 0 : 1;  // the schema has judged it
}

class ScriptModel : public ProgramModel {
 public:
  ScriptModel(const InputArtifact& input, ModelInfo info, Json program)
      : input_(input), info_(std::move(info)), program_(std::move(program)) {}

  Result<Predictions> Predict(const Table& features, StepContext& context) const override {
    const std::string name = input_.display_name.empty() ? "the model" : input_.display_name;
    Result<Predictions> predictions = Run(features, context);
    if (!predictions.ok()) return predictions.status().WithContext("predicting with " + name);
    return predictions;
  }

 private:
  Result<Predictions> Run(const Table& features, StepContext& context) const {
    Json parameters = program_;
    parameters[kScriptNode] = JsonMember(context.parameters(), kScriptNode);
    parameters["hyperparameters"] = info_.hyperparameters;
    const bool contained = !JsonMember(program_, "image").is_null();
    const bool sandboxed =
        contained || (JsonString(program_, "isolation") != "none" &&
                      !JsonString(parameters[kScriptNode], "bubblewrap").empty());
    if (!sandboxed && JsonString(program_, "isolation") == "required") {
      return FailedPrecondition(
          "its program asks for isolation: required, and this worker has no bubblewrap; give the "
          "step resources: {labels: {" +
          std::string(kIsolationLabel) + ": bubblewrap}}");
    }
    PENSTOCK_ASSIGN_OR_RETURN(const fs::path place, NewFolder(context));
    PENSTOCK_RETURN_IF_ERROR(MakeFolders(place));
    ProgramRun run{.parameters = parameters,
                   .folders = {.code = place / "code",
                               .input = place / "input",
                               .model = input_.path / kWritten,
                               .output = place / "out" / "data",
                               .temporary = place / "tmp"},
                   .channels = {kChannel},
                   .arguments = false,
                   .writes_model = false};
    if (context.memory_bytes() > 0) {
      run.memory_bytes = std::max(context.memory_bytes() - OwnMemory(), kLeastMemory);
    }
    // What is here is shared with the store, and a plain process could write to it.
    if (!sandboxed) {
      run.folders.model = place / "model";
      PENSTOCK_RETURN_IF_ERROR(CopyTree(input_.path / kWritten, run.folders.model));
    }
    PENSTOCK_RETURN_IF_ERROR(Place(features, run.folders, context));
    context.Log("predicting " + std::to_string(features.rows) + " rows with the model's program");
    ScriptMetrics metrics(
        Json::array(), [](std::string_view, int64_t, double) {},
        [&context](double fraction, std::string_view note) { context.SetProgress(fraction, note); });
    PENSTOCK_RETURN_IF_ERROR(RunProgram(context, run, metrics));
    PENSTOCK_ASSIGN_OR_RETURN(Predictions predictions, Read(run.folders, features.rows, context));
    PENSTOCK_RETURN_IF_ERROR(RemoveAll(place));
    return predictions;
  }

  // One for each model that the step predicts with.
  static Result<fs::path> NewFolder(StepContext& context) {
    for (int i = 1;; ++i) {
      const fs::path place = context.scratch_dir() / ("program-" + std::to_string(i));
      if (!fs::exists(place)) return place;
    }
  }

  static int64_t OwnMemory() {
    std::ifstream file("/proc/self/statm");
    int64_t total = 0;
    int64_t resident = 0;
    return file >> total >> resident ? resident * sysconf(_SC_PAGESIZE) : 0;
  }

  Status Place(const Table& features, const ScriptFolders& folders, StepContext& context) const {
    const fs::path channel = folders.input / "data" / kChannel;
    const fs::path config = folders.input / "config";
    for (const fs::path& folder : {channel, config, folders.output, folders.temporary}) {
      PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
    }
    if (fs::is_directory(input_.path / kCode)) {
      PENSTOCK_RETURN_IF_ERROR(CopyTree(input_.path / kCode, folders.code));
    } else {
      PENSTOCK_RETURN_IF_ERROR(MakeFolders(folders.code));
    }
    PENSTOCK_RETURN_IF_ERROR(
        WriteFileAtomic(config / "model.json", DumpJsonPretty(ModelInfoToJson(info_)) + "\n"));
    const bool csv = JsonString(program_, "input_format", "csv") == "csv";
    return ExportTable(features, channel / (csv ? "data.csv" : "data.parquet"),
                       csv ? ExportFormat::kCsv : ExportFormat::kParquet, Options(context));
  }

  Result<Predictions> Read(const ScriptFolders& folders, int64_t rows, StepContext& context) const {
    constexpr char kPredictions[] = "predictions.csv";
    const fs::path file = folders.output / kPredictions;
    if (fs::symlink_status(file).type() != fs::file_type::regular) {
      return InvalidArgument(
          "its program wrote no predictions: there is no file "
          "SM_OUTPUT_DATA_DIR/predictions.csv");
    }
    PENSTOCK_ASSIGN_OR_RETURN(const RawTable table, ReadRaw(file, kPredictions, {.header = true},
                                                            {}, {}, Options(context)));
    if (table.table.rows != rows) {
      return InvalidArgument("its program was given " + std::to_string(rows) + " rows, and wrote " +
                             std::to_string(table.table.rows) +
                             " predictions; it must write one for each row, in the same order");
    }
    return ReadPredictions(table, info_, {});
  }

  static TableOptions Options(StepContext& context) {
    return {.threads = context.threads(),
            .memory_bytes = context.memory_bytes(),
            .cancelled = [&context] { return context.cancelled(); }};
  }

  const InputArtifact input_;
  const ModelInfo info_;
  const Json program_;
};

}  // namespace

Result<ModelDraft> DraftModel(StepContext& context, const fs::path& keep) {
  const Json& parameters = context.parameters();
  const Json& predict = JsonMember(parameters, "predict");
  ModelDraft draft;
  ModelInfo& info = draft.info;
  info.algorithm = kProgramAlgorithm;
  info.version = kScriptModelVersion;
  info.hyperparameters = JsonMember(parameters, "hyperparameters");
  info.threshold = JsonDouble(predict, "threshold", info.threshold);
  DeclaredLabel(predict, info);
  std::string channel;
  PENSTOCK_ASSIGN_OR_RETURN(const InputArtifact* training,
                            TrainingChannel(context, predict, &channel));
  if (training != nullptr) PENSTOCK_RETURN_IF_ERROR(LearnSchema(*training, draft));
  if (info.label.empty()) {
    return InvalidArgument(
        "with.predict: " +
        (training == nullptr ? "it is not clear which input the model learns from"
                             : "the input " + channel + " does not say what its label is") +
        "; name the label's column in with.predict.label, and its classes in with.predict.classes"
        " where it is no number");
  }
  for (const std::string& name : context.input_names()) {
    for (const InputArtifact& artifact : context.inputs(name)) {
      if (!name.starts_with(kAttachmentPrefix)) info.data[name] = artifact.digest.value();
    }
  }
  draft.program = {{"format", kFormat},
                   {"command", JsonMember(predict, "command")},
                   {"input_format", JsonString(predict, "input_format", "csv")},
                   {"environment", JsonMember(predict, "environment")}};
  for (const char* name : {"isolation", "network", "image"}) {
    if (parameters.contains(name)) draft.program[name] = parameters[name];
  }
  const StepSchema* schema = Catalog::BuiltIn().Find("script");
  draft.program["labels"] = schema->labels_for(parameters);
  // What it predicts can be used again as what it has learned can.
  draft.program["side_effects"] = !schema->effects_for(parameters).empty();
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(keep));
  draft.files = keep;
  for (const std::string& name : context.input_names()) {
    if (!name.starts_with(kAttachmentPrefix)) continue;
    const fs::path to = keep / name.substr(kAttachmentPrefix.size());
    PENSTOCK_RETURN_IF_ERROR(CopyTree(context.inputs(name).front().path, to));
    // An uploaded file has lost the bit, and the command may be ./predict.sh.
    if (fs::is_regular_file(to)) chmod(to.c_str(), 0755);
  }
  return draft;
}

Status WriteModelTree(const ModelDraft& draft, const fs::path& written, const fs::path& folder) {
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
  PENSTOCK_RETURN_IF_ERROR(Move(written, folder / kWritten));
  std::error_code error;
  if (!fs::is_empty(draft.files, error)) {
    PENSTOCK_RETURN_IF_ERROR(Move(draft.files, folder / kCode));
  }
  if (!draft.transform.empty()) {
    const fs::path place = folder / kModelTransformFile;
    PENSTOCK_RETURN_IF_ERROR(MakeFolders(place.parent_path()));
    PENSTOCK_RETURN_IF_ERROR(WriteFileAtomic(place, draft.transform));
  }
  PENSTOCK_RETURN_IF_ERROR(
      WriteFileAtomic(folder / kProgramFile, DumpJsonPretty(draft.program) + "\n"));
  return WriteModelInfo(folder, draft.info);
}

Result<std::unique_ptr<ProgramModel>> OpenScriptModel(const InputArtifact& input,
                                                      const ModelInfo& info) {
  const Result<std::string> text = ReadFile(input.path / kProgramFile, 1 << 20);
  Result<Json> program = text.ok() ? ParseJson(*text) : Result<Json>(text.status());
  if (!program.ok()) {
    return DataLoss("the model's program.json cannot be read: " + program.status().message(),
                    "MODEL_DAMAGED");
  }
  if (JsonString(*program, "format") != kFormat) {
    return FailedPrecondition("program.json says format \"" + JsonString(*program, "format") +
                                  "\", this program reads \"" + kFormat +
                                  "\"; use the version of Penstock that wrote it",
                              "MODEL_FORMAT");
  }
  return std::unique_ptr<ProgramModel>(
      std::make_unique<ScriptModel>(input, info, *std::move(program)));
}

}  // namespace penstock

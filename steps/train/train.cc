#include "steps/train/train.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "steps/model_io/model_info.h"
#include "steps/process/transform.h"
#include "steps/table/dataset.h"

namespace penstock {
namespace {

// One dataset as it was bound.
struct Source {
  const InputArtifact* artifact = nullptr;
  std::string name;  // for messages
  DatasetInfo info;
};

Result<Source> Open(const InputArtifact& artifact, const std::string& input) {
  Source source{&artifact, artifact.display_name.empty() ? input : artifact.display_name, {}};
  if (!IsDataset(artifact.path)) {
    return InvalidArgument("input " + input + ": " + source.name +
                           " is not a dataset; bind an output of a process step");
  }
  PENSTOCK_ASSIGN_OR_RETURN(source.info, ReadDatasetInfo(artifact.path, source.name));
  if (source.info.label.kind == LabelInfo::Kind::kNone) {
    return InvalidArgument("input " + input + ": " + source.name +
                           " has no label; name the column under `roles.label` in process");
  }
  return source;
}

Status CheckFit(const Source& train, const Source& validation) {
  const auto wrong = [&](const std::string& what) {
    return InvalidArgument("input validation: " + validation.name + " does not fit " + train.name +
                           ": " + what + "; bind outputs of the same process step");
  };
  if (train.info.transform_digest != validation.info.transform_digest) {
    return wrong("it went through another transform");
  }
  if (train.info.roles.label != validation.info.roles.label) {
    return wrong("its label is \"" + validation.info.roles.label + "\", not \"" +
                 train.info.roles.label + "\"");
  }
  if (train.info.label != validation.info.label) {
    return wrong("its label has classes [" + Join(validation.info.label.classes, ", ") +
                 "], not [" + Join(train.info.label.classes, ", ") + "]");
  }
  return Status::Ok();
}

// The raw columns that the model's callers must bring; the transform is copied beside the model.
Status KeepTransform(const Source& train, const std::filesystem::path& folder, ModelInfo& info) {
  if (train.info.transform_digest.empty()) {
    for (const std::string& name : info.features) {
      const ColumnInfo* column = train.info.Find(name);
      info.raw_features.push_back({name, std::string(Name(column->kind))});
    }
    return Status::Ok();
  }
  const std::filesystem::path from = train.artifact->path / kDatasetTransformFile;
  Result<std::string> bytes = ReadFile(from);
  if (!bytes.ok()) {
    return DataLoss(train.name + " says that it went through a transform, but does not hold it (" +
                    kDatasetTransformFile + "); run its process step again");
  }
  PENSTOCK_ASSIGN_OR_RETURN(const Transform transform, Transform::Load(from));
  for (const ColumnInfo& column : transform.raw_features()) {
    info.raw_features.push_back({column.name, std::string(Name(column.kind))});
  }
  info.transform_digest = train.info.transform_digest;
  const std::filesystem::path to = folder / kModelTransformFile;
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(to.parent_path()));
  return WriteFileAtomic(to, *bytes);
}

// A classifier of rows that are all of one class has nothing to tell apart.
Status CheckClasses(const Source& train, const LabelledData& data) {
  const std::vector<std::string>& classes = train.info.label.classes;
  if (classes.empty() || std::any_of(data.labels.begin(), data.labels.end(),
                                     [&](double label) { return label != data.labels.front(); })) {
    return Status::Ok();
  }
  return InvalidArgument(train.name + ": all " + std::to_string(data.labels.size()) +
                         " rows have the class \"" +
                         classes[static_cast<std::size_t>(data.labels.front())] +
                         "\" in column \"" + train.info.roles.label +
                         "\", and learning needs rows of two classes; look at the data, and at "
                         "labels.map and split of the process step");
}

Result<const InputArtifact*> OneInput(StepContext& context, const std::string& name) {
  const std::vector<InputArtifact>& bound = context.inputs(name);
  if (bound.size() == 1) return &bound.front();
  return InvalidArgument("input " + name + " needs one dataset, " + std::to_string(bound.size()) +
                         " are bound");
}

}  // namespace

Result<StepOutcome> RunTrain(const Algorithm& algorithm, StepContext& context) {
  const TableOptions options{.threads = context.threads(),
                             .memory_bytes = context.memory_bytes(),
                             .cancelled = [&context] { return context.cancelled(); }};
  PENSTOCK_ASSIGN_OR_RETURN(const InputArtifact* train_input, OneInput(context, "train"));
  PENSTOCK_ASSIGN_OR_RETURN(const Source train, Open(*train_input, "train"));
  TrainingSetup setup;
  setup.hyperparameters = context.parameters();
  setup.classes = train.info.label.classes;
  setup.positive_index = train.info.label.positive_index();
  PENSTOCK_ASSIGN_OR_RETURN(
      setup.task,
      algorithm.ChooseTask(setup.hyperparameters, static_cast<int>(setup.classes.size())));
  PENSTOCK_ASSIGN_OR_RETURN(const LabelledData data,
                            LoadLabelled(train_input->path, options, train.name));
  if (data.features.rows == 0) return InvalidArgument(train.name + " has no rows to learn from");
  PENSTOCK_RETURN_IF_ERROR(CheckClasses(train, data));
  LabelledData validation_data;
  const bool validated = !context.inputs("validation").empty();
  if (validated) {
    PENSTOCK_ASSIGN_OR_RETURN(const InputArtifact* input, OneInput(context, "validation"));
    PENSTOCK_ASSIGN_OR_RETURN(const Source validation, Open(*input, "validation"));
    PENSTOCK_RETURN_IF_ERROR(CheckFit(train, validation));
    PENSTOCK_ASSIGN_OR_RETURN(
        validation_data, LoadLabelled(input->path, options, validation.name, data.features.names));
    if (validation_data.features.rows == 0) {
      return InvalidArgument(validation.name + " has no rows; leave the input validation out");
    }
  }
  context.Log("training " + std::string(algorithm.name()) + " (" + std::string(Name(setup.task)) +
              ") on " + std::to_string(data.features.rows) + " rows of " +
              std::to_string(data.features.columns.size()) + " features" +
              (validated
                   ? ", validated on " + std::to_string(validation_data.features.rows) + " rows"
                   : ""));
  PENSTOCK_ASSIGN_OR_RETURN(
      TrainResult result,
      algorithm.Train(setup, data, validated ? &validation_data : nullptr, context));
  if (context.cancelled()) return Cancelled("cancelled after training");

  const std::filesystem::path folder = context.output_dir() / "model";
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
  PENSTOCK_RETURN_IF_ERROR(result.model->Save(folder));
  ModelInfo info;
  info.algorithm = algorithm.name();
  info.version = algorithm.version();
  info.task = setup.task;
  info.label = train.info.roles.label;
  info.classes = setup.classes;
  info.positive_index = setup.positive_index;
  info.features = data.features.names;
  info.hyperparameters = setup.hyperparameters;
  for (const char* input : {"train", "validation"}) {
    for (const InputArtifact& artifact : context.inputs(input)) {
      info.data[input] = artifact.digest.value();
    }
  }
  info.importance = result.model->FeatureImportance();
  PENSTOCK_RETURN_IF_ERROR(KeepTransform(train, folder, info));
  PENSTOCK_RETURN_IF_ERROR(WriteModelInfo(folder, info));

  StepOutcome outcome;
  outcome.outputs.push_back({"model", folder, ArtifactType::kModel});
  outcome.metrics = std::move(result.metrics);
  outcome.metrics["rows"] = static_cast<double>(data.features.rows);
  outcome.metrics["features"] = static_cast<double>(data.features.columns.size());
  return outcome;
}

}  // namespace penstock

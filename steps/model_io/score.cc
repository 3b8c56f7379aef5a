#include "steps/model_io/score.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "steps/model_io/read_predictions.h"
#include "steps/table/dataset.h"
#include "steps/table/read.h"

namespace penstock {
namespace {

std::string NameOf(const InputArtifact& input) {
  return input.display_name.empty() ? input.path.filename().string() : input.display_name;
}

// The features and labels of one input, before the model sees them.
struct Prepared {
  Features features;
  Table table;  // instead of `features`, for a program
  bool has_labels = false;
  std::vector<double> labels;
  std::vector<double> weights;
  Table kept;
};

Status CheckClasses(const ModelInfo& model, const LabelInfo& label, const std::string& name) {
  const bool classes = label.kind == LabelInfo::Kind::kClasses;
  if (label.kind == LabelInfo::Kind::kNone) return Status::Ok();
  if (classes != (model.task != Task::kRegression)) {
    return InvalidArgument(name + ": its label is " + (classes ? "a class" : "a number") +
                           ", the model predicts " + (classes ? "numbers" : "classes"));
  }
  if (label.classes != model.classes) {
    return InvalidArgument(name + ": its classes are [" + Join(label.classes, ", ") +
                           "], the model's [" + Join(model.classes, ", ") +
                           "]; process the data with the model's own transform");
  }
  if (model.task == Task::kBinary && !label.positive.empty() && model.positive_index >= 0 &&
      label.positive != model.positive()) {
    return InvalidArgument(name + ": its positive class is \"" + label.positive +
                           "\", the model's \"" + model.positive() + "\"");
  }
  return Status::Ok();
}

// Data that went through the model's transform already, or through none where it has none.
Result<Prepared> PrepareProcessed(const LoadedModel& model, const InputArtifact& data,
                                  const DatasetInfo& info, const ScoreOptions& options,
                                  const TableOptions& table_options) {
  const std::string name = NameOf(data);
  std::vector<std::string> lacking;
  for (const std::string& feature : model.info.features) {
    if (info.Find(feature) == nullptr) lacking.push_back("\"" + feature + "\"");
  }
  if (!lacking.empty()) {
    const size_t count = lacking.size();
    if (count > 5) lacking.resize(5);
    return InvalidArgument(name + " lacks " + std::to_string(count) + " of the model's " +
                           std::to_string(model.info.features.size()) +
                           " features: " + Join(lacking, ", ") + (count > 5 ? ", …" : "") +
                           "; use data with the columns that the model was trained on");
  }
  const bool labels = options.labels && !info.roles.label.empty();
  if (labels) PENSTOCK_RETURN_IF_ERROR(CheckClasses(model.info, info.label, name));
  std::vector<std::string> wanted = model.info.features;
  std::set<std::string> known(wanted.begin(), wanted.end());
  const auto want = [&](const std::string& column) {
    if (known.insert(column).second) wanted.push_back(column);
  };
  if (labels) want(info.roles.label);
  if (options.labels && !info.roles.weight.empty()) want(info.roles.weight);
  for (const std::string& column : options.keep) want(column);
  PENSTOCK_ASSIGN_OR_RETURN(Table table, LoadDataset(data.path, wanted, table_options, name));

  Prepared prepared;
  for (const std::string& column : options.keep) {
    const Column* kept = table.Find(column);
    if (kept == nullptr) return InvalidArgument(name + " has no column \"" + column + "\" to keep");
    prepared.kept.columns.push_back(*kept);
  }
  prepared.kept.rows = table.rows;
  prepared.has_labels = labels;
  if (labels) {
    Result<std::vector<double>> values = LabelsOf(*table.Find(info.roles.label), info.label);
    if (!values.ok()) return values.status().WithContext(name);
    prepared.labels = std::move(*values);
  }
  if (options.labels && !info.roles.weight.empty()) {
    prepared.weights = table.Find(info.roles.weight)->numbers;
  }
  prepared.features.rows = prepared.table.rows = table.rows;
  prepared.features.names = model.info.features;
  for (size_t j = 0; j < model.info.features.size(); ++j) {  // LoadDataset keeps the order asked
    Column& column = *table.Find(model.info.features[j]);
    if (model.program != nullptr) {
      prepared.table.columns.push_back(std::move(column));
      continue;
    }
    if (column.is_text()) {
      return InvalidArgument(name + ": the feature \"" + column.info.name +
                             "\" is text; encode it in process with one_hot or ordinal");
    }
    prepared.features.columns.push_back(std::move(column.numbers));
  }
  return prepared;
}

Result<Prepared> PrepareRaw(const LoadedModel& model, const InputArtifact& data,
                            const ScoreOptions& options, StepContext& context) {
  PENSTOCK_ASSIGN_OR_RETURN(
      AppliedData applied,
      model.transform->ApplyToRaw(
          data,
          {.labels = options.labels, .keep = options.keep, .as_table = model.program != nullptr},
          context));
  const std::vector<std::string> names =
      model.program != nullptr ? applied.table.names() : applied.features.names;
  if (names != model.info.features) {
    return DataLoss(
        "the model's transform gives other columns than the model was trained on; the "
        "model tree is damaged",
        "MODEL_DAMAGED");
  }
  if (applied.has_labels) {
    PENSTOCK_RETURN_IF_ERROR(CheckClasses(model.info, model.transform->label(), NameOf(data)));
  }
  Prepared prepared;
  prepared.features = std::move(applied.features);
  prepared.table = std::move(applied.table);
  prepared.has_labels = applied.has_labels;
  prepared.labels = std::move(applied.labels);
  prepared.weights = std::move(applied.weights);
  prepared.kept = std::move(applied.kept);
  return prepared;
}

// The columns that a program without a transform reads: those that it learned from, else all that
// are no label and have no other role.
Result<std::vector<std::string>> ColumnsFor(const ModelInfo& model, const RawTable& raw,
                                            const std::string& name) {
  std::vector<std::string> columns = model.features;
  if (columns.empty() && raw.dataset) columns = raw.dataset->feature_names();
  if (columns.empty()) columns = raw.table.names();
  if (model.features.empty()) std::erase(columns, model.label);
  for (const std::string& column : columns) {
    if (raw.table.Find(column) != nullptr) continue;
    return InvalidArgument(name + " has no column \"" + column +
                           "\", which the model has learned from" +
                           SuggestColumn(column, raw.table.names()));
  }
  if (columns.empty()) return InvalidArgument(name + " has no column beside the label");
  return columns;
}

// Data for a program that has no transform: any file of rows, or a dataset.
Result<Prepared> PrepareFile(const LoadedModel& model, const InputArtifact& data,
                             const ScoreOptions& options, const TableOptions& table_options) {
  const std::string name = NameOf(data);
  PENSTOCK_ASSIGN_OR_RETURN(RawTable raw, ReadRaw(data.path, name, {}, {}, {}, table_options));
  Prepared prepared;
  prepared.kept.rows = prepared.table.rows = raw.table.rows;
  for (const std::string& column : options.keep) {
    const Column* kept = raw.table.Find(column);
    if (kept == nullptr) return InvalidArgument(name + " has no column \"" + column + "\" to keep");
    prepared.kept.columns.push_back(*kept);
  }
  const Column* label = options.labels ? raw.table.Find(model.info.label) : nullptr;
  if (label != nullptr) {
    PENSTOCK_ASSIGN_OR_RETURN(prepared.labels,
                              model.info.task == Task::kRegression
                                  ? ReadNumbers(raw, *label, "label")
                                  : ReadClasses(raw, *label, model.info.classes, "label"));
    prepared.has_labels = true;
  }
  const std::string weight = raw.dataset ? raw.dataset->roles.weight : "";
  if (options.labels && raw.table.Find(weight) != nullptr) {
    prepared.weights = raw.table.Find(weight)->numbers;
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> columns,
                            ColumnsFor(model.info, raw, name));
  for (const std::string& column : columns) {
    prepared.table.columns.push_back(std::move(*raw.table.Find(column)));
  }
  return prepared;
}

Result<Prepared> Prepare(const LoadedModel& model, const InputArtifact& data,
                         const ScoreOptions& options, StepContext& context) {
  const std::string name = NameOf(data);
  std::optional<DatasetInfo> info;
  if (IsDataset(data.path)) {
    PENSTOCK_ASSIGN_OR_RETURN(info, ReadDatasetInfo(data.path, name));
  }
  const bool processed = info.has_value() && !info->transform_digest.empty();
  if (processed && info->transform_digest != model.info.transform_digest) {
    return InvalidArgument(
        name + " went through another transform (" + info->transform_digest.substr(0, 12) +
            ") than the model's training data (" +
            (model.info.transform_digest.empty() ? "none"
                                                 : model.info.transform_digest.substr(0, 12)) +
            "); give raw data, or process them with the model's own transform as input `transform`",
        "TRANSFORM_MISMATCH");
  }
  if (!processed && model.transform != nullptr) return PrepareRaw(model, data, options, context);
  const TableOptions table_options{.threads = context.threads(),
                                   .memory_bytes = context.memory_bytes(),
                                   .cancelled = [&context] { return context.cancelled(); }};
  if (!processed && model.program != nullptr) {
    return PrepareFile(model, data, options, table_options);
  }
  if (!info.has_value()) {
    return InvalidArgument(name +
                           " is not a dataset, and the model has no transform that could "
                           "read it; run process first");
  }
  return PrepareProcessed(model, data, *info, options, table_options);
}

// The algorithm's own part of a model, or the program that it is.
Status Load(const InputArtifact& input, const ModelKinds& kinds, LoadedModel& loaded) {
  const std::string& wanted = loaded.info.algorithm;
  if (wanted == kProgramAlgorithm && kinds.open_program) {
    PENSTOCK_ASSIGN_OR_RETURN(loaded.program, kinds.open_program(input, loaded.info));
    return Status::Ok();
  }
  const Algorithm* algorithm = kinds.algorithms.Find(wanted);
  if (algorithm == nullptr) {
    std::vector<std::string> known;
    for (const Algorithm* other : kinds.algorithms.All()) known.emplace_back(other->name());
    return InvalidArgument("it was trained by \"" + wanted + "\", which this worker does not have" +
                           Suggestion(wanted, known));
  }
  PENSTOCK_ASSIGN_OR_RETURN(loaded.model,
                            algorithm->Load(input.path, ModelInfoToJson(loaded.info)));
  return Status::Ok();
}

}  // namespace

Result<LoadedModel> LoadModel(const InputArtifact& input, const ModelKinds& kinds) {
  const std::string name = NameOf(input);
  LoadedModel loaded;
  PENSTOCK_ASSIGN_OR_RETURN(loaded.info, ReadModelInfo(input.path, name));
  PENSTOCK_RETURN_IF_ERROR(Load(input, kinds, loaded).WithContext(name));
  if (!loaded.info.transform_digest.empty()) {
    Result<Transform> transform = Transform::Load(input.path / kModelTransformFile);
    if (!transform.ok()) {
      return DataLoss(
          name + ": the model's transform cannot be read: " + transform.status().message(),
          "MODEL_DAMAGED");
    }
    loaded.transform = std::make_unique<const Transform>(std::move(*transform));
  }
  return loaded;
}

Result<ScoredInput> ScoreInput(const LoadedModel& model, const InputArtifact& data,
                               const ScoreOptions& options, StepContext& context) {
  PENSTOCK_ASSIGN_OR_RETURN(Prepared prepared, Prepare(model, data, options, context));
  if (context.cancelled()) return Cancelled("cancelled before scoring");
  ScoredInput scored;
  PENSTOCK_ASSIGN_OR_RETURN(scored.predictions,
                            model.program != nullptr
                                ? model.program->Predict(prepared.table, context)
                                : model.model->Predict(prepared.features, context.threads()));
  scored.has_labels = prepared.has_labels;
  scored.labels = std::move(prepared.labels);
  scored.weights = std::move(prepared.weights);
  scored.kept = std::move(prepared.kept);
  return scored;
}

}  // namespace penstock

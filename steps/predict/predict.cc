#include "steps/predict/predict.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/file.h"
#include "steps/table/dataset.h"
#include "steps/table/show.h"

namespace penstock {
namespace {

Column ClassColumn(const std::vector<std::string>& classes, std::vector<int32_t> codes) {
  Column column;
  column.info.name = "prediction";
  column.info.type = ColumnType::kString;
  column.info.kind = ColumnKind::kCategorical;
  // Dictionaries are in order of first appearance.
  std::vector<int32_t> renamed(classes.size(), -1);
  for (int32_t& code : codes) {
    int32_t& name = renamed[static_cast<size_t>(code)];
    if (name < 0) {
      name = static_cast<int32_t>(column.strings.dictionary.size());
      column.strings.dictionary.push_back(classes[static_cast<size_t>(code)]);
    }
    code = name;
  }
  column.strings.codes = std::move(codes);
  return column;
}

// The predicted class of each row.
std::vector<int32_t> Choose(const ModelInfo& model, const Predictions& predictions,
                            double threshold) {
  const size_t rows = static_cast<size_t>(predictions.rows);
  const size_t width = static_cast<size_t>(predictions.columns);
  std::vector<int32_t> codes(rows);
  for (size_t i = 0; i < rows; ++i) {
    const double* row = predictions.scores.data() + i * width;
    if (model.task == Task::kBinary) {
      const int positive = model.positive_index == 0 ? 0 : 1;
      codes[i] = row[positive] >= threshold ? positive : 1 - positive;
    } else {
      codes[i] = static_cast<int32_t>(std::max_element(row, row + width) - row);
    }
  }
  return codes;
}

std::vector<double> ScoresOfClass(const Predictions& predictions, size_t index) {
  std::vector<double> values(static_cast<size_t>(predictions.rows));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = predictions.scores[i * static_cast<size_t>(predictions.columns) + index];
  }
  return values;
}

Result<PredictionColumns> WantedColumns(const Json& wanted, Task task) {
  PredictionColumns columns;
  if (!wanted.is_array()) {
    columns.probability = task != Task::kRegression;
    columns.probabilities = task == Task::kMulticlass;
    return columns;
  }
  const auto wants = [&](const char* name) {
    return std::find(wanted.begin(), wanted.end(), Json(name)) != wanted.end();
  };
  columns = {wants("label"), wants("probability"), wants("probabilities")};
  if (task == Task::kRegression && (columns.probability || columns.probabilities)) {
    return InvalidArgument(
        "with.columns: the model predicts numbers and has no probabilities; "
        "use [label]");
  }
  return columns;
}

// The model says classes, and not how sure it is of them.
Status LeaveOutProbabilities(const Json& wanted, PredictionColumns& columns) {
  if (wanted.is_array() && (columns.probability || columns.probabilities)) {
    return InvalidArgument(
        "with.columns: the model predicts classes alone, without probabilities; use [label]");
  }
  columns.probability = false;
  columns.probabilities = false;
  return Status::Ok();
}

Result<const InputArtifact*> OneInput(StepContext& context, const std::string& name) {
  const std::vector<InputArtifact>& bound = context.inputs(name);
  if (bound.size() == 1) return &bound.front();
  return InvalidArgument("input " + name + " needs one artifact, " + std::to_string(bound.size()) +
                         " are bound");
}

}  // namespace

Result<Table> PredictionTable(const ModelInfo& model, ScoredInput scored, double threshold,
                              const PredictionColumns& columns) {
  Table table = std::move(scored.kept);
  const Predictions& predictions = scored.predictions;
  table.rows = predictions.rows;
  if (model.task == Task::kRegression) {
    if (columns.label) table.columns.push_back(MakeNumberColumn("prediction", predictions.scores));
  } else {
    std::vector<int32_t> codes = Choose(model, predictions, threshold);
    std::vector<double> probability;
    if (columns.probability) {
      probability.resize(codes.size());
      const size_t width = static_cast<size_t>(predictions.columns);
      const size_t positive = model.positive_index == 0 ? 0 : 1;
      for (size_t i = 0; i < codes.size(); ++i) {
        const size_t index = model.task == Task::kBinary ? positive : static_cast<size_t>(codes[i]);
        probability[i] = predictions.scores[i * width + index];
      }
    }
    if (columns.label) table.columns.push_back(ClassColumn(model.classes, std::move(codes)));
    if (columns.probability) {
      table.columns.push_back(MakeNumberColumn("probability", std::move(probability)));
    }
    for (size_t k = 0; columns.probabilities && k < model.classes.size(); ++k) {
      table.columns.push_back(
          MakeNumberColumn("probability_" + model.classes[k], ScoresOfClass(predictions, k)));
    }
  }
  std::set<std::string> names;
  for (const Column& column : table.columns) {
    if (!names.insert(column.info.name).second) {
      return InvalidArgument("with.keep: two columns of the output would be called \"" +
                             column.info.name + "\"; leave it out of keep");
    }
  }
  return table;
}

Result<StepOutcome> RunPredict(const ModelKinds& kinds, StepContext& context) {
  const Json& parameters = context.parameters();
  PENSTOCK_ASSIGN_OR_RETURN(const InputArtifact* model_input, OneInput(context, "model"));
  PENSTOCK_ASSIGN_OR_RETURN(const InputArtifact* data, OneInput(context, "data"));
  PENSTOCK_ASSIGN_OR_RETURN(const LoadedModel model, LoadModel(*model_input, kinds));
  PENSTOCK_ASSIGN_OR_RETURN(PredictionColumns columns,
                            WantedColumns(JsonMember(parameters, "columns"), model.info.task));
  ScoreOptions options;
  for (const Json& name : JsonMember(parameters, "keep")) {
    if (name.is_string()) options.keep.push_back(name.get<std::string>());
  }
  PENSTOCK_ASSIGN_OR_RETURN(ScoredInput scored, ScoreInput(model, *data, options, context));
  double threshold = JsonDouble(parameters, "threshold", model.info.threshold);
  if (model.info.task != Task::kRegression && !scored.predictions.probabilities) {
    PENSTOCK_RETURN_IF_ERROR(LeaveOutProbabilities(JsonMember(parameters, "columns"), columns));
    threshold = 0.5;  // the score of what was predicted is 1
  }
  PENSTOCK_ASSIGN_OR_RETURN(const Table table,
                            PredictionTable(model.info, std::move(scored), threshold, columns));
  context.SetProgress(0.8, "writing " + std::to_string(table.rows) + " predictions");

  const std::filesystem::path folder = context.output_dir() / "predictions";
  const TableOptions table_options{.threads = context.threads(),
                                   .memory_bytes = context.memory_bytes(),
                                   .cancelled = [&context] { return context.cancelled(); }};
  if (JsonString(JsonMember(parameters, "write"), "format") == "csv") {
    PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
    PENSTOCK_RETURN_IF_ERROR(
        ExportTable(table, folder / "predictions.csv", ExportFormat::kCsv, table_options));
  } else {
    DatasetInfo info;
    info.roles.keep = options.keep;
    PENSTOCK_RETURN_IF_ERROR(WriteDataset(folder, table, info, table_options));
  }
  context.Log("scored " + std::to_string(table.rows) + " rows");
  StepOutcome outcome;
  outcome.outputs.push_back({"predictions", folder, ArtifactType::kDataset});
  outcome.metrics["rows"] = static_cast<double>(table.rows);
  return outcome;
}

}  // namespace penstock

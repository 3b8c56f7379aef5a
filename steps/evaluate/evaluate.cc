#include "steps/evaluate/evaluate.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "steps/evaluate/champion.h"
#include "steps/evaluate/given.h"
#include "steps/evaluate/metrics.h"
#include "steps/predict/predict.h"
#include "steps/table/dataset.h"

namespace penstock {
namespace {

constexpr std::size_t kCurvePoints = 500;
// A class this rare makes accuracy say little.
constexpr double kRareShare = 0.1;

// Collects measures into the report's section and the step's scalars at once.
class Section {
 public:
  Section(Evaluation& evaluation, std::string name)
      : evaluation_(evaluation), name_(std::move(name)) {
    evaluation_.report[name_] = Json::object();
  }
  Json& json() { return evaluation_.report[name_]; }
  // `metric` empty: in the report alone.
  void Add(const std::string& key, const Measure& measure, const std::string& metric) {
    Json entry = Json::object();
    if (measure.defined()) {
      entry["value"] = measure.value;
    } else {
      entry["value"] = nullptr;
      entry["reason"] = measure.reason;
    }
    json()[key] = std::move(entry);
    if (!metric.empty()) evaluation_.metrics[metric] = measure.value;
  }

 private:
  Evaluation& evaluation_;
  const std::string name_;
};

Measure NoProbabilities() {
  return {std::numeric_limits<double>::quiet_NaN(), "the predictions are classes alone"};
}

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g %%", share * 100);
  return text;
}

void WarnOfImbalance(const std::vector<std::string>& classes, const std::vector<double>& supports,
                     double accuracy, Evaluation& evaluation) {
  double total = 0;
  for (const double support : supports) total += support;
  if (total <= 0) return;
  const auto rarest = std::min_element(supports.begin(), supports.end());
  const double most = *std::max_element(supports.begin(), supports.end()) / total;
  if (*rarest / total >= kRareShare) return;
  const std::string& name = classes[static_cast<std::size_t>(rarest - supports.begin())];
  evaluation.warnings.push_back(
      "the classes are unbalanced: \"" + name + "\" is " + Percent(*rarest / total) +
      " of the rows, so that always saying the commonest class would have an accuracy of " +
      FormatDouble(std::round(most * 1e4) / 1e4) + " (the model's is " +
      FormatDouble(std::round(accuracy * 1e4) / 1e4) +
      "); judge by recall, precision, F1 or auc_pr instead");
}

void EvaluateBinary(const ModelInfo& model, const ScoredInput& scored, double threshold,
                    Evaluation& evaluation) {
  const auto positive = static_cast<std::size_t>(model.positive_index == 0 ? 0 : 1);
  const std::size_t rows = scored.labels.size();
  std::vector<double> is_positive(rows);
  std::vector<double> scores(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    is_positive[i] = static_cast<std::size_t>(scored.labels[i]) == positive ? 1 : 0;
    scores[i] = scored.predictions.scores[2 * i + positive];
  }
  const BinaryCounts counts = CountBinary(is_positive, scores, scored.weights, threshold);
  const bool ranked = scored.predictions.probabilities;
  const RankMeasures ranking =
      ranked ? MeasureRanking(is_positive, scores, scored.weights, kCurvePoints)
             : RankMeasures{NoProbabilities(), NoProbabilities(), {}, {}};
  Section section(evaluation, "binary_classification_metrics");
  const std::string& yes = model.classes[positive];
  const std::string& no = model.classes[1 - positive];
  section.json()["confusion_matrix"] = {{no, {{no, counts.tn}, {yes, counts.fp}}},
                                        {yes, {{no, counts.fn}, {yes, counts.tp}}}};
  section.Add("accuracy", Accuracy(counts), "accuracy");
  section.Add("precision", Precision(counts), "precision");
  section.Add("recall", Recall(counts), "recall");
  section.Add("f0_5", FBeta(counts, 0.5), "");
  section.Add("f1", FBeta(counts, 1), "f1");
  section.Add("f2", FBeta(counts, 2), "");
  section.Add("true_positive_rate", Recall(counts), "");
  section.Add("true_negative_rate", Specificity(counts), "specificity");
  section.Add("auc", ranking.auc, "auc");
  section.Add("au_prc", ranking.auc_pr, "auc_pr");
  section.Add("log_loss",
              ranked ? LogLoss(scored.labels, scored.predictions.scores, 2, scored.weights)
                     : NoProbabilities(),
              "log_loss");
  section.json()["receiver_operating_characteristic_curve"] = {
      {"false_positive_rates", ranking.roc.x}, {"true_positive_rates", ranking.roc.y}};
  section.json()["precision_recall_curve"] = {{"precisions", ranking.pr.y},
                                              {"recalls", ranking.pr.x}};
  evaluation.metrics["tp"] = counts.tp;
  evaluation.metrics["fn"] = counts.fn;
  evaluation.metrics["fp"] = counts.fp;
  evaluation.metrics["tn"] = counts.tn;
  evaluation.metrics["threshold"] = threshold;
  evaluation.metrics["positive_share"] = (counts.tp + counts.fn) / counts.total();
  evaluation.report["threshold"] = threshold;
  evaluation.report["positive_class"] = yes;
  std::vector<double> supports(2);
  supports[positive] = counts.tp + counts.fn;
  supports[1 - positive] = counts.tn + counts.fp;
  WarnOfImbalance(model.classes, supports, Accuracy(counts).value, evaluation);
}

void EvaluateMulticlass(const ModelInfo& model, const ScoredInput& scored, Evaluation& evaluation) {
  const std::size_t width = model.classes.size();
  std::vector<int32_t> predicted(scored.labels.size());
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    const double* row = scored.predictions.scores.data() + i * width;
    predicted[i] = static_cast<int32_t>(std::max_element(row, row + width) - row);
  }
  const MulticlassMeasures measures =
      MeasureMulticlass(scored.labels, predicted, static_cast<int>(width), scored.weights);
  Section section(evaluation, "multiclass_classification_metrics");
  std::vector<double> supports;
  for (std::size_t k = 0; k < width; ++k) {
    Json row = Json::object();
    for (std::size_t j = 0; j < width; ++j) row[model.classes[j]] = measures.matrix[k][j];
    section.json()["confusion_matrix"][model.classes[k]] = std::move(row);
    const ClassMeasures& one = measures.classes[k];
    Json each = {{"support", one.support}};
    for (const auto& [name, measure] :
         {std::pair{"precision", &one.precision}, std::pair{"recall", &one.recall},
          std::pair{"f1", &one.f1}}) {
      each[name] = measure->defined() ? Json(measure->value) : Json();
    }
    section.json()["by_class"][model.classes[k]] = std::move(each);
    supports.push_back(one.support);
  }
  section.Add("accuracy", measures.accuracy, "accuracy");
  section.Add("macro_precision", measures.macro_precision, "macro_precision");
  section.Add("macro_recall", measures.macro_recall, "macro_recall");
  section.Add("macro_f1", measures.macro_f1, "macro_f1");
  section.Add("micro_precision", measures.micro_precision, "micro_precision");
  section.Add("micro_recall", measures.micro_recall, "micro_recall");
  section.Add("micro_f1", measures.micro_f1, "micro_f1");
  section.Add("weighted_precision", measures.weighted_precision, "weighted_precision");
  section.Add("weighted_recall", measures.weighted_recall, "weighted_recall");
  section.Add("weighted_f1", measures.weighted_f1, "weighted_f1");
  section.Add("log_loss",
              scored.predictions.probabilities ? LogLoss(scored.labels, scored.predictions.scores,
                                                         static_cast<int>(width), scored.weights)
                                               : NoProbabilities(),
              "log_loss");
  WarnOfImbalance(model.classes, supports, measures.accuracy.value, evaluation);
}

void EvaluateRegression(const ScoredInput& scored, Evaluation& evaluation) {
  const RegressionMeasures measures =
      MeasureRegression(scored.labels, scored.predictions.scores, scored.weights);
  Section section(evaluation, "regression_metrics");
  section.Add("mse", measures.mse, "mse");
  section.Add("rmse", measures.rmse, "rmse");
  section.Add("mae", measures.mae, "mae");
  section.Add("r2", measures.r2, "r2");
}

// "judged 100 rows: accuracy 0.87, auc 0.91".
std::string Summary(const Evaluation& evaluation) {
  std::string text;
  for (const char* name : {"accuracy", "auc", "f1", "precision", "recall", "macro_f1", "log_loss",
                           "rmse", "mae", "r2"}) {
    const auto found = evaluation.metrics.find(name);
    if (found == evaluation.metrics.end()) continue;
    text += (text.empty() ? ": " : ", ") + std::string(name) + " " +
            (std::isnan(found->second) ? std::string("undefined")
                                       : FormatDouble(std::round(found->second * 1e5) / 1e5));
  }
  return "judged " + FormatNumber(evaluation.metrics.at("rows")) + " rows" + text;
}

// The data's own labels, as a column beside the predictions.
Column LabelColumn(const ModelInfo& model, const ScoredInput& scored) {
  if (model.task == Task::kRegression) return MakeNumberColumn("label", scored.labels);
  std::vector<std::string> values;
  values.reserve(scored.labels.size());
  for (const double label : scored.labels) {
    values.push_back(model.classes[static_cast<std::size_t>(label)]);
  }
  return MakeStringColumn("label", values);
}

Result<const InputArtifact*> OneInput(StepContext& context, const std::string& name) {
  const std::vector<InputArtifact>& bound = context.inputs(name);
  if (bound.size() == 1) return &bound.front();
  return InvalidArgument("input " + name + " needs one artifact, " + std::to_string(bound.size()) +
                         " are bound");
}

Result<GivenPredictions> ScoreWithModel(const ModelKinds& kinds, StepContext& context) {
  PENSTOCK_ASSIGN_OR_RETURN(const InputArtifact* input, OneInput(context, "model"));
  PENSTOCK_ASSIGN_OR_RETURN(const InputArtifact* data, OneInput(context, "data"));
  PENSTOCK_ASSIGN_OR_RETURN(LoadedModel model, LoadModel(*input, kinds));
  GivenPredictions judged;
  PENSTOCK_ASSIGN_OR_RETURN(judged.scored,
                            ScoreInput(model, *data, {.labels = true, .keep = {}}, context));
  if (!judged.scored.has_labels) {
    return InvalidArgument(data->display_name + " has no label \"" + model.info.label +
                           "\" to judge predictions by; give evaluate data with labels, or use "
                           "predict");
  }
  judged.info = std::move(model.info);
  return judged;
}

Status CheckLabels(const ScoredInput& scored, StepContext& context) {
  const bool data = !context.inputs("data").empty();
  const std::string& name = context.inputs(data ? "data" : "predictions").front().display_name;
  for (std::size_t i = 0; i < scored.labels.size(); ++i) {
    if (std::isnan(scored.labels[i])) {
      return InvalidArgument(name + ": row " + std::to_string(i + 1) +
                             " has no label; drop such rows before (labels: {missing: drop})");
    }
  }
  if (scored.labels.empty()) return InvalidArgument(name + " has no rows");
  return Status::Ok();
}

}  // namespace

Evaluation Evaluate(const ModelInfo& model, const ScoredInput& scored, double threshold) {
  Evaluation evaluation;
  evaluation.report = Json{{"format", "penstock-report/1"},
                           {"task", std::string(Name(model.task))},
                           {"label", model.label},
                           {"rows", scored.labels.size()}};
  if (!model.algorithm.empty()) {
    evaluation.report["algorithm"] = model.algorithm + "@" + model.version;
  }
  if (!model.classes.empty()) evaluation.report["classes"] = model.classes;
  evaluation.metrics["rows"] = static_cast<double>(scored.labels.size());
  switch (model.task) {
    case Task::kBinary:
      EvaluateBinary(model, scored, threshold, evaluation);
      break;
    case Task::kMulticlass:
      EvaluateMulticlass(model, scored, evaluation);
      break;
    case Task::kRegression:
      EvaluateRegression(scored, evaluation);
      break;
  }
  evaluation.report["warnings"] = evaluation.warnings;
  return evaluation;
}

Result<StepOutcome> RunEvaluate(const ModelKinds& kinds, StepContext& context) {
  const bool given = !context.inputs("predictions").empty();
  PENSTOCK_ASSIGN_OR_RETURN(GivenPredictions judged,
                            given ? ReadGivenPredictions(context) : ScoreWithModel(kinds, context));
  const ModelInfo& info = judged.info;
  ScoredInput& scored = judged.scored;
  PENSTOCK_RETURN_IF_ERROR(CheckLabels(scored, context));
  context.SetProgress(0.5, "judging " + std::to_string(scored.labels.size()) + " rows");

  // The threshold comes with the model or the definition; it is never chosen on these data.
  // Where there is no probability, what was predicted counts.
  const double threshold = scored.predictions.probabilities
                               ? JsonDouble(context.parameters(), "threshold", info.threshold)
                               : 0.5;
  Evaluation evaluation = Evaluate(info, scored, threshold);
  context.Log(Summary(evaluation));
  PENSTOCK_RETURN_IF_ERROR(CompareWithChampion(kinds, info, scored, context, evaluation));
  for (const std::string& warning : evaluation.warnings) context.Log("warning: " + warning);

  const std::filesystem::path folder = context.output_dir() / "report";
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
  PENSTOCK_RETURN_IF_ERROR(
      WriteFileAtomic(folder / "report.json", DumpJsonPretty(evaluation.report) + "\n"));

  Table table;
  Column label = LabelColumn(info, scored);
  const bool probabilities = scored.predictions.probabilities;
  PENSTOCK_ASSIGN_OR_RETURN(
      table, PredictionTable(info, std::move(scored), threshold,
                             {.label = true,
                              .probability = info.task != Task::kRegression && probabilities,
                              .probabilities = info.task == Task::kMulticlass && probabilities}));
  table.columns.insert(table.columns.begin(), std::move(label));
  const std::filesystem::path predictions = context.output_dir() / "predictions";
  PENSTOCK_RETURN_IF_ERROR(WriteDataset(predictions, table, DatasetInfo(),
                                        {.threads = context.threads(),
                                         .memory_bytes = context.memory_bytes(),
                                         .cancelled = [&context] { return context.cancelled(); }}));

  StepOutcome outcome;
  outcome.outputs.push_back({"report", folder, ArtifactType::kReport});
  outcome.outputs.push_back({"predictions", predictions, ArtifactType::kDataset});
  outcome.metrics = evaluation.metrics;
  outcome.report = evaluation.report;
  return outcome;
}

}  // namespace penstock

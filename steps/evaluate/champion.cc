#include "steps/evaluate/champion.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/digest.h"
#include "base/text.h"
#include "steps/evaluate/comparison.h"

namespace penstock {
namespace {

PairedMeasure MeasureOf(Task task, bool probabilities) {
  switch (task) {
    case Task::kBinary:
      return probabilities ? PairedMeasure::kAuc : PairedMeasure::kAccuracy;
    case Task::kMulticlass:
      return PairedMeasure::kAccuracy;
    case Task::kRegression:
      return PairedMeasure::kRmse;
  }
  return PairedMeasure::kRmse;
}

std::string Name(PairedMeasure measure) {
  switch (measure) {
    case PairedMeasure::kAuc:
      return "auc";
    case PairedMeasure::kAccuracy:
      return "accuracy";
    case PairedMeasure::kRmse:
      return "rmse";
  }
  return {};
}

// "census/3" for a registered model; any other is known by its content.
std::string NameOf(const InputArtifact& champion) {
  const std::string& name = champion.display_name;
  const auto slash = name.find('/');
  const bool registered = slash != std::string::npos && IsName(name.substr(0, slash)) &&
                          slash + 1 < name.size() &&
                          name.find_first_not_of("0123456789", slash + 1) == std::string::npos;
  return registered ? name : FormatDigest(champion.digest);
}

Status CheckAlike(const ModelInfo& model, const ModelInfo& champion, const std::string& name) {
  if (model.task != champion.task) {
    return InvalidArgument("champion " + name + " is a model for " +
                           std::string(Name(champion.task)) + ", the model one for " +
                           std::string(Name(model.task)) + "; they cannot be compared");
  }
  if (model.classes != champion.classes || model.positive() != champion.positive()) {
    return InvalidArgument("champion " + name + " tells the classes [" +
                           Join(champion.classes, ", ") + "] apart, the model [" +
                           Join(model.classes, ", ") + "]; they cannot be compared");
  }
  return Status::Ok();
}

std::vector<double> ScoresOf(PairedMeasure measure, const ModelInfo& model,
                             const ScoredInput& scored) {
  if (measure == PairedMeasure::kRmse) return scored.predictions.scores;
  const std::size_t width = model.classes.size();
  std::vector<double> scores(scored.labels.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double* row = scored.predictions.scores.data() + i * width;
    if (measure == PairedMeasure::kAuc) {
      scores[i] = row[model.positive_index == 0 ? 0 : 1];
    } else {
      const auto predicted = std::max_element(row, row + width) - row;
      scores[i] = predicted == static_cast<std::ptrdiff_t>(scored.labels[i]) ? 1 : 0;
    }
  }
  return scores;
}

PairedRows RowsOf(PairedMeasure measure, const ModelInfo& model, const ScoredInput& scored,
                  const ScoredInput& champion) {
  PairedRows rows;
  rows.weights = scored.weights;
  rows.first = ScoresOf(measure, model, scored);
  rows.second = ScoresOf(measure, model, champion);
  rows.labels = scored.labels;
  if (measure == PairedMeasure::kAuc) {
    const double positive = model.positive_index == 0 ? 0 : 1;
    for (double& label : rows.labels) label = label == positive ? 1 : 0;
  }
  return rows;
}

void Add(const std::string& key, const std::string& metric, const Measure& measure,
         Evaluation& evaluation) {
  Json& comparison = evaluation.report["comparison"];
  comparison[key] = measure.defined() ? Json(measure.value) : Json();
  if (!measure.defined()) comparison["reason"] = measure.reason;
  if (!metric.empty()) evaluation.metrics[metric] = measure.value;
}

}  // namespace

Status CompareWithChampion(const ModelKinds& kinds, const ModelInfo& model,
                           const ScoredInput& scored, StepContext& context,
                           Evaluation& evaluation) {
  PairedMeasure measure = MeasureOf(model.task, scored.predictions.probabilities);
  evaluation.report["comparison"] = {{"champion", "none"}, {"metric", Name(measure)}};
  const std::vector<InputArtifact>& bound = context.inputs("champion");
  if (bound.empty()) return Status::Ok();
  if (bound.size() > 1) {
    return InvalidArgument("input champion takes one model, " + std::to_string(bound.size()) +
                           " are bound");
  }
  const std::string name = NameOf(bound.front());
  if (context.inputs("data").size() != 1) {
    return InvalidArgument("champion " + name +
                           " needs rows to predict: give evaluate the rows "
                           "that the predictions are of as its input `data`");
  }
  evaluation.report["comparison"]["champion"] = name;
  PENSTOCK_ASSIGN_OR_RETURN(const LoadedModel champion, LoadModel(bound.front(), kinds));
  PENSTOCK_RETURN_IF_ERROR(CheckAlike(model, champion.info, name));
  const Result<ScoredInput> other =
      ScoreInput(champion, context.inputs("data").front(), {.labels = true, .keep = {}}, context);
  if (!other.ok()) return other.status().WithContext("champion " + name);
  if (other->labels != scored.labels) {
    return InvalidArgument("champion " + name +
                           " reads other labels from these rows than the model does; its "
                           "transform maps labels otherwise, and they cannot be compared");
  }
  // Of one that tells classes alone, AUC would say nothing.
  measure =
      MeasureOf(model.task, scored.predictions.probabilities && other->predictions.probabilities);
  evaluation.report["comparison"]["metric"] = Name(measure);
  const PairedDifference difference =
      ComparePaired(measure, RowsOf(measure, model, scored, *other), context.threads(),
                    [&context] { return context.cancelled(); });
  if (context.cancelled()) return Cancelled("cancelled while comparing with the champion");
  Add("value", "", difference.first, evaluation);
  Add("championValue", "", difference.second, evaluation);
  Add("delta", "delta", difference.delta, evaluation);
  Add("ciLow", "ci_low", difference.low, evaluation);
  Add("ciHigh", "ci_high", difference.high, evaluation);
  Add("p", "p", difference.p, evaluation);
  evaluation.report["comparison"]["resamples"] = kResamples;
  evaluation.report["comparison"]["seed"] = kBootstrapSeed;
  const auto shown = [](const Measure& value) {
    return value.defined() ? FormatDouble(std::round(value.value * 1e5) / 1e5) : "undefined";
  };
  context.Log("against champion " + name + ": " + Name(measure) + " " + shown(difference.first) +
              " to " + shown(difference.second) + ", difference " + shown(difference.delta) +
              " (95 %: " + shown(difference.low) + " to " + shown(difference.high) + "), p " +
              shown(difference.p));
  return Status::Ok();
}

}  // namespace penstock

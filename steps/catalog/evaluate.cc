// The schema of evaluate.

#include "steps/catalog/builtin.h"
#include "steps/catalog/task.h"

namespace penstock {
namespace {

struct Measure {
  const char* name;
  LearningTasks tasks;
  const char* help;
};

constexpr Measure kMeasures[] = {
    {"rows", kAnyTask, "Rows that were judged."},
    {"accuracy", kClassTasks, "share of right predictions, 0 to 1."},
    {"precision", kBinaryTask, "tp / (tp + fp)."},
    {"recall", kBinaryTask, "tp / (tp + fn)."},
    {"specificity", kBinaryTask, "tn / (tn + fp)."},
    {"f1", kBinaryTask, "harmonic mean of precision and recall."},
    {"auc", kBinaryTask, "area under the ROC curve; ties count half."},
    {"auc_pr", kBinaryTask, "average precision, the area under the precision-recall curve."},
    {"log_loss", kClassTasks, "mean negative log-likelihood, in nats; lower is better."},
    {"tp", kBinaryTask, "true positives, weighted."},
    {"fn", kBinaryTask, "false negatives, weighted."},
    {"fp", kBinaryTask, "false positives, weighted."},
    {"tn", kBinaryTask, "true negatives, weighted."},
    {"threshold", kBinaryTask, "the probability from which on positive is predicted."},
    {"positive_share", kBinaryTask, "share of rows that are positive."},
    {"macro_precision", kMulticlassTask, "mean over classes."},
    {"macro_recall", kMulticlassTask, "mean over classes."},
    {"macro_f1", kMulticlassTask, "mean over classes."},
    {"micro_precision", kMulticlassTask, "over all decisions."},
    {"micro_recall", kMulticlassTask, "over all decisions."},
    {"micro_f1", kMulticlassTask, "over all decisions."},
    {"weighted_precision", kMulticlassTask, "mean over classes by support."},
    {"weighted_recall", kMulticlassTask, "mean over classes by support."},
    {"weighted_f1", kMulticlassTask, "mean over classes by support."},
    {"mse", kRegressionTask, "mean squared error; lower is better."},
    {"rmse", kRegressionTask, "its square root, in the label's unit."},
    {"mae", kRegressionTask, "mean absolute error, in the label's unit."},
    {"r2", kRegressionTask, "share of the variance that is explained; 1 is perfect."},
    {"delta", kAnyTask,
     "With a champion: the model's AUC (two classes), accuracy (more) or RMSE (numbers) minus the "
     "champion's, on the same rows. Without one it is absent."},
    {"ci_low", kAnyTask, "With a champion: lower end of delta's 95 % bootstrap interval."},
    {"ci_high", kAnyTask, "With a champion: its upper end."},
    {"p", kAnyTask, "With a champion: two-sided bootstrap p-value of no difference, 0 to 1."},
};

std::string HelpOf(const Measure& measure) {
  switch (measure.tasks) {
    case kBinaryTask:
      return std::string("Binary: ") + measure.help;
    case kMulticlassTask:
      return std::string("Multiclass: ") + measure.help;
    case kClassTasks:
      return std::string("Classification: ") + measure.help;
    case kRegressionTask:
      return std::string("Regression: ") + measure.help;
    default:
      return measure.help;
  }
}

void CheckInputs(const std::set<std::string>& inputs, const Json& parameters,
                 const std::string& path, std::vector<Problem>& problems) {
  const bool predictions = inputs.contains("predictions");
  if (predictions && inputs.contains("model")) {
    problems.push_back({path + ".inputs.predictions",
                        "stands beside `model`; give either predictions that were made, or a "
                        "model and the data that it is to predict"});
  }
  if (predictions && inputs.contains("champion") && !inputs.contains("data")) {
    problems.push_back({path + ".inputs.champion",
                        "needs the input `data`: the rows that the predictions are of, for the "
                        "champion to predict as well"});
  }
  for (const auto& [name, value] : parameters.items()) {
    if (predictions || name == "threshold" || value.is_null()) continue;
    problems.push_back({path + ".with." + name,
                        "says where the input `predictions` has its columns, and there is none; a "
                        "model knows its own"});
  }
}

}  // namespace

LearningTasks TasksOfMeasure(std::string_view metric) {
  for (const Measure& measure : kMeasures) {
    if (measure.name == metric) return measure.tasks;
  }
  return kAnyTask;
}

StepSchema EvaluateSchema() {
  using Kind = ParameterSchema::Kind;
  StepSchema schema;
  schema.key = "evaluate";
  schema.version = "2";
  schema.cacheable = true;
  schema.summary = "Judges a model on data that it has not seen, or predictions that were made.";
  schema.help =
      "The data may be raw or processed by the model's own transform, and need labels. What is "
      "measured depends on the model's task. A measure that is not defined (precision where no row "
      "was predicted positive) is null in the report, with a reason, and fails a condition that "
      "uses it. Sample weights of the data count.\n\n"
      "With the input `champion` the model is compared with that one on the same rows: "
      "report.comparison holds {champion, metric, value, championValue, delta, ciLow, ciHigh, p}. "
      "delta is the model's AUC, accuracy or RMSE minus the champion's (for RMSE, below 0 is "
      "better); the interval and p come from 1,000 paired bootstrap resamples with a fixed seed. "
      "Without a champion, comparison.champion is \"none\" and the rest is absent: "
      "`${steps.S.report.comparison.delta ?? 1}` then means 1. The two models each apply their own "
      "transform to raw data; data that went through one model's transform suit the other only "
      "where it has the same.\n\n"
      "Instead of model and data, `predictions` may be given: rows that a script, or anything "
      "else, "
      "has scored. Labels and weights stand in columns of theirs, as `with` or the roles in "
      "dataset.json say, or in `data`, whose rows are then the same in the same order. Two classes "
      "need the probability of the positive one, more than two that of each; of predicted classes "
      "alone, AUC, auc_pr and log_loss are undefined.";
  schema.inputs = {{.name = "model",
                    .type = ArtifactType::kModel,
                    .unless = "predictions",
                    .help = "What train, or a script with `predict`, made."},
                   {.name = "data",
                    .type = ArtifactType::kDataset,
                    .unless = "predictions",
                    .needs_label = true,
                    .help = "Rows with labels that the model has not seen."},
                   {.name = "predictions",
                    .type = ArtifactType::kDataset,
                    .unless = "model",
                    .help = "Instead of model and data: predictions, with their labels."},
                   {.name = "champion",
                    .type = ArtifactType::kModel,
                    .required = false,
                    .named = true,
                    .help = "The model in use, to compare with: {ref: \"model:GROUP@champion\", "
                            "optional: true} where there may be none yet."}};
  schema.outputs = {
      {.name = "report",
       .type = ArtifactType::kReport,
       .help = "report.json: binary_classification_metrics, multiclass_classification_metrics or "
               "regression_metrics, each measure as {\"value\": …}, with confusion matrix and "
               "curves."},
      {.name = "predictions",
       .type = ArtifactType::kDataset,
       .help = "label, prediction and probability of each row, in its order."}};
  for (const Measure& measure : kMeasures) {
    schema.metrics.push_back({measure.name, HelpOf(measure)});
  }
  schema.check_inputs = CheckInputs;
  const auto name = [](const char* of, const char* help) {
    return ParameterSchema{.name = of, .kind = Kind::kString, .help = help, .minimum = 1};
  };
  const auto any =
      std::make_shared<const ParameterSchema>(ParameterSchema{.name = "class", .kind = Kind::kAny});
  schema.parameters = {{.name = "threshold",
                        .kind = Kind::kNumber,
                        .help = "Binary: positive is predicted from this probability on. null: the "
                                "model's own. Never chosen on the data that are judged.",
                        .nullable = true,
                        .minimum = 0,
                        .maximum = 1},
                       name("label",
                            "With `predictions`: the column of the true classes or "
                            "numbers. Left out: the role in dataset.json, else label."),
                       name("prediction",
                            "With `predictions`: the column of predicted numbers, or "
                            "of classes where there are no probabilities. Left "
                            "out: prediction."),
                       name("probability",
                            "With `predictions`, two classes: the column with the "
                            "positive one's probability. Left out: probability."),
                       {.name = "probabilities",
                        .kind = Kind::kMap,
                        .help = "With `predictions`, more than two classes: the column of each "
                                "class's probability. Left out: probability_CLASS.",
                        .element = std::make_shared<const ParameterSchema>(ParameterSchema{
                            .name = "column", .kind = Kind::kString, .minimum = 1})},
                       {.name = "classes",
                        .kind = Kind::kList,
                        .help = "With `predictions`: the label's classes. Left out: those in "
                                "dataset.json, else what the labels hold, sorted.",
                        .minimum = 2,
                        .element = any},
                       {.name = "positive",
                        .kind = Kind::kAny,
                        .help = "With `predictions`, two classes: the positive one. Left out: the "
                                "one in dataset.json, else the last."},
                       name("weight",
                            "With `predictions`: the column of weights. Left out: the "
                            "role in dataset.json.")};
  return schema;
}

}  // namespace penstock

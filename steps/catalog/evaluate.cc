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
  schema.summary = "Judges a model on data that it has not seen.";
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
      "where it has the same.";
  schema.inputs = {{.name = "model", .type = ArtifactType::kModel, .help = "What train made."},
                   {.name = "data",
                    .type = ArtifactType::kDataset,
                    .needs_label = true,
                    .help = "Rows with labels that the model has not seen."},
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
  schema.parameters = {{.name = "threshold",
                        .kind = Kind::kNumber,
                        .help = "Binary: positive is predicted from this probability on. null: the "
                                "model's own. Never chosen on the data that are judged.",
                        .nullable = true,
                        .minimum = 0,
                        .maximum = 1}};
  return schema;
}

}  // namespace penstock

// The schema of evaluate.

#include "steps/catalog/builtin.h"

namespace penstock {

StepSchema EvaluateSchema() {
  using Kind = ParameterSchema::Kind;
  StepSchema schema;
  schema.key = "evaluate";
  schema.version = "1";
  schema.cacheable = true;
  schema.summary = "Judges a model on data that it has not seen.";
  schema.help =
      "The data may be raw or processed by the model's own transform, and need labels. What is "
      "measured depends on the model's task. A measure that is not defined (precision where no row "
      "was predicted positive) is null in the report, with a reason, and fails a condition that "
      "uses it. Sample weights of the data count.";
  schema.inputs = {{.name = "model", .type = ArtifactType::kModel, .help = "What train made."},
                   {.name = "data",
                    .type = ArtifactType::kDataset,
                    .needs_label = true,
                    .help = "Rows with labels that the model has not seen."}};
  schema.outputs = {
      {.name = "report",
       .type = ArtifactType::kReport,
       .help = "report.json: binary_classification_metrics, multiclass_classification_metrics or "
               "regression_metrics, each measure as {\"value\": …}, with confusion matrix and "
               "curves."},
      {.name = "predictions",
       .type = ArtifactType::kDataset,
       .help = "label, prediction and probability of each row, in its order."}};
  schema.metrics = {
      {"rows", "Rows that were judged."},
      {"accuracy", "Classification: share of right predictions, 0 to 1."},
      {"precision", "Binary: tp / (tp + fp)."},
      {"recall", "Binary: tp / (tp + fn)."},
      {"specificity", "Binary: tn / (tn + fp)."},
      {"f1", "Binary: harmonic mean of precision and recall."},
      {"auc", "Binary: area under the ROC curve; ties count half."},
      {"auc_pr", "Binary: average precision, the area under the precision-recall curve."},
      {"log_loss", "Classification: mean negative log-likelihood, in nats; lower is better."},
      {"tp", "Binary: true positives, weighted."},
      {"fn", "Binary: false negatives, weighted."},
      {"fp", "Binary: false positives, weighted."},
      {"tn", "Binary: true negatives, weighted."},
      {"threshold", "Binary: the probability from which on positive is predicted."},
      {"positive_share", "Binary: share of rows that are positive."},
      {"macro_precision", "Multiclass: mean over classes."},
      {"macro_recall", "Multiclass: mean over classes."},
      {"macro_f1", "Multiclass: mean over classes."},
      {"micro_precision", "Multiclass: over all decisions."},
      {"micro_recall", "Multiclass: over all decisions."},
      {"micro_f1", "Multiclass: over all decisions."},
      {"weighted_precision", "Multiclass: mean over classes by support."},
      {"weighted_recall", "Multiclass: mean over classes by support."},
      {"weighted_f1", "Multiclass: mean over classes by support."},
      {"mse", "Regression: mean squared error; lower is better."},
      {"rmse", "Regression: its square root, in the label's unit."},
      {"mae", "Regression: mean absolute error, in the label's unit."},
      {"r2", "Regression: share of the variance that is explained; 1 is perfect."}};
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

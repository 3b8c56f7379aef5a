// The schema of train/linear-learner.

#include "steps/catalog/builtin.h"

namespace penstock {

StepSchema LinearLearnerSchema() {
  using Kind = ParameterSchema::Kind;
  StepSchema schema;
  schema.key = "train/linear-learner";
  schema.version = "1";
  schema.cacheable = true;
  schema.depends_on_threads = true;
  schema.summary = "Linear, logistic and multinomial regression with L1 and L2 penalties.";
  schema.help =
      "Minimises C · Σ weight · loss + (1 − l1_ratio) / 2 · ‖w‖² + l1_ratio · ‖w‖₁ over the "
      "coefficients w of the standardised features; the intercept is not penalised. The loss is "
      "(y − ŷ)² / 2 for numbers and the negative log-likelihood for classes. Solved to "
      "`tolerance`, not for a fixed number of steps. Features must not be missing: impute them in "
      "process.";
  schema.inputs = {
      {.name = "train",
       .type = ArtifactType::kDataset,
       .needs_label = true,
       .help = "Rows to learn from."},
      {.name = "validation",
       .type = ArtifactType::kDataset,
       .required = false,
       .needs_label = true,
       .help = "Rows to report the loss on."}};
  schema.outputs = {{.name = "model", .type = ArtifactType::kModel, .help = "The model."}};
  schema.metrics = {
      {"rows", "Rows that were learnt from."},
      {"features", "Columns that were learnt from."},
      {"iterations", "Iterations of the solver."},
      {"converged", "1 where the tolerance was reached, else 0."},
      {"train_loss", "Mean loss on the training rows, without the penalty."},
      {"validation_loss", "Mean loss on the validation rows."},
      {"objective", "What was minimised, at the solution."}};
  schema.parameters = {
      {.name = "objective",
       .kind = Kind::kEnum,
       .help = "auto: by the label (numbers: linear; two classes: logistic; more: multinomial).",
       .default_value = "auto",
       .choices = {"auto", "linear", "logistic", "multinomial"}},
      {.name = "C",
       .kind = Kind::kNumber,
       .help = "Inverse strength of the penalty, as in scikit-learn; for linear, ridge's alpha is "
               "1 / C.",
       .default_value = 1.0,
       .minimum = 0,
       .maximum = 1e12,
       .exclusive_minimum = true},
      {.name = "l1_ratio",
       .kind = Kind::kNumber,
       .help = "0: L2 alone, 1: L1 alone, between: elastic net.",
       .default_value = 0.0,
       .minimum = 0,
       .maximum = 1},
      {.name = "fit_intercept",
       .kind = Kind::kBoolean,
       .help = "Whether there is an intercept.",
       .default_value = true},
      {.name = "standardize",
       .kind = Kind::kBoolean,
       .help = "Learn on features of mean 0 and standard deviation 1, so that the penalty treats "
               "them alike; the model takes raw values either way.",
       .default_value = true},
      {.name = "class_weight",
       .kind = Kind::kEnum,
       .help = "balanced: each class counts alike, whatever its share.",
       .default_value = "none",
       .choices = {"none", "balanced"}},
      {.name = "max_iterations",
       .kind = Kind::kInteger,
       .help = "When to give up; the model is kept, with a warning.",
       .default_value = 1000,
       .minimum = 1,
       .maximum = 1'000'000},
      {.name = "tolerance",
       .kind = Kind::kNumber,
       .help = "Done when the largest entry of the gradient, over C · rows, is below it.",
       .default_value = 1e-9,
       .minimum = 1e-14,
       .maximum = 0.1}};
  return schema;
}

}  // namespace penstock

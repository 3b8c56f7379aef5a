// The schema of predict.

#include "steps/catalog/builtin.h"

namespace penstock {

StepSchema PredictSchema() {
  using Kind = ParameterSchema::Kind;
  const auto text = [](std::string name) {
    return std::make_shared<const ParameterSchema>(
        ParameterSchema{.name = std::move(name), .kind = Kind::kString, .minimum = 1});
  };
  StepSchema schema;
  schema.key = "predict";
  schema.version = "1";
  schema.cacheable = true;
  schema.summary = "Scores rows with a model: as many out as in, in the same order.";
  schema.help =
      "The data may be raw, in the form that the model's training data had before `process`, or a "
      "dataset that went through the model's own transform: the predictions are the same. Data "
      "that went through another transform are refused. A label is not needed.\n\n"
      "Columns of the output: those of `keep`, then `prediction` (a class or a number) and, for "
      "classifiers, `probability` (binary: of the positive class; multiclass: of the predicted "
      "one) and `probability_CLASS` for each class of a multiclass model.";
  schema.inputs = {
      {.name = "model", .type = ArtifactType::kModel, .help = "What train made."},
      {.name = "data", .type = ArtifactType::kDataset, .help = "Rows to score, raw or processed."}};
  schema.outputs = {{.name = "predictions",
                     .type = ArtifactType::kDataset,
                     .help = "One row for each row of `data`, in its order."}};
  schema.metrics = {{"rows", "Rows that were scored."}};
  schema.parameters = {
      {.name = "keep",
       .kind = Kind::kList,
       .help = "Columns of the data to hand through, so that rows can be told apart.",
       .default_value = Json::array(),
       .element = text("column")},
      {.name = "columns",
       .kind = Kind::kList,
       .help = "What to write after the kept columns, in this order: label (the column "
               "`prediction`), probability, probabilities (one column a class). null: label and "
               "probability, and probabilities for multiclass models.",
       .nullable = true,
       .minimum = 1,
       .element = std::make_shared<const ParameterSchema>(
           ParameterSchema{.name = "column",
                           .kind = Kind::kEnum,
                           .choices = {"label", "probability", "probabilities"}})},
      {.name = "threshold",
       .kind = Kind::kNumber,
       .help = "Binary: the positive class is predicted from this probability on. null: the "
               "model's own.",
       .nullable = true,
       .minimum = 0,
       .maximum = 1},
      {.name = "write",
       .kind = Kind::kObject,
       .help = "How the predictions are written.",
       .default_value = {{"format", "parquet"}},
       .fields = {{.name = "format",
                   .kind = Kind::kEnum,
                   .help = "parquet: a dataset. csv: a folder with predictions.csv.",
                   .default_value = "parquet",
                   .choices = {"parquet", "csv"}}}},
  };
  return schema;
}

}  // namespace penstock

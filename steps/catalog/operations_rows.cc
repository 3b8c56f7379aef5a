// Operations about rows.

#include "steps/catalog/operation_schema.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

}  // namespace

std::vector<OperationSchema> RowOperations() {
  OperationSchema drop_missing;
  drop_missing.rows = true;
  drop_missing.schema = EntrySchema(
      "drop_missing",
      "Removes rows with missing values. Stands before everything that is fitted; never removes "
      "rows in evaluate and predict.",
      {ColumnsParameter(false),
       {.name = "max_missing",
        .kind = Kind::kNumber,
        .help = "A row may lack this share of the columns.",
        .default_value = 0,
        .minimum = 0,
        .maximum = 1},
       ChoiceParameter("applies",
                       "fit: all rows, when this step fits. train: only rows of the part train. "
                       "all: also where a process step applies the transform to other data.",
                       {"fit", "train", "all"})});
  return {drop_missing};
}

}  // namespace penstock

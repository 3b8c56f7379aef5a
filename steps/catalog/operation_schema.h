#ifndef PENSTOCK_STEPS_CATALOG_OPERATION_SCHEMA_H_
#define PENSTOCK_STEPS_CATALOG_OPERATION_SCHEMA_H_

// Schemas of the operations of `process`: entries of `transforms`. Private to steps/catalog.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "steps/catalog/catalog.h"

namespace penstock {

struct OperationSchema {
  // key: the name; parameters: what an entry may hold, "op" included; check: what belongs together.
  StepSchema schema;
  // Whether it learns from values, and so comes after the split.
  bool learns = false;
  std::function<bool(const Json& entry)> learns_if = nullptr;  // where that depends on the entry
  // Whether it is about rows: those that learn nothing must stand before what learns.
  bool rows = false;
};

// The groups, one a file operations_*.cc.
std::vector<OperationSchema> ColumnOperations();
std::vector<OperationSchema> EncodeOperations();
std::vector<OperationSchema> MissingOperations();
std::vector<OperationSchema> NumberOperations();
std::vector<OperationSchema> ProductOperations();
std::vector<OperationSchema> ResampleOperations();
std::vector<OperationSchema> RowChoiceOperations();
std::vector<OperationSchema> RowOperations();
std::vector<OperationSchema> ScaleOperations();
std::vector<OperationSchema> ShapeOperations();
std::vector<OperationSchema> TextOperations();

// Parts of schemas.
inline std::shared_ptr<const ParameterSchema> ElementOf(ParameterSchema schema) {
  return std::make_shared<const ParameterSchema>(std::move(schema));
}
inline ParameterSchema ColumnsParameter(bool required) {
  return {.name = "columns",
          .help = required ? "Which columns." : "Which columns. Left out: all features.",
          .required = required};
}
// One of `choices`; left out: the first.
inline ParameterSchema ChoiceParameter(std::string name, std::string help,
                                       std::vector<std::string> choices) {
  return {.name = std::move(name),
          .kind = ParameterSchema::Kind::kEnum,
          .help = std::move(help),
          .default_value = choices.front(),
          .choices = std::move(choices)};
}
inline ParameterSchema FlagParameter(std::string name, std::string help) {
  return {.name = std::move(name),
          .kind = ParameterSchema::Kind::kBoolean,
          .help = std::move(help),
          .default_value = false};
}
inline ParameterSchema HashColumnsParameter(int columns) {
  return {.name = "n_columns",
          .kind = ParameterSchema::Kind::kInteger,
          .help = "How many columns.",
          .default_value = columns,
          .minimum = 1,
          .maximum = 65'536};
}
inline ParameterSchema SignedParameter() {
  return {.name = "signed",
          .kind = ParameterSchema::Kind::kBoolean,
          .help = "Half of the values count -1, so that those which share a column cancel out.",
          .default_value = true};
}
inline StepSchema EntrySchema(std::string name, std::string summary,
                              std::vector<ParameterSchema> fields) {
  StepSchema schema;
  schema.key = std::move(name);
  schema.summary = std::move(summary);
  schema.parameters = {{.name = "op", .kind = ParameterSchema::Kind::kString, .required = true}};
  for (ParameterSchema& field : fields) schema.parameters.push_back(std::move(field));
  return schema;
}

}  // namespace penstock

#endif  // PENSTOCK_STEPS_CATALOG_OPERATION_SCHEMA_H_

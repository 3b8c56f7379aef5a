// Operations that choose, name and clean columns.

#include "steps/catalog/operation_schema.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

OperationSchema MapValuesSchema() {
  ParameterSchema map{.name = "map",
                      .kind = Kind::kMap,
                      .help = "Values as text, and what each becomes; null: missing.",
                      .required = true};
  map.element = ElementOf({.name = "value", .nullable = true});
  OperationSchema operation;
  operation.schema = EntrySchema(
      "map_values", "Replaces values by others.",
      {ColumnsParameter(true), map,
       ChoiceParameter("other", "What becomes of other values.", {"keep", "missing", "error"}),
       {.name = "kind",
        .kind = Kind::kEnum,
        .help = "Kind of the column afterwards. Left out: as before.",
        .choices = {"numeric", "categorical"}}});
  operation.schema.check = [](const Json& entry, const std::string& path,
                              std::vector<Problem>& problems) {
    const Json& values = JsonMember(entry, "map");
    if (values.is_object() && values.empty()) {
      problems.push_back({path + ".map", "names no value"});
    }
  };
  return operation;
}

}  // namespace

std::vector<OperationSchema> ColumnOperations() {
  return {{EntrySchema("drop", "Removes columns; data to predict need not have them.",
                       {ColumnsParameter(true)})},
          MapValuesSchema()};
}

}  // namespace penstock

// Operations that bring numbers to a common scale.

#include "steps/catalog/operation_schema.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

void CheckRange(const Json& entry, const std::string& path, std::vector<Problem>& problems) {
  const Json& range = JsonMember(entry, "range");
  if (range.is_array() && range.size() == 2 && range[0].is_number() && range[1].is_number() &&
      !(range[0].get<double>() < range[1].get<double>())) {
    problems.push_back({path + ".range", "must have the lower bound first"});
  }
}

}  // namespace

std::vector<OperationSchema> ScaleOperations() {
  OperationSchema min_max;
  min_max.learns = true;
  min_max.schema = EntrySchema(
      "min_max", "Moves numbers into a range.",
      {ColumnsParameter(true),
       {.name = "range",
        .kind = Kind::kList,
        .help = "Where the smallest and the largest training value go.",
        .default_value = Json::array({0, 1}),
        .minimum = 2,
        .maximum = 2,
        .element = ElementOf({.name = "bound", .kind = Kind::kNumber})},
       FlagParameter("clip", "Keep later values inside the range.")});
  min_max.schema.check = CheckRange;
  OperationSchema standard;
  standard.learns = true;
  standard.schema = EntrySchema("standard",
                                "Numbers with mean 0 and standard deviation 1 in the training "
                                "rows.",
                                {ColumnsParameter(true)});
  return {min_max, standard};
}

}  // namespace penstock

// Operations that put columns of numbers together.

#include "steps/catalog/operation_schema.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

ParameterSchema Degree(std::string help, int most) {
  return {.name = "degree",
          .kind = Kind::kInteger,
          .help = std::move(help),
          .default_value = 2,
          .minimum = 2,
          .maximum = static_cast<double>(most)};
}
ParameterSchema MaxColumns() {
  return {.name = "max_columns",
          .kind = Kind::kInteger,
          .help = "More products than this are an error.",
          .default_value = 1'000,
          .minimum = 1,
          .maximum = 100'000};
}

OperationSchema PcaSchema() {
  OperationSchema pca;
  pca.learns = true;
  pca.schema = EntrySchema(
      "pca",
      "Numbers as their principal components pca1, pca2 …, the directions in which the training "
      "rows vary most. Missing values are an error.",
      {ColumnsParameter(true),
       {.name = "components",
        .kind = Kind::kInteger,
        .help = "How many. Left out: as many as there are columns, or as variance says.",
        .minimum = 1,
        .maximum = 2'000},
       {.name = "variance",
        .kind = Kind::kNumber,
        .help = "As many as have this share of the variance.",
        .minimum = 0,
        .maximum = 1,
        .exclusive_minimum = true},
       FlagParameter("standardize", "Divide by the standard deviation first."),
       FlagParameter("keep", "Keep the columns, too."),
       {.name = "prefix",
        .kind = Kind::kString,
        .help = "What the columns are called before their number.",
        .default_value = "pca",
        .minimum = 1,
        .maximum = 200}});
  pca.schema.check = [](const Json& entry, const std::string& path,
                        std::vector<Problem>& problems) {
    if (JsonMember(entry, "components").is_null() || JsonMember(entry, "variance").is_null())
      return;
    problems.push_back({path + ".variance", "cannot be given together with components"});
  };
  return pca;
}

}  // namespace

std::vector<OperationSchema> ProductOperations() {
  return {
      {EntrySchema("interactions",
                   "Adds products of two different columns, A*B; with degree 3 also of three.",
                   {ColumnsParameter(true), Degree("How many columns at most.", 3), MaxColumns()})},
      PcaSchema(),
      {EntrySchema(
          "polynomial", "Adds all products of columns, also with themselves: A^2, A*B …",
          {ColumnsParameter(true), Degree("How many factors at most.", 5),
           FlagParameter("interaction_only", "No powers: each column once."), MaxColumns()})}};
}

}  // namespace penstock

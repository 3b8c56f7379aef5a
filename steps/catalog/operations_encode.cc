// Operations that turn categories and texts into numbers.

#include "steps/catalog/operation_schema.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

}  // namespace

std::vector<OperationSchema> EncodeOperations() {
  OperationSchema one_hot;
  one_hot.learns = true;
  one_hot.schema = EntrySchema(
      "one_hot", "A column of 0 and 1, NAME=VALUE, for each value in the training rows.",
      {ColumnsParameter(true),
       ChoiceParameter("unknown", "A value that the training rows lack: all 0, or an error.",
                       {"ignore", "error"}),
       ChoiceParameter("missing", "A missing value: all 0, or a column NAME=(missing).",
                       {"ignore", "category"}),
       FlagParameter("drop_first",
                     "Leave out the first value, as linear models without a penalty need."),
       {.name = "max_categories",
        .kind = Kind::kInteger,
        .help = "More values than this are an error.",
        .default_value = 1'000,
        .minimum = 1,
        .maximum = 100'000}});
  OperationSchema ordinal;
  ordinal.learns = true;
  ordinal.schema = EntrySchema(
      "ordinal", "Values as 0, 1, 2 …",
      {ColumnsParameter(true),
       {.name = "order",
        .kind = Kind::kList,
        .help = "All values, lowest first. Left out: those of the training rows, sorted.",
        .element = ElementOf({.name = "value"})},
       ChoiceParameter("unknown", "Another value: an error, or missing.", {"error", "missing"})});
  return {one_hot, ordinal};
}

}  // namespace penstock

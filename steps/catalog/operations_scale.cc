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

void CheckQuantiles(const Json& entry, const std::string& path, std::vector<Problem>& problems) {
  const Json& shares = JsonMember(entry, "quantiles");
  if (shares.is_array() && shares.size() == 2 && shares[0].is_number() && shares[1].is_number() &&
      !(shares[0].get<double>() < shares[1].get<double>())) {
    problems.push_back({path + ".quantiles", "must have the lower share first"});
  }
}

void CheckOffset(const Json& entry, const std::string& path, std::vector<Problem>& problems) {
  const Json& offset = JsonMember(entry, "offset");
  if (offset.is_null() || offset.is_number() || HoldsReference(offset)) return;
  if (offset.is_string() && offset.get<std::string>() == "auto") return;
  problems.push_back({path + ".offset", "must be a number or auto, not " + DumpJson(offset)});
}

OperationSchema RobustSchema() {
  OperationSchema robust;
  robust.learns = true;
  robust.schema = EntrySchema(
      "robust", "Numbers with median 0 and interquartile range 1 in the training rows.",
      {ColumnsParameter(true),
       {.name = "quantiles",
        .kind = Kind::kList,
        .help = "Shares from 0 to 1 between whose quantiles the range is measured.",
        .default_value = Json::array({0.25, 0.75}),
        .minimum = 2,
        .maximum = 2,
        .element = ElementOf(
            {.name = "share", .kind = Kind::kNumber, .minimum = 0, .maximum = 1})}});
  robust.schema.check = CheckQuantiles;
  return robust;
}

OperationSchema LogSchema() {
  OperationSchema log;
  log.learns = true;
  log.schema = EntrySchema(
      "log", "The natural logarithm of numbers, log(x + offset).",
      {ColumnsParameter(true),
       {.name = "offset",
        .help = "A number, or auto: what moves the smallest training value to 1 where it is below.",
        .default_value = 1},
       ChoiceParameter("below",
                       "Values of -offset or less: an error, missing, or as the smallest training "
                       "value that has a logarithm.",
                       {"error", "missing", "clip"})});
  log.schema.check = CheckOffset;
  return log;
}

OperationSchema YeoJohnsonSchema() {
  OperationSchema power;
  power.learns = true;
  power.schema = EntrySchema(
      "yeo_johnson",
      "Makes numbers as near to normally distributed as a power can; for numbers below 0, too.",
      {ColumnsParameter(true),
       {.name = "standardize",
        .kind = Kind::kBoolean,
        .help = "Also give the training rows mean 0 and standard deviation 1. Without it, numbers "
                "far from 0 and near to each other may come out the same.",
        .default_value = true}});
  return power;
}

OperationSchema QuantileSchema() {
  OperationSchema quantile;
  quantile.learns = true;
  quantile.schema = EntrySchema(
      "quantile", "Numbers as the share of training values below them.",
      {ColumnsParameter(true),
       ChoiceParameter("distribution",
                       "uniform: from 0 to 1. normal: as the normal distribution has these shares, "
                       "from -5.2 to 5.2.",
                       {"uniform", "normal"}),
       {.name = "n_quantiles",
        .kind = Kind::kInteger,
        .help = "How many quantiles are kept, at most one a training value.",
        .default_value = 1'000,
        .minimum = 2,
        .maximum = 100'000}});
  return quantile;
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
  OperationSchema max_abs;
  max_abs.learns = true;
  max_abs.schema =
      EntrySchema("max_abs", "Numbers from -1 to 1 in the training rows, 0 staying 0.",
                  {ColumnsParameter(true)});
  return {LogSchema(),    max_abs,  min_max,           QuantileSchema(),
          RobustSchema(), standard, YeoJohnsonSchema()};
}

}  // namespace penstock

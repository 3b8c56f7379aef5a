// Operations about missing values.

#include "steps/catalog/operation_schema.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

void CheckImpute(const Json& entry, const std::string& path, std::vector<Problem>& problems) {
  const std::string method = JsonString(entry, "method");
  const bool value = !JsonMember(entry, "value").is_null();
  if (method == "constant" && !value) {
    problems.push_back({path + ".value", "is missing: method constant needs a value"});
  }
  const bool learned = method == "mean" || method == "median" || method == "mode";
  if (value && learned) {
    problems.push_back({path + ".value", "has no use with method " + method});
  }
  const bool by = !JsonMember(entry, "by").is_null();
  if (by && !learned && !method.empty() && !HoldsReference(method)) {
    problems.push_back({path + ".by", "has no use with method " + method});
  }
  if (!by && !JsonMember(entry, "max_groups").is_null()) {
    problems.push_back({path + ".max_groups", "has no use without by"});
  }
}

OperationSchema ImputeKnnSchema() {
  OperationSchema knn;
  knn.learns = true;
  knn.schema = EntrySchema(
      "impute_knn",
      "Fills in missing numbers with the mean of the nearest training rows, as scikit-learn's "
      "KNNImputer.",
      {ColumnsParameter(true),
       {.name = "neighbours",
        .kind = Kind::kInteger,
        .help = "How many rows.",
        .default_value = 5,
        .minimum = 1,
        .maximum = 1'000},
       ChoiceParameter("weights", "uniform: all count the same. distance: as 1 / distance.",
                       {"uniform", "distance"}),
       FlagParameter("standardize",
                     "Measure distances in standard deviations of each column, not in its units."),
       {.name = "max_donors",
        .kind = Kind::kInteger,
        .help = "How many training rows to keep in the transform and compare with, drawn at "
                "random where there are more.",
        .default_value = 10'000,
        .minimum = 1,
        .maximum = 1'000'000},
       {.name = "seed",
        .kind = Kind::kInteger,
        .help = "Decides which are drawn.",
        .default_value = 0,
        .minimum = 0}});
  return knn;
}

OperationSchema IndicatorSchema() {
  OperationSchema indicator;
  indicator.learns = true;
  indicator.schema = EntrySchema(
      "indicator", "Adds a column NAME=(missing) of 0 and 1; stands before what fills in.",
      {ColumnsParameter(false),
       ChoiceParameter("which",
                       "seen: for columns with missing values in the training rows. all: for each.",
                       {"seen", "all"})});
  return indicator;
}

}  // namespace

std::vector<OperationSchema> MissingOperations() {
  ParameterSchema method = ChoiceParameter("method",
                                           "mean and median are for numbers; mode and constant "
                                           "for all; category makes missing values a category of "
                                           "their own.",
                                           {"mean", "median", "mode", "constant", "category"});
  method.required = true;
  method.default_value = Json();
  OperationSchema impute;
  impute.learns = true;
  impute.schema = EntrySchema(
      "impute", "Fills in missing values.",
      {ColumnsParameter(true), method,
       {.name = "value",
        .help = "constant: what to fill in. category: its name (default missing)."},
       FlagParameter("indicator", "Also add a column NAME=(missing) of 0 and 1."),
       {.name = "by",
        .help = "mean, median and mode: of the training rows with the same values in these "
                "columns; of all where a row's group has no value."},
       {.name = "max_groups",
        .kind = Kind::kInteger,
        .help = "by: more groups than this (10000 where left out) are an error.",
        .minimum = 1,
        .maximum = 1'000'000}});
  impute.schema.check = CheckImpute;
  return {impute, ImputeKnnSchema(), IndicatorSchema()};
}

}  // namespace penstock

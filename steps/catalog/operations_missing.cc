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
  if (value && (method == "mean" || method == "median" || method == "mode")) {
    problems.push_back({path + ".value", "has no use with method " + method});
  }
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
       FlagParameter("indicator", "Also add a column NAME=(missing) of 0 and 1.")});
  impute.schema.check = CheckImpute;
  return {impute};
}

}  // namespace penstock

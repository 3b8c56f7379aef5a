#include "steps/process/numbers.h"

namespace penstock {

Status CheckNumeric(const Column& column, std::string_view op) {
  if (!column.is_text()) return Status::Ok();
  return InvalidArgument(std::string(op) + ": column \"" + column.info.name + "\" is " +
                         std::string(Name(column.info.kind)) +
                         ", but was numeric when the transform was fitted");
}

Status LostNumber(const Column& column, std::size_t i, std::string_view op,
                  const AppliedRows& rows) {
  return InvalidArgument(rows.Where(i, column.info.name) + ": " + column.text(i) +
                         " is out of range: what " + std::string(op) +
                         " makes of it is no finite number; mend the value, or clip it with "
                         "outliers before");
}

Result<double> FittedNumber(const Json& fitted, std::string_view key, std::string_view op) {
  const Json& json = JsonMember(fitted, key);
  if (json.is_number() && std::isfinite(json.get<double>())) return json.get<double>();
  return BadFitted(op, std::string(key) + " is no number");
}

Result<std::vector<double>> FittedNumbers(const Json& list, std::string_view op) {
  std::vector<double> numbers;
  if (!list.is_array()) return BadFitted(op, "a list of numbers is absent");
  for (const Json& json : list) {
    if (!json.is_number() || !std::isfinite(json.get<double>())) {
      return BadFitted(op, DumpJson(json) + " is no number");
    }
    numbers.push_back(json.get<double>());
  }
  return numbers;
}

Status BadFitted(std::string_view op, std::string_view what) {
  return InvalidArgument(std::string(op) + ": what was fitted is damaged: " + std::string(what));
}

}  // namespace penstock

#include "steps/process/column_operation.h"

#include <unordered_set>

namespace penstock {

Status RequireNumbers(const FitData& data, const std::vector<std::string>& names,
                      std::string_view op, std::string_view remedy) {
  const std::unordered_set<std::string> chosen(names.begin(), names.end());
  for (const Column& column : data.features().columns) {
    if (!column.is_text() || !chosen.contains(column.info.name)) continue;
    return InvalidArgument(std::string(op) + ": column \"" + column.info.name + "\" is " +
                           std::string(Name(column.info.kind)) + ", " + std::string(remedy));
  }
  return Status::Ok();
}

}  // namespace penstock

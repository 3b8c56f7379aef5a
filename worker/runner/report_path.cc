#include "worker/runner/report_path.h"

#include <charconv>
#include <string>

namespace penstock {

const Json* FindReportValue(const Json& report, std::string_view path) {
  const Json* value = &report;
  for (bool first = true; !path.empty(); first = false) {
    if (path.starts_with('[')) {
      const auto close = path.find(']');
      if (close == std::string_view::npos) return nullptr;
      const std::string_view digits = path.substr(1, close - 1);
      std::size_t index = 0;
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), index);
      if (error != std::errc() || end != digits.data() + digits.size() || !value->is_array() ||
          index >= value->size()) {
        return nullptr;
      }
      value = &(*value)[index];
      path.remove_prefix(close + 1);
      continue;
    }
    if (!first) {
      if (path.front() != '.') return nullptr;
      path.remove_prefix(1);
    }
    const auto stop = path.find_first_of(".[");
    const std::string_view key = path.substr(0, stop);
    if (key.empty() || !value->is_object()) return nullptr;
    const auto found = value->find(key);
    if (found == value->end()) return nullptr;
    value = &*found;
    path.remove_prefix(key.size());
  }
  return value;
}

}  // namespace penstock

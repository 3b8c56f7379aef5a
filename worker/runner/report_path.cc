#include "worker/runner/report_path.h"

#include <charconv>
#include <string>

namespace penstock {

const Json* FindReportValue(const Json& report, std::string_view path) {
  const Json* value = &report;
  while (!path.empty()) {
    if (path.front() == '.') path.remove_prefix(1);
    if (path.starts_with('[')) {
      const auto close = path.find(']');
      std::size_t index = 0;
      const std::string_view digits = path.substr(1, close - 1);
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), index);
      if (close == std::string_view::npos || error != std::errc() || !value->is_array() ||
          index >= value->size()) {
        return nullptr;
      }
      value = &(*value)[index];
      path.remove_prefix(close + 1);
      continue;
    }
    const auto stop = path.find_first_of(".[");
    const std::string_view key = path.substr(0, stop);
    if (!value->is_object()) return nullptr;
    const auto found = value->find(key);
    if (found == value->end()) return nullptr;
    value = &*found;
    path.remove_prefix(stop == std::string_view::npos ? path.size() : stop);
  }
  return value;
}

}  // namespace penstock

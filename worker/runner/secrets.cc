#include "worker/runner/secrets.h"

#include <string_view>

namespace penstock {
namespace {

constexpr std::string_view kOpen = "${secrets.";

std::string Filled(const std::map<std::string, std::string>& secrets, std::string_view text) {
  std::string filled;
  while (!text.empty()) {
    const auto at = text.find('$');
    filled += text.substr(0, at);
    if (at == std::string_view::npos) break;
    text.remove_prefix(at);
    const auto end = text.find('}');
    if (text.starts_with(kOpen) && end != std::string_view::npos) {
      const auto found = secrets.find(std::string(text.substr(kOpen.size(), end - kOpen.size())));
      if (found != secrets.end()) {
        filled += found->second;
        text.remove_prefix(end + 1);
        continue;
      }
    }
    filled += '$';
    text.remove_prefix(text.starts_with("$$") ? 2 : 1);
  }
  return filled;
}

void FillIn(const std::map<std::string, std::string>& secrets, Json& value) {
  if (value.is_string()) {
    value = Filled(secrets, value.get_ref<const std::string&>());
  } else if (value.is_structured()) {
    for (Json& member : value) FillIn(secrets, member);
  }
}

}  // namespace

void FillSecrets(const std::map<std::string, std::string>& secrets, Json& parameters) {
  if (!secrets.empty()) FillIn(secrets, parameters);
}

}  // namespace penstock

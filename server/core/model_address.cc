#include "server/core/model_address.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace penstock {
namespace {

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// 0 for what is no version.
int32_t ReadVersion(std::string_view text) {
  int32_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  return error == std::errc() && end == text.data() + text.size() && version > 0 ? version : 0;
}

}  // namespace

std::string ModelAddress::text() const {
  return std::string(kModelScheme) + group + "@" +
         (alias.empty() ? std::to_string(version) : alias);
}

bool IsAlias(std::string_view text) {
  return IsName(text) && !IsNumber(text);
}

bool IsModelVersion(std::string_view text) {
  const auto slash = text.find('/');
  return slash != std::string_view::npos && IsName(text.substr(0, slash)) &&
         ReadVersion(text.substr(slash + 1)) > 0;
}

Result<ModelAddress> ParseModelAddress(std::string_view text) {
  const std::string shown = "\"" + TruncateUtf8(text, 100) + "\"";
  const std::string_view rest = text.substr(std::min(text.size(), kModelScheme.size()));
  const auto at = rest.find('@');
  ModelAddress address;
  address.group = std::string(rest.substr(0, at));
  if (!text.starts_with(kModelScheme) || at == std::string_view::npos || !IsName(address.group)) {
    return InvalidArgument(shown +
                           " is no model; write model:GROUP@ALIAS, as in model:census@champion, or "
                           "model:GROUP@VERSION");
  }
  const std::string_view which = rest.substr(at + 1);
  address.version = IsNumber(which) ? ReadVersion(which) : 0;
  if (address.version > 0) return address;
  if (!IsAlias(which)) {
    return InvalidArgument(shown + ": \"" + TruncateUtf8(which, 80) +
                           "\" is neither a version (1, 2 …) nor an alias (1 to 64 of a-z 0-9 - _, "
                           "and no number)");
  }
  address.alias = std::string(which);
  return address;
}

int32_t VersionOfPin(const std::string& pin) {
  const auto slash = pin.rfind('/');
  return slash == std::string::npos ? 0 : ReadVersion(std::string_view(pin).substr(slash + 1));
}

}  // namespace penstock

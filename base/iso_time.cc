#include "base/iso_time.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "base/result.h"
#include "base/text.h"

namespace penstock {

std::optional<Time> ParseIsoTime(std::string_view text) {
  const auto digits = [&](std::size_t at, std::size_t count) {
    if (at + count > text.size()) return false;
    return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at),
                       text.begin() + static_cast<std::ptrdiff_t>(at + count),
                       [](char c) { return c >= '0' && c <= '9'; });
  };
  if (!digits(0, 4) || !digits(5, 2) || !digits(8, 2) || text[4] != '-' || text[7] != '-') {
    return std::nullopt;
  }
  std::string full(text.substr(0, 10));
  if (text.size() == 10) {
    full += "T00:00:00Z";
  } else {
    if ((text[10] != ' ' && text[10] != 'T' && text[10] != 't') || !digits(11, 2) ||
        !digits(14, 2) || text[13] != ':') {
      return std::nullopt;
    }
    full += "T" + std::string(text.substr(11, 5));
    std::size_t at = 16;
    if (at < text.size() && text[at] == ':') {
      const std::size_t end = std::min(text.find_first_of("Zz+-", at), text.size());
      full += text.substr(at, end - at);
      at = end;
    } else {
      full += ":00";
    }
    const std::string_view zone = text.substr(at);
    if (zone.empty()) {
      full += "Z";
    } else if (zone.size() == 3 && digits(at + 1, 2)) {
      full += std::string(zone) + ":00";
    } else {
      full += zone;
    }
  }
  const Result<Time> time = ParseTime(full);
  return time.ok() ? std::optional<Time>(*time) : std::nullopt;
}

}  // namespace penstock

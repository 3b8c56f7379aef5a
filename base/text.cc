#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace penstock {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

// Reads "<number><unit>" pairs from the front; returns false where the text is something else.
template <std::size_t N>
bool ReadQuantity(std::string_view& text, const std::array<Unit, N>& units, double* value) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || number < 0 || !std::isfinite(number)) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  std::size_t length = 0;
  while (length < text.size() && std::isalpha(static_cast<unsigned char>(text[length]))) ++length;
  const std::string_view unit = text.substr(0, length);
  for (const Unit& candidate : units) {
    if (candidate.name == unit) {
      text.remove_prefix(length);
      *value += number * candidate.factor;
      return true;
    }
  }
  return false;
}

int Longer(std::string_view a, std::string_view b) {
  return static_cast<int>(std::max(a.size(), b.size()));
}

// Whether only capitals make the difference.
bool SameLetters(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

Result<Micros> ParseDuration(std::string_view text) {
  static constexpr std::array<Unit, 6> kUnits = {
      {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 6e7}, {"h", 3.6e9}, {"d", 8.64e10}}};
  std::string_view rest = Trim(text);
  double micros = 0;
  bool good = !rest.empty();
  while (good && !rest.empty()) good = ReadQuantity(rest, kUnits, &micros);
  if (!good || micros > 3650 * 8.64e10) {
    return InvalidArgument("\"" + TruncateUtf8(text, 60) +
                           "\" is not a duration; write a number and a unit, as in 250ms, 30s, "
                           "5m, 1h30m or 7d (at most 10 years)");
  }
  return Micros(static_cast<int64_t>(std::llround(micros)));
}

Result<Time> ParseTime(std::string_view text) {
  const auto bad = [&] {
    return InvalidArgument("\"" + TruncateUtf8(text, 60) +
                           "\" is not a time; write 2027-01-31T06:00:00Z, or +01:00 for the Z");
  };
  // The digits of "....-..-..T..:..:..", each number with the limits that it has.
  static constexpr std::string_view kShape = "0000-00-00T00:00:00";
  if (text.size() < kShape.size() + 1) return bad();
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == '0' ? !digit : text[i] != kShape[i]) return bad();
  }
  const auto number = [&](std::size_t at, std::size_t length) {
    int value = 0;
    for (std::size_t i = at; i < at + length; ++i) value = value * 10 + (text[i] - '0');
    return value;
  };
  const std::chrono::year_month_day date(std::chrono::year(number(0, 4)),
                                         std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(8, 2))));
  const int hour = number(11, 2);
  const int minute = number(14, 2);
  const int second = number(17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return bad();
  int64_t micros = std::chrono::sys_days(date).time_since_epoch().count() * int64_t{86'400'000'000};
  micros += (int64_t{3600} * hour + 60 * minute + second) * 1'000'000;
  std::string_view rest = text.substr(kShape.size());
  if (rest.front() == '.') {
    rest.remove_prefix(1);
    int64_t unit = 100'000;
    if (rest.empty() || rest.front() < '0' || rest.front() > '9') return bad();
    for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; rest.remove_prefix(1)) {
      micros += (rest.front() - '0') * unit;
      unit /= 10;
    }
  }
  if (rest == "Z" || rest == "z") return Time{micros};
  static constexpr std::string_view kOffset = "+00:00";
  if (rest.size() != kOffset.size() || (rest[0] != '+' && rest[0] != '-')) return bad();
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (kOffset[i] == ':' ? rest[i] != ':' : rest[i] < '0' || rest[i] > '9') return bad();
  }
  const int64_t offset =
      (rest[1] - '0') * 600 + (rest[2] - '0') * 60 + (rest[4] - '0') * 10 + (rest[5] - '0');
  return Time{micros - (rest[0] == '+' ? 1 : -1) * offset * 60'000'000};
}

std::string UnparseDuration(Micros duration) {
  static constexpr std::array<std::pair<std::string_view, int64_t>, 6> kUnits = {
      {{"d", 86'400'000'000},
       {"h", 3'600'000'000},
       {"m", 60'000'000},
       {"s", 1'000'000},
       {"ms", 1'000},
       {"us", 1}}};
  int64_t left = duration.count();
  if (left == 0) return "0s";
  std::string text;
  for (const auto& [unit, size] : kUnits) {
    if (left >= size) {
      text += std::to_string(left / size);
      text += unit;
      left %= size;
    }
  }
  return text;
}

Result<int64_t> ParseSize(std::string_view text) {
  static constexpr std::array<Unit, 14> kUnits = {{{"", 1},
                                                   {"B", 1},
                                                   {"KB", 1e3},
                                                   {"MB", 1e6},
                                                   {"GB", 1e9},
                                                   {"TB", 1e12},
                                                   {"KiB", 1024.},
                                                   {"MiB", 1048576.},
                                                   {"GiB", 1073741824.},
                                                   {"TiB", 1099511627776.},
                                                   {"K", 1024.},
                                                   {"M", 1048576.},
                                                   {"G", 1073741824.},
                                                   {"T", 1099511627776.}}};
  constexpr int64_t kMost = 1'000'000'000'000'000'000;
  std::string_view rest = Trim(text);
  // Bytes are counted to the last one, which a double does not do.
  const std::string_view digits = rest.substr(0, rest.size() - (rest.ends_with('B') ? 1 : 0));
  int64_t exact = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exact);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (whole && exact >= 0 && exact <= kMost) return exact;
  double bytes = 0;
  if (whole || !ReadQuantity(rest, kUnits, &bytes) || !rest.empty() ||
      bytes > static_cast<double>(kMost)) {
    return InvalidArgument("\"" + TruncateUtf8(text, 60) +
                           "\" is not a size; write a number and a unit, as in 512MiB or 2GiB");
  }
  return static_cast<int64_t>(std::llround(bytes));
}

std::string FormatSize(int64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  char text[40];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

int EditDistance(std::string_view a, std::string_view b) {
  const std::size_t n = b.size();
  std::vector<int> before(n + 1), previous(n + 1), current(n + 1);
  for (std::size_t j = 0; j <= n; ++j) previous[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= n; ++j) {
      const int replace = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    before.swap(previous);
    previous.swap(current);
  }
  return previous[n];
}

std::string Nearest(std::string_view name, const std::vector<std::string>& candidates) {
  std::string best;
  int least = std::max<int>(1, static_cast<int>(name.size()) / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > 2 * name.size() + 4) continue;
    const int distance = EditDistance(name.substr(0, 128), candidate);
    if (distance < least && (distance < Longer(name, candidate) || SameLetters(name, candidate))) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

std::string Suggestion(std::string_view name, const std::vector<std::string>& candidates) {
  if (const std::string near = Nearest(name, candidates); !near.empty()) {
    return " (did you mean \"" + near + "\"?)";
  }
  if (candidates.empty() || candidates.size() > 12) return {};
  return " (known: " + Join(candidates, ", ") + ")";
}

std::string Join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += separator;
    text += parts[i];
  }
  return text;
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string_view Trim(std::string_view text) {
  static constexpr std::string_view kBlanks = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool IsName(std::string_view text, int max_length) {
  if (text.empty() || text.size() > static_cast<std::size_t>(max_length)) return false;
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (!alphanumeric(text.front()) || !alphanumeric(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return alphanumeric(c) || c == '-' || c == '_'; });
}

bool IsUtf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = p + text.size();
  while (p < end) {
    if (*p < 0x80) {
      ++p;
      continue;
    }
    int more = 0;
    uint32_t least = 0;
    uint32_t point = 0;
    if ((*p & 0xe0) == 0xc0) {
      more = 1, least = 0x80, point = *p & 0x1f;
    } else if ((*p & 0xf0) == 0xe0) {
      more = 2, least = 0x800, point = *p & 0x0f;
    } else if ((*p & 0xf8) == 0xf0) {
      more = 3, least = 0x10000, point = *p & 0x07;
    } else {
      return false;
    }
    if (end - p <= more) return false;
    for (int i = 1; i <= more; ++i) {
      if ((p[i] & 0xc0) != 0x80) return false;
      point = (point << 6) | (p[i] & 0x3f);
    }
    if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
    p += more + 1;
  }
  return true;
}

std::string TruncateUtf8(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  std::size_t end = max_bytes;
  // A character has at most three bytes behind its first.
  for (int back = 0; back < 3 && end > 0 && (text[end] & 0xc0) == 0x80; ++back) --end;
  if ((text[end] & 0xc0) == 0x80) end = max_bytes;
  return std::string(text.substr(0, end));
}

std::string FormatDouble(double value) {
  if (std::isnan(value)) return "nan";
  char text[40];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return error == std::errc() ? std::string(text, end) : std::string("?");
}

std::string FormatNumber(double value) {
  constexpr double kExact = 9e15;  // whole numbers below are what they seem
  if (std::nearbyint(value) != value || std::abs(value) > kExact) return FormatDouble(value);
  return std::to_string(static_cast<int64_t>(value));
}

}  // namespace penstock

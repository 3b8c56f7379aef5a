#include "base/date_format.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/text.h"

namespace penstock {
namespace {

constexpr std::string_view kDirectives = "YymdjbBaAHIpMSfz%";

constexpr std::array<std::string_view, 12> kMonths = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};
constexpr std::array<std::string_view, 7> kDays = {"monday", "tuesday",  "wednesday", "thursday",
                                                   "friday", "saturday", "sunday"};

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool TakeWord(std::string_view& text, std::string_view word) {
  if (text.size() < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (Lower(text[i]) != word[i]) return false;
  }
  text.remove_prefix(word.size());
  return true;
}

// Which of `names`, whole or its first three letters; -1 for none.
template <std::size_t kCount>
int TakeName(std::string_view& text, const std::array<std::string_view, kCount>& names) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (TakeWord(text, names[i]) || TakeWord(text, names[i].substr(0, 3))) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

// What a text says; -1 for what it does not.
struct Fields {
  int year = -1;
  int month = 1;
  int day = 1;
  int day_of_year = -1;
  int hour = 0;
  int half = 0;  // 1 for the afternoon
  int minute = 0;
  int second = 0;
  int64_t micros = 0;
  int offset_minutes = 0;
};

// A number of `least` to `most` digits, from `minimum` to `maximum`.
bool TakeNumber(std::string_view& text, std::size_t least, std::size_t most, int minimum,
                int maximum, int* number) {
  std::size_t digits = 0;
  int value = 0;
  for (; digits < most && digits < text.size() && IsDigit(text[digits]); ++digits) {
    value = value * 10 + (text[digits] - '0');
  }
  if (digits < least || value < minimum || value > maximum) return false;
  text.remove_prefix(digits);
  *number = value;
  return true;
}

// Digits beyond microseconds are cut off.
bool TakeFraction(std::string_view& text, int64_t* micros) {
  int64_t unit = 100'000;
  std::size_t digits = 0;
  for (; digits < 9 && digits < text.size() && IsDigit(text[digits]); ++digits) {
    *micros += (text[digits] - '0') * unit;
    unit /= 10;
  }
  text.remove_prefix(digits);
  return digits > 0;
}

bool TakeOffset(std::string_view& text, int* minutes) {
  if (text.empty()) return false;
  const char sign = text.front();
  text.remove_prefix(1);
  if (sign == 'Z' || sign == 'z') return true;
  int hours = 0;
  int rest = 0;
  if ((sign != '+' && sign != '-') || !TakeNumber(text, 2, 2, 0, 23, &hours)) return false;
  const bool colon = !text.empty() && text.front() == ':';
  if (colon) text.remove_prefix(1);
  const bool more = colon || (!text.empty() && IsDigit(text.front()));
  if (more && !TakeNumber(text, 2, 2, 0, 59, &rest)) return false;
  *minutes = (sign == '+' ? 1 : -1) * (hours * 60 + rest);
  return true;
}

bool TakeDate(char directive, std::string_view& text, Fields& fields) {
  switch (directive) {
    case 'Y':
      return TakeNumber(text, 4, 4, 1, 9999, &fields.year);
    case 'y':
      if (!TakeNumber(text, 2, 2, 0, 99, &fields.year)) return false;
      fields.year += fields.year >= 69 ? 1900 : 2000;
      return true;
    case 'm':
      return TakeNumber(text, 1, 2, 1, 12, &fields.month);
    case 'b':
    case 'B':
      fields.month = TakeName(text, kMonths) + 1;
      return fields.month > 0;
    case 'd':
      return TakeNumber(text, 1, 2, 1, 31, &fields.day);
    case 'j':
      return TakeNumber(text, 1, 3, 1, 366, &fields.day_of_year);
    default:
      return TakeName(text, kDays) >= 0;
  }
}

bool Take(char directive, std::string_view& text, Fields& fields) {
  switch (directive) {
    case 'H':
      return TakeNumber(text, 1, 2, 0, 23, &fields.hour);
    case 'I':
      if (!TakeNumber(text, 1, 2, 1, 12, &fields.hour)) return false;
      fields.hour %= 12;
      return true;
    case 'p':
      fields.half = TakeWord(text, "pm") ? 1 : 0;
      return fields.half == 1 || TakeWord(text, "am");
    case 'M':
      return TakeNumber(text, 1, 2, 0, 59, &fields.minute);
    case 'S':
      return TakeNumber(text, 1, 2, 0, 59, &fields.second);
    case 'f':
      return TakeFraction(text, &fields.micros);
    case 'z':
      return TakeOffset(text, &fields.offset_minutes);
    case '%':
      return TakeWord(text, "%");
    default:
      return TakeDate(directive, text, fields);
  }
}

std::optional<Time> TimeOf(const Fields& fields) {
  const std::chrono::year year(fields.year);
  std::chrono::sys_days day;
  if (fields.day_of_year > 0) {
    if (fields.day_of_year == 366 && !year.is_leap()) return std::nullopt;
    day = std::chrono::sys_days(year / 1 / 1) + std::chrono::days(fields.day_of_year - 1);
  } else {
    const std::chrono::year_month_day date(year,
                                           std::chrono::month(static_cast<unsigned>(fields.month)),
                                           std::chrono::day(static_cast<unsigned>(fields.day)));
    if (!date.ok()) return std::nullopt;
    day = std::chrono::sys_days(date);
  }
  const int64_t minutes = int64_t{day.time_since_epoch().count()} * 1'440 +
                          (fields.hour + 12 * fields.half) * 60 + fields.minute -
                          fields.offset_minutes;
  return Time{(minutes * 60 + fields.second) * 1'000'000 + fields.micros};
}

}  // namespace

Result<DateFormat> DateFormat::Parse(std::string_view format) {
  std::string full;
  std::string seen;
  const auto bad = [&](const std::string& what) {
    return InvalidArgument("format \"" + TruncateUtf8(format, 60) + "\" " + what);
  };
  for (std::size_t i = 0; i < format.size(); ++i) {
    full += format[i];
    if (format[i] != '%') continue;
    if (++i == format.size()) return bad("ends in %; write %% for a percent sign");
    const std::string directives = format[i] == 'F'   ? "Y-%m-%d"
                                   : format[i] == 'T' ? "H:%M:%S"
                                                      : std::string(1, format[i]);
    full += directives;
    for (const char directive : directives) {
      if (directive == '-' || directive == ':' || (directive == '%' && directives.size() > 1)) {
        continue;
      }
      const std::string name = std::string("%").append(1, directive);
      if (kDirectives.find(directive) == std::string_view::npos) {
        return bad("has " + name +
                   ", which is none of %Y %y %m %d %j %b %B %a %A %H %I %p %M %S %f %z %F %T %%");
      }
      if (directive != '%' && seen.find(directive) != std::string::npos) {
        return bad("has " + name + " twice");
      }
      seen += directive;
    }
  }
  const auto has = [&](char directive) { return seen.find(directive) != std::string::npos; };
  if (!has('Y') && !has('y')) return bad("has no year: %Y or %y");
  if (has('I') != has('p')) return bad("must have %I and %p together, or %H");
  if ((has('Y') && has('y')) || (has('H') && has('I')) ||
      has('m') + has('b') + has('B') + has('j') > 1 || (has('d') && has('j'))) {
    return bad("says one part of the time in two ways");
  }
  if (has('d') && !has('m') && !has('b') && !has('B')) return bad("has a day, but no month");
  return DateFormat(std::move(full));
}

std::optional<Time> DateFormat::Read(std::string_view text) const {
  Fields fields;
  for (std::size_t i = 0; i < format_.size(); ++i) {
    const char c = format_[i];
    if (c == '%') {
      if (!Take(format_[++i], text, fields)) return std::nullopt;
    } else if (c == ' ') {
      if (text.empty() || text.front() != ' ') return std::nullopt;
      while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    } else {
      if (text.empty() || text.front() != c) return std::nullopt;
      text.remove_prefix(1);
    }
  }
  return text.empty() ? TimeOf(fields) : std::nullopt;
}

}  // namespace penstock

#include "client/cli/backfill_values.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>

#include "base/clock.h"
#include "base/text.h"
#include "client/cli/names.h"
#include "client/cli/output.h"
#include "storage/model/limits.h"

namespace penstock::cli {
namespace {

constexpr Micros kDay = std::chrono::hours(24);
constexpr char kUsage[] =
    "--over NAME=a,b,c, NAME=1..10[:STEP] or NAME=2026-01-01..2026-01-31[:1d|:1h|:1w]";

Status TooMany(const std::string& what) {
  return WrongUse(what + " makes more than " + std::to_string(limits::kMaxBackfillRuns) +
                  " runs; go over less at a time");
}

// Midnight (UTC) of "2026-01-31"; nothing for another text.
std::optional<Time> ParseDay(const std::string& text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const Result<Time> time = ParseTime(text + "T00:00:00Z");
  if (!time.ok()) return std::nullopt;
  return *time;
}

Result<std::vector<std::string>> Days(const std::string& text, Time first, Time last,
                                      const std::string& step) {
  Micros every = kDay;
  if (!step.empty()) {
    // Weeks are no durations elsewhere.
    const bool weeks = step.ends_with('w');
    const Result<Micros> length =
        ParseDuration(weeks ? step.substr(0, step.size() - 1) + "d" : step);
    if (!length.ok() || length->count() <= 0) {
      return WrongUse("\"" + step + "\" is no step of days; write 1d, 1h or 1w");
    }
    every = weeks ? *length * 7 : *length;
  }
  const bool whole_days = every % kDay == Micros(0);
  // Times go up to the end of the last day.
  const Time end = whole_days ? last + Micros(1) : last + kDay;
  if (last < first) return WrongUse(text + ": the last day is before the first");
  if ((end - first) / every > limits::kMaxBackfillRuns) return TooMany(text);
  std::vector<std::string> values;
  for (Time at = first; at < end; at = at + every) {
    const std::string time = FormatTime(at);
    values.push_back(whole_days ? time.substr(0, 10) : time.substr(0, 19) + "Z");
  }
  return values;
}

std::optional<double> ParseNumber(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || at != end || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

Result<std::vector<std::string>> Numbers(const std::string& text, const std::string& from,
                                         const std::string& to, const std::string& step) {
  const auto first = ParseNumber(from);
  const auto last = ParseNumber(to);
  const auto every = step.empty() ? std::optional<double>(1) : ParseNumber(step);
  if (!first || !last || !every || *every <= 0) {
    return WrongUse("\"" + text + "\" is no range; write " + kUsage);
  }
  if (*last < *first) return WrongUse(text + ": the last number is below the first");
  // As counted from the first: 0.1 added ten times is not 1.
  const double count = std::floor((*last - *first) / *every + 1e-9);
  if (count >= static_cast<double>(limits::kMaxBackfillRuns)) return TooMany(text);
  std::vector<std::string> values;
  for (int64_t i = 0; i <= static_cast<int64_t>(count); ++i) {
    // Twelve digits hide what binary fractions leave behind.
    const double value = *first + static_cast<double>(i) * *every;
    const double rounded = std::round(value * 1e9) / 1e9;
    values.push_back(FormatDouble(std::abs(value) < 1e6 ? rounded : value));
  }
  return values;
}

}  // namespace

Result<std::pair<std::string, std::vector<std::string>>> ParseOver(const std::string& text) {
  PENSTOCK_ASSIGN_OR_RETURN(const auto assignment, ParseAssignment(text, kUsage));
  const auto& [name, what] = assignment;
  std::pair<std::string, std::vector<std::string>> over;
  over.first = name;
  const auto dots = what.find("..");
  if (dots == std::string::npos) {
    over.second = Split(what, ',');
    for (const std::string& value : over.second) {
      if (value.empty()) return WrongUse("\"" + text + "\" has an empty value; write " + kUsage);
    }
    return over;
  }
  const std::string first = what.substr(0, dots);
  std::string last = what.substr(dots + 2);
  std::string step;
  if (const auto colon = last.find(':'); colon != std::string::npos) {
    step = last.substr(colon + 1);
    last.resize(colon);
  }
  const auto first_day = ParseDay(first);
  const auto last_day = ParseDay(last);
  if (first_day && last_day) {
    PENSTOCK_ASSIGN_OR_RETURN(over.second, Days(text, *first_day, *last_day, step));
  } else {
    PENSTOCK_ASSIGN_OR_RETURN(over.second, Numbers(text, first, last, step));
  }
  return over;
}

Result<std::vector<Values>> Combine(const std::vector<std::string>& over) {
  std::vector<Values> all = {{}};
  for (const std::string& text : over) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto parsed, ParseOver(text));
    const auto& [name, values] = parsed;
    for (const auto& [known, value] : all.front()) {
      if (known == name) return WrongUse("--over names " + name + " twice");
    }
    if (all.size() * values.size() > static_cast<std::size_t>(limits::kMaxBackfillRuns)) {
      return TooMany("every combination");
    }
    std::vector<Values> next;
    for (const Values& before : all) {
      for (const std::string& value : values) {
        next.push_back(before);
        next.back().emplace_back(name, value);
      }
    }
    all = std::move(next);
  }
  return all;
}

std::string Describe(const Values& values) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : values) texts.push_back(name + "=" + value);
  return Join(texts, ", ");
}

}  // namespace penstock::cli

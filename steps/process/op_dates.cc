// parse_dates: texts and numbers as times, and parts of these as columns of numbers.
//
// Times are in UTC: offsets are applied, and times without one are taken as UTC. Weeks are those of
// ISO 8601 (they begin on Monday; week 1 has the year's first Thursday), weekdays run from 1,
// Monday, to 7.

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/date_format.h"
#include "base/iso_time.h"
#include "base/text.h"
#include "steps/process/column_operation.h"
#include "steps/process/makers.h"

namespace penstock {
namespace {

constexpr int64_t kDay = int64_t{86'400} * 1'000'000;
// The years 1 to 9999: what ISO 8601 writes with four digits.
constexpr int64_t kFirst = -62'135'596'800 * int64_t{1'000'000};
constexpr int64_t kEnd = 253'402'300'800 * int64_t{1'000'000};
// Cells in messages.
constexpr std::size_t kShownBytes = 60;

struct Calendar {
  explicit Calendar(int64_t micros)
      : days(std::chrono::floor<std::chrono::days>(std::chrono::microseconds(micros)).count()),
        of_day(micros - days * kDay),
        date(std::chrono::sys_days(std::chrono::days(days))) {}

  int year() const { return static_cast<int>(date.year()); }
  int month() const { return static_cast<int>(static_cast<unsigned>(date.month())); }
  int day() const { return static_cast<int>(static_cast<unsigned>(date.day())); }
  int weekday() const {
    return static_cast<int>(
        std::chrono::weekday(std::chrono::sys_days(std::chrono::days(days))).iso_encoding());
  }
  int day_of_year() const { return DayOfYear(days); }
  // The week of a day is that of its Thursday.
  int week() const { return (DayOfYear(days - weekday() + 4) - 1) / 7 + 1; }
  int days_of_month() const {
    return static_cast<int>(
        static_cast<unsigned>((date.year() / date.month() / std::chrono::last).day()));
  }
  int days_of_year() const { return date.year().is_leap() ? 366 : 365; }
  int hour() const { return static_cast<int>(of_day / (int64_t{3'600} * 1'000'000)); }
  int minute() const { return static_cast<int>(of_day / (int64_t{60} * 1'000'000) % 60); }
  int second() const { return static_cast<int>(of_day / 1'000'000 % 60); }

  static int DayOfYear(int64_t days) {
    const std::chrono::sys_days day{std::chrono::days(days)};
    const std::chrono::year_month_day date(day);
    return static_cast<int>((day - std::chrono::sys_days(date.year() / 1 / 1)).count()) + 1;
  }

  int64_t days;    // since 1970
  int64_t of_day;  // microseconds
  std::chrono::year_month_day date;
};

struct Part {
  std::string_view name;
  ColumnType type;
  double (*of)(const Calendar& time);
};

constexpr std::array kParts = {
    Part{"year", ColumnType::kInteger, [](const Calendar& t) { return double(t.year()); }},
    Part{"quarter", ColumnType::kInteger,
         [](const Calendar& t) { return double((t.month() - 1) / 3 + 1); }},
    Part{"month", ColumnType::kInteger, [](const Calendar& t) { return double(t.month()); }},
    Part{"week", ColumnType::kInteger, [](const Calendar& t) { return double(t.week()); }},
    Part{"day", ColumnType::kInteger, [](const Calendar& t) { return double(t.day()); }},
    Part{"weekday", ColumnType::kInteger, [](const Calendar& t) { return double(t.weekday()); }},
    Part{"day_of_year", ColumnType::kInteger,
         [](const Calendar& t) { return double(t.day_of_year()); }},
    Part{"hour", ColumnType::kInteger, [](const Calendar& t) { return double(t.hour()); }},
    Part{"minute", ColumnType::kInteger, [](const Calendar& t) { return double(t.minute()); }},
    Part{"second", ColumnType::kInteger, [](const Calendar& t) { return double(t.second()); }},
    Part{"is_weekend", ColumnType::kBoolean,
         [](const Calendar& t) { return t.weekday() > 5 ? 1.0 : 0.0; }},
    Part{"epoch", ColumnType::kDouble,
         [](const Calendar& t) { return double(t.days * kDay + t.of_day) / 1e6; }},
    Part{"days", ColumnType::kInteger, [](const Calendar& t) { return double(t.days); }},
};

// How far a time is through its cycle, from 0 on, below 1. (Day 366 has a place of its own, in leap
// years; each month is one round.)
struct Cycle {
  std::string_view name;
  double (*of)(const Calendar& time);
};

constexpr std::array kCycles = {
    Cycle{"month", [](const Calendar& t) { return (t.month() - 1) / 12.0; }},
    Cycle{"day",
          [](const Calendar& t) { return (t.day() - 1) / static_cast<double>(t.days_of_month()); }},
    Cycle{"weekday", [](const Calendar& t) { return (t.weekday() - 1) / 7.0; }},
    Cycle{"day_of_year",
          [](const Calendar& t) {
            return (t.day_of_year() - 1) / static_cast<double>(t.days_of_year());
          }},
    Cycle{"hour", [](const Calendar& t) { return t.hour() / 24.0; }},
    Cycle{"minute", [](const Calendar& t) { return t.minute() / 60.0; }},
    Cycle{"second", [](const Calendar& t) { return t.second() / 60.0; }},
};

// The entries of `table` that `list` names. kInvalidArgument: a name that is none, or twice.
template <typename Entries>
Result<std::vector<const typename Entries::value_type*>> Named(const Json& list,
                                                               std::string_view key,
                                                               const Entries& entries) {
  std::vector<const typename Entries::value_type*> chosen;
  std::vector<std::string> known;
  for (const auto& entry : entries) known.emplace_back(entry.name);
  for (const std::string& name : TextList(list)) {
    const auto at = std::find_if(entries.begin(), entries.end(),
                                 [&](const auto& entry) { return entry.name == name; });
    if (at == entries.end()) {
      return InvalidArgument("parse_dates: " + std::string(key) + ": \"" + name + "\" is none" +
                             Suggestion(name, known));
    }
    if (std::find(chosen.begin(), chosen.end(), &*at) != chosen.end()) {
      return InvalidArgument("parse_dates: " + std::string(key) + " has \"" + name + "\" twice");
    }
    chosen.push_back(&*at);
  }
  return chosen;
}

// As DuckDB writes it: "2027-01-31", or "2027-01-31 06:00:00.25".
std::string DateText(const Calendar& time, bool with_time) {
  char text[40];
  int length =
      std::snprintf(text, sizeof text, "%04d-%02d-%02d", time.year(), time.month(), time.day());
  std::string date(text, static_cast<std::size_t>(length));
  if (!with_time) return date;
  length = std::snprintf(text, sizeof text, " %02d:%02d:%02d", time.hour(), time.minute(),
                         time.second());
  date.append(text, static_cast<std::size_t>(length));
  const auto micros = static_cast<int>(time.of_day % 1'000'000);
  if (micros == 0) return date;
  length = std::snprintf(text, sizeof text, ".%06d", micros);
  date.append(text, static_cast<std::size_t>(length));
  date.erase(date.find_last_not_of('0') + 1);
  return date;
}

class ParseDates : public ColumnOperation<std::monostate> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<ParseDates>(new ParseDates(spec));
    PENSTOCK_RETURN_IF_ERROR(op->ReadParameters(spec));
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Learn(const FitData&, const std::vector<std::string>&,
               std::vector<std::monostate>&) override {
    return Status::Ok();
  }

  Status Change(Column&& column, const std::monostate&, const AppliedRows& rows,
                std::vector<Column>& out) const override {
    PENSTOCK_ASSIGN_OR_RETURN(const Times times, Parse(column, rows));
    const std::string& name = column.info.name;
    if (keep_ != Keep::kNone) out.push_back(Dates(name, times));
    for (const Part* part : parts_) {
      out.push_back(Numbers(name + "." + std::string(part->name), part->type, times, part->of));
    }
    constexpr double kRound = 2 * std::numbers::pi;
    for (const Cycle* cycle : cycles_) {
      const std::string cyclical = name + "." + std::string(cycle->name);
      out.push_back(Numbers(cyclical + "_sin", ColumnType::kDouble, times,
                            [&](const Calendar& t) { return std::sin(kRound * cycle->of(t)); }));
      out.push_back(Numbers(cyclical + "_cos", ColumnType::kDouble, times,
                            [&](const Calendar& t) { return std::cos(kRound * cycle->of(t)); }));
    }
    return Status::Ok();
  }

 private:
  enum class Keep { kNone, kDate, kTimestamp };

  // Distinct times, and which of them each row has; -1 where it has none.
  struct Times {
    std::vector<std::optional<Calendar>> distinct;
    std::vector<int32_t> codes;
  };

  explicit ParseDates(const Json& spec) : ColumnOperation(spec) {}

  Status ReadParameters(const Json& spec) {
    for (const std::string& format : TextList(JsonMember(spec, "formats"))) {
      formats_.emplace_back();
      if (format == "iso") continue;
      auto parsed = DateFormat::Parse(format);
      if (!parsed.ok()) return parsed.status().WithContext("parse_dates");
      formats_.back() = std::move(*parsed);
    }
    static const std::vector<std::string> kUnits = {"seconds", "milliseconds", "microseconds",
                                                    "days"};
    static constexpr std::array<int64_t, 4> kMicros = {1'000'000, 1'000, 1, kDay};
    const std::string unit = JsonString(spec, "unit", "seconds");
    const auto at = std::find(kUnits.begin(), kUnits.end(), unit);
    if (at == kUnits.end()) {
      return InvalidArgument("parse_dates: unknown unit \"" + unit + "\"" +
                             Suggestion(unit, kUnits));
    }
    unit_ = kMicros[static_cast<std::size_t>(at - kUnits.begin())];
    PENSTOCK_ASSIGN_OR_RETURN(parts_, Named(JsonMember(spec, "parts"), "parts", kParts));
    PENSTOCK_ASSIGN_OR_RETURN(cycles_, Named(JsonMember(spec, "cyclical"), "cyclical", kCycles));
    const std::string invalid = JsonString(spec, "invalid", "error");
    if (invalid != "error" && invalid != "missing") {
      return InvalidArgument("parse_dates: invalid must be error or missing");
    }
    invalid_missing_ = invalid == "missing";
    const bool any = !parts_.empty() || !cycles_.empty();
    const std::string keep = JsonString(spec, "keep", any ? "none" : "timestamp");
    if (keep != "none" && keep != "date" && keep != "timestamp") {
      return InvalidArgument("parse_dates: keep must be none, date or timestamp");
    }
    if (keep == "none" && !any) {
      return InvalidArgument("parse_dates: nothing would be left; name parts, or keep the date");
    }
    keep_ = keep == "date" ? Keep::kDate : keep == "timestamp" ? Keep::kTimestamp : Keep::kNone;
    return Status::Ok();
  }

  std::optional<Time> ParseText(const std::string& text, bool typed) const {
    const std::string_view trimmed = Trim(text);
    if (formats_.empty() || typed) return ParseIsoTime(trimmed);
    for (const std::optional<DateFormat>& format : formats_) {
      const auto time = format ? format->Read(trimmed) : ParseIsoTime(trimmed);
      if (time) return time;
    }
    return std::nullopt;
  }

  std::optional<Time> ParseNumber(double value) const {
    const double micros = std::round(value * static_cast<double>(unit_));
    if (!(micros >= static_cast<double>(kFirst) && micros < static_cast<double>(kEnd))) {
      return std::nullopt;
    }
    return Time{static_cast<int64_t>(micros)};
  }

  Result<Times> Parse(const Column& column, const AppliedRows& rows) const {
    Times times;
    const bool as_number = !column.is_text() && formats_.empty();
    const bool typed =
        column.info.type == ColumnType::kDate || column.info.type == ColumnType::kTimestamp;
    const auto add = [&](const std::optional<Time>& time) {
      const bool fits = time && time->micros >= kFirst && time->micros < kEnd;
      times.distinct.push_back(fits ? std::optional<Calendar>(time->micros) : std::nullopt);
    };
    if (as_number) {
      for (std::size_t i = 0; i < column.numbers.size(); ++i) {
        times.codes.push_back(-1);
        if (column.missing(i)) continue;
        times.codes.back() = static_cast<int32_t>(times.distinct.size());
        add(ParseNumber(column.numbers[i]));
      }
    } else {
      StringValues texts = AsTexts(column);
      for (const std::string& text : texts.dictionary) add(ParseText(text, typed));
      times.codes = std::move(texts.codes);
    }
    for (std::size_t i = 0; i < times.codes.size(); ++i) {
      int32_t& code = times.codes[i];
      if (code < 0 || times.distinct[static_cast<std::size_t>(code)]) continue;
      if (!invalid_missing_) return Invalid(column, i, rows);
      code = -1;
    }
    return times;
  }

  Status Invalid(const Column& column, std::size_t i, const AppliedRows& rows) const {
    std::string message = rows.Where(i, column.info.name);
    message += ": \"" + TruncateUtf8(column.text(i), kShownBytes) + "\" is ";
    if (!column.is_text() && formats_.empty()) {
      message += "no time from the years 1 to 9999 in " + JsonString(spec(), "unit", "seconds") +
                 " since 1970; give another unit, formats, or invalid: missing";
    } else if (formats_.empty()) {
      message +=
          "no ISO date or time (2027-01-31, 2027-01-31T06:00:00Z); give formats, or "
          "invalid: missing";
    } else {
      message += "no time in the format " + Join(TextList(JsonMember(spec(), "formats")), " or ") +
                 "; add its format, or give invalid: missing";
    }
    return InvalidArgument(std::move(message));
  }

  template <typename Of>
  static Column Numbers(const std::string& name, ColumnType type, const Times& times,
                        const Of& of) {
    std::vector<double> distinct;
    distinct.reserve(times.distinct.size());
    for (const auto& time : times.distinct) distinct.push_back(time ? of(*time) : kMissing);
    std::vector<double> numbers;
    numbers.reserve(times.codes.size());
    for (const int32_t code : times.codes) {
      numbers.push_back(code < 0 ? kMissing : distinct[static_cast<std::size_t>(code)]);
    }
    return MakeNumberColumn(name, std::move(numbers), type);
  }

  Column Dates(const std::string& name, const Times& times) const {
    Column column;
    const bool with_time = keep_ == Keep::kTimestamp;
    column.info.name = name;
    column.info.type = with_time ? ColumnType::kTimestamp : ColumnType::kDate;
    column.info.kind = ColumnKind::kDate;
    std::vector<int32_t> codes(times.distinct.size(), -1);
    std::unordered_map<std::string, int32_t> known;
    column.strings.codes.reserve(times.codes.size());
    for (const int32_t from : times.codes) {
      if (from < 0) {
        column.info.nullable = true;
        column.strings.codes.push_back(-1);
        continue;
      }
      int32_t& code = codes[static_cast<std::size_t>(from)];
      if (code < 0) {
        std::string text = DateText(*times.distinct[static_cast<std::size_t>(from)], with_time);
        const auto next = static_cast<int32_t>(column.strings.dictionary.size());
        const auto [at, added] = known.emplace(text, next);
        if (added) column.strings.dictionary.push_back(std::move(text));
        code = at->second;
      }
      column.strings.codes.push_back(code);
    }
    return column;
  }

  std::vector<std::optional<DateFormat>> formats_;  // none: ISO 8601
  int64_t unit_ = 1'000'000;                        // of numbers, in microseconds
  bool invalid_missing_ = false;
  Keep keep_ = Keep::kNone;
  std::vector<const Part*> parts_;
  std::vector<const Cycle*> cycles_;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeParseDates(const Json& spec) {
  return ParseDates::Make(spec);
}

}  // namespace penstock

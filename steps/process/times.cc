#include "steps/process/times.h"

#include <cmath>

#include "base/iso_time.h"

namespace penstock {

Result<std::vector<double>> TimesOf(const Column& column,
                                    const std::function<std::string(std::size_t i)>& where) {
  std::vector<double> of_text;
  for (const std::string& text : column.strings.dictionary) {
    const auto time = ParseIsoTime(text);
    of_text.push_back(time ? static_cast<double>(time->micros) / 1e6 : kMissing);
  }
  std::vector<double> times = column.numbers;
  times.reserve(column.strings.codes.size());
  for (const int32_t code : column.strings.codes) {
    times.push_back(code < 0 ? kMissing : of_text[static_cast<std::size_t>(code)]);
  }
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (std::isfinite(times[i])) continue;
    return InvalidArgument(where(i) + ": " +
                           (column.missing(i) ? "the time is missing"
                                              : "\"" + column.text(i) +
                                                    "\" is no ISO date or time (2027-01-31, "
                                                    "2027-01-31T06:00:00Z)") +
                           "; mend the row");
  }
  return times;
}

}  // namespace penstock

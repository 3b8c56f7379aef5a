#ifndef PENSTOCK_BASE_DATE_FORMAT_H_
#define PENSTOCK_BASE_DATE_FORMAT_H_

// Dates and times in formats that people describe, as strptime(3) does:
//
//   %Y 2027   %y 27 (69 to 99: 19xx)   %m 1 or 01   %d 31   %j day of the year   %b %B Jan, January
//   %a %A Mon, Monday (passed over)    %H 0 to 23   %I %p 1 to 12 with AM or PM  %M   %S
//   %f a fraction of a second          %z +02:00, +0200, +02 or Z                %F %Y-%m-%d
//   %T %H:%M:%S                        %% a percent sign
//
// Names are English, whatever their case. A blank stands for one blank or more; all else stands for
// itself. Immutable, thread-safe.

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace penstock {

class DateFormat {
 public:
  // kInvalidArgument: a directive that there is not, or twice; a format that leaves open which day
  // (a month or a day left out is the first), or half of a day for hours from 1 to 12.
  static Result<DateFormat> Parse(std::string_view format);

  // What all of `text` says; UTC where the format has no %z. nullopt where it does not fit, or
  // names a day that there is not.
  std::optional<Time> Read(std::string_view text) const;

 private:
  explicit DateFormat(std::string format) : format_(std::move(format)) {}
  std::string format_;  // with %F and %T written out
};

}  // namespace penstock

#endif  // PENSTOCK_BASE_DATE_FORMAT_H_

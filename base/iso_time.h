#ifndef PENSTOCK_BASE_ISO_TIME_H_
#define PENSTOCK_BASE_ISO_TIME_H_

// Dates and times as people and databases write them. Pure functions.

#include <optional>
#include <string_view>

#include "base/clock.h"

namespace penstock {

// A date or time in ISO 8601: "2027-01-31", "2027-01-31 06:00", "2027-01-31T06:00:00.5+02:00". UTC
// where there is no offset. nullopt for anything else.
std::optional<Time> ParseIsoTime(std::string_view text);

}  // namespace penstock

#endif  // PENSTOCK_BASE_ISO_TIME_H_

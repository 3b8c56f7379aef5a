#ifndef PENSTOCK_STEPS_CATALOG_VALIDATE_H_
#define PENSTOCK_STEPS_CATALOG_VALIDATE_H_

// The rules that `validate` judges data by.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/status.h"

namespace penstock {

// A date or time in ISO 8601: "2027-01-31", "2027-01-31 06:00", "2027-01-31T06:00:00.5+02:00". UTC
// where there is no offset. nullopt for anything else.
std::optional<Time> ParseIsoTime(std::string_view text);

// A rule with its defaults, and with `name` ("range-3", by its place from 0) where it has none.
// `problems` gets what is wrong with it, at `path`.
Json CompleteRule(const Json& rule, std::size_t place, const std::string& path,
                  std::vector<Problem>& problems);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_CATALOG_VALIDATE_H_

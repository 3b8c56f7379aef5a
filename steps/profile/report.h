#ifndef PENSTOCK_STEPS_PROFILE_REPORT_H_
#define PENSTOCK_STEPS_PROFILE_REPORT_H_

// A profile as report.json. What is not defined is null, with a reason under "undefined"; no NaN
// and no infinity is in it. steps/README.md has the layout.

#include "base/json.h"
#include "steps/profile/summary.h"

namespace penstock {

// Texts of values are cut at so many bytes.
inline constexpr std::size_t kValueBytes = 200;

Json ProfileReport(const Profile& profile);

// "numeric", "categorical" …, as dataset.json has it.
std::string KindOf(const ColumnProfile& column);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROFILE_REPORT_H_

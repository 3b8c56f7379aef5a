#ifndef PENSTOCK_STEPS_PROFILE_LABEL_H_
#define PENSTOCK_STEPS_PROFILE_LABEL_H_

// What each feature alone says of the label: for hints of target leakage.

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "steps/profile/summary.h"
#include "steps/table/frame.h"

namespace penstock {

// Fills `profile.label`, where the roles name one, from a sample of rows. `categorical`: the
// columns whose values are few. Needs `profile.cramers_v`. A label of texts, and one of two
// numbers, is classes.
Status ProfileLabel(const Frame& frame, const std::vector<int64_t>& sample,
                    const std::vector<std::size_t>& categorical, int64_t budget, Profile& profile);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROFILE_LABEL_H_

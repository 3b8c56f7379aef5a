#ifndef PENSTOCK_STEPS_PROFILE_PROFILE_H_
#define PENSTOCK_STEPS_PROFILE_PROFILE_H_

// The step `profile`: what data are like, before anything is made of them.
//
// Inputs: data (one or more: files, folders, datasets; several are one after the other). Outputs:
// `report` (a folder with report.json) and `page` (profile.html, which needs nothing else).

#include "base/result.h"
#include "steps/api/step.h"

namespace penstock {

inline constexpr char kProfileVersion[] = "1";

// A StepFunction. Metrics: rows, columns, missing_cells, duplicate_rows, warnings.
// kInvalidArgument: data or parameters that are wrong; kResourceExhausted; kCancelled.
Result<StepOutcome> RunProfile(StepContext& context);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROFILE_PROFILE_H_

#ifndef PENSTOCK_STEPS_NOOP_H_
#define PENSTOCK_STEPS_NOOP_H_

// The step `noop`: for trying out pipelines, and for measuring everything around a step.

#include "base/result.h"
#include "steps/api/step.h"

namespace penstock {

inline constexpr char kNoopVersion[] = "1";

// A StepFunction. Waits `duration`, logs `message`, then fails (kFailedPrecondition, NOOP_FAILED)
// where `fail` is true, else reports `metrics` and, with `output_bytes` > 0, an output `data` of so
// many zeros. kInvalidArgument for a duration that is none; kCancelled within 20 ms.
Result<StepOutcome> RunNoop(StepContext& context);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_NOOP_H_

#ifndef PENSTOCK_STEPS_NOTIFY_NOTIFY_H_
#define PENSTOCK_STEPS_NOTIFY_NOTIFY_H_

// The `notify` step: one HTTP POST with a JSON body, to a webhook. Its parameters stand in
// steps/catalog/notify.cc.

#include "base/result.h"
#include "steps/api/step.h"

namespace penstock {

inline constexpr char kNotifyVersion[] = "1";

// A StepFunction. Sends once; the step's policy tries again. Reports the metric `status`.
// kFailedPrecondition: the server answered with another status than 2xx (NOTIFY_REFUSED), or not at
// all (NOTIFY_UNREACHABLE); kCancelled within a second. Follows no redirects. Neither headers nor
// the URL's user and query are logged: they may be secret.
Result<StepOutcome> RunNotify(StepContext& context);

// What is sent: `body` where it is given, else what the step says of its run.
Json NotifyBody(const Json& parameters);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_NOTIFY_NOTIFY_H_

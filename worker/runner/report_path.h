#ifndef PENSTOCK_WORKER_RUNNER_REPORT_PATH_H_
#define PENSTOCK_WORKER_RUNNER_REPORT_PATH_H_

// ${steps.S.report.<path>}: "binary_classification_metrics.auc.value", "items[2].score".

#include <string_view>

#include "base/json.h"

namespace penstock {

// The value at `path`; nullptr where there is none, or the path is malformed. Empty: all of it.
const Json* FindReportValue(const Json& report, std::string_view path);

}  // namespace penstock

#endif  // PENSTOCK_WORKER_RUNNER_REPORT_PATH_H_

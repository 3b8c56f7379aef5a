#ifndef PENSTOCK_CLIENT_CLI_LOCAL_PLAN_H_
#define PENSTOCK_CLIENT_CLI_LOCAL_PLAN_H_

// What has to run so that one step of a pipeline can, on one machine and without a coordinator.

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/core/pipeline.h"

namespace penstock::cli {

struct LocalPlan {
  std::vector<StepIndex> steps;      // in the order in which to run them; the last is the one
  std::set<std::string> parameters;  // of the pipeline, that these refer to
};

// `given`: inputs of the step that come from elsewhere, so that what makes them is not needed. Of
// "a ?? b" the first that can be had counts. Conditions are not asked: a step of a branch runs.
// WRONG_USE: there is no such step, it is one that a coordinator decides, or it needs what only a
// coordinator has (outputs of a map, models of the registry); with what to do instead.
Result<LocalPlan> PlanLocally(const PipelineSpec& spec, const std::string& step,
                              const std::set<std::string>& given);

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_LOCAL_PLAN_H_

#ifndef PENSTOCK_SERVER_CORE_FLOW_TASKS_H_
#define PENSTOCK_SERVER_CORE_FLOW_TASKS_H_

// What models learn, traced from the labels that process steps declare to the metrics that are
// asked for. Pure.

#include <string>
#include <vector>

#include "server/core/plan.h"

namespace penstock {

// Appends to `problems`, with paths below `path` ("steps"):
//   - objectives that cannot learn the label that the training data are known to have;
//   - early_stopping_rounds without the input that it looks at;
//   - metrics of evaluate steps whose models are known to learn something else.
// What is not known (a parameter, data from outside, too long a chain of process steps) is passed
// over. The steps must not wait for each other in a circle.
void CheckTasks(const Plan& plan, const std::string& path, const Catalog& catalog,
                std::vector<Problem>& problems);

// The same for a pipeline with its parameters bound; nothing to do where no parameter of a process
// or train step changes by that.
void CheckBoundTasks(const PipelineSpec& spec, const Json& parameters, const Catalog& catalog,
                     std::vector<Problem>& problems);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_FLOW_TASKS_H_

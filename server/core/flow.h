#ifndef PENSTOCK_SERVER_CORE_FLOW_H_
#define PENSTOCK_SERVER_CORE_FLOW_H_

// What follows from how the steps of a definition hang together. Pure.

#include <vector>

#include "server/core/pipeline.h"

namespace penstock {

// Appends to `problems`:
//   - inputs that need a label and get data which nobody gave one. A process step names it in its
//     roles, or takes it over with a fitted transform or from the dataset that it processes again;
//   - steps that can never run, because they need what is made on both branches of one condition;
//   - objectives, early stopping and metrics that do not fit (flow_tasks.h).
// The steps must not wait for each other in a circle; references to nowhere are passed over.
// O(steps + edges).
void CheckFlow(const PipelineSpec& spec, const Catalog& catalog, std::vector<Problem>& problems);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_FLOW_H_

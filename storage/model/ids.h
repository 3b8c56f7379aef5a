#ifndef PENSTOCK_STORAGE_MODEL_IDS_H_
#define PENSTOCK_STORAGE_MODEL_IDS_H_

// The names and ids that records are known by.

#include <cstdint>
#include <string>

#include "base/digest.h"
#include "base/strong_id.h"

namespace penstock {

using PipelineName = StrongId<struct PipelineNameTag, std::string>;
using RunId = StrongId<struct RunIdTag, std::string>;  // run-<ULID>
using StepName = StrongId<struct StepNameTag, std::string>;
using WorkerId = StrongId<struct WorkerIdTag, std::string>;    // the name a worker persists
using SessionId = StrongId<struct SessionIdTag, std::string>;  // one OpenSession of a worker
using GroupName = StrongId<struct GroupNameTag, std::string>;  // a model group
// Who did it: "user:NAME", "worker:NAME", "trigger:NAME" or "local:NAME".
using Principal = StrongId<struct PrincipalTag, std::string>;
// The fencing token of an attempt: 32 hex digits, a point, and the database's incarnation.
using AttemptToken = StrongId<struct AttemptTokenTag, std::string>;

// Position of a step in its run's order of definition; with the run it names the step.
using StepIndex = int32_t;

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_MODEL_IDS_H_

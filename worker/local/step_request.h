#ifndef PENSTOCK_WORKER_LOCAL_STEP_REQUEST_H_
#define PENSTOCK_WORKER_LOCAL_STEP_REQUEST_H_

// One step of a pipeline on this machine, in a runner as an agent starts it.

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace penstock::local {

// {"type", "algorithm", "parameters", "secrets": {NAME: value}, "cpus", "memory", "gpus",
//  "timeoutMs", "idleTimeoutMs", "reportPaths": […],
//  "inputs": [{"name", "path", "type", "digest"?, "display", "sample": whether it is raw data}],
//  "sample": {"rows", "seed"} or null, "workspace": a folder of the step's own, "root": one around
//  it that all steps of the command share, "outputs": the folder to make its outputs in,
//  "copies": whether these are the user's to change, "headRows"} →
// {"state": "SUCCEEDED", "FAILED" or "CANCELLED", "cause"?, "reason"?, "message"?, "seconds",
//  "metrics", "reportValues": {path: JSON text}, "warnings", "exitCode",
//  "sampled": [{"input", "name", "rows", "total"}],
//  "outputs": [{"name", "type", "digest", "tree", "size", "files", "path", "head"?, "transform"?}]}
//
// What a step does wrong is an answer. Errors are of what surrounds it: inputs that cannot be
// sampled as they cannot be read, a full disk.
Result<Json> RunStep(const Json& request, const std::string& program);

}  // namespace penstock::local

#endif  // PENSTOCK_WORKER_LOCAL_STEP_REQUEST_H_

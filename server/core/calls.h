#ifndef PENSTOCK_SERVER_CORE_CALLS_H_
#define PENSTOCK_SERVER_CORE_CALLS_H_

// Pipelines that call pipelines: what can be judged before anything starts. Pure.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "server/core/pipeline.h"

namespace penstock {

// Finds a stored pipeline. `*version` 0 stands for the newest, and becomes its number.
using FindPipeline = std::function<Result<std::shared_ptr<const PipelineSpec>>(
    const std::string& name, int32_t* version)>;

// Judges every pipeline step of `spec`, and of the pipelines that it calls: the pipeline is there,
// takes the parameters that it is given, has the outputs that others refer to, and does not call
// itself, whatever the way. Appends to `pins` what names without a version mean now:
// "pipeline:NAME" → "3". kInvalidArgument (INVALID_DEFINITION) with every problem, its path led by
// the names of the pipelines on the way to it.
Status CheckCalls(const PipelineSpec& spec, const FindPipeline& find,
                  std::map<std::string, std::string>& pins);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_CALLS_H_

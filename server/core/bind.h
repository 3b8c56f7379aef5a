#ifndef PENSTOCK_SERVER_CORE_BIND_H_
#define PENSTOCK_SERVER_CORE_BIND_H_

// Parameters of a run: given values and defaults, checked. Pure.

#include <map>
#include <string>
#include <vector>

#include "server/core/pipeline.h"

namespace penstock {

// Every declared parameter with its value. kInvalidArgument (INVALID_PARAMETERS) with every
// problem: unknown names (naming the nearest), missing ones, wrong types, broken bounds, and step
// parameters that the values break.
Result<Json> BindParameters(const PipelineSpec& spec, const std::map<std::string, Json>& given,
                            const Catalog& catalog);

// Puts `parameters` (an object; not all need be there) into the steps' parameters and checks those
// against their schemas. Appends to `problems`.
void CheckBound(const PipelineSpec& spec, const Json& parameters, const Catalog& catalog,
                std::vector<Problem>& problems);

// Whether each parameter that a step's parameter refers to has a type that fits there.
void CheckParameterTypes(const PipelineSpec& spec, const Catalog& catalog,
                         std::vector<Problem>& problems);

// Whether `text` says where data are: "artifact:sha256:<hex>[#name]", "file:///absolute/path",
// "https://…" or "s3://bucket/key". Never quotes a password or a signature.
void CheckDatasetAddress(const std::string& text, const std::string& path,
                         std::vector<Problem>& problems);

// Replaces references to parameters that have a value; other references stay as they are.
Json SubstituteParameters(const Json& value, const Json& parameters);

// The parameters that a pipeline step gives to the pipeline that it calls, defaults filled in, as
// far as the caller's own `parameters` tell.
Json GivenTo(const PipelineSpec& called, const StepSpec& call, const Json& parameters);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_BIND_H_

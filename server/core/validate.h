#ifndef PENSTOCK_SERVER_CORE_VALIDATE_H_
#define PENSTOCK_SERVER_CORE_VALIDATE_H_

// What is wrong between the parts of a definition: references, edges, branches, types, labels.
// Pure.

#include <vector>

#include "server/core/pipeline.h"

namespace penstock {

// Appends to `problems`, and to `warnings` where given (parameters that nothing uses).
void ValidatePipeline(const PipelineSpec& spec, const Catalog& catalog,
                      std::vector<Problem>& problems, std::vector<Problem>* warnings);

// Whether `value` can be the parameter's: type, bounds, choices; datasets as "artifact:sha256:…" or
// an address of data. Appends to `problems`.
void CheckParameterValue(const ParameterSpec& parameter, const Json& value, const std::string& path,
                         std::vector<Problem>& problems);

// The outputs that a step has, given its parameters.
std::vector<PortSchema> OutputsOf(const StepSpec& step, const Catalog& catalog);

// Where the texts of a step that may hold references stand: (value, path below the step).
std::vector<std::pair<const Json*, std::string>> TextsOf(const StepSpec& step);

// The register steps among `steps` that a promote step waits for though it does not name them: it
// promotes what one of them registers. None where it says which version it means.
std::vector<StepIndex> RegistersBefore(const StepSpec& step, const std::vector<StepSpec>& steps);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_VALIDATE_H_

#ifndef PENSTOCK_SERVER_RPC_DATA_ROOTS_H_
#define PENSTOCK_SERVER_RPC_DATA_ROOTS_H_

// Which files of the workers' machines runs may read. Pure.

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "server/core/pipeline.h"

namespace penstock {

// kInvalidArgument (INVALID_PARAMETERS) where a dataset parameter names a `file:` outside of
// `roots`, in any of its spellings.
Status CheckDataRoots(const PipelineSpec& spec, const std::map<std::string, Json>& parameters,
                      const std::vector<std::string>& roots);

// The same for a definition: defaults of its dataset parameters, and addresses among the inputs of
// its steps. Appends to `problems`.
void CheckDefinitionRoots(const PipelineSpec& spec, const std::vector<std::string>& roots,
                          std::vector<Problem>& problems);

// Whether "file:///a/b" lies under one of `roots`, after "." and ".." are taken out.
bool IsUnderRoots(const std::string& address, const std::vector<std::string>& roots);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_DATA_ROOTS_H_

#ifndef PENSTOCK_WORKER_RUNNER_SECRETS_H_
#define PENSTOCK_WORKER_RUNNER_SECRETS_H_

// The last step of a secret's way: into the parameters, in the memory of the process that runs the
// step.

#include <map>
#include <string>

#include "base/json.h"

namespace penstock {

// Puts the values in place of each "${secrets.NAME}" in the texts of `parameters`, and "$" in place
// of each "$$" (server/core/secret_refs.h). A name without a value stays as it is. Without secrets
// nothing changes.
void FillSecrets(const std::map<std::string, std::string>& secrets, Json& parameters);

}  // namespace penstock

#endif  // PENSTOCK_WORKER_RUNNER_SECRETS_H_

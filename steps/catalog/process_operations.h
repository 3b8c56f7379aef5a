#ifndef PENSTOCK_STEPS_CATALOG_PROCESS_OPERATIONS_H_
#define PENSTOCK_STEPS_CATALOG_PROCESS_OPERATIONS_H_

// The operations that may stand in `transforms` of a process step. Private to the catalogue.

#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace penstock {

// Appends what is wrong with the entries of `transforms`. `taken`: columns that have a role, and so
// are no features.
void CheckOperations(const Json& transforms, const std::set<std::string>& taken,
                     const std::string& path, std::vector<Problem>& problems);

// A list of the operations with their parameters, in Markdown.
std::string OperationsHelp();

}  // namespace penstock

#endif  // PENSTOCK_STEPS_CATALOG_PROCESS_OPERATIONS_H_

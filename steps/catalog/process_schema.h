#ifndef PENSTOCK_STEPS_CATALOG_PROCESS_SCHEMA_H_
#define PENSTOCK_STEPS_CATALOG_PROCESS_SCHEMA_H_

// Parameters of `process` that other steps take as well. Private to steps/catalog.

#include "steps/catalog/catalog.h"

namespace penstock {

ParameterSchema ReadSchema();   // `read`: how files are read
ParameterSchema RolesSchema();  // `roles`: which columns are no features
// What their shapes cannot say. `path`: the step's `with`.
void CheckReadAndRoles(const Json& parameters, const std::string& path,
                       std::vector<Problem>& problems);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_CATALOG_PROCESS_SCHEMA_H_

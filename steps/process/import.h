#ifndef PENSTOCK_STEPS_PROCESS_IMPORT_H_
#define PENSTOCK_STEPS_PROCESS_IMPORT_H_

// The step `import`, which stands behind file:/// data: copies a file or a folder of the worker's
// machine into its output `data`.
//
// Parameters: uri ("file:///abs/path"), and roots, a list of folders that the agent puts in from
// its own configuration: what the path really is, links resolved, must lie below one of them.

#include "base/result.h"
#include "steps/api/step.h"

namespace penstock {

inline constexpr char kImportVersion[] = "1";

// A StepFunction. kNotFound: no such file; kPermissionDenied: outside the roots, or unreadable;
// kInvalidArgument: no file:/// URI, or a tree with something other than files and folders.
// Messages name the path as given.
Result<StepOutcome> RunImport(StepContext& context);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_IMPORT_H_

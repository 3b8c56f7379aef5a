#ifndef PENSTOCK_STEPS_PROCESS_WRITE_PARTS_H_
#define PENSTOCK_STEPS_PROCESS_WRITE_PARTS_H_

// Writes the parts of a draft as datasets, features computed as they are written. Private to
// steps/process.

#include <filesystem>
#include <functional>
#include <string>

#include "base/result.h"
#include "steps/process/draft.h"
#include "steps/table/dataset.h"
#include "steps/table/table.h"

namespace penstock {

// One folder a part, called as the part, below `folder`, each a dataset with the draft's roles and
// label and `transform_digest`. Files of several row groups are written on several threads; which
// rows a file has follows from the rows and columns alone. `progress`: the share that is done.
Status WriteParts(const Draft& draft, const std::filesystem::path& folder,
                  const std::string& transform_digest, const TableOptions& options,
                  const std::function<void(double)>& progress);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_WRITE_PARTS_H_

#ifndef PENSTOCK_WORKER_LOCAL_DATA_REQUESTS_H_
#define PENSTOCK_WORKER_LOCAL_DATA_REQUESTS_H_

// Looks into data of this machine: files, folders of files, datasets. Requests name `path`, what
// messages call it (`name`), `read` as a process step has it, and `scratch`, a folder that the
// client removes.

#include <filesystem>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace penstock::local {

// {"rows": how many, "texts": whether cells are texts as CSV shows them} →
// {"columns": [{"name", "type", "kind"}], "rows": [[cell, …], …], "total": rows of a dataset or
// null}
Result<Json> Head(const Json& request);

// → {"rows", "columns": [{"name", "type", "kind", "role"?, "missing", "distinct",
// "distinctCapped"?,
//    "examples", "minimum"?, "maximum"?}], "dataset": {"roles", "label", "transform"} or null}
Result<Json> Schema(const Json& request);

// {"file", "format", "compression"} → {"rows"}
Result<Json> Export(const Json& request);

// The first rows of a dataset that a step made, as Head has them.
Result<Json> HeadOf(const std::filesystem::path& path, const std::string& name, int64_t rows,
                    bool texts);

}  // namespace penstock::local

#endif  // PENSTOCK_WORKER_LOCAL_DATA_REQUESTS_H_

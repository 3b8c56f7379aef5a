#ifndef PENSTOCK_CLIENT_CLI_DATA_VIEW_H_
#define PENSTOCK_CLIENT_CLI_DATA_VIEW_H_

// How rows and columns of data look, from what penstock-worker tells
// (worker/local/data_requests.h).

#include <cstddef>
#include <string>

#include "base/json.h"

namespace penstock::cli {

// What stands for a missing value among texts.
inline constexpr std::string_view kMissingCell = "∅";

// Aligned columns below their names and kinds. `width`: of the window; npos: whole, as for a pipe.
// In a window long cells are cut, and columns that have no room are left out and counted.
std::string HeadText(const Json& head, std::size_t width);
// {"columns": […], "rows": [{NAME: value}, …], "total": rows of all, or null where it is not known}
Json HeadJson(const Json& head);
// The width to give HeadText for standard output.
std::size_t OutputWidth();

// A table of columns, with what the dataset says of itself above it.
std::string SchemaText(const Json& schema);
// {"rows", "columns": […], "roles", "label", "transform"}: null for data that are no dataset.
Json SchemaJson(const Json& schema);

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_DATA_VIEW_H_

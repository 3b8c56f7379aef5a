#ifndef PENSTOCK_CLIENT_CLI_REMOTE_DATA_H_
#define PENSTOCK_CLIENT_CLI_REMOTE_DATA_H_

// The first rows of an artifact, without downloading what comes after them.

#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/json.h"
#include "client/cli/connection.h"

namespace penstock::cli {

// Looks at the first rows of what lies at a path, and gives them as HeadText takes them.
using LookAtHead = std::function<Result<Json>(const std::filesystem::path& path)>;

// Fetches the artifact into `folder` piece by piece until it has `rows` rows: of a dataset part by
// part, of a folder file by file, of a text its beginning, else all of it.
Result<Json> HeadOfArtifact(Connection& connection, const pb::Artifact& artifact, int64_t rows,
                            const std::filesystem::path& folder, const LookAtHead& look);

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_REMOTE_DATA_H_

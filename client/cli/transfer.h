#ifndef PENSTOCK_CLIENT_CLI_TRANSFER_H_
#define PENSTOCK_CLIENT_CLI_TRANSFER_H_

// Files to and from the artifact store, by digest: what the store has already is not sent again.

#include <filesystem>
#include <string>

#include "client/cli/connection.h"

namespace penstock::cli {

// Uploads a file, or a folder as a tree. kNotFound names `path` as it was given.
Result<pb::ArtifactRef> Upload(Connection& connection, const std::string& path,
                               const std::string& type);

// Writes an artifact to `destination`: a file, or a folder for a tree. What is there already is
// refused. A download that fails leaves nothing.
Status Download(Connection& connection, const pb::Artifact& artifact,
                const std::filesystem::path& destination);

// Writes one file of the store to `destination`. `max_bytes`: no more than about the first so many,
// which are then not checked; 0: all.
Status FetchFile(Connection& connection, const std::string& digest,
                 const std::filesystem::path& destination, int64_t max_bytes = 0);

// The artifact that a person names: a digest, "model:GROUP/VERSION" or "RUN/STEP/OUTPUT".
Result<pb::Artifact> FindArtifact(Connection& connection, const std::string& name);

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_TRANSFER_H_

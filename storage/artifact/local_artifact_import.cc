// From one store to another, for backups.

#include <unistd.h>

#include <cerrno>

#include "storage/artifact/local_artifact_store.h"

namespace penstock {
namespace {

constexpr std::size_t kChunkBytes = 1 << 20;

}  // namespace

Result<bool> LocalArtifactStore::Import(const LocalArtifactStore& from, const Digest& digest,
                                        bool link) {
  if (Contains(digest)) return false;
  const std::filesystem::path to = PathOf(digest);
  if (link) {
    PENSTOCK_RETURN_IF_ERROR(MakeFolders(to.parent_path()));
    if (::link(from.PathOf(digest).c_str(), to.c_str()) == 0) {
      if (options_.sync) PENSTOCK_RETURN_IF_ERROR(SyncPath(to.parent_path()));
      return true;
    }
    if (errno == EEXIST) return false;
  }
  PENSTOCK_ASSIGN_OR_RETURN(BlobReader reader, from.OpenBlob(digest));
  PENSTOCK_ASSIGN_OR_RETURN(Writer writer, NewWriter());
  while (true) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::string bytes, reader.Read(kChunkBytes));
    if (bytes.empty()) break;
    PENSTOCK_RETURN_IF_ERROR(writer.Append(bytes));
  }
  PENSTOCK_RETURN_IF_ERROR(writer.Commit(digest).status());
  return true;
}

Status LocalArtifactStore::Verify(const Digest& digest) const {
  PENSTOCK_ASSIGN_OR_RETURN(BlobReader reader, OpenBlob(digest));
  // Of nothing, there is nothing that could be damaged but its name.
  if (reader.size() == 0 && digest != Sha256("")) {
    return DataLoss(FormatDigest(digest) + " is empty", "CORRUPT");
  }
  while (true) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::string bytes, reader.Read(kChunkBytes));
    if (bytes.empty()) return Status::Ok();
  }
}

}  // namespace penstock

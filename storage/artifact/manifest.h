#ifndef PENSTOCK_STORAGE_ARTIFACT_MANIFEST_H_
#define PENSTOCK_STORAGE_ARTIFACT_MANIFEST_H_

// A tree of files as a document: canonical JSON
//   {"files":[{"digest":HEX,"mode":"0644"|"0755","path":P,"size":N}, …],"format":"penstock-tree/1"}
// sorted by path. Its SHA-256 is the tree's digest. No times, no owners: equal content, equal
// digest.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace penstock {

struct ManifestEntry {
  std::string path;  // relative, with "/", without "." and ".." parts
  Digest digest;
  int64_t size = 0;
  bool executable = false;
};

struct Manifest {
  std::vector<ManifestEntry> files;

  int64_t total_size() const;
  // The canonical text; sorts `files` by path.
  std::string Serialise();
};

// kInvalidArgument (BAD_MANIFEST) for text that is no manifest, a path that leaves the tree, or
// more than limits::kMaxTreeFiles files.
Result<Manifest> ParseManifest(std::string_view text);

// Relative, with no empty, "." or ".." part and no NUL.
bool IsSafePath(std::string_view path);

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_ARTIFACT_MANIFEST_H_

#include "worker/agent/artifact_cache.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/log.h"

namespace penstock {
namespace {

// Of most file systems.
constexpr int64_t kBlock = 4 << 10;

int64_t SpaceOf(int64_t bytes) {
  return (bytes + kBlock - 1) / kBlock * kBlock;
}

}  // namespace

void ArtifactCache::Added(int64_t bytes, int64_t files) {
  // Each file takes up to a block more than it holds.
  bytes_ += SpaceOf(bytes) + (files - 1) * kBlock;
}

bool ArtifactCache::Due() const {
  return bytes_ > options_.max_bytes &&
         Clock::Real().Ticks().micros - last_trim_ >= options_.min_interval.count();
}

Result<ArtifactCache::Trimmed> ArtifactCache::Trim(const std::vector<Needed>& needed, Time since) {
  last_trim_ = Clock::Real().Ticks().micros;
  // What comes from here on is counted on its own: twice, where the list has it already.
  bytes_ = 0;
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<StoredBlob> blobs, store_.List());
  Trimmed result;
  for (const StoredBlob& blob : blobs) result.left_bytes += SpaceOf(blob.size);
  if (result.left_bytes <= options_.max_bytes) {
    bytes_ += result.left_bytes;
    return result;
  }
  std::set<Digest> kept;
  for (const Needed& artifact : needed) {
    kept.insert(artifact.digest);
    if (!artifact.tree) continue;
    // One that is still being fetched may have no manifest yet; what it has was used just now.
    const Result<Manifest> manifest = store_.ReadManifest(artifact.digest);
    if (!manifest.ok()) continue;
    for (const ManifestEntry& file : manifest->files) kept.insert(file.digest);
  }
  std::sort(blobs.begin(), blobs.end(), [](const StoredBlob& a, const StoredBlob& b) {
    return std::tie(a.last_used, a.digest) < std::tie(b.last_used, b.digest);
  });
  const int64_t target = options_.max_bytes - options_.max_bytes / 10;
  Status status;
  for (const StoredBlob& blob : blobs) {
    if (result.left_bytes <= target || blob.last_used >= since) break;
    if (kept.contains(blob.digest)) continue;
    const Result<bool> gone = store_.RemoveUnlessUsed(blob.digest, since);
    if (!gone.ok()) status = gone.status();
    if (!gone.value_or(false)) continue;
    ++result.removed_blobs;
    result.removed_bytes += SpaceOf(blob.size);
    result.left_bytes -= SpaceOf(blob.size);
  }
  bytes_ += result.left_bytes;
  if (!status.ok()) return status;
  return result;
}

}  // namespace penstock

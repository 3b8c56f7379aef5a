#include "server/ops/blobs.h"

#include "base/log.h"

namespace penstock {
namespace {

constexpr int kPage = 1'000;

Status CollectJournals(MetadataReader& reader, Journal& journal, bool dry_run, const StopFlag& stop,
                       ByteTotals& totals) {
  // Listed before the rows are asked for: a run has its row before its first byte.
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<RunId> runs, journal.ListRuns());
  for (const RunId& run : runs) {
    PENSTOCK_RETURN_IF_ERROR(CheckStop(stop));
    PENSTOCK_ASSIGN_OR_RETURN(const bool there, reader.HasRun(run));
    if (there) continue;
    ++totals.journals;
    if (!dry_run) PENSTOCK_RETURN_IF_ERROR(journal.Remove(run));
  }
  return Status::Ok();
}

}  // namespace

Status CheckStop(const StopFlag& stop) {
  if (!stop.load(std::memory_order_relaxed)) return Status::Ok();
  return Unavailable("the coordinator is stopping; try again", "STOPPING");
}

Result<NeededBlobs> FindNeededBlobs(MetadataReader& reader, const LocalArtifactStore& store,
                                    const StopFlag& stop) {
  NeededBlobs needed;
  int64_t before = 0;
  while (true) {
    std::vector<int64_t> rows;
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<ArtifactRecord> artifacts,
                              reader.ListArtifacts("", RunId(), before, kPage, &rows));
    if (artifacts.empty()) return needed;
    before = rows.back();
    for (const ArtifactRecord& artifact : artifacts) {
      PENSTOCK_RETURN_IF_ERROR(CheckStop(stop));
      needed.blobs.insert(artifact.ref.digest);
      if (!artifact.ref.tree) continue;
      const Result<Manifest> manifest = store.ReadManifest(artifact.ref.digest);
      if (!manifest.ok()) {
        needed.unreadable.push_back(manifest.status().message());
        continue;
      }
      for (const ManifestEntry& file : manifest->files) needed.blobs.insert(file.digest);
    }
  }
}

Result<ByteTotals> CollectBytes(MetadataReader& reader, LocalArtifactStore& store, Journal& journal,
                                Time unused_since, bool dry_run, const StopFlag& stop) {
  ByteTotals totals;
  PENSTOCK_RETURN_IF_ERROR(CollectJournals(reader, journal, dry_run, stop, totals));
  PENSTOCK_ASSIGN_OR_RETURN(NeededBlobs needed, FindNeededBlobs(reader, store, stop));
  if (!needed.unreadable.empty()) {
    return DataLoss("no bytes are removed, since " + needed.unreadable.front() +
                        "; penstock admin check says more",
                    "CORRUPT");
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Digest> held, reader.ListHeldDigests());
  needed.blobs.insert(held.begin(), held.end());
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<StoredBlob> blobs, store.List());
  for (const StoredBlob& blob : blobs) {
    if (blob.last_used >= unused_since || needed.blobs.contains(blob.digest)) continue;
    PENSTOCK_RETURN_IF_ERROR(CheckStop(stop));
    bool gone = true;
    if (!dry_run) {
      PENSTOCK_ASSIGN_OR_RETURN(gone, store.RemoveUnlessUsed(blob.digest, unused_since));
    }
    if (!gone) continue;
    ++totals.blobs;
    totals.bytes += blob.size;
  }
  return totals;
}

}  // namespace penstock

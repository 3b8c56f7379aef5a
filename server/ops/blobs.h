#ifndef PENSTOCK_SERVER_OPS_BLOBS_H_
#define PENSTOCK_SERVER_OPS_BLOBS_H_

// Which bytes of the artifact store the rows need, and the removal of those that none does.

#include <atomic>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "storage/artifact/local_artifact_store.h"
#include "storage/journal/journal.h"
#include "storage/metadata/metadata_reader.h"

namespace penstock {

// Set by whoever wants long work to end: it ends soon, with kUnavailable (STOPPING).
using StopFlag = std::atomic<bool>;
Status CheckStop(const StopFlag& stop);

struct NeededBlobs {
  std::unordered_set<Digest> blobs;  // files, manifests, and the files that these name
  // Trees whose manifest cannot be read: what else they need is not known.
  std::vector<std::string> unreadable;
};

// Of the artifacts that have rows.
Result<NeededBlobs> FindNeededBlobs(MetadataReader& reader, const LocalArtifactStore& store,
                                    const StopFlag& stop);

struct ByteTotals {
  int64_t journals = 0;
  int64_t blobs = 0;
  int64_t bytes = 0;  // of the blobs
};

// Removes the journals of runs that have no row, and the blobs that no row and no hold needs and
// that nobody has used since `unused_since`. `dry_run`: counts them. Nothing is removed where a
// manifest cannot be read: kDataLoss says what to do.
//
// Whoever is about to need bytes finds them by LocalArtifactStore::Touch, and asks for a row or a
// hold only then: what becomes needed while this runs is kept by its last use.
Result<ByteTotals> CollectBytes(MetadataReader& reader, LocalArtifactStore& store, Journal& journal,
                                Time unused_since, bool dry_run, const StopFlag& stop);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_OPS_BLOBS_H_

#ifndef PENSTOCK_WORKER_AGENT_ARTIFACT_CACHE_H_
#define PENSTOCK_WORKER_AGENT_ARTIFACT_CACHE_H_

// Keeps the worker's artifact store within its size: of the blobs that nothing needs, those that
// were not used for the longest time go first. What was used when is kept by the store, in the
// files' times, so that it outlives the worker. A file counts as the blocks that it takes of the
// disk: by their bytes alone, millions of small ones would fit.
//
// Thread-safe, but for one Trim at a time.

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "storage/artifact/local_artifact_store.h"

namespace penstock {

class ArtifactCache {
 public:
  struct Options {
    int64_t max_bytes = 0;
    // A Trim reads the whole folder: not more often than this.
    Micros min_interval = std::chrono::seconds(10);
  };
  // An artifact that somebody needs: a file, or a tree with all its files.
  struct Needed {
    Digest digest;
    bool tree = false;
  };
  struct Trimmed {
    int64_t removed_blobs = 0;
    int64_t removed_bytes = 0;
    int64_t left_bytes = 0;
  };

  ArtifactCache(LocalArtifactStore& store, Options options) : store_(store), options_(options) {}

  // A file, or a tree of so many files, of so many bytes may have come into the store.
  void Added(int64_t bytes, int64_t files = 1);
  // Whether a Trim is worth its while: there may be too much, and the last one was a while ago.
  bool Due() const;
  // If the store holds more than `max_bytes`, removes blobs until a tenth of that is free again, or
  // nothing is left that may go. What stays: the `needed`, and what was used at `since` or later.
  // O(n log n) in the number of blobs. An error leaves the store whole, with blobs removed or not.
  Result<Trimmed> Trim(const std::vector<Needed>& needed, Time since);

 private:
  LocalArtifactStore& store_;
  const Options options_;
  std::atomic<int64_t> bytes_{0};  // at least what the store holds, once it was trimmed
  // Ticks. At first long ago, also on a machine that was started just now.
  std::atomic<int64_t> last_trim_{INT64_MIN / 2};
};

}  // namespace penstock

#endif  // PENSTOCK_WORKER_AGENT_ARTIFACT_CACHE_H_

#ifndef PENSTOCK_WORKER_AGENT_TRANSFER_H_
#define PENSTOCK_WORKER_AGENT_TRANSFER_H_

// Artifacts between the coordinator and the worker's own store, and logs to the coordinator. Calls
// block and try again while the coordinator is away, until it answers or the agent stops
// (kCancelled). Thread-safe.

#include <set>
#include <string>
#include <vector>

#include "storage/artifact/local_artifact_store.h"
#include "storage/model/limits.h"
#include "worker/agent/artifact_cache.h"
#include "worker/agent/coordinator.h"
#include "worker/runner/protocol.h"

namespace penstock {

class Transfer {
 public:
  Transfer(Coordinator& coordinator, LocalArtifactStore& store, ArtifactCache& cache)
      : coordinator_(coordinator), store_(store), cache_(cache) {}

  // Brings an artifact, with all its files, into the store.
  Status Fetch(const v1::ArtifactRef& ref);

  // Uploads what the coordinator lacks of the outputs, held for the attempt, and commits them.
  // kFailedPrecondition (STALE_ATTEMPT): the attempt does not count any more.
  Status Publish(const std::vector<StoredOutput>& outputs, const std::string& token);

  // What the data of a chunk may hold, so that a note about lost bytes still fits in.
  static constexpr std::size_t kMaxLogBytes = limits::kMaxLogChunkBytes - 128;

  // Appends `data` at `offset` of an attempt's log, and points from number `first_point` on. What
  // the coordinator has lost before that (it crashed) is named in the log instead of the bytes.
  // Returns how far it knows the log and the points now, each where the chunk had some.
  // kFailedPrecondition (STALE_ATTEMPT) as above.
  Result<v1::AppendLogsResponse::Position> AppendLog(v1::LogChunk chunk);

 private:
  Status FetchBlob(const std::string& digest);
  Result<std::vector<Digest>> FindMissing(const std::set<Digest>& blobs, const std::string& token);
  Status UploadBlob(const Digest& digest, const std::string& token);
  Status Commit(const StoredOutput& output, const std::string& token);
  // Calls `call` until its outcome is not transient.
  template <typename Call>
  Status Retry(Call call);

  Coordinator& coordinator_;
  LocalArtifactStore& store_;
  ArtifactCache& cache_;
};

}  // namespace penstock

#endif  // PENSTOCK_WORKER_AGENT_TRANSFER_H_

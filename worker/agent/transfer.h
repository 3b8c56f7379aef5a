#ifndef PENSTOCK_WORKER_AGENT_TRANSFER_H_
#define PENSTOCK_WORKER_AGENT_TRANSFER_H_

// Artifacts between the coordinator and the worker's own store, and logs to the coordinator. Calls
// block and try again while the coordinator is away, until it answers or the agent stops
// (kCancelled). What goes wrong on this machine (a full disk) is returned at once. Thread-safe.

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "storage/artifact/local_artifact_store.h"
#include "storage/model/limits.h"
#include "worker/agent/artifact_cache.h"
#include "worker/agent/coordinator.h"
#include "worker/runner/protocol.h"

namespace penstock {

// Ends transfers from another thread: the call that is under way, the waits between tries, and
// whatever begins later. Thread-safe.
class TransferStop {
 public:
  void Stop();
  bool stopped() const;

  // While it lives, Stop cancels `context` too.
  class Call {
   public:
    Call(TransferStop& stop, grpc::ClientContext& context);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    TransferStop& stop_;
    grpc::ClientContext& context_;
  };

 private:
  mutable Mutex mutex_;
  bool stopped_ PENSTOCK_GUARDED_BY(mutex_) = false;
  std::set<grpc::ClientContext*> calls_ PENSTOCK_GUARDED_BY(mutex_);
};

void SetTime(Time time, google::protobuf::Timestamp* out);

class Transfer {
 public:
  Transfer(Coordinator& coordinator, LocalArtifactStore& store, ArtifactCache& cache)
      : coordinator_(coordinator), store_(store), cache_(cache) {}

  // Brings an artifact, with all its files, into the store. kCancelled: `stop` was used.
  Status Fetch(const v1::ArtifactRef& ref, TransferStop& stop);

  // Uploads what the coordinator lacks of the outputs, held for the attempt, and commits them.
  // kCancelled as above; kFailedPrecondition (STALE_ATTEMPT): the attempt does not count any more.
  Status Publish(const std::vector<StoredOutput>& outputs, const std::string& token,
                 TransferStop& stop);

  // What the data of a chunk may hold, so that a note about lost bytes still fits in.
  static constexpr std::size_t kMaxLogBytes = limits::kMaxLogChunkBytes - 128;

  // Appends `data` at `offset` of an attempt's log, and points from number `first_point` on. What
  // the coordinator has lost before that (it crashed) is named in the log instead of the bytes.
  // Returns how far it knows the log and the points now, each where the chunk had some.
  // kFailedPrecondition (STALE_ATTEMPT) as above.
  Result<v1::AppendLogsResponse::Position> AppendLog(v1::LogChunk chunk);

 private:
  Status FetchBlob(const std::string& digest, TransferStop& stop);
  Result<std::vector<Digest>> FindMissing(const std::set<Digest>& blobs, const std::string& token,
                                          TransferStop& stop);
  Status UploadBlob(const Digest& digest, const std::string& token, TransferStop& stop);
  Status Commit(const StoredOutput& output, const std::string& token, TransferStop& stop);
  // Calls `call` until it returns something that is not worth another try.
  template <typename Call>
  Status Retry(TransferStop& stop, Call call);
  // False when the agent stops before `time` has passed, or `stop` was used.
  bool Pause(Micros time, const TransferStop& stop);

  Coordinator& coordinator_;
  LocalArtifactStore& store_;
  ArtifactCache& cache_;
};

}  // namespace penstock

#endif  // PENSTOCK_WORKER_AGENT_TRANSFER_H_

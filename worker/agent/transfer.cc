#include "worker/agent/transfer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/fault_point.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr Micros kCallDeadline = std::chrono::seconds(30);
constexpr int kDigestsPerCall = 10'000;
constexpr Micros kFirstWait = std::chrono::milliseconds(100);
constexpr Micros kLongestWait = std::chrono::seconds(3);
// How soon a wait sees that it is over.
constexpr Micros kStopPoll = std::chrono::milliseconds(50);

// What became of one try. Only what the connection or the coordinator did may be worth another: a
// disk of this machine that is full stays full, whatever the code.
struct Tried {
  Tried(Status here) : status(std::move(here)) {}  // NOLINT(google-explicit-constructor)
  Tried(Status what, bool worth) : status(std::move(what)), again(worth) {}
  Status status;
  bool again = false;
};

Tried Answered(const grpc::Status& answer) {
  Status status = Coordinator::Translate(answer);
  const bool again = IsTransient(status);
  return {std::move(status), again};
}

// Whether the coordinator knows less than what stands before the chunk. Then the chunk is made to
// begin where that ends.
bool CloseGap(const v1::AppendLogsResponse::Position& known, v1::LogChunk& chunk) {
  bool gap = false;
  if (!chunk.data().empty() && known.offset() < chunk.offset()) {
    gap = true;
    chunk.set_data("\n… " + std::to_string(chunk.offset() - known.offset()) +
                   " bytes were lost here with the coordinator …\n" + chunk.data());
    chunk.set_offset(known.offset());
  }
  if (chunk.points_size() > 0 && known.points() < chunk.first_point()) {
    gap = true;
    chunk.set_first_point(known.points());
  }
  return gap;
}

}  // namespace

void SetTime(Time time, google::protobuf::Timestamp* out) {
  out->set_seconds(time.micros / 1'000'000);
  out->set_nanos(static_cast<int32_t>(time.micros % 1'000'000 * 1'000));
}

void TransferStop::Stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  for (grpc::ClientContext* call : calls_) call->TryCancel();
}

bool TransferStop::stopped() const {
  MutexLock lock(mutex_);
  return stopped_;
}

TransferStop::Call::Call(TransferStop& stop, grpc::ClientContext& context)
    : stop_(stop), context_(context) {
  MutexLock lock(stop_.mutex_);
  stop_.calls_.insert(&context_);
  if (stop_.stopped_) context_.TryCancel();
}

TransferStop::Call::~Call() {
  MutexLock lock(stop_.mutex_);
  stop_.calls_.erase(&context_);
}

bool Transfer::Pause(Micros time, const TransferStop& stop) {
  for (; time.count() > 0 && !stop.stopped(); time -= kStopPoll) {
    if (!coordinator_.Pause(std::min(time, kStopPoll))) return false;
  }
  return !stop.stopped();
}

template <typename Call>
Status Transfer::Retry(TransferStop& stop, Call call) {
  Micros wait = kFirstWait;
  while (!stop.stopped()) {
    Tried tried = call();
    if (tried.status.ok() || !tried.again) return std::move(tried.status);
    if (!Pause(wait, stop)) break;
    wait = std::min(wait * 2, kLongestWait);
  }
  return Cancelled(stop.stopped() ? "the attempt was cancelled" : "the worker is stopping");
}

Status Transfer::FetchBlob(const std::string& digest, TransferStop& stop) {
  PENSTOCK_ASSIGN_OR_RETURN(const Digest wanted, ParseDigest(digest));
  if (store_.Touch(wanted)) return Status::Ok();
  return Retry(stop, [&]() -> Tried {
    PENSTOCK_ASSIGN_OR_RETURN(LocalArtifactStore::Writer writer, store_.NewWriter());
    const auto context = coordinator_.Context(Micros(0));
    const TransferStop::Call call(stop, *context);
    v1::DownloadBlobRequest request;
    request.set_digest(wanted.value());
    const auto reader = coordinator_.artifacts().DownloadBlob(context.get(), request);
    v1::DownloadBlobResponse chunk;
    Status written;
    while (written.ok() && reader->Read(&chunk)) written = writer.Append(chunk.data());
    if (!written.ok()) context->TryCancel();
    Tried ended = Answered(reader->Finish());
    if (!written.ok()) return written;
    if (!ended.status.ok()) return ended;
    PENSTOCK_FAULT_POINT("worker.fetched");
    const Result<BlobInfo> info = writer.Commit(wanted);
    // Bytes that were cut short on the way are worth another try.
    if (info.status().reason() == "DIGEST_MISMATCH") return {info.status(), true};
    if (info.ok() && !info->existed) cache_.Added(info->size);
    return info.status();
  });
}

Status Transfer::Fetch(const v1::ArtifactRef& ref, TransferStop& stop) {
  PENSTOCK_RETURN_IF_ERROR(FetchBlob(ref.digest(), stop));
  if (!ref.tree()) return Status::Ok();
  PENSTOCK_ASSIGN_OR_RETURN(const Digest digest, ParseDigest(ref.digest()));
  PENSTOCK_ASSIGN_OR_RETURN(const Manifest manifest, store_.ReadManifest(digest));
  for (const ManifestEntry& file : manifest.files) {
    PENSTOCK_RETURN_IF_ERROR(FetchBlob(file.digest.value(), stop));
  }
  return Status::Ok();
}

Status Transfer::UploadBlob(const Digest& digest, const std::string& token, TransferStop& stop) {
  return Retry(stop, [&]() -> Tried {
    PENSTOCK_ASSIGN_OR_RETURN(BlobReader reader, store_.OpenBlob(digest));
    const auto context = coordinator_.Context(Micros(0));
    const TransferStop::Call call(stop, *context);
    v1::UploadBlobResponse response;
    const auto writer = coordinator_.artifacts().UploadBlob(context.get(), &response);
    v1::UploadBlobRequest request;
    request.set_digest(digest.value());
    request.set_size(reader.size());
    request.set_hold_token(token);
    bool first = true;
    while (true) {
      PENSTOCK_ASSIGN_OR_RETURN(std::string bytes, reader.Read(limits::kArtifactChunkBytes));
      if (bytes.empty() && !first) break;
      first = false;
      request.set_data(std::move(bytes));
      if (!writer->Write(request)) break;
      request.Clear();
    }
    writer->WritesDone();
    return Answered(writer->Finish());
  });
}

Status Transfer::Commit(const StoredOutput& output, const std::string& token, TransferStop& stop) {
  return Retry(stop, [&]() -> Tried {
    const auto context = coordinator_.Context(kCallDeadline);
    const TransferStop::Call call(stop, *context);
    v1::CommitArtifactRequest request;
    v1::ArtifactRef& ref = *request.mutable_artifact();
    ref.set_digest(FormatDigest(output.ref.digest));
    ref.set_type(std::string(Name(output.ref.type)));
    ref.set_tree(output.ref.tree);
    ref.set_size(output.ref.size);
    request.set_hold_token(token);
    v1::CommitArtifactResponse response;
    return Answered(coordinator_.artifacts().CommitArtifact(context.get(), request, &response));
  });
}

Result<std::vector<Digest>> Transfer::FindMissing(const std::set<Digest>& blobs,
                                                  const std::string& token, TransferStop& stop) {
  std::vector<Digest> missing;
  for (auto next = blobs.begin(); next != blobs.end();) {
    v1::StatArtifactsRequest request;
    request.set_hold_token(token);
    for (; next != blobs.end() && request.digests_size() < kDigestsPerCall; ++next) {
      request.add_digests(next->value());
    }
    v1::StatArtifactsResponse response;
    PENSTOCK_RETURN_IF_ERROR(Retry(stop, [&]() -> Tried {
      const auto context = coordinator_.Context(kCallDeadline);
      const TransferStop::Call call(stop, *context);
      return Answered(coordinator_.artifacts().StatArtifacts(context.get(), request, &response));
    }));
    for (const std::string& each : response.missing()) {
      PENSTOCK_ASSIGN_OR_RETURN(Digest digest, ParseDigest(each));
      missing.push_back(std::move(digest));
    }
  }
  return missing;
}

Status Transfer::Publish(const std::vector<StoredOutput>& outputs, const std::string& token,
                         TransferStop& stop) {
  std::set<Digest> blobs;
  for (const StoredOutput& output : outputs) {
    blobs.insert(output.ref.digest);
    if (!output.ref.tree) continue;
    PENSTOCK_ASSIGN_OR_RETURN(const Manifest manifest, store_.ReadManifest(output.ref.digest));
    for (const ManifestEntry& file : manifest.files) blobs.insert(file.digest);
  }
  for (const Digest& digest : blobs) store_.Touch(digest);
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Digest> missing, FindMissing(blobs, token, stop));
  PENSTOCK_FAULT_POINT("worker.before_upload");
  for (const Digest& digest : missing) PENSTOCK_RETURN_IF_ERROR(UploadBlob(digest, token, stop));
  PENSTOCK_FAULT_POINT("worker.after_upload");
  for (const StoredOutput& output : outputs) {
    PENSTOCK_RETURN_IF_ERROR(Commit(output, token, stop));
  }
  return Status::Ok();
}

Result<v1::AppendLogsResponse::Position> Transfer::AppendLog(v1::LogChunk chunk) {
  TransferStop never;
  v1::AppendLogsResponse::Position position;
  const auto append = [&]() -> Tried {
    const auto context = coordinator_.Context(kCallDeadline);
    v1::AppendLogsRequest request;
    request.set_session_id(coordinator_.session());
    *request.add_chunks() = chunk;
    v1::AppendLogsResponse response;
    Tried answered = Answered(coordinator_.workers().AppendLogs(context.get(), request, &response));
    if (!answered.status.ok()) return answered;
    if (response.positions_size() != 1) return DataLoss("AppendLogs answered without a position");
    PENSTOCK_FAULT_POINT("worker.log_sent");
    position = response.positions(0);
    return position.stale() ? FailedPrecondition("the attempt is not live", "STALE_ATTEMPT")
                            : Status::Ok();
  };
  do {
    PENSTOCK_RETURN_IF_ERROR(Retry(never, append));
  } while (CloseGap(position, chunk));
  return position;
}

}  // namespace penstock

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

template <typename Call>
Status Transfer::Retry(Call call) {
  Micros wait = kFirstWait;
  while (true) {
    const Status status = call();
    if (status.ok() || !IsTransient(status)) return status;
    if (!coordinator_.Pause(wait)) return Cancelled("the worker is stopping");
    wait = std::min(wait * 2, kLongestWait);
  }
}

Status Transfer::FetchBlob(const std::string& digest) {
  PENSTOCK_ASSIGN_OR_RETURN(const Digest wanted, ParseDigest(digest));
  if (store_.Touch(wanted)) return Status::Ok();
  return Retry([&]() -> Status {
    const auto context = coordinator_.Context(Micros(0));
    v1::DownloadBlobRequest request;
    request.set_digest(wanted.value());
    const auto reader = coordinator_.artifacts().DownloadBlob(context.get(), request);
    PENSTOCK_ASSIGN_OR_RETURN(LocalArtifactStore::Writer writer, store_.NewWriter());
    v1::DownloadBlobResponse chunk;
    Status status;
    while (status.ok() && reader->Read(&chunk)) status = writer.Append(chunk.data());
    if (!status.ok()) context->TryCancel();
    const Status ended = Coordinator::Translate(reader->Finish());
    if (!status.ok()) return status;
    PENSTOCK_RETURN_IF_ERROR(ended);
    const Result<BlobInfo> info = writer.Commit(wanted);
    // Bytes that were cut short on the way are worth another try.
    if (!info.ok() && info.status().code() == StatusCode::kDataLoss) {
      return Unavailable(info.status().message());
    }
    if (info.ok() && !info->existed) cache_.Added(info->size);
    return info.status();
  });
}

Status Transfer::Fetch(const v1::ArtifactRef& ref) {
  PENSTOCK_RETURN_IF_ERROR(FetchBlob(ref.digest()));
  if (!ref.tree()) return Status::Ok();
  PENSTOCK_ASSIGN_OR_RETURN(const Digest digest, ParseDigest(ref.digest()));
  PENSTOCK_ASSIGN_OR_RETURN(const Manifest manifest, store_.ReadManifest(digest));
  for (const ManifestEntry& file : manifest.files) {
    PENSTOCK_RETURN_IF_ERROR(FetchBlob(file.digest.value()));
  }
  return Status::Ok();
}

Status Transfer::UploadBlob(const Digest& digest, const std::string& token) {
  return Retry([&]() -> Status {
    PENSTOCK_ASSIGN_OR_RETURN(BlobReader reader, store_.OpenBlob(digest));
    const auto context = coordinator_.Context(Micros(0));
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
    return Coordinator::Translate(writer->Finish());
  });
}

Status Transfer::Commit(const StoredOutput& output, const std::string& token) {
  return Retry([&]() -> Status {
    const auto context = coordinator_.Context(kCallDeadline);
    v1::CommitArtifactRequest request;
    v1::ArtifactRef& ref = *request.mutable_artifact();
    ref.set_digest(FormatDigest(output.ref.digest));
    ref.set_type(std::string(Name(output.ref.type)));
    ref.set_tree(output.ref.tree);
    ref.set_size(output.ref.size);
    request.set_hold_token(token);
    v1::CommitArtifactResponse response;
    return Coordinator::Translate(
        coordinator_.artifacts().CommitArtifact(context.get(), request, &response));
  });
}

Result<std::vector<Digest>> Transfer::FindMissing(const std::set<Digest>& blobs,
                                                  const std::string& token) {
  std::vector<Digest> missing;
  for (auto next = blobs.begin(); next != blobs.end();) {
    v1::StatArtifactsRequest request;
    request.set_hold_token(token);
    for (; next != blobs.end() && request.digests_size() < kDigestsPerCall; ++next) {
      request.add_digests(next->value());
    }
    v1::StatArtifactsResponse response;
    PENSTOCK_RETURN_IF_ERROR(Retry([&]() -> Status {
      const auto context = coordinator_.Context(kCallDeadline);
      return Coordinator::Translate(
          coordinator_.artifacts().StatArtifacts(context.get(), request, &response));
    }));
    for (const std::string& each : response.missing()) {
      PENSTOCK_ASSIGN_OR_RETURN(Digest digest, ParseDigest(each));
      missing.push_back(std::move(digest));
    }
  }
  return missing;
}

Status Transfer::Publish(const std::vector<StoredOutput>& outputs, const std::string& token) {
  std::set<Digest> blobs;
  for (const StoredOutput& output : outputs) {
    blobs.insert(output.ref.digest);
    if (!output.ref.tree) continue;
    PENSTOCK_ASSIGN_OR_RETURN(const Manifest manifest, store_.ReadManifest(output.ref.digest));
    for (const ManifestEntry& file : manifest.files) blobs.insert(file.digest);
  }
  for (const Digest& digest : blobs) store_.Touch(digest);
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Digest> missing, FindMissing(blobs, token));
  PENSTOCK_FAULT_POINT("worker.before_upload");
  for (const Digest& digest : missing) PENSTOCK_RETURN_IF_ERROR(UploadBlob(digest, token));
  PENSTOCK_FAULT_POINT("worker.after_upload");
  for (const StoredOutput& output : outputs) {
    PENSTOCK_RETURN_IF_ERROR(Commit(output, token));
  }
  return Status::Ok();
}

Result<v1::AppendLogsResponse::Position> Transfer::AppendLog(v1::LogChunk chunk) {
  v1::AppendLogsResponse::Position position;
  const auto append = [&]() -> Status {
    const auto context = coordinator_.Context(kCallDeadline);
    v1::AppendLogsRequest request;
    request.set_session_id(coordinator_.session());
    *request.add_chunks() = chunk;
    v1::AppendLogsResponse response;
    PENSTOCK_RETURN_IF_ERROR(Coordinator::Translate(
        coordinator_.workers().AppendLogs(context.get(), request, &response)));
    if (response.positions_size() != 1) return DataLoss("AppendLogs answered without a position");
    position = response.positions(0);
    return position.stale() ? FailedPrecondition("the attempt is not live", "STALE_ATTEMPT")
                            : Status::Ok();
  };
  do {
    PENSTOCK_RETURN_IF_ERROR(Retry(append));
  } while (CloseGap(position, chunk));
  return position;
}

}  // namespace penstock

#include "server/rpc/artifact_service.h"

#include "base/text.h"
#include "server/engine/engine.h"
#include "server/rpc/blob_streams.h"
#include "server/rpc/convert.h"
#include "server/rpc/paging.h"
#include "storage/artifact/local_artifact_store.h"
#include "storage/metadata/metadata_reader.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr char kService[] = "ArtifactService";
constexpr int kMaxStatDigests = 10'000;
constexpr std::size_t kMissingShown = 5;

// What a manifest or a file on disk says of an artifact; the client's word does not count.
struct Content {
  int64_t size = 0;
  int32_t files = 1;
};

// Every look at bytes counts as a use of them: they stay until the row or the hold that follows is
// there.
Result<Content> CheckTree(const LocalArtifactStore& store, const Digest& digest) {
  PENSTOCK_ASSIGN_OR_RETURN(const Manifest manifest, store.ReadManifest(digest));
  std::vector<std::string> missing;
  std::size_t count = 0;
  for (const ManifestEntry& entry : manifest.files) {
    if (store.Touch(entry.digest)) continue;
    if (++count <= kMissingShown)
      missing.push_back(entry.path + " (" + FormatDigest(entry.digest) + ")");
  }
  if (count > 0) {
    std::string text;
    for (const std::string& one : missing) text += (text.empty() ? "" : ", ") + one;
    if (count > missing.size()) text += " and " + std::to_string(count - missing.size()) + " more";
    return FailedPrecondition("the tree's files are not all there: upload " + text, "MISSING_BLOB");
  }
  return Content{manifest.total_size(), static_cast<int32_t>(manifest.files.size())};
}

Result<Content> CheckContent(const LocalArtifactStore& store, const ArtifactRef& ref) {
  if (!store.Touch(ref.digest)) {
    return FailedPrecondition("upload " + FormatDigest(ref.digest) + " first", "MISSING_BLOB");
  }
  if (ref.tree) return CheckTree(store, ref.digest);
  PENSTOCK_ASSIGN_OR_RETURN(const int64_t size, store.Size(ref.digest));
  return Content{size, 1};
}

Status Get(const RpcDeps& deps, const v1::GetArtifactRequest& request, v1::Artifact* response) {
  PENSTOCK_ASSIGN_OR_RETURN(const Digest digest, ParseDigest(request.digest()));
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps.readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(const ArtifactRecord artifact, reader->GetArtifact(digest));
  ToProto(artifact, response);
  if (!artifact.ref.tree) return Status::Ok();
  PENSTOCK_ASSIGN_OR_RETURN(const Manifest manifest, deps.artifacts->ReadManifest(digest));
  for (const ManifestEntry& entry : manifest.files) {
    v1::ArtifactFile* file = response->add_files();
    file->set_path(entry.path);
    file->set_digest(FormatDigest(entry.digest));
    file->set_size(entry.size);
  }
  return Status::Ok();
}

Status List(const RpcDeps& deps, const v1::ListArtifactsRequest& request,
            v1::ListArtifactsResponse* response) {
  PENSTOCK_ASSIGN_OR_RETURN(const RowPage page, ReadRowPage(request));
  if (!request.type().empty() && !ParseArtifactType(request.type())) {
    return InvalidArgument("type: \"" + TruncateUtf8(request.type(), 64) +
                           "\" is none of file, dataset, model, transform, report");
  }
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps.readers->Borrow());
  std::vector<int64_t> rows;
  PENSTOCK_ASSIGN_OR_RETURN(
      auto artifacts, reader->ListArtifacts(request.type(), RunId(request.run_id()), page.before,
                                            page.limit + 1, &rows));
  const bool more = DropExtra(artifacts, page.limit);
  for (const ArtifactRecord& artifact : artifacts) ToProto(artifact, response->add_artifacts());
  if (more) {
    const int64_t last = rows[artifacts.size() - 1];
    response->set_next_page_token(MakePageToken(std::to_string(last), page.filter));
  }
  return Status::Ok();
}

}  // namespace

grpc::ServerUnaryReactor* ArtifactServiceImpl::StatArtifacts(
    grpc::CallbackServerContext* context, const v1::StatArtifactsRequest* request,
    v1::StatArtifactsResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "StatArtifacts");
  if (!call->admitted()) return call;
  if (request->digests_size() > kMaxStatDigests) {
    call->Complete(InvalidArgument("digests: at most 10,000 a call"));
    return call;
  }
  HandOver(deps_.io_pool, *deps_.gate, call,
           [this, call, request, response] { Stat(call, *request, response); });
  return call;
}

void ArtifactServiceImpl::Stat(UnaryCall* call, const v1::StatArtifactsRequest& request,
                               v1::StatArtifactsResponse* response) {
  HoldArtifactsCommand hold;
  hold.principal = call->caller().principal;
  hold.attempt = AttemptToken(request.hold_token());
  for (int i = 0; i < request.digests_size(); ++i) {
    auto digest = ParseDigest(request.digests(i));
    if (!digest.ok()) {
      call->Complete(digest.status().WithContext("digests[" + std::to_string(i) + "]"));
      return;
    }
    if (deps_.artifacts->Touch(*digest)) {
      hold.digests.push_back(*std::move(digest));
    } else {
      response->add_missing(request.digests(i));
    }
  }
  if (hold.digests.empty()) {
    call->Complete(Status::Ok());
    return;
  }
  deps_.engine->HoldArtifacts(std::move(hold),
                              [call](Result<Done> done) { call->Complete(done.status()); });
}

grpc::ServerReadReactor<v1::UploadBlobRequest>* ArtifactServiceImpl::UploadBlob(
    grpc::CallbackServerContext* context, v1::UploadBlobResponse* response) {
  return new BlobUpload(deps_, *context, response);
}

grpc::ServerWriteReactor<v1::DownloadBlobResponse>* ArtifactServiceImpl::DownloadBlob(
    grpc::CallbackServerContext* context, const v1::DownloadBlobRequest* request) {
  auto* stream =
      new BlobDownload({*deps_.gate, streams_, deps_.io_pool}, *context, deps_, *request);
  stream->Wake();
  return stream;
}

grpc::ServerUnaryReactor* ArtifactServiceImpl::CommitArtifact(
    grpc::CallbackServerContext* context, const v1::CommitArtifactRequest* request,
    v1::CommitArtifactResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "CommitArtifact");
  if (!call->admitted()) return call;
  HandOver(deps_.io_pool, *deps_.gate, call,
           [this, call, request, response] { Commit(call, *request, response); });
  return call;
}

void ArtifactServiceImpl::Commit(UnaryCall* call, const v1::CommitArtifactRequest& request,
                                 v1::CommitArtifactResponse* response) {
  auto ref = ArtifactRefFromProto(request.artifact(), "artifact");
  if (!ref.ok()) {
    call->Complete(ref.status());
    return;
  }
  const auto content = CheckContent(*deps_.artifacts, *ref);
  if (!content.ok()) {
    call->Complete(content.status());
    return;
  }
  CommitArtifactCommand command;
  command.ref = *std::move(ref);
  command.ref.size = content->size;
  command.file_count = content->files;
  command.principal = call->caller().principal;
  command.attempt = AttemptToken(request.hold_token());
  deps_.engine->CommitArtifact(std::move(command),
                               [call, response](Result<ArtifactRecord> artifact) {
                                 if (artifact.ok()) {
                                   ToProto(*artifact, response->mutable_artifact());
                                 }
                                 call->Complete(artifact.status());
                               });
}

grpc::ServerUnaryReactor* ArtifactServiceImpl::GetArtifact(grpc::CallbackServerContext* context,
                                                           const v1::GetArtifactRequest* request,
                                                           v1::Artifact* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "GetArtifact");
  if (!call->admitted()) return call;
  CompleteOn(deps_.io_pool, *deps_.gate, call,
             [this, request, response] { return Get(deps_, *request, response); });
  return call;
}

grpc::ServerUnaryReactor* ArtifactServiceImpl::ListArtifacts(
    grpc::CallbackServerContext* context, const v1::ListArtifactsRequest* request,
    v1::ListArtifactsResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ListArtifacts");
  if (!call->admitted()) return call;
  CompleteOn(deps_.read_pool, *deps_.gate, call,
             [this, request, response] { return List(deps_, *request, response); });
  return call;
}

}  // namespace penstock

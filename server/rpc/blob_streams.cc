#include "server/rpc/blob_streams.h"

#include "server/engine/engine.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr std::size_t kDownloadChunk = 512 << 10;

}  // namespace

BlobUpload::BlobUpload(const RpcDeps& deps, const grpc::CallbackServerContext& context,
                       v1::UploadBlobResponse* response)
    : deps_(deps),
      context_(context),
      response_(response),
      timer_(*deps.gate, "ArtifactService", "UploadBlob") {
  auto caller = deps.gate->Admit(context, "ArtifactService", "UploadBlob");
  if (!caller.ok()) {
    End(caller.status());
    return;
  }
  caller_ = *std::move(caller);
  StartRead(&request_);
}

void BlobUpload::OnReadDone(bool ok) {
  if (ok) {
    Schedule(&BlobUpload::HandleMessage);
  } else if (context_.IsCancelled()) {
    End(Cancelled("the client went away"));
  } else {
    Schedule(&BlobUpload::HandleEnd);
  }
}

void BlobUpload::Schedule(void (BlobUpload::*step)()) {
  if (deps_.io_pool([this, step] { (this->*step)(); })) return;
  deps_.gate->metrics().overloaded.fetch_add(1, std::memory_order_relaxed);
  End(Overloaded());
}

void BlobUpload::HandleMessage() {
  Status status;
  if (!begun_) status = Begin();
  if (status.ok() && existed_) {
    Acknowledge(true);
    return;
  }
  if (status.ok()) status = Append();
  if (!status.ok()) {
    End(status);
    return;
  }
  StartRead(&request_);
}

Status BlobUpload::Begin() {
  begun_ = true;
  auto digest = ParseDigest(request_.digest());
  if (!digest.ok()) return digest.status().WithContext("digest");
  digest_ = *std::move(digest);
  size_ = request_.size();
  if (size_ < 0) return InvalidArgument("size: must not be negative");
  hold_token_ = request_.hold_token();
  existed_ = deps_.artifacts->Touch(digest_);
  if (existed_) return Status::Ok();
  PENSTOCK_ASSIGN_OR_RETURN(auto writer, deps_.artifacts->NewWriter());
  writer_.emplace(std::move(writer));
  return Status::Ok();
}

Status BlobUpload::Append() {
  const std::string& data = request_.data();
  if (data.size() > limits::kArtifactChunkBytes) {
    return InvalidArgument("data: at most 1 MiB a message");
  }
  received_ += static_cast<int64_t>(data.size());
  if (received_ > size_) {
    return InvalidArgument("data: more than the " + std::to_string(size_) +
                           " bytes that the first message announced");
  }
  deps_.gate->metrics().uploaded_bytes.fetch_add(static_cast<int64_t>(data.size()),
                                                 std::memory_order_relaxed);
  return writer_->Append(data);
}

void BlobUpload::HandleEnd() {
  if (!begun_) {
    End(InvalidArgument("the stream ended before its first message"));
    return;
  }
  if (received_ != size_) {
    End(InvalidArgument("the stream ended after " + std::to_string(received_) + " of " +
                        std::to_string(size_) + " bytes"));
    return;
  }
  const auto blob = writer_->Commit(digest_);
  if (!blob.ok()) {
    End(blob.status());
    return;
  }
  Acknowledge(blob->existed);
}

void BlobUpload::Acknowledge(bool existed) {
  auto size = deps_.artifacts->Size(digest_);
  if (!size.ok()) {
    End(size.status());
    return;
  }
  response_->set_size(*size);
  response_->set_existed(existed);
  HoldArtifactsCommand hold;
  hold.digests = {digest_};
  hold.principal = caller_.principal;
  hold.attempt = AttemptToken(hold_token_);
  deps_.engine->HoldArtifacts(std::move(hold), [this](Result<Done> done) { End(done.status()); });
}

void BlobUpload::End(const Status& status) {
  timer_.Record(status);
  Finish(ToGrpcStatus(Reply("UploadBlob", status)));
}

Status BlobDownload::Open() {
  PENSTOCK_ASSIGN_OR_RETURN(const Digest digest, ParseDigest(request_.digest()));
  if (request_.offset() < 0) return InvalidArgument("offset: must not be negative");
  PENSTOCK_ASSIGN_OR_RETURN(reader_, deps_.artifacts->OpenBlob(digest, request_.offset()));
  return Status::Ok();
}

BlobDownload::Next BlobDownload::Produce(v1::DownloadBlobResponse& response, Status& status) {
  const bool first = !reader_;
  if (first) {
    status = Open();
    if (!status.ok()) return Next::kEnd;
    response.set_size(reader_->size());
  }
  auto bytes = reader_->Read(kDownloadChunk);
  if (!bytes.ok()) {
    status = bytes.status();
    return Next::kEnd;
  }
  if (bytes->empty() && !first) return Next::kEnd;
  gate().metrics().downloaded_bytes.fetch_add(static_cast<int64_t>(bytes->size()),
                                              std::memory_order_relaxed);
  response.set_data(*std::move(bytes));
  return response.data().empty() ? Next::kWriteLast : Next::kWrite;
}

}  // namespace penstock

#ifndef PENSTOCK_SERVER_RPC_BLOB_STREAMS_H_
#define PENSTOCK_SERVER_RPC_BLOB_STREAMS_H_

#include <optional>
#include <string>

#include "penstock/v1/artifacts.pb.h"
#include "server/rpc/deps.h"
#include "server/rpc/stream.h"
#include "storage/artifact/local_artifact_store.h"

namespace penstock {

// One UploadBlob: a message is read, handled on the io pool, and only then the next is read. Owns
// itself until gRPC is done with it. A client that breaks off leaves nothing behind.
class BlobUpload final : public grpc::ServerReadReactor<v1::UploadBlobRequest> {
 public:
  BlobUpload(const RpcDeps& deps, const grpc::CallbackServerContext& context,
             v1::UploadBlobResponse* response);

 private:
  void OnReadDone(bool ok) override;
  void OnDone() override { delete this; }

  void Schedule(void (BlobUpload::*step)());
  // On the io pool.
  void HandleMessage();
  void HandleEnd();
  Status Begin();
  Status Append();
  // Holds the blob and answers.
  void Acknowledge(bool existed);
  void End(const Status& status);

  const RpcDeps& deps_;
  const grpc::CallbackServerContext& context_;
  v1::UploadBlobResponse* const response_;
  CallTimer timer_;
  Caller caller_;

  v1::UploadBlobRequest request_;
  bool begun_ = false;
  bool existed_ = false;
  Digest digest_;
  int64_t size_ = 0;
  int64_t received_ = 0;
  std::string hold_token_;
  std::optional<LocalArtifactStore::Writer> writer_;
};

// One DownloadBlob.
class BlobDownload final : public PumpedStream<v1::DownloadBlobResponse> {
 public:
  BlobDownload(const Services& services, const grpc::CallbackServerContext& context,
               const RpcDeps& deps, const v1::DownloadBlobRequest& request)
      : PumpedStream(services, context, "ArtifactService", "DownloadBlob"),
        deps_(deps),
        request_(request) {}

 private:
  Next Produce(v1::DownloadBlobResponse& response, Status& status) override;
  Status Open();

  const RpcDeps& deps_;
  const v1::DownloadBlobRequest request_;
  std::optional<BlobReader> reader_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_BLOB_STREAMS_H_

#ifndef PENSTOCK_SERVER_RPC_ARTIFACT_SERVICE_H_
#define PENSTOCK_SERVER_RPC_ARTIFACT_SERVICE_H_

#include "penstock/v1/artifacts.grpc.pb.h"
#include "server/rpc/deps.h"
#include "server/rpc/stream.h"

namespace penstock {

// Immutable content by digest; see artifacts.proto. Bytes move on the io pool; holds and rows are
// the engine's, and what is acknowledged is held.
class ArtifactServiceImpl final : public v1::ArtifactService::CallbackService {
 public:
  ArtifactServiceImpl(const RpcDeps& deps, StreamRegistry& streams)
      : deps_(deps), streams_(streams) {}

  grpc::ServerUnaryReactor* StatArtifacts(grpc::CallbackServerContext* context,
                                          const v1::StatArtifactsRequest* request,
                                          v1::StatArtifactsResponse* response) override;
  grpc::ServerReadReactor<v1::UploadBlobRequest>* UploadBlob(
      grpc::CallbackServerContext* context, v1::UploadBlobResponse* response) override;
  grpc::ServerWriteReactor<v1::DownloadBlobResponse>* DownloadBlob(
      grpc::CallbackServerContext* context, const v1::DownloadBlobRequest* request) override;
  grpc::ServerUnaryReactor* CommitArtifact(grpc::CallbackServerContext* context,
                                           const v1::CommitArtifactRequest* request,
                                           v1::CommitArtifactResponse* response) override;
  grpc::ServerUnaryReactor* GetArtifact(grpc::CallbackServerContext* context,
                                        const v1::GetArtifactRequest* request,
                                        v1::Artifact* response) override;
  grpc::ServerUnaryReactor* ListArtifacts(grpc::CallbackServerContext* context,
                                          const v1::ListArtifactsRequest* request,
                                          v1::ListArtifactsResponse* response) override;

 private:
  void Stat(UnaryCall* call, const v1::StatArtifactsRequest& request,
            v1::StatArtifactsResponse* response);
  void Commit(UnaryCall* call, const v1::CommitArtifactRequest& request,
              v1::CommitArtifactResponse* response);

  const RpcDeps& deps_;
  StreamRegistry& streams_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_ARTIFACT_SERVICE_H_

#ifndef PENSTOCK_SERVER_RPC_RPC_SERVER_H_
#define PENSTOCK_SERVER_RPC_RPC_SERVER_H_

// The gRPC side: every service of the API, health and reflection, on one port.

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "server/rpc/deps.h"
#include "server/rpc/tls.h"

namespace grpc {
class Channel;
}

namespace penstock {

struct RpcServerOptions {
  std::string address;             // HOST:PORT; port 0: any free one
  std::optional<TlsIdentity> tls;  // none: plain text
};

class RpcServer {
 public:
  // Serves from the moment it returns. kUnavailable (ADDRESS_IN_USE) where the address is taken or
  // not of this machine. What `deps` points to outlives the server.
  static Result<std::unique_ptr<RpcServer>> Start(const RpcServerOptions& options, RpcDeps deps);
  ~RpcServer();  // Shutdown
  RpcServer(const RpcServer&) = delete;
  RpcServer& operator=(const RpcServer&) = delete;

  int port() const;
  // For the HTTP side: calls of this process, which bring their caller's address along.
  std::shared_ptr<grpc::Channel> InProcessChannel();

  // The first half of stopping: new calls are refused with kUnavailable, streams end with it. The
  // engine's parked calls are ended by the engine.
  void Drain();
  // The second half: closes the port and waits for open calls; after `patience` they are cancelled.
  // Pools and engine must still be there. Idempotent.
  void Shutdown(std::chrono::milliseconds patience);

 private:
  struct Impl;
  explicit RpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_RPC_SERVER_H_

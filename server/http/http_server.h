#ifndef PENSTOCK_SERVER_HTTP_HTTP_SERVER_H_
#define PENSTOCK_SERVER_HTTP_HTTP_SERVER_H_

// The HTTP side: probes, metrics, the API as JSON, artifacts as bytes.
//
//   GET  /healthz                      200 while the process lives
//   GET  /readyz                       200, or 503 with the reason
//   GET  /metrics                      Prometheus' text format
//   POST /v1/<Service>/<Method>        JSON in, JSON out; server streams as lines of JSON
//   GET  /v1/artifacts/<DIGEST>        bytes (Range: bytes=N- is honoured)
//   PUT  /v1/artifacts/<DIGEST>        bytes
//
// Against pages in a browser that reach for a server without tokens: a POST must carry
// Content-Type: application/json, an Origin must be the server's own, and a caller without a token
// must have asked for a name of this machine (no DNS rebinding).

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "server/http/bridge.h"

namespace penstock {

struct HttpOptions {
  std::string host = "127.0.0.1";
  int port = 0;               // 0: any free one
  std::string tls_cert_path;  // empty: no TLS
  std::string tls_key_path;
  int threads = 48;
  int max_streams = 32;
};

struct HttpProbes {
  // OK, or why the server cannot take work now.
  std::function<Status()> readiness;
  std::function<std::string()> metrics_text;
};

class HttpServer {
 public:
  // kUnavailable (ADDRESS_IN_USE) where the address is taken or not of this machine. `bridge`
  // outlives the server.
  static Result<std::unique_ptr<HttpServer>> Start(const HttpOptions& options, Bridge& bridge,
                                                   HttpProbes probes);
  virtual ~HttpServer() = default;  // Stop, and waits for all connections

  virtual int port() const = 0;
  // Takes no more connections and waits for the open ones, at most `patience`; false where some
  // are left. Streams must be ended by their server first.
  virtual bool Stop(std::chrono::milliseconds patience) = 0;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_HTTP_HTTP_SERVER_H_

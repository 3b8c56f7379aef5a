#ifndef PENSTOCK_SERVER_HTTP_BRIDGE_H_
#define PENSTOCK_SERVER_HTTP_BRIDGE_H_

// The whole API as JSON: one bridge for every method, over protobuf's JSON mapping and the API's
// descriptors. A call goes through the server's in-process channel, so that identity, limits and
// errors are those of gRPC. Blocks: each caller brings a thread. Thread-safe.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace grpc {
class Channel;
}
namespace google::protobuf {
class MethodDescriptor;
}

namespace penstock {

// Whose call it is, as the HTTP side saw it.
struct HttpCaller {
  std::string peer;                          // "ipv4:127.0.0.1:40312"
  std::optional<std::string> authorization;  // the header, whole
  std::string user;                          // x-penstock-user
};

// 404 for kNotFound and so on.
int HttpStatusOf(StatusCode code);
// The same, but 400 for an upload of other bytes than its address says: the client's mistake, not a
// loss of the server's.
int HttpStatusOf(const Status& status);
// {"code": "NOT_FOUND", "reason": …, "message": …, "problems": […]}
std::string ErrorJson(const Status& status);

class Bridge {
 public:
  enum class Kind { kUnary, kServerStream, kClientStream };

  // A server stream as JSON texts without line breaks. One thread at a time.
  class JsonStream {
   public:
    enum class Event { kMessage, kEnd, kNothingYet };
    virtual ~JsonStream() = default;  // cancels what has not ended
    // Waits at most `wait`. kMessage: in `json`. kEnd: `status` says how.
    virtual Event Next(Micros wait, std::string& json, Status& status) = 0;
  };
  // The bytes of one artifact.
  class BlobReader {
   public:
    virtual ~BlobReader() = default;
    // The next bytes; empty at the end.
    virtual Result<std::string> Next() = 0;
    // Of the whole file, once the first Next has returned.
    virtual int64_t size() const = 0;
  };
  class BlobWriter {
   public:
    virtual ~BlobWriter() = default;
    // False where the server will take no more; Finish says why.
    virtual bool Write(std::string_view bytes) = 0;
    // {"size": …, "existed": …}
    virtual Result<std::string> Finish() = 0;
  };

  // `forward_secret`: shows the other end that the caller's address is ours to tell.
  Bridge(std::shared_ptr<grpc::Channel> channel, std::string forward_secret);
  ~Bridge();

  // kNotFound with the nearest name.
  Result<Kind> Find(const std::string& service, const std::string& method) const;
  // `body`: the request as JSON; empty means {}. kInvalidArgument names the field that is unknown.
  Result<std::string> Call(const HttpCaller& caller, const std::string& service,
                           const std::string& method, const std::string& body);
  Result<std::unique_ptr<JsonStream>> Open(const HttpCaller& caller, const std::string& service,
                                           const std::string& method, const std::string& body);

  std::unique_ptr<BlobReader> Download(const HttpCaller& caller, const std::string& digest,
                                       int64_t offset);
  std::unique_ptr<BlobWriter> Upload(const HttpCaller& caller, const std::string& digest,
                                     int64_t size);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_HTTP_BRIDGE_H_

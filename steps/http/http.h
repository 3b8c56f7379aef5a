#ifndef PENSTOCK_STEPS_HTTP_HTTP_H_
#define PENSTOCK_STEPS_HTTP_HTTP_H_

// Single HTTP(S) requests, by libcurl. The only place with its header.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "storage/model/source_address.h"

namespace penstock {

struct HttpRequest {
  // Signature Version 4 of Amazon's, for S3. The query must be sorted and encoded already.
  struct Signer {
    std::string region;
    std::string access_key;
    std::string secret_key;
  };

  bool post = false;  // else a GET
  std::string url;    // bytes that no URL may hold are encoded
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // of a POST
  std::shared_ptr<const Signer> signer = nullptr;
  // Connections that go farther are refused, and no proxy is used. Absent: anywhere, and through
  // the proxy that the environment names.
  std::optional<Reach> reach = std::nullopt;
  std::string ca;       // PEM: trusted besides the system's; empty: none
  bool decode = false;  // take a Content-Encoding off that the server puts on though nobody asked
  Micros timeout{0};    // of the whole; 0: none
  Micros stall{0};      // without a byte; 0: none
};

struct HttpAnswer {
  int status = 0;
  bool http1 = true;                                // HTTP/1.0 or 1.1
  std::multimap<std::string, std::string> headers;  // names in lower case
  // Empty where there is none.
  std::string header(const std::string& name) const;
  // Of the body as it is sent; -1 where the server does not say.
  int64_t length() const;
  // Whether a body that ends too early can be told from one that is whole.
  bool framed() const;
};

struct HttpEvents {
  // When the headers are there. An error ends the request with it.
  std::function<Status(const HttpAnswer& answer)> begin;
  // Bytes of the body, as they come. As above.
  std::function<Status(std::string_view bytes)> body;
  std::function<bool()> cancelled;  // asked several times a second
};

// Keeps connections for its next request. Not thread-safe.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Follows no redirects. Any status is an answer. kUnavailable: no connection, a broken or stalled
  // one, a body that is shorter than the server said; reason HTTP_TIMEOUT where `timeout` was over.
  // kPermissionDenied (ADDRESS_REFUSED): it leads farther than `reach`. kFailedPrecondition: TLS
  // that cannot be trusted, another protocol. kCancelled. Messages hold neither URL nor headers.
  Result<HttpAnswer> Send(const HttpRequest& request, const HttpEvents& events);

 private:
  struct Curl;
  std::unique_ptr<Curl> curl_;
};

// Where a redirect of `url` to `location` leads. kInvalidArgument: nowhere.
Result<std::string> ResolveUrl(const std::string& url, const std::string& location);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_HTTP_HTTP_H_

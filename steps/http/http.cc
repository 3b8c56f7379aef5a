#include "steps/http/http.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "steps/http/network.h"

namespace penstock {
namespace {

constexpr int kPollMs = 100;
constexpr long kConnectTimeoutMs = 30'000;
// Of headers of one answer.
constexpr std::size_t kMaxHeaders = 500;

struct Free {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
  void operator()(char* text) const { curl_free(text); }
};
using Headers = std::unique_ptr<curl_slist, Free>;

// A request in progress: what libcurl's callbacks work on.
struct Exchange {
  Exchange(const HttpRequest& what, const HttpEvents& whom)
      : request(what), events(whom), last_byte(Clock::Real().Ticks()) {}

  const HttpRequest& request;
  const HttpEvents& events;
  HttpAnswer answer;
  bool begun = false;
  Status status;        // of `events`
  std::string refused;  // the address that lay too far
  Tick last_byte;
};

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

Status Begin(Exchange& exchange) {
  if (exchange.begun) return exchange.status;
  exchange.begun = true;
  if (exchange.events.begin) exchange.status = exchange.events.begin(exchange.answer);
  return exchange.status;
}

std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* to) {
  auto& exchange = *static_cast<Exchange*>(to);
  const std::size_t bytes = size * count;
  const std::string_view line = Trim({data, bytes});
  exchange.last_byte = Clock::Real().Ticks();
  HttpAnswer& answer = exchange.answer;
  if (line.starts_with("HTTP/")) {
    answer = {};
    const auto space = line.find(' ');
    if (space != std::string_view::npos) {
      std::from_chars(line.data() + space + 1, line.data() + line.size(), answer.status);
    }
    answer.http1 = line.starts_with("HTTP/1");
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    if (answer.headers.size() >= kMaxHeaders) return 0;
    answer.headers.emplace(Lower(Trim(line.substr(0, colon))), Trim(line.substr(colon + 1)));
  } else if (line.empty() && answer.status >= 200) {
    if (!Begin(exchange).ok()) return 0;
  }
  return bytes;
}

std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* to) {
  auto& exchange = *static_cast<Exchange*>(to);
  exchange.last_byte = Clock::Real().Ticks();
  if (!Begin(exchange).ok()) return 0;
  if (exchange.events.body) exchange.status = exchange.events.body({data, size * count});
  return exchange.status.ok() ? size * count : 0;
}

curl_socket_t OnSocket(void* to, curlsocktype, curl_sockaddr* address) {
  auto& exchange = *static_cast<Exchange*>(to);
  if (!MayConnect(*exchange.request.reach, &address->addr)) {
    exchange.refused = AddressText(&address->addr);
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// The bytes that no URL may hold, percent-encoded.
std::string Encoded(const std::string& url) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : url) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f &&
        std::string_view("\"<>\\^`{|}").find(c) == std::string::npos) {
      out += c;
    } else {
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return out;
}

Result<Headers> HeadersOf(const HttpRequest& request) {
  Headers list;
  const auto add = [&list](const std::string& line) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) return false;
    static_cast<void>(list.release());
    list.reset(longer);
    return true;
  };
  // No "Expect: 100-continue": many servers do not answer it. A GET has none, and what is signed
  // must not name it.
  if (request.post && !add("Expect:")) return ResourceExhausted("out of memory");
  for (const auto& [name, value] : request.headers) {
    // A value that came from elsewhere must not become a header of its own.
    if (name.find_first_of("\r\n:") != std::string::npos ||
        value.find_first_of("\r\n") != std::string::npos) {
      return InvalidArgument("header " + name + " holds a line break, or its name a colon");
    }
    // curl's way to send one without a value.
    if (!add(value.empty() ? name + ";" : name + ": " + value)) {
      return ResourceExhausted("out of memory");
    }
  }
  return list;
}

}  // namespace

struct HttpClient::Curl {
  Curl() {
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (started != CURLE_OK) return;
    easy.reset(curl_easy_init());
    multi = curl_multi_init();
  }
  ~Curl() {
    // Connections live in the multi handle.
    easy.reset();
    if (multi != nullptr) curl_multi_cleanup(multi);
  }

  Status Prepare(Exchange& exchange, const Headers& headers);
  CURLcode Perform(Exchange& exchange, std::optional<Status>* ended);
  Status Judge(CURLcode code, const Exchange& exchange) const;

  std::unique_ptr<CURL, Free> easy;
  CURLM* multi = nullptr;
  char error[CURL_ERROR_SIZE] = "";
};

Status HttpClient::Curl::Prepare(Exchange& exchange, const Headers& headers) {
  const HttpRequest& request = exchange.request;
  CURL* curl = easy.get();
  curl_easy_reset(curl);
  error[0] = '\0';
  curl_easy_setopt(curl, CURLOPT_URL, Encoded(request.url).c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "penstock");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);  // waits for no resolver
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count() / 1'000));
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 256L << 10);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  // The system's folder of authorities is looked at besides.
  if (!request.ca.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca.c_str());
  if (request.reach) {
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, OnSocket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &exchange);
  }
  // "identity" is what is asked for; with it curl undoes what is sent nevertheless.
  if (request.decode) curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "identity");
  if (request.post) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
  }
  if (request.signer == nullptr) return Status::Ok();
  const HttpRequest::Signer& signer = *request.signer;
  const std::string provider = "aws:amz:" + signer.region + ":s3";
  if (curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, provider.c_str()) != CURLE_OK) {
    return FailedPrecondition("this libcurl cannot sign requests; it needs 7.75 or later");
  }
  curl_easy_setopt(curl, CURLOPT_USERNAME, signer.access_key.c_str());
  curl_easy_setopt(curl, CURLOPT_PASSWORD, signer.secret_key.c_str());
  return Status::Ok();
}

// `ended` gets why it was broken off here.
CURLcode HttpClient::Curl::Perform(Exchange& exchange, std::optional<Status>* ended) {
  curl_multi_add_handle(multi, easy.get());
  CURLcode code = CURLE_FAILED_INIT;
  while (true) {
    int running = 0;
    if (curl_multi_perform(multi, &running) != CURLM_OK) break;
    if (running == 0) {
      int left = 0;
      if (const CURLMsg* message = curl_multi_info_read(multi, &left); message != nullptr) {
        code = message->data.result;
      }
      break;
    }
    if (exchange.events.cancelled && exchange.events.cancelled()) {
      *ended = Cancelled("cancelled");
      break;
    }
    const Micros stall = exchange.request.stall;
    if (stall.count() > 0 && Clock::Real().Ticks() - exchange.last_byte > stall) {
      *ended = Unavailable("nothing came for " + UnparseDuration(stall));
      break;
    }
    curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr);
  }
  curl_multi_remove_handle(multi, easy.get());
  return code;
}

Status HttpClient::Curl::Judge(CURLcode code, const Exchange& exchange) const {
  if (code == CURLE_OK) return Status::Ok();
  if (!exchange.status.ok()) return exchange.status;
  std::string what = error[0] != '\0' ? error : curl_easy_strerror(code);
  if (!exchange.refused.empty()) {
    return PermissionDenied(
        "its host has the address " + exchange.refused + ", which is not reached by this rule",
        "ADDRESS_REFUSED");
  }
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Unavailable(std::move(what), "HTTP_TIMEOUT");
    case CURLE_PARTIAL_FILE:
      return Unavailable("the connection ended before the body did (" + what + ")");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_CONTENT_ENCODING:
      return FailedPrecondition(std::move(what));
    case CURLE_OUT_OF_MEMORY:
      return ResourceExhausted(std::move(what));
    default:
      return Unavailable(std::move(what));
  }
}

std::string HttpAnswer::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

int64_t HttpAnswer::length() const {
  const std::string text = header("content-length");
  int64_t length = -1;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), length);
  return failed == std::errc() && end == text.data() + text.size() && length >= 0 ? length : -1;
}

bool HttpAnswer::framed() const {
  return !http1 || length() >= 0 ||
         Lower(header("transfer-encoding")).find("chunked") != std::string::npos;
}

HttpClient::HttpClient() : curl_(std::make_unique<Curl>()) {}

HttpClient::~HttpClient() = default;

Result<HttpAnswer> HttpClient::Send(const HttpRequest& request, const HttpEvents& events) {
  if (curl_->easy == nullptr || curl_->multi == nullptr) return Internal("libcurl cannot start");
  PENSTOCK_ASSIGN_OR_RETURN(const Headers headers, HeadersOf(request));
  Exchange exchange(request, events);
  PENSTOCK_RETURN_IF_ERROR(curl_->Prepare(exchange, headers));
  std::optional<Status> ended;
  const CURLcode code = curl_->Perform(exchange, &ended);
  if (ended) return *ended;
  PENSTOCK_RETURN_IF_ERROR(curl_->Judge(code, exchange));
  return std::move(exchange.answer);
}

Result<std::string> ResolveUrl(const std::string& url, const std::string& location) {
  const std::unique_ptr<CURLU, Free> parsed(curl_url());
  if (curl_url_set(parsed.get(), CURLUPART_URL, Encoded(url).c_str(), 0) != CURLUE_OK ||
      curl_url_set(parsed.get(), CURLUPART_URL, Encoded(location).c_str(), 0) != CURLUE_OK) {
    return InvalidArgument("leads to no address");
  }
  char* text = nullptr;
  if (curl_url_get(parsed.get(), CURLUPART_URL, &text, 0) != CURLUE_OK) {
    return InvalidArgument("leads to no address");
  }
  const std::unique_ptr<char, Free> owned(text);
  return std::string(text);
}

}  // namespace penstock

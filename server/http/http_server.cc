#include "server/http/http_server.h"

// The only file that knows httplib.
#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>
#include <utility>

#include "base/digest.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/text.h"
#include "server/http/request_checks.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

using httplib::Request;
using httplib::Response;

constexpr char kJson[] = "application/json";
constexpr char kJsonLines[] = "application/x-ndjson";
constexpr char kBytes[] = "application/octet-stream";
constexpr char kText[] = "text/plain; charset=utf-8";
// A connection that asks nothing gives its thread back after this.
constexpr int kKeepAliveSeconds = 2;
constexpr int kSocketTimeoutSeconds = 30;
constexpr std::size_t kMaxArtifactBytes = std::size_t{1} << 40;
constexpr std::chrono::milliseconds kStreamPoll{500};

std::optional<std::string> Header(const Request& request, const char* name) {
  if (!request.has_header(name)) return std::nullopt;
  return request.get_header_value(name);
}

HttpCaller CallerOf(const Request& request) {
  return {PeerName(request.remote_addr, request.remote_port), Header(request, "Authorization"),
          request.get_header_value("X-Penstock-User")};
}

void Fail(const Status& status, Response& response) {
  response.status = HttpStatusOf(status);
  if (status.code() == StatusCode::kUnauthenticated) {
    response.set_header("WWW-Authenticate", "Bearer");
  }
  response.set_content(ErrorJson(status) + "\n", kJson);
}

void FailWith(int http_status, const Status& status, Response& response) {
  Fail(status, response);
  response.status = http_status;
}

constexpr char kContentType[] = "Content-Type";
// What a form's content type is replaced by.
constexpr char kForm[] = "application/x-form-of-several-parts";

// httplib reads forms of several parts by itself. Where one is not as it should be, it leaves the
// rest of the body on the connection, and takes that for the next request: one that no browser has
// put its marks on. Nothing here takes forms, so that theirs are bodies as any other.
void ReadFormsAsBytes(const Request& request) {
  if (!request.is_multipart_form_data()) return;
  auto& headers = const_cast<Request&>(request).headers;  // httplib's own, which is not const
  headers.erase(kContentType);
  headers.emplace(kContentType, kForm);
}

// Reads the body whole; what is over the limit is read and dropped, so that the connection stays in
// step. False: it was too large, or broke off.
bool ReadBody(const Request& request, const httplib::ContentReader& reader, std::size_t limit,
              std::string& body) {
  // httplib would read such a request until the connection closes.
  if (!request.has_header("Content-Length") && !request.has_header("Transfer-Encoding")) {
    return true;
  }
  bool fits = true;
  const bool complete = reader([&](const char* data, std::size_t length) {
    fits = fits && body.size() + length <= limit;
    if (fits) body.append(data, length);
    return true;
  });
  return complete && fits;
}

class Server final : public HttpServer {
 public:
  Server(const HttpOptions& options, Bridge& bridge, HttpProbes probes)
      : options_(options), bridge_(bridge), probes_(std::move(probes)) {}
  ~Server() override {
    if (server_) server_->stop();
    if (thread_.joinable()) thread_.join();
  }

  Status Listen();
  int port() const override { return port_; }
  bool Stop(std::chrono::milliseconds patience) override {
    server_->stop();
    MutexLock lock(mutex_);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!ended_) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= std::chrono::milliseconds(0)) return false;
      wake_.WaitFor(mutex_, std::chrono::duration_cast<Micros>(left));
    }
    return true;
  }

 private:
  bool tls() const { return !options_.tls_cert_path.empty(); }
  void AddRoutes();
  // False: refused, and answered.
  bool Admit(const Request& request, Response& response) const;
  void Metrics(const Request& request, Response& response);
  void Call(const Request& request, Response& response, const httplib::ContentReader& reader);
  void Stream(const Request& request, const std::string& service, const std::string& method,
              const std::string& body, Response& response);
  void GetArtifact(const Request& request, Response& response);
  void PutArtifact(const Request& request, Response& response,
                   const httplib::ContentReader& reader);

  const HttpOptions options_;
  Bridge& bridge_;
  const HttpProbes probes_;
  std::unique_ptr<httplib::Server> server_;
  std::atomic<int> streams_{0};
  int port_ = 0;
  int listening_ = -1;  // httplib's socket
  std::thread thread_;
  Mutex mutex_;
  CondVar wake_;
  bool ended_ PENSTOCK_GUARDED_BY(mutex_) = false;
};

Status Server::Listen() {
  if (tls()) {
    auto server = std::make_unique<httplib::SSLServer>(options_.tls_cert_path.c_str(),
                                                       options_.tls_key_path.c_str());
    if (!server->is_valid()) {
      return InvalidArgument("the certificate in " + options_.tls_cert_path + " cannot be used");
    }
    server_ = std::move(server);
  } else {
    server_ = std::make_unique<httplib::Server>();
  }
  server_->new_task_queue = [threads = options_.threads] {
    return new httplib::ThreadPool(static_cast<std::size_t>(threads));
  };
  server_->set_tcp_nodelay(true);
  server_->set_keep_alive_timeout(kKeepAliveSeconds);
  server_->set_keep_alive_max_count(10'000);
  server_->set_read_timeout(kSocketTimeoutSeconds);
  server_->set_write_timeout(kSocketTimeoutSeconds);
  server_->set_payload_max_length(kMaxArtifactBytes);
  // Not SO_REUSEPORT, httplib's default: two daemons would share a port without a word.
  server_->set_socket_options([this](int socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    listening_ = socket;
  });
  AddRoutes();
  if (options_.port == 0) {
    port_ = server_->bind_to_any_port(options_.host);
  } else {
    port_ = server_->bind_to_port(options_.host, options_.port) ? options_.port : -1;
  }
  if (port_ <= 0) {
    return Unavailable("cannot listen for HTTP on " + options_.host + ":" +
                           std::to_string(options_.port) +
                           ": the port is in use or the address is not of this machine",
                       "ADDRESS_IN_USE");
  }
  // httplib lets five connections wait to be accepted; the kernel resets some of the rest.
  ::listen(listening_, SOMAXCONN);
  thread_ = std::thread([this] {
    server_->listen_after_bind();
    MutexLock lock(mutex_);
    ended_ = true;
    wake_.NotifyAll();
  });
  return Status::Ok();
}

void Server::AddRoutes() {
  server_->set_pre_routing_handler([](const Request& request, Response&) {
    ReadFormsAsBytes(request);
    return httplib::Server::HandlerResponse::Unhandled;
  });
  server_->set_default_headers(
      {{"X-Content-Type-Options", "nosniff"}, {"Cache-Control", "no-store"}});
  server_->Get("/healthz",
               [](const Request&, Response& response) { response.set_content("ok\n", kText); });
  server_->Get("/readyz", [this](const Request&, Response& response) {
    const Status ready = probes_.readiness();
    if (!ready.ok()) response.status = 503;
    response.set_content(ready.ok() ? "ok\n" : ready.message() + "\n", kText);
  });
  server_->Get("/metrics", [this](const Request& request, Response& response) {
    if (Admit(request, response)) Metrics(request, response);
  });
  server_->Post(R"(/v1/(\w{1,64})/(\w{1,64}))",
                [this](const Request& request, Response& response,
                       const httplib::ContentReader& reader) { Call(request, response, reader); });
  server_->Get(R"(/v1/artifacts/([\w:]{1,80}))",
               [this](const Request& request, Response& response) {
                 if (Admit(request, response)) GetArtifact(request, response);
               });
  server_->Put(R"(/v1/artifacts/([\w:]{1,80}))", [this](const Request& request, Response& response,
                                                        const httplib::ContentReader& reader) {
    PutArtifact(request, response, reader);
  });
  server_->set_error_handler([](const Request& request, Response& response) {
    if (!response.body.empty()) return;
    const int status = response.status;
    const Status error =
        status == 404
            ? NotFound("there is nothing at " + request.method + " " +
                       TruncateUtf8(request.path, 200) + "; the API is POST /v1/<Service>/<Method>")
            : InvalidArgument("the request cannot be served (HTTP " + std::to_string(status) + ")");
    FailWith(status, error, response);
  });
  server_->set_exception_handler([](const Request&, Response& response, std::exception_ptr) {
    Fail(Internal("the request failed inside the server"), response);
  });
}

bool Server::Admit(const Request& request, Response& response) const {
  RequestFacts facts;
  facts.host = request.get_header_value("Host");
  facts.origin = Header(request, "Origin");
  facts.fetch_site = request.get_header_value("Sec-Fetch-Site");
  facts.has_token = request.has_header("Authorization");
  facts.tls = tls();
  Status status = CheckOrigin(facts);
  for (const char* name : {"Authorization", "X-Penstock-User"}) {
    if (!status.ok() || IsMetadataText(request.get_header_value(name))) continue;
    status = InvalidArgument(std::string("the header ") + name +
                             " holds a character that is no visible one of ASCII");
  }
  if (!status.ok()) Fail(status, response);
  return status.ok();
}

// Whoever may call the API at all may see the metrics.
void Server::Metrics(const Request& request, Response& response) {
  const auto known = bridge_.Call(CallerOf(request), "AdminService", "GetServerInfo", "");
  if (!known.ok()) {
    Fail(known.status(), response);
    return;
  }
  response.set_content(probes_.metrics_text(), "text/plain; version=0.0.4; charset=utf-8");
}

void Server::Call(const Request& request, Response& response,
                  const httplib::ContentReader& reader) {
  std::string body;
  const bool complete = ReadBody(request, reader, limits::kMaxMessageBytes, body);
  if (!Admit(request, response)) return;
  if (!IsJsonContentType(request.get_header_value("Content-Type"))) {
    FailWith(415, InvalidArgument("send Content-Type: application/json", "CONTENT_TYPE"), response);
    return;
  }
  if (!complete) {
    FailWith(413,
             InvalidArgument("the body is larger than 16 MiB; bytes go to PUT "
                             "/v1/artifacts/<DIGEST>",
                             "TOO_LARGE"),
             response);
    return;
  }
  const std::string service = request.matches[1];
  const std::string method = request.matches[2];
  const auto kind = bridge_.Find(service, method);
  if (!kind.ok()) {
    Fail(kind.status(), response);
    return;
  }
  switch (*kind) {
    case Bridge::Kind::kClientStream:
      Fail(InvalidArgument(service + "." + method +
                               " takes a stream; send the bytes with PUT /v1/artifacts/<DIGEST>",
                           "CLIENT_STREAM"),
           response);
      return;
    case Bridge::Kind::kServerStream:
      Stream(request, service, method, body, response);
      return;
    case Bridge::Kind::kUnary:
      break;
  }
  const auto answer = bridge_.Call(CallerOf(request), service, method, body);
  if (answer.ok()) {
    response.set_content(*answer + "\n", kJson);
  } else {
    Fail(answer.status(), response);
  }
}

void Server::Stream(const Request& request, const std::string& service, const std::string& method,
                    const std::string& body, Response& response) {
  // Each stream keeps a thread: some are left for everybody else.
  auto slot = std::shared_ptr<void>(nullptr, [this](void*) { --streams_; });
  if (++streams_ > options_.max_streams) {
    Fail(ResourceExhausted("too many streams are open over HTTP; retry later, or use gRPC",
                           "OVERLOADED"),
         response);
    return;
  }
  auto opened = bridge_.Open(CallerOf(request), service, method, body);
  if (!opened.ok()) {
    Fail(opened.status(), response);
    return;
  }
  const std::shared_ptr<Bridge::JsonStream> stream = *std::move(opened);
  // The first message decides about the HTTP status.
  std::string first;
  Status status;
  auto event = Bridge::JsonStream::Event::kNothingYet;
  for (int polls = 0; polls < 4 && event == Bridge::JsonStream::Event::kNothingYet; ++polls) {
    event = stream->Next(kStreamPoll, first, status);
  }
  if (event == Bridge::JsonStream::Event::kEnd && !status.ok()) {
    Fail(status, response);
    return;
  }
  auto pending = std::make_shared<std::string>(first.empty() ? "" : first + "\n");
  auto ended = std::make_shared<bool>(event == Bridge::JsonStream::Event::kEnd);
  response.set_chunked_content_provider(
      kJsonLines, [stream, pending, ended, slot](std::size_t, httplib::DataSink& sink) {
        if (!pending->empty()) {
          const std::string line = std::exchange(*pending, {});
          return sink.write(line.data(), line.size());
        }
        if (*ended) {
          sink.done();
          return true;
        }
        std::string json;
        Status end;
        switch (stream->Next(kStreamPoll, json, end)) {
          case Bridge::JsonStream::Event::kMessage:
            *pending = json + "\n";
            return true;
          case Bridge::JsonStream::Event::kNothingYet:
            return sink.is_writable();
          case Bridge::JsonStream::Event::kEnd:
            *ended = true;
            if (!end.ok()) *pending = "{\"error\":" + ErrorJson(end) + "}\n";
            return true;
        }
        return false;
      });
}

void Server::GetArtifact(const Request& request, Response& response) {
  const auto digest = ParseDigest(request.matches[1].str());
  if (!digest.ok()) {
    Fail(digest.status(), response);
    return;
  }
  // What the provider below reads from; it starts over where a range asks for another place.
  struct Source {
    HttpCaller caller;
    std::unique_ptr<Bridge::BlobReader> reader;
    std::string bytes;
    std::size_t position = 0;
  };
  auto source = std::make_shared<Source>();
  source->caller = CallerOf(request);
  source->reader = bridge_.Download(source->caller, FormatDigest(*digest), 0);
  auto first = source->reader->Next();
  if (!first.ok()) {
    Fail(first.status(), response);
    return;
  }
  source->bytes = *std::move(first);
  const auto size = static_cast<std::size_t>(source->reader->size());
  response.set_header("ETag", "\"" + digest->value() + "\"");
  if (size == 0) {
    response.set_content("", kBytes);
    return;
  }
  response.set_content_provider(
      size, kBytes,
      [this, source, digest = *digest](std::size_t offset, std::size_t length,
                                       httplib::DataSink& sink) {
        if (offset != source->position) {
          source->reader =
              bridge_.Download(source->caller, FormatDigest(digest), static_cast<int64_t>(offset));
          source->position = offset;
          source->bytes.clear();
        }
        if (source->bytes.empty()) {
          auto next = source->reader->Next();
          // Broken off: the client sees fewer bytes than were promised.
          if (!next.ok() || next->empty()) return false;
          source->bytes = *std::move(next);
        }
        const std::string bytes = std::exchange(source->bytes, {});
        source->position += bytes.size();
        return sink.write(bytes.data(), std::min(length, bytes.size()));
      });
}

void Server::PutArtifact(const Request& request, Response& response,
                         const httplib::ContentReader& reader) {
  const bool has_body =
      request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
  const auto drop = [&] {
    if (has_body) reader([](const char*, std::size_t) { return true; });
  };
  if (!Admit(request, response)) {
    drop();
    return;
  }
  const auto digest = ParseDigest(request.matches[1].str());
  if (!digest.ok()) {
    drop();
    Fail(digest.status(), response);
    return;
  }
  if (request.get_header_value(kContentType) == kForm) {
    drop();
    FailWith(415, InvalidArgument("send the bytes themselves, not a form", "CONTENT_TYPE"),
             response);
    return;
  }
  if (!request.has_header("Content-Length")) {
    drop();
    FailWith(411, InvalidArgument("send a Content-Length", "LENGTH_REQUIRED"), response);
    return;
  }
  const auto size = request.get_header_value<uint64_t>("Content-Length");
  const auto writer =
      bridge_.Upload(CallerOf(request), FormatDigest(*digest), static_cast<int64_t>(size));
  bool open = true;
  const bool complete = reader([&](const char* data, std::size_t length) {
    open = open && writer->Write({data, length});
    return true;
  });
  if (!complete) {
    Fail(Cancelled("the body broke off"), response);
    return;
  }
  const auto answer = writer->Finish();
  if (answer.ok()) {
    response.set_content(*answer + "\n", kJson);
  } else {
    Fail(answer.status(), response);
  }
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpOptions& options, Bridge& bridge,
                                                      HttpProbes probes) {
  auto server = std::make_unique<Server>(options, bridge, std::move(probes));
  PENSTOCK_RETURN_IF_ERROR(server->Listen());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace penstock

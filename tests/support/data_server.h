#ifndef PENSTOCK_TESTS_SUPPORT_DATA_SERVER_H_
#define PENSTOCK_TESTS_SUPPORT_DATA_SERVER_H_

// An HTTP or HTTPS server on a free port of the loopback interface that answers GETs as it is told,
// well or badly.

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace penstock {

class DataServer {
 public:
  struct Request {
    std::string target;                               // path and query, as they were sent
    std::multimap<std::string, std::string> headers;  // names in lower case
    std::string header(const std::string& name) const {
      const auto found = headers.find(name);
      return found == headers.end() ? "" : found->second;
    }
  };
  struct Reply {
    int status = 200;
    std::string body = {};
    std::multimap<std::string, std::string> headers = {};
    // More than the body has: the connection is cut where it ends.
    std::size_t length = 0;
    bool stall = false;       // instead of being cut, it stays as it is until the server stops
    bool lengthless = false;  // the end of the connection is the end of the body
  };
  using Handler = std::function<Reply(const Request& request)>;

  // With `certificate` and `key` (PEM files) by TLS.
  explicit DataServer(Handler handler, const std::string& certificate = "",
                      const std::string& key = "")
      : handler_(std::move(handler)), tls_(!certificate.empty()) {
    server_ = tls_ ? std::make_unique<httplib::SSLServer>(certificate.c_str(), key.c_str())
                   : std::make_unique<httplib::Server>();
    server_->Get(".*", [this](const httplib::Request& request, httplib::Response& response) {
      Answer(request, response);
    });
    server_->set_keep_alive_timeout(1);
    port_ = server_->bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    while (!server_->is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ~DataServer() {
    stopping_ = true;
    server_->stop();
    thread_.join();
  }
  DataServer(const DataServer&) = delete;
  DataServer& operator=(const DataServer&) = delete;

  int port() const { return port_; }
  std::string url(const std::string& target = "/") const {
    return (tls_ ? "https" : "http") + std::string("://127.0.0.1:") + std::to_string(port_) +
           target;
  }
  std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void Answer(const httplib::Request& given, httplib::Response& response) {
    // Ranges are the handler's business.
    const_cast<httplib::Request&>(given).ranges.clear();
    Request request{given.target, {}};
    for (const auto& [name, value] : given.headers) {
      std::string lower = name;
      for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      // What the library adds of its own.
      if (lower != "remote_addr" && lower != "remote_port" && lower != "local_addr" &&
          lower != "local_port") {
        request.headers.emplace(std::move(lower), value);
      }
    }
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const Reply reply = handler_(request);
    response.status = reply.status;
    for (const auto& [name, value] : reply.headers) response.set_header(name, value);
    const auto type = reply.headers.find("Content-Type");
    const std::string kind =
        type == reply.headers.end() ? "application/octet-stream" : type->second;
    if (reply.lengthless) {
      response.set_header("Connection", "close");
      response.set_content_provider(kind, [reply](std::size_t, httplib::DataSink& sink) {
        sink.write(reply.body.data(), reply.body.size());
        sink.done();
        return true;
      });
    } else if (reply.length > reply.body.size()) {
      response.set_content_provider(
          reply.length, kind,
          [this, reply](std::size_t offset, std::size_t, httplib::DataSink& sink) {
            if (offset < reply.body.size()) {
              return sink.write(reply.body.data() + offset, reply.body.size() - offset);
            }
            while (reply.stall && !stopping_ && sink.is_writable()) {
              std::this_thread::sleep_for(std::chrono::milliseconds(5));
            }
            return false;
          });
    } else {
      response.set_content(reply.body, kind);
    }
  }

  const Handler handler_;
  const bool tls_;
  std::unique_ptr<httplib::Server> server_;
  int port_ = 0;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
};

}  // namespace penstock

#endif  // PENSTOCK_TESTS_SUPPORT_DATA_SERVER_H_

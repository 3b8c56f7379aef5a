#ifndef PENSTOCK_TESTS_SUPPORT_WEBHOOK_H_
#define PENSTOCK_TESTS_SUPPORT_WEBHOOK_H_

// An HTTP server on a free port of the loopback interface that keeps what is posted to it.

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace penstock {

class Webhook {
 public:
  struct Request {
    std::string path;
    std::string body;
    std::multimap<std::string, std::string> headers;
    std::string header(const std::string& name) const {
      const auto found = headers.find(name);
      return found == headers.end() ? "" : found->second;
    }
  };

  Webhook() {
    server_.Post(".*", [this](const httplib::Request& request, httplib::Response& response) {
      int status = 200;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(
            {request.path, request.body, {request.headers.begin(), request.headers.end()}});
        if (!answers_.empty()) {
          status = answers_.front();
          answers_.pop_front();
        }
      }
      // 0: no answer until the server stops.
      while (status == 0 && !stopping_) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      response.status = status == 0 ? 500 : status;
      response.set_content(status == 200 ? "ok" : "no room for it", "text/plain");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ~Webhook() {
    stopping_ = true;
    server_.stop();
    thread_.join();
  }

  std::string url(const std::string& path = "/hook") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  // The next requests are answered with these; those after them with 200.
  void Answer(const std::vector<int>& statuses) {
    const std::lock_guard lock(mutex_);
    answers_.assign(statuses.begin(), statuses.end());
  }
  std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::deque<int> answers_;
};

}  // namespace penstock

#endif  // PENSTOCK_TESTS_SUPPORT_WEBHOOK_H_

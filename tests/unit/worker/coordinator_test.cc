#include "worker/agent/coordinator.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/file.h"
#include "tests/unit/worker/eventually.h"
#include "tests/unit/worker/fake_coordinator.h"

namespace penstock {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A way to a server that can be lost as a pulled cable loses it: nothing arrives any more, and
// nobody hears that.
class Cable {
 public:
  explicit Cable(const std::string& to) : port_to_(std::stoi(to.substr(to.rfind(':') + 1))) {
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_.get(), 8), 0);
    EXPECT_EQ(getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Carry(); });
  }
  ~Cable() {
    ended_ = true;
    thread_.join();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  void Pull() { pulled_ = true; }

 private:
  struct Pair {
    UniqueFd client;
    UniqueFd server;
  };

  void Accept() {
    Pair pair;
    pair.client = UniqueFd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    pair.server = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = Loopback(port_to_);
    EXPECT_EQ(
        connect(pair.server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    pairs_.push_back(std::move(pair));
  }
  static bool Move(const UniqueFd& from, const UniqueFd& to) {
    char buffer[16 << 10];
    const ssize_t count = read(from.get(), buffer, sizeof buffer);
    return count > 0 &&
           send(to.get(), buffer, static_cast<std::size_t>(count), MSG_NOSIGNAL) == count;
  }
  void Carry() {
    while (!ended_) {
      std::vector<pollfd> fds = {{listener_.get(), POLLIN, 0}};
      for (const Pair& pair : pairs_) {
        fds.push_back({pair.client.get(), POLLIN, 0});
        fds.push_back({pair.server.get(), POLLIN, 0});
      }
      if (poll(fds.data(), pulled_ ? 0 : fds.size(), 20) <= 0 || pulled_) continue;
      for (std::size_t i = pairs_.size(); i-- > 0;) {
        const bool open =
            (fds[2 * i + 1].revents == 0 || Move(pairs_[i].client, pairs_[i].server)) &&
            (fds[2 * i + 2].revents == 0 || Move(pairs_[i].server, pairs_[i].client));
        if (!open) pairs_.erase(pairs_.begin() + static_cast<std::ptrdiff_t>(i));
      }
      if (fds[0].revents != 0) Accept();
    }
  }

  const int port_to_;
  int port_ = 0;
  UniqueFd listener_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::vector<Pair> pairs_;  // the thread's
  std::atomic<bool> pulled_{false};
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

// A download has no deadline, and a parked call has nothing to send: the pings notice.
TEST(CoordinatorTest, ACallOnALostConnectionEnds) {
  FakeCoordinator fake;
  Cable cable(fake.address());
  WorkerConfig config;
  config.coordinator = cable.address();
  const auto coordinator = *Coordinator::Connect(
      config,
      {.every = std::chrono::milliseconds(100), .patience = std::chrono::milliseconds(100)});
  fake.HoldDownloads(true);
  const auto context = coordinator->Context(Micros(0));
  v1::DownloadBlobRequest request;
  request.set_digest(fake.AddBlob("x"));
  const auto reader = coordinator->artifacts().DownloadBlob(context.get(), request);
  ASSERT_TRUE(Eventually([&] { return fake.downloads() == 1; }));
  cable.Pull();
  v1::DownloadBlobResponse chunk;
  EXPECT_FALSE(reader->Read(&chunk));
  EXPECT_EQ(Coordinator::Translate(reader->Finish()).code(), StatusCode::kUnavailable);
}

// The pings of a connection that works do no harm.
TEST(CoordinatorTest, ALongCallOutlivesManyPings) {
  FakeCoordinator fake;
  WorkerConfig config;
  config.coordinator = fake.address();
  const auto coordinator = *Coordinator::Connect(
      config, {.every = std::chrono::milliseconds(20), .patience = std::chrono::seconds(10)});
  fake.HoldDownloads(true);
  const auto context = coordinator->Context(Micros(0));
  v1::DownloadBlobRequest request;
  request.set_digest(fake.AddBlob("late"));
  const auto reader = coordinator->artifacts().DownloadBlob(context.get(), request);
  std::thread release([&] {
    EXPECT_TRUE(coordinator->Pause(std::chrono::milliseconds(300)));
    fake.HoldDownloads(false);
  });
  v1::DownloadBlobResponse chunk;
  EXPECT_TRUE(reader->Read(&chunk));
  EXPECT_EQ(chunk.data(), "late");
  release.join();
  EXPECT_FALSE(reader->Read(&chunk));
  EXPECT_TRUE(reader->Finish().ok());
}

}  // namespace
}  // namespace penstock

#include "tests/fuzz/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>

#include "base/log.h"
#include "base/text.h"
#include "tests/fuzz/fuzz.h"

namespace penstock::fuzz {
namespace {

// Where syncing costs nothing, if there is such a place: durability is not what is looked at.
std::filesystem::path Scratch() {
  const std::filesystem::path memory = "/dev/shm";
  return access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
}

int Open(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience = {.tv_sec = 45, .tv_usec = 0};
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  FUZZ_EXPECT(connected, std::string("the server takes no connection: ") + std::strerror(errno));
  return fd;
}

std::string HeaderOf(std::string_view headers, std::string_view name) {
  for (const std::string& line : Split(headers, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string::npos || colon != name.size()) continue;
    const bool same = std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) {
      return std::tolower(static_cast<unsigned char>(a)) ==
             std::tolower(static_cast<unsigned char>(b));
    });
    if (same) return std::string(Trim(std::string_view(line).substr(colon + 1)));
  }
  return {};
}

// The chunks joined; nullopt: they are not whole yet.
std::optional<std::string> Unchunked(std::string_view bytes) {
  std::string body;
  while (true) {
    const auto end = bytes.find("\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    std::size_t size = 0;
    std::from_chars(bytes.data(), bytes.data() + end, size, 16);
    bytes.remove_prefix(end + 2);
    if (size == 0) return body;
    if (bytes.size() < size + 2) return std::nullopt;
    body += bytes.substr(0, size);
    bytes.remove_prefix(size + 2);
  }
}

// Whether `bytes` hold a whole answer.
bool IsWhole(std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  const std::string_view headers = bytes.substr(0, end);
  const std::string_view body = bytes.substr(end + 4);
  if (HeaderOf(headers, "Transfer-Encoding") == "chunked") return Unchunked(body).has_value();
  const std::string length = HeaderOf(headers, "Content-Length");
  return body.size() >= std::strtoull(length.c_str(), nullptr, 10);
}

}  // namespace

Loopback& Loopback::Get() {
  static Loopback loopback;
  return loopback;
}

Loopback::Loopback() : folder_(*TempFolder::Make(Scratch())) {
  spdlog::set_level(spdlog::level::off);
  ServerConfig config;
  config.data_dir = (folder_.path() / "data").string();
  config.grpc_address = {"127.0.0.1", 0};
  config.http_address = {"127.0.0.1", 0};
  auto started = Daemon::Start(config);
  FUZZ_EXPECT(started.ok(), started.status().ToString());
  daemon_ = *std::move(started);
  port_ = ParseHostPort(daemon_->http_address())->port;
}

void Loopback::Connect() {
  kept_ = UniqueFd(Open(port_));
}

std::string Loopback::Exchange(std::string_view bytes) {
  const UniqueFd fd(Open(port_));
  while (!bytes.empty()) {
    const ssize_t sent = send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) break;  // it has heard enough
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  shutdown(fd.get(), SHUT_WR);
  std::string answer;
  char buffer[16 << 10];
  while (true) {
    const ssize_t count = recv(fd.get(), buffer, sizeof buffer, 0);
    FUZZ_EXPECT(count >= 0 || errno == ECONNRESET, "the server neither answers nor closes");
    if (count <= 0) return answer;
    answer.append(buffer, static_cast<std::size_t>(count));
  }
}

HttpAnswer Loopback::Ask(const std::string& method, const std::string& path,
                         std::string_view body) {
  std::string request = method + " " + path +
                        " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        "Content-Length: " +
                        std::to_string(body.size()) + "\r\n\r\n";
  request += body;
  for (int attempt = 0;; ++attempt) {
    if (!kept_.valid()) Connect();
    std::string_view rest = request;
    while (!rest.empty()) {
      const ssize_t sent = send(kept_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    std::string answer;
    char buffer[64 << 10];
    while (!IsWhole(answer)) {
      const ssize_t count = recv(kept_.get(), buffer, sizeof buffer, 0);
      FUZZ_EXPECT(count >= 0 || errno == ECONNRESET, "no answer to " + path);
      if (count <= 0) break;
      answer.append(buffer, static_cast<std::size_t>(count));
    }
    // A connection that asked nothing for two seconds is closed by the server.
    if (answer.empty() && attempt == 0) {
      kept_.Close();
      continue;
    }
    const HttpAnswer parsed = ParseAnswer(answer);
    if (parsed.status == 0 || HeaderOf(parsed.headers, "Connection") == "close") kept_.Close();
    return parsed;
  }
}

Json Loopback::Call(const std::string& method, const Json& request) {
  const HttpAnswer answer = Ask("POST", "/v1/" + method, DumpJson(request));
  if (answer.status != 200) return nullptr;
  return ParseJson(answer.body, {.max_bytes = 64 << 20, .max_depth = 200}).value_or(Json());
}

void Loopback::ExpectAlive() {
  const HttpAnswer ready = Ask("GET", "/readyz", "");
  FUZZ_EXPECT(ready.status == 200, "the coordinator is not ready: " + ready.body);
}

HttpAnswer ParseAnswer(std::string_view bytes) {
  HttpAnswer answer;
  if (bytes.empty()) return answer;
  FUZZ_EXPECT(bytes.starts_with("HTTP/1.1 ") && bytes.size() > 12, std::string(bytes));
  std::from_chars(bytes.data() + 9, bytes.data() + 12, answer.status);
  FUZZ_EXPECT(answer.status >= 100 && answer.status < 600, std::string(bytes));
  const auto end = bytes.find("\r\n\r\n");
  FUZZ_EXPECT(end != std::string_view::npos, std::string(bytes));
  answer.headers = bytes.substr(0, end);
  const std::string_view rest = bytes.substr(end + 4);
  if (HeaderOf(answer.headers, "Transfer-Encoding") == "chunked") {
    answer.body = Unchunked(rest).value_or("");
  } else {
    const std::string length = HeaderOf(answer.headers, "Content-Length");
    answer.body = rest.substr(0, std::strtoull(length.c_str(), nullptr, 10));
  }
  return answer;
}

void ExpectReadable(const HttpAnswer& answer) {
  if (answer.status < 400 || answer.body.empty()) return;
  FUZZ_EXPECT(IsUtf8(answer.body), answer.body);
  if (answer.status == 503) return;  // readyz speaks plain text
  const Result<Json> error = ParseJson(answer.body);
  FUZZ_EXPECT(error.ok(), answer.headers + "\n" + answer.body);
  FUZZ_EXPECT(!JsonString(*error, "message").empty(), answer.body);
  const std::string code = JsonString(*error, "code");
  FUZZ_EXPECT(!code.empty() && code != "INTERNAL" && code != "UNKNOWN" && answer.status != 500,
              answer.body);
}

}  // namespace penstock::fuzz

#include "steps/http/network.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace penstock {
namespace {

// What a network is, as far as reaches tell them apart.
enum class Network { kPublic, kPrivate, kLoopback, kLinkLocal };

struct Block {
  uint32_t first;
  int bits;
  Network network;
};

constexpr uint32_t Ip(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// IANA's registry of special-purpose addresses. Those at which clouds keep their metadata count as
// link-local, wherever they lie; those that mean no one host do, too.
constexpr Block kBlocks[] = {
    {Ip(169, 254, 0, 0), 16, Network::kLinkLocal},
    {Ip(100, 100, 100, 200), 32, Network::kLinkLocal},  // Alibaba's metadata
    {Ip(168, 63, 129, 16), 32, Network::kLinkLocal},    // Azure's
    {Ip(192, 0, 0, 192), 32, Network::kLinkLocal},      // Oracle's
    {Ip(224, 0, 0, 0), 3, Network::kLinkLocal},         // multicast, reserved, broadcast
    {Ip(127, 0, 0, 0), 8, Network::kLoopback},
    {Ip(0, 0, 0, 0), 8, Network::kLoopback},  // 0.0.0.0 is this machine
    {Ip(10, 0, 0, 0), 8, Network::kPrivate},
    {Ip(172, 16, 0, 0), 12, Network::kPrivate},
    {Ip(192, 168, 0, 0), 16, Network::kPrivate},
    {Ip(100, 64, 0, 0), 10, Network::kPrivate},
    {Ip(192, 0, 0, 0), 24, Network::kPrivate},
    {Ip(198, 18, 0, 0), 15, Network::kPrivate},
};

Network NetworkOf4(uint32_t address) {
  for (const Block& block : kBlocks) {
    const uint32_t mask = ~uint32_t{0} << (32 - block.bits);
    if ((address & mask) == block.first) return block.network;
  }
  return Network::kPublic;
}

uint32_t Read4(const uint8_t* bytes) {
  return Ip(bytes[0], bytes[1], bytes[2], bytes[3]);
}

Network NetworkOf6(const in6_addr& address) {
  const uint8_t* bytes = address.s6_addr;
  const auto begins = [&](std::initializer_list<uint8_t> with) {
    return std::equal(with.begin(), with.end(), bytes);
  };
  if (IN6_IS_ADDR_LOOPBACK(&address) || IN6_IS_ADDR_UNSPECIFIED(&address))
    return Network::kLoopback;
  if (IN6_IS_ADDR_V4MAPPED(&address) || IN6_IS_ADDR_V4COMPAT(&address)) {
    return NetworkOf4(Read4(bytes + 12));
  }
  if (begins({0x00, 0x64, 0xff, 0x9b})) return NetworkOf4(Read4(bytes + 12));  // NAT64
  if (begins({0x20, 0x02})) return NetworkOf4(Read4(bytes + 2));               // 6to4
  // fd00:ec2::/32 is where Amazon keeps metadata, fd20:ce::/32 where Google does.
  if (begins({0xfd, 0x00, 0x0e, 0xc2}) || begins({0xfd, 0x20, 0x00, 0xce})) {
    return Network::kLinkLocal;
  }
  if ((bytes[0] & 0xfe) == 0xfc) return Network::kPrivate;  // unique local
  if (bytes[0] == 0xfe || bytes[0] == 0xff) return Network::kLinkLocal;
  return Network::kPublic;
}

std::optional<Network> NetworkOf(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    return NetworkOf4(ntohl(v4.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    return NetworkOf6(v6.sin6_addr);
  }
  return std::nullopt;
}

using Found = Result<std::vector<std::string>>;

Found Resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &list); error != 0) {
    return Unavailable("cannot find " + host + ": " + gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, freeaddrinfo);
  std::vector<std::string> addresses;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    std::string text = AddressText(each->ai_addr);
    if (!text.empty()) addresses.push_back(std::move(text));
  }
  if (addresses.empty()) return Unavailable("cannot find " + host + ": it has no address");
  return addresses;
}

}  // namespace

bool MayConnect(Reach reach, const sockaddr* address) {
  const std::optional<Network> network = NetworkOf(address);
  if (!network) return false;
  switch (*network) {
    case Network::kPublic:
      return reach >= Reach::kPublic;
    case Network::kPrivate:
      return reach >= Reach::kPrivate;
    case Network::kLoopback:
      return reach >= Reach::kLoopback;
    case Network::kLinkLocal:
      return reach >= Reach::kNamed;
  }
  return false;
}

std::string AddressText(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  }
  return text.data();
}

Result<std::vector<std::string>> ResolveHost(const std::string& host,
                                             const std::function<bool()>& cancelled) {
  // The resolver cannot be interrupted: its thread is left alone where nobody waits any more.
  auto promise = std::make_shared<std::promise<Found>>();
  std::future<Found> found = promise->get_future();
  std::thread([promise, host] { promise->set_value(Resolve(host)); }).detach();
  while (found.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
    if (cancelled && cancelled()) return Cancelled("cancelled");
  }
  return found.get();
}

bool MayConnectTo(Reach reach, const std::string& address) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    return MayConnect(reach, reinterpret_cast<const sockaddr*>(&v4));
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  return inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1 &&
         MayConnect(reach, reinterpret_cast<const sockaddr*>(&v6));
}

}  // namespace penstock

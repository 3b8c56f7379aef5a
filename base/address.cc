#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace penstock {

bool IsLoopbackHost(std::string_view host) {
  const std::string text(host);
  if (text == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return false;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6);
}

bool StaysOnThisMachine(std::string_view address) {
  if (address.starts_with("unix:")) return true;
  if (address.starts_with('[')) return IsLoopbackHost(address.substr(1, address.find(']') - 1));
  return IsLoopbackHost(address.substr(0, address.rfind(':')));
}

std::string JoinHostPort(std::string_view host, int port) {
  const std::string name(host);
  const bool ipv6 = name.find(':') != std::string::npos;
  return (ipv6 ? "[" + name + "]" : name) + ":" + std::to_string(port);
}

}  // namespace penstock

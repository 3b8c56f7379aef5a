#ifndef PENSTOCK_STEPS_HTTP_NETWORK_H_
#define PENSTOCK_STEPS_HTTP_NETWORK_H_

// Which network addresses a step may connect to. Judged by the address that a name turned out to
// have, right before the connection is made, so that no name server can lead elsewhere. Pure, but
// for ResolveHost.

#include <sys/socket.h>

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/model/source_address.h"

namespace penstock {

// Whether a connection to `address` is within `reach`. Addresses of IPv4 in IPv6's clothes
// (mapped, NAT64, 6to4) are taken for what they stand for. What is neither IPv4 nor IPv6 never is.
bool MayConnect(Reach reach, const sockaddr* address);

// "127.0.0.1", "fe80::1"; empty for other families.
std::string AddressText(const sockaddr* address);

// The addresses of a host, as text, in the resolver's order. kUnavailable: none; kCancelled within
// a tenth of a second, though the resolver still works.
Result<std::vector<std::string>> ResolveHost(const std::string& host,
                                             const std::function<bool()>& cancelled);
// MayConnect for an address as text.
bool MayConnectTo(Reach reach, const std::string& address);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_HTTP_NETWORK_H_

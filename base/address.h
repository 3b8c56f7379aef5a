#ifndef PENSTOCK_BASE_ADDRESS_H_
#define PENSTOCK_BASE_ADDRESS_H_

// Addresses as "host:port", and which are this machine's own: there, no TLS and no token are needed.

#include <string>
#include <string_view>

namespace penstock {

// "localhost", 127.0.0.0/8, ::1 and ::ffff:127.0.0.0/8.
bool IsLoopbackHost(std::string_view host);

// Whether what is sent to "host:port", "[::1]:port" or "unix:…" stays on this machine. An address
// in one of gRPC's other forms ("dns:///host") counts as far away: nobody needs it for this machine.
bool StaysOnThisMachine(std::string_view address);

// "host:port"; "[::1]:port" for an IPv6 address.
std::string JoinHostPort(std::string_view host, int port);

}  // namespace penstock

#endif  // PENSTOCK_BASE_ADDRESS_H_

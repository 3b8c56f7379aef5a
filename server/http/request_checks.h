#ifndef PENSTOCK_SERVER_HTTP_REQUEST_CHECKS_H_
#define PENSTOCK_SERVER_HTTP_REQUEST_CHECKS_H_

// What a request must be before anything looks at it. Pure.

#include <optional>
#include <string>

#include "base/status.h"

namespace penstock {

struct RequestFacts {
  std::string host;                   // the Host header
  std::optional<std::string> origin;  // the Origin header
  std::string fetch_site;             // the Sec-Fetch-Site header
  bool has_token = false;
  bool tls = false;
};

// kPermissionDenied (CROSS_ORIGIN): a page of another site made a browser ask. A caller without a
// token must also have asked for a name of this machine: else another site's name, pointed at
// 127.0.0.1, would make its pages same-origin.
Status CheckOrigin(const RequestFacts& facts);

// Whether gRPC takes it as metadata: visible characters of ASCII, and blanks. It ends the process over
// any other.
bool IsMetadataText(std::string_view text);

// "application/json", with or without parameters; case does not matter.
bool IsJsonContentType(const std::string& content_type);

// gRPC's name of a peer: "ipv4:127.0.0.1:40312", "ipv6:[::1]:40312".
std::string PeerName(const std::string& address, int port);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_HTTP_REQUEST_CHECKS_H_

#include "server/http/request_checks.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace penstock {
namespace {

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// "[::1]:7071" → "::1", "localhost:7071" → "localhost".
std::string HostName(const std::string& host) {
  if (host.rfind('[', 0) == 0) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

bool IsDottedQuad(const std::string& name) {
  return !name.empty() && name.find_first_not_of("0123456789.") == std::string::npos &&
         std::count(name.begin(), name.end(), '.') == 3;
}

bool IsThisMachine(const std::string& host) {
  const std::string name = Lower(HostName(host));
  return name == "localhost" || name == "::1" || (name.rfind("127.", 0) == 0 && IsDottedQuad(name));
}

}  // namespace

Status CheckOrigin(const RequestFacts& facts) {
  if (facts.origin) {
    const std::string own = std::string(facts.tls ? "https://" : "http://") + facts.host;
    if (Lower(*facts.origin) != Lower(own)) {
      return PermissionDenied("requests from pages of other sites are refused (Origin: " +
                                  TruncateUtf8(*facts.origin, 200) + ")",
                              "CROSS_ORIGIN");
    }
  }
  if (facts.fetch_site == "cross-site" || facts.fetch_site == "same-site") {
    return PermissionDenied("requests from pages of other sites are refused", "CROSS_ORIGIN");
  }
  if (!facts.has_token && !facts.host.empty() && !IsThisMachine(facts.host)) {
    return PermissionDenied("without a token, ask for localhost or 127.0.0.1 (Host: " +
                                TruncateUtf8(facts.host, 200) + ")",
                            "CROSS_ORIGIN");
  }
  return Status::Ok();
}

bool IsMetadataText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool IsJsonContentType(const std::string& content_type) {
  const std::string type = Lower(content_type.substr(0, content_type.find(';')));
  return Trim(type) == "application/json";
}

std::string PeerName(const std::string& address, int port) {
  if (address.find(':') != std::string::npos) {
    return "ipv6:[" + address + "]:" + std::to_string(port);
  }
  return "ipv4:" + address + ":" + std::to_string(port);
}

}  // namespace penstock

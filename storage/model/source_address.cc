#include "storage/model/source_address.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.h"

namespace penstock {
namespace {

constexpr std::string_view kAnyHost = "*";
constexpr std::string_view kAnyDomain = "*.";
constexpr int kAnyPort = -1;
constexpr int kLastPort = 65'535;
constexpr std::size_t kMaxAddressBytes = 4'096;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// "https" of "HTTPS://…"; empty where it is none of the known.
std::string SchemeOf(std::string_view text) {
  const auto end = text.find("://");
  if (end == std::string_view::npos) return {};
  std::string scheme = Lower(text.substr(0, end));
  if (scheme == "postgres") return "postgresql";
  const bool known =
      scheme == "http" || scheme == "https" || scheme == "s3" || scheme == "postgresql";
  return known ? scheme : std::string();
}

int PortOf(std::string_view scheme) {
  if (scheme == "http") return 80;
  if (scheme == "https") return 443;
  return scheme == "postgresql" ? 5432 : 0;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string PercentDecoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
        HexDigit(text[i + 2]) >= 0) {
      out += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// Whether a server may take a part of the path for a step up, however it is written.
bool Climbs(std::string_view path) {
  std::string decoded = PercentDecoded(path);
  std::replace(decoded.begin(), decoded.end(), '\\', '/');
  for (const std::string& part : Split(decoded, '/')) {
    if (part == "." || part == "..") return true;
  }
  return false;
}

bool HasControls(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// Parameters by which servers know whoever signed an address, or sent a token in it.
bool HoldsCredential(std::string_view query) {
  static const std::vector<std::string> kNames = {"x-amz-signature",
                                                  "x-amz-credential",
                                                  "x-amz-security-token",
                                                  "x-goog-signature",
                                                  "x-goog-credential",
                                                  "awsaccesskeyid",
                                                  "signature",
                                                  "sig",
                                                  "token",
                                                  "access_token",
                                                  "api_key",
                                                  "apikey",
                                                  "key",
                                                  "password",
                                                  "passwd",
                                                  "pwd",
                                                  "secret",
                                                  "auth"};
  for (const std::string& pair : Split(std::string(query), '&')) {
    const std::string name = Lower(PercentDecoded(pair.substr(0, pair.find('='))));
    if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) return true;
  }
  return false;
}

// An address or a rule, taken apart; nothing of it is judged but its shape.
struct Parts {
  SourceAddress address;
  bool has_user = false;
  std::string port;  // as written
};

std::optional<Parts> TakeApart(std::string_view text) {
  Parts parts;
  SourceAddress& address = parts.address;
  address.scheme = SchemeOf(text);
  if (address.scheme.empty()) return std::nullopt;
  std::string_view rest = text.substr(text.find("://") + 3);
  // Keys may hold ? and #.
  if (address.scheme != "s3") {
    rest = rest.substr(0, rest.find('#'));
    if (const auto mark = rest.find('?'); mark != std::string_view::npos) {
      address.query = rest.substr(mark + 1);
      rest = rest.substr(0, mark);
    }
  }
  const auto slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) address.path = rest.substr(slash);
  if (address.scheme == "s3") {
    if (!address.path.empty()) address.path.erase(0, 1);
    address.host = authority;
    return parts;
  }
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    parts.has_user = true;
    authority = authority.substr(at + 1);
  }
  const auto bracket = authority.find(']');
  const auto colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) parts.port = authority.substr(colon + 1);
  std::string_view host = authority.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  address.host = Lower(host);
  // "host." is "host".
  if (address.host.size() > 1 && address.host.back() == '.' && address.host != kAnyDomain) {
    address.host.pop_back();
  }
  if (address.scheme == "postgresql") {
    if (!address.path.empty()) address.path.erase(0, 1);
  } else if (address.path.empty()) {
    address.path = "/";
  }
  return parts;
}

Result<int> ReadPort(const Parts& parts) {
  if (parts.port.empty()) return PortOf(parts.address.scheme);
  int port = 0;
  const char* end = parts.port.data() + parts.port.size();
  const auto [stop, error] = std::from_chars(parts.port.data(), end, port);
  if (error != std::errc() || stop != end || port < 1 || port > kLastPort) {
    return InvalidArgument("has no port from 1 to 65535 behind its host");
  }
  return port;
}

bool IsBucket(std::string_view bucket) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  };
  return bucket.size() >= 3 && bucket.size() <= 63 &&
         std::all_of(bucket.begin(), bucket.end(), plain) && bucket.front() != '.' &&
         bucket.front() != '-' && bucket.back() != '.' && bucket.back() != '-' &&
         bucket.find("..") == std::string_view::npos;
}

bool IsHost(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_' ||
           c == ':' || static_cast<unsigned char>(c) >= 0x80;
  });
}

// Numbers and points, or colons: no name that somebody else's server turns into an address.
bool IsNetworkAddress(std::string_view host) {
  return host.find(':') != std::string_view::npos ||
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool Matches(const SourceAddress& rule, const SourceAddress& address) {
  if (rule.scheme != address.scheme) return false;
  if (rule.port != kAnyPort && rule.port != address.port) return false;
  if (rule.host.starts_with(kAnyDomain)) {
    if (!address.host.ends_with(std::string_view(rule.host).substr(1))) return false;
  } else if (rule.host != kAnyHost && rule.host != address.host) {
    return false;
  }
  // Keys are no paths: they are compared as they are.
  const bool plain = rule.scheme == "s3";
  const std::string below = plain ? rule.path : PercentDecoded(rule.path);
  const std::string path = plain ? address.path : PercentDecoded(address.path);
  if (!path.starts_with(below)) return false;
  return below.empty() || below.back() == '/' || path.size() == below.size() ||
         path[below.size()] == '/';
}

Reach ReachOfRule(const SourceAddress& rule) {
  if (rule.scheme == "s3") return Reach::kPrivate;
  if (rule.host == kAnyHost) return Reach::kPublic;
  if (rule.host.starts_with(kAnyDomain)) return Reach::kPrivate;
  return IsNetworkAddress(rule.host) ? Reach::kNamed : Reach::kLoopback;
}

Result<SourceAddress> ParseRule(const std::string& text) {
  const auto wrong = [&](const std::string& why) {
    return InvalidArgument("\"" + TruncateUtf8(ShownSource(text), 100) + "\" " + why +
                           "; write it as https://data.example/sets, https://*.example.org, "
                           "s3://bucket/prefix or postgresql://host/database");
  };
  std::optional<Parts> parts = TakeApart(text);
  if (!parts) return wrong("is no rule for sources of data");
  SourceAddress& rule = parts->address;
  if (parts->has_user || !rule.query.empty()) return wrong("holds a user or a query");
  const bool wild = rule.host == kAnyHost || rule.host.starts_with(kAnyDomain);
  std::string named = rule.host;
  if (wild && rule.scheme != "s3") named.erase(0, std::min(named.size(), kAnyDomain.size()));
  const bool good = rule.scheme == "s3" ? rule.host == kAnyHost || IsBucket(rule.host)
                                        : (rule.host == kAnyHost || IsHost(named));
  if (!good) return wrong("names no host");
  if (rule.scheme != "s3" && Climbs(rule.path)) return wrong("climbs out of its folder");
  if (parts->port == kAnyHost) {
    rule.port = kAnyPort;
  } else if (const Result<int> port = ReadPort(*parts); port.ok()) {
    rule.port = *port;
  } else {
    return wrong(port.status().message());
  }
  return rule;
}

}  // namespace

bool IsRemoteSource(std::string_view text) {
  return !SchemeOf(text).empty();
}

bool IsDatasetSource(std::string_view text) {
  return text.starts_with("file:///") || (IsRemoteSource(text) && SchemeOf(text) != "postgresql");
}

Result<SourceAddress> ParseSourceAddress(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return InvalidArgument("\"" + TruncateUtf8(ShownSource(text), 200) + "\" " + std::string(why));
  };
  std::optional<Parts> parts = TakeApart(text);
  if (!parts) {
    return wrong(
        "is no address of data; write https://…, s3://bucket/key or "
        "postgresql://host/database");
  }
  SourceAddress& address = parts->address;
  if (text.size() > kMaxAddressBytes) return wrong("is longer than 4096 bytes");
  if (HasControls(text)) return wrong("holds a control character");
  if (address.scheme == "s3") {
    if (!IsBucket(address.host)) {
      return wrong(
          "names no bucket (3 to 63 letters, digits, . - _): write s3://bucket/key, or "
          "s3://bucket/prefix/ for a folder");
    }
    return address;
  }
  if (parts->has_user) {
    return wrong(std::string("holds a user or password, which would be stored and shown; keep it "
                             "as a secret and give it to a step of type import (")
                     .append(address.scheme == "postgresql" ? "user, password" : "headers")
                     .append(")"));
  }
  if (!IsHost(address.host)) return wrong("names no host");
  PENSTOCK_ASSIGN_OR_RETURN(const int port, ReadPort(*parts));
  address.port = port;
  if (address.scheme == "postgresql") {
    if (address.path.empty()) return wrong("names no database: postgresql://host/database");
    return address;
  }
  if (HoldsCredential(address.query)) {
    return wrong(
        "has a signature, key or token in its query, which would be stored and shown; "
        "keep it as a secret and give it to a step of type import: access_key and "
        "secret_key with s3://, or headers");
  }
  if (Climbs(address.path)) return wrong("has . or .. in its path; write it without");
  return address;
}

std::string ShownSource(std::string_view text) {
  const std::string scheme = SchemeOf(text);
  if (scheme.empty() || scheme == "s3") return std::string(text);
  std::string_view rest = text.substr(text.find("://") + 3);
  rest = rest.substr(0, rest.find_first_of("?#"));
  const std::string_view authority = rest.substr(0, rest.find('/'));
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    rest.remove_prefix(at + 1);
  }
  return std::string(scheme).append("://").append(rest);
}

std::string SourceToRead(const Json& parameters) {
  const std::string uri = JsonString(parameters, "uri");
  const std::string endpoint = JsonString(parameters, "endpoint");
  if (uri.find("${") != std::string::npos || endpoint.find("${") != std::string::npos) return {};
  const Result<SourceAddress> address = ParseSourceAddress(uri);
  if (!address.ok()) return {};
  if (address->scheme != "s3" || endpoint.empty()) return ShownSource(uri);
  std::string whole = ShownSource(endpoint);
  while (whole.ends_with('/')) whole.pop_back();
  whole.append("/").append(address->host).append("/");
  // As the path of a URL, where % and its like mean something else.
  for (const char c : address->path) {
    const bool plain = c != '%' && c != '?' && c != '#' && c != '\\';
    constexpr std::string_view kHex = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      whole += c;
    } else {
      whole.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return whole;
}

Status CheckSourceRule(const std::string& rule) {
  return ParseRule(rule).status();
}

Reach ReachOf(const std::vector<std::string>& rules, std::string_view address) {
  const Result<SourceAddress> parsed = ParseSourceAddress(address);
  if (!parsed.ok()) return Reach::kNone;
  Reach reach = Reach::kNone;
  for (const std::string& text : rules) {
    const Result<SourceAddress> rule = ParseRule(text);
    if (rule.ok() && Matches(*rule, *parsed)) reach = std::max(reach, ReachOfRule(*rule));
  }
  return reach;
}

}  // namespace penstock

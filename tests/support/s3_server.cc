#include "tests/support/s3_server.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/digest.h"
#include "base/text.h"

namespace penstock {
namespace {

using Reply = DataServer::Reply;
using Request = DataServer::Request;

std::string Hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::string Hmac(const std::string& key, const std::string& text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out, &size);
  return {reinterpret_cast<char*>(out), size};
}

std::string HexSha256(const std::string& text) {
  unsigned char out[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out);
  return Hex({reinterpret_cast<char*>(out), sizeof out});
}

std::string Decoded(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// UriEncode of Amazon's description.
std::string UriEncode(const std::string& text, bool slash) {
  std::string out;
  char code[8];
  for (const char c : text) {
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
        c == '-' || c == '~' || c == '.' || (c == '/' && !slash)) {
      out += c;
    } else {
      std::snprintf(code, sizeof code, "%%%02X",
                    static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += code;
    }
  }
  return out;
}

std::pair<std::string, std::string> PathAndQuery(const std::string& target) {
  const auto mark = target.find('?');
  return {target.substr(0, mark), mark == std::string::npos ? "" : target.substr(mark + 1)};
}

std::map<std::string, std::string> QueryOf(const std::string& target) {
  std::map<std::string, std::string> query;
  for (const std::string& pair : Split(PathAndQuery(target).second, '&')) {
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    query[Decoded(pair.substr(0, equals))] =
        equals == std::string::npos ? "" : Decoded(pair.substr(equals + 1));
  }
  return query;
}

std::string CanonicalQuery(const std::string& target) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [name, value] : QueryOf(target)) {
    pairs.emplace_back(UriEncode(name, true), UriEncode(value, true));
  }
  std::sort(pairs.begin(), pairs.end());
  std::vector<std::string> joined;
  for (const auto& [name, value] : pairs) joined.push_back(name + "=" + value);
  return Join(joined, "&");
}

// "x" of "Name=x, …" in the Authorization header.
std::string Part(const std::string& header, const std::string& name) {
  const auto at = header.find(name + "=");
  if (at == std::string::npos) return {};
  const std::string rest = header.substr(at + name.size() + 1);
  return std::string(Trim(rest.substr(0, rest.find(','))));
}

std::string Collapsed(const std::string& value) {
  std::string out;
  for (const char c : std::string(Trim(value))) {
    if (c != ' ' || out.empty() || out.back() != ' ') out += c;
  }
  return out;
}

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\n') {
      out += "&#10;";
    } else {
      out += c;
    }
  }
  return out;
}

Reply Error(int status, const std::string& code, const std::string& message) {
  return {.status = status,
          .body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code +
                  "</Code><Message>" + Escaped(message) + "</Message></Error>",
          .headers = {{"Content-Type", "application/xml"}}};
}

std::string EtagOf(const std::string& bytes) {
  return "\"" + HexSha256(bytes).substr(0, 32) + "\"";
}

}  // namespace

S3Server::S3Server(Options options)
    : options_(std::move(options)),
      server_([this](const Request& request) { return Answer(request); }) {}

void S3Server::Put(const std::string& key, const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  objects_[key] = bytes;
}

void S3Server::Intercept(DataServer::Handler handler) {
  const std::lock_guard lock(mutex_);
  intercept_ = std::move(handler);
}

std::string S3Server::WhyNotSigned(const Request& request, const std::string& access_key,
                                   const std::string& secret_key, const std::string& region,
                                   const Clock& now) {
  const std::string header = request.header("authorization");
  if (header.empty()) return "AccessDenied";
  if (!header.starts_with("AWS4-HMAC-SHA256 ")) return "InvalidArgument";
  const std::vector<std::string> scope = Split(Part(header, "Credential"), '/');
  if (scope.size() != 5 || scope[3] != "s3" || scope[4] != "aws4_request") {
    return "AuthorizationHeaderMalformed";
  }
  if (scope[0] != access_key) return "InvalidAccessKeyId";
  if (scope[2] != region) return "AuthorizationHeaderMalformed";
  const std::string when = request.header("x-amz-date");
  std::tm parts{};
  if (strptime(when.c_str(), "%Y%m%dT%H%M%SZ", &parts) == nullptr ||
      std::abs(std::difftime(timegm(&parts), now())) > 900 || scope[1] != when.substr(0, 8)) {
    return "RequestTimeTooSkewed";
  }
  const std::string payload = request.header("x-amz-content-sha256");
  if (payload != HexSha256("") && payload != "UNSIGNED-PAYLOAD") return "XAmzContentSHA256Mismatch";
  const std::string names = Part(header, "SignedHeaders");
  const std::vector<std::string> signed_names = Split(names, ';');
  if (!std::is_sorted(signed_names.begin(), signed_names.end())) return "SignatureDoesNotMatch";
  // The host, and all of Amazon's own, must be among them.
  for (const auto& [name, value] : request.headers) {
    if (name != "host" && !name.starts_with("x-amz-")) continue;
    if (std::find(signed_names.begin(), signed_names.end(), name) == signed_names.end()) {
      return "SignatureDoesNotMatch: " + name + " is not signed";
    }
  }
  std::string canonical = "GET\n" + UriEncode(Decoded(PathAndQuery(request.target).first), false) +
                          "\n" + CanonicalQuery(request.target) + "\n";
  for (const std::string& name : signed_names) {
    canonical += name + ":" + Collapsed(request.header(name)) + "\n";
  }
  canonical += "\n" + names + "\n" + payload;
  const std::string to_sign = "AWS4-HMAC-SHA256\n" + when + "\n" + scope[1] + "/" + region +
                              "/s3/aws4_request\n" + HexSha256(canonical);
  const std::string key =
      Hmac(Hmac(Hmac(Hmac("AWS4" + secret_key, scope[1]), region), "s3"), "aws4_request");
  return Hex(Hmac(key, to_sign)) == Part(header, "Signature") ? "" : "SignatureDoesNotMatch";
}

Reply S3Server::Answer(const Request& request) {
  DataServer::Handler intercept;
  {
    const std::lock_guard lock(mutex_);
    intercept = intercept_;
  }
  if (intercept) {
    if (Reply reply = intercept(request); reply.status != 0) return reply;
  }
  if (!options_.access_key.empty()) {
    const std::string why =
        WhyNotSigned(request, options_.access_key, options_.secret_key, options_.region);
    if (!why.empty()) {
      return Error(403, why.substr(0, why.find(':')),
                   "The request signature we calculated does not match: " + why);
    }
    if (request.header("x-amz-security-token") != options_.session_token) {
      return Error(403, "InvalidToken", "The provided token is malformed.");
    }
  } else if (!request.header("authorization").empty()) {
    return Error(403, "InvalidAccessKeyId", "No such key.");
  }
  std::string path = Decoded(PathAndQuery(request.target).first);
  const bool by_host = request.header("host").starts_with(options_.bucket + ".");
  const std::string begin = by_host ? "/" : "/" + options_.bucket + "/";
  if (!path.starts_with(begin)) return Error(404, "NoSuchBucket", "The bucket does not exist.");
  path.erase(0, begin.size());
  const std::map<std::string, std::string> query = QueryOf(request.target);
  return query.contains("list-type") ? List(query) : Get(request, path);
}

Reply S3Server::List(const std::map<std::string, std::string>& query) {
  const auto value = [&](const char* name) {
    const auto found = query.find(name);
    return found == query.end() ? std::string() : found->second;
  };
  const std::string prefix = value("prefix");
  // A token is opaque: here it has characters that must be encoded.
  const std::string token = value("continuation-token");
  const std::string after = token.empty() ? "" : token.substr(2);
  const std::lock_guard lock(mutex_);
  std::string contents;
  std::string last;
  std::size_t count = 0;
  bool more = false;
  for (const auto& [key, bytes] : objects_) {
    if (!key.starts_with(prefix) || (!after.empty() && key <= after)) continue;
    if (count == options_.page) {
      more = true;
      break;
    }
    ++count;
    last = key;
    contents += "<Contents><Key>" + Escaped(key) + "</Key><ETag>" + Escaped(EtagOf(bytes)) +
                "</ETag><Size>" + std::to_string(bytes.size()) + "</Size></Contents>";
  }
  std::string body =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>" +
      options_.bucket + "</Name><KeyCount>" + std::to_string(count) + "</KeyCount><IsTruncated>" +
      (more ? "true" : "false") + "</IsTruncated>" + contents;
  if (more) {
    body += "<NextContinuationToken>+/" + Escaped(last) + "</NextContinuationToken>";
  }
  return {.body = body + "</ListBucketResult>", .headers = {{"Content-Type", "application/xml"}}};
}

Reply S3Server::Get(const Request& request, const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(key);
  if (found == objects_.end()) return Error(404, "NoSuchKey", "The specified key does not exist.");
  const std::string& bytes = found->second;
  const std::string match = request.header("if-match");
  if (!match.empty() && match != EtagOf(bytes)) {
    return Error(412, "PreconditionFailed", "It changed.");
  }
  Reply reply{.body = bytes, .headers = {{"ETag", EtagOf(bytes)}}};
  if (const std::string range = request.header("range"); range.starts_with("bytes=")) {
    const std::size_t first = std::stoul(range.substr(6));
    reply.status = 206;
    reply.body = bytes.substr(first);
    reply.headers.emplace("Content-Range", "bytes " + std::to_string(first) + "-" +
                                               std::to_string(bytes.size() - 1) + "/" +
                                               std::to_string(bytes.size()));
  }
  return reply;
}

}  // namespace penstock

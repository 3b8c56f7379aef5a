#include "server/rpc/page_token.h"

#include <openssl/evp.h>

#include <vector>

#include "base/digest.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr std::size_t kMarkLength = 16;
constexpr std::size_t kMaxTokenLength = 1024;

std::string Mark(std::string_view filter) {
  return Sha256(filter).value().substr(0, kMarkLength);
}

std::string ToBase64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

// Empty where it is not base64.
std::string FromBase64(std::string_view text) {
  if (text.size() % 4 != 0) return {};
  std::string bytes(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  if (length < 0) return {};
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  bytes.resize(static_cast<std::size_t>(length) - padding);
  return bytes;
}

}  // namespace

Result<Page> ReadPage(int page_size, std::string_view page_token, std::string_view filter) {
  Page page;
  if (page_size < 0 || page_size > limits::kMaxPageSize) {
    return InvalidArgument("page.pageSize: must be 1 to " + std::to_string(limits::kMaxPageSize) +
                           ", or 0 for " + std::to_string(limits::kDefaultPageSize));
  }
  page.limit = page_size == 0 ? limits::kDefaultPageSize : page_size;
  if (page_token.empty()) return page;
  const Status malformed = InvalidArgument(
      "page.pageToken: not a token of this server; leave it empty to start from the first page",
      "BAD_PAGE_TOKEN");
  if (page_token.size() > kMaxTokenLength) return malformed;
  const std::string token = FromBase64(page_token);
  if (token.size() <= kMarkLength + 1 || token[kMarkLength] != ':') return malformed;
  if (token.compare(0, kMarkLength, Mark(filter)) != 0) {
    return InvalidArgument(
        "page.pageToken: belongs to a list with other filters; repeat the request unchanged, or "
        "leave the token empty",
        "BAD_PAGE_TOKEN");
  }
  page.after = token.substr(kMarkLength + 1);
  return page;
}

std::string MakePageToken(std::string_view key, std::string_view filter) {
  return ToBase64(Mark(filter) + ":" + std::string(key));
}

}  // namespace penstock

#include "base/digest.h"

#include <openssl/evp.h>

#include "base/check.h"
#include "base/text.h"

namespace penstock {

struct Sha256Hasher::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~Impl() { EVP_MD_CTX_free(context); }
};

Sha256Hasher::Sha256Hasher() : impl_(std::make_unique<Impl>()) {
  PENSTOCK_CHECK(EVP_DigestInit_ex(impl_->context, EVP_sha256(), nullptr) == 1);
}
Sha256Hasher::~Sha256Hasher() = default;
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;

void Sha256Hasher::Update(std::string_view bytes) {
  PENSTOCK_CHECK(EVP_DigestUpdate(impl_->context, bytes.data(), bytes.size()) == 1);
}

Digest Sha256Hasher::Finish() {
  unsigned char raw[32];
  unsigned int size = 0;
  PENSTOCK_CHECK(EVP_DigestFinal_ex(impl_->context, raw, &size) == 1 && size == sizeof raw);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(64);
  for (const unsigned char byte : raw) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return Digest(std::move(hex));
}

Digest Sha256(std::string_view bytes) {
  Sha256Hasher hasher;
  hasher.Update(bytes);
  return hasher.Finish();
}

Result<Digest> ParseDigest(std::string_view text) {
  std::string_view hex = text;
  if (hex.starts_with("sha256:")) hex.remove_prefix(7);
  if (hex.size() != 64 || hex.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return InvalidArgument("\"" + TruncateUtf8(text, 100) +
                           "\" is not a digest; a digest reads sha256: and 64 lower-case "
                           "hexadecimal characters");
  }
  return Digest(std::string(hex));
}

std::string FormatDigest(const Digest& digest) {
  return "sha256:" + digest.value();
}

}  // namespace penstock

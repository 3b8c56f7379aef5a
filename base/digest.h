#ifndef PENSTOCK_BASE_DIGEST_H_
#define PENSTOCK_BASE_DIGEST_H_

// SHA-256 as the address of content.

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/strong_id.h"

namespace penstock {

// 64 lower-case hexadecimal characters; shown to people as "sha256:<hex>".
using Digest = StrongId<struct DigestTag, std::string>;

// Accepts "sha256:<64 hex>" and "<64 hex>"; kInvalidArgument for anything else.
Result<Digest> ParseDigest(std::string_view text);
// "sha256:<hex>".
std::string FormatDigest(const Digest& digest);

// SHA-256 of `bytes`.
Digest Sha256(std::string_view bytes);

// Incremental. Not thread-safe. Finish may be called once.
class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;
  void Update(std::string_view bytes);
  Digest Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock

#endif  // PENSTOCK_BASE_DIGEST_H_

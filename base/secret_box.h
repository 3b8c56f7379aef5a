#ifndef PENSTOCK_BASE_SECRET_BOX_H_
#define PENSTOCK_BASE_SECRET_BOX_H_

// Seals values so that only who has the key can read them, and nobody can change or exchange them:
// AES-256-GCM with a random nonce of 96 bits. What is sealed is bound to a place (its name and
// version), and opens in no other.
//
//   sealed = hexadecimal of: 0x01, id of the key (8), nonce (12), encrypted value, tag (16)
//
// Keys are given, never stored here. Immutable and thread-safe.

#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"

namespace penstock {

class SecretBox {
 public:
  static constexpr std::size_t kKeyBytes = 32;

  // The first key seals; all of them open. PENSTOCK_CHECKs that there is one and each is whole.
  explicit SecretBox(std::vector<std::string> keys);
  ~SecretBox();  // wipes the keys
  SecretBox(const SecretBox&) = delete;
  SecretBox& operator=(const SecretBox&) = delete;

  std::string Seal(std::string_view value, std::string_view place, Random& random) const;
  // kFailedPrecondition (SECRET_UNREADABLE): no key of ours sealed it, or it was made for another
  // place or damaged.
  Result<std::string> Open(std::string_view sealed, std::string_view place) const;
  // Whether the first key sealed it.
  bool SealedByFirst(std::string_view sealed) const;

 private:
  struct Key {
    std::string id;
    std::string bytes;
  };
  std::vector<Key> keys_;
};

// Where a version of a secret stands.
std::string SecretPlace(std::string_view name, int version);

}  // namespace penstock

#endif  // PENSTOCK_BASE_SECRET_BOX_H_

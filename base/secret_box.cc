#include "base/secret_box.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/digest.h"

namespace penstock {
namespace {

constexpr char kFormat = 1;
constexpr std::size_t kIdBytes = 8;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kHeadBytes = 1 + kIdBytes;

struct ContextFree {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, ContextFree>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

std::string ToHex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::optional<std::string> FromHex(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c - 'a' + 10; };
  if (text.size() % 2 != 0 || text.find_first_not_of("0123456789abcdef") != text.npos) return {};
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    bytes += static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1]));
  }
  return bytes;
}

// Tells keys apart, and says nothing of them.
std::string IdOf(const std::string& key) {
  const std::string digest = Sha256("penstock secrets key\n" + key).value();
  return FromHex(std::string_view(digest).substr(0, 2 * kIdBytes)).value_or("");
}

std::string Nonce(Random& random) {
  std::string nonce;
  while (nonce.size() < kNonceBytes) {
    uint64_t bits = random.Next();
    for (int i = 0; i < 8 && nonce.size() < kNonceBytes; ++i, bits >>= 8) {
      nonce += static_cast<char>(bits & 0xff);
    }
  }
  return nonce;
}

Status Unreadable(const std::string& why) {
  return FailedPrecondition("unreadable: " + why, "SECRET_UNREADABLE");
}

}  // namespace

SecretBox::SecretBox(std::vector<std::string> keys) {
  PENSTOCK_CHECK(!keys.empty());
  for (std::string& key : keys) {
    PENSTOCK_CHECK(key.size() == kKeyBytes);
    std::string id = IdOf(key);
    keys_.push_back({std::move(id), std::move(key)});
  }
}

SecretBox::~SecretBox() {
  for (Key& key : keys_) OPENSSL_cleanse(key.bytes.data(), key.bytes.size());
}

std::string SecretBox::Seal(std::string_view value, std::string_view place, Random& random) const {
  const Key& key = keys_.front();
  const std::string nonce = Nonce(random);
  std::string encrypted(value.size(), '\0');
  std::string tag(kTagBytes, '\0');
  const Context context(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool sealed =
      context != nullptr &&
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, Bytes(key.bytes),
                         Bytes(nonce)) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &length, Bytes(place),
                        static_cast<int>(place.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), Bytes(encrypted), &length, Bytes(value),
                        static_cast<int>(value.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), Bytes(encrypted) + length, &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag.data()) == 1;
  PENSTOCK_CHECK(sealed);
  return ToHex(std::string(1, kFormat) + key.id + nonce + encrypted + tag);
}

Result<std::string> SecretBox::Open(std::string_view sealed, std::string_view place) const {
  const std::optional<std::string> bytes = FromHex(sealed);
  if (!bytes || bytes->size() < kHeadBytes + kNonceBytes + kTagBytes || bytes->front() != kFormat) {
    return Unreadable("it is damaged, or another version of this program sealed it");
  }
  const std::string_view all = *bytes;
  const Key* key = nullptr;
  for (const Key& each : keys_) {
    if (each.id == all.substr(1, kIdBytes)) key = &each;
  }
  if (key == nullptr) return Unreadable("the key file is not the one that sealed it");
  const std::string_view nonce = all.substr(kHeadBytes, kNonceBytes);
  const std::string_view encrypted =
      all.substr(kHeadBytes + kNonceBytes, all.size() - kHeadBytes - kNonceBytes - kTagBytes);
  std::string tag(all.substr(all.size() - kTagBytes));
  std::string value(encrypted.size(), '\0');
  const Context context(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool opened =
      context != nullptr &&
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, Bytes(key->bytes),
                         Bytes(nonce)) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &length, Bytes(place),
                        static_cast<int>(place.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), Bytes(value), &length, Bytes(encrypted),
                        static_cast<int>(encrypted.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), Bytes(value) + length, &length) == 1;
  if (!opened) return Unreadable("it was changed, or belongs to another name or version");
  return value;
}

bool SecretBox::SealedByFirst(std::string_view sealed) const {
  return sealed.substr(2, 2 * kIdBytes) == ToHex(keys_.front().id);
}

std::string SecretPlace(std::string_view name, int version) {
  return "penstock secret\n" + std::string(name) + "\n" + std::to_string(version);
}

}  // namespace penstock

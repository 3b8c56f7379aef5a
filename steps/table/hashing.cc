#include "steps/table/hashing.h"

#include <cstddef>

namespace penstock {

Hash128 HashText(std::string_view text) {
  Hash128 hash{0x243f6a8885a308d3U, 0x13198a2e03707344U ^ text.size()};
  for (std::size_t at = 0; at < text.size(); at += 8) {
    const std::size_t size = text.size() - at < 8 ? text.size() - at : 8;
    uint64_t word = 0;
    for (std::size_t i = 0; i < size; ++i) {
      word |= static_cast<uint64_t>(static_cast<unsigned char>(text[at + i])) << (8 * i);
    }
    hash.high = MixBits(hash.high ^ word) + 0xa4093822299f31d0U;
    hash.low = (std::rotl(hash.low, 29) ^ word) * 0x9fb21c651e98df25U;
    hash.low ^= hash.low >> 32;
  }
  hash.high = MixBits(hash.high ^ text.size());
  hash.low = MixBits(hash.low + hash.high);
  return hash;
}

}  // namespace penstock

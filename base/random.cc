#include "base/random.h"

#include <sys/random.h>

#include <bit>

#include "base/check.h"

namespace penstock {
namespace {

class SecureRandom : public Random {
 public:
  uint64_t Next() override {
    // One system call a thread and 32 numbers.
    thread_local std::array<uint64_t, 32> pool;
    thread_local std::size_t left = 0;
    if (left == 0) {
      PENSTOCK_CHECK(getrandom(pool.data(), sizeof pool, 0) == static_cast<ssize_t>(sizeof pool));
      left = pool.size();
    }
    return pool[--left];
  }
};

}  // namespace

Random& Random::Secure() {
  static SecureRandom* const random = new SecureRandom;
  return *random;
}

SeededRandom::SeededRandom(uint64_t seed) {
  for (uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    word = z ^ (z >> 31);
  }
}

uint64_t SeededRandom::Next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::string NewUlid(Time now, Random& random) {
  static constexpr char kAlphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::string text(26, '0');
  uint64_t millis = static_cast<uint64_t>(now.micros / 1'000) & 0xffffffffffff;
  for (int i = 9; i >= 0; --i) {
    text[i] = kAlphabet[millis & 31];
    millis >>= 5;
  }
  const uint64_t high = random.Next();
  const uint64_t low = random.Next();
  for (int i = 0; i < 8; ++i) {
    text[10 + i] = kAlphabet[(high >> (5 * i)) & 31];
    text[18 + i] = kAlphabet[(low >> (5 * i)) & 31];
  }
  return text;
}

std::string RandomHex(int bytes, Random& random) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(static_cast<std::size_t>(bytes) * 2);
  uint64_t word = 0;
  for (int i = 0; i < bytes; ++i) {
    if (i % 8 == 0) word = random.Next();
    text += kDigits[(word >> 4) & 15];
    text += kDigits[word & 15];
    word >>= 8;
  }
  return text;
}

}  // namespace penstock

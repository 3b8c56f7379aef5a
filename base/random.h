#ifndef PENSTOCK_BASE_RANDOM_H_
#define PENSTOCK_BASE_RANDOM_H_

// Random bits behind one seam, and the ids that are made of them. Thread-safe unless said.

#include <array>
#include <cstdint>
#include <string>

#include "base/clock.h"

namespace penstock {

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;
  // Uniform in [0, 1).
  double NextDouble() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

  // The kernel's generator; fit for tokens. Lives for ever.
  static Random& Secure();
};

// xoshiro256** (Blackman and Vigna, 2018), seeded by splitmix64: the same numbers for the same
// seed on every machine. Not thread-safe, not for secrets.
class SeededRandom : public Random {
 public:
  explicit SeededRandom(uint64_t seed);
  uint64_t Next() override;

 private:
  std::array<uint64_t, 4> state_;
};

// A ULID: 48 bits of milliseconds and 80 random bits in 26 characters of Crockford's base 32;
// sorts by time.
std::string NewUlid(Time now, Random& random);
// `bytes` random bytes in lower-case hexadecimal.
std::string RandomHex(int bytes, Random& random);

}  // namespace penstock

#endif  // PENSTOCK_BASE_RANDOM_H_

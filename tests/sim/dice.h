#ifndef PENSTOCK_TESTS_SIM_DICE_H_
#define PENSTOCK_TESTS_SIM_DICE_H_

// Random choices, the same for the same seed.

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"

namespace penstock::sim {

// A seed for what is called `name` below another seed.
inline uint64_t SubSeed(uint64_t seed, std::string_view name) {
  uint64_t hash = 14'695'981'039'346'656'037ull ^ seed;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ull;
  return hash;
}

class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}

  bool Chance(double probability) { return random_.NextDouble() < probability; }
  // 0 to n - 1.
  int Below(int n) { return static_cast<int>(random_.Next() % static_cast<uint64_t>(n)); }
  // Both included.
  int Between(int low, int high) { return low + Below(high - low + 1); }
  double Fraction() { return random_.NextDouble(); }
  template <typename T>
  const T& Pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(Below(static_cast<int>(from.size())))];
  }
  // Between the two, short ones more often: even on a logarithmic scale.
  Micros Time(Micros shortest, Micros longest) {
    const double low = std::log(static_cast<double>(shortest.count()));
    const double high = std::log(static_cast<double>(longest.count()));
    return Micros(static_cast<int64_t>(std::exp(low + (high - low) * Fraction())));
  }
  uint64_t Next() { return random_.Next(); }
  Random& random() { return random_; }

 private:
  SeededRandom random_;
};

}  // namespace penstock::sim

#endif  // PENSTOCK_TESTS_SIM_DICE_H_

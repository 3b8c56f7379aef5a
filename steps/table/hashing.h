#ifndef PENSTOCK_STEPS_TABLE_HASHING_H_
#define PENSTOCK_STEPS_TABLE_HASHING_H_

// Hashes of values, the same on every machine. Not against an adversary. Pure functions.

#include <bit>
#include <cstdint>
#include <string_view>

namespace penstock {

struct Hash128 {
  uint64_t high = 0;
  uint64_t low = 0;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
};

// A bijection of 64 bits (the finalizer of splitmix64; Steele, Lea and Flood, 2014): different
// values have different hashes.
constexpr uint64_t MixBits(uint64_t bits) {
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
  return bits ^ (bits >> 31);
}

// -0 and 0 are one value.
inline uint64_t HashNumber(double value) {
  return MixBits(std::bit_cast<uint64_t>(value + 0.0));
}

Hash128 HashText(std::string_view text);

// Adds the hash of one more cell to that of a row. The order counts.
constexpr void AddCell(Hash128& row, Hash128 cell) {
  row.high = MixBits(row.high + 0x9e3779b97f4a7c15U) ^ MixBits(cell.high ^ 0xd1b54a32d192ed03U);
  row.low = MixBits(row.low ^ 0x8cb92ba72f3d8dd7U) + MixBits(cell.low + 0xaef17502108ef2d9U);
}

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_HASHING_H_

#ifndef PENSTOCK_STEPS_PROFILE_VALUE_COUNTS_H_
#define PENSTOCK_STEPS_PROFILE_VALUE_COUNTS_H_

// How often each value of a column occurs, by the value's hash, in bounded memory.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock {

// Up to so many distinct values are counted exactly.
inline constexpr int64_t kExactDistinct = 1'000'000;
// What a full ValueCounts takes while it grows.
inline constexpr int64_t kValueCountsBytes = 48 << 20;

// Adaptive sampling (Wegman; Flajolet 1990): where more than `limit` hashes came, only those whose
// lowest bits are 0 stay, one bit more each time. What stays depends on the set of hashes alone and
// not on their order, and its counts are exact. The standard error of the estimate is below
// 1.2 / sqrt(limit / 2), 0.2 % for the usual limit. Not thread-safe.
class ValueCounts {
 public:
  explicit ValueCounts(int64_t limit = kExactDistinct);

  // `count` more of the value with this hash; at least 1.
  void Add(uint64_t hash, uint64_t count);

  // How many distinct values came: exact, or an estimate.
  int64_t distinct() const { return size_ << level_; }
  bool exact() const { return level_ == 0; }

  // 0 for a hash that did not come, or did not stay.
  uint64_t CountOf(uint64_t hash) const;

  struct Entry {
    uint64_t hash;
    uint64_t count;
  };
  // Those that stayed, by hash.
  std::vector<Entry> Entries() const;
  // The count of the n-th most frequent value (n from 1) of those that stayed; where there are
  // fewer, that of the rarest. 0: there are none.
  uint64_t NthCount(int64_t n) const;

 private:
  std::size_t SlotOf(uint64_t hash) const;
  void Rebuild(std::size_t slots);

  int64_t limit_;
  int level_ = 0;
  int64_t size_ = 0;
  std::vector<Entry> slots_;  // open addressing; count 0: empty
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROFILE_VALUE_COUNTS_H_

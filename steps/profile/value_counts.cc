#include "steps/profile/value_counts.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <utility>

namespace penstock {
namespace {

constexpr std::size_t kFirstSlots = 64;

bool Stays(uint64_t hash, int level) {
  return (hash & ((uint64_t{1} << level) - 1)) == 0;
}

}  // namespace

ValueCounts::ValueCounts(int64_t limit) : limit_(limit), slots_(kFirstSlots) {}

// The slots' number is a power of two; the highest bits choose, as the lowest are alike.
std::size_t ValueCounts::SlotOf(uint64_t hash) const {
  const int bits = std::countr_zero(slots_.size());
  std::size_t slot = static_cast<std::size_t>(hash >> (64 - bits));
  while (slots_[slot].count != 0 && slots_[slot].hash != hash) {
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return slot;
}

void ValueCounts::Rebuild(std::size_t slots) {
  std::vector<Entry> old(slots);
  old.swap(slots_);
  size_ = 0;
  for (const Entry& entry : old) {
    if (entry.count == 0 || !Stays(entry.hash, level_)) continue;
    slots_[SlotOf(entry.hash)] = entry;
    ++size_;
  }
}

void ValueCounts::Add(uint64_t hash, uint64_t count) {
  if (!Stays(hash, level_)) return;
  Entry& entry = slots_[SlotOf(hash)];
  entry.hash = hash;
  const bool fresh = entry.count == 0;
  entry.count += count;
  if (!fresh) return;
  ++size_;
  while (size_ > limit_) {
    ++level_;
    Rebuild(slots_.size());
  }
  if (static_cast<std::size_t>(size_) * 2 > slots_.size()) Rebuild(slots_.size() * 2);
}

uint64_t ValueCounts::CountOf(uint64_t hash) const {
  return slots_[SlotOf(hash)].count;
}

std::vector<ValueCounts::Entry> ValueCounts::Entries() const {
  std::vector<Entry> entries;
  entries.reserve(static_cast<std::size_t>(size_));
  for (const Entry& entry : slots_) {
    if (entry.count != 0) entries.push_back(entry);
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.hash < b.hash; });
  return entries;
}

uint64_t ValueCounts::NthCount(int64_t n) const {
  std::vector<uint64_t> counts;
  counts.reserve(static_cast<std::size_t>(size_));
  for (const Entry& entry : slots_) {
    if (entry.count != 0) counts.push_back(entry.count);
  }
  if (counts.empty()) return 0;
  const auto at = counts.begin() + std::min<int64_t>(n, static_cast<int64_t>(counts.size())) - 1;
  std::nth_element(counts.begin(), at, counts.end(), std::greater<>());
  return *at;
}

}  // namespace penstock

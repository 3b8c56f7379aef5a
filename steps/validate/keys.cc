// Rows with the same key, in memory that is given.

#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>
#include <utility>

#include "steps/validate/rules.h"

namespace penstock {
namespace {

// Two independent 64-bit hashes of bytes, each FNV-1a with a start and a finish of its own
// (the finish is that of MurmurHash3, by Austin Appleby).
class KeyHash {
 public:
  void Add(std::string_view bytes) {
    for (const char c : bytes) {
      a_ = (a_ ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
      b_ = (b_ ^ static_cast<unsigned char>(c)) * 0x9E3779B97F4A7C15U + (b_ >> 47);
    }
    // Where a value ends is part of the key.
    a_ = Mix(a_ + bytes.size() + 1);
    b_ = Mix(b_ ^ ((bytes.size() + 1) * 0xC2B2AE3D27D4EB4FU));
  }
  void Add(double number) {
    number += 0.0;  // -0 is 0
    char bytes[sizeof number];
    std::memcpy(bytes, &number, sizeof number);
    Add(std::string_view(bytes, sizeof bytes));
  }
  std::array<uint64_t, 2> Take() const { return {Mix(a_), Mix(b_)}; }

 private:
  static uint64_t Mix(uint64_t hash) {
    hash = (hash ^ (hash >> 33)) * 0xFF51AFD7ED558CCDU;
    hash = (hash ^ (hash >> 33)) * 0xC4CEB9FE1A85EC53U;
    return hash ^ (hash >> 33);
  }
  uint64_t a_ = 0xCBF29CE484222325U;
  uint64_t b_ = 0x84222325CBF29CE4U;
};

struct Entry {
  std::array<uint64_t, 2> hash;
  int64_t row;
  friend bool operator<(const Entry& a, const Entry& b) {
    return std::tie(a.hash, a.row) < std::tie(b.hash, b.row);
  }
};

// The keys of one block whose hash falls to `part`.
struct BlockKeys {
  int64_t checked = 0;
  std::vector<Entry> entries;
};

void HashBlock(const Table& table, const std::vector<std::string>& columns, int64_t first_row,
               uint64_t part, uint64_t parts, BlockKeys* keys) {
  std::vector<const Column*> values;
  for (const std::string& name : columns) values.push_back(table.Find(name));
  for (int64_t i = 0; i < table.rows; ++i) {
    const auto row = static_cast<std::size_t>(i);
    KeyHash hash;
    bool whole = true;
    for (const Column* column : values) {
      if (column->missing(row)) {
        whole = false;
        break;
      }
      if (column->is_text()) {
        hash.Add(column->strings[row]);
      } else {
        hash.Add(column->numbers[row]);
      }
    }
    if (!whole) continue;
    ++keys->checked;
    const auto taken = hash.Take();
    if (taken[0] % parts == part) keys->entries.push_back({taken, first_row + i});
  }
}

}  // namespace

Result<RepeatedKeys> FindRepeatedKeys(const Frame& frame, const std::vector<std::string>& columns,
                                      int64_t memory_bytes) {
  // Twice: the blocks' entries and all of them together.
  const int64_t bytes = 2 * frame.rows() * static_cast<int64_t>(sizeof(Entry));
  const auto parts = static_cast<uint64_t>(
      memory_bytes <= 0 ? 1 : 1 + std::min<int64_t>(bytes / memory_bytes, 1'000));
  RepeatedKeys found;
  for (uint64_t part = 0; part < parts; ++part) {
    PENSTOCK_ASSIGN_OR_RETURN(
        std::vector<BlockKeys> blocks,
        (MapBlocks<BlockKeys>(
            frame, columns, [&](int64_t block, const Table& table, BlockKeys* keys) {
              HashBlock(table, columns, frame.first_row(block), part, parts, keys);
              return Status::Ok();
            })));
    std::vector<Entry> all;
    found.checked = 0;
    for (BlockKeys& keys : blocks) {
      found.checked += keys.checked;
      const std::vector<Entry> entries = std::move(keys.entries);
      all.insert(all.end(), entries.begin(), entries.end());
    }
    std::sort(all.begin(), all.end());
    for (std::size_t i = 1, first = 0; i < all.size(); ++i) {
      if (all[i].hash != all[first].hash) {
        first = i;
        continue;
      }
      ++found.repeated;
      found.rows.push_back({all[i].row, all[first].row});
      if (found.rows.size() < 4'096) continue;
      std::sort(found.rows.begin(), found.rows.end(),
                [](const auto& a, const auto& b) { return a.row < b.row; });
      found.rows.resize(kMaxExamples);
    }
  }
  std::sort(found.rows.begin(), found.rows.end(),
            [](const auto& a, const auto& b) { return a.row < b.row; });
  if (found.rows.size() > kMaxExamples) found.rows.resize(kMaxExamples);
  return found;
}

}  // namespace penstock

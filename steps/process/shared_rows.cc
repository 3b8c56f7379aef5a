#include "steps/process/shared_rows.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "steps/table/hashing.h"

namespace penstock {
namespace {

constexpr int64_t kMostRows = 1 << 23;
constexpr uint64_t kMissingCell = 0x452821e638d01377U;

// Of the rows `chosen` of a table. Each cell by a multiplication and a shift, the row mixed once.
std::vector<uint64_t> HashRows(const Table& table, const std::vector<std::string>& columns,
                               const std::vector<int32_t>& chosen) {
  std::vector<uint64_t> rows(chosen.size(), 0x243f6a8885a308d3U);
  const auto add = [](uint64_t& row, uint64_t cell) {
    row = (row ^ cell) * 0x9e3779b97f4a7c15U;
    row ^= row >> 29;
  };
  for (const std::string& name : columns) {
    const Column& column = *table.Find(name);
    if (column.is_text()) {
      std::vector<uint64_t> texts;
      for (const std::string& text : column.strings.dictionary) texts.push_back(HashText(text).low);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const int32_t code = column.strings.codes[static_cast<std::size_t>(chosen[i])];
        add(rows[i], code < 0 ? kMissingCell : texts[static_cast<std::size_t>(code)]);
      }
    } else {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const double value = column.numbers[static_cast<std::size_t>(chosen[i])];
        add(rows[i], value != value ? kMissingCell : std::bit_cast<uint64_t>(value + 0.0));
      }
    }
  }
  for (uint64_t& row : rows) row = MixBits(row);
  return rows;
}

// Which hashes there are, by one bit for many: says no for most that are not.
class Sketch {
 public:
  Sketch() : bits_(kBits / 64) {}
  void Add(uint64_t hash) { bits_[(hash % kBits) / 64] |= uint64_t{1} << (hash % 64); }
  bool MayHave(uint64_t hash) const {
    return ((bits_[(hash % kBits) / 64] >> (hash % 64)) & 1) != 0;
  }

 private:
  static constexpr uint64_t kBits = uint64_t{1} << 25;
  std::vector<uint64_t> bits_;
};

}  // namespace

Result<SharedRows> CountSharedRows(const Draft& draft) {
  const Frame& frame = draft.source().frame;
  std::vector<std::string> columns;
  for (const ColumnInfo& column : frame.columns()) {
    if (draft.roles().is_feature(column.name) || column.name == draft.roles().label) {
      columns.push_back(column.name);
    }
  }
  // Rows of a block that are learned from, or those that are not.
  const auto rows_of = [&](int64_t block, bool training) {
    std::vector<int32_t> rows;
    const int64_t first = frame.first_row(block);
    const int64_t end = frame.first_row(block + 1);
    for (int64_t row = first; row < end; ++row) {
      const bool wanted = training ? draft.is_training(row)
                                   : draft.is_live(row) && !draft.is_training(row);
      if (wanted) rows.push_back(static_cast<int32_t>(row - first));
    }
    return rows;
  };
  SharedRows result;
  for (int64_t block = 0; block < frame.blocks(); ++block) {
    result.held_out += static_cast<int64_t>(rows_of(block, false).size());
  }
  if (result.held_out == 0 || columns.empty()) return result;
  // One in `share` of all rows, by their hashes, so that equal rows are in it together.
  const auto share = static_cast<uint64_t>((result.held_out + kMostRows - 1) / kMostRows);
  result.exact = share == 1;

  std::vector<uint64_t> held_out;
  Mutex mutex;
  PENSTOCK_RETURN_IF_ERROR(frame.ForEach(columns, [&](int64_t block, const Table& table) {
    std::vector<uint64_t> hashes = HashRows(table, columns, rows_of(block, false));
    std::erase_if(hashes, [&](uint64_t hash) { return (hash >> 32) % share != 0; });
    MutexLock lock(mutex);
    held_out.insert(held_out.end(), hashes.begin(), hashes.end());
    return Status::Ok();
  }));
  std::sort(held_out.begin(), held_out.end());
  Sketch sketch;
  for (const uint64_t hash : held_out) sketch.Add(hash);

  const auto found = std::make_unique<std::atomic<bool>[]>(held_out.size());
  PENSTOCK_RETURN_IF_ERROR(frame.ForEach(columns, [&](int64_t block, const Table& table) {
    for (const uint64_t hash : HashRows(table, columns, rows_of(block, true))) {
      if (!sketch.MayHave(hash)) continue;
      auto at = std::lower_bound(held_out.begin(), held_out.end(), hash);
      for (; at != held_out.end() && *at == hash; ++at) {
        found[static_cast<std::size_t>(at - held_out.begin())].store(true,
                                                                     std::memory_order_relaxed);
      }
    }
    return Status::Ok();
  }));
  for (std::size_t i = 0; i < held_out.size(); ++i) result.shared += found[i] ? 1 : 0;
  result.shared *= static_cast<int64_t>(share);
  return result;
}

}  // namespace penstock

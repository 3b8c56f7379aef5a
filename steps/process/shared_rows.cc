#include "steps/process/shared_rows.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "steps/table/hashing.h"

namespace penstock {
namespace {

constexpr int64_t kMostRows = 1 << 23;
constexpr Hash128 kMissingCell{0x452821e638d01377U, 0xbe5466cf34e90c6cU};

std::vector<uint64_t> HashRows(const Table& table, const std::vector<std::string>& columns) {
  std::vector<Hash128> rows(static_cast<std::size_t>(table.rows));
  for (const std::string& name : columns) {
    const Column& column = *table.Find(name);
    std::vector<Hash128> texts;
    for (const std::string& text : column.strings.dictionary) texts.push_back(HashText(text));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (column.missing(i)) {
        AddCell(rows[i], kMissingCell);
      } else if (column.is_text()) {
        AddCell(rows[i], texts[static_cast<std::size_t>(column.strings.codes[i])]);
      } else {
        const uint64_t hash = HashNumber(column.numbers[i]);
        AddCell(rows[i], {hash, ~hash});
      }
    }
  }
  std::vector<uint64_t> hashes;
  hashes.reserve(rows.size());
  for (const Hash128& row : rows) hashes.push_back(row.high ^ MixBits(row.low));
  return hashes;
}

}  // namespace

Result<SharedRows> CountSharedRows(const Draft& draft) {
  const Frame& frame = draft.source().frame;
  std::vector<std::string> columns;
  for (const ColumnInfo& column : frame.columns()) {
    if (draft.roles().is_feature(column.name) || column.name == draft.roles().label) {
      columns.push_back(column.name);
    }
  }
  SharedRows result;
  for (int64_t row = 0; row < frame.rows(); ++row) {
    if (draft.is_live(row) && !draft.is_training(row)) ++result.held_out;
  }
  if (result.held_out == 0 || columns.empty()) return result;
  // One in `share` of all rows, by their hashes, so that equal rows are in it together.
  const auto share = static_cast<uint64_t>((result.held_out + kMostRows - 1) / kMostRows);
  result.exact = share == 1;

  std::vector<uint64_t> held_out;
  Mutex mutex;
  PENSTOCK_RETURN_IF_ERROR(frame.ForEach(columns, [&](int64_t block, const Table& table) {
    std::vector<uint64_t> chosen;
    const std::vector<uint64_t> hashes = HashRows(table, columns);
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      const int64_t row = frame.first_row(block) + static_cast<int64_t>(i);
      if (draft.is_live(row) && !draft.is_training(row) && hashes[i] % share == 0) {
        chosen.push_back(hashes[i]);
      }
    }
    MutexLock lock(mutex);
    held_out.insert(held_out.end(), chosen.begin(), chosen.end());
    return Status::Ok();
  }));
  std::sort(held_out.begin(), held_out.end());

  // Where hashes with the same highest bits begin: finds one in a step or two.
  constexpr int kBits = 20;
  std::vector<std::size_t> begins((std::size_t{1} << kBits) + 1);
  for (const uint64_t hash : held_out) ++begins[(hash >> (64 - kBits)) + 1];
  for (std::size_t i = 1; i < begins.size(); ++i) begins[i] += begins[i - 1];
  const auto found = std::make_unique<std::atomic<bool>[]>(held_out.size());
  PENSTOCK_RETURN_IF_ERROR(frame.ForEach(columns, [&](int64_t block, const Table& table) {
    const std::vector<uint64_t> hashes = HashRows(table, columns);
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      if (!draft.is_training(frame.first_row(block) + static_cast<int64_t>(i))) continue;
      const uint64_t hash = hashes[i];
      const auto begin = held_out.begin();
      const auto first = begin + static_cast<std::ptrdiff_t>(begins[hash >> (64 - kBits)]);
      const auto last = begin + static_cast<std::ptrdiff_t>(begins[(hash >> (64 - kBits)) + 1]);
      for (auto at = std::lower_bound(first, last, hash); at != last && *at == hash; ++at) {
        found[static_cast<std::size_t>(at - begin)].store(true, std::memory_order_relaxed);
      }
    }
    return Status::Ok();
  }));
  for (std::size_t i = 0; i < held_out.size(); ++i) result.shared += found[i] ? 1 : 0;
  result.shared *= static_cast<int64_t>(share);
  return result;
}

}  // namespace penstock

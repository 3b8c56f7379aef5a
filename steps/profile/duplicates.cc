#include "steps/profile/duplicates.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/mutex.h"
#include "steps/table/block_source.h"
#include "steps/table/row_hashes.h"

namespace penstock {
namespace {

constexpr std::size_t kBuckets = 256;  // by the highest bits of the hash

struct Bucket {
  Mutex mutex;
  std::vector<Hash128> rows;
};

}  // namespace

Result<int64_t> CountDuplicates(const Frame& frame, int64_t budget) {
  std::vector<std::size_t> all(frame.columns().size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  const std::vector<std::string> names = NamesOf(frame, all);
  // Vectors that grow take up to twice what is in them.
  const int64_t bytes = frame.rows() * int64_t{sizeof(Hash128)} * 2;
  const auto passes = static_cast<std::size_t>(
      std::clamp<int64_t>(bytes / std::max<int64_t>(budget, 1) + 1, 1, kBuckets));
  const std::size_t width = (kBuckets + passes - 1) / passes;
  int64_t duplicates = 0;
  for (std::size_t first = 0; first < kBuckets; first += width) {
    std::vector<Bucket> buckets(std::min(width, kBuckets - first));
    PENSTOCK_RETURN_IF_ERROR(frame.ForEach(names, [&](int64_t, const Table& table) {
      std::vector<Hash128> rows(static_cast<std::size_t>(table.rows));
      for (const Column& column : table.columns) AddColumn(column, rows);
      std::vector<std::vector<Hash128>> chosen(buckets.size());
      for (const Hash128& row : rows) {
        const std::size_t bucket = row.high >> 56;
        if (bucket >= first && bucket < first + buckets.size()) {
          chosen[bucket - first].push_back(row);
        }
      }
      for (std::size_t i = 0; i < buckets.size(); ++i) {
        MutexLock lock(buckets[i].mutex);
        buckets[i].rows.insert(buckets[i].rows.end(), chosen[i].begin(), chosen[i].end());
      }
      return Status::Ok();
    }));
    std::vector<int64_t> found(buckets.size());
    PENSTOCK_RETURN_IF_ERROR(
        ForEachIndex(static_cast<int64_t>(buckets.size()), frame.options().table, [&](int64_t i) {
          std::vector<Hash128>& rows = buckets[static_cast<std::size_t>(i)].rows;
          std::sort(rows.begin(), rows.end());
          const auto unique = std::unique(rows.begin(), rows.end());
          found[static_cast<std::size_t>(i)] = rows.end() - unique;
          return Status::Ok();
        }));
    for (const int64_t count : found) duplicates += count;
  }
  return duplicates;
}

}  // namespace penstock

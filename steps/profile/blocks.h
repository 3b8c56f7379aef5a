#ifndef PENSTOCK_STEPS_PROFILE_BLOCKS_H_
#define PENSTOCK_STEPS_PROFILE_BLOCKS_H_

// Passes over a frame whose results take more memory than one should keep for all blocks.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "steps/table/frame.h"

namespace penstock {

// Calls `work` for each block, on several threads, and `merge` with its result, in the order of the
// blocks and on this thread. At most two results a thread exist at once.
template <typename T>
Status ReduceBlocks(const Frame& frame, const std::vector<std::string>& needed,
                    const std::function<Status(int64_t block, const Table& table, T* result)>& work,
                    const std::function<void(int64_t block, T&& result)>& merge) {
  const int64_t window = 2 * std::max(1, frame.options().table.threads);
  for (int64_t first = 0; first < frame.blocks(); first += window) {
    const int64_t count = std::min(window, frame.blocks() - first);
    std::vector<T> results(static_cast<std::size_t>(count));
    PENSTOCK_RETURN_IF_ERROR(ForEachIndex(count, frame.options().table, [&](int64_t i) {
      return frame.Visit(first + i, needed, [&](int64_t block, const Table& table) {
        return work(block, table, &results[static_cast<std::size_t>(i)]);
      });
    }));
    for (int64_t i = 0; i < count; ++i) {
      merge(first + i, std::move(results[static_cast<std::size_t>(i)]));
    }
  }
  return Status::Ok();
}

// The names of columns (positions in the frame).
inline std::vector<std::string> NamesOf(const Frame& frame,
                                        const std::vector<std::size_t>& columns) {
  std::vector<std::string> names;
  names.reserve(columns.size());
  for (const std::size_t column : columns) names.push_back(frame.columns()[column].name);
  return names;
}

// `columns` in groups of neighbours that take at most `budget` bytes together, at least one a
// group.
inline std::vector<std::vector<std::size_t>> GroupColumns(const std::vector<std::size_t>& columns,
                                                          int64_t bytes_each, int64_t budget) {
  const auto size = static_cast<std::size_t>(
      std::clamp<int64_t>(budget / std::max<int64_t>(bytes_each, 1), 1, 1 << 20));
  std::vector<std::vector<std::size_t>> groups;
  for (const std::size_t column : columns) {
    if (groups.empty() || groups.back().size() == size) groups.emplace_back();
    groups.back().push_back(column);
  }
  return groups;
}

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROFILE_BLOCKS_H_

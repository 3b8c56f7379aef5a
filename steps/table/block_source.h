#ifndef PENSTOCK_STEPS_TABLE_BLOCK_SOURCE_H_
#define PENSTOCK_STEPS_TABLE_BLOCK_SOURCE_H_

// Rows that come in blocks, and passes over them. What is computed block by block and put together
// in the order of the blocks is the same for any number of threads.
//
//   PENSTOCK_ASSIGN_OR_RETURN(std::vector<double> sums, (MapBlocks<double>(source, {"age"},
//       [](int64_t, const Table& block, double* sum) { … })));

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "steps/table/table.h"

namespace penstock {

// Calls `work(i)` for i from 0 to count - 1 on up to `options.threads` threads, in no order. Ends
// with the error of the lowest i that has one, or kCancelled; exceptions become errors.
Status ForEachIndex(int64_t count, const TableOptions& options,
                    const std::function<Status(int64_t)>& work);

// A frame, or what is computed from one. Several passes may go on at once.
class BlockSource {
 public:
  using Visitor = std::function<Status(int64_t block, const Table& table)>;

  virtual ~BlockSource() = default;
  virtual int64_t blocks() const = 0;
  // Of all blocks together.
  virtual int64_t rows() const = 0;
  virtual const std::vector<ColumnInfo>& columns() const = 0;
  // How many threads a pass may take, and who may cancel it.
  virtual const TableOptions& pass() const = 0;

  // Calls `visit` with one block. The table has all columns; those that are not among `needed` may
  // be hollow: without values.
  virtual Status Visit(int64_t block, const std::vector<std::string>& needed,
                       const Visitor& visit) const = 0;

  // Calls `visit` once for each block, on several threads, in no order. Ends with the first error,
  // or kCancelled.
  Status ForEach(const std::vector<std::string>& needed, const Visitor& visit) const;
  const ColumnInfo* Find(std::string_view name) const;  // nullptr where there is none

 protected:
  BlockSource() = default;
  BlockSource(const BlockSource&) = default;
  BlockSource& operator=(const BlockSource&) = default;
};

// Whether the column of a block that has rows holds none of them.
bool IsHollow(const Column& column, int64_t rows);

// One T a block, in the order of the blocks.
template <typename T>
Result<std::vector<T>> MapBlocks(
    const BlockSource& source, const std::vector<std::string>& needed,
    const std::function<Status(int64_t block, const Table& table, T* result)>& work) {
  std::vector<T> results(static_cast<std::size_t>(source.blocks()));
  PENSTOCK_RETURN_IF_ERROR(source.ForEach(needed, [&](int64_t block, const Table& table) {
    return work(block, table, &results[static_cast<std::size_t>(block)]);
  }));
  return results;
}

// Calls `work` for each block, on several threads, and `merge` with its result, in the order of the
// blocks: one at a time, on any of the threads, as soon as all before it are merged. So results of
// few blocks exist at once.
template <typename T>
Status ReduceBlocks(const BlockSource& source, const std::vector<std::string>& needed,
                    const std::function<Status(int64_t block, const Table& table, T* result)>& work,
                    const std::function<void(int64_t block, T&& result)>& merge) {
  Mutex mutex;
  std::map<int64_t, T> waiting;
  int64_t merged = 0;
  return source.ForEach(needed, [&](int64_t block, const Table& table) -> Status {
    T result{};
    PENSTOCK_RETURN_IF_ERROR(work(block, table, &result));
    MutexLock lock(mutex);
    waiting.emplace(block, std::move(result));
    for (auto at = waiting.begin(); at != waiting.end() && at->first == merged; ++merged) {
      merge(merged, std::move(at->second));
      at = waiting.erase(at);
    }
    return Status::Ok();
  });
}

// The names of columns (positions in the source).
std::vector<std::string> NamesOf(const BlockSource& source,
                                 const std::vector<std::size_t>& columns);

// `columns` in groups of neighbours that take at most `budget` bytes together, at least one a
// group.
std::vector<std::vector<std::size_t>> GroupColumns(const std::vector<std::size_t>& columns,
                                                   int64_t bytes_each, int64_t budget);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_BLOCK_SOURCE_H_

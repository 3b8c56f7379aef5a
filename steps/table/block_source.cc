#include "steps/table/block_source.h"

#include <atomic>
#include <exception>
#include <new>
#include <optional>
#include <thread>

#include "base/mutex.h"

namespace penstock {

bool IsHollow(const Column& column, int64_t rows) {
  return rows > 0 && column.numbers.empty() && column.strings.codes.empty();
}

Status BlockSource::ForEach(const std::vector<std::string>& needed, const Visitor& visit) const {
  return ForEachIndex(blocks(), pass(),
                      [&](int64_t index) { return Visit(index, needed, visit); });
}

const ColumnInfo* BlockSource::Find(std::string_view name) const {
  const auto found = std::find_if(columns().begin(), columns().end(),
                                  [&](const ColumnInfo& column) { return column.name == name; });
  return found == columns().end() ? nullptr : &*found;
}

std::vector<std::string> NamesOf(const BlockSource& source,
                                 const std::vector<std::size_t>& columns) {
  std::vector<std::string> names;
  names.reserve(columns.size());
  for (const std::size_t column : columns) names.push_back(source.columns()[column].name);
  return names;
}

std::vector<std::vector<std::size_t>> GroupColumns(const std::vector<std::size_t>& columns,
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

Status ForEachIndex(int64_t count, const TableOptions& options,
                    const std::function<Status(int64_t)>& work) {
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  Mutex mutex;
  std::optional<std::pair<int64_t, Status>> first;
  const auto run = [&] {
    while (!failed) {
      const int64_t index = next++;
      if (index >= count) return;
      Status status;
      try {
        status = options.cancelled && options.cancelled() ? Cancelled("cancelled") : work(index);
      } catch (const std::bad_alloc&) {
        status = ResourceExhausted(
            "the step's memory is too small for these data; raise resources.memory");
      } catch (const std::exception& error) {
        status = Internal(error.what());
      }
      if (status.ok()) continue;
      MutexLock lock(mutex);
      failed = true;
      if (!first || index < first->first) first.emplace(index, std::move(status));
    }
  };
  const int64_t threads = std::min<int64_t>(std::max(options.threads, 1), count);
  std::vector<std::thread> helpers;
  for (int64_t i = 1; i < threads; ++i) helpers.emplace_back(run);
  run();
  for (std::thread& helper : helpers) helper.join();
  return first ? first->second : Status::Ok();
}

}  // namespace penstock

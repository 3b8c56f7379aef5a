#ifndef PENSTOCK_STEPS_PROCESS_FOLD_H_
#define PENSTOCK_STEPS_PROCESS_FOLD_H_

// One pass over the rows that operations learn from, column by column. Private to steps/process.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "steps/process/fit_data.h"
#include "steps/table/block_source.h"

namespace penstock {

// Positions of columns in every table of a pass. Precondition: they are columns of `data`.
inline std::vector<std::size_t> PositionsOf(const FitData& data,
                                            const std::vector<std::string>& names) {
  std::unordered_map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < data.columns().size(); ++i) index.emplace(data.columns()[i].name, i);
  std::vector<std::size_t> positions;
  for (const std::string& name : names) positions.push_back(index.at(name));
  return positions;
}

// Neumaier's compensated sum.
struct CompensatedSum {
  int64_t count = 0;
  double sum = 0;
  double lost = 0;

  void Add(double value) {
    const double next = sum + value;
    lost += std::fabs(sum) >= std::fabs(value) ? (sum - next) + value : (value - next) + sum;
    sum = next;
  }
  // Counts the value, too.
  void Count(double value) {
    Add(value);
    ++count;
  }
  void Merge(const CompensatedSum& other) {
    Add(other.sum);
    Add(other.lost);
    count += other.count;
  }
  double total() const { return sum + lost; }
  // NaN of none.
  double mean() const { return count == 0 ? kMissing : total() / static_cast<double>(count); }
};

// One T a column, made by `of(column)` in each block and put together by `merge(all, block)` in
// their order.
template <typename T, typename Of, typename Merge>
Result<std::vector<T>> FoldColumns(const FitData& data, const std::vector<std::string>& names,
                                   const Of& of, const Merge& merge) {
  const std::vector<std::size_t> positions = PositionsOf(data, names);
  std::vector<T> all(names.size());
  PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<std::vector<T>>(
      data, names,
      [&](int64_t, const Table& table, std::vector<T>* results) {
        results->reserve(positions.size());
        for (const std::size_t position : positions) {
          results->push_back(of(table.columns[position]));
        }
        return Status::Ok();
      },
      [&](int64_t, std::vector<T>&& results) {
        for (std::size_t i = 0; i < results.size(); ++i) merge(all[i], std::move(results[i]));
      }));
  return all;
}

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_FOLD_H_

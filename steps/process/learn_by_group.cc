#include "steps/process/learn_by_group.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/mutex.h"
#include "steps/process/even_quantiles.h"
#include "steps/process/fold.h"
#include "steps/process/operation.h"
#include "steps/table/hashing.h"

namespace penstock {
namespace {

constexpr std::size_t kMostTexts = 10'000'000;

std::size_t Groups(const GroupedColumn& column) {
  return column.index.size();
}

std::vector<std::string> Needed(const GroupedColumn& column) {
  std::vector<std::string> needed = column.by;
  needed.push_back(column.name);
  return needed;
}

// The index of each row's group, or -1.
std::vector<int32_t> IndexOfRows(const Table& table, const GroupedColumn& column) {
  RowGroups groups = GroupRows(table, column.by);
  const std::vector<int32_t> indices = IndexOfKeys(groups.keys, column.index);
  for (int32_t& group : groups.of) {
    if (group >= 0) group = indices[static_cast<std::size_t>(group)];
  }
  return std::move(groups.of);
}

// A number of a row, and its group.
struct Numbered {
  int32_t group = 0;
  double number = 0;
  friend auto operator<=>(const Numbered&, const Numbered&) = default;
};

// The finite numbers of a block.
std::vector<Numbered> NumbersIn(const Table& table, const GroupedColumn& column) {
  const std::vector<int32_t> groups = IndexOfRows(table, column);
  const std::vector<double>& numbers = table.Find(column.name)->numbers;
  std::vector<Numbered> found;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (groups[i] >= 0 && std::isfinite(numbers[i])) found.push_back({groups[i], numbers[i] + 0.0});
  }
  return found;
}

// Groups that a block has, with what is summed up of each.
template <typename T, typename Add, typename Merge>
Result<std::vector<T>> FoldGroups(const GroupedColumn& column, const Add& add, const Merge& merge) {
  std::vector<T> all(Groups(column));
  using Block = std::vector<std::pair<int32_t, T>>;
  PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<Block>(
      column.data, Needed(column),
      [&](int64_t, const Table& table, Block* block) {
        std::vector<int32_t> place(Groups(column), -1);
        for (const Numbered& value : NumbersIn(table, column)) {
          int32_t& at = place[static_cast<std::size_t>(value.group)];
          if (at < 0) {
            at = static_cast<int32_t>(block->size());
            block->push_back({value.group, T()});
          }
          add((*block)[static_cast<std::size_t>(at)].second, value.number);
        }
        return Status::Ok();
      },
      [&](int64_t, Block&& block) {
        for (auto& [group, part] : block) merge(all[static_cast<std::size_t>(group)], part);
      }));
  return all;
}

// The numbers of groups [first, last) sorted, with their groups; `count` together.
Result<std::vector<Numbered>> SortGroups(const GroupedColumn& column, std::size_t first,
                                         std::size_t last, int64_t count) {
  std::vector<Numbered> all;
  all.reserve(static_cast<std::size_t>(count));
  Mutex mutex;
  PENSTOCK_RETURN_IF_ERROR(column.data.ForEach(Needed(column), [&](int64_t, const Table& table) {
    std::vector<Numbered> found = NumbersIn(table, column);
    std::erase_if(found, [&](const Numbered& value) {
      const auto group = static_cast<std::size_t>(value.group);
      return group < first || group >= last;
    });
    MutexLock lock(mutex);
    all.insert(all.end(), found.begin(), found.end());
    return Status::Ok();
  }));
  std::sort(all.begin(), all.end());
  return all;
}

double Middle(double low, double high) {
  const double difference = high - low;
  return std::isfinite(difference) ? high - difference * 0.5 : low / 2 + high / 2;
}

// The median of one group that does not fit into memory.
Result<double> MedianOf(const GroupedColumn& column, std::size_t group, int64_t count,
                        int64_t capacity) {
  const std::vector<int64_t> ranks = {(count - 1) / 2, count / 2};
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<double> found,
                            SelectRanks(
                                column.data, Needed(column),
                                [&](const Table& table, std::vector<double>& numbers) {
                                  for (const Numbered& value : NumbersIn(table, column)) {
                                    if (static_cast<std::size_t>(value.group) == group)
                                      numbers.push_back(value.number);
                                  }
                                },
                                count, ranks, capacity));
  return Middle(found[0], found[1]);
}

// How often a value is in its group.
struct Counted {
  Numbered value;
  int64_t count = 0;
};

// Sorted, each value once.
void Compact(std::vector<Counted>& counts) {
  std::sort(counts.begin(), counts.end(),
            [](const Counted& a, const Counted& b) { return a.value < b.value; });
  std::size_t last = 0;
  for (std::size_t i = 1; i < counts.size(); ++i) {
    if (counts[i].value == counts[last].value) {
      counts[last].count += counts[i].count;
    } else {
      counts[++last] = counts[i];
    }
  }
  if (!counts.empty()) counts.resize(last + 1);
}

// The values whose hash is in the share `part` of `parts`.
Result<std::vector<Counted>> CountValues(const GroupedColumn& column, uint64_t part,
                                         uint64_t parts) {
  std::vector<Counted> all;
  std::size_t compact = 0;  // how many there were when each was there once
  PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<std::vector<Counted>>(
      column.data, Needed(column),
      [&](int64_t, const Table& table, std::vector<Counted>* counts) {
        for (const Numbered& value : NumbersIn(table, column)) {
          const uint64_t hash =
              MixBits(HashNumber(value.number) + static_cast<uint64_t>(value.group));
          if ((hash >> 56) % parts == part) counts->push_back({value, 1});
        }
        Compact(*counts);
        return Status::Ok();
      },
      [&](int64_t, std::vector<Counted>&& counts) {
        all.insert(all.end(), counts.begin(), counts.end());
        if (all.size() < 2 * compact) return;
        Compact(all);
        compact = all.size();
      }));
  Compact(all);
  return all;
}

}  // namespace

Result<std::vector<double>> GroupMeans(const GroupedColumn& column) {
  PENSTOCK_ASSIGN_OR_RETURN(
      const std::vector<CompensatedSum> sums,
      FoldGroups<CompensatedSum>(
          column, [](CompensatedSum& sum, double value) { sum.Count(value); },
          [](CompensatedSum& all, const CompensatedSum& block) { all.Merge(block); }));
  std::vector<double> means;
  for (const CompensatedSum& sum : sums) means.push_back(sum.mean());
  return means;
}

Result<std::vector<double>> GroupMedians(const GroupedColumn& column) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<int64_t> counts,
                            FoldGroups<int64_t>(
                                column, [](int64_t& count, double) { ++count; },
                                [](int64_t& all, int64_t block) { all += block; }));
  const int64_t capacity =
      std::max<int64_t>(1, column.data.budget() / 2 / int64_t{sizeof(Numbered)});
  std::vector<double> medians(counts.size(), kMissing);
  for (std::size_t first = 0; first < counts.size();) {
    if (counts[first] > capacity) {
      PENSTOCK_ASSIGN_OR_RETURN(medians[first], MedianOf(column, first, counts[first], capacity));
      ++first;
      continue;
    }
    std::size_t last = first;
    int64_t count = 0;
    while (last < counts.size() && count + counts[last] <= capacity) count += counts[last++];
    if (count > 0) {
      PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Numbered> sorted,
                                SortGroups(column, first, last, count));
      std::size_t at = 0;
      for (std::size_t group = first; group < last; ++group) {
        const auto size = static_cast<std::size_t>(counts[group]);
        if (size == 0) continue;
        medians[group] = Middle(sorted[at + (size - 1) / 2].number, sorted[at + size / 2].number);
        at += size;
      }
    }
    first = last;
  }
  return medians;
}

Result<std::vector<double>> GroupNumberModes(const GroupedColumn& column) {
  constexpr uint64_t kMostParts = 256;
  const int64_t bytes = column.data.rows() * int64_t{sizeof(Counted)} * 2;
  const auto parts = static_cast<uint64_t>(
      std::clamp<int64_t>(bytes / std::max<int64_t>(column.data.budget(), 1) + 1, 1, kMostParts));
  std::vector<double> modes(Groups(column), kMissing);
  std::vector<int64_t> most(Groups(column), 0);
  for (uint64_t part = 0; part < parts; ++part) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Counted> counts, CountValues(column, part, parts));
    for (const auto& [value, count] : counts) {
      const auto group = static_cast<std::size_t>(value.group);
      if (count < most[group] || (count == most[group] && value.number >= modes[group])) continue;
      most[group] = count;
      modes[group] = value.number;
    }
  }
  return modes;
}

Result<std::vector<std::optional<std::string>>> GroupTextModes(const GroupedColumn& column) {
  using Counts = std::map<std::pair<int32_t, std::string>, int64_t>;
  Counts counts;
  PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<Counts>(
      column.data, Needed(column),
      [&](int64_t, const Table& table, Counts* block) {
        const std::vector<int32_t> groups = IndexOfRows(table, column);
        const StringValues texts = AsTexts(*table.Find(column.name));
        std::map<std::pair<int32_t, int32_t>, int64_t> by_code;
        for (std::size_t i = 0; i < groups.size(); ++i) {
          if (groups[i] >= 0 && !texts.missing(i)) ++by_code[{groups[i], texts.codes[i]}];
        }
        for (const auto& [pair, count] : by_code) {
          (*block)[{pair.first, texts.dictionary[static_cast<std::size_t>(pair.second)]}] += count;
        }
        return Status::Ok();
      },
      [&](int64_t, Counts&& block) {
        for (auto& [pair, count] : block) {
          if (counts.size() <= kMostTexts) counts[pair] += count;
        }
      }));
  if (counts.size() > kMostTexts) {
    return InvalidArgument("impute: column \"" + column.name +
                           "\" has too many different values in too many groups to find the most "
                           "frequent; name fewer columns in by");
  }
  std::vector<std::optional<std::string>> modes(Groups(column));
  std::vector<int64_t> most(Groups(column), 0);
  for (const auto& [pair, count] : counts) {  // sorted: the smallest of several comes first
    const auto group = static_cast<std::size_t>(pair.first);
    if (count <= most[group]) continue;
    most[group] = count;
    modes[group] = pair.second;
  }
  return modes;
}

}  // namespace penstock

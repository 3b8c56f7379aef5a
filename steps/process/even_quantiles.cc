#include "steps/process/even_quantiles.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "base/mutex.h"
#include "steps/process/fold.h"
#include "steps/process/learn.h"
#include "steps/table/order_statistics.h"

namespace penstock {
namespace {

constexpr uint64_t kParts = 1 << 16;

class Selection {
 public:
  Selection(const FitData& data, const std::vector<std::string>& needed, const NumbersOf& numbers,
            int64_t capacity)
      : data_(data), needed_(needed), numbers_(numbers), capacity_(capacity) {}

  // Fills `found`, one for each of `ranks`, which count from the first number whose bits are in
  // [low, high]; there are `count` of these.
  Status Find(uint64_t low, uint64_t high, int64_t count, std::span<const int64_t> ranks,
              std::span<double> found) const {
    if (ranks.empty()) return Status::Ok();
    if (low == high) {
      std::fill(found.begin(), found.end(), FromOrderedBits(low));
      return Status::Ok();
    }
    if (count <= capacity_) return Sort(low, high, count, ranks, found);
    return Divide(low, high, ranks, found);
  }

 private:
  Status ForEachIn(uint64_t low, uint64_t high,
                   const std::function<void(std::vector<uint64_t>&&)>& take) const {
    return data_.ForEach(needed_, [&](int64_t, const Table& table) {
      std::vector<double> numbers;
      numbers_(table, numbers);
      std::vector<uint64_t> chosen;
      for (const double number : numbers) {
        const uint64_t bits = OrderedBits(number);
        if (bits >= low && bits <= high) chosen.push_back(bits);
      }
      take(std::move(chosen));
      return Status::Ok();
    });
  }

  Status Sort(uint64_t low, uint64_t high, int64_t count, std::span<const int64_t> ranks,
              std::span<double> found) const {
    std::vector<uint64_t> all;
    all.reserve(static_cast<std::size_t>(count));
    Mutex mutex;
    PENSTOCK_RETURN_IF_ERROR(ForEachIn(low, high, [&](std::vector<uint64_t>&& chosen) {
      MutexLock lock(mutex);
      all.insert(all.end(), chosen.begin(), chosen.end());
    }));
    std::sort(all.begin(), all.end());
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      found[i] = FromOrderedBits(all[static_cast<std::size_t>(ranks[i])]);
    }
    return Status::Ok();
  }

  Status Divide(uint64_t low, uint64_t high, std::span<const int64_t> ranks,
                std::span<double> found) const {
    const uint64_t width = (high - low) / kParts + 1;
    std::vector<int64_t> counts(kParts);
    Mutex mutex;
    PENSTOCK_RETURN_IF_ERROR(ForEachIn(low, high, [&](std::vector<uint64_t>&& chosen) {
      MutexLock lock(mutex);
      for (const uint64_t bits : chosen) ++counts[(bits - low) / width];
    }));
    int64_t below = 0;  // numbers before the run
    std::size_t rank = 0;
    for (std::size_t first = 0; first < kParts && rank < ranks.size();) {
      int64_t count = counts[first];
      std::size_t last = first;
      if (ranks[rank] >= below + count) {  // nothing is wanted of this part
        below += count;
        ++first;
        continue;
      }
      while (last + 1 < kParts && count + counts[last + 1] <= capacity_) count += counts[++last];
      std::vector<int64_t> wanted;
      while (rank + wanted.size() < ranks.size() && ranks[rank + wanted.size()] < below + count) {
        wanted.push_back(ranks[rank + wanted.size()] - below);
      }
      const uint64_t from = low + first * width;
      const uint64_t to = last + 1 == kParts ? high : std::min(high, low + (last + 1) * width - 1);
      PENSTOCK_RETURN_IF_ERROR(Find(from, to, count, wanted, found.subspan(rank, wanted.size())));
      rank += wanted.size();
      below += count;
      first = last + 1;
    }
    return Status::Ok();
  }

  const FitData& data_;
  const std::vector<std::string>& needed_;
  const NumbersOf& numbers_;
  int64_t capacity_;
};

// The ranks on both sides of each of `points` even shares of n values, and what of the upper one
// counts.
struct Share {
  int64_t low = 0;
  int64_t high = 0;
  double weight = 0;
};
std::vector<Share> EvenShares(int64_t n, int64_t points) {
  std::vector<Share> shares;
  const int64_t parts = std::max<int64_t>(points - 1, 1);
  for (int64_t i = 0; i < points; ++i) {
    const int64_t whole = (n - 1) / parts * i + (n - 1) % parts * i / parts;
    const int64_t rest = (n - 1) % parts * i % parts;
    shares.push_back({whole, std::min(whole + 1, n - 1),
                      static_cast<double>(rest) / static_cast<double>(parts)});
  }
  return shares;
}

// As numpy: exact at both ends, and monotonic; and without leaving the range of doubles.
double Between(double low, double high, double weight) {
  const double difference = high - low;
  if (!std::isfinite(difference)) return low * (1 - weight) + high * weight;
  return weight >= 0.5 ? high - difference * (1 - weight) : low + difference * weight;
}

std::vector<int64_t> RanksOf(const std::vector<Share>& shares) {
  std::vector<int64_t> ranks;
  for (const Share& share : shares) {
    ranks.push_back(share.low);
    ranks.push_back(share.high);
  }
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  return ranks;
}

void AppendFinite(const std::vector<double>& from, std::vector<double>& to) {
  for (const double number : from) {
    if (std::isfinite(number)) to.push_back(number + 0.0);
  }
}

// A column of which `count` values are finite, and the quantiles that are wanted of it.
struct Wanted {
  std::string name;
  std::size_t position = 0;
  int64_t count = 0;
  std::vector<Share> shares;
  std::vector<double> quantiles;

  // `value(rank)` of the sorted numbers.
  template <typename Value>
  void Fill(const Value& value) {
    for (const Share& share : shares) {
      quantiles.push_back(Between(value(share.low), value(share.high), share.weight));
    }
  }
};

// Columns that fit into memory together.
Status SortTogether(const FitData& data, std::span<Wanted> columns) {
  std::vector<std::string> names;
  std::vector<std::vector<double>> values(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    names.push_back(columns[i].name);
    values[i].reserve(static_cast<std::size_t>(columns[i].count));
  }
  Mutex mutex;
  PENSTOCK_RETURN_IF_ERROR(data.ForEach(names, [&](int64_t, const Table& table) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      std::vector<double> numbers;
      AppendFinite(table.columns[columns[i].position].numbers, numbers);
      MutexLock lock(mutex);
      values[i].insert(values[i].end(), numbers.begin(), numbers.end());
    }
    return Status::Ok();
  }));
  return ForEachIndex(static_cast<int64_t>(columns.size()), data.pass(), [&](int64_t i) {
    Wanted& column = columns[static_cast<std::size_t>(i)];
    std::vector<double>& sorted = values[static_cast<std::size_t>(i)];
    if (sorted.empty()) return Status::Ok();
    std::sort(sorted.begin(), sorted.end());
    column.Fill([&](int64_t rank) { return sorted[static_cast<std::size_t>(rank)]; });
    return Status::Ok();
  });
}

// One that does not.
Status SelectAlone(const FitData& data, int64_t capacity, Wanted& column) {
  const std::vector<int64_t> ranks = RanksOf(column.shares);
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<double> found,
                            SelectRanks(
                                data, {column.name},
                                [&](const Table& block, std::vector<double>& numbers) {
                                  AppendFinite(block.columns[column.position].numbers, numbers);
                                },
                                column.count, ranks, capacity));
  column.Fill([&](int64_t rank) {
    return found[static_cast<std::size_t>(std::lower_bound(ranks.begin(), ranks.end(), rank) -
                                          ranks.begin())];
  });
  return Status::Ok();
}

}  // namespace

Result<std::vector<double>> SelectRanks(const FitData& data, const std::vector<std::string>& needed,
                                        const NumbersOf& numbers, int64_t count,
                                        const std::vector<int64_t>& ranks, int64_t capacity) {
  std::vector<double> found(ranks.size());
  PENSTOCK_RETURN_IF_ERROR(Selection(data, needed, numbers, std::max<int64_t>(capacity, 1))
                               .Find(OrderedBits(std::numeric_limits<double>::lowest()),
                                     OrderedBits(std::numeric_limits<double>::max()), count, ranks,
                                     found));
  return found;
}

Result<std::vector<std::vector<double>>> LearnEvenQuantiles(
    const FitData& data, const std::vector<std::string>& names,
    const std::function<int64_t(int64_t values)>& points) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<NumberRange> ranges, LearnRanges(data, names));
  const std::vector<std::size_t> positions = PositionsOf(data, names);
  const int64_t capacity = data.budget() / 2 / int64_t{sizeof(double)};
  std::vector<Wanted> columns;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const int64_t count = ranges[i].count;
    columns.push_back({names[i],
                       positions[i],
                       count,
                       count == 0 ? std::vector<Share>() : EvenShares(count, points(count)),
                       {}});
  }
  for (std::size_t begin = 0; begin < columns.size();) {
    std::size_t end = begin;
    int64_t room = capacity;
    while (end < columns.size() && columns[end].count <= room) room -= columns[end++].count;
    if (end == begin) {
      PENSTOCK_RETURN_IF_ERROR(SelectAlone(data, capacity, columns[end++]));
    } else {
      PENSTOCK_RETURN_IF_ERROR(SortTogether(data, std::span(columns).subspan(begin, end - begin)));
    }
    begin = end;
  }
  std::vector<std::vector<double>> quantiles;
  for (Wanted& column : columns) quantiles.push_back(std::move(column.quantiles));
  return quantiles;
}

}  // namespace penstock

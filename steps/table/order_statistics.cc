#include "steps/table/order_statistics.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "steps/table/block_source.h"

namespace penstock {
namespace {

constexpr int kDigitBits = 16;
constexpr std::size_t kDigits = std::size_t{1} << kDigitBits;
constexpr int64_t kCollected = 1 << 20;
constexpr int64_t kColumnBytes = 2 * kCollected * static_cast<int64_t>(sizeof(uint64_t));
constexpr uint64_t kSign = uint64_t{1} << 63;

// A value that is looked for: the rank-th (from 0) of those whose highest bits are the range's.
struct Target {
  std::size_t slot = 0;  // where its value goes
  int64_t rank = 0;
};

// Values with the same highest bits.
struct Range {
  uint64_t prefix = 0;
  int64_t count = 0;
  std::vector<Target> targets;
  std::unique_ptr<std::atomic<int64_t>[]> digits;  // while counting
  std::vector<uint64_t> values;                    // while collecting
};

class Selection {
 public:
  Selection(std::size_t column, int64_t finite, const std::vector<int64_t>& ranks)
      : column_(column), values_(ranks.size()) {
    Range all;
    all.count = finite;
    for (std::size_t i = 0; i < ranks.size(); ++i) all.targets.push_back({i, ranks[i]});
    if (!ranks.empty()) ranges_.push_back(std::move(all));
  }

  std::size_t column() const { return column_; }
  bool done() const { return ranges_.empty(); }
  const std::vector<uint64_t>& values() const { return values_; }

  void Prepare() {
    int64_t all = 0;
    for (const Range& range : ranges_) all += range.count;
    collecting_ = all <= kCollected;
    for (Range& range : ranges_) {
      if (collecting_) {
        range.values.reserve(static_cast<std::size_t>(range.count));
      } else {
        range.digits = std::make_unique<std::atomic<int64_t>[]>(kDigits);
      }
    }
  }

  // Several blocks may be added at once.
  void Add(const std::vector<double>& numbers) {
    std::vector<std::vector<uint64_t>> found(collecting_ ? ranges_.size() : 0);
    for (const double number : numbers) {
      if (!std::isfinite(number)) continue;
      const uint64_t bits = OrderedBits(number);
      const std::optional<std::size_t> at = Find(bits);
      if (!at) continue;
      if (collecting_) {
        found[*at].push_back(bits);
      } else {
        const int shift = 64 - kDigitBits * (level_ + 1);
        ranges_[*at].digits[(bits >> shift) & (kDigits - 1)].fetch_add(1,
                                                                       std::memory_order_relaxed);
      }
    }
    if (!collecting_) return;
    MutexLock lock(mutex_);
    for (std::size_t i = 0; i < found.size(); ++i) {
      std::vector<uint64_t>& values = ranges_[i].values;
      values.insert(values.end(), found[i].begin(), found[i].end());
    }
  }

  void Finish() {
    if (collecting_) {
      for (Range& range : ranges_) {
        std::sort(range.values.begin(), range.values.end());
        for (const Target& target : range.targets) {
          values_[target.slot] = range.values[static_cast<std::size_t>(target.rank)];
        }
      }
      ranges_.clear();
      return;
    }
    ++level_;
    std::vector<Range> next;
    for (const Range& range : ranges_) Narrow(range, next);
    ranges_ = std::move(next);
    if (kDigitBits * level_ < 64) return;
    for (const Range& range : ranges_) {
      for (const Target& target : range.targets) values_[target.slot] = range.prefix;
    }
    ranges_.clear();
  }

 private:
  // The range that a value lies in, if its highest bits are looked for.
  std::optional<std::size_t> Find(uint64_t bits) const {
    if (level_ == 0) return 0;
    const uint64_t prefix = bits >> (64 - kDigitBits * level_);
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
      if (ranges_[i].prefix == prefix) return i;
    }
    return std::nullopt;
  }

  // Targets are sorted by rank.
  static void Narrow(const Range& range, std::vector<Range>& next) {
    int64_t below = 0;
    std::size_t target = 0;
    for (std::size_t digit = 0; digit < kDigits && target < range.targets.size(); ++digit) {
      const int64_t count = range.digits[digit];
      if (range.targets[target].rank < below + count) {
        Range narrower;
        narrower.prefix = (range.prefix << kDigitBits) | digit;
        narrower.count = count;
        for (; target < range.targets.size() && range.targets[target].rank < below + count;
             ++target) {
          narrower.targets.push_back(
              {range.targets[target].slot, range.targets[target].rank - below});
        }
        next.push_back(std::move(narrower));
      }
      below += count;
    }
  }

  std::size_t column_;
  int level_ = 0;  // digits that ranges have in common
  bool collecting_ = false;
  std::vector<Range> ranges_;
  std::vector<uint64_t> values_;
  Mutex mutex_;
};

// numpy's: exact at both ends, and monotonic.
double Between(double low, double high, double share) {
  const double difference = high - low;
  return share >= 0.5 ? high - difference * (1 - share) : low + difference * share;
}

// The ranks on both sides of each quantile, sorted, each once.
std::vector<int64_t> RanksOf(const std::vector<double>& shares, int64_t finite) {
  std::vector<int64_t> ranks;
  if (finite == 0) return ranks;
  for (const double share : shares) {
    const auto low = static_cast<int64_t>(static_cast<double>(finite - 1) * share);
    ranks.push_back(low);
    ranks.push_back(std::min(low + 1, finite - 1));
  }
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  return ranks;
}

std::vector<double> FromRanks(const std::vector<double>& shares, int64_t finite,
                              const std::vector<int64_t>& ranks,
                              const std::vector<uint64_t>& values) {
  std::vector<double> quantiles;
  if (finite == 0) return quantiles;
  const auto value = [&](int64_t rank) {
    const auto at = std::lower_bound(ranks.begin(), ranks.end(), rank) - ranks.begin();
    return FromOrderedBits(values[static_cast<std::size_t>(at)]);
  };
  for (const double share : shares) {
    const double at = static_cast<double>(finite - 1) * share;
    const auto low = static_cast<int64_t>(at);
    quantiles.push_back(
        Between(value(low), value(std::min(low + 1, finite - 1)), at - static_cast<double>(low)));
  }
  return quantiles;
}

}  // namespace

uint64_t OrderedBits(double value) {
  const auto bits = std::bit_cast<uint64_t>(value + 0.0);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

double FromOrderedBits(uint64_t bits) {
  return std::bit_cast<double>((bits & kSign) != 0 ? bits & ~kSign : ~bits);
}

Result<std::vector<std::vector<double>>> Quantiles(const BlockSource& source,
                                                   const std::vector<QuantileRequest>& requests,
                                                   const std::vector<double>& shares,
                                                   int64_t budget) {
  std::vector<std::vector<double>> quantiles(requests.size());
  std::vector<std::size_t> all(requests.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  const int64_t bytes =
      std::min(kColumnBytes, std::max<int64_t>(source.rows(), 1) * int64_t{sizeof(uint64_t)} * 2);
  for (const std::vector<std::size_t>& group : GroupColumns(all, bytes, budget)) {
    std::vector<std::unique_ptr<Selection>> selections;
    std::vector<std::vector<int64_t>> ranks;
    for (const std::size_t i : group) {
      ranks.push_back(RanksOf(shares, requests[i].finite));
      selections.push_back(
          std::make_unique<Selection>(requests[i].column, requests[i].finite, ranks.back()));
    }
    while (true) {
      std::vector<Selection*> open;
      std::vector<std::size_t> columns;
      for (const auto& selection : selections) {
        if (selection->done()) continue;
        selection->Prepare();
        open.push_back(selection.get());
        columns.push_back(selection->column());
      }
      if (open.empty()) break;
      PENSTOCK_RETURN_IF_ERROR(
          source.ForEach(NamesOf(source, columns), [&](int64_t block, const Table& table) {
            // Blocks begin with different columns, so as not to wait for each other.
            for (std::size_t i = 0; i < open.size(); ++i) {
              Selection& selection = *open[(i + static_cast<std::size_t>(block)) % open.size()];
              selection.Add(table.columns[selection.column()].numbers);
            }
            return Status::Ok();
          }));
      for (Selection* selection : open) selection->Finish();
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
      quantiles[group[i]] =
          FromRanks(shares, requests[group[i]].finite, ranks[i], selections[i]->values());
    }
  }
  return quantiles;
}

}  // namespace penstock

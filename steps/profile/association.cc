#include "steps/profile/association.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace penstock {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

std::vector<double> AverageRanks(std::span<const double> values) {
  std::vector<std::size_t> order;
  order.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) order.push_back(i);
  }
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size(), kNaN);
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) {
      ranks[order[i]] = static_cast<double>(begin + end + 1) / 2;
    }
    begin = end;
  }
  return ranks;
}

double Auc(std::span<const double> values, const std::vector<bool>& positive) {
  const std::vector<double> ranks = AverageRanks(values);
  double sum = 0;
  double yes = 0;
  double no = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (std::isnan(ranks[i])) continue;
    (positive[i] ? yes : no) += 1;
    if (positive[i]) sum += ranks[i];
  }
  if (yes == 0 || no == 0) return kNaN;
  return (sum - yes * (yes + 1) / 2) / (yes * no);
}

double CramersV(const std::vector<int64_t>& counts, std::size_t columns) {
  if (columns == 0) return kNaN;
  const std::size_t rows = counts.size() / columns;
  std::vector<double> of_row(rows);
  std::vector<double> of_column(columns);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    of_row[i / columns] += static_cast<double>(counts[i]);
    of_column[i % columns] += static_cast<double>(counts[i]);
  }
  const double n = std::accumulate(of_row.begin(), of_row.end(), 0.0);
  const auto used = [](const std::vector<double>& sums) {
    return static_cast<double>(
        std::count_if(sums.begin(), sums.end(), [](double sum) { return sum > 0; }));
  };
  const double r = used(of_row);
  const double k = used(of_column);
  if (r < 2 || k < 2) return kNaN;
  double share = 0;  // chi^2 / n + 1
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const auto count = static_cast<double>(counts[i]);
    share += count / of_row[i / columns] * (count / of_column[i % columns]);
  }
  const double phi = std::max(0.0, share - 1 - (k - 1) * (r - 1) / (n - 1));
  const double smaller =
      std::min(k - (k - 1) * (k - 1) / (n - 1), r - (r - 1) * (r - 1) / (n - 1)) - 1;
  if (!(smaller > 0)) return kNaN;
  return std::min(1.0, std::sqrt(phi / smaller));
}

void GroupMoments::Add(double value) {
  ++count;
  const double delta = value - mean;
  mean += delta / static_cast<double>(count);
  m2 += delta * (value - mean);
}

void GroupMoments::Merge(const GroupMoments& other) {
  if (other.count == 0) return;
  if (count == 0) {
    *this = other;
    return;
  }
  const auto a = static_cast<double>(count);
  const auto b = static_cast<double>(other.count);
  const double delta = other.mean - mean;
  m2 += other.m2 + delta * delta * a * b / (a + b);
  mean += delta * b / (a + b);
  count += other.count;
}

namespace {

struct Spread {
  double groups = 0;
  double values = 0;
  double within = 0;
  double all = 0;
};

Spread SpreadOf(const std::vector<GroupMoments>& groups) {
  Spread spread;
  GroupMoments all;
  for (const GroupMoments& group : groups) {
    if (group.count == 0) continue;
    spread.groups += 1;
    spread.within += group.m2;
    all.Merge(group);
  }
  spread.values = static_cast<double>(all.count);
  spread.all = all.m2;
  return spread;
}

}  // namespace

double EtaSquared(const std::vector<GroupMoments>& groups) {
  const Spread spread = SpreadOf(groups);
  if (spread.groups < 2 || !(spread.all > 0) || !std::isfinite(spread.all)) return kNaN;
  return std::clamp(1 - spread.within / spread.all, 0.0, 1.0);
}

double EpsilonSquared(const std::vector<GroupMoments>& groups) {
  const double eta = EtaSquared(groups);
  const Spread spread = SpreadOf(groups);
  if (std::isnan(eta) || spread.values <= spread.groups) return kNaN;
  return std::max(0.0, 1 - (1 - eta) * (spread.values - 1) / (spread.values - spread.groups));
}

double RankSeparation(std::span<const double> ranks, std::span<const int32_t> groups,
                      std::size_t group_count) {
  std::vector<GroupMoments> moments(group_count);
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (groups[i] < 0 || std::isnan(ranks[i])) continue;
    moments[static_cast<std::size_t>(groups[i])].Add(ranks[i]);
  }
  const double eta = EtaSquared(moments);
  double n = 0;
  double within = 0;
  for (const GroupMoments& group : moments) {
    const auto count = static_cast<double>(group.count);
    n += count;
    within += count * count * count - count;
  }
  // Ranks of a group that no other lies between are consecutive: n (n^2 - 1) / 12 of squares.
  const double best = 1 - within / (n * n * n - n);
  return std::isnan(eta) || !(best > 0) ? kNaN : std::min(1.0, eta / best);
}

}  // namespace penstock

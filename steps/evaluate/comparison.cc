#include "steps/evaluate/comparison.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <thread>

#include "base/random.h"

namespace penstock {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Measure Undefined(const std::string& reason) {
  return {kNaN, reason};
}

// Rows by falling score, cut into ties: the order is the same for every resample.
struct Ranking {
  explicit Ranking(const std::vector<double>& scores)
      : order(scores.size()), ends_tie(order.size()) {
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
    });
    for (std::size_t i = 0; i < order.size(); ++i) {
      ends_tie[i] = i + 1 == order.size() || scores[order[i]] != scores[order[i + 1]];
    }
  }
  std::vector<std::size_t> order;
  std::vector<bool> ends_tie;
};

// The measures of both models on rows that weigh what they are told; NaN where undefined.
class Pair {
 public:
  Pair(PairedMeasure measure, const PairedRows& rows)
      : measure_(measure),
        rows_(rows),
        first_(measure == PairedMeasure::kAuc ? rows.first : std::vector<double>()),
        second_(measure == PairedMeasure::kAuc ? rows.second : std::vector<double>()) {}

  double First(const std::vector<double>& weights) const {
    return Of(rows_.first, first_, weights);
  }
  double Second(const std::vector<double>& weights) const {
    return Of(rows_.second, second_, weights);
  }

 private:
  double Of(const std::vector<double>& values, const Ranking& ranking,
            const std::vector<double>& weights) const {
    if (measure_ == PairedMeasure::kAuc) return Auc(ranking, weights);
    double sum = 0;
    double total = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double error = measure_ == PairedMeasure::kRmse ? values[i] - rows_.labels[i] : 0;
      sum += weights[i] * (measure_ == PairedMeasure::kRmse ? error * error : values[i]);
      total += weights[i];
    }
    if (total <= 0) return kNaN;
    return measure_ == PairedMeasure::kRmse ? std::sqrt(sum / total) : sum / total;
  }

  double Auc(const Ranking& ranking, const std::vector<double>& weights) const {
    double area = 0;
    double positives = 0;
    double negatives = 0;
    double tied_positives = 0;
    double tied_negatives = 0;
    for (std::size_t i = 0; i < ranking.order.size(); ++i) {
      const std::size_t row = ranking.order[i];
      (rows_.labels[row] > 0.5 ? tied_positives : tied_negatives) += weights[row];
      if (!ranking.ends_tie[i]) continue;
      area += tied_negatives * (positives + tied_positives / 2);
      positives += tied_positives;
      negatives += tied_negatives;
      tied_positives = tied_negatives = 0;
    }
    return positives > 0 && negatives > 0 ? area / (positives * negatives) : kNaN;
  }

  const PairedMeasure measure_;
  const PairedRows& rows_;
  const Ranking first_;
  const Ranking second_;
};

double Resample(const Pair& pair, const PairedRows& rows, int number,
                std::vector<double>& weights) {
  const auto count = static_cast<uint64_t>(rows.first.size());
  SeededRandom random(kBootstrapSeed + static_cast<uint64_t>(number));
  std::fill(weights.begin(), weights.end(), 0.0);
  for (uint64_t i = 0; i < count; ++i) {
    __extension__ using Wide = unsigned __int128;
    const auto row = static_cast<std::size_t>((static_cast<Wide>(random.Next()) * count) >> 64);
    weights[row] += rows.weights.empty() ? 1.0 : rows.weights[row];
  }
  return pair.First(weights) - pair.Second(weights);
}

// The differences that are defined, in ascending order.
std::vector<double> Differences(const Pair& pair, const PairedRows& rows, int threads,
                                const std::function<bool()>& cancelled) {
  std::vector<double> all(kResamples, kNaN);
  std::atomic<int> next = 0;
  const auto work = [&] {
    std::vector<double> weights(rows.first.size());
    for (int b = next++; b < kResamples && !cancelled(); b = next++) {
      all[static_cast<std::size_t>(b)] = Resample(pair, rows, b, weights);
    }
  };
  std::vector<std::thread> helpers;
  for (int i = 1; i < threads; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  std::erase_if(all, [](double value) { return std::isnan(value); });
  std::sort(all.begin(), all.end());
  return all;
}

double Quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  if (below + 1 >= sorted.size()) return sorted.back();
  return sorted[below] + (at - std::floor(at)) * (sorted[below + 1] - sorted[below]);
}

double TwoSided(const std::vector<double>& sorted) {
  const auto zero = std::equal_range(sorted.begin(), sorted.end(), 0.0);
  const auto at_most = static_cast<double>(zero.second - sorted.begin());
  const auto at_least = static_cast<double>(sorted.end() - zero.first);
  return std::min(1.0,
                  2 * (std::min(at_most, at_least) + 1) / (static_cast<double>(sorted.size()) + 1));
}

}  // namespace

PairedDifference ComparePaired(PairedMeasure measure, const PairedRows& rows, int threads,
                               const std::function<bool()>& cancelled) {
  const Pair pair(measure, rows);
  std::vector<double> weights = rows.weights;
  if (weights.empty()) weights.assign(rows.first.size(), 1.0);
  const double first = pair.First(weights);
  const double second = pair.Second(weights);
  if (std::isnan(first) || std::isnan(second)) {
    const Measure none = Undefined(measure == PairedMeasure::kAuc ? "all rows are of one class"
                                                                  : "there are no rows");
    return {none, none, none, none, none, none};
  }
  PairedDifference result{{first, {}}, {second, {}}, {first - second, {}}, {}, {}, {}};
  const std::vector<double> differences = Differences(pair, rows, threads, cancelled);
  if (differences.empty()) {
    result.low = result.high = result.p = Undefined("the measure is undefined on every resample");
    return result;
  }
  result.low = {Quantile(differences, 0.025), {}};
  result.high = {Quantile(differences, 0.975), {}};
  result.p = {TwoSided(differences), {}};
  return result;
}

}  // namespace penstock

#include "steps/profile/columns.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/mutex.h"
#include "steps/table/block_source.h"
#include "steps/table/hashing.h"
#include "steps/table/moments.h"
#include "steps/table/order_statistics.h"
#include "steps/profile/value_counts.h"

namespace penstock {
namespace {

// A value of which one in so many rows is, is frequent.
constexpr int64_t kFrequent = 1'000;
const std::vector<double> kShares = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99};

// Whole numbers up to here are doubles, each of them.
constexpr double kWhole = 0x1p53;

constexpr char kNoValues[] = "there are no finite values";
constexpr char kTooLarge[] = "the values are too large to be added up";

int64_t Characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

// What one block says of one column.
struct Figures {
  int64_t count = 0;
  // Numbers.
  Moments moments;
  int64_t infinite = 0;
  int64_t zeros = 0;
  int64_t negatives = 0;
  bool whole = true;
  double minimum = std::numeric_limits<double>::infinity();
  double maximum = -std::numeric_limits<double>::infinity();
  // Texts.
  int64_t characters = 0;
  int64_t shortest = std::numeric_limits<int64_t>::max();
  int64_t longest = 0;
  std::string first;
  std::string last;

  void Merge(Figures&& other) {
    if (other.count > 0 && (count == 0 || other.first < first)) first = std::move(other.first);
    if (other.count > 0 && (count == 0 || other.last > last)) last = std::move(other.last);
    count += other.count;
    moments.Merge(other.moments);
    infinite += other.infinite;
    zeros += other.zeros;
    negatives += other.negatives;
    whole = whole && other.whole;
    minimum = std::min(minimum, other.minimum);
    maximum = std::max(maximum, other.maximum);
    characters += other.characters;
    shortest = std::min(shortest, other.shortest);
    longest = std::max(longest, other.longest);
  }
};

// What all blocks fill together; what it comes to does not depend on their order.
struct Shared {
  Mutex mutex;
  ValueCounts values;
  std::unordered_set<uint64_t> frequent;          // of some block
  std::set<std::pair<int64_t, std::string>> top;  // minus the count, and the value
  std::unordered_map<std::string, int64_t> recounted;
};

std::vector<int64_t> CountCodes(const StringValues& texts) {
  std::vector<int64_t> counts(texts.dictionary.size());
  for (const int32_t code : texts.codes) {
    if (code >= 0) ++counts[static_cast<std::size_t>(code)];
  }
  return counts;
}

void AddNumbers(const std::vector<double>& numbers, Figures& figures, Shared& shared) {
  figures.moments = Moments::Of(numbers);
  MutexLock lock(shared.mutex);
  for (const double value : numbers) {
    if (std::isnan(value)) continue;
    ++figures.count;
    shared.values.Add(HashNumber(value), 1);
    if (std::isinf(value)) {
      ++figures.infinite;
      continue;
    }
    figures.zeros += value == 0 ? 1 : 0;
    figures.negatives += value < 0 ? 1 : 0;
    figures.whole = figures.whole && value == std::floor(value);
    figures.minimum = std::min(figures.minimum, value);
    figures.maximum = std::max(figures.maximum, value);
  }
}

void AddTexts(const StringValues& texts, bool dates, Figures& figures, Shared& shared) {
  const std::vector<int64_t> counts = CountCodes(texts);
  for (const int64_t count : counts) figures.count += count;
  MutexLock lock(shared.mutex);
  bool begun = false;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const std::string& text = texts.dictionary[i];
    const int64_t characters = Characters(text);
    figures.characters += characters * counts[i];
    figures.shortest = std::min(figures.shortest, characters);
    figures.longest = std::max(figures.longest, characters);
    if (dates && (!begun || text < figures.first)) figures.first = text;
    if (dates && (!begun || text > figures.last)) figures.last = text;
    begun = true;
    const uint64_t hash = HashText(text).high;
    shared.values.Add(hash, static_cast<uint64_t>(counts[i]));
    if (counts[i] * kFrequent >= figures.count) shared.frequent.insert(hash);
  }
}

// Finds the texts of the most frequent values: of those that occur `least` times at least.
void FindTop(const StringValues& texts, int64_t least, std::size_t top, Shared& shared) {
  std::set<std::pair<int64_t, std::string>> found;
  for (const std::string& text : texts.dictionary) {
    const auto count = static_cast<int64_t>(shared.values.CountOf(HashText(text).high));
    if (count < least || count == 0) continue;
    if (found.size() == top && std::pair(-count, text) > *found.rbegin()) continue;
    found.emplace(-count, text);
    if (found.size() > top) found.erase(std::prev(found.end()));
  }
  MutexLock lock(shared.mutex);
  shared.top.merge(found);
  while (shared.top.size() > top) shared.top.erase(std::prev(shared.top.end()));
}

void Recount(const StringValues& texts, Shared& shared) {
  const std::vector<int64_t> counts = CountCodes(texts);
  MutexLock lock(shared.mutex);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0 || !shared.frequent.contains(HashText(texts.dictionary[i]).high)) continue;
    shared.recounted[texts.dictionary[i]] += counts[i];
  }
}

double Defined(double value, const std::string& name, const std::string& reason,
               NumberSummary& numbers) {
  if (std::isfinite(value)) return value;
  numbers.reasons[name] = reason;
  return kUndefined;
}

void TakeNumbers(const Figures& figures, NumberSummary& numbers) {
  const Moments& moments = figures.moments;
  numbers.finite = moments.count;
  numbers.infinite = figures.infinite;
  numbers.zeros = figures.zeros;
  numbers.negatives = figures.negatives;
  numbers.whole = figures.whole;
  if (moments.count == 0) {
    for (const char* name :
         {"mean", "standard_deviation", "minimum", "maximum", "p1", "p5", "q1", "median", "q3",
          "p95", "p99", "skewness", "kurtosis", "histogram", "outliers"}) {
      numbers.reasons[name] = kNoValues;
    }
    return;
  }
  numbers.minimum = figures.minimum;
  numbers.maximum = figures.maximum;
  const bool same = numbers.minimum == numbers.maximum;
  const std::string flat = "all values are equal";
  numbers.mean = same ? numbers.minimum : Defined(moments.mean, "mean", kTooLarge, numbers);
  numbers.standard_deviation =
      same && moments.count > 1
          ? 0
          : Defined(moments.StandardDeviation(), "standard_deviation",
                    moments.count < 2 ? "it takes two values" : kTooLarge, numbers);
  numbers.skewness = Defined(same ? kUndefined : moments.Skewness(), "skewness",
                             moments.count < 3 ? "it takes three values"
                             : same            ? flat
                                               : kTooLarge,
                             numbers);
  numbers.kurtosis = Defined(same ? kUndefined : moments.Kurtosis(), "kurtosis",
                             moments.count < 4 ? "it takes four values"
                             : same            ? flat
                                               : kTooLarge,
                             numbers);
}

void TakeQuantiles(const std::vector<double>& quantiles, NumberSummary& numbers) {
  if (quantiles.empty()) return;
  const std::pair<const char*, double*> fields[] = {
      {"p1", &numbers.p1}, {"p5", &numbers.p5},   {"q1", &numbers.q1},  {"median", &numbers.median},
      {"q3", &numbers.q3}, {"p95", &numbers.p95}, {"p99", &numbers.p99}};
  for (std::size_t i = 0; i < kShares.size(); ++i) {
    *fields[i].second = Defined(quantiles[i], fields[i].first, kTooLarge, numbers);
  }
  const double range = numbers.q3 - numbers.q1;
  numbers.fence_low = numbers.q1 - 1.5 * range;
  numbers.fence_high = numbers.q3 + 1.5 * range;
  if (!std::isfinite(numbers.fence_low) || !std::isfinite(numbers.fence_high)) {
    numbers.fence_low = numbers.fence_high = kUndefined;
    numbers.reasons["outliers"] = kTooLarge;
  }
}

void TakeTexts(const Figures& figures, TextSummary& texts) {
  if (figures.count == 0) return;
  texts.shortest = figures.shortest;
  texts.longest = figures.longest;
  texts.mean_length = static_cast<double>(figures.characters) / static_cast<double>(figures.count);
  texts.first = figures.first;
  texts.last = figures.last;
}

void TakeTop(const Shared& shared, std::size_t top, ColumnProfile& profile) {
  TextSummary& texts = profile.texts;
  if (profile.distinct_exact) {
    for (const auto& [count, value] : shared.top) texts.top.push_back({value, -count});
    return;
  }
  texts.frequent_only = true;
  for (const auto& [value, count] : shared.recounted) {
    if (count * kFrequent >= profile.count) texts.top.push_back({value, count});
  }
  std::sort(texts.top.begin(), texts.top.end(), [](const TopValue& a, const TopValue& b) {
    return std::pair(-a.count, std::string_view(a.value)) <
           std::pair(-b.count, std::string_view(b.value));
  });
  if (texts.top.size() > top) texts.top.resize(top);
}

// The columns of one group: their counts, sums and most frequent values.
Status ProfileGroup(const Frame& frame, const std::vector<std::size_t>& group,
                    const ColumnOptions& options, std::vector<ColumnProfile>& profiles) {
  const auto top = [&](std::size_t i) -> std::size_t {
    const bool label = profiles[group[i]].info.name == options.label;
    return static_cast<std::size_t>(label ? std::max<int64_t>(options.top, kMostCategories)
                                          : options.top);
  };
  std::vector<std::unique_ptr<Shared>> shared(group.size());
  for (auto& each : shared) each = std::make_unique<Shared>();
  std::vector<Figures> all(group.size());
  // Blocks begin with different columns, so as not to wait for each other.
  const auto turn = [&](std::size_t i, int64_t block) {
    return (i + static_cast<std::size_t>(block)) % group.size();
  };
  PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<std::vector<Figures>>(
      frame, NamesOf(frame, group),
      [&](int64_t block, const Table& table, std::vector<Figures>* figures) {
        figures->resize(group.size());
        StringValues storage;
        for (std::size_t i = 0; i < group.size(); ++i) {
          const std::size_t at = turn(i, block);
          const Column& column = table.columns[group[at]];
          const ColumnView view = profiles[group[at]].view;
          if (view == ColumnView::kNumbers) {
            AddNumbers(column.numbers, (*figures)[at], *shared[at]);
          } else {
            AddTexts(TextsOf(column, storage), view == ColumnView::kDates, (*figures)[at],
                     *shared[at]);
          }
        }
        return Status::Ok();
      },
      [&](int64_t, std::vector<Figures>&& figures) {
        for (std::size_t i = 0; i < group.size(); ++i) all[i].Merge(std::move(figures[i]));
      }));
  std::vector<std::size_t> of_texts;  // positions in the group
  std::vector<std::size_t> columns;
  std::vector<int64_t> least(group.size());
  for (std::size_t i = 0; i < group.size(); ++i) {
    ColumnProfile& profile = profiles[group[i]];
    const ValueCounts& values = shared[i]->values;
    profile.count = all[i].count;
    profile.missing = frame.rows() - profile.count;
    profile.distinct = values.distinct();
    profile.distinct_exact = values.exact();
    if (values.exact() && values.distinct() <= kMostCategories) {
      for (const ValueCounts::Entry& entry : values.Entries()) {
        profile.categories.push_back(entry.hash);
      }
    }
    if (profile.view == ColumnView::kNumbers) {
      TakeNumbers(all[i], profile.numbers);
      if (values.exact() && values.distinct() == 2 && profile.numbers.infinite == 0) {
        const auto count = [&](double value) {
          return static_cast<int64_t>(values.CountOf(HashNumber(value)));
        };
        profile.numbers.at_minimum = count(profile.numbers.minimum);
        profile.numbers.at_maximum = count(profile.numbers.maximum);
      }
      continue;
    }
    TakeTexts(all[i], profile.texts);
    least[i] = static_cast<int64_t>(values.NthCount(static_cast<int64_t>(top(i))));
    of_texts.push_back(i);
    columns.push_back(group[i]);
  }
  if (of_texts.empty()) return Status::Ok();
  PENSTOCK_RETURN_IF_ERROR(
      frame.ForEach(NamesOf(frame, columns), [&](int64_t block, const Table& table) {
        StringValues storage;
        for (std::size_t i = 0; i < of_texts.size(); ++i) {
          const std::size_t at = of_texts[(i + static_cast<std::size_t>(block)) % of_texts.size()];
          const StringValues& texts = TextsOf(table.columns[group[at]], storage);
          if (profiles[group[at]].distinct_exact) {
            FindTop(texts, least[at], top(at), *shared[at]);
          } else {
            Recount(texts, *shared[at]);
          }
        }
        return Status::Ok();
      }));
  for (const std::size_t i : of_texts) TakeTop(*shared[i], top(i), profiles[group[i]]);
  return Status::Ok();
}

struct Bins {
  std::vector<int64_t> counts;
  int64_t outside_fences = 0;
  int64_t far_from_mean = 0;
};

void CountBins(const std::vector<double>& values, const NumberSummary& numbers, Bins& bins) {
  const std::vector<double>& edges = numbers.histogram.edges;
  bins.counts.resize(edges.empty() ? 0 : edges.size() - 1);
  const double far = 3 * numbers.standard_deviation;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    if (!edges.empty()) ++bins.counts[BinOf(value, edges)];
    bins.outside_fences += value < numbers.fence_low || value > numbers.fence_high ? 1 : 0;
    bins.far_from_mean += std::fabs(value - numbers.mean) > far ? 1 : 0;
  }
}

// Histograms and outliers, once the quantiles are known.
Status CountAllBins(const Frame& frame, const std::vector<std::size_t>& columns, int max_bins,
                    std::vector<ColumnProfile>& profiles) {
  for (const std::size_t column : columns) {
    NumberSummary& numbers = profiles[column].numbers;
    if (numbers.finite == 0) continue;
    numbers.histogram.edges = HistogramEdges(numbers, max_bins);
    if (numbers.histogram.edges.empty()) {
      numbers.reasons["histogram"] = kTooLarge;
    } else {
      numbers.histogram.counts.resize(numbers.histogram.edges.size() - 1);
    }
  }
  return ReduceBlocks<std::vector<Bins>>(
      frame, NamesOf(frame, columns),
      [&](int64_t, const Table& table, std::vector<Bins>* bins) {
        bins->resize(columns.size());
        for (std::size_t i = 0; i < columns.size(); ++i) {
          CountBins(table.columns[columns[i]].numbers, profiles[columns[i]].numbers, (*bins)[i]);
        }
        return Status::Ok();
      },
      [&](int64_t, std::vector<Bins>&& bins) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
          NumberSummary& numbers = profiles[columns[i]].numbers;
          for (std::size_t k = 0; k < bins[i].counts.size(); ++k) {
            numbers.histogram.counts[k] += bins[i].counts[k];
          }
          numbers.outside_fences += bins[i].outside_fences;
          numbers.far_from_mean += bins[i].far_from_mean;
        }
      });
}

}  // namespace

ColumnView ViewOf(const ColumnInfo& column) {
  if (column.type == ColumnType::kDate || column.type == ColumnType::kTimestamp) {
    return ColumnView::kDates;
  }
  const bool text = column.type == ColumnType::kString;
  if (text) return column.kind == ColumnKind::kDate ? ColumnView::kDates : ColumnView::kTexts;
  const bool number = column.kind == ColumnKind::kNumeric && column.type != ColumnType::kBoolean;
  return number ? ColumnView::kNumbers : ColumnView::kTexts;
}

const StringValues& TextsOf(const Column& column, StringValues& storage) {
  if (column.is_text()) return column.strings;
  storage = {};
  storage.codes.reserve(column.numbers.size());
  std::unordered_map<uint64_t, int32_t> codes;
  for (std::size_t i = 0; i < column.numbers.size(); ++i) {
    if (column.missing(i)) {
      storage.codes.push_back(-1);
      continue;
    }
    const auto [at, fresh] = codes.emplace(HashNumber(column.numbers[i]),
                                           static_cast<int32_t>(storage.dictionary.size()));
    if (fresh) {
      storage.dictionary.push_back(column.info.type == ColumnType::kBoolean
                                       ? (column.numbers[i] != 0 ? "true" : "false")
                                       : column.text(i));
    }
    storage.codes.push_back(at->second);
  }
  return storage;
}

Result<std::vector<ColumnProfile>> ProfileColumns(const Frame& frame,
                                                  const ColumnOptions& options) {
  std::vector<ColumnProfile> profiles;
  std::vector<std::size_t> all;
  std::vector<std::size_t> numeric;
  for (const ColumnInfo& info : frame.columns()) {
    ColumnProfile profile;
    profile.info = info;
    profile.view = ViewOf(info);
    if (profile.view == ColumnView::kNumbers) numeric.push_back(profiles.size());
    all.push_back(profiles.size());
    profiles.push_back(std::move(profile));
  }
  const int64_t bytes = std::min(kValueCountsBytes, std::max<int64_t>(frame.rows(), 1) * 64);
  for (const auto& group : GroupColumns(all, bytes, options.budget)) {
    PENSTOCK_RETURN_IF_ERROR(ProfileGroup(frame, group, options, profiles));
  }
  std::vector<QuantileRequest> requests;
  for (const std::size_t column : numeric) {
    requests.push_back({column, profiles[column].numbers.finite});
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::vector<double>> quantiles,
                            Quantiles(frame, requests, kShares, options.budget));
  for (std::size_t i = 0; i < numeric.size(); ++i) {
    TakeQuantiles(quantiles[i], profiles[numeric[i]].numbers);
  }
  PENSTOCK_RETURN_IF_ERROR(CountAllBins(frame, numeric, options.max_bins, profiles));
  return profiles;
}

std::vector<double> HistogramEdges(const NumberSummary& numbers, int most) {
  const double low = numbers.minimum;
  const double range = numbers.maximum - low;
  if (!(range > 0) || !std::isfinite(range)) return BinEdges(low, numbers.maximum, 1);
  const auto n = static_cast<double>(numbers.finite);
  double width = range / (std::log2(n) + 1);
  const double diaconis = 2 * (numbers.q3 - numbers.q1) / std::cbrt(n);
  if (diaconis > 0) width = std::min(width, diaconis);
  if (numbers.whole && std::max(std::fabs(low), std::fabs(numbers.maximum)) <= kWhole) {
    width = std::max(1.0, std::round(width));
    if (std::floor(range / width) + 1 > most) width = std::ceil((range + 1) / most);
    const double bins = std::floor(range / width) + 1;
    return BinEdges(low, low + bins * width, static_cast<int>(bins));
  }
  const double bins = std::ceil(range / width);
  return BinEdges(low, numbers.maximum, bins >= most ? most : std::max(1, static_cast<int>(bins)));
}

std::vector<double> BinEdges(double low, double high, int bins) {
  if (low == high) {
    low -= 0.5;
    high += 0.5;
  }
  if (!std::isfinite(high - low)) return {};
  const double step = (high - low) / bins;
  std::vector<double> edges;
  for (int i = 0; i < bins; ++i) edges.push_back(low + i * step);
  edges.push_back(high);
  return edges;
}

std::size_t BinOf(double value, const std::vector<double>& edges) {
  const std::size_t bins = edges.size() - 1;
  const double at =
      (value - edges.front()) / (edges.back() - edges.front()) * static_cast<double>(bins);
  std::size_t bin = at > 0 ? std::min(static_cast<std::size_t>(at), bins - 1) : 0;
  while (bin > 0 && value < edges[bin]) --bin;
  while (bin + 1 < bins && value >= edges[bin + 1]) ++bin;
  return bin;
}

}  // namespace penstock

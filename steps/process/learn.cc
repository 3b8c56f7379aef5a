#include "steps/process/learn.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "base/mutex.h"
#include "steps/process/operation.h"
#include "steps/table/block_source.h"
#include "steps/table/hashing.h"
#include "steps/table/order_statistics.h"

namespace penstock {
namespace {

// Positions of columns in every table of a pass.
std::vector<std::size_t> Positions(const FitData& data, const std::vector<std::string>& names) {
  std::unordered_map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < data.columns().size(); ++i) index.emplace(data.columns()[i].name, i);
  std::vector<std::size_t> positions;
  for (const std::string& name : names) positions.push_back(index.at(name));
  return positions;
}

// Neumaier's compensated sum.
struct Sum {
  int64_t count = 0;
  double sum = 0;
  double lost = 0;

  void Add(double value) {
    const double next = sum + value;
    lost += std::fabs(sum) >= std::fabs(value) ? (sum - next) + value : (value - next) + sum;
    sum = next;
  }
};

// One T a column, made by `of` in each block and put together by `merge` in their order.
template <typename T, typename Of, typename Merge>
Result<std::vector<T>> Fold(const FitData& data, const std::vector<std::string>& names,
                            const Of& of, const Merge& merge) {
  const std::vector<std::size_t> positions = Positions(data, names);
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

}  // namespace

Result<std::vector<Moments>> LearnMoments(const FitData& data,
                                          const std::vector<std::string>& names) {
  return Fold<Moments>(
      data, names, [](const Column& column) { return Moments::Of(column.numbers); },
      [](Moments& all, Moments&& block) { all.Merge(block); });
}

Result<std::vector<double>> LearnMeans(const FitData& data, const std::vector<std::string>& names) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Sum> sums,
                            (Fold<Sum>(
                                data, names,
                                [](const Column& column) {
                                  Sum sum;
                                  for (const double value : column.numbers) {
                                    if (!std::isfinite(value)) continue;
                                    sum.Add(value);
                                    ++sum.count;
                                  }
                                  return sum;
                                },
                                [](Sum& all, Sum&& block) {
                                  all.Add(block.sum);
                                  all.Add(block.lost);
                                  all.count += block.count;
                                })));
  std::vector<double> means;
  for (const Sum& sum : sums) {
    means.push_back(sum.count == 0 ? kMissing
                                   : (sum.sum + sum.lost) / static_cast<double>(sum.count));
  }
  return means;
}

Result<std::vector<NumberRange>> LearnRanges(const FitData& data,
                                             const std::vector<std::string>& names) {
  return Fold<NumberRange>(
      data, names,
      [](const Column& column) {
        NumberRange range;
        for (const double value : column.numbers) {
          if (!std::isfinite(value)) continue;
          range.minimum = range.count == 0 ? value : std::min(range.minimum, value);
          range.maximum = range.count == 0 ? value : std::max(range.maximum, value);
          ++range.count;
        }
        return range;
      },
      [](NumberRange& all, NumberRange&& block) {
        if (block.count == 0) return;
        all.minimum = all.count == 0 ? block.minimum : std::min(all.minimum, block.minimum);
        all.maximum = all.count == 0 ? block.maximum : std::max(all.maximum, block.maximum);
        all.count += block.count;
      });
}

Result<std::vector<std::vector<double>>> LearnQuantiles(const FitData& data,
                                                        const std::vector<std::string>& names,
                                                        const std::vector<double>& shares) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<NumberRange> ranges, LearnRanges(data, names));
  const std::vector<std::size_t> positions = Positions(data, names);
  std::vector<QuantileRequest> requests;
  for (std::size_t i = 0; i < names.size(); ++i) {
    requests.push_back({positions[i], ranges[i].count});
  }
  return Quantiles(data, requests, shares, data.budget());
}

Result<std::vector<TextCounts>> LearnTexts(const FitData& data,
                                           const std::vector<std::string>& names, int64_t limit,
                                           std::string_view op, std::string_view remedy) {
  PENSTOCK_ASSIGN_OR_RETURN(
      std::vector<TextCounts> counts,
      (Fold<TextCounts>(
          data, names,
          [](const Column& column) {
            const StringValues texts = AsTexts(column);
            std::vector<int64_t> by_code(texts.dictionary.size());
            for (const int32_t code : texts.codes) {
              if (code >= 0) ++by_code[static_cast<std::size_t>(code)];
            }
            TextCounts block;
            for (std::size_t i = 0; i < by_code.size(); ++i) {
              if (by_code[i] > 0) block[texts.dictionary[i]] = by_code[i];
            }
            return block;
          },
          [&](TextCounts& all, TextCounts&& block) {
            // Beyond the limit it is known that there are too many.
            for (auto& [text, count] : block) {
              if (static_cast<int64_t>(all.size()) <= limit || all.contains(text)) {
                all[text] += count;
              }
            }
          })));
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (static_cast<int64_t>(counts[i].size()) <= limit) continue;
    return InvalidArgument(std::string(op) + ": column \"" + names[i] + "\" has more than " +
                           std::to_string(limit) + " distinct values in the training rows; " +
                           std::string(remedy));
  }
  return counts;
}

Result<std::vector<bool>> LearnMissing(const FitData& data, const std::vector<std::string>& names) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<char> missing,
                            (Fold<char>(
                                data, names,
                                [](const Column& column) -> char {
                                  const std::size_t rows = column.is_text()
                                                               ? column.strings.codes.size()
                                                               : column.numbers.size();
                                  for (std::size_t i = 0; i < rows; ++i) {
                                    if (column.missing(i)) return 1;
                                  }
                                  return 0;
                                },
                                [](char& all, char&& block) { all |= block; })));
  return std::vector<bool>(missing.begin(), missing.end());
}

std::string MostFrequent(const TextCounts& counts) {
  auto best = counts.begin();
  for (auto at = counts.begin(); at != counts.end(); ++at) {
    if (at->second > best->second) best = at;
  }
  return best->first;
}

Result<std::vector<double>> LearnNumberModes(const FitData& data,
                                             const std::vector<std::string>& names) {
  constexpr std::size_t kBuckets = 256;  // by hash, so that repeated numbers do not crowd one
  const std::vector<std::size_t> positions = Positions(data, names);
  std::vector<double> modes(names.size(), kMissing);
  const int64_t bytes = data.rows() * int64_t{sizeof(double)} * 2;
  const auto passes = static_cast<std::size_t>(
      std::clamp<int64_t>(bytes / std::max<int64_t>(data.budget(), 1) + 1, 1, kBuckets));
  for (std::size_t i = 0; i < names.size(); ++i) {
    int64_t most = 0;
    for (std::size_t pass = 0; pass < passes; ++pass) {
      std::vector<double> numbers;
      Mutex mutex;
      PENSTOCK_RETURN_IF_ERROR(data.ForEach({names[i]}, [&](int64_t, const Table& table) {
        std::vector<double> chosen;
        for (const double value : table.columns[positions[i]].numbers) {
          if (std::isfinite(value) && (HashNumber(value) >> 56) % passes == pass) {
            chosen.push_back(value + 0.0);
          }
        }
        MutexLock lock(mutex);
        numbers.insert(numbers.end(), chosen.begin(), chosen.end());
        return Status::Ok();
      }));
      std::sort(numbers.begin(), numbers.end());
      for (std::size_t first = 0, last = 0; first < numbers.size(); first = last) {
        while (last < numbers.size() && numbers[last] == numbers[first]) ++last;
        const auto count = static_cast<int64_t>(last - first);
        if (count < most || (count == most && numbers[first] >= modes[i])) continue;
        most = count;
        modes[i] = numbers[first];
      }
    }
  }
  return modes;
}

}  // namespace penstock

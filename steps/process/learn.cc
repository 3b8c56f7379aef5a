#include "steps/process/learn.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/mutex.h"
#include "steps/process/fold.h"
#include "steps/process/operation.h"
#include "steps/table/block_source.h"
#include "steps/table/hashing.h"
#include "steps/table/order_statistics.h"

namespace penstock {
Result<std::vector<Moments>> LearnMoments(const FitData& data,
                                          const std::vector<std::string>& names) {
  return FoldColumns<Moments>(
      data, names, [](const Column& column) { return Moments::Of(column.numbers); },
      [](Moments& all, Moments&& block) { all.Merge(block); });
}

Result<std::vector<double>> LearnMeans(const FitData& data, const std::vector<std::string>& names) {
  PENSTOCK_ASSIGN_OR_RETURN(
      const std::vector<CompensatedSum> sums,
      (FoldColumns<CompensatedSum>(
          data, names,
          [](const Column& column) {
            CompensatedSum sum;
            for (const double value : column.numbers) {
              if (std::isfinite(value)) sum.Count(value);
            }
            return sum;
          },
          [](CompensatedSum& all, CompensatedSum&& block) { all.Merge(block); })));
  std::vector<double> means;
  for (const CompensatedSum& sum : sums) means.push_back(sum.mean());
  return means;
}

Result<std::vector<NumberRange>> LearnRanges(const FitData& data,
                                             const std::vector<std::string>& names) {
  return FoldColumns<NumberRange>(
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
  const std::vector<std::size_t> positions = PositionsOf(data, names);
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
      (FoldColumns<TextCounts>(
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
  PENSTOCK_ASSIGN_OR_RETURN(
      const std::vector<char> missing,
      (FoldColumns<char>(
          data, names,
          [](const Column& column) -> char {
            const std::size_t rows =
                column.is_text() ? column.strings.codes.size() : column.numbers.size();
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
  const std::vector<std::size_t> positions = PositionsOf(data, names);
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

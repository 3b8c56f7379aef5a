#include "steps/profile/sample.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "steps/table/block_source.h"
#include "steps/profile/columns.h"
#include "steps/table/hashing.h"

namespace penstock {
namespace {

constexpr uint64_t kSeed = 5;

// Calls `visit(place in the sample, row in the block)` for each row of the sample in a block.
template <typename Visit>
void ForSampled(const Frame& frame, const std::vector<int64_t>& sample, int64_t block,
                const Visit& visit) {
  const int64_t first = frame.first_row(block);
  const int64_t end = frame.first_row(block + 1);
  const auto begin = std::lower_bound(sample.begin(), sample.end(), first);
  for (auto at = begin; at != sample.end() && *at < end; ++at) {
    visit(static_cast<std::size_t>(at - sample.begin()), static_cast<std::size_t>(*at - first));
  }
}

}  // namespace

std::vector<int64_t> SampleRows(int64_t rows, int64_t wanted) {
  if (wanted == 0 || wanted >= rows) {
    std::vector<int64_t> all(static_cast<std::size_t>(rows));
    std::iota(all.begin(), all.end(), int64_t{0});
    return all;
  }
  SeededRandom random(kSeed);
  std::vector<int64_t> sample;
  sample.reserve(static_cast<std::size_t>(wanted));
  for (int64_t row = 0; row < rows && wanted > 0; ++row) {
    if (random.NextDouble() * static_cast<double>(rows - row) >= static_cast<double>(wanted)) {
      continue;
    }
    sample.push_back(row);
    --wanted;
  }
  return sample;
}

Result<std::vector<std::vector<double>>> SampleNumbers(const Frame& frame,
                                                       const std::vector<int64_t>& sample,
                                                       const std::vector<std::size_t>& columns) {
  std::vector<std::vector<double>> values(columns.size(), std::vector<double>(sample.size()));
  PENSTOCK_RETURN_IF_ERROR(
      frame.ForEach(NamesOf(frame, columns), [&](int64_t block, const Table& table) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
          const std::vector<double>& numbers = table.columns[columns[i]].numbers;
          ForSampled(frame, sample, block, [&](std::size_t place, std::size_t row) {
            values[i][place] = std::isfinite(numbers[row]) ? numbers[row] : kMissing;
          });
        }
        return Status::Ok();
      }));
  return values;
}

std::vector<int32_t> CategoriesOf(const StringValues& texts,
                                  const std::vector<uint64_t>& categories) {
  std::vector<int32_t> places;
  places.reserve(texts.dictionary.size());
  for (const std::string& text : texts.dictionary) {
    const uint64_t hash = HashText(text).high;
    const auto at = std::lower_bound(categories.begin(), categories.end(), hash);
    const bool known = at != categories.end() && *at == hash;
    places.push_back(known ? static_cast<int32_t>(at - categories.begin()) : -1);
  }
  return places;
}

Result<std::vector<std::vector<int32_t>>> SampleCategories(
    const Frame& frame, const std::vector<int64_t>& sample,
    const std::vector<ColumnProfile>& profiles, const std::vector<std::size_t>& columns) {
  std::vector<std::vector<int32_t>> codes(columns.size(), std::vector<int32_t>(sample.size(), -1));
  PENSTOCK_RETURN_IF_ERROR(
      frame.ForEach(NamesOf(frame, columns), [&](int64_t block, const Table& table) {
        StringValues storage;
        for (std::size_t i = 0; i < columns.size(); ++i) {
          const StringValues& texts = TextsOf(table.columns[columns[i]], storage);
          const std::vector<int32_t> places = CategoriesOf(texts, profiles[columns[i]].categories);
          ForSampled(frame, sample, block, [&](std::size_t place, std::size_t row) {
            const int32_t code = texts.codes[row];
            if (code >= 0) codes[i][place] = places[static_cast<std::size_t>(code)];
          });
        }
        return Status::Ok();
      }));
  return codes;
}

}  // namespace penstock

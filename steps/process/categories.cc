#include "steps/process/categories.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "steps/table/hashing.h"

namespace penstock {

std::vector<int32_t> IndexOf(const std::vector<std::string>& dictionary,
                             const Categories& categories) {
  std::unordered_map<std::string_view, int32_t> index;
  for (std::size_t i = 0; i < categories.size(); ++i) {
    index.emplace(categories[i], static_cast<int32_t>(i));
  }
  std::vector<int32_t> codes;
  codes.reserve(dictionary.size());
  for (const std::string& text : dictionary) {
    const auto at = index.find(text);
    codes.push_back(at == index.end() ? -1 : at->second);
  }
  return codes;
}

double LeastCount(const TextCounts& counts, int64_t min_count, double min_share) {
  int64_t present = 0;
  for (const auto& [text, count] : counts) present += count;
  // A little slack, so that 0.1 of thirty rows is three.
  const double by_share = min_share * static_cast<double>(present) * (1 - 1e-12);
  return std::max(static_cast<double>(min_count), by_share);
}

int32_t FoldOf(int64_t row, int64_t seed, int32_t folds) {
  const uint64_t hash =
      MixBits(MixBits(static_cast<uint64_t>(row)) + MixBits(~static_cast<uint64_t>(seed)));
  return static_cast<int32_t>(hash % static_cast<uint64_t>(folds));
}

}  // namespace penstock

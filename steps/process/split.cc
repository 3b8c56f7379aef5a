#include "steps/process/split.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/random.h"
#include "steps/process/read_spec.h"

namespace penstock {
namespace {

// Fractions such as 0.7 + 0.2 + 0.1 may miss 1 by a rounding error; so may products with a count.
constexpr double kSlack = 1e-9;
constexpr std::size_t kMaxParts = 100;

void Shuffle(std::vector<int64_t>& rows, SeededRandom& random) {
  for (std::size_t i = rows.size(); i > 1; --i) {
    std::swap(rows[i - 1], rows[Below(random, i)]);
  }
}

int64_t WholePart(double quota) {
  return static_cast<int64_t>(std::floor(quota + kSlack));
}

// Rows of each stratum for each part such that every stratum is used up and every part gets its
// total. Starts from the whole parts; the rows left of a stratum go, one each, to the parts that
// still miss most.
std::vector<std::vector<int64_t>> Allot(const std::vector<int64_t>& stratum_sizes,
                                        const std::vector<double>& fractions,
                                        std::vector<int64_t> totals) {
  std::vector<std::vector<int64_t>> allotted;
  std::vector<int64_t> left;
  for (const int64_t size : stratum_sizes) {
    std::vector<int64_t> counts;
    for (std::size_t k = 0; k < fractions.size(); ++k) {
      counts.push_back(WholePart(static_cast<double>(size) * fractions[k]));
      totals[k] -= counts.back();
    }
    left.push_back(size - std::accumulate(counts.begin(), counts.end(), int64_t{0}));
    allotted.push_back(std::move(counts));
  }
  // The strata with most rows left first: they have the least choice.
  std::vector<std::size_t> order(stratum_sizes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return left[a] > left[b]; });
  for (const std::size_t s : order) {
    while (left[s] > 0) {
      std::vector<std::size_t> parts(fractions.size());
      std::iota(parts.begin(), parts.end(), 0);
      std::stable_sort(parts.begin(), parts.end(),
                       [&](std::size_t a, std::size_t b) { return totals[a] > totals[b]; });
      for (const std::size_t k : parts) {
        if (left[s] == 0 || totals[k] <= 0) break;
        ++allotted[s][k];
        --totals[k];
        --left[s];
      }
    }
  }
  return allotted;
}

}  // namespace

uint64_t Below(SeededRandom& random, uint64_t bound) {
  const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  uint64_t value = random.Next();
  while (value >= limit) value = random.Next();
  return value % bound;
}

Result<SplitSpec> SplitSpecFromJson(const Json& split) {
  SplitSpec spec;
  if (!split.is_object()) return spec;
  for (const auto& [key, value] : split.items()) {
    if (key == "seed") {
      if (!value.is_number_integer()) return InvalidArgument("split.seed must be an integer");
      spec.seed = value.get<uint64_t>();
    } else if (key == "stratify") {
      spec.stratify = value.is_string() ? value.get<std::string>() : "";
    } else if (key == "by") {
      const std::string by = value.is_string() ? value.get<std::string>() : DumpJson(value);
      if (by != "random" && by != "time" && by != "hash") {
        return InvalidArgument("split.by must be random, time or hash, not " + by);
      }
      spec.by = by == "time"   ? SplitSpec::By::kTime
                : by == "hash" ? SplitSpec::By::kHash
                               : SplitSpec::By::kRandom;
    } else if (key == "key") {
      spec.key = TextList(value.is_string() ? Json::array({value}) : value);
    } else if (key == "kFold" || key == "fold") {
      if (!value.is_number_integer())
        return InvalidArgument("split." + key + " must be an integer");
      (key == "fold" ? spec.fold : spec.folds) = value.get<int32_t>();
    } else {
      const double fraction = value.is_number() ? value.get<double>() : 0;
      if (!(fraction > 0) || fraction > 1 + kSlack) {
        return InvalidArgument("split." + key + " must be above 0 and at most 1");
      }
      spec.parts.push_back({key, fraction});
    }
  }
  if (spec.folds != 0 && (spec.folds < 2 || spec.fold < 0 || spec.fold >= spec.folds)) {
    return InvalidArgument("split.kFold must be at least 2, and split.fold one of 0 to kFold - 1");
  }
  if (spec.empty()) spec.parts = {{"train", 0.8}, {"validation", 0.1}, {"test", 0.1}};
  if (spec.parts.size() > kMaxParts) {
    return InvalidArgument("split has more than " + std::to_string(kMaxParts) + " parts");
  }
  const auto place = [](const SplitSpec::Part& part) {
    return part.name == "train" ? 0 : part.name == "test" ? 2 : 1;
  };
  std::stable_sort(spec.parts.begin(), spec.parts.end(),
                   [&](const auto& a, const auto& b) { return place(a) < place(b); });
  double sum = 0;
  for (const SplitSpec::Part& part : spec.parts) sum += part.fraction;
  if (sum > 1 + kSlack) return InvalidArgument("the fractions of split add up to more than 1");
  return spec;
}

std::vector<int64_t> LargestRemainder(int64_t rows, const std::vector<double>& fractions) {
  std::vector<int64_t> counts;
  std::vector<std::pair<int64_t, std::size_t>> remainders;  // in billionths
  double sum = 0;
  for (std::size_t k = 0; k < fractions.size(); ++k) {
    const double quota = static_cast<double>(rows) * fractions[k];
    counts.push_back(WholePart(quota));
    remainders.emplace_back(std::llround((quota - static_cast<double>(counts.back())) * 1e9), k);
    sum += fractions[k];
  }
  // What all parts together get, rounded to the nearest row.
  const auto target =
      std::min(rows, static_cast<int64_t>(std::floor(static_cast<double>(rows) * sum + 0.5)));
  int64_t over = target - std::accumulate(counts.begin(), counts.end(), int64_t{0});
  std::stable_sort(remainders.begin(), remainders.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [remainder, k] : remainders) {
    if (over <= 0) break;
    ++counts[k];
    --over;
  }
  return counts;
}

PartDrawer::PartDrawer(const std::vector<int64_t>& sizes, const std::vector<double>& fractions,
                       uint64_t seed)
    : random_(seed), rows_left_(sizes) {
  // What the fractions leave is a part of its own here, so that every row goes somewhere.
  std::vector<double> all = fractions;
  all.push_back(std::max(0.0, 1 - std::accumulate(fractions.begin(), fractions.end(), 0.0)));
  const int64_t rows = std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
  std::vector<int64_t> totals = LargestRemainder(rows, fractions);
  totals.push_back(rows - std::accumulate(totals.begin(), totals.end(), int64_t{0}));
  left_ = Allot(sizes, all, std::move(totals));
}

int32_t PartDrawer::Draw(std::size_t stratum) {
  std::vector<int64_t>& left = left_[stratum];
  auto drawn =
      static_cast<int64_t>(Below(random_, static_cast<uint64_t>(rows_left_[stratum]--)));
  std::size_t part = 0;
  while (drawn >= left[part]) drawn -= left[part++];
  --left[part];
  return part + 1 == left.size() ? -1 : static_cast<int32_t>(part);
}

std::vector<int32_t> AssignGroups(const std::vector<int32_t>& groups,
                                  const std::vector<double>& fractions, uint64_t seed) {
  std::vector<int64_t> sizes;
  for (const int32_t group : groups) {
    if (static_cast<std::size_t>(group) >= sizes.size()) {
      sizes.resize(static_cast<std::size_t>(group) + 1);
    }
    ++sizes[static_cast<std::size_t>(group)];
  }
  const auto rows = static_cast<int64_t>(groups.size());
  std::vector<int64_t> missing = LargestRemainder(rows, fractions);
  missing.push_back(rows - std::accumulate(missing.begin(), missing.end(), int64_t{0}));
  std::vector<int64_t> order(sizes.size());
  std::iota(order.begin(), order.end(), 0);
  SeededRandom random(seed);
  Shuffle(order, random);
  std::vector<int32_t> part_of_group(sizes.size());
  for (const int64_t group : order) {
    const auto most = std::max_element(missing.begin(), missing.end());
    const auto part = static_cast<int32_t>(most - missing.begin());
    const auto g = static_cast<std::size_t>(group);
    *most -= sizes[g];
    part_of_group[g] = part == static_cast<int32_t>(fractions.size()) ? -1 : part;
  }
  std::vector<int32_t> parts;
  parts.reserve(groups.size());
  for (const int32_t group : groups)
    parts.push_back(part_of_group[static_cast<std::size_t>(group)]);
  return parts;
}

int32_t PartOfHash(double hash, const std::vector<double>& fractions) {
  double below = 0;
  for (std::size_t k = 0; k < fractions.size(); ++k) {
    below += fractions[k];
    if (hash < below) return static_cast<int32_t>(k);
  }
  // What rounding leaves below 1 belongs to the last part.
  return below > 1 - kSlack ? static_cast<int32_t>(fractions.size()) - 1 : -1;
}

std::vector<int32_t> AssignByTime(const std::vector<double>& times,
                                  const std::vector<double>& fractions) {
  const std::vector<int64_t> counts =
      LargestRemainder(static_cast<int64_t>(times.size()), fractions);
  std::vector<double> sorted = times;
  std::sort(sorted.begin(), sorted.end());
  // The last time of each part.
  std::vector<double> last;
  int64_t end = 0;
  for (const int64_t count : counts) {
    end += count;
    last.push_back(end == 0 ? -INFINITY : sorted[static_cast<std::size_t>(end - 1)]);
  }
  std::vector<int32_t> parts;
  parts.reserve(times.size());
  for (const double time : times) {
    const auto at = std::lower_bound(last.begin(), last.end(), time);
    parts.push_back(at == last.end() ? -1 : static_cast<int32_t>(at - last.begin()));
  }
  return parts;
}

}  // namespace penstock

#include "steps/process/split.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/random.h"

namespace penstock {
namespace {

// Fractions such as 0.7 + 0.2 + 0.1 may miss 1 by a rounding error; so may products with a count.
constexpr double kSlack = 1e-9;

// Uniform in [0, bound) without bias: rejects the incomplete last round.
uint64_t Below(SeededRandom& random, uint64_t bound) {
  const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  uint64_t value = random.Next();
  while (value >= limit) value = random.Next();
  return value % bound;
}

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

Result<SplitSpec> SplitSpecFromJson(const Json& split) {
  SplitSpec spec;
  if (!split.is_object()) return spec;
  for (const auto& [key, value] : split.items()) {
    if (key == "seed") {
      if (!value.is_number_integer()) return InvalidArgument("split.seed must be an integer");
      spec.seed = value.get<uint64_t>();
    } else if (key == "stratify") {
      spec.stratify = value.is_string() ? value.get<std::string>() : "";
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

std::vector<int32_t> AssignParts(int64_t rows, const std::vector<double>& fractions, uint64_t seed,
                                 const std::vector<int32_t>& strata) {
  // What the fractions leave is a part of its own here, so that every row goes somewhere.
  std::vector<double> all = fractions;
  all.push_back(std::max(0.0, 1 - std::accumulate(fractions.begin(), fractions.end(), 0.0)));
  std::vector<int64_t> totals = LargestRemainder(rows, fractions);
  totals.push_back(rows - std::accumulate(totals.begin(), totals.end(), int64_t{0}));

  std::vector<std::vector<int64_t>> members(1);
  for (int64_t i = 0; i < rows; ++i) {
    const std::size_t stratum =
        strata.empty() ? 0 : static_cast<std::size_t>(strata[static_cast<std::size_t>(i)]);
    if (stratum >= members.size()) members.resize(stratum + 1);
    members[stratum].push_back(i);
  }
  std::vector<int64_t> sizes;
  for (const auto& stratum : members) sizes.push_back(static_cast<int64_t>(stratum.size()));
  const std::vector<std::vector<int64_t>> allotted = Allot(sizes, all, totals);

  std::vector<int32_t> part_of(static_cast<std::size_t>(rows), -1);
  SeededRandom random(seed);
  for (std::size_t s = 0; s < members.size(); ++s) {
    Shuffle(members[s], random);
    std::size_t next = 0;
    for (std::size_t k = 0; k < fractions.size(); ++k) {
      for (int64_t n = 0; n < allotted[s][k]; ++n) {
        part_of[static_cast<std::size_t>(members[s][next++])] = static_cast<int32_t>(k);
      }
    }
  }
  return part_of;
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

}  // namespace penstock

#include "steps/profile/correlations.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <memory>
#include <utility>

#include "base/text.h"
#include "steps/profile/association.h"
#include "steps/table/block_source.h"
#include "steps/profile/columns.h"
#include "steps/profile/label.h"
#include "steps/table/moments.h"
#include "steps/profile/sample.h"

namespace penstock {
namespace {

// A sample of this size is never refused.
constexpr int64_t kSampleBytes = 64 << 20;
// Measures that differ by less are as strong.
constexpr double kAlike = 1e-9;

struct Chosen {
  std::vector<std::size_t> numeric;
  std::vector<std::size_t> categorical;
};

bool Comparable(const ColumnProfile& column) {
  return column.role != "id" && column.role != "weight" && column.info.kind != ColumnKind::kId;
}

// The columns to compare: the label, and then as they come.
Chosen Choose(Profile& profile) {
  Chosen chosen;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < profile.columns.size(); ++i) order.push_back(i);
  std::stable_partition(order.begin(), order.end(),
                        [&](std::size_t i) { return profile.columns[i].role == "label"; });
  for (const std::size_t i : order) {
    const ColumnProfile& column = profile.columns[i];
    if (!Comparable(column)) continue;
    if (column.view == ColumnView::kNumbers) {
      if (!(column.numbers.minimum < column.numbers.maximum)) continue;
      const bool room = chosen.numeric.size() < kMostNumeric;
      (room ? chosen.numeric : profile.left_out).push_back(i);
    } else if (column.view == ColumnView::kTexts && column.distinct > 1 &&
               (column.info.kind != ColumnKind::kText || column.role == "label")) {
      const bool room = chosen.categorical.size() < kMostCategorical && !column.categories.empty();
      (room ? chosen.categorical : profile.left_out).push_back(i);
    }
  }
  for (auto* list : {&chosen.numeric, &chosen.categorical, &profile.left_out}) {
    std::sort(list->begin(), list->end());
  }
  return chosen;
}

Associations Empty(const std::vector<std::size_t>& rows, const std::vector<std::size_t>& columns) {
  const std::size_t size = rows.size() * columns.size();
  return {rows, columns, std::vector<double>(size, kUndefined), std::vector<int64_t>(size)};
}

void Set(Associations& matrix, std::size_t row, std::size_t column, double value, int64_t pairs) {
  matrix.values[row * matrix.columns.size() + column] = value;
  matrix.pairs[row * matrix.columns.size() + column] = pairs;
}

void SetBoth(Associations& matrix, std::size_t a, std::size_t b, double value, int64_t pairs) {
  Set(matrix, a, b, value, pairs);
  Set(matrix, b, a, value, pairs);
}

// Sum of (x - mean_x) (y - mean_y), in four strands that the processor can add up at once.
double Products(const std::vector<double>& x, double mean_x, const std::vector<double>& y,
                double mean_y) {
  std::array<double, 4> sums{};
  std::size_t i = 0;
  for (; i + 4 <= x.size(); i += 4) {
    for (std::size_t k = 0; k < 4; ++k) sums[k] += (x[i + k] - mean_x) * (y[i + k] - mean_y);
  }
  for (; i < x.size(); ++i) sums[0] += (x[i] - mean_x) * (y[i] - mean_y);
  return sums[0] + sums[1] + (sums[2] + sums[3]);
}

// What one block says of all pairs of numeric columns, in the order (0, 1), (0, 2) … (1, 2) …
std::vector<CoMoments> PairMoments(const Table& table, const std::vector<std::size_t>& numeric) {
  const auto rows = static_cast<int64_t>(table.rows);
  std::vector<Moments> own;
  for (const std::size_t column : numeric)
    own.push_back(Moments::Of(table.columns[column].numbers));
  std::vector<CoMoments> pairs;
  pairs.reserve(numeric.size() * numeric.size() / 2);
  for (std::size_t a = 0; a < numeric.size(); ++a) {
    const std::vector<double>& x = table.columns[numeric[a]].numbers;
    for (std::size_t b = a + 1; b < numeric.size(); ++b) {
      const std::vector<double>& y = table.columns[numeric[b]].numbers;
      if (own[a].count == rows && own[b].count == rows) {
        pairs.push_back({rows, own[a].mean, own[b].mean, own[a].m2, own[b].m2,
                         Products(x, own[a].mean, y, own[b].mean)});
      } else {
        pairs.push_back(CoMoments::Of(x, y));
      }
    }
  }
  return pairs;
}

// The contingency tables of all pairs of categorical columns, filled by several threads at once.
class Contingency {
 public:
  Contingency(const std::vector<std::size_t>& columns, const std::vector<ColumnProfile>& profiles) {
    for (const std::size_t column : columns) sizes_.push_back(profiles[column].categories.size());
    std::size_t cells = 0;
    for (std::size_t a = 0; a < sizes_.size(); ++a) {
      for (std::size_t b = a + 1; b < sizes_.size(); ++b) {
        begins_.push_back(cells);
        cells += sizes_[a] * sizes_[b];
      }
    }
    begins_.push_back(cells);
    cells_ = std::make_unique<std::atomic<int64_t>[]>(cells);
  }

  void Add(const std::vector<std::vector<int32_t>>& codes) {
    std::size_t pair = 0;
    for (std::size_t a = 0; a < sizes_.size(); ++a) {
      for (std::size_t b = a + 1; b < sizes_.size(); ++b, ++pair) {
        std::vector<int64_t> counts(sizes_[a] * sizes_[b]);
        for (std::size_t i = 0; i < codes[a].size(); ++i) {
          if (codes[a][i] < 0 || codes[b][i] < 0) continue;
          ++counts[static_cast<std::size_t>(codes[a][i]) * sizes_[b] +
                   static_cast<std::size_t>(codes[b][i])];
        }
        for (std::size_t i = 0; i < counts.size(); ++i) {
          if (counts[i] > 0) cells_[begins_[pair] + i] += counts[i];
        }
      }
    }
  }

  void Finish(Associations& matrix) const {
    std::size_t pair = 0;
    for (std::size_t a = 0; a < sizes_.size(); ++a) {
      Set(matrix, a, a, 1, 0);
      for (std::size_t b = a + 1; b < sizes_.size(); ++b, ++pair) {
        std::vector<int64_t> counts;
        int64_t rows = 0;
        for (std::size_t i = begins_[pair]; i < begins_[pair + 1]; ++i) {
          counts.push_back(cells_[i]);
          rows += counts.back();
        }
        SetBoth(matrix, a, b, CramersV(counts, sizes_[b]), rows);
      }
    }
  }

 private:
  std::vector<std::size_t> sizes_;   // categories of each column
  std::vector<std::size_t> begins_;  // first cell of each pair
  std::unique_ptr<std::atomic<int64_t>[]> cells_;
};

std::vector<std::vector<int32_t>> BlockCategories(const Table& table,
                                                  const std::vector<std::size_t>& columns,
                                                  const std::vector<ColumnProfile>& profiles) {
  std::vector<std::vector<int32_t>> codes;
  for (const std::size_t column : columns) {
    StringValues storage;
    const StringValues& texts = TextsOf(table.columns[column], storage);
    const std::vector<int32_t> places = CategoriesOf(texts, profiles[column].categories);
    std::vector<int32_t>& own = codes.emplace_back();
    own.reserve(texts.codes.size());
    for (const int32_t code : texts.codes) {
      own.push_back(code < 0 ? -1 : places[static_cast<std::size_t>(code)]);
    }
  }
  return codes;
}

struct Sums {
  std::vector<CoMoments> pairs;
  std::vector<GroupMoments> groups;  // by categorical column, numeric column, category
};

// Pearson, Cramér and the correlation ratio in one pass.
Status CorrelateAll(const Frame& frame, const Chosen& chosen, Profile& profile) {
  profile.pearson = Empty(chosen.numeric, chosen.numeric);
  profile.cramers_v = Empty(chosen.categorical, chosen.categorical);
  profile.correlation_ratio = Empty(chosen.categorical, chosen.numeric);
  Contingency contingency(chosen.categorical, profile.columns);
  std::vector<std::size_t> needed = chosen.numeric;
  needed.insert(needed.end(), chosen.categorical.begin(), chosen.categorical.end());
  std::size_t group_count = 0;
  for (const std::size_t column : chosen.categorical) {
    group_count += profile.columns[column].categories.size() * chosen.numeric.size();
  }
  Sums all;
  all.pairs.resize(chosen.numeric.size() * (std::max<std::size_t>(chosen.numeric.size(), 1) - 1) /
                   2);
  all.groups.resize(group_count);
  PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<Sums>(
      frame, NamesOf(frame, needed),
      [&](int64_t, const Table& table, Sums* sums) {
        sums->pairs = PairMoments(table, chosen.numeric);
        const auto codes = BlockCategories(table, chosen.categorical, profile.columns);
        contingency.Add(codes);
        sums->groups.resize(group_count);
        GroupMoments* groups = sums->groups.data();
        for (std::size_t c = 0; c < chosen.categorical.size(); ++c) {
          const std::size_t size = profile.columns[chosen.categorical[c]].categories.size();
          for (const std::size_t column : chosen.numeric) {
            const std::vector<double>& values = table.columns[column].numbers;
            // Small numbers lose nothing when they are added up, wherever the column lies.
            const double mean = profile.columns[column].numbers.mean;
            const double centre = std::isnan(mean) ? 0 : mean;
            for (std::size_t i = 0; i < values.size(); ++i) {
              if (codes[c][i] < 0 || !std::isfinite(values[i])) continue;
              groups[codes[c][i]].Add(values[i] - centre);
            }
            groups += size;
          }
        }
        return Status::Ok();
      },
      [&](int64_t, Sums&& sums) {
        for (std::size_t i = 0; i < all.pairs.size(); ++i) all.pairs[i].Merge(sums.pairs[i]);
        for (std::size_t i = 0; i < group_count; ++i) all.groups[i].Merge(sums.groups[i]);
      }));
  std::size_t pair = 0;
  for (std::size_t a = 0; a < chosen.numeric.size(); ++a) {
    Set(profile.pearson, a, a, 1, profile.columns[chosen.numeric[a]].numbers.finite);
    for (std::size_t b = a + 1; b < chosen.numeric.size(); ++b, ++pair) {
      SetBoth(profile.pearson, a, b, all.pairs[pair].Correlation(), all.pairs[pair].count);
    }
  }
  contingency.Finish(profile.cramers_v);
  for (std::size_t c = 0; c < chosen.categorical.size(); ++c) {
    Set(profile.cramers_v, c, c, 1, profile.columns[chosen.categorical[c]].count);
  }
  const GroupMoments* groups = all.groups.data();
  for (std::size_t c = 0; c < chosen.categorical.size(); ++c) {
    const std::size_t size = profile.columns[chosen.categorical[c]].categories.size();
    for (std::size_t k = 0; k < chosen.numeric.size(); ++k, groups += size) {
      const std::vector<GroupMoments> own(groups, groups + size);
      int64_t rows = 0;
      for (const GroupMoments& group : own) rows += group.count;
      Set(profile.correlation_ratio, c, k, std::sqrt(EtaSquared(own)), rows);
    }
  }
  return Status::Ok();
}

// The ranks of a sampled column, and its rows with a value in the order of these.
struct Ranked {
  std::vector<double> ranks;
  std::vector<std::size_t> order;
  bool complete() const { return order.size() == ranks.size(); }
};

Ranked RankedOf(const std::vector<double>& values) {
  Ranked ranked{AverageRanks(values), {}};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(ranked.ranks[i])) ranked.order.push_back(i);
  }
  std::stable_sort(ranked.order.begin(), ranked.order.end(),
                   [&](std::size_t a, std::size_t b) { return ranked.ranks[a] < ranked.ranks[b]; });
  return ranked;
}

// Its ranks among the rows that `other` has, too. O(n): the order is known.
std::vector<double> CommonRanks(const Ranked& column, const std::vector<double>& other) {
  std::vector<double> common(other.size(), kUndefined);
  const std::vector<std::size_t>& order = column.order;
  std::size_t before = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    std::size_t count = 0;
    for (; end < order.size() && column.ranks[order[end]] == column.ranks[order[begin]]; ++end) {
      count += std::isnan(other[order[end]]) ? 0 : 1;
    }
    const double rank = static_cast<double>(before) + static_cast<double>(count + 1) / 2;
    for (; begin < end; ++begin) {
      if (!std::isnan(other[order[begin]])) common[order[begin]] = rank;
    }
    before += count;
  }
  return common;
}

Status RankAll(const Frame& frame, const std::vector<int64_t>& sample, const Chosen& chosen,
               Profile& profile) {
  profile.spearman = Empty(chosen.numeric, chosen.numeric);
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<std::vector<double>> values,
                            SampleNumbers(frame, sample, chosen.numeric));
  const TableOptions& options = frame.options().table;
  const auto count = static_cast<int64_t>(values.size());
  std::vector<Ranked> ranked(values.size());
  PENSTOCK_RETURN_IF_ERROR(ForEachIndex(count, options, [&](int64_t index) {
    const auto i = static_cast<std::size_t>(index);
    ranked[i] = RankedOf(values[i]);
    values[i] = {};
    return Status::Ok();
  }));
  return ForEachIndex(count, options, [&](int64_t index) {
    const auto a = static_cast<std::size_t>(index);
    Set(profile.spearman, a, a, 1, static_cast<int64_t>(ranked[a].order.size()));
    for (std::size_t b = a + 1; b < ranked.size(); ++b) {
      if (options.cancelled && options.cancelled()) return Cancelled("cancelled");
      const bool whole = ranked[a].complete() && ranked[b].complete();
      const CoMoments moments = whole ? CoMoments::Of(ranked[a].ranks, ranked[b].ranks)
                                      : CoMoments::Of(CommonRanks(ranked[a], ranked[b].ranks),
                                                      CommonRanks(ranked[b], ranked[a].ranks));
      SetBoth(profile.spearman, a, b, moments.Correlation(), moments.count);
    }
    return Status::Ok();
  });
}

void FindStrong(const Associations& matrix, const char* measure, Profile& profile) {
  for (std::size_t a = 0; a < matrix.rows.size(); ++a) {
    for (std::size_t b = a + 1; b < matrix.columns.size(); ++b) {
      const double value = matrix.at(a, b);
      if (!(std::fabs(value) >= kStrong) || matrix.pairs_at(a, b) < kFewestPairs) continue;
      const StrongPair pair{matrix.rows[a], matrix.columns[b], measure, value};
      // What the label goes with is told as the label's.
      if (profile.columns[pair.a].role == "label" || profile.columns[pair.b].role == "label") {
        continue;
      }
      const auto known = std::find_if(
          profile.strong.begin(), profile.strong.end(),
          [&](const StrongPair& each) { return each.a == pair.a && each.b == pair.b; });
      if (known == profile.strong.end()) {
        profile.strong.push_back(pair);
      } else if (std::fabs(value) > std::fabs(known->value) + kAlike) {
        *known = pair;
      }
    }
  }
}

}  // namespace

Status Correlate(const Frame& frame, const CorrelationOptions& options, Profile& profile) {
  const Chosen chosen = Choose(profile);
  const std::vector<int64_t> sample = SampleRows(frame.rows(), options.sample);
  profile.sample_rows = static_cast<int64_t>(sample.size());
  // A rank and a row for each value.
  const int64_t bytes = profile.sample_rows * int64_t{sizeof(double) + sizeof(std::size_t)} *
                        static_cast<int64_t>(std::max<std::size_t>(chosen.numeric.size(), 1));
  if (bytes > std::max(options.budget, kSampleBytes)) {
    return ResourceExhausted("correlations of " + std::to_string(profile.sample_rows) +
                             " sampled rows take " + FormatSize(bytes) +
                             " of memory; raise resources.memory, or give a smaller `sample`");
  }
  PENSTOCK_RETURN_IF_ERROR(CorrelateAll(frame, chosen, profile));
  PENSTOCK_RETURN_IF_ERROR(RankAll(frame, sample, chosen, profile));
  PENSTOCK_RETURN_IF_ERROR(
      ProfileLabel(frame, sample, chosen.categorical, options.budget, profile));
  FindStrong(profile.pearson, "pearson", profile);
  FindStrong(profile.spearman, "spearman", profile);
  FindStrong(profile.cramers_v, "cramers_v", profile);
  std::stable_sort(profile.strong.begin(), profile.strong.end(),
                   [](const StrongPair& a, const StrongPair& b) {
                     return std::fabs(a.value) > std::fabs(b.value);
                   });
  return Status::Ok();
}

}  // namespace penstock

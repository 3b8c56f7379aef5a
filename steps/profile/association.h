#ifndef PENSTOCK_STEPS_PROFILE_ASSOCIATION_H_
#define PENSTOCK_STEPS_PROFILE_ASSOCIATION_H_

// Measures of how much one column says about another. Pure functions; NaN where one is undefined.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "steps/table/moments.h"

namespace penstock {

// The rank of each finite value, from 1; equal values have the mean of their ranks. NaN for the
// others. O(n log n).
std::vector<double> AverageRanks(std::span<const double> values);

// Area under the ROC curve of `values` as a score of `positive`, ties counted half (Mann-Whitney).
// Pairs without a finite value are left out. NaN where one class has no value.
double Auc(std::span<const double> values, const std::vector<bool>& positive);

// Cramér's V of a contingency table (`counts` by row, `columns` wide), with Bergsma's correction of
// its bias (2013). Rows and columns without a count do not matter. NaN for fewer than two of
// either.
double CramersV(const std::vector<int64_t>& counts, std::size_t columns);

// Values of one group.
struct GroupMoments {
  int64_t count = 0;
  double mean = 0;
  double m2 = 0;           // sum of (x - mean)^2
  void Add(double value);  // Welford (1962)
  void Merge(const GroupMoments& other);
};

// Share of the squares that lies between the groups, eta^2 (the correlation ratio is its root).
// NaN where all values are equal, or there are fewer than two groups with values.
double EtaSquared(const std::vector<GroupMoments>& groups);

// eta^2 without the part that chance gives: 1 - (1 - eta^2) (n - 1) / (n - k), at least 0
// (epsilon^2; Kelley, 1935). NaN where eta^2 is, and where there are as many groups as values.
double EpsilonSquared(const std::vector<GroupMoments>& groups);

// eta^2 of the ranks of values by their group, as a share of what it is for groups that do not
// overlap (1). `ranks` are average ranks of all values; groups below 0 and NaN are left out.
double RankSeparation(std::span<const double> ranks, std::span<const int32_t> groups,
                      std::size_t group_count);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROFILE_ASSOCIATION_H_

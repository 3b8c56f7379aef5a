#include "steps/process/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace penstock {
namespace {

using testing::ElementsAre;

std::map<int32_t, int64_t> Count(const std::vector<int32_t>& parts) {
  std::map<int32_t, int64_t> counts;
  for (const int32_t part : parts) ++counts[part];
  return counts;
}

// The part of each row; `strata`: of each row, or empty.
std::vector<int32_t> AssignParts(int64_t rows, const std::vector<double>& fractions, uint64_t seed,
                                 const std::vector<int32_t>& strata) {
  std::vector<int64_t> sizes(1);
  for (int64_t i = 0; i < rows; ++i) {
    const std::size_t stratum =
        strata.empty() ? 0 : static_cast<std::size_t>(strata[static_cast<std::size_t>(i)]);
    sizes.resize(std::max(sizes.size(), stratum + 1));
    ++sizes[stratum];
  }
  PartDrawer drawer(sizes, fractions, seed);
  std::vector<int32_t> parts;
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
    parts.push_back(drawer.Draw(strata.empty() ? 0 : static_cast<std::size_t>(strata[i])));
  }
  return parts;
}

TEST(LargestRemainder, AddsUpExactly) {
  EXPECT_THAT(LargestRemainder(10, {0.8, 0.1, 0.1}), ElementsAre(8, 1, 1));
  // Quotas 5.6, 0.7, 0.7: the whole parts 5, 0, 0, then one each to the largest remainders.
  EXPECT_THAT(LargestRemainder(7, {0.8, 0.1, 0.1}), ElementsAre(5, 1, 1));
  EXPECT_THAT(LargestRemainder(1, {0.5, 0.5}), ElementsAre(1, 0));
  EXPECT_THAT(LargestRemainder(0, {0.5, 0.5}), ElementsAre(0, 0));
  EXPECT_THAT(LargestRemainder(3, {1}), ElementsAre(3));
  EXPECT_THAT(LargestRemainder(100, {0.25, 0.25}), ElementsAre(25, 25));
  // 0.7 + 0.2 + 0.1 is below 1 in floating point; 32561 × 0.7 = 22792.7, 6512.2, 3256.1.
  EXPECT_THAT(LargestRemainder(32'561, {0.7, 0.2, 0.1}), ElementsAre(22'793, 6'512, 3'256));
}

TEST(PartDrawer, CountsAreExactWhateverTheStrata) {
  for (const int64_t rows : {1, 2, 7, 100, 1'003}) {
    for (const int32_t classes : {1, 2, 3, 17}) {
      std::vector<int32_t> strata;
      for (int64_t i = 0; i < rows; ++i) strata.push_back(static_cast<int32_t>(i * i % classes));
      for (const auto& fractions : std::vector<std::vector<double>>{
               {1}, {0.5, 0.5}, {0.8, 0.1, 0.1}, {0.6, 0.1}, {0.33, 0.33, 0.34}}) {
        const auto parts = AssignParts(rows, fractions, 3, strata);
        ASSERT_EQ(parts.size(), static_cast<std::size_t>(rows));
        auto counts = Count(parts);
        const auto expected = LargestRemainder(rows, fractions);
        for (std::size_t k = 0; k < fractions.size(); ++k) {
          EXPECT_EQ(counts[static_cast<int32_t>(k)], expected[k]) << rows << " " << classes;
        }
      }
    }
  }
}

TEST(PartDrawer, EachStratumIsDividedInProportion) {
  // 900, 90 and 10 rows of three classes.
  std::vector<int32_t> strata;
  for (int i = 0; i < 1'000; ++i)
    strata.push_back(i % 100 == 0 ? 2 : i % 10 == 1 && i % 100 != 1 ? 1 : 0);
  const std::vector<double> fractions = {0.8, 0.15, 0.05};
  const auto parts = AssignParts(1'000, fractions, 11, strata);
  std::map<std::pair<int32_t, int32_t>, int64_t> counts;
  std::map<int32_t, int64_t> sizes;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    ++counts[{strata[i], parts[i]}];
    ++sizes[strata[i]];
  }
  for (const auto& [stratum, size] : sizes) {
    for (std::size_t k = 0; k < fractions.size(); ++k) {
      const double share = static_cast<double>(size) * fractions[k];
      const auto count = static_cast<double>(counts[{stratum, static_cast<int32_t>(k)}]);
      EXPECT_LT(std::fabs(count - share), 1) << stratum << " " << k;
    }
  }
}

TEST(PartDrawer, SeedDecides) {
  const auto a = AssignParts(1'000, {0.5, 0.5}, 7, {});
  EXPECT_EQ(a, AssignParts(1'000, {0.5, 0.5}, 7, {}));
  EXPECT_NE(a, AssignParts(1'000, {0.5, 0.5}, 8, {}));
}

// From split_reference.py: other parts on another machine, or after a change, mean other models for
// everybody.
TEST(PartDrawer, IsTheSameEverywhere) {
  EXPECT_THAT(AssignParts(12, {0.5, 0.25, 0.25}, 7, {}),
              ElementsAre(1, 0, 2, 0, 0, 2, 1, 0, 0, 1, 2, 0));
}

// Every row is as likely in the part as any other.
TEST(PartDrawer, IsUniform) {
  std::vector<int> hits(20);
  for (uint64_t seed = 0; seed < 4'000; ++seed) {
    const auto parts = AssignParts(20, {0.25, 0.75}, seed, {});
    for (std::size_t i = 0; i < 20; ++i) hits[i] += parts[i] == 0 ? 1 : 0;
  }
  // 4,000 draws of probability 1/4: mean 1,000, standard deviation 27.4; five of them.
  for (const int count : hits) EXPECT_NEAR(count, 1'000, 137);
}

TEST(AssignGroups, KeepsGroupsTogether) {
  std::vector<int32_t> groups;
  for (int i = 0; i < 1'000; ++i) groups.push_back(i * i % 97 % 60);
  // Groups are numbered by first appearance.
  std::map<int32_t, int32_t> numbers;
  for (int32_t& group : groups) {
    group = numbers.emplace(group, static_cast<int32_t>(numbers.size())).first->second;
  }
  const auto parts = AssignGroups(groups, {0.7, 0.2}, 5);
  std::map<int32_t, int32_t> part_of;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    EXPECT_EQ(part_of.emplace(groups[i], parts[i]).first->second, parts[i]);
  }
  auto counts = Count(parts);
  // No group has more than 60 rows.
  EXPECT_NEAR(static_cast<double>(counts[0]), 700, 60);
  EXPECT_NEAR(static_cast<double>(counts[1]), 200, 60);
  EXPECT_EQ(parts, AssignGroups(groups, {0.7, 0.2}, 5));
  EXPECT_NE(parts, AssignGroups(groups, {0.7, 0.2}, 6));
}

// With as many fractions as folds, which fold a row is in does not depend on the one that is asked
// for: each row is judged once.
TEST(PartDrawer, FoldsHoldEveryRowOnceInProportion) {
  std::vector<int32_t> strata;
  for (int i = 0; i < 103; ++i) strata.push_back(i % 10 == 0 ? 1 : 0);
  const auto folds = AssignParts(103, std::vector<double>(5, 1.0 / 5), 7, strata);
  std::map<std::pair<int32_t, int32_t>, int64_t> counts;
  for (std::size_t i = 0; i < folds.size(); ++i) {
    EXPECT_GE(folds[i], 0) << i;
    ++counts[{folds[i], strata[i]}];
  }
  for (int32_t fold = 0; fold < 5; ++fold) {
    EXPECT_NEAR(static_cast<double>(counts[{fold, 0}]), 92 / 5.0, 1);
    EXPECT_NEAR(static_cast<double>(counts[{fold, 1}]), 11 / 5.0, 1);
  }
  // A thousand folds of three rows more than that: none is left out for a rounding error.
  const auto many = AssignParts(1'003, std::vector<double>(1'000, 1.0 / 1'000), 7, {});
  EXPECT_EQ(Count(many).size(), 1'000u);
  EXPECT_FALSE(Count(many).contains(-1));
}

TEST(SplitSpec, Folds) {
  const auto spec = SplitSpecFromJson(Json{{"kFold", 5}, {"fold", 2}, {"seed", 9}});
  ASSERT_TRUE(spec.ok());
  EXPECT_FALSE(spec->empty());
  EXPECT_EQ(spec->folds, 5);
  EXPECT_EQ(spec->fold, 2);
  EXPECT_FALSE(SplitSpecFromJson(Json{{"kFold", 5}, {"fold", 5}}).ok());
  EXPECT_FALSE(SplitSpecFromJson(Json{{"kFold", 1}, {"fold", 0}}).ok());
  EXPECT_FALSE(SplitSpecFromJson(Json{{"kFold", 2.5}, {"fold", 0}}).ok());
}

TEST(SplitSpec, FromJson) {
  const auto spec =
      SplitSpecFromJson(Json{{"train", 0.8}, {"test", 0.2}, {"seed", 9}, {"stratify", "y"}});
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->parts.size(), 2u);
  EXPECT_EQ(spec->seed, 9u);
  EXPECT_EQ(spec->stratify, "y");
  EXPECT_TRUE(SplitSpecFromJson(Json())->empty());
  EXPECT_FALSE(SplitSpecFromJson(Json{{"train", 0.8}, {"test", 0.3}}).ok());
  EXPECT_FALSE(SplitSpecFromJson(Json{{"train", 0}}).ok());
  EXPECT_FALSE(SplitSpecFromJson(Json{{"train", "x"}}).ok());
  EXPECT_TRUE(SplitSpecFromJson(Json{{"a", 0.7}, {"b", 0.2}, {"c", 0.1}}).ok());
}

}  // namespace
}  // namespace penstock

// The values that a backfill goes over.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/backfill_values.h"
#include "storage/model/limits.h"

namespace penstock::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

std::vector<std::string> Over(const std::string& what) {
  const auto over = ParseOver("x=" + what);
  EXPECT_TRUE(over.ok()) << over.status();
  if (!over.ok()) return {};
  EXPECT_EQ(over->first, "x");
  return over->second;
}

TEST(BackfillValuesTest, ListsAndRangesOfNumbers) {
  EXPECT_THAT(Over("a,b,c"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Over("one"), ElementsAre("one"));
  EXPECT_THAT(Over("1..4"), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(Over("10..20:5"), ElementsAre("10", "15", "20"));
  EXPECT_THAT(Over("0..0.5:0.1"), ElementsAre("0", "0.1", "0.2", "0.3", "0.4", "0.5"));
  EXPECT_THAT(Over("-1..1"), ElementsAre("-1", "0", "1"));
  EXPECT_THAT(Over("7..7"), ElementsAre("7"));
}

TEST(BackfillValuesTest, RangesOfDays) {
  EXPECT_THAT(Over("2026-01-30..2026-02-02"),
              ElementsAre("2026-01-30", "2026-01-31", "2026-02-01", "2026-02-02"));
  EXPECT_THAT(Over("2024-02-28..2024-03-01"),
              ElementsAre("2024-02-28", "2024-02-29", "2024-03-01"));
  EXPECT_THAT(Over("2026-01-01..2026-01-31:1w"), SizeIs(5));
  EXPECT_THAT(Over("2026-01-01..2026-01-05:2d"),
              ElementsAre("2026-01-01", "2026-01-03", "2026-01-05"));
  const auto times = Over("2026-01-01..2026-01-02:6h");
  ASSERT_THAT(times, SizeIs(8));
  EXPECT_EQ(times.front(), "2026-01-01T00:00:00Z");
  EXPECT_EQ(times.back(), "2026-01-02T18:00:00Z");
}

TEST(BackfillValuesTest, WhatIsNoneSaysWhatToWrite) {
  for (const char* wrong : {"x", "=1", "x=1..", "x=1..b", "x=5..1", "x=1..5:0", "x=1..5:-1",
                            "x=a,,b", "x=2026-01-05..2026-01-01", "x=2026-01-01..2026-01-05:soon",
                            "x=1..10001", "x=2026-01-01..2030-01-01:1h", "x=nan..1"}) {
    EXPECT_FALSE(ParseOver(wrong).ok()) << wrong;
  }
  EXPECT_THAT(ParseOver("x=1..b").status().message(), HasSubstr("--over NAME="));
  static_assert(limits::kMaxBackfillRuns == 10'000);
  EXPECT_THAT(Over("1..10000"), SizeIs(limits::kMaxBackfillRuns)) << "as many as there may be";
}

TEST(BackfillValuesTest, EveryCombinationTheLastChangingFirst) {
  const auto all = Combine({"a=1,2", "b=x,y"});
  ASSERT_TRUE(all.ok()) << all.status();
  std::vector<std::string> texts;
  for (const Values& values : *all) texts.push_back(Describe(values));
  EXPECT_THAT(texts, ElementsAre("a=1, b=x", "a=1, b=y", "a=2, b=x", "a=2, b=y"));
  EXPECT_THAT(Combine({"a=1,2", "a=3"}).status().message(), HasSubstr("twice"));
  EXPECT_TRUE(Combine({"a=1..100", "b=1..100"}).ok());
  EXPECT_THAT(Combine({"a=1..100", "b=1..101"}).status().message(), HasSubstr("10000 runs"));
}

}  // namespace
}  // namespace penstock::cli

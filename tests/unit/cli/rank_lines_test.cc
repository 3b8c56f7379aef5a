#include "client/cli/rank_lines.h"

#include <gtest/gtest.h>

namespace penstock::cli {
namespace {

TEST(RankLinesTest, EachWholeLineHasItsRank) {
  RankLines lines;
  EXPECT_EQ(lines.Add(0, "a\nb\n"), "[0] a\n[0] b\n");
  EXPECT_EQ(lines.Add(1, "\n"), "[1] \n");
  EXPECT_EQ(lines.Rest(), "");
}

TEST(RankLinesTest, ALineThatComesInPiecesIsNotTornByAnotherRank) {
  RankLines lines;
  EXPECT_EQ(lines.Add(0, "half"), "");
  EXPECT_EQ(lines.Add(12, "whole\nbegun"), "[12] whole\n");
  EXPECT_EQ(lines.Add(0, " done\n"), "[0] half done\n");
  EXPECT_EQ(lines.Rest(), "[12] begun\n");
  EXPECT_EQ(lines.Rest(), "");
}

}  // namespace
}  // namespace penstock::cli

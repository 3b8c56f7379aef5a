// How far a step is, in words.

#include "client/cli/progress.h"

#include <gtest/gtest.h>

namespace penstock::cli {
namespace {

constexpr int64_t kNow = 1'760'000'000;

std::string Of(double fraction, int64_t seconds_left, const std::string& note) {
  v1::Step step;
  step.set_progress(fraction);
  step.set_progress_note(note);
  if (seconds_left != 0) step.mutable_expected_end()->set_seconds(kNow + seconds_left);
  return ProgressOf(step, Time{kNow * 1'000'000});
}

TEST(ProgressOf, SaysWhatIsKnown) {
  EXPECT_EQ(Of(0, 0, ""), "");
  EXPECT_EQ(Of(0, 0, "reading"), "reading");
  EXPECT_EQ(Of(0.4, 0, ""), "40 %");
  EXPECT_EQ(Of(0.4, 12, "round 40"), "40 %, about 12 s left  round 40");
  EXPECT_EQ(Of(0.4, -3, "round 40"), "40 %  round 40") << "a guess that has not come true is none";
  EXPECT_EQ(Of(0.5, 60 * 47 + 31, ""), "50 %, about 48 min left");
  EXPECT_EQ(Of(0.5, 3600 * 5, ""), "50 %, about 5 h left");
}

}  // namespace
}  // namespace penstock::cli

#include "base/fault_point.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "base/clock.h"
#include "base/file.h"

namespace penstock {
namespace {

Status Hit(std::string_view name) {
  return PENSTOCK_FAULT_STATUS(name);
}

TEST(FaultPointTest, SpecificationsThatCannotBeReadAreRefused) {
  for (const char* text :
       {"a", "a=", "a=boom", "a=eio@", "a=eio@0", "a=eio@x", "a=sleep:", "a=sleep:x", "=eio"}) {
    EXPECT_EQ(InitFaults(text, "").code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(FaultPointTest, PointsFailAtTheHitsThatWereAskedFor) {
  const TempFolder folder = *TempFolder::Make("/tmp");
  const std::string report = folder.path() / "hits";
  EXPECT_TRUE(Hit("first").ok()) << "nothing is armed yet";
  ASSERT_TRUE(
      InitFaults("first=enospc,second=eio@2,third=eio@3+,always=eio@all,slow=sleep:30", report)
          .ok());
  EXPECT_EQ(Hit("first").reason(), "DISK_FULL");
  EXPECT_TRUE(Hit("first").ok());
  EXPECT_TRUE(Hit("second").ok());
  EXPECT_EQ(Hit("second").reason(), "IO_ERROR");
  EXPECT_TRUE(Hit("second").ok());
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(Hit("third").ok(), i < 3);
  for (int i = 1; i <= 3; ++i) EXPECT_FALSE(Hit("always").ok());
  const Tick before = Clock::Real().Ticks();
  EXPECT_TRUE(Hit("slow").ok());
  EXPECT_GE(Clock::Real().Ticks() - before, std::chrono::milliseconds(30));
  EXPECT_TRUE(Hit("unarmed").ok());
  EXPECT_EQ(FaultHits()["third"], 5);
  EXPECT_EQ(FaultHits()["unarmed"], 1);
  EXPECT_TRUE(ReadFile(report)->starts_with("first\nfirst\nsecond\n"));
}

TEST(FaultPointDeathTest, ACrashIsAKill) {
  EXPECT_EXIT(
      {
        (void)InitFaults("here=crash@2", "");
        (void)Hit("here");
        (void)Hit("here");
      },
      testing::KilledBySignal(SIGKILL), "");
}

}  // namespace
}  // namespace penstock

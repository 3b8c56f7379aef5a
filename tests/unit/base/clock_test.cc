#include "base/clock.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

TEST(ClockTest, TheRealOneMovesForward) {
  const Clock& clock = Clock::Real();
  const Tick first = clock.Ticks();
  const Time now = clock.Now();
  EXPECT_GT(now.micros, 1'700'000'000'000'000);
  EXPECT_LE(first, clock.Ticks());
}

TEST(ClockTest, TheFakeOneMovesWhenTold) {
  FakeClock clock;
  const Time start = clock.Now();
  const Tick tick = clock.Ticks();
  clock.Advance(std::chrono::seconds(2));
  EXPECT_EQ(clock.Now() - start, std::chrono::seconds(2));
  EXPECT_EQ(clock.Ticks() - tick, std::chrono::seconds(2));
  // Timers do not follow the wall clock.
  clock.JumpWall(-std::chrono::hours(1));
  EXPECT_LT(clock.Now(), start);
  EXPECT_EQ(clock.Ticks() - tick, std::chrono::seconds(2));
}

TEST(ClockTest, TimesAndDurationsForPeople) {
  EXPECT_EQ(FormatTime({1'769'847'330'123'456}), "2026-01-31T08:15:30.123Z");
  EXPECT_EQ(FormatTime({}), "");
  EXPECT_EQ(FormatDuration(Micros(0)), "0 s");
  EXPECT_EQ(FormatDuration(Micros(850)), "850 us");
  EXPECT_EQ(FormatDuration(Micros(12'300)), "12.3 ms");
  EXPECT_EQ(FormatDuration(Micros(4'210'000)), "4.21 s");
  EXPECT_EQ(FormatDuration(std::chrono::seconds(125)), "2 m 05 s");
  EXPECT_EQ(FormatDuration(std::chrono::minutes(187)), "3 h 07 m");
}

}  // namespace
}  // namespace penstock

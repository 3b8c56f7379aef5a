// Attempts that end before their lease does.

#include "worker/runner/fence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "tests/unit/worker/eventually.h"
#include "worker/agent/agent.h"
#include "worker/runner/child.h"

namespace penstock {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Tick At(double second) {
  return {static_cast<int64_t>(second * 1e6)};
}

Tick Now() {
  return Clock::Real().Ticks();
}

TEST(LeaseClock, CountsFromWhenTheLastAnsweredCallWasSent) {
  const auto clock = *LeaseClock::Make(seconds(5));
  EXPECT_FALSE(clock->MayBegin(At(1), At(1))) << "there is no lease yet";
  EXPECT_TRUE(clock->Over(At(1)));
  clock->SetTtl(seconds(15));
  clock->Answered(At(100), At(103));
  EXPECT_EQ(clock->page().dead_by(), At(113.5)) << "a tenth is for clocks that run apart";
  EXPECT_EQ(clock->page().stop_by(), At(108.5)) << "the kill grace before that";
  clock->Answered(At(90), At(120));
  EXPECT_EQ(clock->page().dead_by(), At(113.5)) << "a call that was parked says nothing newer";
  EXPECT_TRUE(clock->MayBegin(At(100), At(108)));
  EXPECT_FALSE(clock->MayBegin(At(100), At(109)));
  EXPECT_FALSE(clock->Over(At(113)));
  EXPECT_TRUE(clock->Over(At(114)));
}

TEST(LeaseClock, WhatWasLeasedBeforeAGapMayHaveEndedInIt) {
  const auto clock = *LeaseClock::Make(seconds(5));
  clock->SetTtl(seconds(15));
  clock->Answered(At(100), At(100));
  clock->Answered(At(110), At(114));
  EXPECT_TRUE(clock->MayBegin(At(100), At(115))) << "no lease lasted less than these 14 s";
  clock->Answered(At(124), At(125.5));
  EXPECT_FALSE(clock->MayBegin(At(110), At(126))) << "it was renewed at 110, and maybe at 125.5";
  EXPECT_TRUE(clock->MayBegin(At(124), At(126)));
}

TEST(LeaseClock, ALongGraceLeavesTimeToRun) {
  const auto clock = *LeaseClock::Make(minutes(5));
  clock->SetTtl(seconds(15));
  clock->Answered(At(100), At(100));
  EXPECT_EQ(clock->page().stop_by(), At(108.5));
}

class FenceTest : public testing::Test {
 protected:
  std::unique_ptr<Child> Spawn(bool with_page = true) {
    ChildOptions options;
    options.program = RunnerProgram();
    options.log_file = folder_.path() / "log";
    options.owner = owner_;
    if (with_page) options.fence = page_.descriptor();
    Result<std::unique_ptr<Child>> child = Child::Spawn(options);
    EXPECT_TRUE(child.ok()) << child.status();
    return child.ok() ? *std::move(child) : nullptr;
  }
  Assignment Fenced(const std::string& type, Json parameters) const {
    Assignment assignment;
    assignment.id = 1;
    assignment.type = type;
    assignment.parameters = std::move(parameters);
    assignment.workspace = (folder_.path() / "attempt").string();
    assignment.store = (folder_.path() / "store").string();
    assignment.fenced = true;
    return assignment;
  }
  // A script that does not end when it is asked to, nor does what it has started.
  Assignment Stubborn() const {
    const std::string loop = "trap \"\" TERM; while :; do sleep 0.02; done";
    return Fenced(
        "script",
        {{"isolation", "none"},
         {"command",
          {"/bin/sh", "-c", "setsid sh -c '" + loop + "' & touch " + Begun() + "; " + loop}}});
  }
  std::string Begun() const { return (folder_.path() / "begun").string(); }
  bool HasBegun() const { return std::filesystem::exists(Begun()); }
  static Outcome NextOutcome(Child& child) {
    Outcome outcome;
    EXPECT_TRUE(Eventually([&] {
      pollfd fd{child.socket(), POLLIN, 0};
      if (poll(&fd, 1, 10) <= 0) return false;
      const auto messages = child.Receive();
      EXPECT_TRUE(messages.ok()) << messages.status();
      if (!messages.ok() || messages->empty() || !messages->back().outcome) return !messages.ok();
      outcome = *messages->back().outcome;
      return true;
    }));
    return outcome;
  }

  TempFolder folder_ = *TempFolder::Make("/tmp");
  const std::string owner_ = folder_.path().string() + "#fence";
  FencePage page_ = *FencePage::Make();
};

TEST_F(FenceTest, AStepIsAskedToEndFirst) {
  const auto child = Spawn();
  page_.Set(Now() + milliseconds(200), Now() + minutes(10));
  ASSERT_TRUE(child->Send(Fenced("noop", {{"duration", "600s"}})).ok());
  const Outcome outcome = NextOutcome(*child);
  EXPECT_EQ(outcome.cause, Cause::kInfrastructure);
  EXPECT_EQ(outcome.status.message(), kFencedOff);
}

TEST_F(FenceTest, ThenAllThatItStartedIsKilled) {
  const auto child = Spawn();
  const auto renew = [&] { page_.Set(Now() + milliseconds(500), Now() + milliseconds(700)); };
  renew();
  ASSERT_TRUE(child->Send(Stubborn()).ok());
  EXPECT_TRUE(Eventually([&] {
    renew();
    return HasBegun();
  }));
  std::string how;
  EXPECT_TRUE(Eventually([&] { return child->Reap(&how); }));
  EXPECT_TRUE(child->FencedOff()) << how;
  EXPECT_EQ(KillLeftovers(owner_), 0);
}

TEST_F(FenceTest, ARenewalLetsItGoOn) {
  const auto child = Spawn();
  Tick stop_by;
  const auto renew = [&](Micros by) {
    stop_by = Now() + by;
    page_.Set(stop_by, stop_by + Micros(minutes(1)));
  };
  renew(milliseconds(500));
  const std::string end = (folder_.path() / "end").string();
  ASSERT_TRUE(child
                  ->Send(Fenced("script", {{"isolation", "none"},
                                           {"command",
                                            {"/bin/sh", "-c",
                                             "touch " + Begun() + "; while [ ! -e " + end +
                                                 " ]; do sleep 0.02; done"}}}))
                  .ok());
  EXPECT_TRUE(Eventually([&] {
    renew(milliseconds(500));
    return HasBegun();
  }));
  const Tick passed = stop_by;
  renew(minutes(10));
  EXPECT_TRUE(Eventually([&] { return Now() > passed + milliseconds(50); }));
  EXPECT_TRUE(WriteFileAtomic(end, "").ok());
  const Outcome outcome = NextOutcome(*child);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
}

TEST_F(FenceTest, LeasesMayBecomeShorter) {
  const auto child = Spawn();
  page_.Set(Now() + minutes(10), Now() + minutes(20));
  ASSERT_TRUE(child->Send(Stubborn()).ok());
  EXPECT_TRUE(Eventually([&] { return HasBegun(); }));
  page_.Set(Now(), Now());
  std::string how;
  EXPECT_TRUE(Eventually([&] { return child->Reap(&how); }));
  EXPECT_TRUE(child->FencedOff()) << how;
}

TEST_F(FenceTest, NothingRunsWithoutAPage) {
  const auto child = Spawn(/*with_page=*/false);
  ASSERT_TRUE(child->Send(Fenced("noop", Json::object())).ok());
  EXPECT_EQ(NextOutcome(*child).cause, Cause::kInfrastructure);
}

TEST(ReopenPause, IsLongWhereOnlyAnUpdateHelps) {
  EXPECT_EQ(ReopenPause(Unavailable("away"), milliseconds(200)), milliseconds(200));
  EXPECT_EQ(ReopenPause(FailedPrecondition("old", "VERSION_MISMATCH"), milliseconds(200)),
            minutes(1));
}

}  // namespace
}  // namespace penstock

// Placement of steps on several nodes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "server/core/placer.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

WorkerInfo Worker(const std::string& name, double cpus) {
  WorkerInfo info;
  info.id = WorkerId(name);
  info.cpus = cpus;
  info.steps = {"script@1"};
  info.address = name;
  info.first_port = 29'500;
  info.port_count = 10;
  return info;
}

Needs Script(int32_t nodes, double cpus = 1) {
  Needs needs;
  needs.cpus = cpus;
  needs.nodes = nodes;
  needs.step = "script@1";
  return needs;
}

// Workers w1, w2 … of some cpus, and what the engine does around the placer.
class GangPlacement : public testing::Test {
 protected:
  void Add(const std::string& name, double cpus) {
    const WorkerInfo info = Worker(name, cpus);
    workers_[SessionId(name)] = info;
    free_[SessionId(name)] = {.cpus = cpus, .ports = info.port_count};
    Tell(SessionId(name));
  }
  void Tell(const SessionId& session) {
    placer_.UpdateWorker(session, workers_[session], free_[session]);
  }
  std::vector<SessionId> Place(const Needs& needs) {
    const std::optional<Placer::Placement> placement = placer_.Next();
    if (!placement) return {};
    std::vector<SessionId> on = {placement->session};
    on.insert(on.end(), placement->others.begin(), placement->others.end());
    Move(on, needs, -1);
    placer_.Occupy(placement->run, placement->step, needs);
    return on;
  }
  void Move(const std::vector<SessionId>& on, const Needs& needs, int sign) {
    for (const SessionId& session : on) {
      free_[session].cpus += sign * needs.cpus;
      if (needs.nodes > 1) free_[session].ports += sign;
      Tell(session);
    }
  }
  std::string Why(StepIndex step) {
    std::string text;
    for (const Placer::Reason& reason : placer_.WhyWaiting(1, step)) {
      text += reason.word + ": " + reason.sentence + "\n";
    }
    return text;
  }

  Placer placer_;
  std::map<SessionId, WorkerInfo> workers_;
  std::map<SessionId, WorkerCapacity> free_;
};

const SessionId kW1("w1");
const SessionId kW2("w2");
const SessionId kW3("w3");

TEST_F(GangPlacement, TakesAsManyWorkersAsItNeedsTheEmptiestFirst) {
  Add("w1", 1);
  Add("w2", 4);
  Add("w3", 2);
  placer_.Enqueue(1, 0, Script(2));
  EXPECT_THAT(Place(Script(2)), ElementsAre(kW2, kW3));
  EXPECT_EQ(placer_.queued(), 0u);
}

TEST_F(GangPlacement, HoldsNothingWhileItWaits) {
  Add("w1", 1);
  Add("w2", 1);
  placer_.Enqueue(1, 0, Script(3));
  placer_.Enqueue(1, 1, Script(1));
  placer_.Enqueue(1, 2, Script(1));
  EXPECT_THAT(Place(Script(1)), ElementsAre(kW1));
  EXPECT_THAT(Place(Script(1)), ElementsAre(kW2));
  EXPECT_TRUE(Place(Script(3)).empty());
}

TEST_F(GangPlacement, OneWorkerHasNoTwoRanksHoweverMuchRoomItHas) {
  Add("w1", 16);
  placer_.Enqueue(1, 0, Script(2));
  EXPECT_TRUE(Place(Script(2)).empty());
  EXPECT_THAT(Why(0), HasSubstr("GANG_INCOMPLETE: it needs 2 workers at once with 1 cpus free on "
                                "each; 1 has room now"));
  Add("w2", 1);
  EXPECT_THAT(Place(Script(2)), ElementsAre(kW1, kW2));
}

TEST_F(GangPlacement, AWorkerWithoutPortsTakesNoRank) {
  Add("w1", 4);
  Add("w2", 4);
  free_[kW2].ports = 0;
  Tell(kW2);
  placer_.Enqueue(1, 0, Script(2));
  EXPECT_TRUE(Place(Script(2)).empty());
  std::string why;
  WorkerInfo old = Worker("old", 4);
  old.port_count = 0;
  EXPECT_FALSE(CouldRun(old, Script(2), &why));
  EXPECT_THAT(why, HasSubstr("has no ports for ranks"));
  EXPECT_TRUE(CouldRun(old, Script(1)));
  free_[kW2].ports = 1;
  Tell(kW2);
  EXPECT_THAT(Place(Script(2)), ElementsAre(kW1, kW2));
}

TEST_F(GangPlacement, IsNeverBacklog) {
  Add("w1", 1);
  Add("w2", 1);
  placer_.RecordDuration("script@1", std::chrono::milliseconds(1));
  ASSERT_TRUE(placer_.IsShort("script@1"));
  placer_.Enqueue(1, 0, Script(2));
  placer_.Enqueue(1, 1, Script(2));
  EXPECT_THAT(Place(Script(2)), ElementsAre(kW1, kW2));
  EXPECT_TRUE(Place(Script(2)).empty());
}

// A stream of single steps keeps both workers busy, one always when the other has room.
TEST_F(GangPlacement, IsNotStarvedBySingleSteps) {
  Add("w1", 1);
  Add("w2", 1);
  for (StepIndex step = 0; step < 1'000; ++step) placer_.Enqueue(2, step, Script(1));
  std::deque<std::vector<SessionId>> running = {Place(Script(1)), Place(Script(1))};
  placer_.Enqueue(1, 0, Script(2));
  Tick now;
  int passed = 0;
  bool placed = false;
  while (!placed && passed < 100) {
    now = now + Micros(seconds(1));
    placer_.Advance(now);
    if (running.empty()) break;
    Move(running.front(), Script(1), +1);
    running.pop_front();
    const std::optional<Placer::Placement> next = placer_.Next();
    if (!next) continue;  // kept for the gang
    placed = !next->others.empty();
    if (placed) break;
    Move({next->session}, Script(1), -1);
    placer_.Occupy(next->run, next->step, Script(1));
    running.push_back({next->session});
    ++passed;
  }
  EXPECT_TRUE(placed) << "passed by " << passed;
  EXPECT_LE(passed, 12);
}

TEST_F(GangPlacement, KeepsNoWorkersWhereThereAreTooFew) {
  Add("w1", 1);
  Add("w2", 1);
  placer_.Enqueue(1, 0, Script(3));
  placer_.Enqueue(2, 0, Script(1));
  EXPECT_FALSE(Place(Script(1)).empty());
  placer_.Advance(Tick{} + Micros(seconds(60)));
  placer_.Enqueue(2, 1, Script(1));
  EXPECT_FALSE(Place(Script(1)).empty()) << "the gang of three can never be placed on two";
}

TEST_F(GangPlacement, AKeptWorkerThatClosesIsReplaced) {
  for (const char* name : {"w1", "w2", "w3"}) Add(name, 1);
  // Two are busy; a single step passes the gang on the third.
  for (StepIndex step = 0; step < 2; ++step) placer_.Enqueue(2, step, Script(1));
  const std::vector<SessionId> first = Place(Script(1));
  const std::vector<SessionId> second = Place(Script(1));
  placer_.Enqueue(1, 0, Script(2));
  placer_.Enqueue(2, 2, Script(1));
  const std::vector<SessionId> third = Place(Script(1));
  ASSERT_FALSE(third.empty());
  placer_.Advance(Tick{} + Micros(limits::kReserveAfter));
  EXPECT_TRUE(Place(Script(2)).empty());  // keeps two of the three
  free_[kW1].closed = "is cordoned";
  Tell(kW1);
  EXPECT_TRUE(Place(Script(2)).empty());  // and now the two others
  placer_.Enqueue(2, 3, Script(1));
  Move({kW2}, Script(1), +1);
  EXPECT_TRUE(Place(Script(1)).empty()) << "w2 is kept";
  Move({kW3}, Script(1), +1);
  EXPECT_THAT(Place(Script(2)), ElementsAre(kW2, kW3));
}

TEST_F(GangPlacement, ItsShareIsThatOfAllItsNodes) {
  Placer placer({{"a", {}}, {"b", {}}});
  for (const char* name : {"w1", "w2"}) {
    placer.UpdateWorker(SessionId(name), Worker(name, 4), {.cpus = 4, .ports = 10});
  }
  placer.AddRun(1, 0, "a");
  placer.AddRun(2, 0, "b");
  placer.Occupy(1, 0, Script(2, 2));
  placer.Occupy(2, 0, Script(1, 3));
  placer.Enqueue(1, 1, Script(1));
  placer.Enqueue(2, 1, Script(1));
  placer.Advance(Tick{} + Micros(seconds(10)));
  placer.Release(1, 0);
  placer.Release(2, 0);
  // Two nodes of 2 cpus have taken more than one of 3.
  EXPECT_EQ(placer.Next()->run, 2);
}

}  // namespace
}  // namespace penstock

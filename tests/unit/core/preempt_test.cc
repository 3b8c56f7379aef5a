// Who is stopped for whom, and for whom the room is kept.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/core/placer.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using StepKey = Placer::StepKey;

const SessionId kOne("s1");
const SessionId kTwo("s2");

Needs Noop(double cpus = 1) {
  Needs needs;
  needs.cpus = cpus;
  needs.step = "noop@1";
  return needs;
}

// Does what the engine does around a placer: ledgers of two kinds, what runs and what is free.
class PreemptTest : public testing::Test {
 protected:
  void AddWorker(const SessionId& session, double cpus) {
    WorkerInfo& info = workers_[session].first;
    info.id = WorkerId("w" + session.value());
    info.cpus = cpus;
    info.steps = {"noop@1"};
    workers_[session].second = {.cpus = cpus, .memory = 0, .gpus = 0, .backlog = 0};
    Update(session);
  }
  void Update(const SessionId& session) {
    placer_.UpdateWorker(session, workers_[session].first, workers_[session].second);
  }
  void AddRun(int64_t run, int32_t priority, const std::string& queue = kDefaultQueue,
              int32_t max_parallel = 0) {
    placer_.AddRun(run, max_parallel, queue, priority);
  }
  // A step of the run that runs there since `since`, whose step is 0.
  void Runs(int64_t run, const SessionId& session, double cpus, int64_t since,
            bool preemptible = true) {
    const StepKey key{run, 0};
    running_[key] = {session, cpus};
    placer_.Occupy(run, 0, Noop(cpus));
    if (preemptible) placer_.MayPreempt(run, 0, Noop(cpus), session, Time{since});
    workers_[session].second.cpus -= cpus;
    Update(session);
  }
  void Ends(int64_t run) {
    const auto [session, cpus] = running_.extract({run, 0}).mapped();
    placer_.Release(run, 0);
    workers_[session].second.cpus += cpus;
    Update(session);
  }
  // Places one; the run, or 0.
  int64_t Place(double cpus) {
    const auto placement = placer_.Next();
    if (!placement) return 0;
    workers_[placement->session].second.cpus -= cpus;
    Update(placement->session);
    return placement->run;
  }
  std::vector<int64_t> Victims() {
    EXPECT_FALSE(placer_.Next().has_value());
    std::vector<int64_t> runs;
    for (const Placer::Preemption& each : placer_.Preempt()) runs.push_back(each.victim.first);
    return runs;
  }
  std::string Why(int64_t run) const {
    std::string text;
    for (const auto& reason : placer_.WhyWaiting(run, 0)) {
      text += reason.word + ": " + reason.sentence + "\n";
    }
    return text;
  }

  Placer placer_{QueueTable{{"other", {}}, {"narrow", {.max_parallel_steps = 1}}}};

 private:
  std::map<SessionId, std::pair<WorkerInfo, WorkerCapacity>> workers_;
  std::map<StepKey, std::pair<SessionId, double>> running_;
};

TEST_F(PreemptTest, TheLowestPriorityThenTheYoungest) {
  AddWorker(kOne, 4);
  for (const int64_t run : {1, 2, 3, 4}) AddRun(run, run == 2 || run == 3 ? 1 : 2);
  for (const int64_t run : {1, 2, 3, 4}) Runs(run, kOne, 1, run * 100);
  AddRun(9, 10);
  placer_.Enqueue(9, 0, Noop(1));
  EXPECT_THAT(Victims(), ElementsAre(3));
  EXPECT_THAT(Victims(), IsEmpty()) << "it is on its way out";
  placer_.Enqueue(9, 1, Noop(2));
  EXPECT_THAT(Victims(), UnorderedElementsAre(2, 4));
}

TEST_F(PreemptTest, AsFewAsPossible) {
  AddWorker(kOne, 4);
  AddWorker(kTwo, 4);
  AddRun(1, 0);
  AddRun(2, 0);
  AddRun(3, 0);
  Runs(1, kOne, 1, 300);  // young, and of no use
  Runs(2, kOne, 3, 100);
  Runs(3, kTwo, 2, 200);
  AddRun(4, 0);
  Runs(4, kTwo, 2, 200);
  AddRun(9, 1);
  placer_.Enqueue(9, 0, Noop(3));
  EXPECT_THAT(Victims(), ElementsAre(2));
}

TEST_F(PreemptTest, OnlyForAHigherPriorityOfTheSameQueue) {
  AddWorker(kOne, 2);
  AddRun(1, 5);
  AddRun(2, 5);
  Runs(1, kOne, 1, 100);
  Runs(2, kOne, 1, 100, /*preemptible=*/false);
  AddRun(7, 5);
  AddRun(8, 100, "other");
  placer_.Enqueue(7, 0, Noop(1));
  placer_.Enqueue(8, 0, Noop(1));
  EXPECT_THAT(Victims(), IsEmpty());
  AddRun(9, 6);
  placer_.Enqueue(9, 0, Noop(2));
  EXPECT_THAT(Victims(), IsEmpty()) << "one of them does not give way, and one is not enough";
  placer_.Remove(9, 0);
  placer_.Enqueue(9, 1, Noop(1));
  EXPECT_THAT(Victims(), ElementsAre(1));
}

TEST_F(PreemptTest, NotWhereThereIsRoomElsewhere) {
  AddWorker(kOne, 1);
  AddWorker(kTwo, 1);
  AddRun(1, 0);
  Runs(1, kOne, 1, 100);
  AddRun(9, 10);
  placer_.Enqueue(9, 0, Noop(1));
  EXPECT_EQ(Place(1), 9);
  EXPECT_THAT(placer_.Preempt(), IsEmpty());
}

TEST_F(PreemptTest, TheRoomIsKeptForWhomItIsMade) {
  AddWorker(kOne, 4);
  AddRun(1, 0);
  AddRun(2, 0);
  Runs(1, kOne, 2, 100);
  Runs(2, kOne, 2, 200);
  AddRun(9, 10);
  placer_.Enqueue(9, 0, Noop(3));
  EXPECT_THAT(Victims(), UnorderedElementsAre(1, 2));
  AddRun(5, 3);
  AddRun(6, 0, "other");
  placer_.Enqueue(5, 0, Noop(1));
  placer_.Enqueue(6, 0, Noop(1));
  Ends(1);
  EXPECT_EQ(Place(1), 0);
  EXPECT_THAT(Why(9), HasSubstr("PREEMPTING: "));
  EXPECT_THAT(Why(5), HasSubstr("WORKER_RESERVED: worker ws1 keeps its room"));
  Ends(2);
  EXPECT_EQ(Place(3), 9);
  EXPECT_GT(Place(1), 0) << "what is left over is anybody's";
}

TEST_F(PreemptTest, AStillHigherPriorityNeedNotWait) {
  AddWorker(kOne, 2);
  AddRun(1, 0);
  AddRun(2, 0);
  Runs(1, kOne, 1, 100);
  Runs(2, kOne, 1, 200);
  AddRun(8, 5);
  placer_.Enqueue(8, 0, Noop(2));
  EXPECT_THAT(Victims(), UnorderedElementsAre(1, 2));
  AddRun(9, 9);
  placer_.Enqueue(9, 0, Noop(1));
  Ends(1);
  EXPECT_EQ(Place(1), 9);
  Ends(2);
  EXPECT_EQ(Place(1), 0) << "there is no room for it any more";
  EXPECT_THAT(placer_.Preempt(), IsEmpty());
  AddRun(3, 0);
  placer_.Enqueue(3, 0, Noop(1));
  EXPECT_EQ(Place(1), 3) << "nor is any kept in vain";
}

TEST_F(PreemptTest, ForManyAtOnceAndNoneTwice) {
  AddWorker(kOne, 4);
  for (const int64_t run : {1, 2, 3, 4}) {
    AddRun(run, 0);
    Runs(run, kOne, 1, run);
  }
  AddRun(9, 10, kDefaultQueue, /*max_parallel=*/3);
  for (StepIndex step = 0; step < 4; ++step) placer_.Enqueue(9, step, Noop(1));
  EXPECT_THAT(Victims(), ElementsAre(4, 3, 2)) << "not more than its run may have";
  Ends(4);
  EXPECT_EQ(Place(1), 9);
  placer_.SetActive(9, 1);
  EXPECT_THAT(Victims(), IsEmpty());
}

TEST_F(PreemptTest, AShortStepDoesNotWaitBehindWhatItMayStop) {
  placer_.RecordDuration("noop@1", Micros(1'000));
  AddWorker(kOne, 1);
  AddRun(1, 0);
  Runs(1, kOne, 1, 100);
  AddRun(9, 10);
  AddRun(8, 0);
  placer_.Enqueue(9, 0, Noop(1));
  EXPECT_THAT(Victims(), ElementsAre(1));
  EXPECT_FALSE(placer_.Next().has_value()) << "it waits for its room";
  Ends(1);
  EXPECT_EQ(Place(1), 9);
  placer_.Enqueue(8, 0, Noop(1));
  const auto placement = placer_.Next();
  ASSERT_TRUE(placement.has_value());
  EXPECT_TRUE(placement->backlog) << "nobody gives way to it";
}

TEST_F(PreemptTest, ClaimsEndWithThoseWhoMadeThem) {
  AddWorker(kOne, 1);
  AddRun(1, 0);
  Runs(1, kOne, 1, 100);
  AddRun(9, 10);
  placer_.Enqueue(9, 0, Noop(1));
  EXPECT_THAT(Victims(), ElementsAre(1));
  placer_.RemoveRun(9);
  AddRun(2, -1);
  placer_.Enqueue(2, 0, Noop(1));
  Ends(1);
  EXPECT_EQ(Place(1), 2);
}

TEST_F(PreemptTest, RoomThatIsKeptInVainIsGivenToOthers) {
  AddWorker(kOne, 2);
  AddRun(1, 0);
  Runs(1, kOne, 2, 100);
  AddRun(9, 10);
  placer_.Enqueue(9, 0, Noop(2));
  EXPECT_THAT(Victims(), ElementsAre(1));
  AddRun(8, 10);
  Runs(8, kOne, 1, 100, /*preemptible=*/false);  // was on its way there
  AddRun(2, -1);
  placer_.Enqueue(2, 0, Noop(1));
  Ends(1);
  EXPECT_EQ(Place(1), 2) << "there is no room for the other, and nobody left to make it";
}

TEST_F(PreemptTest, AWorkerThatIsLostTakesItsClaimsAlong) {
  AddWorker(kOne, 1);
  AddWorker(kTwo, 1);
  AddRun(1, 0);
  AddRun(2, 1);
  Runs(1, kOne, 1, 100);
  Runs(2, kTwo, 1, 100);
  AddRun(9, 10);
  placer_.Enqueue(9, 0, Noop(1));
  EXPECT_THAT(Victims(), ElementsAre(1));
  placer_.RemoveWorker(kOne);
  EXPECT_THAT(Victims(), ElementsAre(2));
}

TEST_F(PreemptTest, AQueuesOwnLimitIsNoWantOfRoom) {
  AddWorker(kOne, 1);
  AddRun(1, 0, "narrow");
  Runs(1, kOne, 1, 100);
  AddRun(9, 10, "narrow");
  placer_.Enqueue(9, 0, Noop(1));
  EXPECT_THAT(Victims(), IsEmpty());
}

// --- Locality

TEST_F(PreemptTest, OfWorkersWithRoomTheOneThatHasTheInputs) {
  AddWorker(kOne, 4);
  AddWorker(kTwo, 2);
  AddRun(1, 0);
  std::vector<std::pair<SessionId, int64_t>> bytes = {{kTwo, 100}};
  placer_.SetLocality([&](const StepKey&) { return bytes; });
  placer_.Enqueue(1, 0, Noop(1));
  EXPECT_EQ(placer_.Next()->session, kTwo) << "though the other is emptier";
  bytes = {{kOne, 100}, {kTwo, 50}, {SessionId("gone"), 500}};
  placer_.Enqueue(1, 1, Noop(1));
  EXPECT_EQ(placer_.Next()->session, kOne);
  bytes = {{kTwo, 100}};
  placer_.Enqueue(1, 2, Noop(3));
  EXPECT_EQ(placer_.Next()->session, kOne) << "it does not wait for that";
  bytes = {};
  placer_.Enqueue(1, 3, Noop(1));
  EXPECT_EQ(placer_.Next()->session, kOne);
}

}  // namespace
}  // namespace penstock

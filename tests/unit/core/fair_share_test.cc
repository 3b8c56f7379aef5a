// Queues, priorities, mutexes, and what was passed over: whose turn it is.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "server/core/placer.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

const SessionId kOne("s1");

Needs Noop(double cpus = 1) {
  Needs needs;
  needs.cpus = cpus;
  needs.step = "noop@1";
  return needs;
}

WorkerInfo Worker(const std::string& name, double cpus) {
  WorkerInfo info;
  info.id = WorkerId(name);
  info.cpus = cpus;
  info.steps = {"noop@1"};
  return info;
}

struct Step {
  int64_t run = 0;
  StepIndex index = 0;
  Needs needs;
  Micros length{0};
  std::string mutex;
};

// Workers, a clock, and steps that take as long as they say.
class Simulation {
 public:
  explicit Simulation(QueueTable queues = {}) : placer(std::move(queues)) {}

  void Add(const SessionId& session, const WorkerInfo& info) {
    workers_[session] = {info, {info.cpus, 0, 0, 0}};
    placer.UpdateWorker(session, info, workers_[session].second);
  }
  void Close(const SessionId& session, const std::string& why) {
    workers_[session].second.closed = why;
    placer.UpdateWorker(session, workers_[session].first, workers_[session].second);
  }

  void Enqueue(Step step) {
    placer.Enqueue(step.run, step.index, step.needs, step.mutex);
    steps_[{step.run, step.index}] = std::move(step);
  }

  // Places what can be; the steps in order.
  std::vector<Placer::StepKey> Place() {
    std::vector<Placer::StepKey> placed;
    while (const auto placement = placer.Next()) {
      const Step& step = steps_.at({placement->run, placement->step});
      auto& [info, capacity] = workers_.at(placement->session);
      capacity.cpus -= step.needs.cpus;
      EXPECT_GE(capacity.cpus, -1e-9);
      placer.UpdateWorker(placement->session, info, capacity);
      placer.Occupy(step.run, step.index, step.needs, step.mutex);
      running_.insert({now_ + step.length, {placement->session, {step.run, step.index}}});
      placed.emplace_back(step.run, step.index);
    }
    return placed;
  }

  // Lets the next step end; its key. Nothing may run for ever.
  Placer::StepKey End() {
    const auto [when, what] = *running_.begin();
    running_.erase(running_.begin());
    now_ = when;
    placer.Advance(now_);
    const Step& step = steps_.at(what.second);
    auto& [info, capacity] = workers_.at(what.first);
    capacity.cpus += step.needs.cpus;
    placer.Release(step.run, step.index);
    placer.RecordDuration(step.needs.step, step.length);
    placer.UpdateWorker(what.first, info, capacity);
    return what.second;
  }

  void Pass(Micros by) { placer.Advance(now_ = now_ + by); }
  bool idle() const { return running_.empty(); }
  std::string Why(int64_t run, StepIndex step) const {
    std::string text;
    for (const Placer::Reason& reason : placer.WhyWaiting(run, step)) {
      text += reason.word + ": " + reason.sentence + "\n";
    }
    return text;
  }

  Placer placer;

 private:
  std::map<SessionId, std::pair<WorkerInfo, WorkerCapacity>> workers_;
  std::map<Placer::StepKey, Step> steps_;
  std::multimap<Tick, std::pair<SessionId, Placer::StepKey>> running_;
  Tick now_{1};
};

// Two queues with as much to do as there is time. What each had of it, once `total` steps ended.
std::pair<double, double> Share(double cpus, Micros heavy, Micros light, int total) {
  Simulation simulation(QueueTable{{"heavy", {.weight = 3}}, {"light", {.weight = 1}}});
  simulation.Add(kOne, Worker("w1", cpus));
  simulation.placer.AddRun(1, 0, "light");
  simulation.placer.AddRun(2, 0, "heavy");
  std::map<int64_t, StepIndex> next;
  const auto feed = [&](int64_t run) {
    simulation.Enqueue({run, next[run]++, Noop(), run == 2 ? heavy : light, ""});
  };
  for (int i = 0; i < 100; ++i) {
    feed(1);
    feed(2);
  }
  std::map<int64_t, double> time;
  for (int ended = 0; ended < total; ++ended) {
    simulation.Place();
    const int64_t run = simulation.End().first;
    time[run] += static_cast<double>((run == 2 ? heavy : light).count());
    feed(run);
  }
  return {time[2], time[1]};
}

TEST(FairShare, ThreeToOneOfTheTimeOver1000Steps) {
  for (const double cpus : {1.0, 4.0}) {
    for (const auto& [heavy, light] : {std::pair{milliseconds(200), milliseconds(200)},
                                       std::pair{milliseconds(200), milliseconds(800)},
                                       std::pair{milliseconds(900), milliseconds(150)}}) {
      const auto [three, one] = Share(cpus, heavy, light, 1000);
      EXPECT_NEAR(three / (three + one), 0.75, 0.025)
          << cpus << " cpus, " << heavy.count() << " and " << light.count() << " ms";
    }
  }
}

TEST(FairShare, AQueueThatHadNothingToDoSavedNothingUp) {
  Simulation simulation(QueueTable{{"a", {}}, {"b", {}}});
  simulation.Add(kOne, Worker("w1", 1));
  simulation.placer.AddRun(1, 0, "a");
  simulation.placer.AddRun(2, 0, "b");
  for (StepIndex i = 0; i < 60; ++i) simulation.Enqueue({1, i, Noop(), seconds(60), ""});
  for (int i = 0; i < 30; ++i) {  // half an hour of a alone
    simulation.Place();
    simulation.End();
  }
  for (StepIndex i = 0; i < 20; ++i) simulation.Enqueue({2, i, Noop(), seconds(60), ""});
  std::map<int64_t, int> ended;
  for (int i = 0; i < 20; ++i) {
    simulation.Place();
    ++ended[simulation.End().first];
  }
  EXPECT_NEAR(ended[1], 10, 1);
}

TEST(FairShare, AQueueThatCouldNotBeServedIsNotServedAloneAfterwards) {
  Simulation simulation(QueueTable{{"a", {}}, {"b", {}}});
  simulation.Add(kOne, Worker("w1", 1));
  simulation.placer.AddRun(1, 0, "a");
  simulation.placer.AddRun(2, 0, "b");
  for (StepIndex i = 0; i < 60; ++i) simulation.Enqueue({1, i, Noop(), seconds(60), ""});
  for (StepIndex i = 0; i < 20; ++i) simulation.Enqueue({2, i, Noop(2), seconds(60), ""});
  for (int i = 0; i < 30; ++i) {
    simulation.Place();
    simulation.End();
  }
  // Now they fit; half an hour is forgotten but for a minute.
  for (StepIndex i = 0; i < 20; ++i) simulation.placer.Remove(2, i);
  for (StepIndex i = 20; i < 40; ++i) simulation.Enqueue({2, i, Noop(), seconds(60), ""});
  std::map<int64_t, int> ended;
  for (int i = 0; i < 20; ++i) {
    simulation.Place();
    ++ended[simulation.End().first];
  }
  EXPECT_NEAR(ended[1], 10, 2);
}

TEST(FairShare, PriorityThenAgeThenOrderWithinAQueue) {
  Simulation simulation;
  simulation.Add(kOne, Worker("w1", 10));
  simulation.placer.AddRun(1, 0);
  simulation.placer.AddRun(2, 0, kDefaultQueue, 5);
  simulation.placer.AddRun(3, 0, kDefaultQueue, -5);
  simulation.placer.AddRun(4, 0);
  for (const int64_t run : {4, 3, 2, 1}) {
    simulation.Enqueue({run, 1, Noop(), seconds(1), ""});
    simulation.Enqueue({run, 0, Noop(0.5), seconds(1), ""});
  }
  EXPECT_THAT(simulation.Place(),
              ElementsAre(std::pair(2, 0), std::pair(2, 1), std::pair(1, 0), std::pair(1, 1),
                          std::pair(4, 0), std::pair(4, 1), std::pair(3, 0), std::pair(3, 1)));
}

TEST(FairShare, AQueueAtItsLimitLeavesTheWorkersToOthers) {
  Simulation simulation(
      QueueTable{{"small", {.weight = 100, .max_parallel_steps = 2, .max_runs = 0}}});
  simulation.Add(kOne, Worker("w1", 4));
  simulation.placer.AddRun(1, 0, "small");
  simulation.placer.AddRun(2, 0);
  for (StepIndex i = 0; i < 5; ++i) simulation.Enqueue({1, i, Noop(), seconds(1), ""});
  for (StepIndex i = 0; i < 5; ++i) simulation.Enqueue({2, i, Noop(), seconds(9), ""});
  std::map<int64_t, int> placed;
  for (const auto& [run, step] : simulation.Place()) ++placed[run];
  EXPECT_EQ(placed[1], 2);
  EXPECT_EQ(placed[2], 2);
  EXPECT_THAT(simulation.Why(1, 4), HasSubstr("QUEUE_MAX_PARALLEL_STEPS: queue small has 2 steps"));
  EXPECT_EQ(simulation.End().first, 1);
  EXPECT_THAT(simulation.Place(), ElementsAre(std::pair(1, 2)));
}

TEST(FairShare, AWorkerIsKeptFreeOnceAStepWasPassedForSoLong) {
  Simulation simulation;
  simulation.Add(kOne, Worker("w1", 2));
  simulation.placer.AddRun(1, 0);
  simulation.placer.AddRun(2, 0);
  simulation.Enqueue({2, 0, Noop(), limits::kReserveAfter - milliseconds(1), ""});
  simulation.Place();
  simulation.Enqueue({1, 0, Noop(2), seconds(1), ""});
  simulation.Enqueue({2, 1, Noop(), limits::kReserveAfter, ""});
  EXPECT_THAT(simulation.Place(), ElementsAre(std::pair(2, 1))) << "the large one is passed over";
  simulation.End();  // a millisecond too early
  simulation.Enqueue({2, 2, Noop(), seconds(30), ""});
  EXPECT_THAT(simulation.Place(), ElementsAre(std::pair(2, 2)));
  simulation.End();  // and now it is time
  simulation.Enqueue({2, 3, Noop(), seconds(1), ""});
  EXPECT_THAT(simulation.Place(), testing::IsEmpty()) << "the room is kept";
}

TEST(FairShare, ALargeStepDoesNotStarveBehindSmallOnes) {
  for (const char* queue : {"default", "other"}) {
    Simulation simulation(QueueTable{{"other", {}}});
    simulation.Add(kOne, Worker("w1", 4));
    simulation.placer.AddRun(1, 0, queue);
    simulation.placer.AddRun(2, 0);
    StepIndex next = 0;
    const auto feed = [&] {
      // Of uneven length, so that four cpus are never free at once by themselves.
      simulation.Enqueue({2, next, Noop(), milliseconds(400 + next % 7 * 100), ""});
      ++next;
    };
    for (int i = 0; i < 8; ++i) feed();
    simulation.Place();
    simulation.Enqueue({1, 0, Noop(4), seconds(1), ""});
    bool placed = false;
    bool said = false;
    for (int ended = 0; ended < 200 && !placed; ++ended) {
      simulation.End();
      feed();
      for (const auto& [run, step] : simulation.Place()) placed = placed || run == 1;
      said = said || simulation.Why(2, next - 1).find("WORKER_RESERVED") != std::string::npos;
    }
    EXPECT_TRUE(placed) << queue;
    EXPECT_TRUE(said) << "while the worker was kept free, the small ones were told why";
    simulation.End();
    EXPECT_FALSE(simulation.Place().empty()) << "and then the worker is everybody's again";
  }
}

TEST(FairShare, AReservationEndsWithWhatItWasFor) {
  Simulation simulation;
  simulation.Add(kOne, Worker("w1", 2));
  simulation.placer.AddRun(1, 0);
  simulation.placer.AddRun(2, 0);
  simulation.Enqueue({2, 0, Noop(), seconds(60), ""});
  simulation.Place();
  simulation.Enqueue({1, 0, Noop(2), seconds(1), ""});
  simulation.Enqueue({2, 1, Noop(), seconds(30), ""});
  EXPECT_THAT(simulation.Place(), ElementsAre(std::pair(2, 1)));
  simulation.Enqueue({2, 2, Noop(), seconds(1), ""});
  simulation.End();
  EXPECT_TRUE(simulation.Place().empty()) << "a cpu is free, and kept";
  simulation.placer.RemoveRun(1);
  EXPECT_THAT(simulation.Place(), ElementsAre(std::pair(2, 2)));
}

TEST(Mutex, IsTakenByOneAtATimeInOrder) {
  Simulation simulation;
  simulation.Add(kOne, Worker("w1", 8));
  for (const int64_t run : {1, 2, 3}) simulation.placer.AddRun(run, 0);
  simulation.Enqueue({3, 0, Noop(), seconds(1), "db"});
  simulation.Enqueue({2, 0, Noop(0.5), seconds(1), "db"});
  simulation.Enqueue({1, 0, Noop(), seconds(1), "db"});
  simulation.Enqueue({1, 1, Noop(), seconds(9), ""});
  simulation.Enqueue({2, 1, Noop(), seconds(9), "other"});
  EXPECT_THAT(simulation.Place(), ElementsAre(std::pair(1, 0), std::pair(1, 1), std::pair(2, 1)));
  EXPECT_THAT(simulation.Why(3, 0), HasSubstr("MUTEX: the mutex db is taken"));
  EXPECT_EQ(simulation.placer.WhyWaiting(3, 0).front().holder, std::pair(int64_t{1}, 0));
  EXPECT_EQ(simulation.End(), std::pair(int64_t{1}, 0));
  EXPECT_THAT(simulation.Place(), ElementsAre(std::pair(2, 0)));
  EXPECT_EQ(simulation.End(), std::pair(int64_t{2}, 0));
  EXPECT_THAT(simulation.Place(), ElementsAre(std::pair(3, 0)));
}

TEST(Mutex, OneThatIsWaitedForByNobodyThatFitsIsFreeForOthers) {
  Simulation simulation;
  simulation.Add(kOne, Worker("w1", 2));
  simulation.placer.AddRun(1, 0);
  simulation.Enqueue({1, 0, Noop(64), seconds(1), "db"});
  simulation.Enqueue({1, 1, Noop(), seconds(1), "db"});
  EXPECT_THAT(simulation.Place(), ElementsAre(std::pair(1, 1)));
}

TEST(Mutex, OfAStepThatIsTriedAgainWhileItHoldsIt) {
  Placer placer;
  placer.UpdateWorker(kOne, Worker("w1", 4), {4, 0, 0, 0});
  placer.AddRun(1, 0);
  placer.Occupy(1, 0, Noop(), "db");  // its lease ran out
  placer.Enqueue(1, 1, Noop(), "db");
  placer.Enqueue(1, 0, Noop(), "db");
  const auto placed = placer.Next();
  ASSERT_TRUE(placed);
  EXPECT_EQ(placed->step, 0);
  EXPECT_FALSE(placer.Next());
  placer.Release(1, 0);
  EXPECT_TRUE(placer.Next());
}

TEST(Mutex, TenThousandOfThem) {
  Simulation simulation;
  simulation.Add(kOne, Worker("w1", 4));
  simulation.placer.AddRun(1, 0);
  for (StepIndex i = 0; i < limits::kMaxStepsPerRun; ++i) {
    simulation.Enqueue({1, i, Noop(), milliseconds(200), "m" + std::to_string(i % 5'000)});
  }
  int placed = 0;
  do {
    placed += static_cast<int>(simulation.Place().size());
    simulation.End();
  } while (!simulation.idle());
  EXPECT_EQ(placed, limits::kMaxStepsPerRun);
}

TEST(Closed, AWorkerTakesNothingAndSaysWhy) {
  Simulation simulation;
  simulation.Add(kOne, Worker("w1", 4));
  simulation.placer.AddRun(1, 0);
  simulation.Close(kOne, "is cordoned by user:ann");
  simulation.Enqueue({1, 0, Noop(), seconds(1), ""});
  EXPECT_TRUE(simulation.Place().empty());
  EXPECT_EQ(simulation.Why(1, 0), "WORKER_CLOSED: worker w1 is cordoned by user:ann\n");
  simulation.Close(kOne, "");
  EXPECT_EQ(simulation.Place().size(), 1U);
}

TEST(Taints, KeepStepsAwayThatDoNotTolerateThem) {
  WorkerInfo worker = Worker("w1", 4);
  worker.taints = {{"dedicated", "team-a"}, {"gpu", "yes"}};
  Needs needs = Noop();
  std::string why;
  EXPECT_FALSE(CouldRun(worker, needs, &why));
  EXPECT_EQ(why, "has the taint dedicated=team-a, which the step does not tolerate");
  needs.tolerations = {{"dedicated", "team-b"}, {"gpu", "yes"}};
  EXPECT_FALSE(CouldRun(worker, needs));
  needs.tolerations["dedicated"] = "team-a";
  EXPECT_TRUE(CouldRun(worker, needs, &why)) << why;
  worker.taints.clear();
  EXPECT_TRUE(CouldRun(worker, needs)) << "tolerating is not asking for";
}

}  // namespace
}  // namespace penstock

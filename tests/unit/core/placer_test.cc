#include "server/core/placer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "storage/model/limits.h"

namespace penstock {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

const SessionId kOne("s1");
const SessionId kTwo("s2");

WorkerInfo Worker(double cpus, int32_t gpus = 0) {
  WorkerInfo info;
  info.cpus = cpus;
  info.memory = int64_t{8} << 30;
  info.gpus = gpus;
  info.labels = {{"zone", "a"}};
  info.steps = {"noop@1", "train/xgboost@1", "import@1"};
  info.data_roots = {"/data"};
  return info;
}

Needs Noop(double cpus = 1) {
  Needs needs;
  needs.cpus = cpus;
  needs.step = "noop@1";
  return needs;
}

// What the engine does around the placer: keeps the ledgers and tells what changed.
class Cluster {
 public:
  void Add(const SessionId& session, const WorkerInfo& info) {
    info_[session] = info;
    capacity_[session] = {info.cpus, info.memory, info.gpus, 0};
    placer.UpdateWorker(session, info, capacity_[session]);
  }

  std::optional<Placer::Placement> Place(const Needs& needs = Noop()) {
    auto placement = placer.Next();
    if (!placement) return placement;
    WorkerCapacity& capacity = capacity_[placement->session];
    if (placement->backlog) {
      ++capacity.backlog;
    } else {
      capacity.cpus -= needs.cpus;
      capacity.memory -= needs.memory;
      capacity.gpus -= needs.gpus;
    }
    placer.UpdateWorker(placement->session, info_[placement->session],
                        capacity_[placement->session]);
    placer.SetActive(placement->run, ++active_[placement->run]);
    return placement;
  }

  void End(const Placer::Placement& placement, const Needs& needs = Noop()) {
    WorkerCapacity& capacity = capacity_[placement.session];
    if (placement.backlog) {
      --capacity.backlog;
    } else {
      capacity.cpus += needs.cpus;
      capacity.memory += needs.memory;
      capacity.gpus += needs.gpus;
    }
    placer.UpdateWorker(placement.session, info_[placement.session], capacity);
    placer.SetActive(placement.run, --active_[placement.run]);
  }

  Placer placer;

 private:
  std::map<SessionId, WorkerInfo> info_;
  std::map<SessionId, WorkerCapacity> capacity_;
  std::map<int64_t, int32_t> active_;
};

TEST(CouldRun, SaysWhyNot) {
  const WorkerInfo worker = Worker(2, 1);
  std::string why;
  EXPECT_TRUE(CouldRun(worker, Noop(2), &why));
  EXPECT_EQ(why, "");
  EXPECT_FALSE(CouldRun(worker, Noop(2.5), &why));
  EXPECT_EQ(why, "has 2 cpus, the step needs 2.5");
  Needs needs = Noop();
  needs.step = "train/xgboost@2";
  EXPECT_FALSE(CouldRun(worker, needs, &why));
  EXPECT_EQ(why, "does not run train/xgboost@2");
  needs = Noop();
  needs.memory = int64_t{9} << 30;
  EXPECT_FALSE(CouldRun(worker, needs, &why));
  EXPECT_EQ(why, "has 8.0 GiB of memory, the step needs 9.0 GiB");
  needs = Noop();
  needs.gpus = 2;
  EXPECT_FALSE(CouldRun(worker, needs, &why));
  EXPECT_EQ(why, "has 1 GPUs, the step needs 2");
  needs = Noop();
  needs.labels = {{"zone", "b"}};
  EXPECT_FALSE(CouldRun(worker, needs, &why));
  EXPECT_EQ(why, "does not carry the label zone=b");
}

TEST(CouldRun, WantsADataRootAroundThePath) {
  WorkerInfo worker = Worker(2);
  Needs needs = Noop();
  for (const char* inside : {"/data", "/data/x.csv", "/data/deep/x.csv"}) {
    needs.data_path = inside;
    EXPECT_TRUE(CouldRun(worker, needs)) << inside;
  }
  std::string why;
  for (const char* outside : {"/database/x.csv", "/dat", "/other", "/"}) {
    needs.data_path = outside;
    EXPECT_FALSE(CouldRun(worker, needs, &why)) << outside;
    EXPECT_THAT(why, HasSubstr(std::string("has no data root that holds ") + outside));
  }
  worker.data_roots = {"/srv", "/data/"};
  needs.data_path = "/data/x.csv";
  EXPECT_TRUE(CouldRun(worker, needs));
  worker.data_roots = {"/"};
  EXPECT_TRUE(CouldRun(worker, needs));
}

TEST(CouldRun, WantsARuleThatAllowsTheSource) {
  WorkerInfo worker = Worker(2);
  Needs needs = Noop();
  needs.data_source = "https://data.example/sets/a.csv";
  std::string why;
  EXPECT_FALSE(CouldRun(worker, needs, &why));
  EXPECT_EQ(why,
            "may not read https://data.example/sets/a.csv (its dataSources do not allow it)");
  worker.data_sources = {"s3://bucket", "https://data.example/other"};
  EXPECT_FALSE(CouldRun(worker, needs));
  worker.data_sources.push_back("https://data.example/sets");
  EXPECT_TRUE(CouldRun(worker, needs));
}

TEST(Placer, FillsAWorkerAndNoMore) {
  Cluster cluster;
  cluster.Add(kOne, Worker(2));
  cluster.placer.AddRun(1, 0);
  for (int step = 0; step < 3; ++step) cluster.placer.Enqueue(1, step, Noop());
  const auto first = cluster.Place();
  const auto second = cluster.Place();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->step, 0);
  EXPECT_EQ(second->step, 1);
  EXPECT_FALSE(cluster.Place());
  EXPECT_EQ(cluster.placer.queued(), 1U);
  cluster.End(*first);
  const auto third = cluster.Place();
  ASSERT_TRUE(third);
  EXPECT_EQ(third->step, 2);
  EXPECT_EQ(third->session, kOne);
  EXPECT_FALSE(third->backlog);
}

TEST(Placer, PlacesNothingWithoutWorkers) {
  Cluster cluster;
  cluster.placer.AddRun(1, 0);
  cluster.placer.Enqueue(1, 0, Noop());
  EXPECT_FALSE(cluster.Place());
  cluster.Add(kOne, Worker(1));
  EXPECT_TRUE(cluster.Place());
}

TEST(Placer, ServesTheOldestRunFirstThenTheOrderOfSteps) {
  Cluster cluster;
  cluster.Add(kOne, Worker(100));
  cluster.placer.AddRun(1, 0);
  cluster.placer.AddRun(2, 0);
  cluster.placer.Enqueue(2, 0, Noop());
  cluster.placer.Enqueue(1, 7, Noop());
  cluster.placer.Enqueue(1, 3, Noop(2));  // another queue: its needs differ
  cluster.placer.Enqueue(2, 1, Noop(2));
  std::vector<std::pair<int64_t, StepIndex>> order;
  while (const auto placement = cluster.Place())
    order.emplace_back(placement->run, placement->step);
  EXPECT_THAT(order, testing::ElementsAre(std::pair(1, 3), std::pair(1, 7), std::pair(2, 0),
                                          std::pair(2, 1)));
}

TEST(Placer, SmallStepsPassALargeOneThatFitsNowhere) {
  Cluster cluster;
  cluster.Add(kOne, Worker(2));
  cluster.placer.AddRun(1, 0);
  cluster.placer.Enqueue(1, 0, Noop(4));
  cluster.placer.Enqueue(1, 1, Noop(1));
  const auto placement = cluster.Place();
  ASSERT_TRUE(placement);
  EXPECT_EQ(placement->step, 1);
  EXPECT_FALSE(cluster.Place());
  cluster.Add(kTwo, Worker(4));
  const auto large = cluster.Place(Noop(4));
  ASSERT_TRUE(large);
  EXPECT_EQ(large->step, 0);
  EXPECT_EQ(large->session, kTwo);
}

TEST(Placer, KeepsRunsWithinMaxParallelSteps) {
  Cluster cluster;
  cluster.Add(kOne, Worker(100));
  cluster.placer.AddRun(1, 2);
  cluster.placer.AddRun(2, 0);
  for (int step = 0; step < 4; ++step) cluster.placer.Enqueue(1, step, Noop());
  cluster.placer.Enqueue(2, 0, Noop());
  const auto first = cluster.Place();
  const auto second = cluster.Place();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(second->run, 1);
  const auto third = cluster.Place();
  ASSERT_TRUE(third);
  EXPECT_EQ(third->run, 2) << "the first run is at its limit";
  EXPECT_FALSE(cluster.Place());
  // What comes while the run is held waits too.
  cluster.placer.Enqueue(1, 9, Noop(3));
  EXPECT_FALSE(cluster.Place());
  cluster.End(*first);
  const auto fourth = cluster.Place();
  ASSERT_TRUE(fourth);
  EXPECT_EQ(fourth->run, 1);
  EXPECT_EQ(fourth->step, 2);
  EXPECT_FALSE(cluster.Place());
}

TEST(Placer, SpreadsOverTheEmptiestWorkers) {
  Cluster cluster;
  cluster.Add(kOne, Worker(4));
  cluster.Add(kTwo, Worker(2));
  cluster.placer.AddRun(1, 0);
  for (int step = 0; step < 6; ++step) cluster.placer.Enqueue(1, step, Noop());
  std::map<SessionId, int> count;
  while (const auto placement = cluster.Place()) ++count[placement->session];
  EXPECT_EQ(count[kOne], 4);
  EXPECT_EQ(count[kTwo], 2);
}

TEST(Placer, AsksForMemoryGpusLabelsAndRoots) {
  Cluster cluster;
  WorkerInfo plain = Worker(4);
  plain.labels.clear();
  plain.data_roots.clear();
  cluster.Add(kOne, plain);
  cluster.Add(kTwo, Worker(4, 1));
  cluster.placer.AddRun(1, 0);
  Needs gpu = Noop();
  gpu.gpus = 1;
  Needs label = Noop();
  label.labels = {{"zone", "a"}};
  Needs root = Noop();
  root.step = "import@1";
  root.data_path = "/data/x.csv";
  Needs memory = Noop();
  memory.memory = int64_t{6} << 30;
  StepIndex step = 0;
  for (const Needs& needs : {gpu, label, root}) {
    cluster.placer.Enqueue(1, step, needs);
    const auto placement = cluster.Place(needs);
    ASSERT_TRUE(placement) << step;
    EXPECT_EQ(placement->session, kTwo) << step;
    cluster.End(*placement, needs);
    ++step;
  }
  for (int i = 0; i < 3; ++i) cluster.placer.Enqueue(1, 10 + i, memory);
  std::set<SessionId> used;
  while (const auto placement = cluster.Place(memory)) used.insert(placement->session);
  EXPECT_EQ(used.size(), 2U) << "one each: 6 of 8 GiB";
  EXPECT_EQ(cluster.placer.queued(), 1U);
}

TEST(Placer, TakesUnknownMemoryForEnough) {
  Cluster cluster;
  WorkerInfo unknown = Worker(1);
  unknown.memory = 0;
  cluster.Add(kOne, unknown);
  cluster.placer.AddRun(1, 0);
  Needs needs = Noop();
  needs.memory = int64_t{1} << 40;
  cluster.placer.Enqueue(1, 0, needs);
  EXPECT_TRUE(cluster.Place(needs));
}

TEST(Placer, AddsUpShares) {
  Cluster cluster;
  cluster.Add(kOne, Worker(1));
  cluster.placer.AddRun(1, 0);
  for (int step = 0; step < 11; ++step) cluster.placer.Enqueue(1, step, Noop(0.1));
  int placed = 0;
  while (cluster.Place(Noop(0.1))) ++placed;
  EXPECT_EQ(placed, 10) << "ten tenths are one, whatever doubles say";
}

TEST(Placer, GivesShortStepsAsBacklogUpToTheLimit) {
  Cluster cluster;
  cluster.Add(kOne, Worker(1));
  cluster.placer.AddRun(1, 0);
  for (int step = 0; step < 100; ++step) cluster.placer.Enqueue(1, step, Noop());
  const auto running = cluster.Place();
  ASSERT_TRUE(running);
  EXPECT_FALSE(cluster.Place()) << "nothing is known of how long it takes";
  cluster.placer.RecordDuration("noop@1", milliseconds(5));
  EXPECT_TRUE(cluster.placer.IsShort("noop@1"));
  int backlog = 0;
  std::vector<Placer::Placement> held;
  while (const auto placement = cluster.Place()) {
    EXPECT_TRUE(placement->backlog);
    held.push_back(*placement);
    ++backlog;
  }
  EXPECT_EQ(backlog, limits::kMaxBacklog);
  cluster.End(held.front());
  EXPECT_TRUE(cluster.Place());
  EXPECT_FALSE(cluster.Place());
}

TEST(Placer, NeverPassesAWorkersBacklog) {
  Cluster cluster;
  cluster.Add(kOne, Worker(1));
  cluster.placer.RecordDuration("noop@1", milliseconds(5));
  cluster.placer.AddRun(1, 0);
  for (int step = 0; step < 3; ++step) cluster.placer.Enqueue(1, step, Noop());
  const auto running = cluster.Place();
  const auto waiting = cluster.Place();
  ASSERT_TRUE(running && waiting);
  ASSERT_TRUE(waiting->backlog);
  // The running one ends: its room belongs to what the worker holds already.
  cluster.End(*running);
  const auto next = cluster.Place();
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->backlog);
}

TEST(Placer, JudgesShortnessByTheRecentMedian) {
  Placer placer;
  EXPECT_FALSE(placer.IsShort("noop@1"));
  placer.RecordDuration("noop@1", milliseconds(5));
  placer.RecordDuration("noop@1", milliseconds(90));
  placer.RecordDuration("noop@1", milliseconds(5000));
  EXPECT_TRUE(placer.IsShort("noop@1"));
  for (int i = 0; i < 30; ++i) placer.RecordDuration("noop@1", limits::kBacklogMedian);
  EXPECT_FALSE(placer.IsShort("noop@1")) << "100 ms is not below 100 ms";
  EXPECT_FALSE(placer.IsShort("train/xgboost@1"));
}

TEST(Placer, ForgetsWhatIsTakenAway) {
  Cluster cluster;
  cluster.Add(kOne, Worker(10));
  cluster.placer.AddRun(1, 0);
  cluster.placer.AddRun(2, 0);
  cluster.placer.Enqueue(1, 0, Noop());
  cluster.placer.Enqueue(1, 1, Noop());
  cluster.placer.Enqueue(2, 0, Noop());
  cluster.placer.Enqueue(1, 0, Noop());  // is there already
  EXPECT_EQ(cluster.placer.queued(), 3U);
  cluster.placer.Remove(1, 0);
  cluster.placer.Remove(1, 0);
  cluster.placer.Remove(9, 9);
  EXPECT_FALSE(cluster.placer.IsQueued(1, 0));
  EXPECT_TRUE(cluster.placer.IsQueued(1, 1));
  cluster.placer.RemoveRun(1);
  cluster.placer.RemoveRun(1);
  EXPECT_EQ(cluster.placer.queued(), 1U);
  const auto placement = cluster.Place();
  ASSERT_TRUE(placement);
  EXPECT_EQ(placement->run, 2);
  EXPECT_FALSE(cluster.Place());
}

TEST(Placer, UsesNoWorkerThatIsGone) {
  Cluster cluster;
  cluster.Add(kOne, Worker(1));
  cluster.placer.AddRun(1, 0);
  cluster.placer.Enqueue(1, 0, Noop());
  cluster.placer.RemoveWorker(kOne);
  EXPECT_FALSE(cluster.Place());
}

TEST(Placer, KeepsManyDifferentNeedsApart) {
  // Imports name their file: each has a queue of its own, which goes once it is empty.
  Cluster cluster;
  cluster.Add(kOne, Worker(1'000'000));
  int placed = 0;
  for (int run = 1; run <= 20; ++run) {
    cluster.placer.AddRun(run, 0);
    for (int step = 0; step < 100; ++step) {
      Needs needs = Noop(0.01);
      needs.step = "import@1";
      needs.data_path = "/data/" + std::to_string(run) + "-" + std::to_string(step);
      cluster.placer.Enqueue(run, step, needs);
    }
    if (run % 2 == 0) {
      cluster.placer.RemoveRun(run);
    } else {
      while (const auto placement = cluster.Place(Noop(0.01))) ++placed;
    }
  }
  EXPECT_EQ(placed, 1000);
  EXPECT_EQ(cluster.placer.queued(), 0U);
}

}  // namespace
}  // namespace penstock

// Queues, limits and operators' words on workers, with real daemons and the command line.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/cluster.h"

namespace penstock {
namespace {

using testing::HasSubstr;

constexpr char kLong[] = R"(
name: long
maxActiveRuns: 1
defaults: {cache: false}
steps: [{name: a, type: noop, with: {duration: 60s}}]
)";

std::string StateOf(Cluster& cluster, const std::string& id, const std::string& step) {
  return JsonString(Cluster::Step(cluster.Run(id), step), "state");
}

TEST(SchedulingTest, AWorkerIsTakenOutAndPutBack) {
  Cluster cluster;
  cluster.StartCoordinator();
  cluster.StartWorker("w1");
  const std::string id = cluster.Submit(cluster.Write("long.yaml", kLong));
  ASSERT_TRUE(Eventually([&] { return StateOf(cluster, id, "a") == "RUNNING"; }));
  cluster.StartWorker("w2");
  const Ran drain = cluster.Client({"worker", "drain", "w1", "--deadline", "0s"});
  ASSERT_EQ(drain.code, 0) << drain.err;
  // The step goes on elsewhere, and nobody counts a failure.
  ASSERT_TRUE(Eventually([&] {
    const Json step = Cluster::Step(cluster.Run(id), "a");
    return JsonString(step, "state") == "RUNNING" && JsonString(step, "worker") == "w2";
  }));
  EXPECT_THAT(cluster.Client({"get", "workers"}).out, HasSubstr("drained"));
  // The word outlives both processes.
  EXPECT_EQ(cluster.Stop("w1"), 0);
  cluster.Kill("coordinator");
  cluster.StartCoordinator();
  cluster.StartWorker("w1");
  ASSERT_TRUE(Eventually([&] {
    return cluster.Client({"describe", "worker", "w1"}).out.find("drained") != std::string::npos;
  }));
  EXPECT_EQ(cluster.Client({"cancel", id}).code, 0);
  EXPECT_EQ(cluster.Wait(id), "CANCELLED");
  ASSERT_EQ(cluster.Client({"worker", "cordon", "w2"}).code, 0);
  const std::string next = cluster.Submit(cluster.Write("long.yaml", kLong));
  const Ran why = cluster.Client({"explain", next, "a"});
  EXPECT_THAT(why.out, HasSubstr("worker w1 is being drained"));
  EXPECT_THAT(why.out, HasSubstr("worker w2 is cordoned"));
  ASSERT_EQ(cluster.Client({"worker", "uncordon", "w1"}).code, 0);
  ASSERT_TRUE(Eventually([&] { return StateOf(cluster, next, "a") == "RUNNING"; }));
  EXPECT_EQ(JsonString(Cluster::Step(cluster.Run(next), "a"), "worker"), "w1");
  EXPECT_EQ(cluster.Client({"cancel", next}).code, 0);
  EXPECT_EQ(cluster.Wait(next), "CANCELLED");
  EXPECT_EQ(cluster.Client({"worker", "cordon", "w3"}).code, 4);
  for (const char* daemon : {"w1", "w2", "coordinator"}) EXPECT_EQ(cluster.Stop(daemon), 0);
  cluster.CheckInvariants();
}

TEST(SchedulingTest, RunsNameTheirQueueAndWaitForTheirTurn) {
  Cluster cluster;
  cluster.StartCoordinator({"--queues", "{batch: {weight: 3, maxRuns: 1}}"});
  cluster.StartWorker("w1", {"--taint", "dedicated=batch"});
  const std::string file = cluster.Write("quick.yaml", R"(
name: quick
queue: batch
steps: [{name: a, type: noop, resources: {tolerations: {dedicated: batch}}}]
)");
  const Ran unknown = cluster.Client({"run", "-f", file, "--queue", "bach"});
  EXPECT_NE(unknown.code, 0);
  EXPECT_THAT(unknown.err, HasSubstr("there is default, batch"));
  const std::string held = cluster.Submit(cluster.Write("held.yaml", R"(
name: held
steps: [{name: a, type: approval}]
)"),
                                          {"--queue", "batch", "--priority", "5"});
  EXPECT_EQ(JsonString(cluster.Run(held), "queue"), "batch");
  const std::string waits = cluster.Submit(file);
  EXPECT_EQ(JsonString(cluster.Run(waits), "state"), "PENDING");
  EXPECT_THAT(cluster.Client({"explain", waits, "a"}).out, HasSubstr("queue batch has 1 active"));
  EXPECT_EQ(cluster.Client({"cancel", held}).code, 0);
  EXPECT_EQ(cluster.Wait(waits), "SUCCEEDED");
  const std::string plain =
      cluster.Submit(cluster.Write("plain.yaml", "name: plain\nsteps: [{name: a, type: noop}]"));
  EXPECT_THAT(cluster.Client({"explain", plain, "a"}).out,
              HasSubstr("has the taint dedicated=batch"));
  EXPECT_EQ(cluster.Client({"cancel", plain}).code, 0);
  EXPECT_EQ(cluster.Wait(plain), "CANCELLED");
  for (const char* daemon : {"w1", "coordinator"}) EXPECT_EQ(cluster.Stop(daemon), 0);
  cluster.CheckInvariants();
}

}  // namespace
}  // namespace penstock

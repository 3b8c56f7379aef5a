// A step that counts gives way to a higher priority, and goes on from where it was, with real
// daemons.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/cluster.h"

namespace penstock {
namespace {

using testing::HasSubstr;

// Counts to 10, waiting at 5 until it was told to leave once.
constexpr char kCounter[] = R"(
name: counter
steps:
- name: count
  type: script
  preemptible: true
  resources: {cpus: 2}
  files: {count.sh: "${parameters.code}"}
  with: {command: [/bin/sh, count.sh]}
parameters: {code: {type: dataset}}
)";
constexpr char kScript[] = R"(
n=0
state=$PENSTOCK_CHECKPOINT_DIR/n
[ -e "$state" ] && n=$(cat "$state") && echo "goes on from $n"
trap 'echo $n > "$state"; exit 75' USR1
while [ $n -lt 5 ]; do n=$((n + 1)); echo "at $n"; done
[ -e "$state" ] || while :; do sleep 0.02; done
while [ $n -lt 10 ]; do n=$((n + 1)); echo "at $n"; done
)";
constexpr char kUrgent[] = R"(
name: urgent
steps: [{name: now, type: noop, resources: {cpus: 2}}]
)";

TEST(PreemptionTest, ALowerPriorityGivesWayAndGoesOnFromItsCheckpoint) {
  Cluster cluster;
  cluster.StartCoordinator();
  cluster.StartWorker("w1");
  const std::string code = cluster.Write("count.sh", kScript);
  const std::string low =
      cluster.Submit(cluster.Write("counter.yaml", kCounter), {"-p", "code=@" + code});
  ASSERT_TRUE(Eventually([&] {
    return cluster.Client({"logs", low, "count"}).out.find("at 5\n") != std::string::npos;
  }));
  const std::string high =
      cluster.Submit(cluster.Write("urgent.yaml", kUrgent), {"--priority", "10"});
  EXPECT_EQ(cluster.Wait(high), "SUCCEEDED");
  EXPECT_EQ(cluster.Wait(low), "SUCCEEDED");
  const Json step = Cluster::Step(cluster.Run(low), "count");
  EXPECT_EQ(JsonInt(step, "preemptions"), 1);
  EXPECT_EQ(JsonInt(step, "attempt"), 2);
  const std::string log = cluster.Client({"logs", low, "count"}).out;
  EXPECT_THAT(log, HasSubstr("goes on from 5\nat 6\n")) << log;
  EXPECT_EQ(log.find("at 5\n"), log.rfind("at 5\n")) << "nothing is counted twice\n" << log;
  const Ran why = cluster.Client({"explain", low, "count"});
  EXPECT_THAT(why.out, HasSubstr("PREEMPTED: it gave way to step now of " + high));
  EXPECT_EQ(cluster.Stop("w1"), 0);
  EXPECT_EQ(cluster.Stop("coordinator"), 0);
  cluster.CheckInvariants();
}

}  // namespace
}  // namespace penstock

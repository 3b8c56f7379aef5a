// Kills, stops and injected errors against real daemons: whatever is killed, whenever, the run ends
// SUCCEEDED after a restart, with exactly one model version, and nothing is left over.
//
// By default a sample of moments and hits; PENSTOCK_FAULTS=all tries them all.

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <thread>

#include "tests/support/cluster.h"
#include "tests/support/small_data.h"

namespace penstock {
namespace {

bool Exhaustive() {
  const char* all = std::getenv("PENSTOCK_FAULTS");
  return all != nullptr && std::string(all) == "all";
}

const std::string kPipeline = SmallPipeline("faulty") +
                              R"(- name: wait
  type: noop
  dependsOn: [prepare]
  with: {duration: 120ms, message: waiting}
- name: train
  type: train
  algorithm: xgboost
  dependsOn: [wait]
  inputs: {train: "${steps.prepare.outputs.train}"}
  hyperparameters: {objective: "binary:logistic", num_round: 20}
- {name: evaluate, type: evaluate, inputs: {model: "${steps.train.outputs.model}", data: "${steps.prepare.outputs.test}"}}
- {name: register, type: register, inputs: {model: "${steps.train.outputs.model}", report: "${steps.evaluate.outputs.report}"}, with: {group: faulty}}
)";

class KillTest : public testing::Test {
 protected:
  void SetUp() override {
    data_ = cluster_.Write("data.csv", SmallCsv(500));
    pipeline_ = cluster_.Write("faulty.yaml", kPipeline);
  }
  // What was accepted: of each step that succeeded, the attempt and when it ended.
  using Accepted = std::map<std::string, std::pair<int64_t, std::string>>;
  static Accepted AcceptedOf(const Json& run) {
    Accepted accepted;
    for (const Json& step : JsonMember(run, "steps")) {
      if (JsonString(step, "state") != "SUCCEEDED") continue;
      accepted[JsonString(step, "name")] = {JsonInt(step, "attempt"), JsonString(step, "endedAt")};
    }
    return accepted;
  }
  // No result that was accepted `before` was made again.
  void ExpectKept(const Accepted& before, const std::string& id, const std::string& when) {
    const Accepted now = AcceptedOf(cluster_.Run(id));
    for (const auto& [step, end] : before) {
      const auto found = now.find(step);
      EXPECT_TRUE(found != now.end() && found->second == end) << step << " was redone: " << when;
    }
  }
  // Every run does all its work anew.
  std::string Submit() {
    return cluster_.Submit(pipeline_, {"-p", "data=@" + data_, "--no-cache"});
  }
  void StopAndCheck(int models) {
    EXPECT_EQ(cluster_.ModelVersions("faulty"), models);
    EXPECT_EQ(cluster_.Stop("w1"), 0);
    EXPECT_EQ(cluster_.Stop("coordinator"), 0);
    cluster_.CheckInvariants();
  }
  Cluster cluster_;
  std::string data_;
  std::string pipeline_;
};

TEST_F(KillTest, WhateverIsKilledAtAnyMomentTheRunGoesOn) {
  cluster_.StartCoordinator();
  cluster_.StartWorker("w1");
  int runs = 0;
  std::size_t accepted = 0;
  const int step = Exhaustive() ? 15 : 105;
  for (const std::string who : {"coordinator", "w1", "both"}) {
    for (int moment = 10; moment < 430; moment += step) {
      const std::string id = Submit();
      ++runs;
      std::this_thread::sleep_for(std::chrono::milliseconds(moment));
      const Accepted before = AcceptedOf(cluster_.Run(id));
      accepted += before.size();
      if (who != "w1") cluster_.Kill("coordinator");
      if (who != "coordinator") cluster_.Kill("w1");
      if (who != "w1") cluster_.StartCoordinator();
      if (who != "coordinator") cluster_.StartWorker("w1");
      const std::string when = who + " killed after " + std::to_string(moment) + " ms";
      ASSERT_EQ(cluster_.Wait(id), "SUCCEEDED") << when;
      ExpectKept(before, id, when);
    }
  }
  EXPECT_GT(accepted, 0U) << "every kill came before the first result";
  StopAndCheck(runs);
}

TEST_F(KillTest, AFullDiskRefusesChangesUntilThereIsRoom) {
  cluster_.StartCoordinator({"--faults", "metadata.commit=enospc@8"});
  cluster_.StartWorker("w1");
  // Somewhere on the way a commit fails; the run is submitted until it is accepted, and ends.
  std::string id;
  ASSERT_TRUE(Eventually([&] {
    const Ran ran = cluster_.Client(
        {"run", "-f", pipeline_, "-p", "data=@" + data_, "--idempotency-key", "one"});
    id = ran.out.substr(0, ran.out.find('\n'));
    return ran.code == 0;
  }));
  EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED");
  StopAndCheck(1);
}

constexpr char kSlow[] = R"(
name: slow
steps:
- {name: work, type: noop, with: {duration: 1500ms, metrics: {n: 1}}}
- {name: after, type: noop, dependsOn: [work]}
)";

TEST_F(KillTest, AWorkerThatWasCutOffAloneIsTakenBackAndCountsOnce) {
  cluster_.StartCoordinator({"--lease-ttl", "600ms", "--lease-heartbeat", "100ms"});
  cluster_.StartWorker("w1");
  const std::string id = cluster_.Submit(cluster_.Write("slow.yaml", kSlow));
  ASSERT_TRUE(Eventually(
      [&] { return JsonString(Cluster::Step(cluster_.Run(id), "work"), "state") == "RUNNING"; }));
  cluster_.Signal("w1", SIGSTOP);
  std::this_thread::sleep_for(std::chrono::milliseconds(1'500));  // well past the lease
  cluster_.Signal("w1", SIGCONT);
  ASSERT_EQ(cluster_.Wait(id), "SUCCEEDED");
  EXPECT_EQ(JsonInt(Cluster::Step(cluster_.Run(id), "work"), "attempt"), 1);
  StopAndCheck(0);
}

}  // namespace
}  // namespace penstock

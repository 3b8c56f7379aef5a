// Lost requests and lost replies between a coordinator, a real worker and a real client: the run
// ends SUCCEEDED all the same, with one model version, and nothing is left over. What a client sees
// of each RPC is lost_call_test's.
//
// By default a sample; PENSTOCK_FAULTS=all loses each of the first messages of every method.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/support/cluster.h"
#include "tests/support/small_data.h"

namespace penstock {
namespace {

bool Exhaustive() {
  const char* all = std::getenv("PENSTOCK_FAULTS");
  return all != nullptr && std::string(all) == "all";
}

const std::string kPipeline = SmallPipeline("lossy") +
                              R"(  retry: {maxAttempts: 3, interval: 10ms}
- {name: slow, type: noop, dependsOn: [prepare], with: {duration: 400ms, message: slow}}
- name: train
  type: train
  algorithm: xgboost
  dependsOn: [slow]
  inputs: {train: "${steps.prepare.outputs.train}"}
  hyperparameters: {objective: "binary:logistic", num_round: 5}
- {name: evaluate, type: evaluate, inputs: {model: "${steps.train.outputs.model}", data: "${steps.prepare.outputs.test}"}}
- {name: register, type: register, inputs: {model: "${steps.train.outputs.model}", report: "${steps.evaluate.outputs.report}"}, with: {group: lossy}}
)";

class LostMessageTest : public testing::Test {
 protected:
  struct Faults {
    std::string coordinator;
    std::string worker;
  };

  // Runs the pipeline with these faults; the run as it ended. A client that is told that the
  // connection broke asks again, as people and scripts do.
  static Json RunWith(const Faults& faults) {
    SCOPED_TRACE(faults.coordinator + " " + faults.worker);
    Cluster cluster;
    const std::string pipeline = cluster.Write("lossy.yaml", kPipeline);
    const std::string data = cluster.Write("data.csv", SmallCsv(300));
    std::vector<std::string> more = {"--lease-heartbeat", "100ms", "--fault-report",
                                     (cluster.folder() / "hits").string()};
    if (!faults.coordinator.empty()) {
      more.insert(more.end(), {"--faults", faults.coordinator});
    }
    cluster.StartCoordinator(more);
    cluster.StartWorker("w1", faults.worker.empty()
                                  ? std::vector<std::string>()
                                  : std::vector<std::string>{"--faults", faults.worker});
    std::string id;
    EXPECT_TRUE(Eventually([&] {
      const Ran ran = cluster.Client(
          {"run", "-f", pipeline, "-p", "data=@" + data, "--idempotency-key", "one"});
      id = ran.out.substr(0, ran.out.find('\n'));
      return ran.code == 0;
    }));
    EXPECT_EQ(cluster.Wait(id), "SUCCEEDED") << cluster.Client({"describe", "run", id}).out;
    Json run = cluster.Run(id);
    EXPECT_EQ(cluster.ModelVersions("lossy"), 1);
    EXPECT_NE(cluster.Client({"logs", id, "slow"}).out.find("slow"), std::string::npos);
    for (const std::string& point : Points(faults.coordinator)) {
      const std::string hits = ReadFile(cluster.folder() / "hits").value_or("");
      EXPECT_NE(("\n" + hits).find("\n" + point + "\n"), std::string::npos)
          << point << " was never hit";
    }
    EXPECT_EQ(cluster.Stop("w1"), 0);
    EXPECT_EQ(cluster.Stop("coordinator"), 0);
    cluster.CheckInvariants();
    return run;
  }

  // The names in a specification of faults.
  static std::vector<std::string> Points(const std::string& faults) {
    std::vector<std::string> points;
    for (std::size_t at = 0; at < faults.size();) {
      const std::size_t end = std::min(faults.find(',', at), faults.size());
      points.push_back(faults.substr(at, faults.find('=', at) - at));
      at = end + 1;
    }
    return points;
  }
};

constexpr const char* kMethods[] = {
    "OpenSession", "LeaseSteps",     "Heartbeat",     "ReportSteps", "AppendLogs",
    "UploadBlob",  "CommitArtifact", "StatArtifacts", "SubmitRun",   "RegisterPipeline"};

// Each method's n-th request or reply is lost, all methods in the same run.
TEST_F(LostMessageTest, AMessageOfEveryMethodIsLost) {
  for (const std::string where : {"rpc.request.", "rpc.reply."}) {
    for (const std::string hit : {"1", "2"}) {
      std::string faults;
      for (const char* method : kMethods) {
        if (!faults.empty()) faults += ',';
        faults += where + method + "=eio@" + hit;
      }
      RunWith({.coordinator = faults, .worker = {}});
    }
  }
}

TEST_F(LostMessageTest, OneMessageOfOneMethodIsLost) {
  const std::size_t stride = Exhaustive() ? 1 : 7;
  std::size_t turn = 0;
  for (const char* method : kMethods) {
    for (const std::string where : {"rpc.request.", "rpc.reply."}) {
      for (const std::string hit : {"1", "2", "3"}) {
        if (turn++ % stride != 0) continue;
        RunWith({.coordinator = where + method + "=eio@" + hit, .worker = {}});
      }
    }
  }
}

// What the worker's own disk does ends the attempt (it would wait for ever for a full one); the
// step's retry policy is for that.
TEST_F(LostMessageTest, AWorkersDiskFailsOnce) {
  for (const std::string action : {"eio", "enospc"}) {
    const Json run = RunWith({.coordinator = {}, .worker = "artifact.write=" + action + "@1"});
    EXPECT_EQ(JsonInt(Cluster::Step(run, "prepare"), "attempt"), 2) << action;
  }
}

}  // namespace
}  // namespace penstock

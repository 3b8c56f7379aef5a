// Results that are used again, runs that go on from others, and why: real daemons, the command line.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/cluster.h"
#include "tests/support/small_data.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::Not;

class RerunTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.StartCoordinator();
    cluster_.StartWorker("w1");
    data_ = cluster_.Write("data.csv", SmallCsv(400));
    pipeline_ = cluster_.Write("small.yaml", SmallPipeline("small", ", depth: {type: integer, default: 3}") + R"(- name: fit
  type: train
  algorithm: xgboost
  inputs: {train: "${steps.prepare.outputs.train}"}
  hyperparameters: {objective: "binary:logistic", num_round: 10, max_depth: "${parameters.depth}"}
- {name: score, type: evaluate, inputs: {model: "${steps.fit.outputs.model}", data: "${steps.prepare.outputs.test}"}}
- {name: gate, type: condition, if: {left: "${steps.score.metrics.auc}", op: ">", right: 2}, then: [never], else: [always]}
- {name: never, type: noop}
- {name: always, type: noop}
)");
  }
  std::string Run(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"-p", "data=@" + data_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const std::string id = cluster_.Submit(pipeline_, arguments);
    EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED");
    return id;
  }
  std::string State(const std::string& run, const std::string& step) {
    return JsonString(Cluster::Step(cluster_.Run(run), step), "state");
  }
  std::string Explain(const std::string& run, const std::string& step) {
    const Ran ran = cluster_.Client({"explain", run, step});
    EXPECT_EQ(ran.code, 0) << ran.err;
    return ran.out;
  }
  Cluster cluster_;
  std::string data_;
  std::string pipeline_;
};

TEST_F(RerunTest, WhatDidNotChangeIsNotRunAgainAndSaysSo) {
  const std::string first = Run();
  const std::string second = Run();
  for (const char* step : {"prepare", "fit", "score"}) EXPECT_EQ(State(second, step), "CACHED");
  EXPECT_EQ(State(second, "always"), "SUCCEEDED");
  EXPECT_THAT(Explain(second, "fit"), HasSubstr("CACHED  its result is that of step fit in " + first));
  // Its log is the one of the step that made the result.
  const std::string log = cluster_.Client({"logs", first, "fit"}).out;
  EXPECT_FALSE(log.empty());
  EXPECT_EQ(cluster_.Client({"logs", second, "fit"}).out, log);

  const std::string deeper = Run({"-p", "depth=4"});
  EXPECT_EQ(State(deeper, "prepare"), "CACHED");
  EXPECT_EQ(State(deeper, "fit"), "SUCCEEDED");
  EXPECT_THAT(Explain(deeper, "fit"), HasSubstr("NOT_CACHED  not cached: parameters.max_depth differ"));
  EXPECT_THAT(Explain(deeper, "score"), HasSubstr("inputs.model"));
  const Ran diff = cluster_.Client({"diff", "run", second, deeper});
  EXPECT_EQ(diff.code, 0);
  EXPECT_THAT(diff.out, HasSubstr("parameters.depth"));
  EXPECT_THAT(diff.out, HasSubstr("steps.fit.outputs.model"));
  EXPECT_THAT(diff.out, Not(HasSubstr("steps.prepare.outputs")));

  const std::string fresh = Run({"--no-cache"});
  EXPECT_EQ(State(fresh, "prepare"), "SUCCEEDED");
  EXPECT_THAT(Explain(fresh, "prepare"), HasSubstr("submitted without the cache"));
  EXPECT_THAT(cluster_.Client({"diff", "run", first, fresh}).out, HasSubstr("the runs are alike"));
}

TEST_F(RerunTest, ARetryGoesOnWhereTheRunEnded) {
  const std::string file = cluster_.Write("long.yaml", R"(
name: long
steps:
- {name: a, type: noop, with: {metrics: {n: 1}}}
- {name: b, type: noop, dependsOn: [a], with: {duration: 600s}}
)");
  const std::string first = cluster_.Submit(file);
  ASSERT_TRUE(Eventually([&] { return State(first, "b") == "RUNNING"; }));
  const Ran early = cluster_.Client({"retry", first});
  EXPECT_EQ(early.code, 4);
  EXPECT_THAT(early.err, HasSubstr("wait for its end, or cancel it"));
  ASSERT_EQ(cluster_.Client({"cancel", first}).code, 0);
  ASSERT_EQ(cluster_.Wait(first), "CANCELLED");
  EXPECT_THAT(Explain(first, "b"), HasSubstr("CANCELLED: the run was cancelled"));

  const Ran retried = cluster_.Client({"retry", first});
  ASSERT_EQ(retried.code, 0) << retried.err;
  const std::string second = retried.out.substr(0, retried.out.find('\n'));
  ASSERT_TRUE(Eventually([&] { return State(second, "b") == "RUNNING"; }));
  EXPECT_EQ(State(second, "a"), "CACHED");
  EXPECT_EQ(JsonString(cluster_.Run(second), "originRunId"), first);
  EXPECT_THAT(Explain(second, "a"), HasSubstr("step a in " + first));
  ASSERT_EQ(cluster_.Client({"cancel", second}).code, 0);
  ASSERT_EQ(cluster_.Wait(second), "CANCELLED");

  const std::string good = Run();
  EXPECT_THAT(cluster_.Client({"retry", good}).err, HasSubstr("--from STEP"));
  EXPECT_THAT(cluster_.Client({"retry", good, "--from", "fot"}).err, HasSubstr("did you mean \"fit\"?"));
  const Ran again = cluster_.Client({"retry", good, "--from", "always", "--wait"});
  EXPECT_EQ(again.code, 0) << again.err;
}

TEST_F(RerunTest, WhatWaitsSaysForWhatAndForWhom) {
  const std::string file = cluster_.Write("wait.yaml", R"(
name: waits
steps:
- {name: long, type: noop, with: {duration: 600s}, resources: {cpus: 2}}
- {name: queued, type: noop, resources: {cpus: 2}}
- {name: after, type: noop, dependsOn: [long]}
- {name: gpu, type: noop, resources: {gpus: 1}}
- {name: ok, type: approval, with: {message: "ship it?"}}
- {name: shipped, type: noop, dependsOn: [ok]}
)");
  const std::string id = cluster_.Submit(file);
  ASSERT_TRUE(Eventually([&] { return State(id, "long") == "RUNNING"; }));
  EXPECT_THAT(Explain(id, "queued"), HasSubstr("WORKER_BUSY"));
  EXPECT_THAT(Explain(id, "queued"), HasSubstr("step long of " + id + " has 2 cpus of worker w1"));
  EXPECT_THAT(Explain(id, "after"), HasSubstr("WAITS_FOR  step long is RUNNING"));
  EXPECT_THAT(Explain(id, "gpu"), HasSubstr("WORKER_CANNOT  worker w1 has 0 GPUs, the step needs 1"));
  EXPECT_THAT(Explain(id, "ok"), HasSubstr("penstock approve " + id + " ok"));
  EXPECT_EQ(cluster_.Client({"approve", id, "long"}).code, 4);
  const Ran approved = cluster_.Client({"approve", id, "ok", "--comment", "yes"});
  EXPECT_EQ(approved.code, 0) << approved.err;
  EXPECT_THAT(approved.out, HasSubstr("step ok is SUCCEEDED: approved by"));
  EXPECT_EQ(cluster_.Client({"reject", id, "ok"}).code, 4) << "decided once";
  EXPECT_EQ(cluster_.Client({"explain", id, "nothing"}).code, 4);
  ASSERT_EQ(cluster_.Client({"cancel", id}).code, 0);
  EXPECT_EQ(cluster_.Wait(id), "CANCELLED");
}

TEST_F(RerunTest, AStepWithoutASignOfLifeIsStopped) {
  const std::string file = cluster_.Write("idle.yaml", R"(
name: idle
deadline: 5m
steps:
- {name: still, type: noop, with: {duration: 600s}, idleTimeout: 500ms, continueOnFailure: true}
- {name: late, type: noop, with: {duration: 600s}, deadline: 700ms, continueOnFailure: true}
)");
  const std::string id = cluster_.Submit(file);
  ASSERT_EQ(cluster_.Wait(id), "SUCCEEDED");
  EXPECT_EQ(JsonString(Cluster::Step(cluster_.Run(id), "still"), "cause"), "TIMEOUT");
  EXPECT_THAT(Explain(id, "still"), HasSubstr("gave no sign of life"));
  EXPECT_EQ(JsonString(Cluster::Step(cluster_.Run(id), "late"), "cause"), "DEADLINE");
}

}  // namespace
}  // namespace penstock

// The examples as their READMEs run them, with real daemons.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/cluster.h"
#include "tests/support/webhook.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::Not;

class ExamplesTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.StartCoordinator();
    cluster_.StartWorker("w1");
  }
  void TearDown() override {
    EXPECT_EQ(cluster_.Stop("w1"), 0);
    EXPECT_EQ(cluster_.Stop("coordinator"), 0);
    cluster_.CheckInvariants();
  }
  // "NAME=@PATH" with generated census rows.
  std::string Data(const std::string& parameter, int rows, int seed = 7) {
    const std::string path = (cluster_.folder() / (parameter + ".csv")).string();
    EXPECT_EQ(RunProgram({Program("penstock-census-data"), path, "--rows", std::to_string(rows),
                          "--seed", std::to_string(seed)})
                  .code,
              0);
    return parameter + "=@" + path;
  }
  // Runs an example to its end; the run as JSON.
  Json RunExample(const std::string& file, const std::vector<std::string>& parameters,
                  const std::string& state = "SUCCEEDED") {
    std::vector<std::string> arguments;
    for (const std::string& each : parameters) {
      arguments.push_back("-p");
      arguments.push_back(each);
    }
    const std::string id = cluster_.Submit("examples/" + file, arguments);
    EXPECT_EQ(cluster_.Wait(id, std::chrono::seconds(120)), state)
        << cluster_.Client({"describe", "run", id}).out;
    return cluster_.Run(id);
  }
  static std::string StateOf(const Json& run, const std::string& step) {
    return JsonString(Cluster::Step(run, step), "state");
  }
  static double MetricOf(const Json& run, const std::string& step, const std::string& metric) {
    return JsonDouble(JsonMember(Cluster::Step(run, step), "metrics"), metric, -1);
  }
  Cluster cluster_;
};

TEST_F(ExamplesTest, KFold) {
  const Json run = RunExample("kfold/pipeline.yaml",
                              {Data("data", 900), "folds=3", "num_round=5", "min_auc=0.6"});
  double rows = 0;
  for (int fold = 0; fold < 3; ++fold) {
    const std::string item = "cv[" + std::to_string(fold) + "].";
    EXPECT_EQ(MetricOf(run, item + "prepare", "train_rows"), 600);
    EXPECT_EQ(MetricOf(run, item + "prepare", "validation_rows"), 300);
    rows += MetricOf(run, item + "score", "rows");
    EXPECT_GT(MetricOf(run, item + "score", "auc"), 0.6);
  }
  EXPECT_EQ(rows, 900) << "each row is judged once";
  // Each fold fits a transform of its own.
  EXPECT_NE(Cluster::Step(run, "cv[0].prepare")["outputs"]["transform"]["digest"],
            Cluster::Step(run, "cv[1].prepare")["outputs"]["transform"]["digest"]);
  EXPECT_EQ(MetricOf(run, "prepare-all", "rows"), 900);
  EXPECT_THAT(cluster_.Client({"describe", "model", "census-kfold/1"}).out,
              HasSubstr("over 3 folds"));
  const std::string described = cluster_.Client({"describe", "run", JsonString(run, "runId")}).out;
  EXPECT_THAT(described, HasSubstr("cv[2].score"));
  EXPECT_LT(described.find("cv[2].score"), described.find("good-enough"))
      << "what is inside a map stands behind it";
}

TEST_F(ExamplesTest, KFoldThatIsNotGoodEnough) {
  const Json run =
      RunExample("kfold/pipeline.yaml",
                 {Data("data", 300), "folds=2", "num_round=1", "min_auc=0.999"}, "FAILED");
  EXPECT_THAT(JsonString(run, "message"), HasSubstr("over the folds is below 0.999"));
  EXPECT_EQ(cluster_.ModelVersions("census-kfold"), 0);
}

TEST_F(ExamplesTest, ChampionAgainstChallenger) {
  const std::string data = Data("data", 1'500);
  const std::string holdout = Data("holdout", 1'500, 8);
  const std::string file = "champion/pipeline.yaml";
  // The first has nothing to beat.
  const Json first = RunExample(file, {data, holdout, "num_round=1", "max_depth=1"});
  EXPECT_EQ(StateOf(first, "promote"), "SUCCEEDED");
  EXPECT_FALSE(Cluster::Step(first, "evaluate")["metrics"].contains("delta"));
  EXPECT_EQ(first["pins"]["model:census-champion@champion"], "");
  EXPECT_THAT(cluster_.Client({"get", "models", "census-champion"}).out, HasSubstr("champion"));
  // A better one takes its place.
  const Json second = RunExample(file, {data, holdout});
  EXPECT_EQ(JsonString(Cluster::Step(second, "promote"), "modelVersion"), "census-champion/2");
  EXPECT_GT(MetricOf(second, "evaluate", "ci_low"), 0);
  EXPECT_LT(MetricOf(second, "evaluate", "p"), 0.05);
  EXPECT_THAT(cluster_.Client({"describe", "run", JsonString(second, "runId")}).out,
              HasSubstr("model:census-champion@champion = census-champion/1"));
  // One that is no better does not.
  const Json third = RunExample(file, {data, holdout});
  EXPECT_EQ(StateOf(third, "promote"), "SKIPPED");
  EXPECT_EQ(StateOf(third, "keep-champion"), "SUCCEEDED");
  EXPECT_EQ(MetricOf(third, "evaluate", "delta"), 0);
  EXPECT_EQ(MetricOf(third, "evaluate", "p"), 1);
  EXPECT_THAT(cluster_.Client({"logs", JsonString(third, "runId"), "keep-champion"}).out,
              HasSubstr("census-champion/2 stays"));
  EXPECT_EQ(cluster_.ModelVersions("census-champion"), 2);
  // By hand, by name, and back.
  EXPECT_EQ(cluster_.Client({"promote", "census-champion/1", "--alias", "champion"}).out,
            "census-champion/1 is champion; it was census-champion/2\n");
  EXPECT_THAT(cluster_.Client({"describe", "model", "census-champion@champion"}).out,
              HasSubstr("Model         census-champion/1\n"));
  const std::string files = (cluster_.folder() / "model").string();
  EXPECT_EQ(
      cluster_.Client({"artifacts", "get", "model:census-champion@champion", "-o", files}).code, 0);
  EXPECT_EQ(cluster_.Client({"promote", "census-champion/9", "--alias", "champion"}).code, 4);
  EXPECT_EQ(cluster_.Client({"promote", "census-champion", "--alias", "champion"}).code, 2);
  EXPECT_EQ(cluster_.Client({"promote", "census-champion/1", "--alias", "7"}).code, 4);
}

TEST_F(ExamplesTest, AModelOfYourOwn) {
  const std::string data = Data("data", 1'500);
  const std::string holdout = Data("holdout", 500, 8);
  const std::string code = "code=@examples/own-model/naive_bayes.py";
  const std::string file = "own-model/pipeline.yaml";
  const Json first = RunExample(file, {data, holdout, code});
  EXPECT_EQ(MetricOf(first, "judge", "rows"), 300) << "the predictions that the script made";
  EXPECT_GT(MetricOf(first, "judge", "auc"), 0.75);
  EXPECT_EQ(MetricOf(first, "compare", "rows"), 500);
  EXPECT_GT(MetricOf(first, "compare", "auc"), 0.75);
  EXPECT_EQ(StateOf(first, "promote"), "SUCCEEDED");
  EXPECT_THAT(cluster_.Client({"logs", JsonString(first, "runId"), "compare"}).out,
              HasSubstr("predicting 500 rows with the model's program"));
  // Another one is compared with it, both by their programs, and is no better.
  const Json second = RunExample(file, {data, holdout, code, "smoothing=1000000", "min_auc=0.5"});
  EXPECT_LT(MetricOf(second, "compare", "delta"), 0);
  EXPECT_EQ(StateOf(second, "promote"), "SKIPPED");
  // The same again is there already, what the program predicted too.
  const Json again = RunExample(file, {data, holdout, code, "smoothing=1000000", "min_auc=0.5"});
  EXPECT_EQ(StateOf(again, "compare"), "CACHED");
  // By the name of the model, without its code at hand.
  const Json scored = RunExample("own-model/score.yaml", {"data=" + holdout.substr(8)});
  EXPECT_EQ(MetricOf(scored, "score", "rows"), 500);
  RunExample("own-model/pipeline.yaml", {data, holdout, code, "min_auc=0.999"}, "FAILED");
  EXPECT_EQ(cluster_.ModelVersions("own-model"), 1);
}

TEST_F(ExamplesTest, APipelineInsideAPipeline) {
  ASSERT_EQ(cluster_.Client({"apply", "-f", "examples/nested/summary.yaml"}).code, 0);
  const std::string data = Data("data", 400);
  const std::string holdout = Data("holdout", 200, 8);
  const Json many = RunExample("nested/pipeline.yaml", {data, holdout});
  EXPECT_EQ(StateOf(many, "child.careful"), "SUCCEEDED");
  EXPECT_EQ(StateOf(many, "child.simple"), "SKIPPED");
  EXPECT_EQ(many["pins"]["pipeline:census-summary"], "1");
  const Json few = RunExample("nested/pipeline.yaml", {data, holdout, "min_rows=100000"});
  EXPECT_EQ(StateOf(few, "child.careful"), "SKIPPED");
  EXPECT_EQ(StateOf(few, "child.simple"), "SUCCEEDED");
  EXPECT_GT(MetricOf(few, "evaluate", "auc"), 0.6);
  EXPECT_THAT(cluster_.Client({"describe", "model", "census-nested/2"}).out,
              HasSubstr("from 400 rows"));
  EXPECT_THAT(cluster_.Client({"logs", JsonString(few, "runId"), "child.prepare"}).out,
              HasSubstr("400 rows"));
}

TEST_F(ExamplesTest, Approval) {
  const std::string id = cluster_.Submit("examples/approval/pipeline.yaml");
  ASSERT_TRUE(Eventually([&] { return StateOf(cluster_.Run(id), "sign-off") == "RUNNING"; }));
  EXPECT_THAT(cluster_.Client({"describe", "run", id}).out,
              HasSubstr("release 2, built with 0 warnings?"));
  ASSERT_EQ(cluster_.Client({"approve", id, "sign-off", "--comment", "go ahead"}).code, 0);
  EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED");
  EXPECT_THAT(cluster_.Client({"logs", id, "publish"}).out, HasSubstr("said \"go ahead\""));

  const std::string rejected = cluster_.Submit("examples/approval/pipeline.yaml");
  ASSERT_TRUE(Eventually([&] { return StateOf(cluster_.Run(rejected), "sign-off") == "RUNNING"; }));
  ASSERT_EQ(cluster_.Client({"reject", rejected, "sign-off", "--comment", "not yet"}).code, 0);
  EXPECT_EQ(cluster_.Wait(rejected), "FAILED");
  EXPECT_EQ(StateOf(cluster_.Run(rejected), "publish"), "SKIPPED");
  // Nobody answers.
  RunExample("approval/pipeline.yaml", {"patience=50ms"}, "FAILED");
}

TEST_F(ExamplesTest, OnExit) {
  Webhook webhook;
  const std::string address = "webhook=" + webhook.url();
  // The receiver is not ready at first.
  webhook.Answer({503});
  const Json good = RunExample("on-exit/pipeline.yaml", {address});
  EXPECT_EQ(StateOf(good, "tell"), "SUCCEEDED");
  ASSERT_EQ(webhook.requests().size(), 2u);
  const Json told = ParseJson(webhook.requests().back().body).value_or(Json());
  EXPECT_EQ(JsonString(told, "runId"), JsonString(good, "runId"));
  EXPECT_EQ(JsonString(told, "state"), "SUCCEEDED");
  EXPECT_EQ(JsonString(told, "pipeline"), "told");

  const Json bad = RunExample("on-exit/pipeline.yaml", {address, "fail=true"}, "FAILED");
  ASSERT_EQ(webhook.requests().size(), 3u);
  const Json failed = ParseJson(webhook.requests().back().body).value_or(Json());
  EXPECT_EQ(JsonString(failed, "state"), "FAILED");
  EXPECT_EQ(JsonString(failed, "message"), "step work: no disk");
  EXPECT_THAT(cluster_.Client({"logs", JsonString(bad, "runId"), "tidy"}).out,
              HasSubstr("a run that FAILED"));
  // Told once a run, and never from the cache.
  RunExample("on-exit/pipeline.yaml", {address});
  EXPECT_EQ(webhook.requests().size(), 4u);
}

// What a person sees of a map with many items: how far it is, and not each of its steps.
TEST_F(ExamplesTest, AGangOfTwoRanks) {
  const std::string code = "code=@examples/gang/exchange.py";
  const std::string waits = cluster_.Submit("examples/gang/pipeline.yaml", {"-p", code});
  EXPECT_THAT(cluster_.Client({"explain", waits, "exchange"}).out,
              HasSubstr("it needs 2 workers at once with 0.5 cpus, 128.0 MiB free on each; 1 has "
                        "room now"));
  cluster_.StartWorker("w2");
  EXPECT_EQ(cluster_.Wait(waits), "SUCCEEDED") << cluster_.Client({"logs", waits}).out;
  const Json run = cluster_.Run(waits);
  EXPECT_EQ(MetricOf(run, "exchange", "total"), 5);
  EXPECT_EQ(MetricOf(run, "exchange", "rank"), 0);
  EXPECT_EQ(StateOf(run, "agreed"), "SUCCEEDED");
  const std::string both = cluster_.Client({"logs", waits, "exchange"}).out;
  EXPECT_THAT(both, HasSubstr("[0] rank 0 of 2 on algo-1 has 1\n"));
  EXPECT_THAT(both, HasSubstr("[1] rank 1 of 2 on algo-2 has 4\n"));
  EXPECT_THAT(both, HasSubstr("[1] rank 1 agrees: 5\n"));
  const std::string one = cluster_.Client({"logs", waits, "exchange", "--rank", "1"}).out;
  EXPECT_THAT(one, HasSubstr("\nrank 1 agrees: 5\n"));
  EXPECT_THAT(one, Not(HasSubstr("rank 0")));
  EXPECT_THAT(cluster_.Client({"explain", waits, "exchange"}).out,
              HasSubstr("attempt 1, rank 1 on w2 (127.0.0.1:"));
  EXPECT_THAT(cluster_.Client({"describe", "worker", "w2"}).out,
              HasSubstr("listen on 127.0.0.1, ports "));
  EXPECT_EQ(cluster_.Stop("w2"), 0);
}

// A worker is killed in mid-gang: the other rank is stopped, and both are tried again.
TEST_F(ExamplesTest, AGangOutlivesTheEndOfAWorker) {
  const std::string gate = cluster_.folder() / "gate";
  const std::string file = cluster_.Write("gang.yaml",
                                          "name: gang\nsteps:\n- name: g\n  type: script\n"
                                          "  resources: {nodes: 2, cpus: 0.5}\n"
                                          "  with:\n    isolation: none\n    command:\n"
                                          "    - /bin/sh\n    - -c\n    - 'echo rank $RANK; "
                                          "while [ ! -e " +
                                              gate + " ]; do sleep 0.02; done'\n");
  cluster_.StartWorker("w2");
  const std::string id = cluster_.Submit(file);
  const auto log_of = [&](const std::string& rank) {
    return cluster_.Client({"logs", id, "g", "--rank", rank}).out;
  };
  EXPECT_TRUE(Eventually([&] {
    return log_of("0").find("rank 0") != std::string::npos &&
           log_of("1").find("rank 1") != std::string::npos;
  }));
  cluster_.Kill("w2");
  cluster_.StartWorker("w2");
  EXPECT_TRUE(
      Eventually([&] { return JsonInt(Cluster::Step(cluster_.Run(id), "g"), "attempt") == 2; }));
  std::ofstream(gate) << "open\n";
  EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED") << cluster_.Client({"describe", "run", id}).out;
  const std::string why = cluster_.Client({"explain", id, "g"}).out;
  EXPECT_THAT(why, HasSubstr("LOST, WORKER_RESTARTED"));
  EXPECT_THAT(why, HasSubstr("CANCELLED, GANG_ENDED"));
  EXPECT_EQ(cluster_.Stop("w2"), 0);
}

TEST_F(ExamplesTest, ALargeMapIsToldInFewLines) {
  const std::string file = cluster_.Write("large.yaml", R"(
name: large
steps:
- name: many
  type: map
  over: {range: 300}
  toleratedFailures: 40
  steps:
  - {name: one, type: noop, with: {message: "item ${item.index}"}}
- name: uneven
  type: map
  over: [0, 1, 2]
  dependsOn: [many]
  steps: [{name: two, type: noop}]
)");
  const Ran run = cluster_.Client({"run", "-f", file, "--follow"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, Not(HasSubstr("many[7].one")));
  EXPECT_THAT(run.err, HasSubstr("many  SUCCEEDED"));
  EXPECT_THAT(run.err, HasSubstr("uneven[2].two  SUCCEEDED")) << "a small one is told whole";
  EXPECT_LT(std::count(run.err.begin(), run.err.end(), '\n'), 40) << run.err;
  const std::string id = run.out.substr(0, run.out.size() - 1);
  const std::string described = cluster_.Client({"describe", "run", id}).out;
  EXPECT_THAT(described, HasSubstr("300 steps inside maps that neither run nor failed"));
  EXPECT_THAT(described, Not(HasSubstr("many[7].one")));
  EXPECT_THAT(described, HasSubstr("uneven[1].two"));
}

}  // namespace
}  // namespace penstock

// The whole product as a user meets it: real daemons, the command line, real pipelines.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/support/cluster.h"

namespace penstock {
namespace {

using testing::HasSubstr;

constexpr char kCensus[] = "examples/census/pipeline.yaml";

class PipelineTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.StartCoordinator();
    cluster_.StartWorker("w1");
  }
  std::string Data() {
    const std::string path = (cluster_.folder() / "census.csv").string();
    if (!std::filesystem::exists(path)) {
      EXPECT_EQ(RunProgram({Program("penstock-census-data"), path}).code, 0);
    }
    return path;
  }
  void StopAll() {
    EXPECT_EQ(cluster_.Stop("w1"), 0);
    EXPECT_EQ(cluster_.Stop("coordinator"), 0);
  }
  Cluster cluster_;
};

TEST_F(PipelineTest, FromDataToAnApprovedModel) {
  const Ran run = cluster_.Client({"run", "-f", kCensus, "-p", "data=@" + Data(), "--follow"});
  ASSERT_EQ(run.code, 0) << run.err;
  // The id and nothing else on stdout.
  const std::string id = run.out.substr(0, run.out.size() - 1);
  EXPECT_EQ(run.out, id + "\n");
  EXPECT_EQ(id.size(), 30u);
  EXPECT_THAT(run.err, HasSubstr("census-income/1 registered"));

  const Json json = cluster_.Run(id);
  EXPECT_EQ(JsonString(json, "state"), "SUCCEEDED");
  EXPECT_EQ(JsonString(Cluster::Step(json, "good-enough"), "branch"), "then");
  EXPECT_EQ(JsonString(Cluster::Step(json, "reject"), "state"), "SKIPPED");
  EXPECT_EQ(JsonString(Cluster::Step(json, "reject"), "cause"), "NOT_CHOSEN");
  const double auc = JsonDouble(JsonMember(Cluster::Step(json, "evaluate"), "metrics"), "auc");
  EXPECT_GT(auc, 0.85);
  EXPECT_LT(auc, 0.95);

  const Ran described = cluster_.Client({"describe", "model", "census-income/1"});
  EXPECT_THAT(described.out, HasSubstr("PendingManualApproval"));
  const Ran approved =
      cluster_.Client({"approve", "census-income/1", "--comment", "beats the old one"});
  EXPECT_EQ(approved.out, "census-income/1 is Approved\n");
  EXPECT_THAT(cluster_.Client({"describe", "model", "census-income/1"}).out,
              HasSubstr("beats the old one"));

  const std::string model = (cluster_.folder() / "model").string();
  ASSERT_EQ(cluster_.Client({"artifacts", "get", "model:census-income/1", "-o", model}).code, 0);
  EXPECT_TRUE(std::filesystem::exists(model + "/model.json"));
  EXPECT_TRUE(std::filesystem::exists(model + "/transform/transform.json"));
  EXPECT_THAT(cluster_.Client({"logs", id, "prepare"}).out, HasSubstr("32561 rows"));
  EXPECT_THAT(cluster_.Client({"data", "head", id + "/evaluate/predictions", "-n", "3"}).out,
              HasSubstr("probability"));
  const std::string csv = (cluster_.folder() / "predictions.csv").string();
  ASSERT_EQ(cluster_.Client({"data", "export", id + "/evaluate/predictions", "-o", csv}).code, 0);
  EXPECT_GT(std::filesystem::file_size(csv), 1'000u);
  StopAll();
  cluster_.CheckInvariants();
}

TEST_F(PipelineTest, WhatAStepWarnsOfIsShownThoughItSucceeded) {
  const std::string file = cluster_.Write(
      "warns.yaml",
      "name: warns\nsteps:\n"
      "- {name: a, type: noop, with: {message: 'warning: few rows', metrics: {rows: 3}}}\n");
  const Ran run = cluster_.Client({"run", "-f", file, "--follow"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("\nwarning: step a: few rows\n"));
  const std::string id = run.out.substr(0, run.out.size() - 1);
  const std::string described = cluster_.Client({"describe", "run", id}).out;
  EXPECT_THAT(described, HasSubstr("\nwarning: step a: few rows\n"));
  EXPECT_THAT(described, HasSubstr("rows 3")) << "the metrics are there all the same";
  StopAll();
}

TEST_F(PipelineTest, AThresholdThatIsNotMetFailsTheRunAndRegistersNothing) {
  const Ran run = cluster_.Client(
      {"run", "-f", kCensus, "-p", "data=@" + Data(), "-p", "min_auc=0.999", "--wait"});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, HasSubstr("is below 0.999"));
  EXPECT_EQ(cluster_.ModelVersions("census-income"), 0);
}

TEST_F(PipelineTest, TheGeneratedCensusIsLikeTheRealOneAndAlwaysTheSame) {
  const std::string text = ReadFile(Data(), 64 << 20).value_or("");
  const std::string again = (cluster_.folder() / "again.csv").string();
  ASSERT_EQ(RunProgram({Program("penstock-census-data"), again}).code, 0);
  EXPECT_TRUE(text == ReadFile(again, 64 << 20).value_or("")) << "a fixed seed";
  int rows = 0;
  int missing = 0;
  int positive = 0;
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end + 1) {
    end = text.find('\n', begin);
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    ASSERT_EQ(std::count(line.begin(), line.end(), ','), 14) << line;
    ++rows;
    missing += static_cast<int>(std::count(line.begin(), line.end(), '?'));
    positive += line.ends_with(">50K");
  }
  EXPECT_EQ(rows, 32'561);
  EXPECT_NEAR(missing / 32'561.0, 0.15, 0.05) << "values a row; the real data have 0.13";
  EXPECT_NEAR(positive / 32'561.0, 0.241, 0.02);
}

TEST_F(PipelineTest, TheRealCensusGivesTheSameModelTwice) {
  const std::filesystem::path data = SharedData();
  if (data.empty()) GTEST_SKIP() << "../shared/data is absent";
  const std::string argument = "data=@" + (data / "adult" / "adult.data").string();
  const std::string first = cluster_.Submit(kCensus, {"-p", argument});
  ASSERT_EQ(cluster_.Wait(first), "SUCCEEDED");
  const std::string second = cluster_.Submit(kCensus, {"-p", argument, "--no-cache"});
  ASSERT_EQ(cluster_.Wait(second), "SUCCEEDED");
  const Json a = Cluster::Step(cluster_.Run(first), "train");
  const Json b = Cluster::Step(cluster_.Run(second), "train");
  EXPECT_FALSE(JsonString(a["outputs"]["model"], "digest").empty());
  EXPECT_EQ(a["outputs"]["model"]["digest"], b["outputs"]["model"]["digest"]);
  EXPECT_NEAR(cluster_.Run(first)["steps"][2]["metrics"]["auc"].get<double>(), 0.93, 0.01);
  EXPECT_EQ(cluster_.ModelVersions("census-income"), 2);
}

TEST_F(PipelineTest, BadDataFailTheStepWithFileLineAndColumn) {
  const std::string ragged = cluster_.Write("ragged.csv", "39, Private\n1, 2, 3\n");
  const Ran run = cluster_.Client({"run", "-f", kCensus, "-p", "data=@" + ragged, "--wait"});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, HasSubstr(ragged + ": line 1, column 3"));
  const std::string empty = cluster_.Write("empty.csv", "");
  const Ran nothing = cluster_.Client({"run", "-f", kCensus, "-p", "data=@" + empty, "--wait"});
  EXPECT_EQ(nothing.code, 1);
  EXPECT_THAT(nothing.err, HasSubstr("empty"));
  const Ran missing =
      cluster_.Client({"run", "-f", kCensus, "-p", "data=@/no/such/file.csv", "--wait"});
  EXPECT_EQ(missing.code, 2);
  EXPECT_THAT(missing.err, HasSubstr("/no/such/file.csv"));
  // The daemons took no harm.
  EXPECT_EQ(cluster_.Client({"run", "-f", "examples/noop/branches.yaml", "--wait"}).code, 0);
}

TEST_F(PipelineTest, WrongDefinitionsAreRefusedWithEveryProblem) {
  const std::string file = cluster_.Write("wrong.yaml", R"(
name: wrong
steps:
- {name: a, type: noop, with: {duration: soon}}
- {name: a, type: noop}
- {name: t, type: train, algorithm: xgbost, inputs: {train: "${steps.a.outputs.train}"}}
- {name: c, type: condition, if: {left: 1, op: "=>", right: 2}, then: [nowhere]}
)");
  const Ran ran = cluster_.Client({"apply", "-f", file});
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(ran.err, HasSubstr("steps[0].with.duration"));
  EXPECT_THAT(ran.err, HasSubstr("steps[1].name"));
  EXPECT_THAT(ran.err, HasSubstr("did you mean \"xgboost\""));
  EXPECT_THAT(ran.err, HasSubstr("there is no step \"nowhere\""));
  EXPECT_THAT(ran.err, HasSubstr("steps[3].if.op"));
  EXPECT_EQ(cluster_.Client({"validate", "-f", file}).code, 4);
  EXPECT_EQ(cluster_.Client({"get", "pipelines", "-o", "json"}).out, "{}\n");
  const Ran bound =
      cluster_.Client({"run", "-f", kCensus, "-p", "data=@" + Data(), "-p", "max_depth=99"});
  EXPECT_EQ(bound.code, 4);
  EXPECT_THAT(bound.err, HasSubstr("max_depth"));
  EXPECT_THAT(bound.err, HasSubstr("out of bounds"));
}

TEST_F(PipelineTest, ExitCodesAndIdempotency) {
  EXPECT_EQ(cluster_.Client({"frobnicate"}).code, 2);
  EXPECT_EQ(cluster_.Client({"get", "runs"}, {{"PENSTOCK_ADDRESS", "127.0.0.1:1"}}).code, 3);
  EXPECT_EQ(cluster_.Client({"describe", "run", "run-none"}).code, 4);
  const std::string file = "examples/noop/branches.yaml";
  const std::string a = cluster_.Submit(file, {"--idempotency-key", "k1"});
  const std::string b = cluster_.Submit(file, {"--idempotency-key", "k1"});
  EXPECT_EQ(a, b);
  const Ran other =
      cluster_.Client({"run", "-f", file, "--idempotency-key", "k1", "-p", "score=0.1"});
  EXPECT_EQ(other.code, 4);
  EXPECT_EQ(cluster_.Wait(a), "SUCCEEDED");
}

TEST_F(PipelineTest, ListsNameOneOrSayThatItIsNotThere) {
  const auto names = [](const Ran& ran, const char* list) {
    const Result<Json> json = ParseJson(ran.out);
    return json.ok() && json->contains(list) ? json->at(list).size() : 0;
  };
  EXPECT_GT(names(cluster_.Client({"get", "steps", "-o", "json"}), "stepTypes"), 5u);
  EXPECT_EQ(names(cluster_.Client({"get", "steps", "noop", "-o", "json"}), "stepTypes"), 1u);
  const Ran none = cluster_.Client({"get", "steps", "nop"});
  EXPECT_EQ(none.code, 4);
  EXPECT_THAT(none.err, HasSubstr("did you mean \"noop\"?"));
  EXPECT_EQ(names(cluster_.Client({"get", "workers", "w1", "-o", "json"}), "workers"), 1u);
  EXPECT_EQ(cluster_.Client({"get", "workers", "w2"}).code, 4);
  // A worker that left is still shown.
  EXPECT_EQ(cluster_.Stop("w1"), 0);
  EXPECT_THAT(cluster_.Client({"get", "workers"}).out, HasSubstr("gone"));
}

TEST_F(PipelineTest, CancelReachesARunningStep) {
  const std::string file = cluster_.Write("long.yaml", R"(
name: long
steps:
- {name: sleep, type: noop, with: {duration: 600s}}
- {name: after, type: noop, dependsOn: [sleep]}
)");
  const std::string id = cluster_.Submit(file);
  ASSERT_TRUE(Eventually(
      [&] { return JsonString(Cluster::Step(cluster_.Run(id), "sleep"), "state") == "RUNNING"; }));
  EXPECT_EQ(cluster_.Client({"cancel", id}).code, 0);
  EXPECT_EQ(cluster_.Wait(id), "CANCELLED");
  EXPECT_EQ(JsonString(Cluster::Step(cluster_.Run(id), "after"), "state"), "CANCELLED");
  StopAll();
  cluster_.CheckInvariants();
}

TEST_F(PipelineTest, RetriesTimeoutsAndToleratedFailures) {
  const std::string file = cluster_.Write("fail.yaml", R"(
name: failing
steps:
- {name: twice, type: noop, with: {fail: true, message: no luck}, retry: {maxAttempts: 2, interval: 10ms}, continueOnFailure: true}
- {name: slow, type: noop, with: {duration: 60s}, timeout: 300ms, continueOnFailure: true}
- {name: anyway, type: noop, dependsOn: [twice, slow], when: all_done}
)");
  const std::string id = cluster_.Submit(file);
  ASSERT_EQ(cluster_.Wait(id), "SUCCEEDED");
  const Json run = cluster_.Run(id);
  EXPECT_EQ(JsonInt(Cluster::Step(run, "twice"), "attempt"), 2);
  EXPECT_THAT(JsonString(Cluster::Step(run, "twice"), "message"), HasSubstr("no luck"));
  EXPECT_EQ(JsonString(Cluster::Step(run, "slow"), "cause"), "TIMEOUT");
  EXPECT_EQ(JsonString(Cluster::Step(run, "anyway"), "state"), "SUCCEEDED");
  EXPECT_THAT(cluster_.Client({"logs", id, "twice"}).out, HasSubstr("no luck"));
}

TEST_F(PipelineTest, ALogOfManyMessagesComesWhole) {
  std::string message;
  while (message.size() < 600'000) message += std::to_string(message.size()) + " ";
  const std::string file = cluster_.Write(
      "chatty.yaml",
      "name: chatty\nsteps: [{name: talk, type: noop, with: {message: \"" + message + "\"}}]\n");
  const std::string id = cluster_.Submit(file);
  ASSERT_EQ(cluster_.Wait(id), "SUCCEEDED");
  EXPECT_TRUE(cluster_.Client({"logs", id, "talk"}).out.find(message) != std::string::npos);
}

TEST_F(PipelineTest, AStoppedWorkerFinishesWhatRunsAndGivesBackTheRest) {
  const std::string file = cluster_.Write("drain.yaml", R"(
name: drain
steps:
- {name: a, type: noop, with: {duration: 700ms}, resources: {cpus: 2}}
- {name: b, type: noop, with: {duration: 10ms}, resources: {cpus: 2}, dependsOn: [a]}
)");
  const std::string id = cluster_.Submit(file);
  ASSERT_TRUE(Eventually(
      [&] { return JsonString(Cluster::Step(cluster_.Run(id), "a"), "state") == "RUNNING"; }));
  EXPECT_EQ(cluster_.Stop("w1"), 0);
  EXPECT_EQ(JsonString(Cluster::Step(cluster_.Run(id), "a"), "state"), "SUCCEEDED");
  cluster_.StartWorker("w1");
  EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED");
  EXPECT_EQ(JsonInt(Cluster::Step(cluster_.Run(id), "a"), "attempt"), 1);
}

TEST_F(PipelineTest, FileInputsAreImportedByAWorkerWithThatRoot) {
  const std::string data = Data();
  const std::string address = "data=file://" + data;
  EXPECT_EQ(cluster_.Client({"run", "-f", kCensus, "-p", address}).code, 4);
  EXPECT_EQ(cluster_.Stop("coordinator"), 0);
  cluster_.StartCoordinator({"--data-roots", cluster_.folder().string()});
  ASSERT_TRUE(Eventually([&] {
    return cluster_.Client({"get", "workers"}).out.find("ready") != std::string::npos;
  }));
  // No worker has the root: the run waits, and says so.
  const Ran warned = cluster_.Client({"run", "-f", kCensus, "-p", address});
  ASSERT_EQ(warned.code, 0) << warned.err;
  EXPECT_THAT(warned.err, HasSubstr("data root"));
  cluster_.StartWorker("w2", {"--data-root", cluster_.folder().string()});
  const std::string id = warned.out.substr(0, warned.out.find('\n'));
  EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED");
  EXPECT_EQ(JsonString(Cluster::Step(cluster_.Run(id), "import"), "worker"), "w2");
  const Ran relative = cluster_.Client({"run", "-f", kCensus, "-p", "data=file:census.csv"});
  EXPECT_EQ(relative.code, 4);
  EXPECT_THAT(relative.err, HasSubstr("relative"));
}

TEST(ClusterTest, TlsAndTokensOnTwoAddresses) {
  Cluster cluster;
  const std::string data_dir = cluster.data_dir().string();
  const Ran refused = RunProgram({Program("penstockd"), "--data-dir", data_dir, "--grpc-address",
                                  "0.0.0.0:0", "--http-address", "127.0.0.1:0"});
  EXPECT_NE(refused.code, 0);
  EXPECT_THAT(refused.err, HasSubstr("TLS"));
  std::filesystem::create_directory(data_dir);
  const Ran token = RunProgram({Program("penstock"), "admin", "token", "create", "ada", "--role",
                                "user", "--data-dir", data_dir});
  ASSERT_EQ(token.code, 0) << token.err;
  const Ran worker_token = RunProgram({Program("penstock"), "admin", "token", "create", "w1",
                                       "--role", "worker", "--data-dir", data_dir});
  ASSERT_EQ(worker_token.code, 0) << worker_token.err;
  const auto line = [](const Ran& ran) { return ran.out.substr(0, ran.out.find('\n')); };
  cluster.StartCoordinator({"--auth", "required", "--tls", "auto"});
  const std::string certificate = data_dir + "/tls/server.crt";
  ASSERT_TRUE(std::filesystem::exists(certificate));
  cluster.StartWorker("w1", {"--tls-ca", certificate, "--token", line(worker_token)});
  EXPECT_EQ(cluster.Client({"get", "runs", "--tls-ca", certificate}).code, 4);
  const std::map<std::string, std::string> ada = {{"PENSTOCK_TOKEN", line(token)},
                                                  {"PENSTOCK_TLS_CA", certificate}};
  const Ran run = cluster.Client({"run", "-f", "examples/noop/branches.yaml", "--wait"}, ada);
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(cluster.Client({"get", "runs"}, ada).out, HasSubstr("user:ada"));
  // A user may not make tokens, and no secret stands in a log.
  EXPECT_EQ(cluster.Client({"admin", "token", "create", "eve"}, ada).code, 4);
  const std::string log = ReadFile(cluster.folder() / "coordinator.log", 64 << 20).value_or("");
  EXPECT_EQ(log.find(line(token)), std::string::npos);
}

}  // namespace
}  // namespace penstock

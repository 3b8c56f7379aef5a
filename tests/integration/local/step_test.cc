// penstock step run: one step here, without a server.

#include <fstream>

#include "tests/integration/local/local_fixture.h"
#include "tests/support/small_data.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kWhole = SmallPipeline("whole", ", rounds: {type: integer, default: 3}") +
                           R"(    transforms: [{op: standard, columns: [x]}]
- name: train
  type: train
  algorithm: xgboost
  inputs: {train: "${steps.prepare.outputs.train}"}
  hyperparameters: {objective: "binary:logistic", num_round: "${parameters.rounds}"}
- name: evaluate
  type: evaluate
  inputs: {model: "${steps.train.outputs.model}", data: "${steps.prepare.outputs.test}"}
- name: tell
  type: noop
  with: {message: "auc ${steps.evaluate.metrics.auc}, of ${run.pipeline}"}
- name: good
  type: condition
  if: [{left: "${steps.evaluate.metrics.auc}", op: ">=", right: 0.5}]
  then: [register]
- {name: register, type: register, inputs: {model: "${steps.train.outputs.model}"}, with: {group: small}}
)";

class StepTest : public LocalFixture {
 protected:
  void SetUp() override {
    LocalFixture::SetUp();
    file_ = cluster_.Write("whole.yaml", kWhole);
    data_ = cluster_.Write("small.csv", SmallCsv(200));
  }
  std::vector<std::string> Step(const std::string& step, std::vector<std::string> more = {}) {
    std::vector<std::string> command = {"step", "run", "-f", file_, "--step", step};
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }
  std::string Given() const { return "data=@" + data_; }
  // The output of that name.
  static Json Output(const Json& run, const std::string& name) {
    for (const Json& output : JsonMember(run, "outputs")) {
      if (JsonString(output, "name") == name) return output;
    }
    return {};
  }
  std::string file_;
  std::string data_;
};

TEST_F(StepTest, OneStepIsTried) {
  const Ran ran = Here(Step("prepare", {"-p", Given()}));
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, testing::ContainsRegex("^prepare  process@[0-9]+  SUCCEEDED  "));
  EXPECT_THAT(ran.out, testing::ContainsRegex("train +dataset +160 +2 "));
  EXPECT_THAT(ran.out, testing::ContainsRegex("test_rows +40\n"));
  EXPECT_THAT(ran.out, HasSubstr("1 raw features become 1\n"));
  EXPECT_THAT(ran.out, testing::ContainsRegex("standard +x\n"));
  EXPECT_THAT(ran.out, HasSubstr("numeric  categorical\n"));
  EXPECT_THAT(ran.err, HasSubstr("prepare: read " + data_ + ": 200 rows"));
  EXPECT_THAT(ran.err, HasSubstr("--out DIR keeps them"));
}

TEST_F(StepTest, WhatItNeedsRunsBefore) {
  const Json run = JsonOf(Step("tell", {"-p", Given(), "-p", "rounds=2"}));
  EXPECT_EQ(run["state"], "SUCCEEDED");
  std::vector<std::string> before;
  for (const Json& step : run["upstream"]) before.push_back(step["step"]);
  EXPECT_THAT(before, ElementsAre("prepare", "train", "evaluate"));
  EXPECT_THAT(Here(Step("tell", {"-p", Given()})).err,
              testing::ContainsRegex("tell: auc (0.9|1).*, of whole\n"));
  EXPECT_GT(JsonOf(Step("evaluate", {"-p", Given()}))["metrics"]["auc"].get<double>(), 0.9);
}

// The same bytes as from a coordinator's worker.
TEST_F(StepTest, OutputsAreThoseOfARun) {
  cluster_.StartCoordinator();
  cluster_.StartWorker("w1");
  const std::string id = cluster_.Submit(file_, {"-p", Given()});
  ASSERT_EQ(cluster_.Wait(id), "SUCCEEDED");
  const Json there = cluster_.Run(id);
  for (const auto& [step, output] :
       {std::pair("prepare", "train"), std::pair("prepare", "transform"),
        std::pair("train", "model"), std::pair("evaluate", "report")}) {
    const Json outputs = JsonMember(Cluster::Step(there, step), "outputs");
    const Json here = JsonOf(Step(step, {"-p", Given()}));
    EXPECT_EQ(JsonString(Output(here, output), "digest"),
              JsonString(JsonMember(outputs, output), "digest"))
        << step << "/" << output;
  }
}

TEST_F(StepTest, OutputsAreKeptAndGivenToTheNext) {
  const std::string out = In("out");
  const Json prepared = JsonOf(Step("prepare", {"-p", Given(), "--out", out}));
  EXPECT_EQ(JsonString(Output(prepared, "train"), "path"), out + "/train");
  EXPECT_EQ(JsonOf({"data", "schema", out + "/train"})["rows"], 160);
  for (const auto& entry : std::filesystem::directory_iterator(out)) {
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("part-")));
  }
  // Prepared data are given as they are: nothing of the file's is needed, not even as a parameter.
  const Ran train = Here(Step("train", {"--input", "train=" + out + "/train", "--out", In("m")}));
  ASSERT_EQ(train.code, 0) << train.err;
  EXPECT_TRUE(std::filesystem::exists(In("m/model/model.json")));
  const Json judged = JsonOf(
      Step("evaluate", {"--input", "model=" + In("m/model"), "--input", "data=" + out + "/test"}));
  EXPECT_TRUE(judged["upstream"].empty());
  EXPECT_GT(judged["metrics"]["auc"].get<double>(), 0.9);
  const Ran again = Here(Step("prepare", {"-p", Given(), "--out", out}));
  EXPECT_EQ(again.code, 2);
  EXPECT_THAT(again.err, HasSubstr("--force"));
  EXPECT_EQ(Here(Step("prepare", {"-p", Given(), "--out", out, "--force"})).code, 0);
}

TEST_F(StepTest, ASampleIsDrawnOnceAndTheSameForASeed) {
  const auto digest = [&](const std::vector<std::string>& more) {
    std::vector<std::string> options = {"-p", Given(), "--sample", "50"};
    options.insert(options.end(), more.begin(), more.end());
    const Json run = JsonOf(Step("prepare", options));
    EXPECT_EQ(run["metrics"]["rows"], 50);
    EXPECT_EQ(run["sampled"][0]["total"], 200);
    return JsonString(Output(run, "train"), "digest");
  };
  EXPECT_EQ(digest({}), digest({"--seed", "0"}));
  EXPECT_NE(digest({}), digest({"--seed", "1"}));
  const Ran text = Here(Step("prepare", {"-p", Given(), "--sample", "50"}));
  EXPECT_THAT(text.out, HasSubstr("sampled  " + data_ + ": 50 of 200 rows\n"));
  // What a step before it made is not sampled again.
  const Json trained = JsonOf(Step("evaluate", {"-p", Given(), "--sample", "100"}));
  EXPECT_EQ(trained["sampled"].size(), 1U);
  EXPECT_EQ(trained["upstream"][0]["metrics"]["train_rows"], 80);
  EXPECT_EQ(Here(Step("prepare", {"-p", Given(), "--sample", "0"})).code, 2);
}

TEST_F(StepTest, MessagesAreTheWorkersAndNameLinesOfTheWholeFile) {
  std::string csv = SmallCsv(200);
  csv += "7,maybe\n";  // line 202
  data_ = cluster_.Write("bad.csv", csv);
  const Ran whole = Here(Step("prepare", {"-p", Given()}));
  EXPECT_EQ(whole.code, 1);
  EXPECT_THAT(whole.err, HasSubstr("error: step prepare failed: "));
  EXPECT_THAT(whole.err, HasSubstr(data_ + ": line 202"));
  // The message is there once, not in the log as well.
  EXPECT_EQ(whole.err.find("line 202"), whole.err.rfind("line 202"));
  const Ran sampled = Here(Step("prepare", {"-p", Given(), "--sample", "199", "--seed", "4"}));
  ASSERT_EQ(sampled.code, 1) << "the seed must draw the last row";
  EXPECT_THAT(sampled.err, HasSubstr(data_ + ": line 202"));
  const Json failed = JsonOf(Step("train", {"-p", Given()}), 1);
  EXPECT_EQ(failed["step"], "prepare");
  EXPECT_EQ(failed["state"], "FAILED");
  EXPECT_EQ(failed["cause"], "STEP_ERROR");
  EXPECT_THAT(Here(Step("train", {"-p", Given()})).err,
              HasSubstr("error: step prepare, which is needed first, failed: "));
}

TEST_F(StepTest, OddNamesGoThrough) {
  const std::string odd = cluster_.Write("odd 'name'\n🙂.csv",
                                         "\"a \"\"q\"\"\",\"two\nlines\",🙂,select,y\n"
                                         "1,x,2,u,0\n2,x,3,v,1\n3,z,4,u,0\n4,z,5,v,1\n");
  data_ = odd;
  const std::string with = "    transforms: [{op: standard, columns: [x]}]\n";
  std::string text = kWhole;
  text.replace(text.find(with), with.size(),
               "    transforms: [{op: one_hot, columns: {kind: categorical}}]\n");
  file_ = cluster_.Write("odd.yaml", text);
  const Json run = JsonOf(Step("prepare", {"-p", Given(), "--sample", "3"}));
  EXPECT_EQ(run["metrics"]["rows"], 3);
  const Json train = Output(run, "train");
  std::vector<std::string> names;
  for (const Json& column : JsonMember(train, "columns")) names.push_back(column["name"]);
  EXPECT_THAT(names, testing::Contains("a \"q\""));
  EXPECT_THAT(names, testing::Contains(HasSubstr("two\nlines")));
}

TEST_F(StepTest, WrongUseIsSaidBeforeAnythingRuns) {
  const auto refused = [&](std::vector<std::string> command, int code) {
    const Ran ran = Here(command);
    EXPECT_EQ(ran.code, code) << ran.err;
    EXPECT_EQ(ran.out, "");
    return ran.err;
  };
  EXPECT_THAT(refused(Step("prepair"), 2), HasSubstr("did you mean \"prepare\""));
  EXPECT_THAT(refused(Step("good", {"-p", Given()}), 2), HasSubstr("a coordinator decides it"));
  EXPECT_THAT(refused(Step("register", {"-p", Given()}), 2),
              HasSubstr("step register is a register"));
  EXPECT_THAT(refused(Step("prepare"), 4),
              HasSubstr("parameters.data: must be given: -p data=@PATH"));
  EXPECT_THAT(refused(Step("prepare", {"-p", "data=@" + In("no.csv")}), 2),
              HasSubstr("there is no file or folder"));
  EXPECT_THAT(refused(Step("prepare", {"-p", Given(), "-p", "round=3"}), 4),
              HasSubstr("did you mean \"rounds\""));
  EXPECT_THAT(refused(Step("prepare", {"-p", Given(), "-p", "rounds=many"}), 4),
              HasSubstr("parameters.rounds"));
  EXPECT_THAT(refused(Step("prepare", {"--input", "date=" + data_}), 2),
              HasSubstr("did you mean \"data\""));
  EXPECT_THAT(refused(Step("train", {"--input", "train=" + data_, "--input", "train=" + data_}), 2),
              HasSubstr("takes one path"));
  EXPECT_THAT(refused(Step("prepare", {"-p", "data=artifact:sha256:" + std::string(64, 'a')}), 2),
              HasSubstr("lies with a coordinator; fetch it"));
  EXPECT_THAT(refused(Step("prepare", {"-p", "data=file:///no/such.csv"}), 2),
              HasSubstr("there is no file:///no/such.csv"));
  file_ =
      cluster_.Write("wrong.yaml", "name: x\nsteps: [{name: a, type: nop}, {name: a, type: x}]\n");
  const std::string wrong = refused(Step("a"), 4);
  EXPECT_THAT(wrong, HasSubstr("steps[0].type"));
  EXPECT_THAT(wrong, HasSubstr("steps[1].name")) << "all problems at once";
  file_ = In("none.yaml");
  EXPECT_THAT(refused(Step("a"), 2), HasSubstr("cannot be read"));
}

TEST_F(StepTest, FilesByAddressAreReadInTheirPlace) {
  const Json run = JsonOf(Step("prepare", {"-p", "data=file://" + data_}));
  EXPECT_EQ(run["metrics"]["rows"], 200);
}

constexpr char kScript[] = R"(
name: scripts
parameters: {data: {type: dataset}, token: {type: secret, default: hub-token}}
steps:
- name: show
  type: script
  inputs: {data: "${parameters.data}"}
  with:
    command: [sh, -c, "echo token $TOKEN; cat $SM_CHANNEL_DATA/*; echo gone > $SM_CHANNEL_DATA/new; echo done"]
    environment: {TOKEN: "${secrets.hub-token}"}
- name: fails
  type: script
  with: {command: [sh, -c, "echo before; exit 3"]}
- name: slow
  type: noop
  timeout: 200ms
  with: {duration: 60s}
)";

TEST_F(StepTest, SecretsComeFromTheEnvironmentAndAreNeverShown) {
  file_ = cluster_.Write("script.yaml", kScript);
  data_ = cluster_.Write("two.csv", "a\n1\n2\n");
  const Ran without = Here(Step("show", {"-p", Given()}));
  EXPECT_EQ(without.code, 4);
  EXPECT_THAT(without.err, HasSubstr("environment variable PENSTOCK_SECRET_HUB_TOKEN"));
  const Ran with =
      Here(Step("show", {"-p", Given()}), {{"PENSTOCK_SECRET_HUB_TOKEN", "s3cr3t-value"}});
  EXPECT_EQ(with.code, 0) << with.err;
  EXPECT_THAT(with.err, HasSubstr("show: token ***\n"));
  EXPECT_THAT(with.out + with.err, Not(HasSubstr("s3cr3t")));
  EXPECT_EQ(ReadFile(data_).value_or(""), "a\n1\n2\n") << "a script gets a copy";
}

TEST_F(StepTest, AProgramThatFailsAndOneThatIsTooSlow) {
  file_ = cluster_.Write("script.yaml", kScript);
  const Ran fails = Here(Step("fails"));
  EXPECT_EQ(fails.code, 1);
  EXPECT_THAT(fails.err, HasSubstr("fails: before\n"));
  EXPECT_THAT(fails.err, testing::ContainsRegex("error: step fails failed: .*3"));
  const Ran slow = Here(Step("slow"));
  EXPECT_EQ(slow.code, 1);
  EXPECT_THAT(slow.err, HasSubstr("the step ran longer than its timeout"));
}

TEST_F(StepTest, Completes) {
  EXPECT_EQ(Here({"__complete", "step", ""}).out, "run\n");
  EXPECT_THAT(Here({"__complete", "step", "run", "-f", file_, "--step", "tr"}).out, "train\n");
  EXPECT_THAT(Here({"__complete", "step", "run", "--s"}).out, "--sample\n--seed\n--step\n");
}

}  // namespace
}  // namespace penstock

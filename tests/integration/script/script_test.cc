// Scripts that do what they should.

#include "tests/integration/script/script_fixture.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kExample[] = "examples/script/pipeline.yaml";

class ScriptTest : public ScriptFixture {
 protected:
  std::string Data() {
    const std::string path = (cluster_.folder() / "customers.csv").string();
    EXPECT_EQ(RunProgram({"/usr/bin/env", "python3", "examples/script/make_data.py", path}).code,
              0);
    return path;
  }
};

INSTANTIATE_TEST_SUITE_P(Isolation, ScriptTest, testing::Values("auto", "none"));

TEST_P(ScriptTest, ExampleTrainsAndIsRegistered) {
  const std::vector<std::string> submit = {
      "run", "-f",       kExample, "-p", "data=@" + Data(), "-p", "code=@examples/script/train.py",
      "-p",  "epochs=4", "--wait"};
  const Ran run = cluster_.Client(submit);
  ASSERT_EQ(run.code, 0) << run.err;
  const std::string id = run.out.substr(0, run.out.find('\n'));
  const Json train = Cluster::Step(cluster_.Run(id), "train");
  const Json& metrics = JsonMember(train, "metrics");
  EXPECT_GT(JsonDouble(metrics, "accuracy"), 0.75);
  EXPECT_EQ(JsonDouble(metrics, "rows"), 1600);
  EXPECT_LT(JsonDouble(metrics, "validation:loss", 9), 0.6) << "the last line that was printed";
  EXPECT_TRUE(JsonMember(train, "outputs").contains("model"));
  EXPECT_TRUE(JsonMember(train, "outputs").contains("predictions"));
  EXPECT_EQ(cluster_.ModelVersions("customers"), 1);

  const std::string log = cluster_.Client({"logs", id, "train"}).out;
  EXPECT_THAT(log, HasSubstr("epoch 4: loss="));
  EXPECT_THAT(log, HasSubstr(GetParam() == "auto" ? "isolation: bubblewrap" : "isolation: none"));
  const std::string series = cluster_.Client({"get", "metrics", id, "train"}).out;
  EXPECT_THAT(series, HasSubstr("validation:loss"));

  // The same again takes the script's result from before; another hyperparameter does not.
  const Ran again = cluster_.Client(submit);
  const Json cached = cluster_.Run(again.out.substr(0, again.out.find('\n')));
  EXPECT_EQ(JsonString(Cluster::Step(cached, "train"), "state"), "CACHED");
  std::vector<std::string> other = submit;
  other[8] = "epochs=5";
  const Ran changed = cluster_.Client(other);
  const std::string changed_id = changed.out.substr(0, changed.out.find('\n'));
  EXPECT_EQ(JsonString(Cluster::Step(cluster_.Run(changed_id), "train"), "state"), "SUCCEEDED");
  EXPECT_THAT(cluster_.Client({"explain", changed_id, "train"}).out,
              HasSubstr("parameters.hyperparameters.epochs"));
  StopAll();
}

TEST_P(ScriptTest, SeesScriptModesEnvironment) {
  RunStep(R"(
  resources: {cpus: 1}
  with:
    command: [/bin/sh, -c, 'echo args "$@"; env | sort; pwd; [ -e /proc/$$/fd/3 ] && echo leaked; true', sh]
    hyperparameters: {epochs: 3, name: "a b", flag: true, none: null}
    environment: {MY_OWN: value}
)");
  ASSERT_EQ(state_, "SUCCEEDED") << log_;
  EXPECT_THAT(log_, HasSubstr("args --epochs 3 --flag True --name a b\n"));
  EXPECT_THAT(log_, HasSubstr("SM_HP_EPOCHS=3\n"));
  EXPECT_THAT(log_, HasSubstr("SM_HPS={\"epochs\":3,\"flag\":true,\"name\":\"a b\""));
  EXPECT_THAT(log_, HasSubstr("SM_CHANNELS=[]\n"));
  EXPECT_THAT(log_, HasSubstr("SM_NUM_CPUS=1\n"));
  EXPECT_THAT(log_, HasSubstr("SM_NUM_GPUS=0\n"));
  EXPECT_THAT(log_, HasSubstr("MY_OWN=value\n"));
  EXPECT_THAT(log_, HasSubstr("/scratch/code\n"));
  EXPECT_THAT(log_, Not(HasSubstr("leaked"))) << "the runner's socket to its agent";
  StopAll();
}

TEST_P(ScriptTest, MetricsComeFromFilesAndFromWhatIsPrinted) {
  RunStep(R"(
  with:
    command:
    - /bin/sh
    - -c
    - |
      echo 'loss: 0.5'; echo 'loss: 0.25' >&2
      echo '{"step": 10, "auc": 0.7}' > $SM_OUTPUT_DATA_DIR/metrics.jsonl
      echo '{"step": 20, "auc": 0.9}' >> $SM_OUTPUT_DATA_DIR/metrics.jsonl
      echo '{"f1": 0.8, "curve": [3, 2, 1]}' > $SM_OUTPUT_DATA_DIR/metrics.json
    metrics: [{name: "validation:loss", regex: 'loss: ([0-9.]+)'}]
)");
  ASSERT_EQ(state_, "SUCCEEDED") << log_;
  EXPECT_EQ(Metric("validation:loss"), 0.25);
  EXPECT_EQ(Metric("auc"), 0.9);
  EXPECT_EQ(Metric("f1"), 0.8);
  EXPECT_EQ(Metric("curve"), 1);
  const Ran series = cluster_.Client({"get", "metrics", id_, "s", "-o", "json"});
  EXPECT_THAT(series.out, HasSubstr("auc"));
  StopAll();
}

TEST_P(ScriptTest, ExitCodesDecideOverRetries) {
  const std::string retry = "\n  retry: {maxAttempts: 3, interval: 10ms, exitCodes: [75]}\n";
  RunStep(R"(
  with: {command: [/bin/sh, -c, 'exit 75']})" +
          retry);
  EXPECT_EQ(state_, "FAILED");
  EXPECT_EQ(JsonString(step_, "cause"), "STEP_ERROR");
  EXPECT_THAT(JsonString(step_, "message"), HasSubstr("exit code 75"));
  EXPECT_EQ(JsonInt(step_, "attempt"), 3);
  RunStep(R"(
  with: {command: [/bin/sh, -c, 'exit 3']})" +
          retry);
  EXPECT_EQ(state_, "FAILED");
  EXPECT_EQ(JsonInt(step_, "attempt"), 1) << "3 is not among exitCodes";
  RunStep(R"(
  with: {command: [/bin/sh, -c, 'kill -SEGV $$']})");
  EXPECT_EQ(JsonString(step_, "cause"), "CRASHED") << log_;
  StopAll();
}

TEST_P(ScriptTest, SideEffectsTurnTheCacheOff) {
  for (const char* expected : {"SUCCEEDED", "SUCCEEDED"}) {
    RunStep("  with: {command: [/bin/true], side_effects: true}\n");
    EXPECT_EQ(JsonString(step_, "state"), expected);
  }
  EXPECT_THAT(cluster_.Client({"explain", id_, "s"}).out, HasSubstr("side_effects"));
  RunStep("  with: {command: [/bin/true]}\n");
  RunStep("  with: {command: [/bin/true]}\n");
  EXPECT_EQ(JsonString(step_, "state"), "CACHED");
  StopAll();
}

TEST_P(ScriptTest, RequiredIsolationIsPlacedWhereItIs) {
  const std::string store = (cluster_.folder() / "w1" / "artifacts").string();
  const std::string id = cluster_.Submit(cluster_.Write("required.yaml", R"(
name: required
steps:
- name: s
  type: script
  with:
    isolation: required
    command: [/bin/sh, -c, 'touch /usr/here; ls -d )" + store + R"(; true']
)"));
  EXPECT_TRUE(std::filesystem::exists(store));
  if (GetParam() == "none") {
    EXPECT_TRUE(Eventually([&] {
      return cluster_.Client({"explain", id, "s"}).out.find("penstock.isolation") !=
             std::string::npos;
    })) << cluster_.Client({"explain", id, "s"}).out;
    EXPECT_EQ(cluster_.Client({"cancel", id}).code, 0);
    EXPECT_EQ(cluster_.Wait(id), "CANCELLED");
  } else {
    EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED");
    const std::string log = cluster_.Client({"logs", id, "s"}).out;
    EXPECT_THAT(log, HasSubstr("Read-only file system"));
    EXPECT_THAT(log, HasSubstr("artifacts': No such file")) << "others' data";
    EXPECT_FALSE(std::filesystem::exists("/usr/here"));
  }
  StopAll();
}

TEST_P(ScriptTest, WhatIsWrongIsSaid) {
  RunStep("  with: {command: [no-such-program]}\n");
  EXPECT_THAT(JsonString(step_, "message"), HasSubstr("no program \"no-such-program\""));
  RunStep("  with: {command: [/bin/true], outputs: {answer: {}}}\n");
  EXPECT_THAT(JsonString(step_, "message"), HasSubstr("no output answer"));
  RunStep(R"(
  with: {command: [/bin/sh, -c, 'ln -s /etc $SM_OUTPUT_DATA_DIR/answer'], outputs: {answer: {}}})");
  EXPECT_THAT(JsonString(step_, "message"), HasSubstr("links are not followed"));
  const Ran refused = cluster_.Client({"validate", "-f", cluster_.Write("bad.yaml", R"(
name: bad
steps:
- name: s
  type: script
  files: {"../x": "artifact:sha256:0000000000000000000000000000000000000000000000000000000000000000"}
  with:
    command: []
    metrics: [{name: m, regex: '(['}, {name: n, regex: 'x'}]
    environment: {SM_MODEL_DIR: /}
    outputs: {model: {}, up: {path: ../up}}
)")});
  EXPECT_NE(refused.code, 0);
  for (const char* problem : {"files.../x", "with.command", "metrics[0].regex", "metrics[1].regex",
                              "environment.SM_MODEL_DIR", "outputs.model", "outputs.up.path"}) {
    EXPECT_THAT(refused.err + refused.out, HasSubstr(problem));
  }
  StopAll();
}

}  // namespace
}  // namespace penstock

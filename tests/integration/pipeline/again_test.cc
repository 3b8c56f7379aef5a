// Runs that are run again: with other inputs, to verify them, over many values; real daemons, the
// command line.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/cluster.h"
#include "tests/support/small_data.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

class AgainTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.StartCoordinator();
    cluster_.StartWorker("w1");
  }
  std::string RunSmall() {
    data_ = cluster_.Write("data.csv", SmallCsv(400));
    const std::string file = cluster_.Write("small.yaml", SmallPipeline("small") + R"(- name: fit
  type: train
  algorithm: xgboost
  inputs: {train: "${steps.prepare.outputs.train}"}
  hyperparameters: {objective: "binary:logistic", num_round: 10, seed: 3}
- {name: score, type: evaluate, inputs: {model: "${steps.fit.outputs.model}", data: "${steps.prepare.outputs.test}"}}
- {name: register, type: register, inputs: {model: "${steps.fit.outputs.model}", report: "${steps.score.outputs.report}"}, with: {group: small}}
)");
    const std::string id = cluster_.Submit(file, {"-p", "data=@" + data_});
    EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED");
    return id;
  }
  Json Step(const std::string& run, const std::string& step) {
    return Cluster::Step(cluster_.Run(run), step);
  }
  std::string State(const std::string& run, const std::string& step) {
    return JsonString(Step(run, step), "state");
  }
  std::string Digest(const std::string& run, const std::string& step, const std::string& output) {
    return JsonString(JsonMember(JsonMember(Step(run, step), "outputs"), output), "digest");
  }
  void StopAll() {
    EXPECT_EQ(cluster_.Stop("w1"), 0);
    EXPECT_EQ(cluster_.Stop("coordinator"), 0);
    cluster_.CheckInvariants();
  }
  Cluster cluster_;
  std::string data_;
};

TEST_F(AgainTest, ARunIsVerifiedAndSaysWhatItRanWith) {
  const std::string first = RunSmall();
  const Ran shown = cluster_.Client({"describe", "run", first, "fit"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  for (const char* part :
       {"fit  attempt 1 SUCCEEDED", "program", "penstock-worker ", "  build  ", "libraries.xgboost",
        "libraries.duckdb", "seeds.seed", "threads", "train/xgboost@"}) {
    EXPECT_THAT(shown.out, HasSubstr(part));
  }
  EXPECT_EQ(cluster_.Client({"describe", "run", first, "nothing"}).code, 4);
  EXPECT_EQ(cluster_.Client({"describe", "step", "noop", "fit"}).code, 2);

  const Ran verified = cluster_.Client({"rerun", first, "--verify"});
  EXPECT_EQ(verified.code, 0) << verified.out << verified.err;
  EXPECT_THAT(verified.out, HasSubstr("outputs.model"));
  EXPECT_THAT(verified.out, HasSubstr("metrics.auc"));
  EXPECT_THAT(verified.out, Not(HasSubstr("different")));
  EXPECT_THAT(verified.err, HasSubstr("all steps made the same as in " + first));
  const std::string second = FirstLine(verified.out);
  EXPECT_EQ(State(second, "fit"), "SUCCEEDED") << "not from the cache";
  EXPECT_EQ(State(second, "register"), "CACHED");
  EXPECT_EQ(cluster_.ModelVersions("small"), 1) << "it registers nothing";
  EXPECT_EQ(JsonMember(cluster_.Run(second), "verify"), true);
  EXPECT_THAT(cluster_.Client({"retry", second, "--from", "fit"}).err,
              HasSubstr("penstock rerun " + first + " --verify"));
  StopAll();
}

TEST_F(AgainTest, AScriptThatTellsTheTimeIsNotTheSame) {
  const std::string file = cluster_.Write("time.yaml", R"(
name: timed
steps:
- name: s
  type: script
  with:
    command: [sh, -c, "date +%s%N > $SM_OUTPUT_DATA_DIR/now"]
    outputs: {now: {type: file}}
- {name: sent, type: script, dependsOn: [s], with: {command: ["true"], side_effects: true}}
)");
  const std::string first = cluster_.Submit(file);
  ASSERT_EQ(cluster_.Wait(first), "SUCCEEDED");
  // Another worker, which keeps scripts apart in another way where it can.
  EXPECT_EQ(cluster_.Stop("w1"), 0);
  cluster_.StartWorker("w1", {"--isolation", "none"});
  const Ran verified = cluster_.Client({"rerun", first, "--verify", "-o", "json"});
  EXPECT_EQ(verified.code, 1) << verified.err;
  const Json answer = ParseJson(verified.out).value_or(Json());
  EXPECT_FALSE(JsonBool(answer, "same"));
  const Json& step = JsonMember(answer, "steps")[0];
  EXPECT_EQ(JsonString(step, "step"), "s");
  std::string differs;
  for (const Json& value : JsonMember(step, "values")) {
    if (!JsonBool(value, "same")) differs += JsonString(value, "what") + " ";
  }
  EXPECT_EQ(differs, "outputs.now ");
  EXPECT_TRUE(JsonBool(JsonMember(answer, "steps")[1], "kept")) << "what has effects";
  const Ran told = cluster_.Client({"rerun", first, "--verify"});
  EXPECT_THAT(told.out, HasSubstr("different"));
  EXPECT_THAT(told.out, HasSubstr("s ran with "));
  EXPECT_THAT(told.err, HasSubstr("not the same as in " + first));
  StopAll();
}

TEST_F(AgainTest, AStepIsRunAgainWithOtherInputsAndParameters) {
  const std::string first = RunSmall();
  const Ran wrong = cluster_.Client({"rerun", first, "--with", "fot.num_round=20"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("did you mean \"fit\"?"));
  const Ran refused = cluster_.Client({"rerun", first, "--with", "fit.num_rounds=20"});
  EXPECT_EQ(refused.code, 4);
  EXPECT_THAT(refused.err, HasSubstr("overrides.fit.with.num_rounds"));

  const Ran ran = cluster_.Client({"rerun", first, "--with", "fit.num_round=20", "--wait"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::string second = FirstLine(ran.out);
  EXPECT_EQ(State(second, "prepare"), "CACHED");
  EXPECT_EQ(State(second, "fit"), "SUCCEEDED");
  EXPECT_NE(Digest(second, "fit", "model"), Digest(first, "fit", "model"));
  EXPECT_THAT(cluster_.Client({"explain", second, "fit"}).out,
              HasSubstr("OVERRIDDEN  this run was given its own with.num_round"));
  EXPECT_THAT(cluster_.Client({"describe", "run", second}).out,
              HasSubstr("fit: with.num_round = 20"));
  EXPECT_THAT(cluster_.Client({"diff", "run", first, second}).out,
              HasSubstr("overrides.fit.with.num_round"));

  // The data of the first step, from a file here.
  const std::string other = cluster_.Write("other.csv", SmallCsv(200));
  const Ran input =
      cluster_.Client({"rerun", first, "--input", "prepare.data=@" + other, "--wait"});
  ASSERT_EQ(input.code, 0) << input.err;
  EXPECT_NE(Digest(FirstLine(input.out), "prepare", "train"), Digest(first, "prepare", "train"));

  // All again: what is the same is found by content.
  const Ran all = cluster_.Client({"rerun", first, "-p", "data=@" + other, "--wait"});
  ASSERT_EQ(all.code, 0) << all.err;
  EXPECT_EQ(State(FirstLine(all.out), "prepare"), "CACHED");
  EXPECT_EQ(cluster_.Client({"rerun", first, "-p", "data=x", "--step", "fit"}).code, 4);
  EXPECT_EQ(cluster_.Client({"rerun", first, "--verify", "--step", "fit"}).code, 4);
  StopAll();
}

TEST_F(AgainTest, ABackfillThatBrokeOffIsRepeated) {
  const std::string file = cluster_.Write("day.yaml", R"(
name: daily
parameters: {day: {type: string}, n: {type: integer, default: 0}}
steps: [{name: a, type: noop, with: {message: "${parameters.day} ${parameters.n}"}}]
)");
  ASSERT_EQ(cluster_.Client({"apply", "-f", file}).code, 0);
  EXPECT_EQ(cluster_.Stop("coordinator"), 0);
  cluster_.StartCoordinator({"--faults", "rpc.request.SubmitRun=eio@4"});
  const std::vector<std::string> over = {
      "backfill", "daily", "--over", "day=2026-01-01..2026-01-03", "--over", "n=1,2"};
  std::vector<std::string> command = over;
  const Ran broken = cluster_.Client(command);
  EXPECT_NE(broken.code, 0);
  const std::string id = FirstLine(broken.out);
  EXPECT_THAT(id, StartsWith("backfill-"));
  EXPECT_THAT(broken.err, HasSubstr("--id " + id));
  command.insert(command.end(), {"--id", id, "--wait", "--max-active", "2"});
  const Ran repeated = cluster_.Client(command);
  EXPECT_EQ(repeated.code, 0) << repeated.err;
  EXPECT_THAT(repeated.err, HasSubstr("3 runs were submitted, 3 were there already"));
  EXPECT_THAT(repeated.err, HasSubstr("6 of 6 succeeded"));
  const Json list =
      ParseJson(cluster_.Client({"get", "runs", "--tag", "backfill=" + id, "-o", "json"}).out)
          .value_or(Json());
  std::set<std::string> names;
  for (const Json& run : JsonMember(list, "runs")) names.insert(JsonString(run, "name"));
  EXPECT_EQ(JsonMember(list, "runs").size(), 6U);
  EXPECT_EQ(names.size(), 6U);
  EXPECT_TRUE(names.contains("daily day=2026-01-03, n=2"));
  EXPECT_THAT(cluster_.Client({"get", "backfills"}).out, HasSubstr("6 of 6 succeeded"));
  EXPECT_EQ(cluster_.Client({"get", "backfills", "none"}).code, 4);
  const Ran dry = cluster_.Client({"backfill", "daily", "--over", "day=a,b", "--dry-run"});
  EXPECT_EQ(dry.out, "day=a\nday=b\n");
  EXPECT_THAT(cluster_.Client({"backfill", "daily", "--over", "dya=a"}).err,
              HasSubstr("did you mean \"day\"?"));
  StopAll();
}

TEST_F(AgainTest, ABackfillIsCancelledByItsTag) {
  const std::string file = cluster_.Write("slow.yaml", R"(
name: slow
parameters: {n: {type: integer}}
steps: [{name: a, type: noop, with: {duration: 600s, metrics: {n: "${parameters.n}"}}}]
)");
  ASSERT_EQ(cluster_.Client({"apply", "-f", file}).code, 0);
  const Ran made = cluster_.Client({"backfill", "slow", "--over", "n=1..5"});
  ASSERT_EQ(made.code, 0) << made.err;
  const std::string id = FirstLine(made.out);
  EXPECT_THAT(cluster_.Client({"get", "backfills", id}).out, HasSubstr("1 running, 4 waiting"));
  EXPECT_EQ(cluster_.Client({"cancel"}).code, 2);
  const Ran cancelled = cluster_.Client({"cancel", "--tag", "backfill=" + id});
  EXPECT_EQ(cancelled.code, 0) << cancelled.err;
  EXPECT_THAT(cancelled.err, HasSubstr("5 runs"));
  EXPECT_TRUE(Eventually([&] {
    return cluster_.Client({"get", "backfills", id}).out.find("5 cancelled") != std::string::npos;
  }));
  StopAll();
}

TEST_F(AgainTest, ACoordinatorThatIsKilledAfterARetryGoesOnWithIt) {
  const std::string id = cluster_.Submit(cluster_.Write("gated.yaml", R"(
name: gated
steps:
- {name: a, type: noop}
- {name: ok, type: approval, dependsOn: [a]}
- {name: z, type: noop, dependsOn: [ok]}
)"));
  ASSERT_TRUE(Eventually([&] { return State(id, "ok") == "RUNNING"; }));
  ASSERT_EQ(cluster_.Client({"reject", id, "ok"}).code, 0);
  ASSERT_EQ(cluster_.Wait(id), "FAILED");
  EXPECT_EQ(cluster_.Stop("w1"), 0);
  const Ran retried = cluster_.Client({"retry", id, "--idempotency-key", "again"});
  ASSERT_EQ(retried.code, 0) << retried.err;
  cluster_.Kill("coordinator");
  cluster_.StartCoordinator();
  const std::string second = FirstLine(retried.out);
  EXPECT_EQ(FirstLine(cluster_.Client({"retry", id, "--idempotency-key", "again"}).out), second);
  EXPECT_EQ(State(second, "a"), "CACHED");
  ASSERT_EQ(cluster_.Client({"approve", second, "ok"}).code, 0);
  cluster_.Kill("coordinator");
  cluster_.StartCoordinator();
  cluster_.StartWorker("w1");
  EXPECT_EQ(cluster_.Wait(second), "SUCCEEDED");
  StopAll();
}

}  // namespace
}  // namespace penstock

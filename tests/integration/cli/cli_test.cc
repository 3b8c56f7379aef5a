// Commands of `penstock` as people and scripts meet them, against real daemons.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "base/subprocess.h"
#include "tests/support/cluster.h"
#include "tests/support/small_data.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kBranches[] = "examples/noop/branches.yaml";

constexpr char kQuick[] = R"(
name: quick
steps:
- {name: only, type: noop, with: {message: here I am}}
)";

const std::string kModel = SmallPipeline("model") +
    R"(- name: train
  type: train
  algorithm: xgboost
  inputs: {train: "${steps.prepare.outputs.train}"}
  hyperparameters: {objective: "binary:logistic", num_round: 5}
- {name: register, type: register, inputs: {model: "${steps.train.outputs.model}"}, with: {group: small, approval: PendingManualApproval}}
)";

class CliTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.StartCoordinator();
    cluster_.StartWorker("w1", {"--label", "room=cellar"});
  }
  std::string Finished(const std::string& file, const std::vector<std::string>& more = {}) {
    const std::string id = cluster_.Submit(file, more);
    EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED");
    return id;
  }
  // The ids that `get runs` lists.
  std::vector<std::string> Runs(std::vector<std::string> more) {
    more.insert(more.begin(), {"get", "runs", "-o", "json"});
    const Ran ran = cluster_.Client(more);
    EXPECT_EQ(ran.code, 0) << ran.err;
    std::vector<std::string> ids;
    const Json list = ParseJson(ran.out).value_or(Json());
    for (const Json& run : JsonMember(list, "runs")) ids.push_back(JsonString(run, "runId"));
    return ids;
  }
  Cluster cluster_;
};

TEST(ValidateTest, NeedsNoServer) {
  Cluster cluster;  // nothing of it is started
  const auto validate = [&](const std::string& file) {
    return cluster.Client({"validate", "-f", file}, {{"PENSTOCK_ADDRESS", "127.0.0.1:1"}});
  };
  const Ran good = validate(kBranches);
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_THAT(good.out, HasSubstr("pipeline branches is valid, 5 steps"));
  const std::string wrong = cluster.Write("wrong.yaml", "name: x\nsteps: [{name: a, type: nop}]\n");
  EXPECT_EQ(validate(wrong).code, 4);
  EXPECT_THAT(validate(wrong).err, HasSubstr("did you mean \"noop\""));
  EXPECT_EQ(validate("/no/such/file.yaml").code, 2);
}

TEST_F(CliTest, APipelineIsAppliedDescribedAndDeleted) {
  EXPECT_EQ(cluster_.Client({"apply", "-f", kBranches}).out, "pipeline branches@1 created\n");
  EXPECT_EQ(cluster_.Client({"apply", "-f", kBranches}).out, "pipeline branches@1 unchanged\n");
  const Ran described = cluster_.Client({"describe", "pipeline", "branches"});
  EXPECT_THAT(described.out, HasSubstr("branches@1"));
  EXPECT_THAT(described.out, HasSubstr("# Branches that join again")) << "its source as it was";
  EXPECT_EQ(cluster_.Client({"describe", "pipeline", "branches@9"}).code, 4);
  const std::string id = cluster_.Client({"run", "branches", "--wait"}).out.substr(0, 30);

  EXPECT_EQ(cluster_.Client({"delete", "pipeline", "branches"}).code, 0);
  EXPECT_EQ(cluster_.Client({"get", "pipelines", "-o", "json"}).out, "{}\n");
  EXPECT_EQ(cluster_.Client({"run", "branches"}).code, 4);
  EXPECT_EQ(cluster_.Client({"delete", "pipeline", "branches"}).code, 4);
  // What was done with it stays.
  EXPECT_EQ(JsonString(cluster_.Run(id), "state"), "SUCCEEDED");
  const Ran other = cluster_.Client({"delete", "run", id});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("a pipeline or a secret can"));
}

TEST_F(CliTest, AModelIsRejectedWithTheReason) {
  const std::string data = cluster_.Write("data.csv", SmallCsv(200));
  Finished(cluster_.Write("model.yaml", kModel), {"-p", "data=@" + data});
  EXPECT_EQ(cluster_.Client({"reject", "small"}).code, 2);
  const Ran rejected = cluster_.Client({"reject", "small/1", "--comment", "too small a sample"});
  EXPECT_EQ(rejected.code, 0) << rejected.err;
  EXPECT_EQ(rejected.out, "small/1 is Rejected\n");
  const Ran described = cluster_.Client({"describe", "model", "small/1"});
  EXPECT_THAT(described.out, HasSubstr("Rejected"));
  EXPECT_THAT(described.out, HasSubstr("too small a sample"));
  EXPECT_EQ(cluster_.Client({"reject", "small/2"}).code, 4);
}

TEST_F(CliTest, LogsAreFollowedToTheEndOfTheStep) {
  const std::string file = cluster_.Write("slow.yaml", R"(
name: slow
steps:
- {name: first, type: noop, with: {duration: 500ms, message: the first is done}}
- {name: second, type: noop, dependsOn: [first], with: {message: and the second}}
)");
  const std::string id = cluster_.Submit(file);
  const Ran step = cluster_.Client({"logs", "-f", id, "first"});
  EXPECT_EQ(step.code, 0) << step.err;
  EXPECT_EQ(step.out, "the first is done\n");
  const Ran run = cluster_.Client({"logs", "--follow", id});
  EXPECT_EQ(run.out, "=== first ===\nthe first is done\n=== second ===\nand the second\n");
  EXPECT_EQ(JsonString(cluster_.Run(id), "state"), "SUCCEEDED") << "it went on to the run's end";
  EXPECT_EQ(cluster_.Client({"logs", "-f", id, "third"}).code, 4);
}

// A connection that is lost without a word, as by a pulled cable: a stopped process does not even
// close it.
TEST_F(CliTest, AStreamOfACoordinatorThatIsGoneEnds) {
  const std::string id = cluster_.Submit(cluster_.Write("long.yaml", R"(
name: long
steps:
- {name: first, type: noop, with: {message: the stream is there}}
- {name: second, type: noop, dependsOn: [first], with: {duration: 600s}}
)"));
  const std::filesystem::path out = cluster_.folder() / "out";
  const UniqueFd file(open(out.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  Result<Subprocess> logs = Subprocess::Start(
      {.arguments = {Program("penstock"), "logs", "-f", id, "--address", cluster_.grpc()},
       .descriptors = {{1, file.get()}, {2, file.get()}}});
  ASSERT_TRUE(logs.ok()) << logs.status();
  ASSERT_TRUE(Eventually(
      [&] { return ReadFile(out).value_or("").find("the stream is there") != std::string::npos; }));
  cluster_.Signal("coordinator", SIGSTOP);
  const std::optional<ProcessEnd> end = logs->WaitFor(std::chrono::seconds(60));
  cluster_.Signal("coordinator", SIGCONT);
  ASSERT_TRUE(end.has_value()) << "it waits for ever";
  EXPECT_EQ(end->exit_code, 3) << ReadFile(out).value_or("");
  EXPECT_THAT(ReadFile(out).value_or(""), HasSubstr("cannot be reached"));
}

TEST_F(CliTest, RunsAreFoundByTagStateAndPipeline) {
  const std::string quick = cluster_.Write("quick.yaml", kQuick);
  const std::string a = Finished(quick, {"--tag", "team=a", "--tag", "kind=test", "--name", "one"});
  const std::string b = Finished(quick, {"--tag", "team=b", "--tag", "kind=test"});
  const std::string other = Finished(kBranches);
  EXPECT_EQ(Runs({"--tag", "team=a"}), std::vector{a});
  EXPECT_EQ(Runs({"--tag", "kind=test"}), (std::vector{b, a})) << "the newest first";
  EXPECT_THAT(Runs({"--tag", "kind=test", "--tag", "team=c"}), IsEmpty());
  EXPECT_EQ(Runs({"--pipeline", "branches"}), std::vector{other});
  EXPECT_EQ(Runs({"--state", "SUCCEEDED"}).size(), 3U);
  EXPECT_THAT(Runs({"--state", "FAILED", "--state", "CANCELLED"}), IsEmpty());
  EXPECT_EQ(cluster_.Client({"get", "runs", "--state", "DONE"}).code, 2);
  EXPECT_EQ(cluster_.Client({"run", "quick", "--tag", "nothing"}).code, 2);
  const Ran described = cluster_.Client({"describe", "run", a});
  EXPECT_THAT(described.out, HasSubstr("(one)"));
  EXPECT_THAT(described.out, HasSubstr("team=a"));
}

TEST_F(CliTest, AListHasALimit) {
  const std::string quick = cluster_.Write("quick.yaml", kQuick);
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.insert(ids.begin(), Finished(quick));
  EXPECT_EQ(Runs({"--limit", "2"}), (std::vector{ids[0], ids[1]}));
  EXPECT_EQ(Runs({"--limit", "7"}), ids);
  EXPECT_EQ(cluster_.Client({"get", "runs", "--limit", "0"}).code, 2);
}

TEST_F(CliTest, YamlSaysWhatJsonSays) {
  const std::string id = Finished(cluster_.Write("quick.yaml", kQuick), {"--tag", "odd=yes: no"});
  const Ran yaml = cluster_.Client({"get", "runs", id, "-o", "yaml"});
  EXPECT_EQ(yaml.code, 0) << yaml.err;
  EXPECT_THAT("\n" + yaml.out, HasSubstr("\nrunId: " + id + "\n"));
  EXPECT_THAT(yaml.out, HasSubstr("state: SUCCEEDED\n"));
  EXPECT_THAT(yaml.out, HasSubstr("odd: \"yes: no\"\n")) << yaml.out;
  EXPECT_THAT(yaml.out, Not(HasSubstr("{\"")));
  EXPECT_EQ(cluster_.Client({"get", "runs", "-o", "xml"}).code, 2);
}

TEST_F(CliTest, StepsAndWorkersAreDescribed) {
  const Ran step = cluster_.Client({"describe", "step", "train/xgboost"});
  EXPECT_EQ(step.code, 0) << step.err;
  EXPECT_THAT(step.out, HasSubstr("train/xgboost@"));
  EXPECT_THAT(step.out, HasSubstr("Inputs"));
  EXPECT_THAT(step.out, HasSubstr("max_depth"));
  EXPECT_THAT(cluster_.Client({"describe", "step", "train/xgbost"}).err,
              HasSubstr("did you mean \"train/xgboost\""));
  const Ran worker = cluster_.Client({"describe", "worker", "w1"});
  EXPECT_EQ(worker.code, 0) << worker.err;
  EXPECT_THAT(worker.out, HasSubstr("ready"));
  EXPECT_THAT(worker.out, HasSubstr("room=cellar"));
  EXPECT_THAT(worker.out, HasSubstr("noop@1"));
  EXPECT_EQ(cluster_.Client({"describe", "worker", "w9"}).code, 4);
  EXPECT_EQ(cluster_.Client({"describe", "weather", "today"}).code, 2);
}

}  // namespace
}  // namespace penstock

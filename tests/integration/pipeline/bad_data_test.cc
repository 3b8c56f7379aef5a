// Data that are wrong, from the user's file to the user's screen: the step fails, and says which
// file (as it was given), which line and which column.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/cluster.h"

namespace penstock {
namespace {

using testing::HasSubstr;

constexpr char kPipeline[] = R"(
name: bad
parameters: {data: {type: dataset}}
steps:
- name: prepare
  type: process
  inputs: {data: "${parameters.data}"}
  with:
    read: {format: csv, header: true}
    roles: {label: y}
    labels: {classes: ["no", "yes"], positive: "yes"}
    split: {train: 0.5, test: 0.5, seed: 1}
)";

class BadDataTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.StartCoordinator({"--data-roots", cluster_.folder().string()});
    cluster_.StartWorker("w1", {"--data-root", cluster_.folder().string()});
    pipeline_ = cluster_.Write("bad.yaml", kPipeline);
  }
  // Runs with that file; what the user is told.
  std::string Told(const std::string& file) {
    const Ran run = cluster_.Client({"run", "-f", pipeline_, "-p", "data=@" + file, "--wait"});
    EXPECT_EQ(run.code, 1) << run.err;
    const std::string id = run.out.substr(0, run.out.find('\n'));
    const Json step = Cluster::Step(cluster_.Run(id), "prepare");
    EXPECT_EQ(JsonString(step, "state"), "FAILED");
    EXPECT_EQ(JsonString(step, "cause"), "STEP_ERROR");
    // In the answer, in the run and in the log alike.
    EXPECT_THAT(JsonString(step, "message"), HasSubstr(file));
    EXPECT_THAT(cluster_.Client({"logs", id, "prepare"}).out, HasSubstr(file));
    return run.err;
  }
  std::string Write(const std::string& name, const std::string& text) {
    return cluster_.Write(name, text);
  }
  Cluster cluster_;
  std::string pipeline_;
};

TEST_F(BadDataTest, BytesThatAreNotUtf8) {
  const std::string file = Write("latin1.csv", "x,y\nplain,no\ncaf\xe9,yes\n");
  EXPECT_THAT(Told(file), HasSubstr(file + ": line 3, column 1"));
}

TEST_F(BadDataTest, NoLabelColumn) {
  const std::string file = Write("unlabelled.csv", "x,z\n1,no\n2,yes\n");
  const std::string told = Told(file);
  EXPECT_THAT(told, HasSubstr(file + ": line 1"));
  EXPECT_THAT(told, HasSubstr("\"y\""));
}

TEST_F(BadDataTest, ALabelThatWasNotDeclared) {
  const std::string file = Write("labels.csv", "x,y\n1,no\n2,yes\n3,maybe\n");
  const std::string told = Told(file);
  EXPECT_THAT(told, HasSubstr(file + ": line 4, column 2"));
  EXPECT_THAT(told, HasSubstr("maybe"));
}

TEST_F(BadDataTest, ALineWithTooManyFields) {
  const std::string file = Write("ragged.csv", "x,y\n1,no\n1,no,2\n");
  EXPECT_THAT(Told(file), HasSubstr(file + ": line 3, column 3"));
}

TEST_F(BadDataTest, ALineWithTooFewFields) {
  const std::string file = Write("short.csv", "x,y\n1,no\n2\n3,yes\n");
  EXPECT_THAT(Told(file), HasSubstr(file + ": line 3, column 2"));
}

TEST_F(BadDataTest, AFileOfAWorkerThatIsNotThere) {
  const std::string address = "file://" + (cluster_.folder() / "none.csv").string();
  const Ran run = cluster_.Client({"run", "-f", pipeline_, "-p", "data=" + address, "--wait"});
  EXPECT_EQ(run.code, 1) << run.err;
  EXPECT_THAT(run.err, HasSubstr(address));
}

// What was wrong leaves nothing behind, and the daemons take the next run.
TEST_F(BadDataTest, NothingIsLeftOfIt) {
  Told(Write("empty.csv", ""));
  EXPECT_EQ(cluster_.Client({"run", "-f", "examples/noop/branches.yaml", "--wait"}).code, 0);
  EXPECT_EQ(cluster_.Stop("w1"), 0);
  EXPECT_EQ(cluster_.Stop("coordinator"), 0);
  cluster_.CheckInvariants();
}

}  // namespace
}  // namespace penstock

// Watching runs: in a terminal, through a pipe, and afterwards.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "tests/integration/client/terminal.h"
#include "tests/support/cluster.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::Not;

class FollowTest : public testing::Test {
 protected:
  void SetUp() override { cluster_.StartCoordinator(); }
  // Of `penstock run -f FILE --follow` in a window of this width.
  std::vector<std::string> ScreenAfter(const std::string& file, int width) {
    Screen screen(static_cast<std::size_t>(width));
    screen.Feed(RunInTerminal({Program("penstock"), "run", "-f", file, "--follow"}, width,
                              {{"PENSTOCK_ADDRESS", cluster_.grpc()}}));
    return screen.Rows();
  }
  std::string StepState(const std::string& id, const std::string& step) {
    return JsonString(Cluster::Step(cluster_.Run(id), step), "state");
  }
  std::string NewestRun() {
    const Ran ran = cluster_.Client({"get", "runs", "-o", "json"});
    const Json json = ParseJson(ran.out).value_or(Json());
    const Json& runs = JsonMember(json, "runs");
    return runs.empty() ? "" : JsonString(runs[0], "runId");
  }
  Cluster cluster_;
};

long CountOf(const std::vector<std::string>& rows, const std::string& part) {
  return std::count_if(rows.begin(), rows.end(), [&part](const std::string& row) {
    return row.find(part) != std::string::npos;
  });
}

constexpr char kLongMessage[] = R"(
name: wordy
steps:
- name: fails
  type: noop
  with: {fail: true, message: "this message is far longer than the window is wide, and says so again: this message is far longer than the window is wide"}
  continueOnFailure: true
- {name: waits, type: noop, with: {duration: 1300ms}}
)";

TEST_F(FollowTest, TheLiveTableStaysOneTableInANarrowWindow) {
  cluster_.StartWorker("w1");
  const auto rows = ScreenAfter(cluster_.Write("wordy.yaml", kLongMessage), 50);
  const std::string whole = testing::PrintToString(rows);
  EXPECT_EQ(CountOf(rows, "STEP "), 1) << whole;
  EXPECT_EQ(CountOf(rows, "wordy@1"), 1) << whole;
  EXPECT_EQ(CountOf(rows, "fails "), 1) << whole;
  EXPECT_EQ(CountOf(rows, "this message"), 1) << whole;
}

TEST_F(FollowTest, TheLiveTableUsesAWideWindow) {
  cluster_.StartWorker("w1");
  const auto rows = ScreenAfter(cluster_.Write("wordy.yaml", kLongMessage), 200);
  EXPECT_EQ(CountOf(rows, "and says so again: this message is far longer than the window is wide"),
            1)
      << testing::PrintToString(rows);
}

constexpr char kTwice[] = R"(
name: twice
steps:
- {name: flaky, type: noop, with: {fail: true, message: no luck}, retry: {maxAttempts: 2, interval: 10ms}}
)";

TEST_F(FollowTest, SaysHowAnAttemptEndedBeforeTheNextBegins) {
  cluster_.StartWorker("w1");
  const Ran run = cluster_.Client({"run", "-f", cluster_.Write("twice.yaml", kTwice), "--follow"});
  EXPECT_EQ(run.code, 1);
  const std::string id = run.out.substr(0, run.out.find('\n'));
  const auto first = run.err.find("flaky  attempt 1 FAILED");
  const auto second = run.err.find("flaky  FAILED  attempt 2");
  ASSERT_NE(first, std::string::npos) << run.err;
  ASSERT_NE(second, std::string::npos) << run.err;
  EXPECT_LT(first, second);
  EXPECT_THAT(run.err.substr(first, run.err.find('\n', first) - first),
              HasSubstr("STEP_ERROR: no luck"));
  EXPECT_THAT(run.err, HasSubstr("its log: penstock logs " + id + " flaky"));

  const Ran described = cluster_.Client({"describe", "run", id});
  EXPECT_THAT(described.out, HasSubstr("WHY IT ENDED"));
  EXPECT_THAT(described.out, testing::ContainsRegex("flaky +1 +FAILED.*STEP_ERROR: no luck"));
  EXPECT_THAT(described.out, testing::ContainsRegex("flaky +2 +FAILED.*STEP_ERROR: no luck"));

  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"logs", id, "flaky"}, {"logs", id}}) {
    const Ran logs = cluster_.Client(arguments);
    EXPECT_THAT(logs.out, HasSubstr("=== flaky, attempt 1 FAILED, STEP_ERROR: no luck ===\n"));
    EXPECT_THAT(logs.out, HasSubstr("\n=== flaky, attempt 2 FAILED, STEP_ERROR: no luck ===\n"));
  }
  EXPECT_THAT(cluster_.Client({"logs", id, "flaky", "--attempt", "2"}).out, Not(HasSubstr("===")));
  const Ran absent = cluster_.Client({"logs", id, "flaky", "--attempt", "3"});
  EXPECT_EQ(absent.code, 4);
  EXPECT_THAT(absent.err, HasSubstr("no attempt 3 of step flaky"));
  EXPECT_THAT(absent.err, HasSubstr("the last is 2"));
}

TEST_F(FollowTest, SaysThatAnAttemptWasLostWithItsWorker) {
  cluster_.StartWorker("w1");
  const std::string file = cluster_.Write(
      "slow.yaml", "name: slow\nsteps: [{name: slow, type: noop, with: {duration: 2s}}]\n");
  auto followed = std::async(std::launch::async, [&] {
    return RunProgram(
        {Program("penstock"), "--address", cluster_.grpc(), "run", "-f", file, "--follow"});
  });
  std::string id;
  ASSERT_TRUE(Eventually([&] {
    if (id.empty()) id = NewestRun();
    return !id.empty() && StepState(id, "slow") == "RUNNING";
  }));
  cluster_.Kill("w1");
  cluster_.StartWorker("w1");
  const Ran run = followed.get();
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("slow  attempt 1 LOST"));
  EXPECT_THAT(run.err, HasSubstr("WORKER_RESTARTED"));
  EXPECT_THAT(cluster_.Client({"describe", "run", id}).out,
              testing::ContainsRegex("slow +1 +LOST.*WORKER_RESTARTED"));
}

TEST_F(FollowTest, SaysOnceWhyAStepWaitsForAWorker) {
  cluster_.StartWorker("w1");
  const std::string file = cluster_.Write("gpu.yaml", R"(
name: gpu
steps:
- {name: homeless, type: noop, resources: {gpus: 7}}
)");
  auto followed = std::async(std::launch::async, [&] {
    return RunProgram(
        {Program("penstock"), "--address", cluster_.grpc(), "run", "-f", file, "--follow"});
  });
  std::string id;
  ASSERT_TRUE(Eventually([&] {
    if (id.empty()) id = NewestRun();
    return !id.empty() && StepState(id, "homeless") == "READY";
  }));
  ASSERT_EQ(cluster_.Client({"cancel", id}).code, 0);
  const Ran run = followed.get();
  EXPECT_EQ(run.code, 1);
  const std::string line = "homeless  READY  waits: no worker that is connected can run step";
  EXPECT_THAT(run.err, HasSubstr(line));
  EXPECT_EQ(run.err.find(line), run.err.rfind(line));
}

TEST_F(FollowTest, PointsToTheLogsThatThereAreOfWhatFailedTheRun) {
  cluster_.StartWorker("w1");
  const std::string file = cluster_.Write("mixed.yaml", R"(
name: mixed
steps:
- {name: tolerated, type: noop, with: {fail: true}, continueOnFailure: true}
- {name: fatal, type: noop, with: {fail: true}}
- {name: verdict, type: fail, with: {message: no good}, dependsOn: [tolerated], when: all_done}
)");
  const Ran run = cluster_.Client({"run", "-f", file, "--wait"});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, HasSubstr(" fatal\n"));
  EXPECT_THAT(run.err, Not(HasSubstr(" tolerated\n")));
  EXPECT_THAT(run.err, Not(HasSubstr(" verdict\n")));
}

}  // namespace
}  // namespace penstock

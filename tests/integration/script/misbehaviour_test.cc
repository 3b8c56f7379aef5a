// Scripts that do what they should not: each ends as it must, and nothing else suffers.

#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "tests/integration/script/script_fixture.h"

namespace penstock {
namespace {

using testing::HasSubstr;

class MisbehaviourTest : public ScriptFixture {
 protected:
  static std::string Bytes(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  // Processes whose command line holds `mark`, this test's own apart.
  static int Alive(const std::string& mark) {
    int found = 0;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      if (entry.path().filename() == std::to_string(getpid())) continue;
      found += Bytes(entry.path() / "cmdline").find(mark) != std::string::npos;
    }
    return found;
  }
  // Those that have got as far as `sleep SECONDS`.
  static int Sleeping(const std::string& seconds) {
    return Alive(std::string("sleep\0", 6) + seconds + std::string(1, '\0'));
  }
  // SIGKILL to the runners of this cluster's worker; how many there were.
  int KillRunners() {
    int killed = 0;
    const std::string mark = "PENSTOCK_ATTEMPT_OWNER=" + cluster_.folder().string();
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string environment = Bytes(entry.path() / "environ");
      const std::string line = Bytes(entry.path() / "cmdline");
      if (line.find("--runner") == std::string::npos) continue;
      if (environment.find(mark) == std::string::npos) continue;
      kill(static_cast<pid_t>(std::stoi(entry.path().filename().string())), SIGKILL);
      ++killed;
    }
    return killed;
  }
  // The worker still runs what comes.
  void ExpectHealthy() {
    RunStep("  with: {command: [/bin/echo, fine]}\n");
    EXPECT_EQ(state_, "SUCCEEDED");
    EXPECT_THAT(log_, HasSubstr("fine"));
    StopAll();
  }
};

INSTANTIATE_TEST_SUITE_P(Isolation, MisbehaviourTest, testing::Values("auto", "none"));

TEST_P(MisbehaviourTest, MoreMemoryThanItHas) {
  RunStep(R"(
  resources: {memory: 100MiB}
  with:
    command:
    - /bin/sh
    - -c
    - "python3 -c 'import time; x = bytearray(400 << 20); time.sleep(60)' & wait"
)");
  EXPECT_EQ(state_, "FAILED");
  EXPECT_EQ(JsonString(step_, "cause"), "OUT_OF_MEMORY") << log_;
  EXPECT_THAT(JsonString(step_, "message"), HasSubstr("100.0 MiB"));
  ExpectHealthy();
}

TEST_P(MisbehaviourTest, IgnoresSigtermAfterItsTimeout) {
  RunStep(R"(
  timeout: 500ms
  with: {command: [/bin/sh, -c, 'trap "" TERM; while true; do sleep 7.4321; done']}
)");
  EXPECT_EQ(state_, "FAILED");
  EXPECT_EQ(JsonString(step_, "cause"), "TIMEOUT");
  EXPECT_EQ(Alive("7.4321"), 0);
  ExpectHealthy();
}

TEST_P(MisbehaviourTest, SigtermIsAChanceToStop) {
  RunStep(R"(
  timeout: 500ms
  with: {command: [/bin/sh, -c, 'trap "echo saved; exit 0" TERM; while true; do sleep 0.05; done']}
)");
  EXPECT_EQ(JsonString(step_, "cause"), "TIMEOUT");
  EXPECT_THAT(log_, HasSubstr("saved"));
  ExpectHealthy();
}

TEST_P(MisbehaviourTest, CancelEndsAllThatItStarted) {
  const std::string id = cluster_.Submit(cluster_.Write("cancel.yaml", R"(
name: cancel
steps:
- name: s
  type: script
  with:
    command: [/bin/sh, -c, 'setsid sh -c "trap : TERM; while true; do sleep 8.4321; done" & sleep 8.4321']
)"));
  EXPECT_TRUE(Eventually([] { return Sleeping("8.4321") >= 2; }));
  EXPECT_EQ(cluster_.Client({"cancel", id}).code, 0);
  EXPECT_EQ(cluster_.Wait(id), "CANCELLED");
  EXPECT_EQ(Alive("8.4321"), 0);
  ExpectHealthy();
}

TEST_P(MisbehaviourTest, DaemonsDoNotOutliveIt) {
  RunStep(R"(
  with:
    command: [/bin/sh, -c, 'setsid setsid sh -c "sleep 9.4321 & sleep 9.4321" </dev/null & sleep 0.3']
)");
  EXPECT_EQ(state_, "SUCCEEDED") << log_;
  EXPECT_EQ(Alive("9.4321"), 0);
  ExpectHealthy();
}

// The runner is killed, and cannot end what its script had started.
TEST_P(MisbehaviourTest, DaemonsDoNotOutliveAKilledRunner) {
  const std::string id = cluster_.Submit(cluster_.Write("daemon.yaml", R"(
name: daemon
steps:
- name: s
  type: script
  with:
    command: [/bin/sh, -c, 'setsid sleep 611.4321 & sleep 611.4321']
)"));
  EXPECT_TRUE(Eventually([] { return Sleeping("611.4321") >= 2; }));
  EXPECT_EQ(KillRunners(), 1);
  EXPECT_EQ(cluster_.Wait(id), "FAILED");
  EXPECT_EQ(JsonString(Cluster::Step(cluster_.Run(id), "s"), "cause"), "CRASHED");
  EXPECT_EQ(Alive("611.4321"), 0);
  ExpectHealthy();
}

TEST_P(MisbehaviourTest, FloodsItsLog) {
  RunStep(R"(
  with:
    command: [/bin/sh, -c, 'echo first; head -c 200000000 /dev/zero | tr "\0" "x"; echo; echo last']
)");
  EXPECT_EQ(state_, "SUCCEEDED");
  EXPECT_THAT(log_.substr(0, 1'000), HasSubstr("first\nxxxx"));
  EXPECT_THAT(log_.substr(log_.size() - 100), HasSubstr("x\nlast\n"));
  EXPECT_THAT(log_.size(), testing::AllOf(testing::Gt(8u << 20), testing::Le(16u << 20)));
  EXPECT_NE(log_.find("bytes are left out here"), std::string::npos);
  ExpectHealthy();
}

TEST_P(MisbehaviourTest, WritesThroughItsInputs) {
  const std::string data = cluster_.Write("data.csv", "a,b\n1,2\n");
  const std::string file = cluster_.Write("inputs.yaml", R"(
name: inputs
parameters: {data: {type: dataset}}
steps:
- name: s
  type: script
  inputs: {data: "${parameters.data}"}
  with:
    command:
    - /bin/sh
    - -c
    - |
      chmod -R u+w $SM_CHANNEL_DATA
      echo spoilt > $SM_CHANNEL_DATA/data.csv
      rm -rf $SM_CHANNEL_DATA
      true
- name: after
  type: script
  inputs: {data: "${parameters.data}"}
  dependsOn: [s]
  with: {command: [/bin/sh, -c, 'cat $SM_CHANNEL_DATA/data.csv']}
)");
  const std::string id = cluster_.Submit(file, {"-p", "data=@" + data});
  EXPECT_EQ(cluster_.Wait(id), "SUCCEEDED");
  EXPECT_THAT(cluster_.Client({"logs", id, "after"}).out, HasSubstr("1,2\n"));
  ExpectHealthy();
}

}  // namespace
}  // namespace penstock

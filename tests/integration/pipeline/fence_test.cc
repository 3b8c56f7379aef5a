// Steps that are fenced by execution, with real daemons that hang or are killed: the earlier
// attempt is over before the later one begins.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "tests/support/cluster.h"

namespace penstock {
namespace {

using testing::HasSubstr;

class FenceTest : public testing::Test {
 protected:
  FenceTest() {
    cluster_.StartCoordinator({"--lease-ttl", "3s", "--lease-heartbeat", "300ms"});
    cluster_.StartWorker("w1", {"--isolation", "none", "--kill-grace", "1s"});
  }
  // A script that ignores SIGTERM, as does the daemon that it starts; both write their attempt's
  // number, in the order in which attempts begin, into `beats`, again and again, until `end` is
  // there.
  void Submit() {
    const std::string folder = cluster_.folder().string();
    beat_ = cluster_.Write("beat.sh", "trap '' TERM; while [ ! -e " + folder +
                                          "/end ]; do echo $1 >> " + folder +
                                          "/beats; sleep 0.02; done\n");
    const std::string begin =
        cluster_.Write("begin.sh", "n=1; mkdir " + folder + "/first || n=2; setsid sh " + beat_ +
                                       " $n & exec sh " + beat_ + " $n\n");
    run_ = cluster_.Submit(cluster_.Write("beat.yaml", R"(
name: beat
steps:
- {name: s, type: script, mutex: the-one, with: {command: [/bin/sh, )" +
                                                           begin + "]}}\n"));
    EXPECT_TRUE(Eventually([&] { return !Beats().empty(); }));
  }
  std::vector<std::string> Beats() const {
    std::ifstream file(cluster_.folder() / "beats");
    std::vector<std::string> beats;
    for (std::string line; std::getline(file, line);) beats.push_back(line);
    return beats;
  }
  // Waits for a beat of the second attempt; whether none of the first came after one.
  void ExpectOneAfterTheOther() {
    EXPECT_TRUE(Eventually([&] { return !Beats().empty() && Beats().back() == "2"; }));
    const std::vector<std::string> beats = Beats();
    const auto second = std::find(beats.begin(), beats.end(), "2");
    EXPECT_EQ(std::count(second, beats.end(), "1"), 0);
  }
  // How many processes beat.
  int Beating() const {
    int found = 0;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      std::ifstream file(entry.path() / "cmdline", std::ios::binary);
      std::string line;
      std::getline(file, line);  // where the process ends meanwhile, nothing
      found += line.find(beat_ + '\0') != std::string::npos;
    }
    return found;
  }
  void End() {
    cluster_.Write("end", "");
    EXPECT_EQ(cluster_.Wait(run_), "SUCCEEDED");
    const Json step = Cluster::Step(cluster_.Run(run_), "s");
    EXPECT_GE(JsonInt(step, "attempt"), 2);
  }

  Cluster cluster_;
  std::string beat_;
  std::string run_;
};

TEST_F(FenceTest, AnAgentThatHangs) {
  Submit();
  cluster_.Signal("w1", SIGSTOP);
  cluster_.StartWorker("w2", {"--isolation", "none"});
  ExpectOneAfterTheOther();
  cluster_.Signal("w1", SIGCONT);
  End();
  for (const char* daemon : {"w1", "w2", "coordinator"}) EXPECT_EQ(cluster_.Stop(daemon), 0);
  cluster_.CheckInvariants();
}

TEST_F(FenceTest, AnAgentThatIsKilledAndDoesNotComeBack) {
  Submit();
  cluster_.Kill("w1");
  cluster_.StartWorker("w2", {"--isolation", "none"});
  ExpectOneAfterTheOther();
  End();
  EXPECT_THAT(cluster_.Client({"explain", run_, "s"}).out, HasSubstr("WORKER_LOST"));
}

TEST_F(FenceTest, ACoordinatorThatFallsSilent) {
  Submit();
  cluster_.Signal("coordinator", SIGSTOP);
  EXPECT_TRUE(Eventually([&] { return Beating() == 0; })) << "nobody could give it away yet";
  cluster_.Signal("coordinator", SIGCONT);
  ExpectOneAfterTheOther();
  End();
}

}  // namespace
}  // namespace penstock

#ifndef PENSTOCK_TESTS_INTEGRATION_SCRIPT_SCRIPT_FIXTURE_H_
#define PENSTOCK_TESTS_INTEGRATION_SCRIPT_SCRIPT_FIXTURE_H_

// A coordinator and a worker that run scripts: in the sandbox where bubblewrap works here, and as
// plain processes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/cluster.h"

namespace penstock {

// Whether workers of this machine sandbox their scripts.
inline bool HasBubblewrap() {
  static const bool has = std::system(
                              "bwrap --unshare-all --ro-bind / / --dev /dev --proc /proc true "
                              ">/dev/null 2>&1") == 0;
  return has;
}

// The parameter: what the worker is told, "auto" or "none".
class ScriptFixture : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "auto" && !HasBubblewrap()) GTEST_SKIP() << "no bubblewrap here";
    cluster_.StartCoordinator();
    cluster_.StartWorker("w1", {"--isolation", GetParam(), "--kill-grace", "2s"});
  }
  // Runs one script step to its end: `with` and other keys of the step, as YAML flow.
  void RunStep(const std::string& step) {
    id_ = cluster_.Submit(cluster_.Write("script.yaml", R"(
name: script
steps:
- name: s
  type: script
)" + step));
    state_ = cluster_.Wait(id_);
    run_ = cluster_.Run(id_);
    step_ = Cluster::Step(run_, "s");
    log_ = cluster_.Client({"logs", id_, "s"}).out;
  }
  // Ends the daemons in order, and looks for what must not be left.
  void StopAll() {
    EXPECT_EQ(cluster_.Stop("w1"), 0);
    EXPECT_EQ(cluster_.Stop("coordinator"), 0);
    cluster_.CheckInvariants();
  }
  double Metric(const std::string& name) { return JsonDouble(JsonMember(step_, "metrics"), name); }

  Cluster cluster_;
  std::string id_;
  std::string state_;
  Json run_;
  Json step_;
  std::string log_;
};

}  // namespace penstock

#endif  // PENSTOCK_TESTS_INTEGRATION_SCRIPT_SCRIPT_FIXTURE_H_

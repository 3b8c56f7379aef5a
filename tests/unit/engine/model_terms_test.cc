// Steps that predict with a model that is a program: where they go, and whether their result is
// used again.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ModelTermsTest : public testing::TestWithParam<bool> {
 protected:
  ModelTermsTest() {
    plain_.Open();
    model_ = bench_.Artifact("program", ArtifactType::kModel);
    data_ = "artifact:" + FormatDigest(bench_.Artifact("rows", ArtifactType::kDataset).digest);
  }
  ~ModelTermsTest() override { bench_.CheckInvariants(); }

  RunId Run(const std::string& type = "predict") {
    return bench_.Run(
        "name: p\nparameters: {m: {type: dataset}, d: {type: dataset}}\nsteps:\n- {name: "
        "s, type: " +
            type + ", inputs: {model: \"${parameters.m}\", data: \"${parameters.d}\"}}\n",
        {{"m", "artifact:" + FormatDigest(model_.digest)}, {"d", data_}});
  }
  std::string Why(const RunId& run) {
    std::string text;
    const auto reasons = bench_.Ask(&Engine::ExplainStep, ExplainCommand{run, 0});
    EXPECT_TRUE(reasons.ok()) << reasons.status();
    for (const Explanation& each : *reasons) text += each.reason + ": " + each.message + "\n";
    return text;
  }

  EngineBench bench_;
  BenchWorker plain_{&bench_, "plain", 4};
  BenchWorker sandbox_{&bench_, "sandbox", 4};
  ArtifactRef model_;
  std::string data_;
};

INSTANTIATE_TEST_SUITE_P(Coordinator, ModelTermsTest, testing::Bool(), [](const auto& replaced) {
  return replaced.param ? "Replaced" : "Stays";
});

TEST_P(ModelTermsTest, GoesWhereItsProgramCanRun) {
  bench_.model_terms()[model_.digest].labels = {{"penstock.isolation", "bubblewrap"}};
  for (const char* type : {"predict", "evaluate"}) {
    const RunId run = Run(type);
    EXPECT_THAT(plain_.Start(), IsEmpty());
    if (GetParam()) {
      bench_.Restart();
      plain_.Open();
      EXPECT_THAT(plain_.Start(), IsEmpty());
    }
    EXPECT_THAT(Why(run), HasSubstr("does not carry the label penstock.isolation=bubblewrap"));
    sandbox_.info().labels = {{"penstock.isolation", "bubblewrap"}};
    sandbox_.Open();
    const auto leases = sandbox_.Start();
    ASSERT_THAT(leases, SizeIs(1)) << type;
    EXPECT_EQ(*sandbox_.Succeed(leases.at("s")), Verdict::kOk);
    EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
    EXPECT_TRUE(sandbox_.Close().ok());
  }
}

TEST_P(ModelTermsTest, SideEffectsOfTheScriptTurnTheCacheOff) {
  bench_.model_terms()[model_.digest].side_effects = true;
  for (int i = 0; i < 2; ++i) {
    const RunId run = Run();
    if (GetParam() && i == 1) {
      bench_.Restart();
      plain_.Open();
    }
    const auto leases = plain_.Start();
    ASSERT_THAT(leases, SizeIs(1)) << i;
    EXPECT_EQ(*plain_.Succeed(leases.at("s")), Verdict::kOk);
    EXPECT_THAT(JsonString(JsonMember(bench_.Step(run, "s").cache, "miss"), "why"),
                HasSubstr("side_effects"));
  }
  // One that is pure is used again.
  model_ = bench_.Artifact("pure", ArtifactType::kModel);
  Run();
  ASSERT_EQ(*plain_.Succeed(plain_.Start().at("s")), Verdict::kOk);
  EXPECT_EQ(bench_.State(Run(), "s"), StepState::kCached);
}

}  // namespace
}  // namespace penstock

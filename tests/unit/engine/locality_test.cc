// Steps go where their large inputs are, where there is room.

#include <gtest/gtest.h>

#include "server/engine/artifact_places.h"
#include "storage/model/limits.h"
#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

constexpr char kChain[] = R"(
name: chain
steps:
- {name: make, type: script, with: {command: [x], outputs: {data: {}}}}
- {name: hold, type: approval, dependsOn: [make]}
- name: use
  type: script
  inputs: {data: "${steps.make.outputs.data}"}
  dependsOn: [hold]
  with: {command: [x]}
)";

class LocalityTest : public testing::Test {
 protected:
  ~LocalityTest() override { bench_.CheckInvariants(); }

  // Has the first step run on w1, with an output of that size. Where the second goes, while w2 has
  // more room.
  std::string SecondOn(int64_t bytes, bool restart = false) {
    w1_.Open();
    const RunId run = bench_.Run(kChain);
    const LeasedAttempt make = w1_.Start().at("make");
    CommitArtifactCommand command;
    command.ref = {.digest = Digest(std::string(64, 'a')), .size = bytes};
    command.principal = Principal("user:ada");
    EXPECT_TRUE(bench_.Ask(&Engine::CommitArtifact, command).ok());
    StepResult result;
    result.outputs["data"] = command.ref;
    EXPECT_EQ(*w1_.Succeed(make, result), Verdict::kOk);
    if (restart) {
      bench_.Restart();
      w1_.Open();
    }
    w2_.Open();
    EXPECT_TRUE(
        bench_
            .Ask(&Engine::DecideApproval, DecideApprovalCommand{.run = run,
                                                                .step = "hold",
                                                                .approve = true,
                                                                .comment = "",
                                                                .principal = Principal("user:ada")})
            .ok());
    return bench_.Step(run, "use").worker;
  }

  EngineBench bench_;
  BenchWorker w1_{&bench_, "w1", 1};
  BenchWorker w2_{&bench_, "w2", 8};
};

TEST_F(LocalityTest, AStepGoesWhereItsLargeInputIs) {
  EXPECT_EQ(SecondOn(limits::kLocalityBytes), "w1");
}

TEST_F(LocalityTest, AlsoAfterARestart) {
  EXPECT_EQ(SecondOn(limits::kLocalityBytes, /*restart=*/true), "w1");
}

TEST_F(LocalityTest, ASmallInputDrawsNobody) {
  EXPECT_EQ(SecondOn(limits::kLocalityBytes - 1), "w2");
}

TEST(ArtifactPlaces, KnowsTheLatestWorkersOfLargeArtifacts) {
  ArtifactPlaces places;
  const ArtifactRef large{.digest = Digest("d"), .size = int64_t{1} << 30};
  places.Note({.digest = Digest("small"), .size = limits::kPlacedArtifactBytes - 1},
              WorkerId("w0"));
  EXPECT_TRUE(places.empty());
  places.Note({.digest = Digest("just"), .size = limits::kPlacedArtifactBytes}, WorkerId("w0"));
  EXPECT_NE(places.Find(Digest("just")), nullptr);
  for (int i = 0; i < 20; ++i) places.Note(large, WorkerId("w" + std::to_string(i)));
  places.Note(large, WorkerId("w15"));
  ASSERT_NE(places.Find(Digest("d")), nullptr);
  EXPECT_EQ(places.Find(Digest("d"))->workers.size(), 8U);
  EXPECT_EQ(places.Find(Digest("d"))->workers.back(), WorkerId("w15"));
  for (std::size_t i = 0; i < limits::kMaxPlacedArtifacts; ++i) {
    places.Note({.digest = Digest(std::to_string(i)), .size = int64_t{1} << 30}, WorkerId("w1"));
  }
  EXPECT_EQ(places.Find(Digest("d")), nullptr) << "the oldest is forgotten";
  EXPECT_NE(places.Find(Digest("0")), nullptr);
}

}  // namespace
}  // namespace penstock

// evaluate with a champion: two models on the same rows.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/digest.h"
#include "steps/catalog/catalog.h"
#include "tests/contract/algorithms/train_bench.h"

namespace penstock {
namespace {

using testing::HasSubstr;

// Models of the rows that MakeCsv makes, each with a transform of its own.
class ChampionTest : public testing::Test {
 protected:
  InputArtifact Train(int rounds, int64_t rows, uint64_t seed,
                      const std::string& label = "bought") {
    SeriesStep process("process");
    process.AddFile("data", "@rows.csv", MakeCsv(rows, seed));
    process.parameters_ = {{"roles", {{"label", label}, {"id", {"id"}}}},
                           {"transforms",
                            {{{"op", "impute"}, {"columns", "x"}, {"method", "mean"}},
                             {{"op", "one_hot"}, {"columns", "colour"}}}}};
    if (label != "bought")
      process.parameters_["transforms"].push_back({{"op", "drop"}, {"columns", "bought"}});
    EXPECT_TRUE(process.Run().ok());
    SeriesStep train("train");
    train.algorithm_ = "xgboost";
    train.Bind("train", process.output_ / "data", "train");
    train.parameters_ = Filled("train/xgboost", {{"num_round", rounds}});
    EXPECT_TRUE(train.Run().ok());
    const auto folder = folder_.path() / ("model" + std::to_string(++models_));
    std::filesystem::copy(train.output_ / "model", folder,
                          std::filesystem::copy_options::recursive);
    return {folder, ArtifactType::kModel, Digest(), "model"};
  }
  static Json Filled(const std::string& key, const Json& given) {
    std::vector<Problem> problems;
    return CheckParameters(*Catalog::BuiltIn().Find(key), given, "", problems);
  }
  Result<StepOutcome> Evaluate(const InputArtifact& model, std::optional<InputArtifact> champion,
                               const std::string& name = "census/3") {
    step_.inputs_.clear();
    step_.AddFile("data", "@holdout.csv", MakeCsv(400, 99));
    step_.inputs_["model"] = {model};
    if (champion) {
      champion->display_name = name;
      step_.inputs_["champion"] = {*champion};
    }
    return step_.Run();
  }
  TestFolder folder_;
  int models_ = 0;
  SeriesStep step_{"evaluate"};
};

TEST_F(ChampionTest, TheBetterModelIsFoundOnRawRowsThoughTransformsDiffer) {
  const InputArtifact strong = Train(30, 600, 1);
  const InputArtifact weak = Train(1, 60, 2);
  const auto outcome = Evaluate(strong, weak);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const Json& comparison = outcome->report["comparison"];
  EXPECT_EQ(comparison["champion"], "census/3");
  EXPECT_EQ(comparison["metric"], "auc");
  EXPECT_GT(comparison["ciLow"].get<double>(), 0);
  EXPECT_LT(comparison["p"].get<double>(), 0.05);
  EXPECT_DOUBLE_EQ(comparison["value"].get<double>(), outcome->metrics.at("auc"));
  EXPECT_DOUBLE_EQ(comparison["delta"].get<double>(), outcome->metrics.at("delta"));
  EXPECT_EQ(outcome->metrics.at("ci_low"), comparison["ciLow"].get<double>());
  EXPECT_THAT(step_.log_, HasSubstr("against champion census/3: auc "));
  // The other way round it is the same difference.
  const auto reverse = Evaluate(weak, strong);
  ASSERT_TRUE(reverse.ok());
  EXPECT_DOUBLE_EQ(reverse->metrics.at("delta"), -outcome->metrics.at("delta"));
  EXPECT_DOUBLE_EQ(reverse->metrics.at("ci_high"), -outcome->metrics.at("ci_low"));
}

TEST_F(ChampionTest, WithoutAChampionNothingIsCompared) {
  const auto outcome = Evaluate(Train(3, 100, 1), {});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->report["comparison"], (Json{{"champion", "none"}, {"metric", "auc"}}));
  for (const char* metric : {"delta", "ci_low", "ci_high", "p"}) {
    EXPECT_FALSE(outcome->metrics.contains(metric)) << metric;
  }
}

TEST_F(ChampionTest, AModelThatIsNoVersionIsCalledByItsContent) {
  InputArtifact champion = Train(3, 100, 1);
  champion.digest = Sha256("model");
  const auto outcome = Evaluate(champion, champion, "${steps.train.outputs.model}");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->report["comparison"]["champion"], FormatDigest(Sha256("model")));
  EXPECT_EQ(outcome->metrics.at("delta"), 0);
  EXPECT_EQ(outcome->metrics.at("p"), 1);
}

TEST_F(ChampionTest, AChampionForAnotherTaskIsRefused) {
  const auto outcome = Evaluate(Train(3, 100, 1), Train(3, 100, 1, "y"));
  EXPECT_EQ(outcome.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(outcome.status().message(), HasSubstr("champion census/3 is a model for"));
}

TEST_F(ChampionTest, TheSameInputsGiveTheSameBytes) {
  const InputArtifact strong = Train(5, 300, 1);
  const InputArtifact weak = Train(1, 60, 2);
  ASSERT_TRUE(Evaluate(strong, weak).ok());
  const auto first = TreeBytes(step_.output_);
  step_.threads_ = 1;
  ASSERT_TRUE(Evaluate(strong, weak).ok());
  EXPECT_EQ(TreeBytes(step_.output_), first);
}

}  // namespace
}  // namespace penstock

// Models that scripts write: made by a script step, then used by predict and evaluate.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "steps/catalog/catalog.h"
#include "tests/contract/algorithms/train_bench.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ProgramStep : public SeriesStep {
 public:
  using SeriesStep::SeriesStep;
  std::vector<std::string> input_names() const override {
    std::vector<std::string> names;
    for (const auto& [name, bound] : inputs_) names.push_back(name);
    return names;
  }
  void Print(std::string_view bytes) override { log_ += bytes; }
};

// Predicts x + 0.5 of rows x, y, colour, in shell and awk.
constexpr char kHalf[] =
    "echo probability > $SM_OUTPUT_DATA_DIR/predictions.csv; "
    "tail -n +2 $SM_CHANNEL_DATA/data.csv | awk -F, '{p = $1 / 2 + 0.5; print p}' "
    ">> $SM_OUTPUT_DATA_DIR/predictions.csv";

class ScriptModelTest : public testing::Test {
 protected:
  // A dataset of processed rows of MakeCsv, in `name`.
  std::filesystem::path Process(int64_t rows, uint64_t seed, const std::string& name) {
    ProgramStep process("process");
    process.AddFile("data", "@rows.csv", MakeCsv(rows, seed));
    process.parameters_ = {
        {"roles", {{"label", "bought"}, {"id", {"id"}}}},
        {"transforms", {{{"op", "impute"}, {"columns", "x"}, {"method", "mean"}}}}};
    EXPECT_TRUE(process.Run().ok());
    const auto folder = folder_.path() / name;
    std::filesystem::copy(process.output_ / "data", folder,
                          std::filesystem::copy_options::recursive);
    return folder;
  }
  // Runs a script that writes a model; its tree.
  Result<InputArtifact> Train(const Json& predict, const Json& more = Json::object()) {
    ProgramStep script("script");
    script.Bind("train", Process(200, 1, "train" + std::to_string(++models_)), "train");
    script.AddFile("file:helper.sh", "@helper.sh", "#!/bin/sh\nexit 7\n");
    script.parameters_ = {{"command", {"/bin/sh", "-c", "echo weights > $SM_MODEL_DIR/w"}},
                          {"hyperparameters", {{"depth", 3}}},
                          {"predict", predict}};
    script.parameters_.update(more);
    std::vector<Problem> problems;
    script.parameters_ =
        CheckParameters(*Catalog::BuiltIn().Find("script"), script.parameters_, "", problems);
    EXPECT_TRUE(problems.empty()) << problems.front().path << problems.front().message;
    const auto outcome = script.Run();
    log_ = script.log_;
    if (!outcome.ok()) return outcome.status();
    const auto tree = folder_.path() / ("model" + std::to_string(models_));
    std::filesystem::copy(outcome->outputs.front().path, tree,
                          std::filesystem::copy_options::recursive);
    return InputArtifact{tree, ArtifactType::kModel, Digest(), "model"};
  }
  static Json Command(const std::string& shell) { return {{"command", {"/bin/sh", "-c", shell}}}; }
  Result<StepOutcome> Use(const std::string& type, const InputArtifact& model,
                          const std::string& csv) {
    step_ = std::make_unique<ProgramStep>(type);
    step_->inputs_["model"] = {model};
    step_->AddFile("data", "@new.csv", csv);
    auto outcome = step_->Run();
    log_ = step_->log_;
    return outcome;
  }
  std::string Complaint(const std::string& shell) {
    const auto model = Train(Command(shell));
    EXPECT_TRUE(model.ok()) << model.status();
    const auto outcome = Use("predict", *model, MakeCsv(20, 5, false));
    EXPECT_FALSE(outcome.ok());
    return outcome.status().message();
  }
  TestFolder folder_;
  int models_ = 0;
  std::string log_;
  std::unique_ptr<ProgramStep> step_;
};

TEST_F(ScriptModelTest, TheTreeHoldsAllThatItNeeds) {
  const auto model = Train(Command("true"));
  ASSERT_TRUE(model.ok()) << model.status();
  const auto files = TreeBytes(model->path);
  EXPECT_EQ(files.at("model/w"), "weights\n");
  EXPECT_THAT(files.at("code/helper.sh"), HasSubstr("exit 7"));
  EXPECT_THAT(files.at("transform/transform.json"), HasSubstr("impute"));
  const Json info = ParseJson(files.at("model.json")).value_or(Json());
  EXPECT_EQ(info["algorithm"], "script");
  EXPECT_EQ(info["task"], "binary_classification");
  EXPECT_EQ(info["classes"], Json({"no", "yes"}));
  EXPECT_EQ(info["positive"], "yes");
  EXPECT_EQ(info["features"], Json({"x", "y", "colour"}));
  EXPECT_EQ(info["hyperparameters"], Json({{"depth", 3}}));
  const Json program = ParseJson(files.at("program.json")).value_or(Json());
  EXPECT_EQ(program["command"], Json({"/bin/sh", "-c", "true"}));
  EXPECT_EQ(program["side_effects"], false);
  // The same again gives the same bytes.
  const auto again = Train(Command("true"));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(TreeBytes(again->path), files);
}

TEST_F(ScriptModelTest, PredictsRawAndProcessedRowsAlike) {
  const auto model = Train(Command(kHalf));
  ASSERT_TRUE(model.ok()) << model.status();
  const auto raw = Use("predict", *model, MakeCsv(200, 1));
  ASSERT_TRUE(raw.ok()) << raw.status();
  EXPECT_EQ(raw->metrics.at("rows"), 200);
  const auto bytes = TreeBytes(step_->output_);
  EXPECT_FALSE(std::filesystem::exists(step_->scratch_ / "program-1")) << "nothing is left there";
  step_->Bind("data", Process(200, 1, "fresh"), "processed");
  const auto processed = step_->Run();
  ASSERT_TRUE(processed.ok()) << processed.status();
  EXPECT_EQ(TreeBytes(step_->output_), bytes);
  // In evaluate, against itself.
  const auto judged = Use("evaluate", *model, MakeCsv(100, 9));
  ASSERT_TRUE(judged.ok()) << judged.status();
  EXPECT_GT(judged->metrics.at("auc"), 0.8);
  EXPECT_EQ(judged->report["algorithm"], "script@1");
  step_->inputs_["champion"] = {*model};
  const auto compared = step_->Run();
  ASSERT_TRUE(compared.ok()) << compared.status();
  EXPECT_EQ(compared->metrics.at("delta"), 0);
}

TEST_F(ScriptModelTest, TheProgramSeesFeaturesAloneAndItsOwnFiles) {
  const auto model = Train(Command(
      "head -1 $SM_CHANNEL_DATA/data.csv; cat $SM_MODEL_DIR/w; echo depth=$SM_HP_DEPTH; ls; "
      "grep -c positive $SM_INPUT_CONFIG_DIR/model.json; " +
      std::string(kHalf)));
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_TRUE(Use("evaluate", *model, MakeCsv(30, 9)).ok()) << log_;
  EXPECT_THAT(log_, HasSubstr("x,y,colour\n"));
  EXPECT_THAT(log_, HasSubstr("weights\ndepth=3\nhelper.sh\n1\n"));
  EXPECT_THAT(log_, Not(HasSubstr("bought")));
}

TEST_F(ScriptModelTest, AProgramCannotChangeTheModel) {
  const auto model =
      Train(Command("echo other > $SM_MODEL_DIR/w; rm -rf helper.sh; " + std::string(kHalf)));
  ASSERT_TRUE(model.ok()) << model.status();
  const auto before = TreeBytes(model->path);
  ASSERT_TRUE(Use("predict", *model, MakeCsv(20, 5, false)).ok());
  EXPECT_EQ(TreeBytes(model->path), before);
}

TEST_F(ScriptModelTest, WhatTheProgramAnswersIsChecked) {
  const std::string out = " > $SM_OUTPUT_DATA_DIR/predictions.csv";
  EXPECT_THAT(Complaint("exit 3"),
              AllOf(HasSubstr("predicting with model"), HasSubstr("exit code 3")));
  EXPECT_THAT(Complaint("true"), HasSubstr("wrote no predictions"));
  EXPECT_THAT(Complaint("(echo probability; echo 0.5; echo 0.5)" + out),
              HasSubstr("was given 20 rows, and wrote 2"));
  EXPECT_THAT(Complaint("(echo p; seq 20)" + out), HasSubstr("neither probabilities"));
  EXPECT_THAT(Complaint("(echo probability; seq 20)" + out),
              AllOf(HasSubstr("line 3"), HasSubstr("not between 0 and 1")));
  EXPECT_THAT(Complaint("ln -s /etc/passwd $SM_OUTPUT_DATA_DIR/predictions.csv"),
              HasSubstr("wrote no predictions"));
  EXPECT_THAT(Complaint("kill -9 $$"), HasSubstr("signal 9"));
}

TEST_F(ScriptModelTest, ClassesAloneHaveNoProbability) {
  const auto model =
      Train(Command("(echo prediction; for i in $(seq 20); do echo yes; done) > "
                    "$SM_OUTPUT_DATA_DIR/predictions.csv"));
  ASSERT_TRUE(model.ok()) << model.status();
  const auto outcome = Use("predict", *model, MakeCsv(20, 5, false));
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(TreeBytes(step_->output_).at("predictions/dataset.json"),
              Not(HasSubstr("probability")));
  step_->parameters_ = {{"columns", {"probability"}}};
  EXPECT_THAT(step_->Run().status().message(), HasSubstr("classes alone"));
}

TEST_F(ScriptModelTest, WithoutADatasetTheDefinitionSaysWhatTheLabelIs) {
  ProgramStep script("script");
  script.AddFile("rows", "@rows.csv", MakeCsv(50, 1));
  const Json command = {"/bin/sh", "-c", "echo weights > $SM_MODEL_DIR/w"};
  const Json predict = {{"command", {"/bin/sh", "-c", std::string(kHalf)}}};
  script.parameters_ = {{"command", command}, {"predict", predict}};
  EXPECT_THAT(script.Run().status().message(),
              AllOf(HasSubstr("the input rows does not say what its label is"),
                    HasSubstr("with.predict.label")));
  script.inputs_.clear();
  script.AddFile("rows", "@rows.csv", MakeCsv(50, 1));
  script.parameters_["predict"]["label"] = "bought";
  script.parameters_["predict"]["classes"] = {"no", "yes"};
  const auto outcome = script.Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const InputArtifact model{outcome->outputs.front().path, ArtifactType::kModel, Digest(), "m"};
  // It gets every column but the label, the id first: it is no number that awk could halve.
  const auto judged = Use("evaluate", model, MakeCsv(40, 3));
  ASSERT_TRUE(judged.ok()) << judged.status();
  EXPECT_EQ(judged->metrics.at("rows"), 40);
}

TEST_F(ScriptModelTest, WhatCannotBeIsSaid) {
  const auto nothing = Train(Command("true"), {{"command", {"/bin/true"}}});
  EXPECT_THAT(nothing.status().message(), HasSubstr("wrote no model to SM_MODEL_DIR"));
  Json predict = Command("true");
  predict["channel"] = "tain";
  EXPECT_THAT(Train(predict).status().message(), HasSubstr("there is no input \"tain\""));
  const auto model = Train(Command("true"));
  ASSERT_TRUE(model.ok());
  std::filesystem::remove(model->path / "program.json");
  EXPECT_THAT(Use("predict", *model, MakeCsv(5, 1)).status().message(),
              HasSubstr("program.json cannot be read"));
  // Where it must be kept apart, it does not run as a plain process.
  const auto careful = Train(Command("true"));
  ASSERT_TRUE(careful.ok());
  Json program = ParseJson(TreeBytes(careful->path).at("program.json")).value_or(Json());
  program["isolation"] = "required";
  std::ofstream(careful->path / "program.json") << DumpJson(program);
  EXPECT_THAT(Use("predict", *careful, MakeCsv(5, 1)).status().message(),
              HasSubstr("this worker has no bubblewrap"));
}

TEST_F(ScriptModelTest, TheSchemaRefusesWhatCannotFit) {
  const auto problems = [](const Json& predict) {
    std::vector<Problem> found;
    CheckParameters(*Catalog::BuiltIn().Find("script"),
                    {{"command", {"true"}}, {"predict", predict}}, "with", found);
    std::vector<std::string> texts;
    for (const Problem& problem : found) texts.push_back(problem.path + ": " + problem.message);
    return texts;
  };
  EXPECT_THAT(problems({{"command", {"x"}}}), ElementsAre());
  EXPECT_THAT(problems(Json::object()), ElementsAre(HasSubstr("with.predict.command: is missing")));
  EXPECT_THAT(problems({{"command", {"x"}}, {"classes", {"a", "b"}}}),
              ElementsAre(HasSubstr("with.predict.label: is missing")));
  EXPECT_THAT(problems({{"command", {"x"}}, {"positive", "a"}}),
              ElementsAre(HasSubstr("needs `classes`")));
  EXPECT_THAT(problems({{"command", {"x"}}, {"label", "l"}, {"classes", {"a", "a"}}}),
              ElementsAre(HasSubstr("stands here twice")));
  EXPECT_THAT(
      problems({{"command", {"x"}}, {"label", "l"}, {"classes", {"a", "b"}}, {"positive", "c"}}),
      ElementsAre(HasSubstr("not among the classes")));
  EXPECT_THAT(problems({{"command", {"x"}}, {"environment", {{"SM_X", "1"}}}}),
              ElementsAre(HasSubstr("with.predict.environment.SM_X")));
}

}  // namespace
}  // namespace penstock

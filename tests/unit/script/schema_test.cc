// The schema of script steps: what is refused before anything runs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "steps/catalog/catalog.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

const StepSchema& Schema() {
  return *Catalog::BuiltIn().Find("script");
}

std::vector<std::string> Problems(Json parameters) {
  if (!parameters.contains("command")) parameters["command"] = {"true"};
  std::vector<Problem> problems;
  CheckParameters(Schema(), parameters, "with", problems);
  std::vector<std::string> texts;
  for (const Problem& problem : problems) texts.push_back(problem.path + ": " + problem.message);
  return texts;
}

TEST(ScriptSchemaTest, FillsDefaults) {
  std::vector<Problem> problems;
  const Json filled = CheckParameters(Schema(), {{"command", {"true"}}}, "with", problems);
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_EQ(filled["isolation"], "preferred");
  EXPECT_EQ(filled["input_format"], "parquet");
  EXPECT_EQ(filled["network"], false);
  EXPECT_EQ(filled["side_effects"], false);
}

TEST(ScriptSchemaTest, RefusesNamesThatCannotBe) {
  EXPECT_THAT(Problems({{"hyperparameters", {{"a b", 1}}}}),
              ElementsAre(HasSubstr("with.hyperparameters.a b")));
  EXPECT_THAT(Problems({{"environment", {{"A-B", "x"}}}}),
              ElementsAre(HasSubstr("no name for a variable")));
  EXPECT_THAT(Problems({{"environment", {{"SM_HPS", "x"}}}}),
              ElementsAre(HasSubstr("begins with SM_")));
  EXPECT_THAT(Problems({{"environment", {{"CUDA_VISIBLE_DEVICES", "0"}}}}),
              ElementsAre(HasSubstr("resources.gpus says how many GPUs")));
  EXPECT_THAT(Problems({{"environment", {{"A", 1}}}}), ElementsAre(HasSubstr("in quotes")));
}

TEST(ScriptSchemaTest, RefusesOutputsOutsideAndTwice) {
  EXPECT_THAT(Problems({{"outputs", {{"model", {{"type", "model"}}}}}}),
              ElementsAre(HasSubstr("SM_MODEL_DIR")));
  for (const char* path : {"/etc/passwd", "../up", "a/../b", "a//b", "a/", "."}) {
    EXPECT_THAT(Problems({{"outputs", {{"o", {{"path", path}}}}}}),
                ElementsAre(HasSubstr("with.outputs.o.path")))
        << path;
  }
  EXPECT_THAT(Problems({{"outputs", {{"o", {{"path", "a/b"}}}, {"p", {{"path", "a"}}}}}}),
              ElementsAre(HasSubstr("in the same place as output o")));
  EXPECT_THAT(Problems({{"outputs", {{"o", {{"path", "a"}}}, {"ab", Json::object()}}}}), IsEmpty());
}

TEST(ScriptSchemaTest, CountsOutputs) {
  Json outputs = Json::object();
  for (int i = 0; i < limits::kMaxOutputsPerStep - 1; ++i) {
    outputs["o" + std::to_string(i)] = Json::object();
  }
  EXPECT_THAT(Problems({{"outputs", outputs}}), IsEmpty()) << "and `model` is one";
  outputs["more"] = Json::object();
  EXPECT_THAT(Problems({{"outputs", outputs}}), ElementsAre(HasSubstr("at most 255")));
  // So many are not compared with each other: that would take minutes, and say nothing more.
  for (int i = 0; i < 2'000; ++i) outputs["p" + std::to_string(i)] = {{"path", "same"}};
  EXPECT_THAT(Problems({{"outputs", outputs}}), ElementsAre(HasSubstr("at most 255")));
}

TEST(ScriptSchemaTest, RefusesExpressionsThatFindNoNumber) {
  const auto metric = [](const char* regex) {
    return Json{{"metrics", {{{"name", "m"}, {"regex", regex}}}}};
  };
  EXPECT_THAT(Problems(metric("loss: ([0-9.]+)")), IsEmpty());
  EXPECT_THAT(Problems(metric("loss: ([0-9.]+")),
              ElementsAre(AllOf(HasSubstr("with.metrics[0].regex"), HasSubstr("missing )"))));
  EXPECT_THAT(Problems(metric("loss")), ElementsAre(HasSubstr("needs a group")));
  EXPECT_THAT(Problems(metric("${parameters.regex}")), IsEmpty());
}

TEST(ScriptSchemaTest, WhereAndWhetherItRunsIsWrittenOut) {
  EXPECT_THAT(Problems({{"isolation", "${parameters.i}"}}),
              ElementsAre(HasSubstr("cannot be a reference")));
  EXPECT_THAT(Schema().labels_for({{"isolation", "required"}}),
              ElementsAre(Pair("penstock.isolation", "bubblewrap")));
  EXPECT_THAT(Schema().labels_for({{"isolation", "preferred"}}), IsEmpty());
  EXPECT_THAT(Schema().effects_for({{"side_effects", true}}), HasSubstr("side_effects"));
  EXPECT_EQ(Schema().effects_for({{"side_effects", false}}), "");
}

TEST(ScriptSchemaTest, TakesInputsOfAnyNameAndFiles) {
  EXPECT_NE(FindInput(Schema(), "train_2"), nullptr);
  EXPECT_NE(FindInput(Schema(), "file:train.py"), nullptr);
  for (const char* name : {"", "a/b", "a.b", "file:", "file:../x", "file:.hidden", "file:a/b"}) {
    EXPECT_EQ(FindInput(Schema(), name), nullptr) << name;
  }
  EXPECT_EQ(FindInput(*Catalog::BuiltIn().Find("predict"), "train"), nullptr);
  EXPECT_NE(FindInput(*Catalog::BuiltIn().Find("predict"), "model"), nullptr);
}

TEST(ScriptSchemaTest, OutputsAreWhatItDeclares) {
  const auto ports = Schema().outputs_for({{"outputs", {{"p", {{"type", "dataset"}}}}}});
  ASSERT_EQ(ports.size(), 1u);
  EXPECT_EQ(ports[0].name, "p");
  EXPECT_EQ(ports[0].type, ArtifactType::kDataset);
}

}  // namespace
}  // namespace penstock

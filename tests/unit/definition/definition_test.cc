#include "server/definition/definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/model/limits.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kText[] = R"(# Two steps.
name: p
parameters:
  unused: {type: string, default: x}
steps:
- name: a
  type: noop
- name: b
  type: noop
  dependsOn: [a]
)";

TEST(CheckDefinitionText, GivesWhatIsStored) {
  const Result<CheckedDefinition> checked = CheckDefinitionText(kText, Catalog::BuiltIn());
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->spec.name, "p");
  EXPECT_EQ(checked->digest, Sha256(checked->canonical));
  const Result<Json> stored = ParseJson(checked->canonical);
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(*stored, CanonicalDefinition(checked->spec));
  ASSERT_EQ(checked->warnings.size(), 1U);
  EXPECT_EQ(checked->warnings[0].path, "parameters.unused");
  EXPECT_EQ(checked->warnings[0].message, "line 4: nothing uses this parameter");
}

TEST(CheckDefinitionText, IsTheSameForEachWayOfWritingIt) {
  const Result<CheckedDefinition> yaml = CheckDefinitionText(kText, Catalog::BuiltIn());
  const Result<CheckedDefinition> json = CheckDefinitionText(
      R"({"steps": [{"type": "noop", "name": "a"}, {"name": "b", "dependsOn": ["a"],
          "type": "noop"}], "parameters": {"unused": {"default": "x", "type": "string"}},
          "name": "p"})",
      Catalog::BuiltIn());
  ASSERT_TRUE(yaml.ok() && json.ok());
  EXPECT_EQ(yaml->digest, json->digest);
  const Result<CheckedDefinition> again = CheckDefinitionText(yaml->canonical, Catalog::BuiltIn());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->digest, yaml->digest);
}

TEST(CheckDefinitionText, KeepsFilesOfScriptsApartFromInputs) {
  const Result<CheckedDefinition> checked = CheckDefinitionText(
      "name: p\nparameters: {d: {type: dataset}}\nsteps:\n- name: s\n  type: script\n"
      "  inputs: {train: \"${parameters.d}\"}\n  files: {train.py: \"${parameters.d}\"}\n"
      "  with: {command: [python3, train.py], isolation: required}\n",
      Catalog::BuiltIn());
  ASSERT_TRUE(checked.ok()) << checked.status();
  const Json step = ParseJson(checked->canonical)->at("steps")[0];
  EXPECT_EQ(step["inputs"], Json({{"train", "${parameters.d}"}}));
  EXPECT_EQ(step["files"], Json({{"train.py", "${parameters.d}"}}));
  EXPECT_EQ(step["resources"]["labels"], Json({{"penstock.isolation", "bubblewrap"}}));
  const Result<CheckedDefinition> again =
      CheckDefinitionText(checked->canonical, Catalog::BuiltIn());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->digest, checked->digest);
}

TEST(CheckDefinitionText, NamesTheFileThatIsWrong) {
  const Result<CheckedDefinition> checked = CheckDefinitionText(
      "name: p\nsteps:\n- name: s\n  type: script\n  files: {../x: \"artifact:y\", z: 3}\n"
      "  inputs: {a.b: \"artifact:y\"}\n  with: {command: [x]}\n- {name: n, type: noop, files: "
      "{}}\n",
      Catalog::BuiltIn());
  ASSERT_FALSE(checked.ok());
  std::vector<std::string> paths;
  for (const Problem& problem : checked.status().problems()) paths.push_back(problem.path);
  EXPECT_THAT(paths, testing::IsSupersetOf({"steps[0].files.../x", "steps[0].files.z",
                                            "steps[0].inputs.a.b", "steps[1].files"}));
}

TEST(CheckDefinitionText, PutsLinesBeforeProblemsInTheirOrder) {
  const Result<CheckedDefinition> checked = CheckDefinitionText(
      "name: p\nsteps:\n- name: a\n  type: nop\n- name: b\n  type: noop\n  with:\n    fail: maybe\n"
      "  inputs: {data: rows.csv}\n- {type: noop}\n",
      Catalog::BuiltIn());
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.status().reason(), "INVALID_DEFINITION");
  std::vector<std::string> lines;
  for (const Problem& problem : checked.status().problems()) {
    lines.push_back(problem.path + ": " + problem.message);
  }
  EXPECT_THAT(lines, ElementsAre(StartsWith("steps[0].type: line 4: \"nop\" is not a step type"),
                                 StartsWith("steps[1].with.fail: line 8: must be boolean"),
                                 StartsWith("steps[1].inputs.data: line 9: \"rows.csv\""),
                                 StartsWith("steps[2].name: line 10: is missing")));
}

TEST(CheckDefinitionText, PassesSyntaxErrorsOn) {
  const Result<CheckedDefinition> checked = CheckDefinitionText("a: [", Catalog::BuiltIn());
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.status().reason(), "BAD_YAML");
}

TEST(CheckDefinitionDocument, TakesOneThatCameAsSuch) {
  const Json document = {{"name", "p"}, {"steps", {{{"name", "a"}, {"type", "noop"}}}}};
  const Result<CheckedDefinition> checked = CheckDefinitionDocument(document, Catalog::BuiltIn());
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->spec.steps.size(), 1U);
}

TEST(CheckDefinitionDocument, KeepsTheLimitsOfTexts) {
  Json large = {{"name", "p"}, {"description", std::string(limits::kMaxDefinitionBytes, 'x')}};
  Result<CheckedDefinition> checked = CheckDefinitionDocument(large, Catalog::BuiltIn());
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.status().reason(), "TOO_LARGE");
  EXPECT_NE(checked.status().message().find("split it into several pipelines"), std::string::npos);
  Json deep = 1;
  for (int i = 0; i < 1000; ++i) deep = Json::array({deep});
  checked = CheckDefinitionDocument(deep, Catalog::BuiltIn());
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.status().reason(), "INVALID_DEFINITION");
}

}  // namespace
}  // namespace penstock

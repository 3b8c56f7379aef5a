// Every limit that is kept when a definition is submitted.

#include "storage/model/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

TEST(Limits, StepsAndDepthAndParameters) {
  Json many = {{"name", "p"}, {"steps", Json::array()}};
  for (int i = 0; i <= limits::kMaxStepsPerRun; ++i) {
    many["steps"].push_back({{"name", "s" + std::to_string(i)}, {"type", "noop"}});
  }
  Result<PipelineSpec> spec = ParsePipeline(many, Catalog::BuiltIn());
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(Lines(spec.status().problems()),
              ElementsAre("steps: holds 10001 steps; at most 10000"));

  Json deep = 1;
  for (int i = 0; i < limits::kMaxDefinitionDepth; ++i) deep = Json::array({deep});
  spec = ParsePipeline({{"name", "p"}, {"steps", deep}}, Catalog::BuiltIn());
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(Lines(spec.status().problems()),
              ElementsAre(": is nested deeper than 32 levels; flatten it"));

  Json wide = {{"name", "p"}, {"steps", {{{"name", "a"}, {"type", "noop"}}}}};
  for (int i = 0; i <= limits::kMaxParameters; ++i) {
    wide["parameters"]["p" + std::to_string(i)] = {{"type", "string"}};
  }
  spec = ParsePipeline(wide, Catalog::BuiltIn());
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(Lines(spec.status().problems()),
              Contains("parameters: holds 257 parameters; at most 256"));
}

TEST(Limits, NodesOfAStep) {
  const auto on = [](const std::string& nodes, const std::string& type) {
    return Refusals("{name: p, steps: [{name: a, type: " + type + ", resources: {nodes: " + nodes +
                    "}}]}");
  };
  const std::string script = "script, with: {command: [x]}";
  EXPECT_THAT(on("64", script), IsEmpty());
  EXPECT_THAT(on("65", script), ElementsAre(StartsWith("steps[0].resources.nodes: ")));
  EXPECT_THAT(on("0", script), ElementsAre(StartsWith("steps[0].resources.nodes: ")));
  EXPECT_THAT(on("1", "noop"), IsEmpty());
  EXPECT_THAT(on("2", "noop"),
              ElementsAre("steps[0].resources.nodes: is for steps that run on several nodes "
                          "together, as script steps can; a noop step runs on one"));
  EXPECT_THAT(
      Refusals("{name: p, defaults: {resources: {nodes: 2}}, steps: [{name: a, type: noop}]}"),
      ElementsAre(StartsWith("steps[0].resources.nodes: ")));
}

TEST(Limits, NamesTagsInputsAndEdges) {
  const std::string name(limits::kMaxNameLength, 'n');
  EXPECT_THAT(Refusals("{name: " + name + ", steps: [{name: " + name + ", type: noop}]}"),
              IsEmpty());
  EXPECT_THAT(Refusals("{name: p, steps: [{name: n" + name + ", type: noop}]}"),
              ElementsAre(StartsWith("steps[0].name: ")));

  Json tags = {{"name", "p"}, {"steps", {{{"name", "a"}, {"type", "noop"}}}}};
  for (int i = 0; i <= limits::kMaxTagsPerRun; ++i) tags["tags"]["t" + std::to_string(i)] = "v";
  Result<PipelineSpec> spec = ParsePipeline(tags, Catalog::BuiltIn());
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(Lines(spec.status().problems()), ElementsAre("tags: holds 33 tags; at most 32"));
  EXPECT_THAT(Refusals("{name: p, tags: {t: " + std::string(limits::kMaxTagBytes + 1, 'x') +
                       "}, steps: [{name: a, type: noop}]}"),
              ElementsAre(StartsWith("tags.t: ")));

  Json inputs = {{"name", "p"},
                 {"parameters", {{"d", {{"type", "dataset"}}}}},
                 {"steps", {{{"name", "a"}, {"type", "noop"}}}}};
  for (int i = 0; i <= limits::kMaxInputsPerStep; ++i) {
    inputs["steps"][0]["inputs"]["data"].push_back("${parameters.d}");
  }
  spec = ParsePipeline(inputs, Catalog::BuiltIn());
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(Lines(spec.status().problems()),
              ElementsAre("steps[0].inputs: holds 1001 artifacts; at most 1000"));

  Json edges = {{"name", "p"}, {"steps", Json::array()}};
  Json names = Json::array();
  for (int i = 0; i < 400; ++i) {
    names.push_back("a" + std::to_string(i));
    edges["steps"].push_back({{"name", names.back()}, {"type", "noop"}});
  }
  for (int i = 0; i < 300; ++i) {
    edges["steps"].push_back(
        {{"name", "b" + std::to_string(i)}, {"type", "noop"}, {"dependsOn", names}});
  }
  spec = ParsePipeline(edges, Catalog::BuiltIn());
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(Lines(spec.status().problems()),
              ElementsAre("steps: wait for each other in 120000 places; at most 100000"));
}

TEST(Limits, Keys) {
  Json document = {{"name", "p"}, {"steps", {{{"name", "a"}, {"type", "noop"}}}}};
  Json& metrics = document["steps"][0]["with"]["metrics"];
  metrics[std::string(limits::kMaxKeyBytes, 'k')] = 1;
  EXPECT_TRUE(ParsePipeline(document, Catalog::BuiltIn()).ok());
  metrics[std::string(limits::kMaxKeyBytes + 1, 'k')] = 1;
  const Result<PipelineSpec> spec = ParsePipeline(document, Catalog::BuiltIn());
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(Lines(spec.status().problems()),
              ElementsAre(": has a key of more than 512 bytes; shorten it"));
}

}  // namespace
}  // namespace penstock

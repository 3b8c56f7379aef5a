// Every limit that is kept when a definition is submitted.

#include "storage/model/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/core/bind.h"
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
  EXPECT_THAT(on(std::to_string(limits::kMaxGangNodes), script), IsEmpty());
  EXPECT_THAT(on(std::to_string(limits::kMaxGangNodes + 1), script),
              ElementsAre(StartsWith("steps[0].resources.nodes: ")));
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

TEST(Limits, WhatIsAtTheLimitIsGood) {
  Json document = {{"name", "p"}, {"steps", Json::array()}};
  for (int i = 0; i < limits::kMaxStepsPerRun; ++i) {
    document["steps"].push_back({{"name", "s" + std::to_string(i)}, {"type", "noop"}});
  }
  EXPECT_TRUE(ParsePipeline(document, Catalog::BuiltIn()).ok()) << "steps";

  document["steps"] = {{{"name", "a"}, {"type", "noop"}, {"retry", {{"maxAttempts", 100}}}}};
  for (int i = 0; i < limits::kMaxParameters; ++i) {
    document["parameters"]["p" + std::to_string(i)] = {{"type", "dataset"}};
  }
  for (int i = 0; i < limits::kMaxTagsPerRun; ++i) {
    document["tags"]["t" + std::to_string(i)] = std::string(limits::kMaxTagBytes, 'x');
  }
  for (int i = 0; i < limits::kMaxInputsPerStep; ++i) {
    document["steps"][0]["inputs"]["data"].push_back("${parameters.p1}");
  }
  EXPECT_TRUE(ParsePipeline(document, Catalog::BuiltIn()).ok())
      << "parameters, tags, inputs and retries";

  Json edges = {{"name", "p"}, {"steps", Json::array()}};
  Json names = Json::array();
  for (int i = 0; i < 500; ++i) {
    names.push_back("a" + std::to_string(i));
    edges["steps"].push_back({{"name", names.back()}, {"type", "noop"}});
  }
  for (int i = 0; i < limits::kMaxEdgesPerRun / 500; ++i) {
    edges["steps"].push_back(
        {{"name", "b" + std::to_string(i)}, {"type", "noop"}, {"dependsOn", names}});
  }
  EXPECT_TRUE(ParsePipeline(edges, Catalog::BuiltIn()).ok()) << "edges";
}

TEST(Limits, Retries) {
  const auto refusals = [](int attempts) {
    return Refusals("{name: p, steps: [{name: a, type: noop, retry: {maxAttempts: " +
                    std::to_string(attempts) + "}}]}");
  };
  EXPECT_THAT(refusals(limits::kMaxRetryAttempts), IsEmpty());
  EXPECT_THAT(refusals(limits::kMaxRetryAttempts + 1),
              ElementsAre(StartsWith("steps[0].retry.maxAttempts: 101 is out of bounds")));
}

// 5 inner steps for each of 9,999 items, the map itself, and 4 beside it.
TEST(Limits, StepsWithTheItemsOfMaps) {
  const auto refusals = [](const std::string& items, int beside) {
    std::string text = "{name: p, parameters: {n: {type: integer, default: 1}}, steps: [";
    for (int i = 0; i < beside; ++i) text += "{name: b" + std::to_string(i) + ", type: noop}, ";
    text += "{name: m, type: map, over: {range: " + items + "}, steps: [";
    for (int i = 0; i < 5; ++i) text += "{name: s" + std::to_string(i) + ", type: noop}, ";
    return text + "]}]}";
  };
  static_assert(9'999 * 5 + 1 + 4 == limits::kMaxStepInstances);
  EXPECT_THAT(Refusals(refusals("9999", 4)), IsEmpty());
  EXPECT_THAT(Refusals(refusals("9999", 5)),
              ElementsAre("steps: with the items of its maps a run would have 50001 steps; at most "
                          "50000"));
  // The same where a parameter says how many.
  const PipelineSpec spec = Good(refusals("'${parameters.n}'", 4));
  EXPECT_TRUE(BindParameters(spec, {{"n", 9'999}}, Catalog::BuiltIn()).ok());
  const Status status = BindParameters(spec, {{"n", 10'000}}, Catalog::BuiltIn()).status();
  EXPECT_EQ(status.reason(), "INVALID_PARAMETERS");
  EXPECT_THAT(Lines(status.problems()), ElementsAre(testing::HasSubstr("50005 steps")));
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

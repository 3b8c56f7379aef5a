#include "server/rpc/pipeline_spec.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

namespace penstock {
namespace {

v1::PipelineSpec Parse(const std::string& json) {
  v1::PipelineSpec spec;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &spec);
  EXPECT_TRUE(status.ok()) << status.message();
  return spec;
}

TEST(PipelineSpecTest, EveryFieldOfTheMessageReachesTheDocument) {
  const auto document = DefinitionFromProto(Parse(R"({
    "name": "p", "description": "d", "maxParallelSteps": 3, "tags": {"team": "x"},
    "queue": "batch", "priority": -4, "maxActiveRuns": 2, "onLimit": "skip",
    "parameters": {"depth": {"type": "integer", "default": {"integer": "6"}, "minimum": 1, "maximum": 16},
                   "kind": {"type": "enum", "values": [{"text": "a"}, {"text": "b"}]}},
    "defaults": {"timeout": "30m", "retry": {"maxAttempts": 3, "interval": "1s", "backoff": 2,
                 "maxInterval": "1m", "jitter": false}, "resources": {"cpus": 2}},
    "steps": [
      {"name": "a", "type": "train", "algorithm": "xgboost",
       "inputs": {"train": {"text": "${steps.p.outputs.train}"}},
       "hyperparameters": {"map": {"fields": {"max_depth": {"text": "${parameters.depth}"},
                                              "eta": {"number": 0.5}}}},
       "resources": {"cpus": 1.5, "memory": "1GiB", "gpus": 1, "nodes": 2, "labels": {"zone": "a"},
                     "tolerations": {"team": "x"}},
       "mutex": "db",
       "dependsOn": ["z"], "when": "all_done", "retry": {"maxAttempts": 1}, "timeout": "1h",
       "continueOnFailure": true},
      {"name": "c", "type": "condition", "if": {"list": {"items": [{"boolean": true}]}},
       "then": ["a"], "else": ["b"], "with": {"map": {}}},
      {"name": "s", "type": "script", "files": {"t.py": {"text": "${parameters.code}"}}}]})"));
  ASSERT_TRUE(document.ok()) << document.status();
  const auto expected = ParseJson(R"({
    "apiVersion": "penstock/v1", "kind": "Pipeline", "name": "p", "description": "d",
    "maxParallelSteps": 3, "tags": {"team": "x"},
    "queue": "batch", "priority": -4, "maxActiveRuns": 2, "onLimit": "skip",
    "parameters": {"depth": {"type": "integer", "default": 6, "minimum": 1.0, "maximum": 16.0},
                   "kind": {"type": "enum", "values": ["a", "b"]}},
    "defaults": {"timeout": "30m", "retry": {"maxAttempts": 3, "interval": "1s", "backoff": 2.0,
                 "maxInterval": "1m", "jitter": false}, "resources": {"cpus": 2.0}},
    "steps": [
      {"name": "a", "type": "train", "algorithm": "xgboost",
       "inputs": {"train": "${steps.p.outputs.train}"},
       "hyperparameters": {"max_depth": "${parameters.depth}", "eta": 0.5},
       "resources": {"cpus": 1.5, "memory": "1GiB", "gpus": 1, "nodes": 2, "labels": {"zone": "a"},
                     "tolerations": {"team": "x"}},
       "mutex": "db",
       "dependsOn": ["z"], "when": "all_done", "retry": {"maxAttempts": 1}, "timeout": "1h",
       "continueOnFailure": true},
      {"name": "c", "type": "condition", "if": [true], "then": ["a"], "else": ["b"], "with": {}},
      {"name": "s", "type": "script", "files": {"t.py": "${parameters.code}"}}]})");
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_EQ(DumpJson(*document), DumpJson(*expected));
}

TEST(PipelineSpecTest, FieldsThatAreNotSetAreLeftOut) {
  const auto document = DefinitionFromProto(Parse(R"({"name": "p", "steps": [{"name": "a"}]})"));
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(DumpJson(*document),
            R"({"apiVersion":"penstock/v1","kind":"Pipeline","name":"p","steps":[{"name":"a"}]})");
}

TEST(PipelineSpecTest, ValuesWithoutAKindAreNamed) {
  const auto document =
      DefinitionFromProto(Parse(R"({"steps": [{"name": "a", "inputs": {"data": {}}}]})"));
  EXPECT_THAT(document.status().message(), testing::HasSubstr("steps[0].inputs.data"));
}

}  // namespace
}  // namespace penstock

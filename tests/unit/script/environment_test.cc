#include "steps/script/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "steps/script/sandbox.h"

namespace penstock {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

using Texts = std::map<std::string, std::string>;

ScriptSurroundings Surroundings() {
  return {.folders = {.code = "/w/code",
                      .input = "/w/input",
                      .model = "/w/out/model",
                      .output = "/w/out/data",
                      .temporary = "/w/tmp"},
          .channels = {"validation-2", "train"},
          .cpus = 3,
          .gpus = 1,
          .inherited = {{"PATH", "/bin"}, {"PENSTOCK_TOKEN", "secret"}, {"LC_ALL", "C"}}};
}

TEST(ArgumentsTest, AreThoseOfScriptMode) {
  const Json values = {{"epochs", 10}, {"n", 1},          {"rate", 0.5},
                       {"flag", true}, {"name", "a b"},   {"none", nullptr},
                       {"off", false}, {"sizes", {1, 2}}, {"deep", {{"a", 1}}}};
  EXPECT_THAT(HyperparameterArguments(values),
              ElementsAre("--deep", "{\"a\":1}", "--epochs", "10", "--flag", "True", "-n", "1",
                          "--name", "a b", "--off", "False", "--rate", "0.5", "--sizes", "[1,2]"));
  EXPECT_THAT(HyperparameterArguments(Json::object()), IsEmpty());
}

TEST(EnvironmentTest, NamesFoldersChannelsAndResources) {
  const Texts variables = ScriptEnvironment(Json::object(), Surroundings());
  for (const auto& [name, value] : Texts{{"SM_CHANNELS", "[\"train\",\"validation-2\"]"},
                                         {"SM_CHANNEL_TRAIN", "/w/input/data/train"},
                                         {"SM_CHANNEL_VALIDATION_2", "/w/input/data/validation-2"},
                                         {"SM_MODEL_DIR", "/w/out/model"},
                                         {"SM_OUTPUT_DATA_DIR", "/w/out/data"},
                                         {"SM_OUTPUT_DIR", "/w/out"},
                                         {"SM_INPUT_DIR", "/w/input"},
                                         {"SM_INPUT_CONFIG_DIR", "/w/input/config"},
                                         {"SM_NUM_CPUS", "3"},
                                         {"SM_NUM_GPUS", "1"},
                                         {"SM_HPS", "{}"},
                                         {"SM_USER_ARGS", "[]"},
                                         {"TMPDIR", "/w/tmp"}}) {
    EXPECT_THAT(variables, Contains(Pair(name, value)));
  }
}

TEST(EnvironmentTest, HoldsHyperparametersInThreeForms) {
  const Texts variables = ScriptEnvironment(
      {{"hyperparameters", {{"learning-rate", 0.1}, {"on", true}, {"x", nullptr}}}},
      Surroundings());
  EXPECT_THAT(variables, Contains(Pair("SM_HP_LEARNING_RATE", "0.1")));
  EXPECT_THAT(variables, Contains(Pair("SM_HP_ON", "true")));
  EXPECT_FALSE(variables.contains("SM_HP_X"));
  EXPECT_THAT(variables,
              Contains(Pair("SM_HPS", "{\"learning-rate\":0.1,\"on\":true,\"x\":null}")));
  EXPECT_THAT(variables,
              Contains(Pair("SM_USER_ARGS", "[\"--learning-rate\",\"0.1\",\"--on\",\"True\"]")));
}

TEST(EnvironmentTest, HandsOnLittleOfTheWorkersOwn) {
  const Texts variables = ScriptEnvironment(
      {{"environment", {{"PATH", "/opt/bin"}, {"MODE", "fast"}}}}, Surroundings());
  EXPECT_FALSE(variables.contains("PENSTOCK_TOKEN"));
  EXPECT_THAT(variables, Contains(Pair("LC_ALL", "C")));
  EXPECT_THAT(variables, Contains(Pair("PATH", "/opt/bin"))) << "the definition wins";
  EXPECT_THAT(variables, Contains(Pair("MODE", "fast")));
}

TEST(EnvironmentTest, OnOneNodeThereIsOneHostAndNoRank) {
  const Texts variables = ScriptEnvironment(Json::object(), Surroundings());
  EXPECT_THAT(variables, Contains(Pair("SM_HOSTS", "[\"algo-1\"]")));
  EXPECT_THAT(variables, Contains(Pair("SM_CURRENT_HOST", "algo-1")));
  EXPECT_THAT(variables, Contains(Pair("SM_HOST_COUNT", "1")));
  for (const char* name : {"RANK", "WORLD_SIZE", "MASTER_ADDR", "PENSTOCK_RANKS"}) {
    EXPECT_FALSE(variables.contains(name)) << name;
  }
}

TEST(EnvironmentTest, OnSeveralNodesEachRankKnowsTheOthers) {
  ScriptSurroundings surroundings = Surroundings();
  surroundings.ranks = {{"10.0.0.1", 29'500}, {"fd00::2", 29'501}};
  surroundings.rank = 1;
  const Texts variables =
      ScriptEnvironment({{"environment", {{"MASTER_PORT", "1234"}}}}, surroundings);
  for (const auto& [name, value] : Texts{{"SM_HOSTS", "[\"algo-1\",\"algo-2\"]"},
                                         {"SM_CURRENT_HOST", "algo-2"},
                                         {"SM_CURRENT_HOST_RANK", "1"},
                                         {"SM_HOST_COUNT", "2"},
                                         {"SM_MASTER_ADDR", "10.0.0.1"},
                                         {"SM_MASTER_PORT", "29500"},
                                         {"SM_RESOURCE_CONFIG",
                                          "{\"current_host\":\"algo-2\",\"hosts\":[\"algo-1\","
                                          "\"algo-2\"]}"},
                                         {"PENSTOCK_RANKS", "10.0.0.1:29500,[fd00::2]:29501"},
                                         {"RANK", "1"},
                                         {"NODE_RANK", "1"},
                                         {"LOCAL_RANK", "0"},
                                         {"WORLD_SIZE", "2"},
                                         {"MASTER_ADDR", "10.0.0.1"},
                                         {"MASTER_PORT", "1234"}}) {
    EXPECT_THAT(variables, Contains(Pair(name, value)));
  }
}

TEST(SandboxTest, HidesFirstAndBindsAfter) {
  const std::vector<std::string> command = SandboxCommand({.bubblewrap = "/usr/bin/bwrap",
                                                           .hidden = {"/tmp/data"},
                                                           .temporary = "/tmp/data/attempt/tmp",
                                                           .writable = {"/tmp/data/attempt/out"},
                                                           .read_only = {"/tmp/data/attempt/in"},
                                                           .working_directory = "/tmp/data/work"});
  const auto at = [&](const std::string& text) {
    return std::find(command.begin(), command.end(), text) - command.begin();
  };
  EXPECT_LT(at("/tmp"), at("/tmp/data")) << "the data folder may lie in /tmp";
  EXPECT_LT(at("/tmp/data"), at("/tmp/data/attempt/in"));
  EXPECT_LT(at("/tmp/data/attempt/out"), at("--remount-ro"));
  EXPECT_EQ(command.back(), "--");
  EXPECT_THAT(command, Contains("--unshare-all"));
  EXPECT_THAT(command, Not(Contains("--share-net")));
  EXPECT_THAT(command, Contains("/run")) << "where services have their sockets";
  const std::vector<std::string> open = SandboxCommand({.bubblewrap = "b", .network = true});
  EXPECT_THAT(open, Contains("--share-net"));
  EXPECT_THAT(open, Not(Contains("/run")));
}

}  // namespace
}  // namespace penstock

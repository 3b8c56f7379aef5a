// What an attempt ran in, as it is told.

#include "worker/agent/environment.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

v1::Lease LeaseOf(const std::string& type, const std::string& parameters, int gpus = 0) {
  v1::Lease lease;
  lease.set_type(type);
  lease.set_version("1");
  lease.set_parameters_json(parameters);
  lease.set_gpus(gpus);
  return lease;
}

Json Record(const WorkerConfig& config, const v1::Lease& lease, bool sandboxed = false) {
  EnvironmentRecorder recorder(config);
  return *ParseJson(recorder.Record(lease, 2, sandboxed));
}

TEST(EnvironmentTest, SaysWhatItComputedOn) {
  WorkerConfig config;
  config.devices = {{"GPU-a", "H100", 80}, {"GPU-b", "H100", 80}};
  const Json cpu = Record(config, LeaseOf("noop", "{}"));
  EXPECT_EQ(cpu["device"], "cpu");
  EXPECT_EQ(cpu["threads"], 2);
  EXPECT_EQ(cpu["step"], "noop@1");
  EXPECT_EQ(Record(config, LeaseOf("noop", "{}", 2))["device"], "2 x H100");
  config.devices.push_back({"GPU-c", "A100", 40});
  EXPECT_EQ(Record(config, LeaseOf("noop", "{}", 1))["device"], "1 x A100 or H100");
  config.devices = {{"0", "", 0}};
  EXPECT_EQ(Record(config, LeaseOf("noop", "{}", 1))["device"], "1 x GPU") << "a declared one";
}

TEST(EnvironmentTest, SaysHowAScriptWasKeptApart) {
  const std::string plain = R"({"command": ["sh", "-c", "true"]})";
  EXPECT_EQ(Record({}, LeaseOf("script", plain))["isolation"], "none");
  EXPECT_EQ(Record({}, LeaseOf("script", plain), true)["isolation"], "bubblewrap");
  EXPECT_NE(JsonString(Record({}, LeaseOf("script", plain)), "interpreter"), "");
  const Json image =
      Record({}, LeaseOf("script", R"({"command": ["sh"], "image": "team/train:1"})"), true);
  EXPECT_EQ(image["isolation"], "container");
  EXPECT_EQ(image["image"], "team/train:1");
  EXPECT_FALSE(image.contains("interpreter")) << "that of this node is not the image's";
}

TEST(EnvironmentTest, ACommandIsShownAsItWasWritten) {
  v1::Lease lease = LeaseOf(
      "script", R"({"command": ["sh", "$$HOME"], "environment": {"T": "${secrets.hub}"}})");
  (*lease.mutable_secrets())["hub"] = "s3cret";
  const Json record = Record({}, lease);
  EXPECT_EQ(record["command"], Json({"sh", "$HOME"}));
  EXPECT_EQ(DumpJson(record).find("s3cret"), std::string::npos);
}

TEST(EnvironmentTest, SeedsAreKept) {
  const Json record = Record({}, LeaseOf("process", R"({"split": {"seed": 7}})"));
  EXPECT_NE(DumpJson(record).find("7"), std::string::npos);
  EXPECT_TRUE(record.contains("seeds")) << DumpJson(record);
}

}  // namespace
}  // namespace penstock

#ifndef PENSTOCK_TESTS_INTEGRATION_LOCAL_LOCAL_FIXTURE_H_
#define PENSTOCK_TESTS_INTEGRATION_LOCAL_LOCAL_FIXTURE_H_

// `penstock` on files of this machine, with a temporary folder of its own that must be empty in the
// end. A cluster is there for those who start it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support/cluster.h"

namespace penstock {

class LocalFixture : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(In("tmp")); }
  void TearDown() override {
    EXPECT_TRUE(std::filesystem::is_empty(In("tmp"))) << "something is left behind";
  }

  std::string In(const std::string& name) const { return (cluster_.folder() / name).string(); }
  void WriteIn(const std::string& folder, const std::string& name, const std::string& text) {
    std::filesystem::create_directory(In(folder));
    cluster_.Write(folder + "/" + name, text);
  }
  // Runs the client, which finds no coordinator.
  Ran Here(const std::vector<std::string>& arguments,
           const std::map<std::string, std::string>& environment = {}) {
    std::map<std::string, std::string> whole = environment;
    whole["TMPDIR"] = In("tmp");
    whole.emplace("PENSTOCK_ADDRESS", "127.0.0.1:1");
    std::vector<std::string> command = {Program("penstock")};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return RunProgram(command, whole);
  }
  // The same with -o json; fails the test where that is no document.
  Json JsonOf(std::vector<std::string> arguments, int code = 0) {
    arguments.insert(arguments.end(), {"-o", "json"});
    const Ran ran = Here(arguments);
    EXPECT_EQ(ran.code, code) << ran.err;
    const Result<Json> json = ParseJson(ran.out, {.max_bytes = 64 << 20, .max_depth = 64});
    EXPECT_TRUE(json.ok()) << json.status() << "\n" << ran.out << ran.err;
    return json.value_or(Json());
  }

  Cluster cluster_;
};

}  // namespace penstock

#endif  // PENSTOCK_TESTS_INTEGRATION_LOCAL_LOCAL_FIXTURE_H_

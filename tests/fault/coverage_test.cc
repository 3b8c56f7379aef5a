// The suite knows every fault point of the sources: one that is new has no test until it stands in
// fault_points.h, and in a test that hits it.

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>

#include "base/file.h"
#include "tests/fault/fault_points.h"

namespace penstock {
namespace {

TEST(CoverageTest, EveryFaultPointOfTheSourcesIsInTheSuite) {
  std::map<std::string, bool> found;  // with whether it can fail
  const std::regex point(R"(PENSTOCK_FAULT_(POINT|STATUS)\("([^"]+)\"\))");
  for (const char* folder : {"base", "storage", "steps", "server", "worker", "client"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      const std::string extension = entry.path().extension();
      if (extension != ".cc" && extension != ".h") continue;
      if (entry.path().filename() == "fault_point.h") continue;  // its examples
      const std::string text = ReadFile(entry.path()).value_or("");
      for (std::sregex_iterator it(text.begin(), text.end(), point), end; it != end; ++it) {
        found[(*it)[2]] = found[(*it)[2]] || (*it)[1] == "STATUS";
      }
    }
  }
  std::map<std::string, bool> listed;
  for (const FaultPoint& each : kFaultPoints) {
    EXPECT_TRUE(listed.emplace(each.name, each.can_fail).second) << each.name;
    EXPECT_TRUE(each.coordinator || each.worker || each.operation || each.migration)
        << each.name << " is hit by no test";
  }
  EXPECT_EQ(listed, found);
}

}  // namespace
}  // namespace penstock

// A test of the tests: bugs that are planted into the engine are found.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

namespace penstock::sim {
namespace {

std::vector<std::string> Mutants() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(PENSTOCK_MUTANTS)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class PlantedTest : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Bugs, PlantedTest, testing::ValuesIn(Mutants()),
                         [](const auto& mutant) { return mutant.param; });

TEST_P(PlantedTest, IsFoundWithinAThousandSeeds) {
  const std::filesystem::path program = std::filesystem::path(PENSTOCK_MUTANTS) / GetParam();
  const std::string command = program.string() + " --seeds 1-1000 --jobs 1 2>&1";
  FILE* const pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string told;
  char buffer[4'096];
  while (fgets(buffer, sizeof buffer, pipe) != nullptr) told += buffer;
  const int status = pclose(pipe);
  EXPECT_EQ(WEXITSTATUS(status), 1) << told;
  EXPECT_NE(told.find("1 failed"), std::string::npos) << told;
  std::printf("%s", told.c_str());
}

TEST(PlantedBugsTest, AreAllThere) {
  EXPECT_GE(Mutants().size(), 10u);
}

}  // namespace
}  // namespace penstock::sim

// How programs are ended.

#include "steps/script/program.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "base/json.h"
#include "steps/script/sandbox.h"

namespace penstock {
namespace {

// A step that was cancelled before its program began.
class CancelledStep : public StepContext {
 public:
  const std::string& type() const override { return nothing_; }
  const std::string& algorithm() const override { return nothing_; }
  const Json& parameters() const override { return parameters_; }
  const std::vector<InputArtifact>& inputs(std::string_view) const override { return inputs_; }
  const std::filesystem::path& output_dir() const override { return folder_; }
  const std::filesystem::path& scratch_dir() const override { return folder_; }
  int threads() const override { return 1; }
  int64_t memory_bytes() const override { return 0; }
  bool cancelled() const override { return true; }
  void LogMetric(std::string_view, int64_t, double) override {}
  void SetProgress(double, std::string_view) override {}
  void Log(std::string_view) override {}

 private:
  std::string nothing_;
  Json parameters_ = Json::object();
  std::vector<InputArtifact> inputs_;
  std::filesystem::path folder_;
};

constexpr int kEndedBySigterm = 128 + 15;

ProgramResult RunCancelled(std::vector<std::string> command, bool sandboxed) {
  CancelledStep step;
  ScriptMetrics metrics(
      Json::array(), [](std::string_view, int64_t, double) {}, [](double, std::string_view) {});
  // A signal that gets lost leaves the test hanging.
  const auto result = RunToEnd({.command = std::move(command),
                                .environment = {{"PATH", "/usr/bin:/bin"}},
                                .working_directory = "/",
                                .sandboxed = sandboxed,
                                .grace = std::chrono::hours(1)},
                               step, metrics);
  EXPECT_TRUE(result.ok()) << result.status();
  return *result;
}

TEST(Program, IsAskedToStopOnceItRuns) {
  const ProgramResult result = RunCancelled({"/bin/sleep", "3600"}, /*sandboxed=*/false);
  EXPECT_TRUE(result.cancelled);
  EXPECT_EQ(result.code, kEndedBySigterm);
}

TEST(Program, IsAskedToStopThoughItsSandboxIsStillBeingMade) {
  const std::string bubblewrap = FindBubblewrap();
  if (bubblewrap.empty()) GTEST_SKIP() << "no bubblewrap here";
  auto folder = TempFolder::Make(std::filesystem::temp_directory_path());
  ASSERT_TRUE(folder.ok());
  std::vector<std::string> command = {"/bin/sh", "-c", "sleep 0.3; exec \"$@\"", "slow"};
  const std::vector<std::string> sandbox = SandboxCommand(
      {.bubblewrap = bubblewrap, .temporary = folder->path(), .working_directory = "/"});
  command.insert(command.end(), sandbox.begin(), sandbox.end());
  command.insert(command.end(), {"/bin/sleep", "3600"});
  const ProgramResult result = RunCancelled(std::move(command), /*sandboxed=*/true);
  EXPECT_TRUE(result.cancelled);
  EXPECT_EQ(result.code, kEndedBySigterm);
}

}  // namespace
}  // namespace penstock

#include "worker/runner/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "base/file.h"
#include "storage/model/limits.h"
#include "worker/runner/protocol.h"

namespace penstock {
namespace {

using testing::HasSubstr;

// A runner in a thread of the test, with a step of the test's own.
class RunnerTest : public testing::Test {
 protected:
  Outcome Run(const StepFunction& step, const std::vector<std::string>& report_paths) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    UniqueFd ours(ends[0]);
    const UniqueFd theirs(ends[1]);
    StepRegistry steps;
    steps.Register("custom", "1", step);
    std::thread runner([&] { EXPECT_EQ(RunnerMain(steps, theirs.get()), 0); });
    Assignment assignment;
    assignment.id = 7;
    assignment.type = "custom";
    assignment.parameters = Json::object();
    assignment.workspace = (folder_.path() / "attempt").string();
    assignment.store = (folder_.path() / "store").string();
    assignment.report_paths = report_paths;
    EXPECT_TRUE(WriteAll(ours.get(), FrameOf(Encode(assignment)), "the socket").ok());
    FrameReader frames;
    std::optional<Outcome> outcome;
    char buffer[64 << 10];
    while (!outcome) {
      const ssize_t count = read(ours.get(), buffer, sizeof buffer);
      if (count <= 0) break;
      frames.Append({buffer, static_cast<std::size_t>(count)});
      const Result<std::optional<Json>> frame = frames.Next();
      if (!frame.ok()) break;
      if (frame->has_value()) outcome = DecodeChildMessage(**frame).value().outcome;
    }
    ours.Close();
    runner.join();
    EXPECT_TRUE(outcome.has_value());
    return outcome.value_or(Outcome());
  }

  TempFolder folder_ = *TempFolder::Make("/tmp");
};

TEST_F(RunnerTest, BringsWhatTheDefinitionRefersTo) {
  const Outcome outcome = Run(
      [](StepContext&) -> Result<StepOutcome> {
        return StepOutcome{.report = {{"rows", 3}, {"names", {"a", "b"}}}};
      },
      {"rows", "names", "missing"});
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.report_values.at("rows"), "3");
  EXPECT_EQ(outcome.report_values.at("names"), "[\"a\",\"b\"]");
  EXPECT_FALSE(outcome.report_values.contains("missing"));
}

TEST_F(RunnerTest, AReportValueHasALimit) {
  const Outcome outcome = Run(
      [](StepContext&) -> Result<StepOutcome> {
        return StepOutcome{.report = {{"text", std::string(limits::kMaxReportValueBytes, 'x')}}};
      },
      {"text"});
  EXPECT_EQ(outcome.cause, Cause::kStepError);
  EXPECT_THAT(outcome.status.message(), HasSubstr("report.text"));
}

// Each may be a list of a megabyte, and a definition may refer to many: they share a message.
TEST_F(RunnerTest, AllReportValuesTogetherHaveALimit) {
  std::vector<std::string> paths;
  for (int i = 0; i < 6; ++i) paths.push_back("list" + std::to_string(i));
  const Outcome outcome = Run(
      [&](StepContext&) -> Result<StepOutcome> {
        StepOutcome made;
        for (const std::string& path : paths) {
          made.report[path] = {std::string(limits::kMaxReportListBytes - 10, 'x')};
        }
        return made;
      },
      paths);
  EXPECT_EQ(outcome.cause, Cause::kStepError);
  EXPECT_EQ(outcome.status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(outcome.status.message(), HasSubstr("4 MiB together; refer to fewer"));
}

}  // namespace
}  // namespace penstock

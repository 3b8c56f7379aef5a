// What is left when `penstock step run` is stopped.

#include <signal.h>

#include <fstream>

#include "tests/integration/local/local_fixture.h"

namespace penstock {
namespace {

constexpr char kSlow[] = R"(
name: slow
steps:
- name: sleeps
  type: script
  with:
    isolation: none
    command: [sh, -c, "echo $$ > $MARK.part; mv $MARK.part $MARK; sleep 600 & echo $! > $MARK.child; wait"]
    environment: {MARK: "PLACE"}
)";

class StepStopTest : public LocalFixture {
 protected:
  // Starts the step and waits until its program runs, whose pid is then known.
  void Start(const std::vector<std::string>& more = {}) {
    std::string text = kSlow;
    text.replace(text.find("PLACE"), 5, In("pid"));
    std::vector<std::string> arguments = {Program("penstock"),
                                          "step",
                                          "run",
                                          "-f",
                                          cluster_.Write("slow.yaml", text),
                                          "--step",
                                          "sleeps"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::vector<std::string> environment = CurrentEnvironment();
    environment.push_back("TMPDIR=" + In("tmp"));
    Result<Subprocess> started =
        Subprocess::Start({.arguments = arguments, .environment = environment, .own_group = true});
    ASSERT_TRUE(started.ok()) << started.status();
    client_.emplace(*std::move(started));
    ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(In("pid.child")); }));
    std::ifstream(In("pid")) >> program_;
    std::ifstream(In("pid.child")) >> child_;
    ASSERT_GT(program_, 0);
  }
  bool ProgramIsGone() {
    return Eventually(
        [&] { return kill(program_, 0) != 0 && (child_ == 0 || kill(child_, 0) != 0); });
  }
  std::optional<Subprocess> client_;
  pid_t program_ = 0;
  pid_t child_ = 0;
};

TEST_F(StepStopTest, CtrlCEndsTheStepAndLeavesNothing) {
  Start({"--out", In("out")});
  EXPECT_FALSE(std::filesystem::is_empty(In("tmp")));
  ASSERT_EQ(kill(client_->pid(), SIGINT), 0);
  EXPECT_EQ(client_->Wait().exit_code, 130);
  EXPECT_TRUE(ProgramIsGone());
  EXPECT_TRUE(std::filesystem::is_empty(In("out")));
}

TEST_F(StepStopTest, AClientThatIsKilledTakesTheStepWithIt) {
  Start();
  ASSERT_EQ(kill(client_->pid(), SIGKILL), 0);
  client_->Wait();
  EXPECT_TRUE(ProgramIsGone());
  // It could not clean up; whoever does so finds one folder.
  for (const auto& entry : std::filesystem::directory_iterator(In("tmp"))) {
    EXPECT_TRUE(Eventually([&] { return RemoveAll(entry.path()).ok(); }));
  }
}

}  // namespace
}  // namespace penstock

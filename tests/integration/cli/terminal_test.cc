// What is drawn where a terminal listens.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/subprocess.h"
#include "tests/support/cluster.h"

namespace penstock {
namespace {

using testing::HasSubstr;

// A program with a terminal of so many lines; what it drew until it ended.
std::string DrawnBy(const std::vector<std::string>& arguments, unsigned short lines, int* code) {
  const UniqueFd ours(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  char name[128];
  EXPECT_EQ(grantpt(ours.get()), 0);
  EXPECT_EQ(unlockpt(ours.get()), 0);
  EXPECT_EQ(ptsname_r(ours.get(), name, sizeof name), 0);
  UniqueFd theirs(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  const winsize size{.ws_row = lines, .ws_col = 120, .ws_xpixel = 0, .ws_ypixel = 0};
  EXPECT_EQ(ioctl(theirs.get(), TIOCSWINSZ, &size), 0);
  std::vector<std::string> environment = CurrentEnvironment();
  environment.emplace_back("TERM=xterm");
  std::erase_if(environment, [](const std::string& text) { return text.starts_with("NO_COLOR"); });
  Result<Subprocess> program =
      Subprocess::Start({.arguments = arguments,
                         .environment = environment,
                         .descriptors = {{0, theirs.get()}, {1, theirs.get()}, {2, theirs.get()}}});
  EXPECT_TRUE(program.ok()) << program.status();
  theirs.Close();
  std::string drawn;
  char buffer[4096];
  // The last end of the terminal that closes makes the read fail.
  for (ssize_t count = 0; (count = read(ours.get(), buffer, sizeof buffer)) > 0;) {
    drawn.append(buffer, static_cast<std::size_t>(count));
  }
  *code = program->Wait().ShellCode();
  return drawn;
}

class TerminalTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.StartCoordinator();
    cluster_.StartWorker("w1");
  }
  // The last picture, without the codes that draw it.
  static std::string Last(const std::string& drawn) {
    const std::size_t begin = drawn.rfind("\033[J");
    return begin == std::string::npos ? drawn : drawn.substr(begin + 3);
  }
  std::string Follow(const std::string& file, unsigned short lines) {
    int code = -1;
    const std::string drawn =
        DrawnBy({Program("penstock"), "run", "-f", file, "--follow", "--address", cluster_.grpc()},
                lines, &code);
    EXPECT_EQ(code, 0) << drawn;
    return drawn;
  }
  Cluster cluster_;
};

TEST_F(TerminalTest, ARunIsATableThatIsDrawnOverItself) {
  const std::string drawn = Follow("examples/noop/branches.yaml", 40);
  EXPECT_THAT(drawn, HasSubstr("A\r\033[J")) << "drawn once and never again";
  EXPECT_THAT(drawn, HasSubstr("RUNNING"));
  const std::string last = Last(drawn);
  for (const char* step : {"measure", "good", "celebrate", "repair", "tidy-up"}) {
    EXPECT_THAT(last, HasSubstr(step));
  }
  EXPECT_THAT(last, HasSubstr("\033[32mSUCCEEDED"));
  EXPECT_THAT(last, HasSubstr("SKIPPED"));
  EXPECT_THAT(last, HasSubstr("→ then"));
}

TEST_F(TerminalTest, ARunOfMoreStepsThanLinesShowsWhatHappens) {
  std::string text = "name: many\nsteps:\n- {name: slow, type: noop, with: {duration: 700ms}}\n";
  for (int i = 0; i < 30; ++i) {
    text += "- {name: later" + std::to_string(i) + ", type: noop, dependsOn: [slow]}\n";
  }
  const std::string drawn = Follow(cluster_.Write("many.yaml", text), 12);
  EXPECT_THAT(drawn, HasSubstr("slow"));
  EXPECT_THAT(drawn, HasSubstr("… and 30 more (0 of 31 done)"));
  EXPECT_THAT(drawn, HasSubstr("(31 of 31 done)"));
}

}  // namespace
}  // namespace penstock

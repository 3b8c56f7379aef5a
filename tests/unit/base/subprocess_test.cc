#include "base/subprocess.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "base/file.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Micros kPatience = std::chrono::seconds(30);

class SubprocessTest : public testing::Test {
 protected:
  SubprocessOptions Shell(const std::string& script) {
    return {.arguments = {"/bin/sh", "-c", script}, .descriptors = {{1, out_.get()}}};
  }
  static Subprocess Start(const SubprocessOptions& options) {
    Result<Subprocess> made = Subprocess::Start(options);
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }
  std::string Out() { return ReadFile(folder_.path() / "out").value_or(""); }
  // What it printed, once it has printed something.
  std::string FirstOut() {
    const Tick until = Clock::Real().Ticks() + kPatience;
    while (Out().empty() && Clock::Real().Ticks() < until) std::this_thread::yield();
    return Out();
  }

  TempFolder folder_ = *TempFolder::Make("/tmp");
  UniqueFd out_{open((folder_.path() / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
};

TEST_F(SubprocessTest, TellsHowItEnded) {
  Subprocess three = Start(Shell("exit 3"));
  EXPECT_EQ(three.Wait().exit_code, 3);
  EXPECT_EQ(three.Wait().Describe(), "ended with exit code 3");
  EXPECT_EQ(three.Poll()->ShellCode(), 3);
  Subprocess killed = Start(Shell("kill -KILL $$"));
  EXPECT_EQ(killed.Wait().signal, SIGKILL);
  EXPECT_EQ(killed.Wait().Describe(), "was killed by signal 9 (Killed)");
  EXPECT_EQ(killed.Wait().ShellCode(), 137);
}

TEST_F(SubprocessTest, AProgramThatCannotRunIsAnErrorAtOnce) {
  const Status missing = Subprocess::Start({.arguments = {"/no/such/program"}}).status();
  EXPECT_EQ(missing.code(), StatusCode::kNotFound);
  EXPECT_THAT(missing.message(), HasSubstr("/no/such/program"));
  EXPECT_EQ(Subprocess::Start({.arguments = {folder_.path() / "out"}}).status().code(),
            StatusCode::kPermissionDenied);
  EXPECT_FALSE(
      Subprocess::Start({.arguments = {"/bin/true"}, .working_directory = "/no/such"}).ok());
  EXPECT_FALSE(Subprocess::Start({.arguments = {"/bin/true"}, .descriptors = {{0, 9'999}}}).ok());
}

TEST_F(SubprocessTest, HasTheEnvironmentAndFolderThatItWasGiven) {
  SubprocessOptions options = Shell("pwd; echo \"$ONLY|$HOME\"");
  options.environment = {"ONLY=this"};
  options.working_directory = "/usr";
  EXPECT_EQ(Start(options).Wait().exit_code, 0);
  EXPECT_EQ(Out(), "/usr\nthis|\n");
}

TEST_F(SubprocessTest, InheritsTheEnvironmentUnlessGivenOne) {
  setenv("PENSTOCK_SUBPROCESS_TEST", "here", 1);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(Start(Shell("echo $PENSTOCK_SUBPROCESS_TEST")).Wait().exit_code, 0);
  EXPECT_THAT(CurrentEnvironment(), testing::Contains("PENSTOCK_SUBPROCESS_TEST=here"));
  unsetenv("PENSTOCK_SUBPROCESS_TEST");  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(Out(), "here\n");
}

// Numbers that are in use here stand in each other's way, and may be their own target.
TEST_F(SubprocessTest, DescriptorsArriveUnderTheirNumbersAndNoOthers) {
  const UniqueFd a(open((folder_.path() / "a").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const UniqueFd b(open((folder_.path() / "b").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const UniqueFd hidden(open("/dev/null", O_RDONLY | O_CLOEXEC));
  SubprocessOptions options = Shell("echo to-b >&" + std::to_string(a.get()) + "; echo to-a >&" +
                                    std::to_string(b.get()) + "; ls /proc/self/fd");
  options.descriptors[a.get()] = b.get();
  options.descriptors[b.get()] = a.get();
  EXPECT_EQ(Start(options).Wait().exit_code, 0);
  EXPECT_EQ(ReadFile(folder_.path() / "a").value_or(""), "to-a\n");
  EXPECT_EQ(ReadFile(folder_.path() / "b").value_or(""), "to-b\n");
  EXPECT_THAT(Out(), Not(HasSubstr("\n" + std::to_string(hidden.get()) + "\n")));
  options = Shell("echo same >&" + std::to_string(a.get()));
  options.descriptors[a.get()] = a.get();
  EXPECT_EQ(Start(options).Wait().exit_code, 0);
}

TEST_F(SubprocessTest, BeginsWithoutBlockedOrIgnoredSignals) {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  signal(SIGUSR2, SIG_IGN);
  Subprocess one = Start(Shell("kill -USR1 $$; sleep 100"));
  Subprocess two = Start(Shell("kill -USR2 $$; sleep 100"));
  signal(SIGUSR2, SIG_DFL);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(one.Wait().signal, SIGUSR1);
  EXPECT_EQ(two.Wait().signal, SIGUSR2);
}

TEST_F(SubprocessTest, WaitingHasAnEnd) {
  Subprocess slow = Start({.arguments = {"/bin/sleep", "1000"}});
  EXPECT_FALSE(slow.Poll());
  EXPECT_FALSE(slow.WaitFor(std::chrono::milliseconds(20)));
  slow.Signal(SIGTERM);
  ASSERT_TRUE(slow.WaitFor(kPatience));
  EXPECT_EQ(slow.Poll()->signal, SIGTERM);
  slow.Signal(SIGKILL);  // to nobody
}

TEST_F(SubprocessTest, AGroupGoesWhole) {
  SubprocessOptions options = Shell("sleep 1000 & echo $!; wait");
  options.own_group = true;
  Subprocess shell = Start(options);
  EXPECT_EQ(getpgid(shell.pid()), shell.pid());
  const pid_t grandchild = std::stoi(FirstOut());
  EXPECT_EQ(getpgid(grandchild), shell.pid());
  EXPECT_EQ(shell.Kill().signal, SIGKILL);
  // Whoever inherits it collects it: until then it is no more than a name.
  const std::string status = "/proc/" + std::to_string(grandchild) + "/stat";
  const auto gone = [&] {
    const Result<std::string> text = ReadFile(status);
    return !text.ok() || text->find(") Z ") != std::string::npos;
  };
  const Tick until = Clock::Real().Ticks() + kPatience;
  while (!gone() && Clock::Real().Ticks() < until) std::this_thread::yield();
  EXPECT_TRUE(gone());
}

TEST_F(SubprocessTest, GoesWithItsObject) {
  pid_t pid = 0;
  {
    const Subprocess slow = Start({.arguments = {"/bin/sleep", "1000"}});
    pid = slow.pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_EQ(kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST_F(SubprocessTest, DiesWithTheThreadThatStartedItWhereAsked) {
  std::optional<Subprocess> slow;
  std::thread([&] {
    slow = Start({.arguments = {"/bin/sleep", "1000"}, .death_signal = SIGTERM});
    EXPECT_FALSE(slow->Poll());
  }).join();
  ASSERT_TRUE(slow->WaitFor(kPatience));
  EXPECT_EQ(slow->Poll()->signal, SIGTERM);
}

}  // namespace
}  // namespace penstock

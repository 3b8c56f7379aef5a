#include "worker/runner/child.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/clock.h"
#include "storage/artifact/local_artifact_store.h"
#include "tests/unit/worker/eventually.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::Not;

class ChildTest : public testing::Test {
 protected:
  std::unique_ptr<Child> Spawn(const std::string& owner = {}) {
    ChildOptions options;
    options.program = RunnerProgram();
    options.log_file = folder_.path() / ("log-" + std::to_string(++logs_));
    options.threads = 2;
    options.owner = owner.empty() ? folder_.path().string() + "#test" : owner;
    Result<std::unique_ptr<Child>> child = Child::Spawn(options);
    EXPECT_TRUE(child.ok()) << child.status();
    EXPECT_FALSE(std::filesystem::exists(options.log_file)) << "the log has a name";
    return child.ok() ? *std::move(child) : nullptr;
  }

  Assignment Noop(int64_t id, Json parameters) const {
    Assignment assignment;
    assignment.id = id;
    assignment.type = "noop";
    assignment.parameters = std::move(parameters);
    assignment.workspace = (folder_.path() / ("attempt-" + std::to_string(id))).string();
    assignment.store = (folder_.path() / "store").string();
    return assignment;
  }

  // The next outcome. `prod` is called again and again until it is there.
  static Result<Outcome> NextOutcome(
      Child& child, const std::function<void()>& prod = [] {}) {
    const Tick until = Clock::Real().Ticks() + kPatience;
    while (Clock::Real().Ticks() < until) {
      prod();
      pollfd fd{child.socket(), POLLIN, 0};
      if (poll(&fd, 1, 20) <= 0) continue;
      PENSTOCK_ASSIGN_OR_RETURN(std::vector<ChildMessage> messages, child.Receive());
      for (ChildMessage& message : messages) {
        if (message.outcome) return *std::move(message.outcome);
      }
    }
    return DeadlineExceeded("no outcome came");
  }

  static std::string HowItEnded(Child& child) {
    std::string how;
    EXPECT_TRUE(Eventually([&] { return child.Reap(&how); }));
    return how;
  }

  static std::string LogOf(const Child& child) {
    struct stat info {};
    EXPECT_EQ(fstat(child.log(), &info), 0);
    std::string text(static_cast<std::size_t>(info.st_size), '\0');
    EXPECT_EQ(pread(child.log(), text.data(), text.size(), 0), info.st_size);
    return text;
  }

  TempFolder folder_ = *TempFolder::Make("/tmp");
  int logs_ = 0;
};

TEST_F(ChildTest, RunsOneAttemptAfterAnother) {
  const auto child = Spawn();
  ASSERT_TRUE(child->Send(Noop(1, {{"message", "first"}, {"metrics", {{"a", 1.5}}}})).ok());
  const Result<Outcome> first = NextOutcome(*child);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->id, 1);
  EXPECT_TRUE(first->status.ok()) << first->status;
  EXPECT_EQ(first->metrics.at("a"), 1.5);
  EXPECT_GT(first->peak_memory, 0);
  EXPECT_EQ(first->log_end, 6);
  ASSERT_TRUE(child->Send(Noop(2, {{"message", "second"}})).ok());
  const Result<Outcome> second = NextOutcome(*child);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->id, 2);
  EXPECT_EQ(second->log_end, 13);
  EXPECT_EQ(LogOf(*child), "first\nsecond\n");
}

TEST_F(ChildTest, WhatAStepWarnsOfIsInItsOutcomeAndItsLog) {
  const auto child = Spawn();
  ASSERT_TRUE(child->Send(Noop(1, {{"message", "warning: few rows"}})).ok());
  const Result<Outcome> first = NextOutcome(*child);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->warnings, "few rows");
  EXPECT_EQ(LogOf(*child), "warning: few rows\n");
  ASSERT_TRUE(child->Send(Noop(2, {{"message", "no warning: all is well"}})).ok());
  EXPECT_EQ(NextOutcome(*child)->warnings, "") << "nor that of the attempt before";
}

TEST_F(ChildTest, TakesAFrameThatIsLargerThanTheSocket) {
  const auto child = Spawn();
  const std::string message(3 << 20, 'm');
  ASSERT_TRUE(child->Send(Noop(1, {{"message", message}})).ok());
  const Result<Outcome> outcome = NextOutcome(*child);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(LogOf(*child), message + "\n");
}

TEST_F(ChildTest, OutputsGoIntoTheStoreByTheirDigest) {
  const auto child = Spawn();
  ASSERT_TRUE(child->Send(Noop(1, {{"output_bytes", 1000}})).ok());
  const Result<Outcome> outcome = NextOutcome(*child);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  ASSERT_EQ(outcome->outputs.size(), 1U) << outcome->status;
  EXPECT_EQ(outcome->outputs[0].name, "data");
  EXPECT_EQ(outcome->outputs[0].ref.size, 1000);
  EXPECT_FALSE(outcome->outputs[0].ref.tree);
  const auto store =
      LocalArtifactStore::Open(folder_.path() / "store", {.sync = false, .clean = false});
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ(*(*store)->ReadBlob(outcome->outputs[0].ref.digest, 2000), std::string(1000, '\0'));
}

TEST_F(ChildTest, OutputsThatCannotBeStoredAreNotTheStepsFault) {
  const auto child = Spawn();
  Assignment assignment = Noop(1, {{"output_bytes", 10}});
  assignment.store = "/proc/no-such-place";
  ASSERT_TRUE(child->Send(assignment).ok());
  const Result<Outcome> outcome = NextOutcome(*child);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_FALSE(outcome->status.ok());
  EXPECT_EQ(outcome->cause, Cause::kInfrastructure);
}

TEST_F(ChildTest, AStepsErrorIsInItsOutcomeAndItsLog) {
  const auto child = Spawn();
  ASSERT_TRUE(child->Send(Noop(1, {{"fail", true}, {"message", "on purpose"}})).ok());
  const Result<Outcome> outcome = NextOutcome(*child);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->status.message(), "on purpose");
  EXPECT_EQ(outcome->status.reason(), "NOOP_FAILED");
  EXPECT_EQ(outcome->cause, Cause::kStepError);
  EXPECT_THAT(LogOf(*child), HasSubstr("error: on purpose"));
}

TEST_F(ChildTest, AStepThatItDoesNotKnowIsTheWorkersFault) {
  const auto child = Spawn();
  Assignment assignment = Noop(1, Json::object());
  assignment.type = "train";
  assignment.algorithm = "crystal-ball";
  ASSERT_TRUE(child->Send(assignment).ok());
  const Result<Outcome> outcome = NextOutcome(*child);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(outcome->status.message(), HasSubstr("train/crystal-ball"));
  EXPECT_EQ(outcome->cause, Cause::kInfrastructure);
}

TEST_F(ChildTest, SigtermStopsTheStepAndNotTheChild) {
  const auto child = Spawn();
  // Its handler is there once it has answered.
  ASSERT_TRUE(child->Send(Noop(1, Json::object())).ok());
  ASSERT_TRUE(NextOutcome(*child).ok());
  ASSERT_TRUE(child->Send(Noop(2, {{"duration", "1h"}})).ok());
  const Result<Outcome> stopped = NextOutcome(*child, [&] { child->Signal(SIGTERM); });
  ASSERT_TRUE(stopped.ok()) << stopped.status();
  EXPECT_EQ(stopped->id, 2);
  EXPECT_EQ(stopped->status.code(), StatusCode::kCancelled);
  EXPECT_EQ(stopped->cause, Cause::kCancelled);
  ASSERT_TRUE(child->Send(Noop(3, Json::object())).ok());
  const Result<Outcome> next = NextOutcome(*child);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_TRUE(next->status.ok()) << next->status;
}

TEST_F(ChildTest, AKilledChildIsNoticed) {
  const auto child = Spawn();
  ASSERT_TRUE(child->Send(Noop(1, {{"duration", "1h"}})).ok());
  std::string how;
  EXPECT_FALSE(child->Reap(&how));
  child->Signal(SIGKILL);
  EXPECT_EQ(NextOutcome(*child).status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(HowItEnded(*child), HasSubstr("was killed by signal 9"));
  EXPECT_EQ(child->ResidentMemory(), 0);
  EXPECT_FALSE(child->Send(Noop(2, Json::object())).ok());
}

// Nothing that its agent could say to it makes it run wild.
TEST_F(ChildTest, AChildThatHearsGarbageEndsWithoutAResult) {
  const auto child = Spawn();
  const std::string garbage = FrameOf("{\"id\":");
  ASSERT_EQ(send(child->socket(), garbage.data(), garbage.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(garbage.size()));
  EXPECT_EQ(NextOutcome(*child).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(HowItEnded(*child), "ended with exit code 1 in mid-step");
}

TEST_F(ChildTest, AChildEndsWhenItsAgentHangsUp) {
  const auto child = Spawn();
  ASSERT_EQ(shutdown(child->socket(), SHUT_WR), 0);
  EXPECT_EQ(HowItEnded(*child), "ended with exit code 0 in mid-step");
}

TEST_F(ChildTest, NothingIsLeftOfAChildThatIsGone) {
  auto child = Spawn();
  const pid_t pid = child->pid();
  EXPECT_EQ(getpgid(pid), pid) << "not a process group of its own";
  EXPECT_TRUE(Eventually([&] { return child->ResidentMemory() > 1 << 20; }));
  ASSERT_TRUE(child->Send(Noop(1, {{"duration", "1h"}})).ok());
  child.reset();
  EXPECT_EQ(kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST_F(ChildTest, ItsEnvironmentHasItsThreadsAndMarkAndNoCredentials) {
  setenv("PENSTOCK_TOKEN", "pst_own", 1);       // NOLINT(concurrency-mt-unsafe)
  setenv("OMP_NUM_THREADS", "77", 1);           // NOLINT(concurrency-mt-unsafe)
  setenv("PENSTOCK_UNIT_TEST_KEPT", "yes", 1);  // NOLINT(concurrency-mt-unsafe)
  const auto child = Spawn("mark#1");
  unsetenv("PENSTOCK_TOKEN");           // NOLINT(concurrency-mt-unsafe)
  unsetenv("OMP_NUM_THREADS");          // NOLINT(concurrency-mt-unsafe)
  unsetenv("PENSTOCK_UNIT_TEST_KEPT");  // NOLINT(concurrency-mt-unsafe)
  // Between fork and exec there is none, or the test's own.
  std::string environment;
  EXPECT_TRUE(Eventually([&] {
    environment = EnvironmentOf(child->pid());
    return environment.find("mark#1") != std::string::npos;
  }));
  EXPECT_THAT(environment, HasSubstr("PENSTOCK_ATTEMPT_OWNER=mark#1"));
  EXPECT_THAT(environment, HasSubstr("OMP_NUM_THREADS=2"));
  EXPECT_THAT(environment, HasSubstr("OMP_WAIT_POLICY=PASSIVE"));
  EXPECT_THAT(environment, HasSubstr("PENSTOCK_UNIT_TEST_KEPT=yes"));
  EXPECT_THAT(environment, Not(HasSubstr("pst_own")));
  EXPECT_THAT(environment, Not(HasSubstr("OMP_NUM_THREADS=77")));
}

TEST_F(ChildTest, AProgramThatCannotBeStartedIsAnError) {
  ChildOptions options;
  options.program = "/no/such/program";
  options.log_file = folder_.path() / "log";
  EXPECT_THAT(Child::Spawn(options).status().message(), HasSubstr("/no/such/program"));
  options.program = RunnerProgram();
  options.log_file = folder_.path() / "none" / "log";
  EXPECT_FALSE(Child::Spawn(options).ok());
}

TEST_F(ChildTest, LeftoversAreFoundByTheirMarkAndOnlyThose) {
  const std::string mine = folder_.path().string() + "/a#";
  const std::string others = folder_.path().string() + "/ab#";
  const auto first = Spawn(mine + "boot1");
  const auto second = Spawn(mine + "boot2");
  const auto other = Spawn(others + "boot1");
  // Between fork and exec they have no mark yet.
  for (const auto* child : {&first, &second}) {
    ASSERT_TRUE(Eventually([&] {
      return EnvironmentOf((*child)->pid()).find(mine) != std::string::npos;
    }));
  }
  EXPECT_EQ(KillLeftovers(mine), 2);
  EXPECT_THAT(HowItEnded(*first), HasSubstr("signal 9"));
  EXPECT_THAT(HowItEnded(*second), HasSubstr("signal 9"));
  ASSERT_TRUE(other->Send(Noop(1, Json::object())).ok());
  EXPECT_TRUE(NextOutcome(*other).ok());
  EXPECT_EQ(KillLeftovers(mine), 0);
}

}  // namespace
}  // namespace penstock

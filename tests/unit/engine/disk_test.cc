// A database that cannot be written.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fault_point.h"
#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::seconds;
using testing::IsEmpty;

class DiskTest : public testing::Test {
 protected:
  ~DiskTest() override {
    Arm("");
    bench_.CheckInvariants();
  }
  static void Arm(const std::string& faults) { ASSERT_TRUE(InitFaults(faults, "").ok()); }
  EngineBench bench_;
  BenchWorker worker_{&bench_, "w1"};
};

constexpr char kOne[] = "name: one\nsteps: [{name: a, type: noop}]";

TEST_F(DiskTest, AFullDiskStopsChangesAndLosesNothing) {
  worker_.Open();
  const RunId run = bench_.Run(kOne);
  const LeasedAttempt lease = worker_.Start()["a"];
  SubmitRunCommand another = bench_.SubmissionOf(kOne);

  Arm("metadata.commit=enospc@all");
  EXPECT_EQ(worker_.Succeed(lease).status().reason(), "DISK_FULL");
  EXPECT_TRUE(bench_.engine().read_only());
  EXPECT_EQ(bench_.State(run, "a"), StepState::kRunning);
  EXPECT_EQ(bench_.Ask(&Engine::SubmitRun, another).status().reason(), "READ_ONLY");
  EXPECT_EQ(worker_.Heartbeat().status().reason(), "SESSION_UNKNOWN") << "memory was rebuilt";
  bench_.Pass(seconds(60));
  EXPECT_TRUE(bench_.engine().read_only());

  Arm("");
  bench_.Pass(seconds(2));
  EXPECT_FALSE(bench_.engine().read_only());
  worker_.held().push_back(
      {.run = run, .step = 0, .attempt = 1, .token = lease.token, .running = true});
  EXPECT_THAT(worker_.Open().stale, IsEmpty());
  EXPECT_EQ(*worker_.Succeed(lease), Verdict::kOk);
  EXPECT_EQ(bench_.Find(run).state, RunState::kSucceeded);
  EXPECT_EQ(bench_.Attempts(run, "a").size(), 1U);
  EXPECT_TRUE(bench_.Ask(&Engine::SubmitRun, another).ok());
}

TEST_F(DiskTest, AfterAFullDiskLeasesStartAnew) {
  worker_.Open();
  const RunId run = bench_.Run(kOne);
  const LeasedAttempt lease = worker_.Start()["a"];
  Arm("metadata.commit=enospc@all");
  EXPECT_FALSE(worker_.Succeed(lease).ok());
  bench_.Pass(seconds(300));
  Arm("");
  bench_.Pass(seconds(2));
  // Another worker is quicker to come back: it must not get what the first one still runs.
  BenchWorker other(&bench_, "w2");
  other.Open();
  EXPECT_THAT(other.Lease()->leases, IsEmpty());
  worker_.held().push_back(
      {.run = run, .step = 0, .attempt = 1, .token = lease.token, .running = true});
  EXPECT_THAT(worker_.Open().stale, IsEmpty());
  EXPECT_EQ(*worker_.Succeed(lease), Verdict::kOk);
}

TEST_F(DiskTest, EveryCommandOfAFailedTurnIsRefused) {
  SubmitRunCommand command = bench_.SubmissionOf(kOne);
  Arm("metadata.commit=enospc@1");
  std::vector<Status> answers;
  for (int i = 0; i < 3; ++i) {
    bench_.engine().SubmitRun(
        command, [&](const Result<SubmitRunAnswer>& got) { answers.push_back(got.status()); });
  }
  bench_.Turn();
  ASSERT_EQ(answers.size(), 3U);
  for (const Status& status : answers) EXPECT_EQ(status.reason(), "DISK_FULL");
  EXPECT_EQ(*bench_.store().LastRunRow(), 0);
}

TEST_F(DiskTest, AnInputOutputErrorEndsTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        EngineBench bench;
        Arm("metadata.commit=eio@all");
        bench.SubmissionOf(kOne);
      },
      testing::ExitedWithCode(1), "");
}

}  // namespace
}  // namespace penstock

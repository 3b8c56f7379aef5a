// Limits that the engine keeps: at each it works, one over it is refused or waits.

#include "storage/model/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/engine_bench.h"

namespace penstock {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::SizeIs;

class EngineLimitsTest : public testing::Test {
 protected:
  ~EngineLimitsTest() override { bench_.CheckInvariants(); }
  EngineBench bench_;
};

TEST_F(EngineLimitsTest, AReplyHoldsOnlySoManyLeases) {
  BenchWorker worker(&bench_, "large", 1'000);
  worker.Open();
  bench_.Run("name: many\nsteps: [{name: m, type: map, over: {range: " +
             std::to_string(limits::kMaxLeasesPerReply + 1) +
             "}, steps: [{name: a, type: noop}]}]");
  EXPECT_THAT(worker.Lease()->leases, SizeIs(limits::kMaxLeasesPerReply));
  EXPECT_THAT(worker.Lease()->leases, SizeIs(1)) << "the rest comes with the next";
}

TEST_F(EngineLimitsTest, OnlySoManyWatch) {
  const RunId run("run-1");
  EventHub& events = bench_.engine().events();
  std::vector<EventHub::Subscription> watchers;
  for (std::size_t i = 0; i < limits::kMaxWatchers; ++i) {
    auto watcher = events.Subscribe(run, [](const auto&) {});
    ASSERT_TRUE(watcher.ok()) << i << ": " << watcher.status();
    watchers.push_back(*std::move(watcher));
  }
  EXPECT_EQ(events.Subscribe(run, [](const auto&) {}).status().code(),
            StatusCode::kResourceExhausted);
  watchers.pop_back();
  EXPECT_TRUE(events.Subscribe(run, [](const auto&) {}).ok());
}

TEST_F(EngineLimitsTest, OutputsOfAMapAreOnlySoLarge) {
  // Each item gives 32 times its text; with its quotes 64 KiB, of which 16 are the limit.
  std::string output;
  for (int i = 0; i < 32; ++i) output += "${item}";
  const auto run_with = [&](std::size_t length) {
    const Json list(std::vector<std::string>(16, std::string(length, 'x')));
    return bench_.Find(bench_.Run(
        "name: large\nparameters: {list: {type: list}}\nsteps: [{name: m, type: map, over: "
        "\"${parameters.list}\", steps: [{name: a, type: wait, with: {until: "
        "\"2001-01-01T00:00:00Z\"}}], outputs: {o: \"" + output + "\"}}]",
        {{"list", list}}));
  };
  static_assert(16 * (32 * 2'047 + 2) <= limits::kMaxMapOutputBytes);
  static_assert(16 * (32 * 2'048 + 2) > limits::kMaxMapOutputBytes);
  EXPECT_EQ(run_with(2'047).state, RunState::kSucceeded);
  const RunRecord over = run_with(2'048);
  EXPECT_EQ(over.state, RunState::kFailed);
  EXPECT_THAT(over.message, HasSubstr("output o is larger than 1.0 MiB"));
}

TEST_F(EngineLimitsTest, WorkersAreToldTheTimesOfTheirLeases) {
  BenchWorker worker(&bench_, "w");
  const OpenSessionAnswer answer = worker.Open();
  EXPECT_EQ(answer.lease_ttl, limits::kLeaseTtl);
  EXPECT_EQ(answer.heartbeat_interval, limits::kHeartbeatInterval);
  EXPECT_EQ(answer.max_disconnect, limits::kMaxDisconnect);
}

TEST_F(EngineLimitsTest, ALeaseRunsOutAfterItsTime) {
  BenchWorker one(&bench_, "one");
  one.Open();
  const RunId run = bench_.Run("name: p\nsteps: [{name: a, type: noop}]");
  one.Start();
  BenchWorker two(&bench_, "two");
  two.Open();
  bench_.Pass(limits::kLeaseTtl - milliseconds(1));
  ASSERT_TRUE(two.Heartbeat().ok());
  EXPECT_THAT(two.Lease()->leases, SizeIs(0));
  bench_.Pass(milliseconds(1));
  EXPECT_THAT(two.Lease()->leases, SizeIs(1));
}

// What has nothing left and does not come back is forgotten.
TEST_F(EngineLimitsTest, ASessionIsKeptForSoLong) {
  BenchWorker worker(&bench_, "w");
  worker.Open();
  bench_.Pass(limits::kLeaseTtl + limits::kMaxDisconnect - seconds(1));
  EXPECT_EQ(bench_.engine().metrics().sessions.load(), 1);
  bench_.Pass(seconds(1));
  EXPECT_EQ(bench_.engine().metrics().sessions.load(), 0);
}

}  // namespace
}  // namespace penstock

#include "worker/agent/capacity.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

// A machine of 16 GiB, of which the mask lets the worker use 8 processors.
class CapacityTest : public testing::Test {
 protected:
  CapacityTest() { Write("proc/meminfo", "MemTotal:       16777216 kB\nMemFree:  1024 kB\n"); }

  void Write(const std::string& name, const std::string& text) {
    const fs::path path = folder_.path() / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  NodeCapacity Measure() {
    return MeasureCapacity(8, {.proc = folder_.path() / "proc", .cgroup = folder_.path() / "cg"});
  }

  TempFolder folder_ = *TempFolder::Make("/tmp");
};

constexpr int64_t kGiB = int64_t{1} << 30;

TEST_F(CapacityTest, WithoutLimitsItIsWhatTheMachineHas) {
  EXPECT_EQ(Measure().cpus, 8);
  EXPECT_EQ(Measure().memory, 16 * kGiB);
  Write("proc/self/cgroup", "0::/user.slice\n");
  Write("cg/user.slice/cpu.max", "max 100000\n");
  Write("cg/user.slice/memory.max", "max\n");
  EXPECT_EQ(Measure().cpus, 8);
  EXPECT_EQ(Measure().memory, 16 * kGiB);
}

TEST_F(CapacityTest, AGroupsQuotaAndLimitCount) {
  Write("proc/self/cgroup", "0::/user.slice/worker.service\n");
  Write("cg/user.slice/worker.service/cpu.max", "250000 100000\n");
  Write("cg/user.slice/worker.service/memory.max", "4294967296\n");
  EXPECT_EQ(Measure().cpus, 2.5);
  EXPECT_EQ(Measure().memory, 4 * kGiB);
  // Above it the kernel takes memory back, and the group crawls.
  Write("cg/user.slice/worker.service/memory.high", "3221225472\n");
  EXPECT_EQ(Measure().memory, 3 * kGiB);
}

TEST_F(CapacityTest, TheTightestOfAllGroupsAboveItCounts) {
  Write("proc/self/cgroup", "0::/a/b/c\n");
  Write("cg/a/b/c/cpu.max", "400000 100000\n");
  Write("cg/a/b/cpu.max", "max 100000\n");
  Write("cg/a/cpu.max", "150000 50000\n");
  Write("cg/a/b/memory.max", "8589934592\n");
  EXPECT_EQ(Measure().cpus, 3);
  EXPECT_EQ(Measure().memory, 8 * kGiB);
}

// Its path is the host's, which is not there; what is mounted is the container's own group.
TEST_F(CapacityTest, InAContainerTheRootIsTheGroup) {
  Write("proc/self/cgroup", "0::/system.slice/docker-1f.scope\n");
  Write("cg/cpu.max", "50000 100000\n");
  Write("cg/memory.max", "1073741824\n");
  EXPECT_EQ(Measure().cpus, 0.5);
  EXPECT_EQ(Measure().memory, kGiB);
  Write("proc/self/cgroup", "0::/../../system.slice\n");
  EXPECT_EQ(Measure().cpus, 0.5);
}

TEST_F(CapacityTest, TheFirstVersionOfGroupsIsReadToo) {
  Write("proc/self/cgroup", "4:cpu,cpuacct:/docker/1f\n9:memory:/docker/1f\n1:name=systemd:/x\n");
  Write("cg/cpu,cpuacct/docker/1f/cpu.cfs_quota_us", "600000\n");
  Write("cg/cpu,cpuacct/docker/1f/cpu.cfs_period_us", "100000\n");
  Write("cg/memory/docker/1f/memory.limit_in_bytes", "2147483648\n");
  Write("cg/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(Measure().cpus, 6);
  EXPECT_EQ(Measure().memory, 2 * kGiB);
  Write("cg/cpu,cpuacct/docker/1f/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(Measure().cpus, 8);
}

TEST_F(CapacityTest, WhatCannotBeReadLimitsNothing) {
  Write("proc/self/cgroup", "nonsense\n0::/a\n");
  Write("cg/a/cpu.max", "many few\n");
  Write("cg/a/memory.max", "0\n");
  EXPECT_EQ(Measure().cpus, 8);
  EXPECT_EQ(Measure().memory, 16 * kGiB);
}

TEST_F(CapacityTest, AQuotaNeverLeavesNothing) {
  Write("proc/self/cgroup", "0::/a\n");
  Write("cg/a/cpu.max", "1000 1000000\n");
  EXPECT_EQ(Measure().cpus, 0.01);
  Write("cg/a/cpu.max", "33333 100000\n");
  EXPECT_EQ(Measure().cpus, 0.33);
}

TEST(UsableCpusTest, ThereIsOneAtLeast) {
  EXPECT_GE(UsableCpus(), 1);
}

}  // namespace
}  // namespace penstock

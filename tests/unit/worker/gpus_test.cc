#include "worker/agent/gpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::vector<std::string> Visible(const GpuOffer& offer) {
  const Result<std::vector<Gpu>> gpus = OfferedGpus(offer);
  EXPECT_TRUE(gpus.ok()) << gpus.status();
  std::vector<std::string> visible;
  for (const Gpu& gpu : gpus.value_or({})) visible.push_back(gpu.visible);
  return visible;
}

std::string Refusal(const GpuOffer& offer) {
  const Result<std::vector<Gpu>> gpus = OfferedGpus(offer);
  EXPECT_EQ(gpus.status().code(), StatusCode::kInvalidArgument);
  return gpus.status().message();
}

const std::vector<Gpu> kTwo = {{"GPU-a1", "H100", 80}, {"GPU-b2", "H100", 80}};
const std::vector<Gpu> kMixed = {{"GPU-a1", "T4", 16}, {"GPU-b2", "H100", 80}};

class FakeNvmlTest : public testing::Test {
 protected:
  ~FakeNvmlTest() override { unsetenv("FAKE_NVML"); }
  static void Mode(const char* mode) { setenv("FAKE_NVML", mode, 1); }
};

TEST_F(FakeNvmlTest, ItsGpusAreFoundThroughTheLibrary) {
  const Result<std::vector<Gpu>> gpus = FindGpus(FAKE_NVML_LIBRARY);
  ASSERT_TRUE(gpus.ok()) << gpus.status();
  ASSERT_EQ(gpus->size(), 2u);
  EXPECT_EQ((*gpus)[0].visible, "GPU-0000-0");
  EXPECT_EQ((*gpus)[0].name, "Fake GPU 0");
  EXPECT_EQ((*gpus)[0].memory, int64_t{1} << 30);
  EXPECT_EQ((*gpus)[1].visible, "GPU-0000-1");
  EXPECT_EQ((*gpus)[1].memory, int64_t{2} << 30);
}

TEST_F(FakeNvmlTest, ADriverThatIsNotLoadedSaysSo) {
  Mode("no-driver");
  const Status status = FindGpus(FAKE_NVML_LIBRARY).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "nvmlInit_v2: Driver Not Loaded");
}

TEST_F(FakeNvmlTest, AGpuThatIsLostDoesNotTakeTheOthersWithIt) {
  Mode("lost");
  const Result<std::vector<Gpu>> gpus = FindGpus(FAKE_NVML_LIBRARY);
  ASSERT_TRUE(gpus.ok()) << gpus.status();
  EXPECT_THAT(*gpus, ElementsAre(Field(&Gpu::visible, "GPU-0000-1")));
}

TEST(NvmlTest, WithoutTheLibraryThereAreNoGpus) {
  const Status status = FindGpus("libpenstock-no-such-library.so.1").status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("libpenstock-no-such-library.so.1"));
}

TEST(NvmlTest, AnotherLibraryIsToldFromIt) {
  const Status status = FindGpus("libc.so.6").status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "libc.so.6 lacks nvmlInit_v2");
}

// The real one, where this machine has it.
TEST(NvmlTest, TheGpusOfThisMachineHaveNamesAndMemory) {
  const Result<std::vector<Gpu>> gpus = FindGpus();
  if (!gpus.ok()) GTEST_SKIP() << "no NVIDIA driver here: " << gpus.status();
  for (const Gpu& gpu : *gpus) {
    EXPECT_THAT(gpu.visible, StartsWith("GPU-"));
    EXPECT_NE(gpu.name, "");
    EXPECT_GT(gpu.memory, int64_t{1} << 28);
  }
}

TEST(OfferedGpusTest, AllThatWereFoundUnlessFewerAreDeclared) {
  EXPECT_THAT(Visible({.found = kTwo}), ElementsAre("GPU-a1", "GPU-b2"));
  EXPECT_THAT(Visible({.found = kTwo, .declared = 1}), ElementsAre("GPU-a1"));
  EXPECT_THAT(Visible({.found = kTwo, .declared = 0}), IsEmpty());
  EXPECT_THAT(Visible({}), IsEmpty());
  EXPECT_THAT(Refusal({.found = kTwo, .declared = 3}),
              HasSubstr("3 are declared, and this node has 2"));
}

TEST(OfferedGpusTest, WhereNoneIsFoundTheDeclaredOnesAreCounted) {
  EXPECT_THAT(Visible({.declared = 3}), ElementsAre("0", "1", "2"));
}

TEST(OfferedGpusTest, WhatTheWorkerMaySeeIsAllThereIs) {
  EXPECT_THAT(Visible({.found = kTwo, .visible = "1"}), ElementsAre("1"));
  EXPECT_THAT(Visible({.found = kTwo, .visible = " 1, 0 "}), ElementsAre("1", "0"));
  EXPECT_THAT(Visible({.found = kTwo, .visible = ""}), IsEmpty());
  EXPECT_THAT(Visible({.found = kTwo, .visible = "-1"}), IsEmpty());
  EXPECT_THAT(Visible({.found = kTwo, .visible = "NoDevFiles"}), IsEmpty());
  // What stands behind a wrong entry does not count, nor one that stands there twice.
  EXPECT_THAT(Visible({.found = kTwo, .visible = "0,7,1"}), ElementsAre("0"));
  EXPECT_THAT(Visible({.found = kTwo, .visible = "0,0,1"}), ElementsAre("0", "1"));
  EXPECT_THAT(Visible({.found = kTwo, .visible = "GPU-b"}), ElementsAre("GPU-b2"));
  EXPECT_THAT(Visible({.found = kTwo, .visible = "MIG-7"}), ElementsAre("MIG-7"));
  EXPECT_THAT(Visible({.visible = "2,5"}), IsEmpty()) << "there is none that it could stand for";
  EXPECT_THAT(Visible({.visible = "2,5", .declared = 2}), ElementsAre("2", "5"));
  EXPECT_THAT(Visible({.visible = "2,5", .declared = 1}), ElementsAre("2"));
  EXPECT_THAT(Refusal({.found = kTwo, .visible = "1", .declared = 2}),
              HasSubstr("has 1 in the worker's CUDA_VISIBLE_DEVICES"));
}

TEST(OfferedGpusTest, AnIndexHasANameWhereItIsSureWhoseItIs) {
  EXPECT_THAT(*OfferedGpus({.found = kTwo, .visible = "1"}),
              ElementsAre(Field(&Gpu::name, "H100")));
  EXPECT_THAT(*OfferedGpus({.found = kMixed, .visible = "1"}), ElementsAre(Field(&Gpu::name, "")));
  EXPECT_THAT(*OfferedGpus({.found = kMixed, .visible = "1", .device_order = "PCI_BUS_ID"}),
              ElementsAre(Field(&Gpu::name, "H100")));
}

TEST(GpuLedgerTest, TheLowestThatAreFreeAreGiven) {
  GpuLedger ledger(4);
  EXPECT_THAT(ledger.Take(2), ElementsAre(0, 1));
  EXPECT_THAT(ledger.Take(1), ElementsAre(2));
  ledger.Give({0, 1});
  EXPECT_EQ(ledger.free(), 3u);
  EXPECT_THAT(ledger.Take(3), ElementsAre(0, 1, 3));
  EXPECT_THAT(ledger.Take(0), IsEmpty());
}

}  // namespace
}  // namespace penstock

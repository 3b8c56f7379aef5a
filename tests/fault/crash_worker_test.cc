// A worker crashes, or its disk fails, at a hit of a fault point: the run comes to what it would
// have come to, and nothing is left of the worker's first life.

#include "tests/fault/crash_cases.h"

namespace penstock {
namespace {

constexpr auto kWorker = LifeOptions::Watched::kWorker;

INSTANTIATE_TEST_SUITE_P(Worker, CrashTest, testing::ValuesIn(PointsOf(kWorker)), NameOf);
INSTANTIATE_TEST_SUITE_P(Worker, FailingDiskTest,
                         testing::ValuesIn(PointsOf(kWorker, /*can_fail=*/true)), NameOf);

TEST_P(CrashTest, ACrashLosesNothing) {
  TryEach(kWorker, "crash", /*ends=*/true);
}

TEST_P(FailingDiskTest, AFullDiskLosesNothing) {
  TryEach(kWorker, "enospc", /*ends=*/false);
}

TEST_P(FailingDiskTest, AnInputOutputErrorLosesNothing) {
  TryEach(kWorker, "eio", /*ends=*/false);
}

}  // namespace
}  // namespace penstock

// The coordinator crashes, or its disk fails, at a hit of a fault point: what it acknowledged is
// there, and the run comes to what it would have come to.

#include "tests/fault/crash_cases.h"

namespace penstock {
namespace {

constexpr auto kCoordinator = LifeOptions::Watched::kCoordinator;

INSTANTIATE_TEST_SUITE_P(Coordinator, CrashTest, testing::ValuesIn(PointsOf(kCoordinator)), NameOf);
INSTANTIATE_TEST_SUITE_P(Coordinator, FailingDiskTest,
                         testing::ValuesIn(PointsOf(kCoordinator, /*can_fail=*/true)), NameOf);

TEST_P(CrashTest, ACrashLosesNothing) {
  TryEach(kCoordinator, "crash", /*ends=*/true);
}

TEST_P(FailingDiskTest, AFullDiskLosesNothing) {
  TryEach(kCoordinator, "enospc", /*ends=*/false);
}

TEST_P(FailingDiskTest, AnInputOutputErrorLosesNothing) {
  TryEach(kCoordinator, "eio", /*ends=*/GetParam().name == "metadata.commit");
}

}  // namespace
}  // namespace penstock

#include "storage/model/states.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace penstock {
namespace {

// Every value has a name of its own that is read back; the numbers have no gaps.
template <typename T, typename Parse>
void CheckNames(int first, int last, Parse parse) {
  std::set<std::string_view> names;
  for (int i = first; i <= last; ++i) {
    const auto value = static_cast<T>(i);
    const std::string_view name = Name(value);
    EXPECT_FALSE(name.empty()) << i;
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(parse(name), value) << name;
  }
  EXPECT_EQ(parse("nonsense"), std::nullopt);
}

TEST(StatesTest, NamesAreReadBack) {
  CheckNames<RunState>(1, 6, ParseRunState);
  CheckNames<StepState>(1, 10, ParseStepState);
  CheckNames<ModelStatus>(1, 3, ParseModelStatus);
  CheckNames<ArtifactType>(1, 5, ParseArtifactType);
  CheckNames<Cause>(1, 14, ParseCause);
}

// As SageMaker's model packages and our API write them.
TEST(StatesTest, NamesAreThoseOfTheApi) {
  EXPECT_EQ(Name(RunState::kCancelling), "CANCELLING");
  EXPECT_EQ(Name(StepState::kRetryWait), "RETRY_WAIT");
  EXPECT_EQ(Name(AttemptState::kLost), "LOST");
  EXPECT_EQ(Name(ModelStatus::kPendingManualApproval), "PendingManualApproval");
  EXPECT_EQ(Name(ArtifactType::kDataset), "dataset");
  EXPECT_EQ(Name(Cause::kWorkerLost), "WORKER_LOST");
}

TEST(StatesTest, WhatIsOverIsTerminal) {
  EXPECT_FALSE(IsTerminal(StepState::kRetryWait));
  EXPECT_TRUE(IsTerminal(StepState::kSucceeded));
  EXPECT_TRUE(IsSuccess(StepState::kCached));
  EXPECT_FALSE(IsSuccess(StepState::kSkipped));
  EXPECT_FALSE(IsTerminal(RunState::kCancelling));
  EXPECT_TRUE(IsTerminal(AttemptState::kLost));
  EXPECT_TRUE(IsInfrastructure(Cause::kWorkerRestarted));
  EXPECT_FALSE(IsInfrastructure(Cause::kCrashed));
}

}  // namespace
}  // namespace penstock

#include "base/build_id.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

TEST(BuildIdTest, IsThatOfThisProgram) {
  const std::string id = BuildId();
  EXPECT_GE(id.size(), 16U);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
  EXPECT_EQ(BuildId(), id);
}

}  // namespace
}  // namespace penstock

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "steps/script/program.h"

namespace penstock {
namespace {

class OutputKeeperTest : public testing::Test {
 protected:
  std::string printed_;
  OutputKeeper keeper_{10, 4, [this](std::string_view bytes) { printed_ += bytes; }};
};

TEST_F(OutputKeeperTest, PassesTheBeginningOnAtOnce) {
  keeper_.Append("01234");
  EXPECT_EQ(printed_, "01234");
  EXPECT_FALSE(keeper_.holding());
  keeper_.Append("56789ab");
  EXPECT_EQ(printed_, "0123456789");
  EXPECT_TRUE(keeper_.holding());
  keeper_.Finish();
  EXPECT_EQ(printed_, "0123456789ab") << "nothing was left out";
}

TEST_F(OutputKeeperTest, OfTheRestOnlyTheEndIsKept) {
  keeper_.Append("0123456789");
  for (char c = 'a'; c <= 'z'; ++c) keeper_.Append(std::string(1, c));
  keeper_.Finish();
  EXPECT_EQ(printed_, "0123456789\n… 22 bytes are left out here …\nwxyz");
}

TEST_F(OutputKeeperTest, OnePartMayBeAllOfIt) {
  keeper_.Append("0123456789abcdefghijklmnopqrstuvwxyz");
  keeper_.Finish();
  EXPECT_EQ(printed_, "0123456789\n… 22 bytes are left out here …\nwxyz");
}

}  // namespace
}  // namespace penstock

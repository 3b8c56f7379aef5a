#include "base/secret_box.h"

#include <gmock/gmock.h>

#include <set>

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::Not;

class SecretBoxTest : public testing::Test {
 protected:
  static std::string Key(char fill) { return std::string(SecretBox::kKeyBytes, fill); }
  static std::string Flipped(std::string sealed, std::size_t at) {
    sealed[at] = sealed[at] == '0' ? '1' : '0';
    return sealed;
  }

  SeededRandom random_{7};
  SecretBox box_{{Key('a')}};
};

TEST_F(SecretBoxTest, OpensWhatItSealed) {
  for (const std::string& value : {std::string("x"), std::string("hunter2-hunter2"),
                                  std::string(64 << 10, 'v'), std::string("ä\n\t\x01")}) {
    const std::string sealed = box_.Seal(value, "here", random_);
    EXPECT_THAT(sealed, Not(HasSubstr(value)));
    EXPECT_EQ(box_.Open(sealed, "here").value_or("?"), value);
  }
}

TEST_F(SecretBoxTest, TheSameValueIsNeverSealedTheSameWay) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(box_.Seal("value", "here", random_));
  EXPECT_EQ(seen.size(), 100U);
}

TEST_F(SecretBoxTest, AnotherPlaceOpensNothing) {
  const std::string sealed = box_.Seal("value", SecretPlace("a", 1), random_);
  for (const std::string& place : {SecretPlace("a", 2), SecretPlace("b", 1), std::string()}) {
    const auto opened = box_.Open(sealed, place);
    EXPECT_EQ(opened.status().reason(), "SECRET_UNREADABLE");
    EXPECT_THAT(opened.status().message(), HasSubstr("belongs to another name or version"));
  }
}

TEST_F(SecretBoxTest, EveryChangedDigitIsSeen) {
  const std::string sealed = box_.Seal("value", "here", random_);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    EXPECT_FALSE(box_.Open(Flipped(sealed, i), "here").ok()) << i;
    EXPECT_FALSE(box_.Open(sealed.substr(0, i), "here").ok()) << i;
  }
  EXPECT_FALSE(box_.Open("no hexadecimal", "here").ok());
}

TEST_F(SecretBoxTest, AnotherKeySaysThatItIsNotTheOne) {
  const std::string sealed = box_.Seal("value", "here", random_);
  const SecretBox other({Key('b')});
  EXPECT_THAT(other.Open(sealed, "here").status().message(),
              HasSubstr("the key file is not the one that sealed it"));
  const SecretBox both({Key('b'), Key('a')});
  EXPECT_EQ(both.Open(sealed, "here").value_or("?"), "value");
  EXPECT_FALSE(both.SealedByFirst(sealed));
  EXPECT_TRUE(both.SealedByFirst(both.Seal("value", "here", random_)));
}

}  // namespace
}  // namespace penstock

#include "base/random.h"

#include <gtest/gtest.h>

#include <set>

#include "base/digest.h"

namespace penstock {
namespace {

TEST(RandomTest, TheSameSeedGivesTheSameNumbers) {
  SeededRandom a(7);
  SeededRandom b(7);
  SeededRandom c(8);
  const uint64_t first = a.Next();
  EXPECT_EQ(first, b.Next());
  EXPECT_NE(first, c.Next());
}

TEST(RandomTest, DoublesAreUniformInTheUnitInterval) {
  SeededRandom random(1);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double value = random.NextDouble();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
  }
  EXPECT_NEAR(sum / 100'000, 0.5, 0.005);
}

TEST(UlidTest, SortsByTimeAndIsUnique) {
  SeededRandom random(3);
  const std::string early = NewUlid({1'000'000'000'000'000}, random);
  const std::string late = NewUlid({1'000'000'000'001'000}, random);
  EXPECT_EQ(early.size(), 26U);
  EXPECT_LT(early, late);
  EXPECT_EQ(early.substr(0, 10), NewUlid({1'000'000'000'000'999}, random).substr(0, 10));
  std::set<std::string> ids;
  for (int i = 0; i < 10'000; ++i) ids.insert(NewUlid({1}, Random::Secure()));
  EXPECT_EQ(ids.size(), 10'000U);
  // As the ULID specification prints this time: 1469918176385 ms.
  EXPECT_EQ(NewUlid({1'469'918'176'385'000}, random).substr(0, 10), "01ARYZ6S41");
}

TEST(RandomTest, HexHasTwoCharactersAByte) {
  const std::string token = RandomHex(16, Random::Secure());
  EXPECT_EQ(token.size(), 32U);
  EXPECT_EQ(token.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(token, RandomHex(16, Random::Secure()));
}

// FIPS 180-2, appendix B.
TEST(DigestTest, IsSha256) {
  const Digest digest = Sha256("abc");
  EXPECT_EQ(digest.value(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256Hasher hasher;
  hasher.Update("a");
  hasher.Update("");
  hasher.Update("bc");
  EXPECT_EQ(hasher.Finish(), digest);
  EXPECT_EQ(*ParseDigest(FormatDigest(digest)), digest);
  EXPECT_EQ(*ParseDigest(digest.value()), digest);
}

TEST(DigestTest, RefusesWhatIsNone) {
  const std::string hex(64, 'a');
  for (const std::string& text : {std::string(), std::string("sha256:"), hex.substr(1), hex + "a",
                                  "sha1:" + hex, std::string(64, 'g'), std::string(64, 'A')}) {
    EXPECT_FALSE(ParseDigest(text).ok()) << text;
  }
}

}  // namespace
}  // namespace penstock

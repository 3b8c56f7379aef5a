#include "base/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

namespace penstock {
namespace {

TEST(DurationTest, ReadsWhatDefinitionsWrite) {
  EXPECT_EQ(*ParseDuration("250ms"), std::chrono::milliseconds(250));
  EXPECT_EQ(*ParseDuration("1.5h"), std::chrono::minutes(90));
  EXPECT_EQ(*ParseDuration("1h30m"), std::chrono::minutes(90));
  EXPECT_EQ(*ParseDuration("2d"), std::chrono::hours(48));
  EXPECT_EQ(*ParseDuration("7us"), Micros(7));
  EXPECT_EQ(*ParseDuration("0s"), Micros(0));
}

TEST(DurationTest, RefusesTheRest) {
  for (const char* text : {"", "5", "s", "-1s", "1x", "1s 2", "nans", "1e300h", "11000000h",
                           "9223372036854775807h", "1h-30m", "."}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
}

TEST(DurationTest, IsReadBackAsItWas) {
  for (const int64_t micros :
       {0LL, 1LL, 999LL, 1000LL, 1'500'000LL, 61'000'000LL, 5'400'000'000LL, 86'400'000'001LL}) {
    const std::string text = UnparseDuration(Micros(micros));
    ASSERT_TRUE(ParseDuration(text).ok()) << text;
    EXPECT_EQ(ParseDuration(text)->count(), micros) << text;
  }
  EXPECT_EQ(UnparseDuration(std::chrono::minutes(90)), "1h30m");
}

TEST(TimeTest, AMessageCutsNoCharacter) {
  for (std::size_t before = 55; before < 62; ++before) {
    EXPECT_TRUE(IsUtf8(ParseTime(std::string(before, 'x') + "🐧").status().message())) << before;
  }
}

TEST(SizeTest, ReadsBothKindsOfUnits) {
  EXPECT_EQ(*ParseSize("512MiB"), 512LL << 20);
  EXPECT_EQ(*ParseSize("1.5GiB"), 3LL << 29);
  EXPECT_EQ(*ParseSize("64KB"), 64'000);
  EXPECT_EQ(*ParseSize("1000"), 1000);
  for (const char* text : {"", "-1", "1XB", "MiB", "1e30GiB", "nan", "10000000TiB"}) {
    EXPECT_FALSE(ParseSize(text).ok()) << text;
  }
  EXPECT_EQ(FormatSize(3LL << 29), "1.5 GiB");
  // To the last byte, which a double does not tell.
  EXPECT_EQ(*ParseSize("123456789012345679B"), 123'456'789'012'345'679);
  EXPECT_EQ(*ParseSize("1000000000000000000"), 1'000'000'000'000'000'000);
  EXPECT_FALSE(ParseSize("1000000000000000001").ok());
}

TEST(NearestTest, FindsASlipAndNothingElse) {
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3);
  EXPECT_EQ(EditDistance("ab", "ba"), 1);
  EXPECT_EQ(Nearest("max_dept", {"max_depth", "eta"}), "max_depth");
  EXPECT_EQ(Nearest("zzz", {"max_depth", "eta"}), "");
  EXPECT_EQ(Nearest("y", {"a", "x"}), "") << "one letter for another is no slip";
  EXPECT_EQ(Nearest("y", {"a", "xy"}), "xy");
  EXPECT_EQ(Nearest("y", {"a", "Y"}), "Y");
  EXPECT_EQ(Nearest("ab", {"cd", "cb"}), "cb");
  EXPECT_EQ(Suggestion("max_dept", {"max_depth"}), " (did you mean \"max_depth\"?)");
  EXPECT_EQ(Suggestion("zzz", {"a", "b"}), " (known: a, b)");
  EXPECT_EQ(Suggestion("zzz", {}), "");
}

TEST(TextTest, SplitsJoinsAndTrims) {
  EXPECT_EQ(Split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(Join({"a", "b"}, ", "), "a, b");
  EXPECT_EQ(Trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(Trim("  "), "");
}

TEST(TextTest, NamesAreShortAndPlain) {
  for (const char* name : {"a", "census-income", "a_b", "0day"}) EXPECT_TRUE(IsName(name)) << name;
  for (const char* name : {"", "-a", "A", "a b", "a/b", "ä", "..", "a."}) {
    EXPECT_FALSE(IsName(name)) << name;
  }
  EXPECT_TRUE(IsName(std::string(64, 'a')));
  EXPECT_FALSE(IsName(std::string(65, 'a')));
}

TEST(TextTest, Utf8IsWellFormed) {
  for (const char* text : {"", "abc", "ä", "€", "\xf0\x9f\x98\x80"}) EXPECT_TRUE(IsUtf8(text));
  // A lone continuation, an overlong slash, a surrogate, beyond U+10FFFF, cut short.
  for (const char* text : {"\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    EXPECT_FALSE(IsUtf8(text));
  }
}

TEST(TextTest, TextsAreCutBetweenCharacters) {
  EXPECT_EQ(TruncateUtf8("abc", 3), "abc");
  EXPECT_EQ(TruncateUtf8("abc", 2), "ab");
  EXPECT_EQ(TruncateUtf8("abc", 0), "");
  const std::string text = "aä€\xf0\x9f\x98\x80z";  // 1, 2, 3, 4 and 1 bytes
  const std::vector<std::size_t> kept = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
  for (std::size_t max = 0; max < kept.size(); ++max) {
    EXPECT_EQ(TruncateUtf8(text, max), text.substr(0, kept[max])) << max;
    EXPECT_TRUE(IsUtf8(TruncateUtf8(text, max))) << max;
  }
  EXPECT_EQ(TruncateUtf8("\x80\x80\x80\x80\x80\x80", 5).size(), 5U);
  EXPECT_EQ(TruncateUtf8("\x80\x80", 1).size(), 1U);
}

TEST(TextTest, DoublesAreShortAndExact) {
  EXPECT_EQ(FormatDouble(0.1), "0.1");
  EXPECT_EQ(FormatDouble(1e20), "1e+20");
  for (const double value : {1.0 / 3.0, 5e-324, std::numeric_limits<double>::max(), -0.0}) {
    EXPECT_EQ(std::strtod(FormatDouble(value).c_str(), nullptr), value);
  }
  EXPECT_EQ(FormatDouble(std::nan("")), "nan");
  EXPECT_EQ(FormatNumber(100'000), "100000");
  EXPECT_EQ(FormatNumber(-2'147'483'647), "-2147483647");
  EXPECT_EQ(FormatNumber(1e12), "1000000000000");
  EXPECT_EQ(FormatNumber(1e20), "1e+20");
  EXPECT_EQ(FormatNumber(0.1), "0.1");
  EXPECT_EQ(FormatNumber(std::nan("")), "nan");
  EXPECT_EQ(FormatNumber(-INFINITY), "-inf");
}

}  // namespace
}  // namespace penstock

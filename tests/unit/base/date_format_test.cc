#include "base/date_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace penstock {
namespace {

using testing::HasSubstr;

// As RFC 3339, or "none"; "refused: …" for a format that is none.
std::string Read(std::string_view format, std::string_view text) {
  const auto parsed = DateFormat::Parse(format);
  if (!parsed.ok()) return "refused: " + parsed.status().message();
  const auto time = parsed->Read(text);
  return time ? FormatTime(*time) : "none";
}

TEST(DateFormat, ReadsEveryDirective) {
  EXPECT_EQ(Read("%Y-%m-%d", "2027-01-31"), "2027-01-31T00:00:00.000Z");
  EXPECT_EQ(Read("%F %T", "2027-01-31 23:59:58"), "2027-01-31T23:59:58.000Z");
  EXPECT_EQ(Read("%d/%m/%y", "1/2/68"), "2068-02-01T00:00:00.000Z");
  EXPECT_EQ(Read("%d/%m/%y", "1/2/69"), "1969-02-01T00:00:00.000Z");
  EXPECT_EQ(Read("%Y %j", "2024 60"), "2024-02-29T00:00:00.000Z");
  EXPECT_EQ(Read("%a %b %d %Y", "SUN mar 7 2027"), "2027-03-07T00:00:00.000Z");
  EXPECT_EQ(Read("%A, %B %d %Y", "Sunday, March 7 2027"), "2027-03-07T00:00:00.000Z");
  EXPECT_EQ(Read("%B %Y", "May 2027"), "2027-05-01T00:00:00.000Z");
  EXPECT_EQ(Read("%Y", "2027"), "2027-01-01T00:00:00.000Z");
  EXPECT_EQ(Read("%F %I:%M %p", "2027-01-31 12:30 am"), "2027-01-31T00:30:00.000Z");
  EXPECT_EQ(Read("%F %I:%M %p", "2027-01-31 12:30 PM"), "2027-01-31T12:30:00.000Z");
  EXPECT_EQ(Read("%F %I %p", "2027-01-31 1 pm"), "2027-01-31T13:00:00.000Z");
  EXPECT_EQ(Read("%F %T.%f", "2027-01-31 00:00:00.5"), "2027-01-31T00:00:00.500Z");
  EXPECT_EQ(Read("%F %T.%f", "2027-01-31 00:00:00.250999999"), "2027-01-31T00:00:00.250Z");
  EXPECT_EQ(Read("%F %H%z", "2027-01-31 01+02:00"), "2027-01-30T23:00:00.000Z");
  EXPECT_EQ(Read("%F %H%z", "2027-01-31 01-0230"), "2027-01-31T03:30:00.000Z");
  EXPECT_EQ(Read("%F %H%z", "2027-01-31 01+02"), "2027-01-30T23:00:00.000Z");
  EXPECT_EQ(Read("%F %H%z", "2027-01-31 01Z"), "2027-01-31T01:00:00.000Z");
  EXPECT_EQ(Read("%% %Y", "%    2027"), "2027-01-01T00:00:00.000Z");
}

TEST(DateFormat, FitsTheWholeTextAndDaysThatThereAre) {
  EXPECT_EQ(Read("%F", "2027-01-31 "), "none");
  EXPECT_EQ(Read("%F", "2027-01-3x"), "none");
  EXPECT_EQ(Read("%F", ""), "none");
  EXPECT_EQ(Read("%F", "2027-02-29"), "none");
  EXPECT_EQ(Read("%F", "2028-02-29"), "2028-02-29T00:00:00.000Z");
  EXPECT_EQ(Read("%Y %j", "2027 366"), "none");
  EXPECT_EQ(Read("%Y %j", "2027 0"), "none");
  EXPECT_EQ(Read("%Y", "27"), "none");
  EXPECT_EQ(Read("%Y", "0000"), "none");
  EXPECT_EQ(Read("%F", "2027-13-01"), "none");
  EXPECT_EQ(Read("%F %H", "2027-01-01 24"), "none");
  EXPECT_EQ(Read("%F %I %p", "2027-01-01 13 pm"), "none");
  EXPECT_EQ(Read("%F %I %p", "2027-01-01 3 xm"), "none");
  EXPECT_EQ(Read("%F %T", "2027-01-01 00:00:60"), "none");
  EXPECT_EQ(Read("%F %T.%f", "2027-01-01 00:00:00."), "none");
  EXPECT_EQ(Read("%F%z", "2027-01-01+24:00"), "none");
  EXPECT_EQ(Read("%F%z", "2027-01-01+01:6"), "none");
  EXPECT_EQ(Read("%F%z", "2027-01-01"), "none");
  EXPECT_EQ(Read("%B %Y", "Mai 2027"), "none");
  EXPECT_EQ(Read("%Y x", "2027x"), "none");
}

TEST(DateFormat, RefusesFormatsThatSayNoTime) {
  EXPECT_EQ(Read("%d.%m", ""), "refused: format \"%d.%m\" has no year: %Y or %y");
  EXPECT_THAT(Read("", ""), HasSubstr("has no year"));
  EXPECT_THAT(Read("%Y %Q", ""), HasSubstr("has %Q, which is none of %Y %y"));
  EXPECT_THAT(Read("%Y%", ""), HasSubstr("ends in %"));
  EXPECT_THAT(Read("%Y %Y", ""), HasSubstr("has %Y twice"));
  EXPECT_THAT(Read("%F %m", ""), HasSubstr("has %m twice"));
  EXPECT_THAT(Read("%Y %y", ""), HasSubstr("says one part of the time in two ways"));
  EXPECT_THAT(Read("%F %H %I %p", ""), HasSubstr("in two ways"));
  EXPECT_THAT(Read("%Y %b %m", ""), HasSubstr("in two ways"));
  EXPECT_THAT(Read("%Y %j %d %m", ""), HasSubstr("in two ways"));
  EXPECT_THAT(Read("%F %I", ""), HasSubstr("must have %I and %p together"));
  EXPECT_THAT(Read("%F %H %p", ""), HasSubstr("must have %I and %p together"));
  EXPECT_THAT(Read("%Y %d", ""), HasSubstr("has a day, but no month"));
}

}  // namespace
}  // namespace penstock

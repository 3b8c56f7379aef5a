#include "server/core/field_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(FieldReader, ReadsEachKind) {
  const Json json =
      Yaml("{s: text, b: true, i: 3, n: 2.5, d: 1h30m, z: 2MiB, l: [a, b], m: {k: v}, none: null}");
  std::vector<Problem> problems;
  FieldReader fields(json, "at", problems);
  std::string s;
  bool b = false;
  int64_t i = 0;
  double n = 0;
  Micros d{0};
  int64_t z = 0;
  std::vector<std::string> l;
  std::map<std::string, std::string> m;
  std::string none = "kept";
  fields.String("s", s);
  fields.Bool("b", b);
  fields.Int("i", 0, 10, i);
  fields.Number("n", 0, 10, n);
  fields.Duration("d", d);
  fields.Size("z", z);
  fields.Strings("l", l);
  fields.StringMap("m", m);
  fields.String("none", none);
  fields.Finish();
  EXPECT_THAT(Lines(problems), IsEmpty());
  EXPECT_EQ(s, "text");
  EXPECT_TRUE(b);
  EXPECT_EQ(i, 3);
  EXPECT_EQ(n, 2.5);
  EXPECT_EQ(d, std::chrono::minutes(90));
  EXPECT_EQ(z, 2 << 20);
  EXPECT_THAT(l, ElementsAre("a", "b"));
  EXPECT_EQ(m.at("k"), "v");
  EXPECT_EQ(none, "kept");
}

TEST(FieldReader, SaysWhatIsWrongAndKeepsTheValue) {
  const Json json = Yaml(
      "{s: 1, b: yes, i: 1.5, big: 11, n: x, d: 5, bad: 5 parsecs, z: -1, l: a, m: [a], e: [1]}");
  std::vector<Problem> problems;
  FieldReader fields(json, "at", problems);
  std::string s = "kept";
  bool b = true;
  int64_t i = 7;
  double n = 7;
  Micros d{7};
  int64_t z = 7;
  std::vector<std::string> l;
  std::map<std::string, std::string> m;
  fields.String("s", s);
  fields.Bool("b", b);
  fields.Int("i", 0, 10, i);
  fields.Int("big", 0, 10, i);
  fields.Number("n", 0, 10, n);
  fields.Duration("d", d);
  fields.Duration("bad", d);
  fields.Size("z", z);
  fields.Strings("l", l);
  fields.StringMap("m", m);
  fields.Strings("e", l);
  fields.Finish();
  EXPECT_THAT(Lines(problems),
              ElementsAre("at.s: must be a string, not the integer 1",
                          "at.b: must be true or false, not the string \"yes\"",
                          "at.i: must be an integer, not the number 1.5",
                          "at.big: 11 is out of bounds; it must be 0 to 10",
                          "at.n: must be a number, not the string \"x\"",
                          "at.d: must be a duration such as 30s or 5m, not the integer 5",
                          testing::StartsWith("at.bad: \"5 parsecs\" is not a duration"),
                          "at.z: must be a size such as 512MiB, not the integer -1",
                          "at.l: must be a list of strings, not the string \"a\"",
                          "at.m: must be an object of strings, not the list [\"a\"]",
                          "at.e[0]: must be a string, not the integer 1"));
  EXPECT_EQ(s, "kept");
  EXPECT_EQ(i, 7);
  EXPECT_EQ(z, 7);
}

TEST(FieldReader, ShowsIntegersBeyondInt64AsTheyAre) {
  const Json json = {{"i", 18446744073709551615U}};
  std::vector<Problem> problems;
  FieldReader fields(json, "", problems);
  int64_t i = 7;
  fields.Int("i", 0, 10, i);
  EXPECT_THAT(Lines(problems),
              ElementsAre("i: 18446744073709551615 is out of bounds; it must be 0 to 10"));
}

TEST(FieldReader, NamesUnknownKeysAndPassesOverExtensions) {
  const Json json = Yaml("{name: a, nmae: b, x-anchor: {anything: 1}}");
  std::vector<Problem> problems;
  FieldReader fields(json, "", problems);
  std::string name;
  fields.String("name", name);
  fields.Finish();
  EXPECT_THAT(Lines(problems), ElementsAre("nmae: unknown key (did you mean \"name\"?)"));
}

TEST(FieldReader, TakesNullForNoneAndRefusesOtherKinds) {
  std::vector<Problem> problems;
  FieldReader none(Json(), "retry", problems);
  none.Finish();
  EXPECT_THAT(Lines(problems), IsEmpty());
  const Json list = Json::array();
  FieldReader wrong(list, "retry", problems);
  EXPECT_FALSE(wrong.Has("x"));
  wrong.Finish();
  EXPECT_THAT(Lines(problems), ElementsAre("retry: must be an object, not a list"));
}

}  // namespace
}  // namespace penstock

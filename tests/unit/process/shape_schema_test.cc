// What is refused at submission of operations about columns and rows.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "steps/catalog/builtin.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> Problems(const std::string& entries) {
  const auto json = ParseJson("{\"roles\": {\"label\": \"y\"}, \"transforms\": [" + entries + "]}");
  EXPECT_TRUE(json.ok()) << json.status();
  std::vector<Problem> problems;
  CheckParameters(ProcessSchema(), *json, "with", problems);
  std::vector<std::string> lines;
  for (const Problem& problem : problems) lines.push_back(problem.path + ": " + problem.message);
  return lines;
}

TEST(ShapeSchemas, TakeWhatIsRight) {
  EXPECT_THAT(Problems(R"(
      {"op": "filter", "where": "y = 'a' AND age > 3", "applies": "all"},
      {"op": "deduplicate", "key": ["y", "id"], "keep": "last", "conflict": "drop"},
      {"op": "deduplicate"},
      {"op": "sort", "by": ["y", "age"], "descending": ["age"]},
      {"op": "sort", "by": ["age"], "descending": true, "applies": "all"},
      {"op": "shuffle", "seed": 7},
      {"op": "select", "columns": [{"kind": "numeric"}, "job"]},
      {"op": "rename", "map": {"job": "work"}},
      {"op": "cast", "columns": "work", "to": "id", "errors": "missing"},
      {"op": "parse_dates", "columns": "day", "formats": ["iso", "%d.%m.%Y"],
       "parts": ["year", "week"], "cyclical": ["month"], "keep": "date", "invalid": "missing"},
      {"op": "parse_dates", "columns": "other"},
      {"op": "derive", "name": "double", "expression": "age * 2"},
      {"op": "prune", "rule": "sparse", "max_missing": 0.3},
      {"op": "prune", "rule": "sensitive", "names": ["age"], "columns": {"kind": "numeric"}},
      {"op": "prune", "rule": "correlated", "threshold": 0.9})"),
              IsEmpty());
  EXPECT_THAT(Problems(R"({"op": "sort", "by": "${parameters.b}", "descending": ["x"]},
                          {"op": "filter", "where": "${parameters.w}"},
                          {"op": "rename", "map": {"a": "${parameters.n}", "b": "${parameters.n}"}},
                          {"op": "prune", "rule": "${parameters.r}", "threshold": 0.5},
                          {"op": "parse_dates", "columns": "d", "formats": ["${parameters.f}"]})"),
              IsEmpty());
}

TEST(ShapeSchemas, Columns) {
  EXPECT_THAT(Problems(R"({"op": "select"})"), ElementsAre(HasSubstr("columns: is missing")));
  EXPECT_THAT(Problems(R"({"op": "select", "columns": "y"})"),
              ElementsAre(HasSubstr("column \"y\" has a role")));
  EXPECT_THAT(Problems(R"({"op": "rename", "map": {}})"),
              ElementsAre("with.transforms[0].map: names no column"));
  EXPECT_THAT(Problems(R"({"op": "rename", "map": {"a": "x", "b": "x"}})"),
              ElementsAre(HasSubstr("map.b: two columns would be called \"x\"")));
  EXPECT_THAT(Problems(R"({"op": "rename", "map": {"a": ""}})"), testing::SizeIs(1));
  EXPECT_THAT(Problems(R"({"op": "rename", "map": {"a": 7}})"), testing::SizeIs(1));
  EXPECT_THAT(Problems(R"({"op": "cast", "columns": "a", "to": "int"})"),
              ElementsAre(HasSubstr("to: \"int\" is not a choice")));
  EXPECT_THAT(Problems(R"({"op": "cast", "columns": "a"})"),
              ElementsAre(HasSubstr("to: is missing")));
  EXPECT_THAT(Problems(R"({"op": "cast", "columns": "a", "to": "id", "errors": "drop"})"),
              ElementsAre(HasSubstr("errors: \"drop\" is not a choice")));
  EXPECT_THAT(Problems(R"({"op": "derive", "name": "a"})"),
              ElementsAre(HasSubstr("expression: is missing")));
  EXPECT_THAT(Problems(R"({"op": "derive", "name": "", "expression": "1"})"), testing::SizeIs(1));
}

TEST(ShapeSchemas, Dates) {
  const auto of = [](const std::string& parameters) {
    return Problems("{\"op\": \"parse_dates\", \"columns\": \"d\", " + parameters + "}");
  };
  EXPECT_THAT(of(R"("formats": ["%Y", "%d.%m"])"),
              ElementsAre("with.transforms[0].formats[1]: format \"%d.%m\" has no year: %Y or %y"));
  EXPECT_THAT(of(R"("formats": [])"), testing::SizeIs(1));
  EXPECT_THAT(of(R"("formats": ["%Y"], "unit": "days")"),
              ElementsAre(HasSubstr("unit: has no use with formats")));
  EXPECT_THAT(of(R"("unit": "hours")"), ElementsAre(HasSubstr("\"hours\" is not a choice")));
  EXPECT_THAT(of(R"("parts": ["year", "year"])"),
              ElementsAre(HasSubstr("parts: has \"year\" twice")));
  EXPECT_THAT(of(R"("parts": ["yer"])"), ElementsAre(HasSubstr("\"yer\" is not a choice")));
  EXPECT_THAT(of(R"("cyclical": ["year"])"), ElementsAre(HasSubstr("\"year\" is not a choice")));
  EXPECT_THAT(of(R"("keep": "none")"), ElementsAre(HasSubstr("keep: is none, and no parts")));
  EXPECT_THAT(of(R"("invalid": "drop")"), ElementsAre(HasSubstr("\"drop\" is not a choice")));
}

TEST(ShapeSchemas, Rows) {
  EXPECT_THAT(Problems(R"({"op": "filter"})"), ElementsAre(HasSubstr("where: is missing")));
  EXPECT_THAT(Problems(R"({"op": "filter", "where": ""})"), testing::SizeIs(1));
  EXPECT_THAT(Problems(R"({"op": "sort"})"), ElementsAre(HasSubstr("by: is missing")));
  EXPECT_THAT(Problems(R"({"op": "sort", "by": []})"), testing::SizeIs(1));
  EXPECT_THAT(Problems(R"({"op": "sort", "by": ["a", "a"]})"),
              ElementsAre(HasSubstr("by: names \"a\" twice")));
  EXPECT_THAT(Problems(R"({"op": "sort", "by": ["a"], "descending": ["b"]})"),
              ElementsAre(HasSubstr("descending: names \"b\", which is not in by")));
  EXPECT_THAT(Problems(R"({"op": "sort", "by": ["a"], "descending": "a"})"),
              ElementsAre(HasSubstr("descending: must be true, false, or names")));
  EXPECT_THAT(Problems(R"({"op": "sort", "by": ["a"], "applies": "train"})"),
              ElementsAre(HasSubstr("applies: \"train\" is not a choice")));
  EXPECT_THAT(Problems(R"({"op": "shuffle", "seed": -1})"), testing::SizeIs(1));
  EXPECT_THAT(Problems(R"({"op": "deduplicate", "key": ["a", "a"]})"),
              ElementsAre(HasSubstr("key: names \"a\" twice")));
  EXPECT_THAT(Problems(R"({"op": "deduplicate", "conflict": "error"})"),
              ElementsAre(HasSubstr("conflict: has no use without key")));
  EXPECT_THAT(Problems(R"({"op": "deduplicate", "keep": "some"})"),
              ElementsAre(HasSubstr("keep: \"some\" is not a choice")));
  for (const char* rows : {R"({"op": "filter", "where": "a > 1"})", R"({"op": "deduplicate"})",
                           R"({"op": "sort", "by": ["a"]})", R"({"op": "shuffle"})"}) {
    EXPECT_THAT(Problems(std::string(R"({"op": "standard", "columns": "x"}, )") + rows),
                ElementsAre(HasSubstr("must stand before standard")))
        << rows;
    EXPECT_THAT(Problems(std::string(R"({"op": "prune", "rule": "constant"}, )") + rows),
                ElementsAre(HasSubstr("must stand before prune")))
        << rows;
    // What learns nothing may stand before.
    EXPECT_THAT(
        Problems(std::string(R"({"op": "derive", "name": "n", "expression": "1"}, )") + rows),
        IsEmpty())
        << rows;
  }
}

TEST(ShapeSchemas, Prune) {
  EXPECT_THAT(Problems(R"({"op": "prune"})"), ElementsAre(HasSubstr("rule: is missing")));
  EXPECT_THAT(Problems(R"({"op": "prune", "rule": "dull"})"),
              ElementsAre(HasSubstr("rule: \"dull\" is not a choice")));
  EXPECT_THAT(Problems(R"({"op": "prune", "rule": "constant", "max_missing": 0.5})"),
              ElementsAre(HasSubstr("max_missing: belongs to rule sparse")));
  EXPECT_THAT(Problems(R"({"op": "prune", "rule": "sparse", "threshold": 0.5, "names": ["x"]})"),
              testing::UnorderedElementsAre(HasSubstr("threshold: belongs to rule correlated"),
                                            HasSubstr("names: belongs to rule sensitive")));
  EXPECT_THAT(Problems(R"({"op": "prune", "rule": "sparse", "max_missing": 2})"),
              testing::SizeIs(1));
}

}  // namespace
}  // namespace penstock

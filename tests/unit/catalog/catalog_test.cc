#include "steps/catalog/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::shared_ptr<const ParameterSchema> Element(ParameterSchema schema) {
  return std::make_shared<const ParameterSchema>(std::move(schema));
}

// One parameter of each kind.
StepSchema Everything() {
  StepSchema schema;
  schema.key = "everything";
  schema.version = "3";
  schema.summary = "One of each.";
  schema.parameters = {
      {.name = "text", .kind = Kind::kString, .default_value = "t", .minimum = 1, .maximum = 5},
      {.name = "count", .kind = Kind::kInteger, .minimum = 1, .maximum = 10},
      {.name = "share",
       .kind = Kind::kNumber,
       .help = "Above 0, below 1.",
       .default_value = 0.5,
       .minimum = 0,
       .maximum = 1,
       .exclusive_minimum = true,
       .exclusive_maximum = true},
      {.name = "flag", .kind = Kind::kBoolean, .default_value = false},
      {.name = "mode", .kind = Kind::kEnum, .default_value = "fast", .choices = {"fast", "exact"}},
      {.name = "names",
       .kind = Kind::kList,
       .maximum = 3,
       .element = Element({.name = "name", .kind = Kind::kString})},
      {.name = "weights",
       .kind = Kind::kMap,
       .element = Element({.name = "weight", .kind = Kind::kNumber, .minimum = 0})},
      {.name = "limit", .kind = Kind::kInteger, .nullable = true},
      {.name = "read",
       .kind = Kind::kObject,
       .fields =
           {{.name = "format", .kind = Kind::kString, .default_value = "csv"},
            {.name = "columns",
             .kind = Kind::kList,
             .element = Element(
                 {.name = "column",
                  .kind = Kind::kObject,
                  .fields = {{.name = "name", .kind = Kind::kString, .required = true},
                             {.name = "kind", .kind = Kind::kString, .default_value = "auto"}}})}}},
      {.name = "anything", .kind = Kind::kAny},
  };
  return schema;
}

Json Check(const Json& parameters, std::vector<std::string>* lines) {
  std::vector<Problem> problems;
  Json filled = CheckParameters(Everything(), parameters, "steps[0].with", problems);
  for (const Problem& problem : problems) lines->push_back(problem.path + ": " + problem.message);
  return filled;
}

Json Filled(const Json& parameters) {
  std::vector<std::string> lines;
  Json filled = Check(parameters, &lines);
  EXPECT_THAT(lines, IsEmpty());
  return filled;
}

std::vector<std::string> Wrong(const Json& parameters) {
  std::vector<std::string> lines;
  Check(parameters, &lines);
  return lines;
}

const Json kDefaults = {{"text", "t"},    {"share", 0.5},     {"flag", false},
                        {"mode", "fast"}, {"limit", nullptr}, {"read", {{"format", "csv"}}}};

TEST(CheckParameters, FillsDefaultsAtEveryLevel) {
  EXPECT_EQ(Filled(Json()), kDefaults);
  EXPECT_EQ(Filled(Json::object()), kDefaults);
  const Json filled = Filled({{"read", {{"columns", {{{"name", "age"}}}}}}, {"count", 3}});
  EXPECT_EQ(filled["read"]["format"], "csv");
  EXPECT_EQ(filled["read"]["columns"][0], (Json{{"name", "age"}, {"kind", "auto"}}));
  EXPECT_EQ(filled["count"], 3);
}

TEST(CheckParameters, IsStableOnItsOwnResult) {
  const Json once = Filled({{"read", {{"columns", {{{"name", "age"}}}}}}, {"names", {"a", "b"}}});
  EXPECT_EQ(Filled(once), once);
}

TEST(CheckParameters, DropsExtensions) {
  EXPECT_EQ(Filled({{"x-note", {1, 2}}}), kDefaults);
}

TEST(CheckParameters, TakesReferencesForAnything) {
  const Json parameters = {{"count", "${parameters.n}"},    {"mode", "${parameters.m}"},
                           {"names", "${parameters.list}"}, {"weights", {{"a", "${parameters.w}"}}},
                           {"read", "${parameters.read}"},  {"text", "far too long but ${run.id}"}};
  const Json filled = Filled(parameters);
  for (const auto& [key, value] : parameters.items()) EXPECT_EQ(filled[key], value);
  EXPECT_THAT(Wrong({{"count", "$${parameters.n}"}}), ElementsAre(HasSubstr("must be integer")))
      << "that is a text";
}

TEST(CheckParameters, TakesWholeNumbersEitherWay) {
  const Json filled = Filled({{"count", 3.0}, {"weights", {{"a", 2}}}});
  EXPECT_TRUE(filled["count"].is_number_integer());
  EXPECT_EQ(filled["weights"]["a"], 2);
}

TEST(CheckParameters, RefusesOtherKinds) {
  EXPECT_THAT(
      Wrong({{"text", 5},
             {"count", "5"},
             {"share", "much"},
             {"flag", "yes"},
             {"mode", 1},
             {"names", "a"},
             {"weights", {1}},
             {"read", "csv"}}),
      ElementsAre("steps[0].with.text: must be string, not the integer 5; write it in quotes",
                  "steps[0].with.count: must be integer, not the string \"5\"; write it without "
                  "quotes",
                  "steps[0].with.share: must be number, not the string \"much\"",
                  "steps[0].with.flag: must be boolean, not the string \"yes\"; write true or "
                  "false",
                  "steps[0].with.mode: must be enum, not the integer 1 (one of fast, exact)",
                  "steps[0].with.names: must be list, not the string \"a\"",
                  "steps[0].with.weights: must be map, not the list [1]",
                  "steps[0].with.read: must be object, not the string \"csv\""));
  EXPECT_THAT(Wrong({{"count", 2.5}}), ElementsAre(HasSubstr("must be integer, not the number")));
  EXPECT_THAT(Wrong({{"count", nullptr}}), ElementsAre(HasSubstr("must be integer, not the null")));
  EXPECT_THAT(Wrong({{"limit", nullptr}, {"anything", nullptr}}), IsEmpty());
  EXPECT_THAT(Wrong({1, 2}),
              ElementsAre("steps[0].with: must be an object of parameters, not a list"));
}

TEST(CheckParameters, KeepsBounds) {
  EXPECT_THAT(
      Wrong({{"count", 1}, {"share", 0.001}, {"text", "12345"}, {"names", {"1", "2", "3"}}}),
      IsEmpty());
  EXPECT_THAT(Wrong({{"count", 11},
                     {"share", 1},
                     {"text", ""},
                     {"names", {"1", "2", "3", "4"}},
                     {"weights", {{"a", -0.5}}}}),
              ElementsAre("steps[0].with.text: must have a length >= 1 and <= 5",
                          "steps[0].with.count: 11 is out of bounds; it must be >= 1 and <= 10",
                          "steps[0].with.share: 1 is out of bounds; it must be > 0 and < 1",
                          "steps[0].with.names: must have a length <= 3",
                          "steps[0].with.weights.a: -0.5 is out of bounds; it must be >= 0"));
  EXPECT_THAT(Wrong({{"share", 0}}), ElementsAre(HasSubstr("> 0 and < 1")));
  EXPECT_THAT(Wrong({{"count", 1e300}}), ElementsAre(HasSubstr("must be integer")));
}

TEST(CheckParameters, NamesWhatIsUnknownOrMissing) {
  EXPECT_THAT(Wrong({{"cuont", 1}}),
              ElementsAre("steps[0].with.cuont: unknown key (did you mean \"count\"?)"));
  EXPECT_THAT(Wrong({{"mode", "exakt"}}),
              ElementsAre("steps[0].with.mode: \"exakt\" is not a choice (did you mean "
                          "\"exact\"?)"));
  EXPECT_THAT(Wrong({{"mode", "slow"}}), ElementsAre(HasSubstr("(known: fast, exact)")));
  EXPECT_THAT(Wrong({{"read", {{"columns", {{{"name", "a"}}, {{"nmae", "b"}}}}}}}),
              ElementsAre("steps[0].with.read.columns[1].nmae: unknown key (did you mean "
                          "\"name\"?)",
                          "steps[0].with.read.columns[1].name: is missing"));
}

// One mistake hides no other, and makes none up.
TEST(CheckParameters, ShowsTheStepsOwnCheckAReferenceInThePlaceOfWhatIsWrong) {
  StepSchema schema = Everything();
  Json seen;
  schema.check = [&](const Json& parameters, const std::string& path,
                     std::vector<Problem>& problems) {
    seen = parameters;
    problems.push_back({path + ".text", "is not to my liking"});
  };
  std::vector<Problem> problems;
  const Json filled = CheckParameters(schema,
                                      {{"count", 0},
                                       {"names", {"a", 1}},
                                       {"mdoe", "exact"},
                                       {"share", 0.1},
                                       {"read", {{"columns", {{{"kind", "x"}}, "b"}}}}},
                                      "with", problems);
  std::vector<std::string> paths;
  for (const Problem& problem : problems) paths.push_back(problem.path);
  EXPECT_THAT(paths, ElementsAre("with.mdoe", "with.count", "with.names[1]",
                                 "with.read.columns[0].name", "with.read.columns[1]", "with.text"));
  EXPECT_TRUE(HoldsReference(seen["count"]));
  EXPECT_EQ(seen["names"][0], "a");
  EXPECT_TRUE(HoldsReference(seen["names"][1]));
  EXPECT_TRUE(HoldsReference(seen["mode"])) << "what was meant is not known";
  EXPECT_EQ(seen["share"], 0.1);
  EXPECT_EQ(seen["read"]["format"], "csv") << "defaults are there";
  EXPECT_TRUE(HoldsReference(seen["read"]["columns"][0]["name"]));
  EXPECT_EQ(seen["read"]["columns"][0]["kind"], "x");
  EXPECT_TRUE(HoldsReference(seen["read"]["columns"][1]));
  EXPECT_EQ(filled["count"], 0) << "what is given back is what was written";
  EXPECT_EQ(filled["mode"], "fast");
  problems.clear();
  CheckParameters(schema, {{"count", 1}}, "with", problems);
  EXPECT_EQ(problems.size(), 1U);
  EXPECT_EQ(seen["mode"], "fast");
}

TEST(CheckParameters, ShortensLongValues) {
  const std::vector<std::string> lines = Wrong({{"count", std::string(10'000, 'x')}});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_LT(lines[0].size(), 200U);
}

TEST(HoldsReference, KnowsLiterals) {
  EXPECT_TRUE(HoldsReference("${a}"));
  EXPECT_TRUE(HoldsReference("x ${a}"));
  EXPECT_TRUE(HoldsReference("$${a} ${b}"));
  EXPECT_FALSE(HoldsReference("$${a}"));
  EXPECT_FALSE(HoldsReference("$a {b}"));
  EXPECT_FALSE(HoldsReference(5));
  EXPECT_FALSE(HoldsReference(Json::array({"${a}"})));
}

TEST(JsonSchema, DescribesTheParameters) {
  const Json schema = ParametersAsJsonSchema(Everything());
  EXPECT_EQ(schema["$schema"], "http://json-schema.org/draft-07/schema#");
  EXPECT_EQ(schema["title"], "everything@3");
  EXPECT_EQ(schema["type"], "object");
  EXPECT_EQ(schema["additionalProperties"], false);
  const Json& properties = schema["properties"];
  EXPECT_EQ(properties["text"],
            (Json{{"type", "string"}, {"minLength", 1}, {"maxLength", 5}, {"default", "t"}}));
  EXPECT_EQ(properties["count"], (Json{{"type", "integer"}, {"minimum", 1}, {"maximum", 10}}));
  EXPECT_EQ(properties["share"], (Json{{"type", "number"},
                                       {"exclusiveMinimum", 0},
                                       {"exclusiveMaximum", 1},
                                       {"default", 0.5},
                                       {"description", "Above 0, below 1."}}));
  EXPECT_EQ(properties["mode"], (Json{{"enum", {"fast", "exact"}}, {"default", "fast"}}));
  EXPECT_EQ(properties["names"],
            (Json{{"type", "array"}, {"maxItems", 3}, {"items", {{"type", "string"}}}}));
  EXPECT_EQ(properties["weights"]["additionalProperties"],
            (Json{{"type", "number"}, {"minimum", 0}}));
  EXPECT_EQ(properties["limit"], (Json{{"anyOf", {{{"type", "integer"}}, {{"type", "null"}}}}}));
  EXPECT_EQ(properties["read"]["properties"]["columns"]["items"]["required"], (Json{"name"}));
  EXPECT_EQ(properties["anything"], Json::object());
}

TEST(Catalog, FindsAndLists) {
  StepSchema a;
  a.key = "train/zeta";
  StepSchema b;
  b.key = "train/alpha";
  StepSchema c;
  c.key = "noop";
  const Catalog catalog({a, b, c});
  EXPECT_NE(catalog.Find("noop"), nullptr);
  EXPECT_EQ(catalog.Find("train"), nullptr);
  EXPECT_EQ(catalog.Find(""), nullptr);
  EXPECT_THAT(catalog.Algorithms(), ElementsAre("alpha", "zeta"));
  std::vector<std::string> keys;
  for (const StepSchema* schema : catalog.All()) keys.push_back(schema->key);
  EXPECT_THAT(keys, ElementsAre("noop", "train/alpha", "train/zeta"));
}

TEST(CatalogDeathTest, AbortsOnAKeyGivenTwice) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  StepSchema a;
  a.key = "noop";
  EXPECT_DEATH(Catalog({a, a}), "");
}

}  // namespace
}  // namespace penstock

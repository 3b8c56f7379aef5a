// What YAML means here.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "server/definition/definition.h"

namespace penstock {
namespace {

using testing::HasSubstr;

Json Read(std::string_view text) {
  const Result<DefinitionText> parsed = ParseDefinitionText(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status() << "\n" << text;
  return parsed.ok() ? parsed->document : Json();
}

std::string Refused(std::string_view text, const std::string& reason = "BAD_YAML") {
  const Result<DefinitionText> parsed = ParseDefinitionText(text);
  EXPECT_FALSE(parsed.ok()) << text << "\n" << (parsed.ok() ? DumpJson(parsed->document) : "");
  if (parsed.ok()) return {};
  EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(parsed.status().reason(), reason) << text;
  return parsed.status().message();
}

TEST(YamlScalars, FollowTheCoreSchema) {
  const std::pair<const char*, Json> cases[] = {
      {"12", 12},
      {"-7", -7},
      {"+7", 7},
      {"0", 0},
      {"-0", 0},
      {"1.5", 1.5},
      {".5", 0.5},
      {"5.", 5.0},
      {"1e3", 1000.0},
      {"-2.5E-3", -0.0025},
      {"0.0", 0.0},
      {"true", true},
      {"False", false},
      {"TRUE", true},
      {"null", nullptr},
      {"~", nullptr},
      {"", nullptr},
      {"hello world", "hello world"},
      {"9223372036854775807", INT64_MAX},
      {"-9223372036854775808", INT64_MIN},
      {"18446744073709551615", UINT64_MAX},
  };
  for (const auto& [text, wanted] : cases) {
    const Json value = Read("k: " + std::string(text))["k"];
    EXPECT_EQ(value, wanted) << text;
    EXPECT_EQ(JsonKindName(value), JsonKindName(wanted)) << text;
  }
  EXPECT_TRUE(std::isnan(Read("k: .nan")["k"].get<double>()));
  EXPECT_EQ(Read("k: .inf")["k"].get<double>(), HUGE_VAL);
  EXPECT_EQ(Read("k: -.INF")["k"].get<double>(), -HUGE_VAL);
  EXPECT_TRUE(Read("k: 18446744073709551616")["k"].is_number_float());
}

TEST(YamlScalars, KeepAsTextWhatOnlyLooksLikeAValue) {
  for (const char* text :
       {"yes",  "no",    "NO",   "on",    "off",   "y",     "n",        "0123",       "-012",
        "00",   "0x1F",  "0o17", "0b1",   "1_000", "1,000", "12:30:00", "2024-01-01", "1.2.3",
        "tRue", "nUll",  "none", "+",     ".",     "1e",    "e5",       "--1",        "infinity",
        "nan",  ".infx", "01.5", "<=50K", "a#b",   "1 2"}) {
    const Json value = Read("- x\n- " + std::string(text))[1];
    EXPECT_EQ(value, Json(text)) << text;
  }
}

TEST(YamlScalars, KeepQuotedTextAsText) {
  EXPECT_EQ(Read("a: '12'\nb: \"true\"\nc: ''\nd: \"~\"\ne: ! 12\nf: |\n  12\ng: >-\n  null"),
            (Json{{"a", "12"},
                  {"b", "true"},
                  {"c", ""},
                  {"d", "~"},
                  {"e", "12"},
                  {"f", "12\n"},
                  {"g", "null"}}));
  EXPECT_EQ(Read("a: \"tab\\t quote\\\" e\\u00e9 nl\\n\"")["a"], "tab\t quote\" eé nl\n");
}

TEST(YamlStructure, BlocksAndFlows) {
  EXPECT_EQ(Read("a:\n- b: 1\n  c: [2, {d: 3}]\n-\n- - x\n  - y\ne: {}\nf: []"),
            (Json{{"a", {{{"b", 1}, {"c", {2, {{"d", 3}}}}}, nullptr, {"x", "y"}}},
                  {"e", Json::object()},
                  {"f", Json::array()}}));
  EXPECT_EQ(Read("{a: 1, \"b\": 2, c}"), (Json{{"a", 1}, {"b", 2}, {"c", nullptr}}));
  EXPECT_EQ(Read("# comment\n---\na: 1 # more\n...\n"), (Json{{"a", 1}}));
  EXPECT_EQ(Read("a: 1\r\nb: 2\r\n"), (Json{{"a", 1}, {"b", 2}}));
  EXPECT_EQ(Read("\xEF\xBB\xBF"
                 "a: 1"),
            (Json{{"a", 1}}))
      << "a byte order mark";
  EXPECT_EQ(Read("1: one\ntrue: yes"), (Json{{"1", "one"}, {"true", "yes"}}));
  EXPECT_EQ(Read("data: ${parameters.data}")["data"], "${parameters.data}");
  EXPECT_EQ(Read("a: {b: \"${parameters.data}\"}")["a"]["b"], "${parameters.data}");
}

TEST(YamlAliases, StandForWhatTheyName) {
  EXPECT_EQ(Read("x-a: &a {n: 1, l: [2]}\nb: *a\nc: [*a, &s text, *s]"),
            (Json{{"x-a", {{"n", 1}, {"l", {2}}}},
                  {"b", {{"n", 1}, {"l", {2}}}},
                  {"c", {{{"n", 1}, {"l", {2}}}, "text", "text"}}}));
  EXPECT_EQ(Read("a: &x 1\nb: &x 2\nc: *x")["c"], 2) << "the nearest one before it";
  EXPECT_EQ(Read("&k key: *k"), (Json{{"key", "key"}}));
}

TEST(YamlAliases, MergeMappings) {
  EXPECT_EQ(Read("x-a: &a {n: 1, m: 2}\nx-b: &b {m: 3, o: 4}\nc: {m: 9, <<: *a}\n"
                 "d: {<<: [*a, *b], p: 5}\ne:\n  <<: {q: 6}")["c"],
            (Json{{"m", 9}, {"n", 1}}));
  const Json document = Read(
      "x-a: &a {n: 1, m: 2}\nx-b: &b {m: 3, o: 4}\n"
      "d: {<<: [*a, *b], p: 5}\ne:\n  <<: {q: 6}\nf: {\"<<\": 7}");
  EXPECT_EQ(document["d"], (Json{{"n", 1}, {"m", 2}, {"o", 4}, {"p", 5}}));
  EXPECT_EQ(document["e"], (Json{{"q", 6}}));
  EXPECT_EQ(document["f"], (Json{{"<<", 7}})) << "in quotes it is a key like others";
  EXPECT_THAT(Refused("a: {<<: 5}"), HasSubstr("line 1: << merges mappings"));
  EXPECT_THAT(Refused("a: {<<: [{b: 1}, 2]}"), HasSubstr("<< merges mappings"));
}

TEST(YamlRefusals, NameTheLine) {
  EXPECT_THAT(Refused("a: 1\nb: 2\na: 3"),
              HasSubstr("line 3: the key \"a\" stands here twice; remove one of the two"));
  EXPECT_THAT(Refused("a:\n- {b: 1, b: 2}"), HasSubstr("line 2: the key \"b\""));
  EXPECT_THAT(Refused("a: 1\n---\nb: 2"), HasSubstr("line 2: one definition a text"));
  EXPECT_THAT(Refused("a: 1\n? [b]\n: 2"),
              HasSubstr("line 2: a key must be a word; where none was meant, a { or ["));
  EXPECT_THAT(Refused("? {a: 1}\n: 2"), HasSubstr("a key must be a word"));
  EXPECT_THAT(Refused("~: 1"), HasSubstr("a key must be a word"));
  EXPECT_THAT(Refused("a: &a 1\n*a : 2"),
              HasSubstr("line 2: a key must be a word, not an alias; write"));
  EXPECT_THAT(Refused("a: *nobody"), HasSubstr("anchor is not defined"));
  EXPECT_THAT(Refused("a: &a [1, *a]"), HasSubstr("cannot stand inside of what it means"));
  for (const char* tagged : {"a: !!str 12", "a: !!binary aGk=", "a: !mine [x]", "a: !!map {b: 1}",
                             "a: !!null", "a: !!python/object x"}) {
    EXPECT_THAT(Refused(tagged), HasSubstr("line 1: tags such as ")) << tagged;
  }
}

TEST(YamlRefusals, SayWhatUsuallyHelps) {
  EXPECT_THAT(Refused("steps:\n\t- a"), HasSubstr("indent with blanks, not with tabs"));
  EXPECT_THAT(Refused("inputs: {data: ${parameters.data}}"),
              testing::AllOf(HasSubstr("line 1, column"), HasSubstr("put references in quotes")));
  EXPECT_THAT(Refused("a: [1, 2\nb: 3"), HasSubstr("not closed, or a comma is missing"));
  EXPECT_THAT(Refused("a:\n  b: 1\n c: 2"), HasSubstr("line 3, column 2"));
  EXPECT_THAT(Refused("a:\n  b: 1\n c: 2"), HasSubstr("indented"));
  EXPECT_THAT(Refused("message: AUC: too low"), HasSubstr("in quotes"));
  EXPECT_THAT(Refused("a: @x"), HasSubstr("in quotes"));
  EXPECT_THAT(Refused("a: *.csv"), HasSubstr("anchor is not defined"));
}

TEST(YamlRefusals, EmptyTexts) {
  for (const char* text : {"", "   \n\n", "# only a comment", "~", "---", "null"}) {
    EXPECT_EQ(Refused(text), "the definition is empty") << text;
  }
}

TEST(YamlRefusals, BytesThatAreNoText) {
  EXPECT_EQ(Refused("a: \xe9"), "the definition is not UTF-8");
  EXPECT_EQ(Refused(std::string_view("a: 1\nb: \0", 9)),
            "line 2: the control character U+0000 cannot stand in a definition");
  EXPECT_THAT(Refused("a: 1\x04\nb: 2"), HasSubstr("U+0004")) << "not the end of the text";
  EXPECT_THAT(Refused("a: \x1b[31m"), HasSubstr("U+001B"));
}

TEST(Json, IsTakenAsItIs) {
  EXPECT_EQ(Read(R"({"a": "yes", "b": 0.10, "c": [1, null]})"),
            (Json{{"a", "yes"}, {"b", 0.1}, {"c", {1, nullptr}}}));
  EXPECT_EQ(Read("\xEF\xBB\xBF{\"a\": 1}"), (Json{{"a", 1}}));
  EXPECT_THAT(Refused(R"({"a": 1, "a": 2})", "BAD_JSON"), HasSubstr("duplicate key \"a\""));
  EXPECT_THAT(Refused("{\"a\": 1,\n \"b\": }", "BAD_JSON"), HasSubstr("line 2"));
}

TEST(DefinitionLines, AreThoseOfTheValues) {
  const Result<DefinitionText> parsed = ParseDefinitionText(
      "name: p\n"
      "steps:\n"
      "- name: a\n"
      "  with:\n"
      "    list: [1,\n"
      "           2]\n"
      "- {name: b,\n"
      "   type: noop}\n");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->LineOf("name"), 1);
  EXPECT_EQ(parsed->LineOf("steps[0].name"), 3);
  EXPECT_EQ(parsed->LineOf("steps[0].with.list[1]"), 6);
  EXPECT_EQ(parsed->LineOf("steps[1].type"), 8);
  EXPECT_EQ(parsed->LineOf("steps[1].inputs.data"), 7) << "what is not there: its step";
  EXPECT_EQ(parsed->LineOf("steps[0].with.list[7]"), 5);
  EXPECT_EQ(parsed->LineOf("nothing"), 0);
}

}  // namespace
}  // namespace penstock

#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/text.h"

namespace penstock {
namespace {

using testing::HasSubstr;

TEST(JsonTest, NumbersKeepTheirKindThroughText) {
  const Result<Json> json = ParseJson(R"({"b": 1, "a": 1.0, "c": 18446744073709551615})");
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_TRUE(json->at("b").is_number_integer());
  EXPECT_TRUE(json->at("a").is_number_float());
  EXPECT_EQ(DumpJson(*json), R"({"a":1.0,"b":1,"c":18446744073709551615})");
  EXPECT_EQ(*ParseJson(DumpJson(*json)), *json);
}

TEST(JsonTest, WhatIsNoJsonIsRefusedWithItsPlace) {
  const Status status = ParseJson("{\"a\": 1,\n \"b\": }").status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("line 2"));
  for (const char* text : {"", "{", "[1,]", "nul", "01", "\"\x01\"", "\"\xff\"", "{} {}"}) {
    EXPECT_FALSE(ParseJson(text).ok()) << text;
  }
  EXPECT_LT(ParseJson(std::string(100'000, '9')).status().message().size(), 1000U);
  EXPECT_LT(ParseJson("{\"" + std::string(100'000, 'k') + "\" 1}").status().message().size(),
            1000U);
  for (const char* text : {"\"\xff\"", "{\"a\" \x80", "{\"\xc3\": 1}"}) {
    EXPECT_TRUE(IsUtf8(ParseJson(text).status().message())) << text;
  }
}

TEST(JsonTest, DuplicateKeysAreRefused) {
  EXPECT_THAT(ParseJson(R"({"a": 1, "a": 2})").status().message(), HasSubstr("\"a\""));
  EXPECT_TRUE(ParseJson(R"([{"a": 1}, {"a": 2}])").ok());
}

TEST(JsonTest, SizeAndDepthHaveLimits) {
  const JsonLimits limits{.max_bytes = 16, .max_depth = 2};
  EXPECT_TRUE(ParseJson("[[1]]", limits).ok());
  EXPECT_FALSE(ParseJson("[[[1]]]", limits).ok());
  EXPECT_TRUE(ParseJson("[1,2,3,4,5,6,70]", limits).ok());
  EXPECT_FALSE(ParseJson("[1,2,3,4,5,6,700]", limits).ok());
  // Far deeper than any stack.
  EXPECT_FALSE(
      ParseJson(std::string(2'000'000, '['), {.max_bytes = 4 << 20, .max_depth = 32}).ok());
}

TEST(JsonTest, DepthCountsContainers) {
  EXPECT_EQ(JsonDepth(1), 0);
  EXPECT_EQ(JsonDepth(Json::array()), 1);
  EXPECT_EQ(JsonDepth(*ParseJson(R"({"a": [1, [2]], "b": 3})")), 3);
}

TEST(JsonTest, DumpingNeverFails) {
  EXPECT_EQ(DumpJson(std::string("a\xff") + "b"), "\"a\xef\xbf\xbd\x62\"");
  EXPECT_EQ(DumpJson(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(DumpJsonPretty(Json{{"a", 1}}), "{\n  \"a\": 1\n}");
}

TEST(JsonTest, MembersAreReadByKind) {
  const Json json = {{"text", "x"}, {"int", 3}, {"float", 2.5}, {"flag", true}, {"null", nullptr}};
  EXPECT_EQ(JsonString(json, "text"), "x");
  EXPECT_EQ(JsonString(json, "int", "other"), "other");
  EXPECT_EQ(JsonInt(json, "int"), 3);
  EXPECT_EQ(JsonInt(json, "float", 7), 7);
  EXPECT_EQ(JsonDouble(json, "int"), 3.0);
  EXPECT_EQ(JsonDouble(json, "float"), 2.5);
  EXPECT_TRUE(JsonBool(json, "flag"));
  EXPECT_TRUE(JsonBool(json, "absent", true));
  EXPECT_TRUE(JsonMember(json, "absent").is_null());
  EXPECT_EQ(JsonString(Json(4), "text", "none"), "none");
}

TEST(JsonTest, KindsHaveNames) {
  EXPECT_EQ(JsonKindName(1), "integer");
  EXPECT_EQ(JsonKindName(1.5), "number");
  EXPECT_EQ(JsonKindName("x"), "string");
  EXPECT_EQ(JsonKindName(true), "boolean");
  EXPECT_EQ(JsonKindName(nullptr), "null");
  EXPECT_EQ(JsonKindName(Json::array()), "list");
  EXPECT_EQ(JsonKindName(Json::object()), "object");
}

}  // namespace
}  // namespace penstock

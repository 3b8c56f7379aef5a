#include "steps/process/transform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/table/table_files.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// As the fuzzer begins with it.
Json Sample() {
  const std::string bytes = ReadBytes("tests/fuzz/corpus/document/transform");
  auto json = ParseJson(bytes.substr(bytes.find('\n') + 1));
  EXPECT_TRUE(json.ok()) << json.status();
  return *json;
}

TEST(TransformTest, ReadsWhatItWrites) {
  const auto transform = Transform::FromJson(Sample());
  ASSERT_TRUE(transform.ok()) << transform.status();
  EXPECT_EQ(DumpJson(transform->ToJson()), DumpJson(Sample()));
  std::vector<std::string> features;
  for (const ColumnInfo& column : transform->features()) features.push_back(column.name);
  EXPECT_THAT(features, ElementsAre("age", "sex=F", "sex=M", "sex=(missing)", "x", "o", "m"));
}

TEST(TransformTest, RefusesWhatDoesNotFitTogether) {
  const auto error = [](const std::function<void(Json&)>& damage) {
    Json json = Sample();
    damage(json);
    const auto transform = Transform::FromJson(json);
    EXPECT_EQ(transform.status().code(), StatusCode::kDataLoss);
    return transform.status().message();
  };
  EXPECT_THAT(error([](Json& json) { json["format"] = "penstock-transform/9"; }),
              HasSubstr("this version reads penstock-transform/1"));
  EXPECT_THAT(error([](Json& json) { json["operations"][0]["op"] = "no such"; }),
              HasSubstr("unknown operation \"no such\""));
  EXPECT_THAT(error([](Json& json) { json["operations"][0]["fitted"]["y"] = 1; }),
              HasSubstr("the data have no column \"y\""));
  EXPECT_THAT(error([](Json& json) { json["operations"][0]["fitted"]["age"] = Json::array(); }),
              HasSubstr("a fitted value is a number or a text"));
  EXPECT_THAT(error([](Json& json) { json["features"].erase(0); }),
              HasSubstr("the operations give other columns than \"features\" lists"));
}

}  // namespace
}  // namespace penstock

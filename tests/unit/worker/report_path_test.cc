#include "worker/runner/report_path.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

class ReportPathTest : public testing::Test {
 protected:
  // The value as text; "-" where there is none.
  std::string At(std::string_view path) const {
    const Json* value = FindReportValue(report_, path);
    return value == nullptr ? "-" : DumpJson(*value);
  }

  const Json report_ = *ParseJson(R"({
    "metrics": {"auc": {"value": 0.5}, "empty": null},
    "items": [{"score": 1}, [10, 20, {"deep": "x"}], "text"],
    "with space": true
  })");
};

TEST_F(ReportPathTest, FollowsMembersAndIndexes) {
  EXPECT_EQ(At("metrics.auc.value"), "0.5");
  EXPECT_EQ(At("items[0].score"), "1");
  EXPECT_EQ(At("items[1][1]"), "20");
  EXPECT_EQ(At("items[1][2].deep"), "\"x\"");
  EXPECT_EQ(At("items[2]"), "\"text\"");
  EXPECT_EQ(At("metrics.empty"), "null");
  EXPECT_EQ(At("with space"), "true");
  EXPECT_EQ(At("metrics.auc"), R"({"value":0.5})");
  EXPECT_EQ(At(""), DumpJson(report_));
}

TEST_F(ReportPathTest, WhatIsNotThereIsNotFound) {
  for (const char* path :
       {"none", "metrics.none", "metrics.auc.value.more", "items.score", "items[3]", "items[2].x",
        "metrics[0]", "items[0][0]", "with", "metrics.empty.x"}) {
    EXPECT_EQ(At(path), "-") << path;
  }
}

TEST_F(ReportPathTest, MalformedPathsFindNothing) {
  for (const char* path :
       {"items[", "items[0", "items[]", "items[-1]", "items[+1]", "items[ 0]", "items[0x1]",
        "items[0]]", "items[1 ]", "items[99999999999999999999]", "metrics..auc", "metrics.", ".",
        ".metrics", "items[0]score", "items.[0]", "]"}) {
    EXPECT_EQ(At(path), "-") << path;
  }
}

}  // namespace
}  // namespace penstock

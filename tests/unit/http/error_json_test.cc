#include <gtest/gtest.h>

#include "base/json.h"
#include "server/http/bridge.h"

namespace penstock {
namespace {

TEST(ErrorJsonTest, HoldsCodeReasonMessageAndProblems) {
  const Status status =
      InvalidArgument("two problems", "INVALID_DEFINITION")
          .WithProblems({{"steps[0].type", "unknown \"x\""}, {"name", "missing"}});
  const auto json = ParseJson(ErrorJson(status));
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ((*json)["code"], "INVALID_ARGUMENT");
  EXPECT_EQ((*json)["reason"], "INVALID_DEFINITION");
  EXPECT_EQ((*json)["message"], "two problems");
  ASSERT_EQ((*json)["problems"].size(), 2u);
  EXPECT_EQ((*json)["problems"][0]["path"], "steps[0].type");
  EXPECT_EQ((*json)["problems"][0]["message"], "unknown \"x\"");
}

TEST(ErrorJsonTest, EveryCodeHasAnHttpStatus) {
  EXPECT_EQ(HttpStatusOf(StatusCode::kOk), 200);
  for (int code = 1; code <= 16; ++code) {
    const int http = HttpStatusOf(static_cast<StatusCode>(code));
    EXPECT_GE(http, 400) << code;
    EXPECT_LT(http, 600) << code;
  }
  EXPECT_EQ(HttpStatusOf(StatusCode::kInvalidArgument), 400);
  EXPECT_EQ(HttpStatusOf(StatusCode::kUnauthenticated), 401);
  EXPECT_EQ(HttpStatusOf(StatusCode::kPermissionDenied), 403);
  EXPECT_EQ(HttpStatusOf(StatusCode::kNotFound), 404);
  EXPECT_EQ(HttpStatusOf(StatusCode::kResourceExhausted), 429);
  EXPECT_EQ(HttpStatusOf(StatusCode::kUnavailable), 503);
  EXPECT_EQ(HttpStatusOf(DataLoss("a blob is damaged", "CORRUPT")), 500);
  EXPECT_EQ(HttpStatusOf(DataLoss("other bytes arrived", "DIGEST_MISMATCH")), 400);
}

}  // namespace
}  // namespace penstock

#include "base/log.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/text.h"

namespace penstock {
namespace {

const std::string kHostile = "a \"quoted\"\nsecond line\x1b[31m \x7f \\ end \xff";

std::vector<std::string> LinesOf(const std::string& program, bool json) {
  testing::internal::CaptureStderr();
  EXPECT_TRUE(InitLogging(program, "info", json).ok());
  LOG_INFO("{} run={}", kHostile, StrongId<struct Tag, std::string>("run-1"));
  LOG_DEBUG("not shown");
  LOG_ERROR("it failed: {}", NotFound("no such thing"));
  spdlog::default_logger()->flush();
  std::vector<std::string> lines = Split(testing::internal::GetCapturedStderr(), '\n');
  EXPECT_EQ(lines.back(), "");
  lines.pop_back();
  return lines;
}

// Whatever a message holds, a record is one line, and its JSON can be read.
TEST(LogTest, ARecordIsOneLineOfJson) {
  const std::vector<std::string> lines = LinesOf("json-program", true);
  ASSERT_EQ(lines.size(), 2U);
  const Result<Json> record = ParseJson(lines[0]);
  ASSERT_TRUE(record.ok()) << lines[0];
  EXPECT_EQ(JsonString(*record, "level"), "info");
  EXPECT_EQ(JsonString(*record, "program"), "json-program");
  EXPECT_EQ(JsonString(*record, "message"),
            "a \"quoted\"\nsecond line\x1b[31m \x7f \\ end \xef\xbf\xbd run=run-1");
  EXPECT_EQ(JsonString(*ParseJson(lines[1]), "message"), "it failed: NOT_FOUND: no such thing");
}

TEST(LogTest, ARecordIsOneLineOfText) {
  const std::vector<std::string> lines = LinesOf("text-program", false);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(
      lines[0].find(" I text-program: a \"quoted\"\\nsecond line\\u001b[31m \\u007f \\ end"),
      std::string::npos)
      << lines[0];
}

TEST(LogTest, AnUnknownLevelIsRefused) {
  EXPECT_EQ(InitLogging("p", "loud", false).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace penstock

#include "server/rpc/page_token.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "storage/model/limits.h"

namespace penstock {
namespace {

TEST(PageTokenTest, ComesBackWithTheSameFilter) {
  for (const std::string& key : std::vector<std::string>{"1", "a name", std::string("\x00\xff:", 3),
                                                         std::string(200, 'k')}) {
    const std::string token = MakePageToken(key, "filter");
    const auto page = ReadPage(10, token, "filter");
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_EQ(page->after, key);
    EXPECT_EQ(page->limit, 10);
  }
}

TEST(PageTokenTest, BelongsToOneFilter) {
  const std::string token = MakePageToken("1", "pipeline=a");
  const Status status = ReadPage(10, token, "pipeline=b").status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.reason(), "BAD_PAGE_TOKEN");
}

TEST(PageTokenTest, RubbishIsRefused) {
  for (const std::string& token : std::vector<std::string>{"x", "====", "AAAA", "not base64 at all",
                                                           "MQ==", std::string(5000, 'A')}) {
    EXPECT_EQ(ReadPage(10, token, "f").status().reason(), "BAD_PAGE_TOKEN") << token;
  }
  std::string token = MakePageToken("1", "f");
  token[3] = token[3] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(ReadPage(10, token, "f").ok());
}

TEST(PageTokenTest, SizesHaveBounds) {
  EXPECT_EQ(ReadPage(0, "", "f")->limit, limits::kDefaultPageSize);
  EXPECT_EQ(ReadPage(limits::kMaxPageSize, "", "f")->limit, limits::kMaxPageSize);
  EXPECT_FALSE(ReadPage(limits::kMaxPageSize + 1, "", "f").ok());
  EXPECT_FALSE(ReadPage(-1, "", "f").ok());
}

}  // namespace
}  // namespace penstock

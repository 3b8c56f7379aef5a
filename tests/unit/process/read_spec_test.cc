#include "steps/process/read_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ReadSpec, ReadsWhatIsGiven) {
  const auto options = ReadOptionsFromJson({{"format", "svmlight"},
                                            {"compression", "gzip"},
                                            {"encoding", "latin-1"},
                                            {"files", {"part-*.svm"}}});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->format, FileFormat::kSvmLight);
  EXPECT_EQ(options->compression, FileCompression::kGzip);
  EXPECT_EQ(options->encoding, "latin-1");
  EXPECT_THAT(options->files, ElementsAre("part-*.svm"));
  EXPECT_THAT(ReadOptionsFromJson({{"compression", "rar"}}).status().message(),
              HasSubstr("\"rar\" is no compression"));
}

// What a transform keeps is how data of the kind are read, not which files one input had.
TEST(ReadSpec, KeepsTheEncodingOnly) {
  const auto options = ReadOptionsFromJson(
      {{"compression", "gzip"}, {"encoding", "latin-1"}, {"files", {"part-*.csv"}}});
  ASSERT_TRUE(options.ok()) << options.status();
  const Json json = ReadOptionsToJson(*options);
  EXPECT_EQ(JsonString(json, "encoding"), "latin-1");
  EXPECT_FALSE(json.contains("compression"));
  EXPECT_FALSE(json.contains("files"));
  const auto again = ReadOptionsFromJson(json);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->encoding, "latin-1");
  EXPECT_FALSE(ReadOptionsToJson(ReadOptions()).contains("encoding"));
}

}  // namespace
}  // namespace penstock

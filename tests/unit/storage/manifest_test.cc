#include "storage/artifact/manifest.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

const Digest kDigest = Sha256("x");

TEST(ManifestTest, IsCanonicalAndReadBack) {
  Manifest a;
  a.files = {{"b/c", kDigest, 3, true}, {"a", kDigest, 4, false}};
  Manifest b;
  b.files = {{"a", kDigest, 4, false}, {"b/c", kDigest, 3, true}};
  const std::string text = a.Serialise();
  EXPECT_EQ(text, b.Serialise());
  EXPECT_EQ(text, "{\"files\":[{\"digest\":\"" + kDigest.value() +
                      "\",\"mode\":\"0644\",\"path\":\"a\",\"size\":4},{\"digest\":\"" +
                      kDigest.value() +
                      "\",\"mode\":\"0755\",\"path\":\"b/c\",\"size\":3}],"
                      "\"format\":\"penstock-tree/1\"}");
  Result<Manifest> read = ParseManifest(text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->total_size(), 7);
  EXPECT_TRUE(read->files[1].executable);
  EXPECT_EQ(read->Serialise(), text);
}

Status ParseFile(const std::string& member, const Json& value) {
  Json file = {{"digest", kDigest.value()}, {"mode", "0644"}, {"path", "a"}, {"size", 1}};
  file[member] = value;
  return ParseManifest(
             DumpJson(Json{{"files", Json::array({file})}, {"format", "penstock-tree/1"}}))
      .status();
}

TEST(ManifestTest, WhatWouldLeaveTheTreeIsRefused) {
  EXPECT_TRUE(ParseFile("path", "a/b.txt").ok());
  for (const char* path : {"/etc/passwd", "../a", "a/../../b", "a//b", "./a", "a/.", "", "a/"}) {
    EXPECT_EQ(ParseFile("path", path).reason(), "BAD_MANIFEST") << path;
    EXPECT_FALSE(IsSafePath(path)) << path;
  }
  EXPECT_FALSE(IsSafePath(std::string_view("a\0b", 3)));
}

TEST(ManifestTest, WhatIsNoneIsRefused) {
  EXPECT_EQ(ParseFile("digest", "abc").reason(), "BAD_MANIFEST");
  EXPECT_EQ(ParseFile("mode", "4755").reason(), "BAD_MANIFEST");
  EXPECT_EQ(ParseFile("size", -1).reason(), "BAD_MANIFEST");
  for (const char* text : {"", "no manifest", "[]", "{}", R"({"files":[],"format":"tar"})",
                           R"({"files":{},"format":"penstock-tree/1"})",
                           R"({"files":[3],"format":"penstock-tree/1"})"}) {
    EXPECT_EQ(ParseManifest(text).status().reason(), "BAD_MANIFEST") << text;
  }
}

TEST(ManifestTest, TwoFilesOfOneNameAreRefused) {
  Manifest manifest;
  manifest.files = {{"a", kDigest, 1, false}, {"a", kDigest, 1, false}};
  EXPECT_EQ(ParseManifest(manifest.Serialise()).status().reason(), "BAD_MANIFEST");
}

Status ParseTree(std::vector<ManifestEntry> files) {
  Manifest manifest;
  manifest.files = std::move(files);
  return ParseManifest(manifest.Serialise()).status();
}

// Such a tree could be uploaded, and then be put on no disk.
TEST(ManifestTest, APathIsAFileOrAFolder) {
  EXPECT_EQ(ParseTree({{"a", kDigest, 1, false}, {"a/b", kDigest, 1, false}}).reason(),
            "BAD_MANIFEST");
  // Others stand between the two.
  EXPECT_EQ(ParseTree({{"a/b", kDigest, 1, false},
                       {"a/b-c", kDigest, 1, false},
                       {"a/b/c/d", kDigest, 1, false}})
                .reason(),
            "BAD_MANIFEST");
  EXPECT_TRUE(ParseTree({{"a-b", kDigest, 1, false}, {"a/b", kDigest, 1, false}}).ok());
}

TEST(ManifestTest, PathsAreNoLongerThanFileSystemsTake) {
  EXPECT_TRUE(IsSafePath(std::string(255, 'n')));
  EXPECT_FALSE(IsSafePath(std::string(256, 'n')));
  std::string path = "d";
  while (path.size() < 3'000) path += "/d";
  EXPECT_FALSE(IsSafePath(path));
  const Status status = ParseTree({{std::string(1 << 20, 'n'), kDigest, 1, false}});
  EXPECT_EQ(status.reason(), "BAD_MANIFEST");
  EXPECT_LT(status.message().size(), 1000U);
}

TEST(ManifestTest, SizesDoNotOverflow) {
  const int64_t half = INT64_MAX / 2 + 1;
  EXPECT_EQ(ParseTree({{"a", kDigest, half, false}, {"b", kDigest, half, false}}).reason(),
            "BAD_MANIFEST");
  EXPECT_TRUE(ParseTree({{"a", kDigest, half, false}, {"b", kDigest, half - 1, false}}).ok());
}

TEST(ManifestTest, ATreeHasAtMostSoManyFiles) {
  Manifest manifest;
  for (int i = 0; i <= limits::kMaxTreeFiles; ++i) {
    manifest.files.push_back({std::to_string(i), kDigest, 1, false});
  }
  EXPECT_EQ(ParseManifest(manifest.Serialise()).status().reason(), "BAD_MANIFEST");
  manifest.files.pop_back();
  EXPECT_TRUE(ParseManifest(manifest.Serialise()).ok());
}

TEST(ManifestTest, AManifestHasAtMostSoManyBytes) {
  Manifest manifest;
  while (manifest.files.size() < 90'000) {
    const std::string number = std::to_string(100'000 + manifest.files.size());
    manifest.files.push_back(
        {number + std::string(100, 'n') + "/" + std::string(139, 'n'), kDigest, 1, false});
  }
  const auto spare = static_cast<int64_t>(limits::kMaxManifestBytes) -
                     static_cast<int64_t>(manifest.Serialise().size());
  ASSERT_GT(spare, 0);
  for (std::size_t i = 0; i < 90'000; ++i) {
    const auto share = static_cast<std::size_t>(spare * static_cast<int64_t>(i + 1) / 90'000 -
                                                spare * static_cast<int64_t>(i) / 90'000);
    manifest.files[i].path += std::string(share, 'x');
  }
  ASSERT_EQ(manifest.Serialise().size(), limits::kMaxManifestBytes);
  EXPECT_TRUE(ParseManifest(manifest.Serialise()).ok());
  manifest.files.back().path += "x";
  EXPECT_FALSE(ParseManifest(manifest.Serialise()).ok());
}

}  // namespace
}  // namespace penstock

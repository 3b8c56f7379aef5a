#include "storage/metadata/encoding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/digest.h"

namespace penstock {
namespace {

TEST(Encoding, MetricsKeepEveryBitAndWhatIsUndefined) {
  const std::map<std::string, double> metrics = {
      {"third", 1.0 / 3},
      {"tiny", std::numeric_limits<double>::denorm_min()},
      {"huge", 1e308},
      {"zero", -0.0},
      {"none", std::nan("")}};
  const auto back = DecodeMetrics(*ParseJson(DumpJson(EncodeMetrics(metrics))));
  ASSERT_EQ(back.size(), metrics.size());
  EXPECT_EQ(back.at("third"), 1.0 / 3);
  EXPECT_EQ(back.at("tiny"), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(back.at("huge"), 1e308);
  EXPECT_TRUE(std::signbit(back.at("zero")));
  EXPECT_TRUE(std::isnan(back.at("none")));
}

TEST(Encoding, AnEmptyResultIsNothing) {
  EXPECT_EQ(EncodeStepResult({}), "");
  const StepResult back = DecodeStepResult("");
  EXPECT_TRUE(back.outputs.empty());
  EXPECT_TRUE(back.metrics.empty());
}

TEST(Encoding, ReferencesKeepTheirKind) {
  for (const ArtifactType type : {ArtifactType::kFile, ArtifactType::kDataset, ArtifactType::kModel,
                                  ArtifactType::kTransform, ArtifactType::kReport}) {
    const ArtifactRef ref{
        .digest = Sha256("x"), .type = type, .tree = true, .size = int64_t{1} << 40};
    EXPECT_EQ(DecodeArtifactRef(EncodeArtifactRef(ref)), ref);
  }
}

TEST(Encoding, TagsKeepOddTexts) {
  const std::map<std::string, std::string> tags = {{"a\"b", "c\\d\n"}, {"ä", ""}};
  EXPECT_EQ(DecodeTags(EncodeTags(tags)), tags);
}

TEST(Encoding, WhatCannotBeReadIsEmpty) {
  EXPECT_TRUE(DecodeTags("not json").empty());
  EXPECT_TRUE(DecodeStepResult("[1").outputs.empty());
  EXPECT_EQ(DecodeWorkerInfo("{").id, WorkerId());
}

}  // namespace
}  // namespace penstock

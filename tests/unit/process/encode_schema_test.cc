// What the catalogue says of operations that encode, read texts and put columns together.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "steps/catalog/builtin.h"
#include "steps/process/operation.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Of one entry with columns: x.
std::vector<std::string> Problems(const std::string& op, const Json& more = Json::object()) {
  Json entry = {{"op", op}, {"columns", "x"}};
  entry.update(more);
  std::vector<Problem> problems;
  CheckParameters(ProcessSchema(), {{"transforms", Json::array({entry})}}, "with", problems);
  std::vector<std::string> lines;
  for (const Problem& problem : problems) lines.push_back(problem.path + ": " + problem.message);
  return lines;
}

TEST(EncodeSchema, TakesWhatTheMakersTake) {
  const std::vector<std::pair<std::string, Json>> entries = {
      {"one_hot", {{"min_count", 3}, {"rare", "category"}, {"unknown", "rare"}}},
      {"one_hot", {{"min_share", 0.01}, {"rare", "ignore"}, {"unknown", "error"}}},
      {"categorical", {{"unknown", "error"}, {"max_categories", 10}}},
      {"frequency", {{"as", "count"}}},
      {"hash", {{"n_columns", 4}, {"signed", false}, {"seed", 9}}},
      {"target", {{"smoothing", 0}, {"folds", 10}, {"seed", 1}, {"missing", "keep"}}},
      {"bag_of_words",
       {{"tokens", "character"}, {"ngrams", {2, 4}}, {"max_share", 0.9}, {"values", "binary"}}},
      {"tf_idf",
       {{"stop_words", {"the"}},
        {"min_count", 2},
        {"max_count", 9},
        {"max_tokens", 50},
        {"smooth", false},
        {"norm", "none"}}},
      {"hash_text", {{"n_columns", 64}, {"lowercase", false}, {"norm", "l2"}, {"values", "log"}}},
      {"interactions", {{"degree", 3}, {"max_columns", 5}}},
      {"polynomial", {{"degree", 5}, {"interaction_only", true}}},
      {"pca", {{"components", 2}, {"standardize", true}, {"keep", true}, {"prefix", "p"}}},
      {"pca", {{"variance", 0.9}}}};
  for (const auto& [op, more] : entries) {
    EXPECT_THAT(Problems(op, more), IsEmpty()) << op << DumpJson(more);
    EXPECT_THAT(Problems(op), IsEmpty()) << op;
    Json entry = {{"op", op}, {"columns", "x"}};
    EXPECT_TRUE(MakeOperation(entry).ok()) << op;
    entry.update(more);
    EXPECT_TRUE(MakeOperation(entry).ok()) << op << DumpJson(more);
  }
}

TEST(EncodeSchema, RefusesWhatDoesNotGoTogether) {
  EXPECT_THAT(Problems("one_hot", {{"rare", "ignore"}, {"min_count", 2}, {"unknown", "rare"}}),
              ElementsAre("with.transforms[0].unknown: rare needs rare: category"));
  EXPECT_THAT(Problems("one_hot", {{"rare", "ignore"}}),
              ElementsAre("with.transforms[0].rare: has no use without min_count or min_share"));
  EXPECT_THAT(Problems("tf_idf", {{"ngrams", {3, 2}}}),
              ElementsAre("with.transforms[0].ngrams: must have the lower number first"));
  EXPECT_THAT(Problems("hash_text", {{"tokens", "character"}, {"stop_words", {"a"}}}),
              ElementsAre("with.transforms[0].stop_words: are words; they need tokens: word"));
  EXPECT_THAT(
      Problems("bag_of_words", {{"min_count", 5}, {"max_count", 4}}),
      ElementsAre("with.transforms[0].min_count: is above max_count, so that no token fits"));
  EXPECT_THAT(
      Problems("tf_idf", {{"min_share", 0.5}, {"max_share", 0.4}}),
      ElementsAre("with.transforms[0].min_share: is above max_share, so that no token fits"));
  EXPECT_THAT(Problems("pca", {{"components", 2}, {"variance", 0.5}}),
              ElementsAre("with.transforms[0].variance: cannot be given together with components"));
}

TEST(EncodeSchema, RefusesWhatIsOutOfBounds) {
  const std::vector<std::pair<std::string, Json>> entries = {{"one_hot", {{"min_count", 0}}},
                                                             {"one_hot", {{"min_share", 0}}},
                                                             {"one_hot", {{"min_share", 1.1}}},
                                                             {"one_hot", {{"unknown", "drop"}}},
                                                             {"categorical", {{"unknown", "x"}}},
                                                             {"frequency", {{"as", "percent"}}},
                                                             {"hash", {{"n_columns", 0}}},
                                                             {"hash", {{"n_columns", 65'537}}},
                                                             {"hash", {{"signed", 1}}},
                                                             {"target", {{"folds", 1}}},
                                                             {"target", {{"folds", 101}}},
                                                             {"target", {{"smoothing", -1}}},
                                                             {"target", {{"missing", "drop"}}},
                                                             {"bag_of_words", {{"ngrams", {1}}}},
                                                             {"bag_of_words", {{"ngrams", {0, 1}}}},
                                                             {"bag_of_words", {{"ngrams", {1, 9}}}},
                                                             {"tf_idf", {{"min_share", -0.1}}},
                                                             {"tf_idf", {{"max_tokens", 0}}},
                                                             {"tf_idf", {{"norm", "max"}}},
                                                             {"hash_text", {{"values", "tf"}}},
                                                             {"hash_text", {{"min_count", 2}}},
                                                             {"interactions", {{"degree", 4}}},
                                                             {"polynomial", {{"degree", 1}}},
                                                             {"polynomial", {{"degree", 6}}},
                                                             {"polynomial", {{"max_columns", 0}}},
                                                             {"pca", {{"components", 0}}},
                                                             {"pca", {{"variance", 0}}},
                                                             {"pca", {{"prefix", ""}}}};
  for (const auto& [op, more] : entries) {
    EXPECT_THAT(Problems(op, more), ElementsAre(HasSubstr(more.begin().key())))
        << op << DumpJson(more);
  }
}

TEST(EncodeSchema, WhatLearnsComesAfterTheSplit) {
  for (const char* op : {"bag_of_words", "categorical", "frequency", "pca", "target", "tf_idf"}) {
    EXPECT_TRUE(IsFitted({{"op", op}})) << op;
  }
  for (const char* op : {"hash", "hash_text", "interactions", "polynomial"}) {
    EXPECT_FALSE(IsFitted({{"op", op}})) << op;
  }
}

}  // namespace
}  // namespace penstock

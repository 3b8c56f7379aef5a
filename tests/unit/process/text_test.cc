// bag_of_words, tf_idf and hash_text, against text_reference.py.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "steps/process/operation.h"
#include "steps/process/tokens.h"
#include "steps/process/vocabulary.h"
#include "tests/unit/process/operation_bench.h"
#include "tests/unit/process/reference.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> TokensOf(std::string_view text, const Json& spec = Json::object()) {
  const auto rules = TokenRules::FromJson(spec, "op");
  EXPECT_TRUE(rules.ok()) << rules.status();
  std::vector<std::string> tokens;
  ForEachToken(text, *rules, [&](std::string_view token) { tokens.emplace_back(token); });
  return tokens;
}

Column Texts(const std::string& name, const std::vector<std::string>& texts,
             const std::vector<bool>& present = {}) {
  return MakeStringColumn(name, texts, ColumnKind::kText, present);
}

class TextReference : public testing::Test {
 protected:
  Table Documents(bool plain = false) const {
    std::vector<std::string> texts;
    for (const Json& json : reference_["texts"]) {
      std::string text = json.get<std::string>();
      if (plain) {
        // As Python's " ".join(text.split()): of these texts, only blanks and line ends separate.
        std::string joined;
        for (const char c : text) {
          const bool space = c == ' ' || c == '\n';
          if (!space) joined += c;
          if (space && !joined.empty() && joined.back() != ' ') joined += ' ';
        }
        while (!joined.empty() && joined.back() == ' ') joined.pop_back();
        text = joined;
      }
      texts.push_back(text);
    }
    return Make({Texts("t", texts)});
  }
  void Check(const std::string& op, const Json& expected, double tolerance) const {
    SCOPED_TRACE(op + " " + DumpJson(expected["case"]));
    Json spec = expected["case"];
    spec["op"] = op;
    spec["columns"] = "t";
    const Table table = Documents(expected["plain"].get<bool>());
    const Table read = FitApply(spec, table, reference_["train"].get<int64_t>());
    std::vector<std::string> names;
    for (const Json& token : expected["tokens"]) names.push_back("t=" + token.get<std::string>());
    EXPECT_EQ(read.names(), names);
    ExpectMatrix(read, expected["matrix"], tolerance);
  }

  const Json reference_ = LoadReference("text_reference.json");
};

TEST_F(TextReference, LowerCaseAsPython) {
  ASSERT_GT(reference_["lower"].size(), 500u);
  for (const Json& pair : reference_["lower"]) {
    EXPECT_EQ(LowerCase(pair[0].get<std::string>()), pair[1].get<std::string>());
  }
}

TEST_F(TextReference, BagOfWordsAsScikitLearn) {
  for (const Json& expected : reference_["bag"]) Check("bag_of_words", expected, 0);
}

// Logarithms, products and a root: a few roundings each.
TEST_F(TextReference, TfIdfAsScikitLearn) {
  for (const Json& expected : reference_["tf_idf"]) Check("tf_idf", expected, 1e-13);
}

TEST_F(TextReference, KeepsTokensOfTheMostRows) {
  const Json& expected = reference_["most"];
  std::vector<std::string> names;
  for (const Json& token : expected["tokens"]) names.push_back("t=" + token.get<std::string>());
  EXPECT_EQ(
      FitApply({{"op", "bag_of_words"}, {"columns", "t"}, {"max_tokens", expected["max_tokens"]}},
               Documents(), reference_["train"].get<int64_t>())
          .names(),
      names);
}

TEST_F(TextReference, HashTextAsInPython) {
  const Json& expected = reference_["hash"];
  const Table read = FitApply({{"op", "hash_text"},
                               {"columns", "t"},
                               {"n_columns", expected["n_columns"]},
                               {"seed", expected["seed"]}},
                              Documents(), 1);
  ExpectMatrix(read, expected["matrix"], 0);
  EXPECT_EQ(read.names()[10], "t.hash10");
}

TEST(Tokens, WordsAndCharacters) {
  EXPECT_THAT(TokensOf("It's 3 o'clock—été, x_y!"),
              ElementsAre("it", "s", "3", "o", "clock", "été", "x_y"));
  EXPECT_THAT(TokensOf("a b c", {{"ngrams", {1, 2}}}), ElementsAre("a", "b", "c", "a b", "b c"));
  EXPECT_THAT(TokensOf("a THE b", {{"ngrams", {2, 2}}, {"stop_words", {"The"}}}),
              ElementsAre("a b"));
  EXPECT_THAT(TokensOf("Äb", {{"lowercase", false}}), ElementsAre("Äb"));
  EXPECT_THAT(TokensOf("Äb \n\tc", {{"tokens", "character"}, {"ngrams", {2, 3}}}),
              ElementsAre("äb", "b ", " c", "äb ", "b c"));
  EXPECT_THAT(TokensOf(""), IsEmpty());
  EXPECT_THAT(TokensOf("🌲 … “”"), IsEmpty());
}

TEST(Tokens, BytesThatAreNoUtf8StayAsTheyAre) {
  EXPECT_THAT(TokensOf("A\xFF"
                       "B \xE2\x82"),
              ElementsAre("a\xFF"
                          "b",
                          "\xE2\x82"));
  EXPECT_THAT(TokensOf("\xC3", {{"tokens", "character"}}), ElementsAre("\xC3"));
}

TEST(Tokens, RefusesRules) {
  const auto error = [](const Json& spec) {
    return TokenRules::FromJson(spec, "tf_idf").status().message();
  };
  EXPECT_EQ(error({{"tokens", "line"}}), "tf_idf: tokens must be word or character, not \"line\"");
  for (const Json& grams : {Json{0, 1}, Json{2, 1}, Json{1, 9}, Json{1, 1.5}, Json("x")}) {
    EXPECT_THAT(error({{"ngrams", grams}}), HasSubstr("ngrams must be two whole numbers"));
  }
  EXPECT_THAT(error({{"tokens", "character"}, {"stop_words", {"a"}}}),
              HasSubstr("they need tokens: word"));
}

TEST(Text, MissingTextsHaveNoTokens) {
  const Table table = Make({Texts("t", {"oil leak", "", "oil"}, {true, false, true})});
  const Table bag = FitApply({{"op", "bag_of_words"}, {"columns", "t"}}, table, 3);
  EXPECT_THAT(bag.names(), ElementsAre("t=leak", "t=oil"));
  EXPECT_THAT(bag.columns[1].numbers, ElementsAre(1, 0, 1));
  EXPECT_EQ(bag.columns[1].info.type, ColumnType::kInteger);
  // But they are rows: "oil" is in two of three.
  Json spec = {{"op", "bag_of_words"}, {"columns", "t"}, {"min_share", 0.66}};
  EXPECT_THAT(FitApply(spec, table, 3).names(), ElementsAre("t=oil"));
  spec["min_share"] = 0.67;
  EXPECT_THAT(FitError(spec, table), HasSubstr("has no token"));
}

TEST(Text, RowsAreOfLengthOne) {
  const Table table = Make({Texts("t", {"a b b c", "c", "d", "a a"})});
  for (const char* op : {"tf_idf", "hash_text"}) {
    const Table read = FitApply({{"op", op}, {"columns", "t"}, {"norm", "l2"}}, table, 3);
    for (const std::size_t i : {0U, 1U, 3U}) {
      double square = 0;
      for (const Column& column : read.columns) square += column.numbers[i] * column.numbers[i];
      EXPECT_NEAR(square, 1, 1e-15);
    }
  }
}

TEST(Text, RefusesColumnsAndParameters) {
  const Table table = Make({MakeNumberColumn("n", {1, 2}), Texts("t", {"...", ""})});
  EXPECT_EQ(FitError({{"op", "tf_idf"}, {"columns", "n"}}, table),
            "tf_idf: column \"n\" is numeric, only texts have tokens; choose columns by {kind: "
            "text}");
  EXPECT_THAT(FitError({{"op", "hash_text"}, {"columns", "n"}}, table),
              HasSubstr("only texts have tokens"));
  EXPECT_EQ(FitError({{"op", "bag_of_words"}, {"columns", "t"}}, table),
            "bag_of_words: column \"t\" has no token that is in enough and not too many of the 2 "
            "training rows; change min_count, min_share, max_count or max_share, or drop the "
            "column");
  EXPECT_THAT(FitError({{"op", "tf_idf"}, {"columns", "t"}}, RowsOf(table, 0, 0)),
              HasSubstr("has no token"));
  const auto error = [](const Json& more) {
    Json spec = {{"op", "tf_idf"}, {"columns", "t"}};
    spec.update(more);
    return RestoreError(spec);
  };
  EXPECT_EQ(error({{"values", "log"}, {"norm", "l1"}}), "no error");
  EXPECT_THAT(error({{"values", "bits"}}), HasSubstr("values must be count, binary or log"));
  EXPECT_THAT(error({{"norm", "l3"}}), HasSubstr("norm must be none, l1 or l2"));
  EXPECT_THAT(error({{"min_count", 0}}), HasSubstr("min_count must be from 1"));
  EXPECT_THAT(error({{"min_share", 0.5}, {"max_share", 0.4}}), HasSubstr("min_share from 0"));
  EXPECT_THAT(error({{"fitted", {{"t", {{"tokens", {"a", "a"}}}}}}}), HasSubstr("there twice"));
  EXPECT_THAT(error({{"fitted", {{"t", {{"tokens", {"a"}}, {"weights", {"x"}}}}}}}),
              HasSubstr("a weight is a number"));
  EXPECT_THAT(error({{"fitted", {{"t", {{"tokens", {"a"}}, {"weights", {1e300}}}}}}}),
              HasSubstr("a weight is a number from 0 to 100"));
  EXPECT_THAT(error({{"fitted", {{"t", {{"tokens", {"a"}}}}}}}), HasSubstr("has a weight"));
  EXPECT_THAT(RestoreError({{"op", "hash_text"}, {"columns", "t"}, {"n_columns", 100'000}}),
              HasSubstr("n_columns must be from 1 to 65536"));
}

TEST(Text, CellsAndNamesOfAnyKind) {
  std::string large;
  while (large.size() < (1 << 20)) large += "word" + std::to_string(large.size() % 1'000) + " ";
  const Table table = Make({Texts("na\"me\n🌲", {large, "select", "' OR 1=1 --"})});
  const Table read =
      FitApply({{"op", "tf_idf"}, {"columns", "na\"me\n🌲"}, {"max_tokens", 5}}, table, 3);
  EXPECT_EQ(read.columns.size(), 5u);
}

TEST(TokenCounter, KnowsHowManyRowsAForgottenTokenMayHave) {
  TokenCounter counter(4);
  counter.Add({{"a", 9}, {"b", 2}, {"c", 1}});
  EXPECT_EQ(counter.forgotten(), 0);
  counter.Add({{"a", 1}, {"d", 3}, {"e", 1}});
  // Of five tokens two are left.
  EXPECT_EQ(counter.forgotten(), 2);
  EXPECT_EQ(counter.counted().size(), 2u);
  EXPECT_EQ(counter.counted().at("a").seen, 10);
  counter.Add({{"b", 5}});
  EXPECT_EQ(counter.counted().at("b").seen, 5);
  EXPECT_EQ(counter.counted().at("b").before, 2);
}

TEST(Vocabulary, IsExactOrAnErrorWhereThereAreTooManyTokens) {
  std::vector<std::string> texts;
  for (int i = 0; i < 60; ++i) {
    std::string text = "own" + std::to_string(i);
    if (i % 2 == 0) text += " even";
    if (i % 3 == 0) text += " third";
    texts.push_back(text);
  }
  const Frame frame = FrameOf(Make({Texts("t", texts)}), 5);
  const FitData data(frame);
  const auto learn = [&](int64_t min_count, int64_t max_tokens, std::size_t most) {
    VocabularyRules rules;
    rules.min_count = min_count;
    rules.max_tokens = max_tokens;
    return LearnVocabulary(data, "t", TokenRules(), rules, "tf_idf", most);
  };
  for (const auto& [min_count, max_tokens] : {std::pair{10, 1'000}, std::pair{1, 2}}) {
    const auto exact = learn(min_count, max_tokens, 12);
    ASSERT_TRUE(exact.ok()) << exact.status();
    EXPECT_THAT(exact->tokens, ElementsAre("even", "third"));
    EXPECT_THAT(exact->rows_with, ElementsAre(30, 20));
    EXPECT_EQ(exact->rows, 60);
    const auto roomy = learn(min_count, max_tokens, kMostCounted);
    EXPECT_EQ(roomy->tokens, exact->tokens);
    EXPECT_EQ(roomy->rows_with, exact->rows_with);
  }
  EXPECT_THAT(learn(1, 10, 12).status().message(),
              AllOf(HasSubstr("tf_idf: column \"t\" has more tokens than can be counted (12 at "
                              "once), so that those of "),
                    HasSubstr("rows and fewer cannot be told apart; set min_count to ")));
  EXPECT_EQ(learn(1, 1'000, 1'000)->tokens.size(), 62u);
}

}  // namespace
}  // namespace penstock

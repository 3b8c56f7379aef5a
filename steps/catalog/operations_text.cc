// Operations that turn texts into numbers.

#include "steps/catalog/operation_schema.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

std::vector<ParameterSchema> TokenParameters() {
  return {ColumnsParameter(true),
          ChoiceParameter("tokens",
                          "Words: runs of letters, digits and _, in any script; or characters.",
                          {"word", "character"}),
          {.name = "lowercase",
           .kind = Kind::kBoolean,
           .help = "Letters in lower case.",
           .default_value = true},
          {.name = "ngrams",
           .kind = Kind::kList,
           .help = "How many neighbours make a token: from, to. Up to 8.",
           .default_value = Json::array({1, 1}),
           .minimum = 2,
           .maximum = 2,
           .element = ElementOf({.name = "n", .kind = Kind::kInteger, .minimum = 1, .maximum = 8})},
          {.name = "stop_words",
           .kind = Kind::kList,
           .help = "Words to leave out. Left out: none.",
           .maximum = 10'000,
           .element = ElementOf({.name = "word", .kind = Kind::kString})}};
}

std::vector<ParameterSchema> VocabularyParameters() {
  std::vector<ParameterSchema> fields = TokenParameters();
  fields.push_back({.name = "min_count",
                    .kind = Kind::kInteger,
                    .help = "A token must be in so many training rows.",
                    .default_value = 1,
                    .minimum = 1});
  fields.push_back({.name = "max_count",
                    .kind = Kind::kInteger,
                    .help = "And in no more than these. Left out: in any number.",
                    .minimum = 1});
  fields.push_back({.name = "min_share",
                    .kind = Kind::kNumber,
                    .help = "And in this share of them.",
                    .default_value = 0,
                    .minimum = 0,
                    .maximum = 1});
  fields.push_back({.name = "max_share",
                    .kind = Kind::kNumber,
                    .help = "And in no more than this share.",
                    .default_value = 1,
                    .minimum = 0,
                    .maximum = 1});
  fields.push_back({.name = "max_tokens",
                    .kind = Kind::kInteger,
                    .help = "Of more tokens than this, those of the most training rows.",
                    .default_value = 1'000,
                    .minimum = 1,
                    .maximum = 100'000});
  return fields;
}

void AddWeighting(std::vector<ParameterSchema>& fields, std::vector<std::string> norms) {
  fields.push_back(ChoiceParameter(
      "values", "How often a token occurs, whether it does (1), or 1 + ln of how often.",
      {"count", "binary", "log"}));
  fields.push_back(ChoiceParameter(
      "norm", "What a row is divided by: the sum of its absolute values, its length, or nothing.",
      std::move(norms)));
}

void CheckTokens(const Json& entry, const std::string& path, std::vector<Problem>& problems) {
  const Json& grams = JsonMember(entry, "ngrams");
  if (grams.is_array() && grams.size() == 2 && grams[0].is_number() && grams[1].is_number() &&
      grams[0] > grams[1]) {
    problems.push_back({path + ".ngrams", "must have the lower number first"});
  }
  const Json& stop_words = JsonMember(entry, "stop_words");
  if (JsonString(entry, "tokens") == "character" && stop_words.is_array() && !stop_words.empty()) {
    problems.push_back({path + ".stop_words", "are words; they need tokens: word"});
  }
}

void CheckVocabulary(const Json& entry, const std::string& path, std::vector<Problem>& problems) {
  CheckTokens(entry, path, problems);
  for (const std::string of : {"count", "share"}) {
    const Json& least = JsonMember(entry, "min_" + of);
    const Json& most = JsonMember(entry, "max_" + of);
    if (least.is_number() && most.is_number() && least > most) {
      problems.push_back({path + ".min_" + of, "is above max_" + of + ", so that no token fits"});
    }
  }
}

}  // namespace

std::vector<OperationSchema> TextOperations() {
  std::vector<ParameterSchema> fields = VocabularyParameters();
  AddWeighting(fields, {"none", "l1", "l2"});
  OperationSchema bag_of_words;
  bag_of_words.learns = true;
  bag_of_words.schema = EntrySchema(
      "bag_of_words", "How often each token of the training rows occurs, in a column NAME=TOKEN.",
      fields);
  bag_of_words.schema.check = CheckVocabulary;

  fields = VocabularyParameters();
  AddWeighting(fields, {"l2", "l1", "none"});
  fields.push_back({.name = "smooth",
                    .kind = Kind::kBoolean,
                    .help = "Weights are ln((1 + n) / (1 + d)) + 1, of n training rows, d with the "
                            "token; false: ln(n / d) + 1.",
                    .default_value = true});
  OperationSchema tf_idf;
  tf_idf.learns = true;
  tf_idf.schema = EntrySchema(
      "tf_idf",
      "How often each token of the training rows occurs, those of few rows weighing more, in a "
      "column NAME=TOKEN.",
      fields);
  tf_idf.schema.check = CheckVocabulary;

  fields = TokenParameters();
  fields.push_back(HashColumnsParameter(256));
  fields.push_back(SignedParameter());
  fields.push_back({.name = "seed",
                    .kind = Kind::kInteger,
                    .help = "Which column a token goes to follows from it and this.",
                    .default_value = 0,
                    .minimum = 0});
  AddWeighting(fields, {"none", "l1", "l2"});
  OperationSchema hash_text;
  hash_text.schema = EntrySchema(
      "hash_text",
      "How often tokens occur that share one of a fixed number of columns, NAME.hash0 …, by a "
      "hash. Learns nothing.",
      fields);
  hash_text.schema.check = CheckTokens;
  return {bag_of_words, hash_text, tf_idf};
}

}  // namespace penstock

#ifndef PENSTOCK_STEPS_PROCESS_TOKENS_H_
#define PENSTOCK_STEPS_PROCESS_TOKENS_H_

// Texts as tokens: words or characters, and runs of neighbours of them (n-grams). The same on every
// machine: nothing depends on a locale. Pure functions.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/json.h"
#include "base/result.h"

namespace penstock {

struct TokenRules {
  bool words = true;  // else characters
  bool lowercase = true;
  int shortest = 1;  // n-grams of so many words or characters, and of all up to `longest`
  int longest = 1;
  std::unordered_set<std::string> stop_words;  // words that are left out, before n-grams are made

  // The parameters tokens, lowercase, ngrams and stop_words. kInvalidArgument, with `op`.
  static Result<TokenRules> FromJson(const Json& spec, std::string_view op);
};

// Calls `add` with each token of a text, again for each time that it occurs.
//
// A word is a run of letters, digits, marks and "_": of ASCII those, and of other characters all
// but the spaces, punctuation and symbols of the blocks that are in use. n-grams of words are
// joined by one space. Characters are those of the text, with runs of white space (ASCII) as one
// space.
void ForEachToken(std::string_view text, const TokenRules& rules,
                  const std::function<void(std::string_view token)>& add);

// A text with Latin, Greek, Cyrillic, Armenian and full-width letters in lower case, each character
// by itself (Unicode's simple mapping: a final sigma is like any other).
std::string LowerCase(std::string_view text);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_TOKENS_H_

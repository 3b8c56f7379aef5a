#include "steps/process/sensitive.h"

#include <algorithm>

#include "steps/process/selector.h"

namespace penstock {
namespace {

bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}
// Bytes of other scripts' letters, too.
bool IsInWord(char c) {
  return IsLower(c) || IsUpper(c) || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 128;
}

std::vector<std::string> WordsOf(std::string_view name) {
  std::vector<std::string> words;
  bool inside = false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (!IsInWord(c)) {
      inside = false;
      continue;
    }
    if (!inside || (IsUpper(c) && IsLower(name[i - 1]))) words.emplace_back();
    inside = true;
    words.back() += IsUpper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return words;
}

// Words of a pattern, in which * and ? are characters like others.
std::vector<std::string> PatternWords(std::string_view pattern) {
  std::vector<std::string> words(1);
  for (const char c : pattern) {
    if (IsInWord(c) || c == '*' || c == '?') {
      words.back() += IsUpper(c) ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

}  // namespace

const std::vector<std::string>& SensitiveNames() {
  static const auto* const names =
      new std::vector<std::string>{"biometric*",      "caste",       "citizen*",
                                   "creed",           "disab*",      "ethnic*",
                                   "gender*",         "genetic*",    "handicap*",
                                   "immigra*",        "marital*",    "married",
                                   "national origin", "nationality", "native country",
                                   "political*",      "pregnan*",    "race",
                                   "racial*",         "religio*",    "sex",
                                   "sexual*",         "skin color",  "skin colour",
                                   "trade union",     "transgender", "union member*",
                                   "veteran*"};
  return *names;
}

bool HasWords(std::string_view name, const std::vector<std::string>& patterns) {
  const std::vector<std::string> words = WordsOf(name);
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    const std::vector<std::string> wanted = PatternWords(pattern);
    if (wanted.empty()) return false;
    return std::search(words.begin(), words.end(), wanted.begin(), wanted.end(),
                       [](const std::string& word, const std::string& glob) {
                         return GlobMatches(glob, word);
                       }) != words.end();
  });
}

}  // namespace penstock

#ifndef PENSTOCK_STEPS_PROCESS_VOCABULARY_H_
#define PENSTOCK_STEPS_PROCESS_VOCABULARY_H_

// Which tokens of a column of texts become columns, learned in bounded memory.
//
// Rows are counted by token, each token once a row. Where there are too many tokens to count, those
// of the fewest rows are forgotten (lossy counting; Manku and Motwani, VLDB 2002), and how many
// rows a forgotten token may have is known: what is chosen is exact, or an error. The result does
// not depend on threads and memory.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "steps/process/fit_data.h"
#include "steps/process/tokens.h"

namespace penstock {

// Tokens are chosen that occur in so many rows; of too many those of the most rows, of equals the
// first by their bytes.
struct VocabularyRules {
  int64_t min_count = 1;
  int64_t max_count = INT64_MAX;
  double min_share = 0;  // of all training rows, also those without a text
  double max_share = 1;
  int64_t max_tokens = 1'000;

  // The parameters min_count, max_count, min_share, max_share and max_tokens. kInvalidArgument,
  // with `op`.
  static Result<VocabularyRules> FromJson(const Json& spec, std::string_view op);
};

struct Vocabulary {
  std::vector<std::string> tokens;  // sorted by bytes
  std::vector<int64_t> rows_with;   // of each token
  int64_t rows = 0;                 // in all
};

// Finds a token without a copy of it.
struct TokenHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view token) const {
    return std::hash<std::string_view>{}(token);
  }
};
template <typename T>
using TokenMap = std::unordered_map<std::string, T, TokenHash, std::equal_to<>>;

// How many tokens are counted at once, at about 100 bytes each.
inline constexpr std::size_t kMostCounted = 2'000'000;

// Counts tokens block by block. Not thread-safe.
class TokenCounter {
 public:
  using Counts = TokenMap<int64_t>;

  explicit TokenCounter(std::size_t most) : most_(most) {}

  // Adds how many rows of a block have each token.
  void Add(Counts&& block);
  // A token that is not among counted() is in no more rows than this.
  int64_t forgotten() const { return forgotten_; }
  struct Count {
    int64_t seen = 0;
    int64_t before = 0;  // at most so many more, before it was forgotten
  };
  const TokenMap<Count>& counted() const { return counted_; }

 private:
  void Forget();

  std::size_t most_;
  int64_t forgotten_ = 0;
  TokenMap<Count> counted_;
};

// One pass over the rows; two where tokens were forgotten. kInvalidArgument, with `op`: no token is
// chosen, or which are cannot be said in the memory there is. Precondition: `column` is text.
Result<Vocabulary> LearnVocabulary(const FitData& data, const std::string& column,
                                   const TokenRules& tokens, const VocabularyRules& rules,
                                   std::string_view op, std::size_t most_counted = kMostCounted);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_VOCABULARY_H_

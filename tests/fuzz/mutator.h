#ifndef PENSTOCK_TESTS_FUZZ_MUTATOR_H_
#define PENSTOCK_TESTS_FUZZ_MUTATOR_H_

// Makes inputs out of inputs: bytes that flip, words of the target's language, pieces of other
// inputs, lines that move, and, where an input holds JSON, trees whose nodes go, double, swap
// places and become something else. The same seed gives the same inputs on every machine.

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace penstock::fuzz {

class Mutator {
 public:
  // `corpus` and `words` outlive the mutator.
  Mutator(uint64_t seed, const std::vector<std::string>& corpus,
          const std::vector<std::string>& words, std::size_t max_bytes)
      : random_(seed), corpus_(corpus), words_(words), max_bytes_(max_bytes) {}

  // One of the corpus, changed in one to eight places.
  std::string Next();
  // The same for an input of the caller's.
  std::string Mutate(std::string input);

 private:
  std::size_t Below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random_() % n); }
  const std::string& Pick(const std::vector<std::string>& list) { return list[Below(list.size())]; }
  void EditBytes(std::string& input);
  void EditLines(std::string& input);
  // False: there is no JSON behind the first line, or in the whole.
  bool EditTree(std::string& input);
  void EditNode(Json& root);
  Json Scalar();
  void Insert(std::string& input, std::size_t at, std::string_view text);

  std::mt19937_64 random_;
  const std::vector<std::string>& corpus_;
  const std::vector<std::string>& words_;
  const std::size_t max_bytes_;
};

}  // namespace penstock::fuzz

#endif  // PENSTOCK_TESTS_FUZZ_MUTATOR_H_

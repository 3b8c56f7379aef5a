#ifndef PENSTOCK_TESTS_FUZZ_LARGE_H_
#define PENSTOCK_TESTS_FUZZ_LARGE_H_

// Inputs as large as they may be, made of a target's corpus and words: each word over and over,
// each line, and each list and object of a JSON input with as many members as fit. What takes time
// beyond proportion shows on these.

#include <functional>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace penstock::fuzz {

// Calls `visit` with one at a time: they are large.
void VisitLarge(const Target& target, const std::vector<std::string>& corpus, std::size_t bytes,
                const std::function<void(const std::string&)>& visit);

}  // namespace penstock::fuzz

#endif  // PENSTOCK_TESTS_FUZZ_LARGE_H_

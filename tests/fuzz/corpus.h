#ifndef PENSTOCK_TESTS_FUZZ_CORPUS_H_
#define PENSTOCK_TESTS_FUZZ_CORPUS_H_

// The inputs that are kept: tests/fuzz/corpus/TARGET/NAME.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace penstock::fuzz {

struct Kept {
  std::string name;
  std::string bytes;
};
// Of one target, by name. Empty where there is no such folder.
std::vector<Kept> ReadCorpus(const std::string& target);

// Whoever runs targets says which input runs, so that one that ends the process is told: its
// target, where it came from, its bytes as hexadecimal and as text, on stderr and, where the
// variable PENSTOCK_FUZZ_FINDS names a folder, in a file of it. An input that takes longer than a
// minute ends the process, too.
void TellWhenItEnds();
void Running(const Target& target, std::string_view origin, std::string_view bytes);

}  // namespace penstock::fuzz

#endif  // PENSTOCK_TESTS_FUZZ_CORPUS_H_

// The targets under libFuzzer: clang's instrumentation says which inputs reach new code, and those
// are kept. Which target: PENSTOCK_FUZZ_TARGET. deploy/check.sh --full fuzz runs each for a while.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "tests/fuzz/corpus.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mutator.h"

extern "C" std::size_t LLVMFuzzerMutate(uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

const penstock::fuzz::Target* target = nullptr;
std::vector<std::string> corpus;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("PENSTOCK_FUZZ_TARGET");
  for (const penstock::fuzz::Target& each : penstock::fuzz::Targets()) {
    if (name != nullptr && each.name == name) target = &each;
  }
  if (target == nullptr) {
    std::fprintf(stderr, "PENSTOCK_FUZZ_TARGET names no target; there are:");
    for (const auto& each : penstock::fuzz::Targets())
      std::fprintf(stderr, " %s", each.name.c_str());
    std::fprintf(stderr, "\n");
    std::exit(2);
  }
  for (const auto& kept : penstock::fuzz::ReadCorpus(target->name)) corpus.push_back(kept.bytes);
  if (corpus.empty()) corpus.emplace_back();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return target->run({reinterpret_cast<const char*>(data), size});
}

// Half by our own mutator, which knows lines, words and JSON, half by libFuzzer's.
extern "C" std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  if (seed % 2 == 0) return LLVMFuzzerMutate(data, size, max_size);
  penstock::fuzz::Mutator mutator(seed, corpus, target->words, max_size);
  const std::string input = mutator.Mutate({reinterpret_cast<const char*>(data), size});
  std::memcpy(data, input.data(), input.size());
  return input.size();
}

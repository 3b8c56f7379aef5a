#ifndef PENSTOCK_TESTS_FUZZ_FUZZ_H_
#define PENSTOCK_TESTS_FUZZ_FUZZ_H_

// What a fuzz target is. Each reads bytes that somebody else wrote, as the product does, and checks
// more than that it survives them: what is accepted means the same when it is written out and read
// again, what is refused is refused with a Status that can be shown.
//
// A target that finds something wrong calls Broken, which ends the process: so a broken invariant,
// a failed PENSTOCK_CHECK and a sanitizer's finding look the same to both drivers (replay_test.cc
// and coverage.cc), and each of them says which input it was.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace penstock::fuzz {

struct Target {
  std::string name;  // its corpus: tests/fuzz/corpus/NAME
  // 0; or -1 for an input that is not worth keeping.
  int (*run)(std::string_view bytes);
  std::vector<std::string> words;  // what its inputs are made of, for the mutator
  int rounds = 0;                  // mutated inputs in an ordinary test run
  std::size_t max_bytes = 4096;    // of a mutated input
  std::size_t large_bytes = 4096;  // of a large input in an ordinary test run
};

// Every target, sorted by name.
const std::vector<Target>& Targets();

[[noreturn]] void Broken(const char* file, int line, const std::string& what);

#define FUZZ_EXPECT(condition, what)                                                       \
  do {                                                                                     \
    if (!(condition)) {                                                                    \
      ::penstock::fuzz::Broken(__FILE__, __LINE__, std::string(#condition ": ") + (what)); \
    }                                                                                      \
  } while (false)

// What every refusal must be: not OK, with a message that can be sent, stored and shown, and not a
// fault of the program's own.
void ExpectRefusal(const Status& status);

// The text before the first line break, and the rest.
struct HeadAndBody {
  std::string_view head;
  std::string_view body;
};
HeadAndBody CutLine(std::string_view bytes);

// The targets, one for each way into the program.
int FuzzApi(std::string_view bytes);
int FuzzConfig(std::string_view bytes);
int FuzzCsv(std::string_view bytes);
int FuzzDefinition(std::string_view bytes);
int FuzzDocument(std::string_view bytes);
int FuzzExpression(std::string_view bytes);
int FuzzFrame(std::string_view bytes);
int FuzzHttp(std::string_view bytes);
int FuzzMask(std::string_view bytes);
int FuzzParameters(std::string_view bytes);
int FuzzReport(std::string_view bytes);
int FuzzScriptMetrics(std::string_view bytes);
int FuzzTable(std::string_view bytes);
int FuzzText(std::string_view bytes);
int FuzzTree(std::string_view bytes);

}  // namespace penstock::fuzz

#endif  // PENSTOCK_TESTS_FUZZ_FUZZ_H_

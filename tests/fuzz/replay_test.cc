// Runs every target on its corpus, and on a number of inputs that a seeded mutator makes of it: the
// same ones each time. What ends the process says which input it was (corpus.h).
//
//   PENSTOCK_FUZZ_SEED=7       other inputs
//   PENSTOCK_FUZZ_SECONDS=600  as many as there is time for, a target, instead of a fixed number
//   PENSTOCK_FUZZ_BYTES=1000000  the large inputs that large, in place of some kilobytes
//   PENSTOCK_FUZZ_INPUT=FILE   this one in place of the corpus:
//                              --gtest_filter='*Corpus*Replayed/TARGET'

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/corpus.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/large.h"
#include "tests/fuzz/mutator.h"

namespace penstock::fuzz {
namespace {

using std::chrono::steady_clock;

uint64_t Number(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

double SecondsSince(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

// Of this process, all threads together: what others do on the machine does not count.
double ProcessorSeconds() {
  timespec time = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

class Fuzz : public testing::TestWithParam<Target> {
 protected:
  void SetUp() override { TellWhenItEnds(); }

  void Run(const std::string& origin, const std::string& bytes) {
    const double begin = ProcessorSeconds();
    Running(GetParam(), origin, bytes);
    GetParam().run(bytes);
    const double took = ProcessorSeconds() - begin;
    if (took <= slowest_) return;
    slowest_ = took;
    slow_ = bytes;
  }

  // The slowest is written to where finds go.
  void Report(int64_t count, double seconds) {
    std::printf("%lld inputs in %.1f s; the slowest took %.0f ms: %s\n",
                static_cast<long long>(count), seconds, slowest_ * 1e3,
                slow_.substr(0, 120).c_str());
    if (const char* folder = std::getenv("PENSTOCK_FUZZ_FINDS"); folder != nullptr) {
      std::ofstream(std::string(folder) + "/slowest-" + GetParam().name, std::ios::binary) << slow_;
    }
  }

  double slowest_ = 0;  // seconds
  std::string slow_;    // the input that took it
};

TEST_P(Fuzz, TheCorpusIsReplayed) {
  std::vector<Kept> corpus = ReadCorpus(GetParam().name);
  if (const char* path = std::getenv("PENSTOCK_FUZZ_INPUT"); path != nullptr) {
    std::ifstream file(path, std::ios::binary);
    ASSERT_TRUE(file) << path;
    corpus = {{path, {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()}}};
  }
  ASSERT_FALSE(corpus.empty()) << "tests/fuzz/corpus/" << GetParam().name;
  for (const Kept& kept : corpus) Run(kept.name, kept.bytes);
}

TEST_P(Fuzz, MutationsOfTheCorpusBreakNothing) {
  const uint64_t seed = Number("PENSTOCK_FUZZ_SEED", 1);
  const uint64_t seconds = Number("PENSTOCK_FUZZ_SECONDS", 0);
  std::vector<std::string> corpus;
  for (const Kept& kept : ReadCorpus(GetParam().name)) corpus.push_back(kept.bytes);
  Mutator mutator(seed, corpus, GetParam().words, GetParam().max_bytes);
  const auto begin = steady_clock::now();
  int64_t round = 0;
  for (;
       seconds > 0 ? SecondsSince(begin) < static_cast<double>(seconds) : round < GetParam().rounds;
       ++round) {
    Run("seed " + std::to_string(seed) + ", round " + std::to_string(round), mutator.Next());
  }
  Report(round, SecondsSince(begin));
}

// No time is a verdict but the test's own timeout: what is quadratic shows there, and in the times
// that are printed.
TEST_P(Fuzz, LargeInputsTakeNoTimeBeyondProportion) {
  std::vector<std::string> corpus;
  for (const Kept& kept : ReadCorpus(GetParam().name)) corpus.push_back(kept.bytes);
  const std::size_t bytes = Number("PENSTOCK_FUZZ_BYTES", GetParam().large_bytes);
  const auto begin = steady_clock::now();
  int64_t count = 0;
  VisitLarge(GetParam(), corpus, bytes, [&](const std::string& input) {
    Run("large input " + std::to_string(count++), input);
  });
  Report(count, SecondsSince(begin));
}

INSTANTIATE_TEST_SUITE_P(Targets, Fuzz, testing::ValuesIn(Targets()),
                         [](const auto& target) { return target.param.name; });

}  // namespace
}  // namespace penstock::fuzz

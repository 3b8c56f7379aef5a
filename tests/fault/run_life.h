#ifndef PENSTOCK_TESTS_FAULT_RUN_LIFE_H_
#define PENSTOCK_TESTS_FAULT_RUN_LIFE_H_

// One run that touches everything, from empty folders to its end, with whatever faults are armed;
// who ended is started again, as its supervisor would, and calls that failed are made again.
//
// By default a sample of hits; PENSTOCK_FAULTS=all tries them all. PENSTOCK_FAULT_SEED repeats the
// random ones.

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/support/cluster.h"

namespace penstock {

// PENSTOCK_FAULTS=all.
bool EveryHit();

// What came of it.
struct Life {
  // Of each step its state, branch, metrics and the digests of its outputs.
  std::map<std::string, std::string> results;
  int crashes = 0;
  // Hits of fault points by the daemon that was watched: before the run was submitted, and in all.
  std::map<std::string, int64_t> hits_before;
  std::map<std::string, int64_t> hits;
};

struct LifeOptions {
  enum class Watched { kCoordinator, kWorker };
  Watched watched = Watched::kCoordinator;
  std::string faults;  // of the watched daemon, in its first life
  // Whether what steps wrote must be there in the end.
  bool keeps_logs = true;
};

// Fails the test where the run does not succeed, or what must hold does not (invariants.h).
Life LiveThrough(const LifeOptions& options);

// The same for each, some at a time.
std::vector<Life> LiveThroughAll(const std::vector<LifeOptions>& all);

enum class Sample {
  kFew,  // the first three, the last, and a random one after the start
  kOne,  // the random one
};
// Which hits of a point to try, of those of an untouched life; with EveryHit all of them.
std::set<int64_t> HitsToTry(const Life& untouched, const std::string& point,
                            Sample sample = Sample::kFew);

}  // namespace penstock

#endif  // PENSTOCK_TESTS_FAULT_RUN_LIFE_H_

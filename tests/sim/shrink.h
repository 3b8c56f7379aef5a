#ifndef PENSTOCK_TESTS_SIM_SHRINK_H_
#define PENSTOCK_TESTS_SIM_SHRINK_H_

// Cuts a script short that shows something wrong.

#include <functional>
#include <string>

#include "tests/sim/script.h"

namespace penstock::sim {

struct Shrunk {
  Script script;
  std::string violation;  // empty: nothing was wrong
};

// Leaves out actions, then steps of definitions, then workers and the weather, as long as the same
// invariant is violated: the same words, but for names and numbers. `tell` gets a line a round.
Shrunk Shrink(const Script& script, const std::function<void(const std::string&)>& tell);

// Runs the script in a process of its own: what ends that is a violation, too.
std::string ViolationApart(const Script& script);

// A test to paste into regression_test.cc.
std::string AsTest(const Shrunk& shrunk);

// The words of a violation that two scripts must share to show the same.
std::string KindOf(const std::string& violation);

}  // namespace penstock::sim

#endif  // PENSTOCK_TESTS_SIM_SHRINK_H_

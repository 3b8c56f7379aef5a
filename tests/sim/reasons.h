#ifndef PENSTOCK_TESTS_SIM_REASONS_H_
#define PENSTOCK_TESTS_SIM_REASONS_H_

// The words that the engine gives as reasons, and what a simulation cannot reach, with why.

#include <map>
#include <string>
#include <vector>

namespace penstock::sim {

// Causes of steps' ends, errors of commands, explanations of why a step waits. A test compares the
// list with the sources.
std::vector<std::string> KnownReasons();

// By row of the coverage table.
std::map<std::string, std::string> Unreachable();

}  // namespace penstock::sim

#endif  // PENSTOCK_TESTS_SIM_REASONS_H_

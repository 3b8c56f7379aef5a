#ifndef PENSTOCK_STEPS_LIBRARIES_H_
#define PENSTOCK_STEPS_LIBRARIES_H_

#include <map>
#include <string>

namespace penstock {

// The libraries that results of the built-in steps depend on, with the versions that this program
// runs with: {"train/xgboost": {"duckdb": "v1.1.3", "xgboost": "1.7.4"}}. By the step's key; steps
// that depend on none are left out.
std::map<std::string, std::map<std::string, std::string>> LibrariesByStep();

}  // namespace penstock

#endif  // PENSTOCK_STEPS_LIBRARIES_H_

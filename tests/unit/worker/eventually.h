#ifndef PENSTOCK_TESTS_UNIT_WORKER_EVENTUALLY_H_
#define PENSTOCK_TESTS_UNIT_WORKER_EVENTUALLY_H_

// What tests with real processes share: where the runner is, and waiting for something to come
// true.

#include <poll.h>
#include <sys/types.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "base/clock.h"

namespace penstock {

// Only a test that fails waits this long.
inline constexpr Micros kPatience = std::chrono::seconds(30);

inline bool Eventually(const std::function<bool()>& condition) {
  const Tick until = Clock::Real().Ticks() + kPatience;
  while (!condition()) {
    if (Clock::Real().Ticks() >= until) return false;
    poll(nullptr, 0, 2);
  }
  return true;
}

inline std::string RunnerProgram() {
  const char* folder = std::getenv("PENSTOCK_BIN_DIR");  // NOLINT(concurrency-mt-unsafe)
  return std::string(folder == nullptr ? "build/bin" : folder) + "/penstock-worker";
}

// NAME=VALUE, each with a NUL after it.
inline std::string EnvironmentOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/environ", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace penstock

#endif  // PENSTOCK_TESTS_UNIT_WORKER_EVENTUALLY_H_

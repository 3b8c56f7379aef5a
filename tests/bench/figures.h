#ifndef PENSTOCK_TESTS_BENCH_FIGURES_H_
#define PENSTOCK_TESTS_BENCH_FIGURES_H_

// What a benchmark found, and what it is to be held against. Figures are never a verdict: "met" is
// for people.

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace penstock::bench {

using SteadyClock = std::chrono::steady_clock;

double MillisSince(SteadyClock::time_point start);
// 0 where there are no values.
double Quantile(std::vector<double> values, double q);
// Median time of writing 4 KiB and fsync, on the disk that holds `folder`.
double FsyncMillis(const std::filesystem::path& folder);

// What a process has in memory, in MiB; -1 where it is gone. `peak`: the most that it ever had.
struct Memory {
  double resident = -1;
  double proportional = -1;  // pages shared with others count in part
  double peak = -1;
};
Memory MemoryOf(pid_t pid);
// User and system time that a process has used, in seconds; -1 where it is gone.
double CpuSeconds(pid_t pid);

class Figures {
 public:
  // A figure without a budget.
  void Add(const std::string& name, double value);
  // One that is to be `limit` at the most, or at the least.
  void AtMost(const std::string& name, double value, double limit);
  void AtLeast(const std::string& name, double value, double limit);
  // What could not be measured, and why.
  void Skip(const std::string& name, const std::string& why);
  // Something that is not a number.
  void Note(const std::string& name, Json value) { notes_[name] = std::move(value); }

  // {"notes": {…}, "figures": {name: {"value", "budget", "met"}}, "skipped": {…}}
  Json ToJson() const;

 private:
  void Put(const std::string& name, double value, Json budget);

  Json figures_ = Json::object();
  Json skipped_ = Json::object();
  Json notes_ = Json::object();
};

}  // namespace penstock::bench

#endif  // PENSTOCK_TESTS_BENCH_FIGURES_H_

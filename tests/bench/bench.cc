// penstock-bench: what the orchestrator costs, as one JSON document on stdout. Starts real daemons
// in temporary folders and stops them again. README.md says what the figures mean.

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

#include "base/log.h"
#include "base/text.h"
#include "tests/bench/client.h"
#include "tests/bench/history.h"
#include "tests/bench/parts.h"

namespace penstock::bench {
namespace {

struct Part {
  const char* name;
  void (*measure)(const Options&, Figures&);
};
constexpr Part kParts[] = {
    {"steps", MeasureSteps},        {"cancel", MeasureCancel},   {"census", MeasureCensus},
    {"in-flight", MeasureInFlight}, {"runs", MeasureRunsAtOnce}, {"lists", MeasureLists},
    {"growth", MeasureGrowth},
};

constexpr char kUsage[] =
    "penstock-bench [--only PART,...] [--idle SECONDS] [--census FILE] [--history FOLDER]\n"
    "               [--history-runs N] [--workers N] [--in-flight N] [--runs N]\n"
    "parts: steps cancel census in-flight runs lists growth\n";

[[noreturn]] void WrongUse() {
  std::cerr << kUsage;
  std::exit(2);
}

// Figures of a loaded machine say so.
Json Machine() {
  std::ifstream file("/proc/loadavg");
  double load = 0;
  file >> load;
  return {{"cpus", std::thread::hardware_concurrency()}, {"load_before", load}};
}

std::vector<std::string> Parse(int argc, char** argv, Options& options) {
  std::vector<std::string> only;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) WrongUse();
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--only") {
      only = Split(value, ',');
    } else if (name == "--idle") {
      options.idle_seconds = std::atoi(value.c_str());
    } else if (name == "--census") {
      options.census = value;
    } else if (name == "--history") {
      options.history = value;
    } else if (name == "--history-runs") {
      options.history_runs = std::atoll(value.c_str());
    } else if (name == "--workers") {
      options.workers = std::atoi(value.c_str());
    } else if (name == "--in-flight") {
      options.in_flight = std::atoi(value.c_str());
    } else if (name == "--runs") {
      options.runs_at_once = std::atoi(value.c_str());
    } else {
      WrongUse();
    }
  }
  for (const std::string& part : only) {
    const bool known = std::any_of(std::begin(kParts), std::end(kParts),
                                   [&](const Part& each) { return part == each.name; });
    if (!known) WrongUse();
  }
  if (options.workers < 1 || options.in_flight < options.workers || options.runs_at_once < 1 ||
      options.history_runs < 1) {
    WrongUse();
  }
  return only;
}

int Main(int argc, char** argv) {
  if (!InitLogging("penstock-bench", "warn", /*json=*/false).ok()) return 1;
  Options options;
  const std::vector<std::string> only = Parse(argc, argv, options);
  Figures figures;
  figures.Note("machine", Machine());
  Json seconds = Json::object();
  for (const Part& part : kParts) {
    if (!only.empty() && std::find(only.begin(), only.end(), part.name) == only.end()) continue;
    const auto start = SteadyClock::now();
    part.measure(options, figures);
    seconds[part.name] = static_cast<int64_t>(MillisSince(start) / 1e3);
  }
  figures.Note("seconds", seconds);
  std::cout << DumpJsonPretty(figures.ToJson()) << "\n";
  return 0;
}

}  // namespace
}  // namespace penstock::bench

int main(int argc, char** argv) {
  return penstock::bench::Main(argc, argv);
}

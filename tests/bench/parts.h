#ifndef PENSTOCK_TESTS_BENCH_PARTS_H_
#define PENSTOCK_TESTS_BENCH_PARTS_H_

// The parts of penstock-bench. Each starts daemons of its own, adds its figures, and ends them. The
// budgets stand here, beside what is measured.

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "tests/bench/figures.h"
#include "tests/support/cluster.h"

namespace penstock::bench {

struct Options {
  int idle_seconds = 0;  // 0: the figures after idleness are left out
  std::string census;    // a file in the layout of adult.data; empty: made
  std::filesystem::path
      history;  // folder with the database of ended runs; empty: made, and removed
  int64_t history_runs = 1'000'000;
  int workers = 200;       // simulated ones
  int in_flight = 10'000;  // steps that they hold
  int runs_at_once = 1'000;
};

void MeasureSteps(const Options& options, Figures& figures);       // one real worker
void MeasureCancel(const Options& options, Figures& figures);      // one real worker
void MeasureCensus(const Options& options, Figures& figures);      // one real worker
void MeasureLists(const Options& options, Figures& figures);       // a long history
void MeasureInFlight(const Options& options, Figures& figures);    // simulated workers
void MeasureRunsAtOnce(const Options& options, Figures& figures);  // simulated workers
void MeasureGrowth(const Options& options, Figures& figures);      // simulated workers

// The process of a cluster's daemon, as its ready.json says; 0 where it is not there.
pid_t PidOf(const Cluster& cluster, const std::string& daemon);

}  // namespace penstock::bench

#endif  // PENSTOCK_TESTS_BENCH_PARTS_H_

#ifndef PENSTOCK_TESTS_SUPPORT_INVARIANTS_H_
#define PENSTOCK_TESTS_SUPPORT_INVARIANTS_H_

// What must always hold (server/ARCHITECTURE.md), read from what daemons left on the disk. Each
// function adds a failure to the running test for everything that does not hold.
//
//   CheckStored(cluster.data_dir(), {.acknowledged = {id}});
//   CheckNothingLeft(cluster.folder());

#include <filesystem>
#include <string>
#include <vector>

namespace penstock {

struct StoredExpectations {
  // Runs whose submission was answered: each is there.
  std::vector<std::string> acknowledged;
  // Whether every run has ended, and with it every attempt and what was held for it.
  bool ended = true;
};

// Of a coordinator's data directory, while no coordinator runs on it: the database is whole, states
// of runs, steps and attempts agree, at most one attempt of a step succeeded (of a gang: of each
// rank), no step began before what it depends on had ended, every artifact has its bytes, every log
// can be read, and no temporary file is left.
void CheckStored(const std::filesystem::path& data_dir, const StoredExpectations& expected = {});

// Of the folder of a cluster whose daemons have stopped: its workers left no workspace, no
// temporary file and no process.
void CheckNothingLeft(const std::filesystem::path& folder);

// Processes that carry the mark of a worker whose data lie in `folder` or below, with their command
// lines: pid → arguments, each ended by a NUL.
std::vector<std::pair<int, std::string>> MarkedProcesses(const std::filesystem::path& folder);

}  // namespace penstock

#endif  // PENSTOCK_TESTS_SUPPORT_INVARIANTS_H_

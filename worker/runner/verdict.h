#ifndef PENSTOCK_WORKER_RUNNER_VERDICT_H_
#define PENSTOCK_WORKER_RUNNER_VERDICT_H_

// What is said of an attempt that did not end by itself, and what a program is told of its node:
// the same wherever a runner is started.

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "base/status.h"

namespace penstock {

Status UsedTooMuchMemory(int64_t limit);
// `idle`: without a sign of life, rather than altogether.
Status RanTooLong(bool idle);
// `how`: as Child::Reap has it.
Status ProcessDied(const std::string& how);

// The runner of a script looks after its processes, and needs some memory itself.
int64_t MemoryOfRunner(const std::string& step_type);

// What a script, or the model that one wrote, has to know of this node (steps/script/script.h).
struct NodeFacts {
  std::string bubblewrap;  // its path; empty: none
  std::string data_dir;    // what the program may not see
  Micros kill_grace{0};
  int gpus = 0;
  double cpus = 1;
  std::string container_engine;  // its path; empty: none
  int rank = 0;
};
Json NodeToJson(const NodeFacts& facts);

}  // namespace penstock

#endif  // PENSTOCK_WORKER_RUNNER_VERDICT_H_

#ifndef PENSTOCK_WORKER_AGENT_CAPACITY_H_
#define PENSTOCK_WORKER_AGENT_CAPACITY_H_

// What this node can give to steps: what the machine has, as far as the worker may use it.

#include <cstdint>
#include <filesystem>

namespace penstock {

struct NodeCapacity {
  double cpus = 1;
  int64_t memory = 0;  // bytes
};

// Where the kernel tells of itself; tests have folders of their own.
struct SystemRoots {
  std::filesystem::path proc = "/proc";
  std::filesystem::path cgroup = "/sys/fs/cgroup";
};

// The least of what the machine has and what the worker's control group and those above it allow
// (cgroup v2: cpu.max, memory.max, memory.high; v1: cpu.cfs_quota_us, memory.limit_in_bytes).
// `usable_cpus`: of the affinity mask. A file that is not there or not readable limits nothing.
NodeCapacity MeasureCapacity(int usable_cpus, const SystemRoots& roots = {});

// How many processors this process may run on.
int UsableCpus();

}  // namespace penstock

#endif  // PENSTOCK_WORKER_AGENT_CAPACITY_H_

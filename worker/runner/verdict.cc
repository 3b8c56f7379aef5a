#include "worker/runner/verdict.h"

namespace penstock {

Status UsedTooMuchMemory(int64_t limit) {
  return ResourceExhausted("the step used more than its " + std::to_string(limit >> 20) +
                           " MiB of memory; raise resources.memory");
}

Status RanTooLong(bool idle) {
  return DeadlineExceeded(idle ? "the step gave no sign of life for as long as its idleTimeout"
                               : "the step ran longer than its timeout");
}

Status ProcessDied(const std::string& how) {
  return Internal("the step's process " + how);
}

int64_t MemoryOfRunner(const std::string& step_type) {
  constexpr int64_t kScriptRunnerMemory = 512 << 20;
  return step_type == "script" ? kScriptRunnerMemory : 0;
}

Json NodeToJson(const NodeFacts& facts) {
  return {{"bubblewrap", facts.bubblewrap},
          {"data_dir", facts.data_dir},
          {"grace_ms", facts.kill_grace.count() / 1'000},
          {"gpus", facts.gpus},
          {"cpus", facts.cpus},
          {"container", facts.container_engine},
          {"rank", facts.rank}};
}

}  // namespace penstock

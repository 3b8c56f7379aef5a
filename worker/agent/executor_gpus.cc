// Which of an executor's children see which GPUs, and when a GPU may be given to the next.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "worker/agent/executor.h"

namespace penstock {

// As CUDA_VISIBLE_DEVICES has it.
std::string Executor::VisibleGpus(const std::vector<int>& indices) const {
  std::vector<std::string> names;
  for (const int index : indices) {
    names.push_back(deps_.config->devices[static_cast<std::size_t>(index)].visible);
  }
  return Join(names, ",");
}

// An idle child keeps what it has put into a GPU's memory: it makes room for whom the GPU is now.
void Executor::RetireUsersOf(const std::vector<int>& gpus) {
  for (Runner& runner : runners_) {
    if (!runner.attempts.empty()) continue;
    if (std::find_first_of(runner.gpus.begin(), runner.gpus.end(), gpus.begin(), gpus.end()) !=
        runner.gpus.end()) {
      runner.retire = true;
    }
  }
}

// What its script left behind is killed and still there: its GPUs stay taken until it is gone.
void Executor::KeepGpus(Runner& runner) {
  for (Attempt* attempt : runner.attempts) {
    if (attempt->gpus.empty()) continue;
    LOG_WARN("GPUs stay taken: processes of a script do not end run={} step={} attempt={}",
             attempt->lease.run_id(), attempt->lease.step_name(), attempt->lease.attempt());
    stuck_.push_back({runner.mark, std::exchange(attempt->gpus, {})});
  }
}

void Executor::FreeStuckGpus() {
  std::erase_if(stuck_, [this](const Stuck& stuck) {
    if (KillLeftovers(stuck.mark) > 0) return false;
    gpus_.Give(stuck.gpus);
    return true;
  });
}

}  // namespace penstock

#ifndef PENSTOCK_WORKER_AGENT_ENVIRONMENT_H_
#define PENSTOCK_WORKER_AGENT_ENVIRONMENT_H_

// What an attempt's result depends on besides the definition and the inputs, so that two results
// that differ can be explained: the program, threads, processor, GPUs, libraries and seeds; of a
// script its command, its interpreter and its files. One thread.

#include <string>
#include <unordered_map>

#include "base/json.h"
#include "penstock/v1/workers.pb.h"
#include "worker/agent/config.h"

namespace penstock {

class EnvironmentRecorder {
 public:
  explicit EnvironmentRecorder(const WorkerConfig& config);

  // Canonical JSON. `sandboxed`: of a script, whether its program runs in the sandbox.
  std::string Record(const v1::Lease& lease, int threads, bool sandboxed);

 private:
  Json Common(const v1::Lease& lease, int threads) const;
  std::string DeviceName(int gpus) const;

  const WorkerConfig& config_;
  Json node_;                                           // what is the same for all
  std::unordered_map<std::string, std::string> known_;  // of attempts without seeds, by kind
};

}  // namespace penstock

#endif  // PENSTOCK_WORKER_AGENT_ENVIRONMENT_H_

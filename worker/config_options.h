#ifndef PENSTOCK_WORKER_CONFIG_OPTIONS_H_
#define PENSTOCK_WORKER_CONFIG_OPTIONS_H_

// The table of a worker's settings: what each is called, how it is read and how it is shown.

#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "worker/agent/config.h"

namespace penstock {

struct WorkerOption {
  enum class Kind {
    kOne,   // a scalar
    kList,  // a sequence; in a variable with ":" between, as a flag several times
    kAddresses,  // the same, in a variable with "," between
    kMap,   // a mapping, here as "KEY=VALUE"; in a variable with "," between
  };
  std::string key;  // in the file: "log.level" is `log: {level: …}`
  std::string flag;
  std::string variable;
  std::string value_name;  // in --help
  std::string help;
  Kind kind = Kind::kOne;
  bool secret = false;
  // `values`: exactly one for kOne. What was set before is replaced.
  Status (*set)(WorkerConfig& config, const std::vector<std::string>& values) = nullptr;
  Json (*show)(const WorkerConfig& config) = nullptr;  // null: not set
};

const std::vector<WorkerOption>& WorkerOptions();

// Reads the YAML file into `config`. Unknown keys are errors that name the nearest, and a key that
// stands there twice is one too. kNotFound where there is no such file.
Status ApplyWorkerConfigFile(const std::string& path, WorkerConfig& config);

}  // namespace penstock

#endif  // PENSTOCK_WORKER_CONFIG_OPTIONS_H_

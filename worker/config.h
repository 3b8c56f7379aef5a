#ifndef PENSTOCK_WORKER_CONFIG_H_
#define PENSTOCK_WORKER_CONFIG_H_

// How a worker gets its settings: a YAML file, overridden by PENSTOCK_* variables, overridden by
// flags. Read once, at start.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "worker/agent/config.h"

namespace penstock {

// What the command line asks for.
struct WorkerInvocation {
  WorkerConfig config;  // complete, unless `text` says what to do instead
  bool print_config = false;
  // --help and --version: print this and leave.
  std::optional<std::string> text;
};

// A variable's value; nullopt where it is not set.
using WorkerEnvironment = std::function<std::optional<std::string>(const std::string& name)>;

// kInvalidArgument for anything that cannot be used, with where it was written (file and line,
// variable or flag) and what to do; kNotFound for a --config file that is not there.
Result<WorkerInvocation> ParseWorkerInvocation(const std::vector<std::string>& arguments,
                                               const WorkerEnvironment& environment);

// The effective settings as a YAML document that --config would take. The token is not shown, only
// whether there is one.
std::string PrintWorkerConfig(const WorkerConfig& config);

}  // namespace penstock

#endif  // PENSTOCK_WORKER_CONFIG_H_

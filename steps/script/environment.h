#ifndef PENSTOCK_STEPS_SCRIPT_ENVIRONMENT_H_
#define PENSTOCK_STEPS_SCRIPT_ENVIRONMENT_H_

// What a script sees: its arguments, and the variables of SageMaker's script mode. Pure.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace penstock {

// Where a script finds and leaves things, as it sees them.
struct ScriptFolders {
  std::filesystem::path code;   // its working directory
  std::filesystem::path input;  // data/<channel>, and config/<channel>.json of datasets
  std::filesystem::path model;
  std::filesystem::path output;  // metrics.json, metrics.jsonl and what `outputs` names
  std::filesystem::path temporary;
  std::filesystem::path checkpoint;  // what it saves before it gives way, and finds again; empty: none
};

struct ScriptRank {
  std::string host;
  int port = 0;
};

struct ScriptSurroundings {
  ScriptFolders folders;
  std::vector<std::string> channels;
  int cpus = 1;
  int gpus = 0;
  // Where each rank listens, "host" and "port", of a step on several nodes; else empty.
  std::vector<ScriptRank> ranks;
  int rank = 0;  // this one
  // Variables of the worker, by name; only some of them are handed on.
  std::map<std::string, std::string> inherited;
};

// The hyperparameters as script mode's arguments: "--epochs", "10"; sorted, "-n" for a name of one
// character. Texts as they are, True and False, other values as JSON; null is left out.
std::vector<std::string> HyperparameterArguments(const Json& hyperparameters);

// NAME → value. What the definition's `environment` names wins over what the worker hands on.
// `parameters`: of the step.
std::map<std::string, std::string> ScriptEnvironment(const Json& parameters,
                                                     const ScriptSurroundings& surroundings);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_SCRIPT_ENVIRONMENT_H_

#ifndef PENSTOCK_STEPS_SCRIPT_CONTAINER_H_
#define PENSTOCK_STEPS_SCRIPT_CONTAINER_H_

// Podman or Docker around a script: the image's own system, read-only; the script's folders where
// SageMaker has them, below /opt/ml; no network unless asked for.

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "steps/api/step.h"
#include "steps/script/environment.h"

namespace penstock {

struct ContainerPlan {
  std::string engine;  // path of podman or docker
  std::string image;
  std::string name;   // of the container, by which it is ended
  std::string owner;  // marks it as the worker's: RemoveContainers
  ScriptFolders folders;
  bool writes_model = true;  // else folders.model is read-only
  // A file for variables, out of the script's sight; made by ContainerCommand.
  std::filesystem::path variables_file;
  std::map<std::string, std::string> variables;
  // Those of them that the engine finds in its own environment: secrets are on no disk, and in no
  // list of processes.
  std::set<std::string> by_environment;
  double cpus = 0;                // 0: no limit
  int64_t memory = 0;             // bytes; 0: no limit
  std::vector<std::string> gpus;  // indices or ids, as in CUDA_VISIBLE_DEVICES
  bool network = false;
  bool init = false;                 // an init of the engine's is there to pass signals on
  std::vector<std::string> command;  // of which the first is looked up in the image
};

// Where the script sees its folders.
ScriptFolders ContainerFolders();

// As ScriptEnvironment; but PATH, HOME and the linker's variables are the image's, unless the
// definition names them.
std::map<std::string, std::string> ContainerEnvironment(const Json& parameters,
                                                        const ScriptSurroundings& surroundings);

// The GPUs that the worker's CUDA_VISIBLE_DEVICES names; without it, the first `surroundings.gpus`.
std::vector<std::string> GpusOf(const ScriptSurroundings& surroundings);

// The whole command line. Writes variables_file.
Result<std::vector<std::string>> ContainerCommand(const ContainerPlan& plan);

// Whether `engine` is podman, else docker.
bool IsPodman(std::string_view engine);

// Path of a podman or docker that answers (they are asked, which takes some tens of milliseconds);
// empty where none does.
std::string FindContainerEngine();

// Whether podman, or docker, has an init to run in containers.
bool HasContainerInit(const std::string& engine);

// The digest of the image `name`, or its id where it has none; pulled first where it is not here.
// Errors: it cannot be had, with what the engine said; kCancelled.
Result<std::string> ResolveImage(const std::string& engine, const std::string& name,
                                 StepContext& context);

// Ends the container, whatever it does. Nothing where there is none.
void EndContainer(const std::string& engine, const std::string& name);

// Ends containers that carry the mark `owner`: of a worker that was killed. How many there were.
int RemoveContainers(const std::string& engine, const std::string& owner);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_SCRIPT_CONTAINER_H_

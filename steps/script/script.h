#ifndef PENSTOCK_STEPS_SCRIPT_SCRIPT_H_
#define PENSTOCK_STEPS_SCRIPT_SCRIPT_H_

// The script step: runs a program of the user's own as SageMaker's script mode does. What it may
// take for itself lies in its workspace:
//
//   scratch/code           where it starts, with `files`
//   scratch/tmp            TMPDIR; /tmp in the sandbox
//   scratch/input/data/X   the input X, SM_CHANNEL_X; read-only in the sandbox
//   scratch/input/config   X.json: dataset.json of the input X
//   out/model              SM_MODEL_DIR
//   out/data               SM_OUTPUT_DATA_DIR
//   checkpoint             PENSTOCK_CHECKPOINT_DIR
//
// Inputs are moved out of the folders that the step was given: they must be copies, unless the
// program runs in the sandbox. A process runs one script, and nothing after it.

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "steps/api/step.h"
#include "steps/script/environment.h"
#include "steps/script/metrics.h"

namespace penstock {

inline constexpr char kScriptVersion[] = "1";

// The parameter that the worker adds: {"bubblewrap": path of it, or "", "data_dir": what the
// program must not see, "grace_ms", "gpus", "cpus", "container": path of podman or docker, or ""};
// of a step on several nodes "rank" and "ranks", [{"host", "port"}], too.
inline constexpr char kScriptNode[] = "node";

// A program to run, and its folders, which are there already.
struct ProgramRun {
  // Of these `command`, `environment`, `hyperparameters`, `isolation`, `image`, `network`, and the
  // node.
  const Json& parameters;  // outlives the run
  ScriptFolders folders;
  std::vector<std::string> channels;  // below folders.input / "data"
  bool arguments = true;              // hyperparameters come as arguments, too
  bool writes_model = true;           // else folders.model is read-only, where there is a sandbox
  int64_t memory_bytes = 0;           // of the program and all that it starts; 0: no limit
};

// Outcomes: as of RunScript, of whatever the program itself can cause.
Status RunProgram(StepContext& context, const ProgramRun& run, ScriptMetrics& metrics);

// Outcomes: kInvalidArgument: no such program, or outputs and metrics that are not as the
// definition says; kFailedPrecondition: it failed (SetExitCode has the code); the reasons
// kOutOfMemoryReason and kCrashedReason; kCancelled.
Result<StepOutcome> RunScript(StepContext& context);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_SCRIPT_SCRIPT_H_

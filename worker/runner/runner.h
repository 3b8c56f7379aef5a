#ifndef PENSTOCK_WORKER_RUNNER_RUNNER_H_
#define PENSTOCK_WORKER_RUNNER_RUNNER_H_

// The child process that runs steps: `penstock-worker --runner`. It is exec'd by an agent, serves
// one attempt after another over a socket (descriptor 3), and ends when that closes or its agent
// dies. What a step prints goes to the child's stdout and stderr, a file that the agent reads.

#include "steps/api/step.h"

namespace penstock {

// Serves attempts until the socket closes; returns the process's exit code.
int RunnerMain(const StepRegistry& steps, int socket);

}  // namespace penstock

#endif  // PENSTOCK_WORKER_RUNNER_RUNNER_H_

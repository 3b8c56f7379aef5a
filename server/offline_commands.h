#ifndef PENSTOCK_SERVER_OFFLINE_COMMANDS_H_
#define PENSTOCK_SERVER_OFFLINE_COMMANDS_H_

#include "base/status.h"
#include "server/config.h"

namespace penstock {

// Does what the command line asks for while the server is down, and prints it; the exit code.
int RunOffline(const ServerInvocation& invocation);

// Prints the error; the exit code that it means.
int FailWith(const Status& status);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_OFFLINE_COMMANDS_H_

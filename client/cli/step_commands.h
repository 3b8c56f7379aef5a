#ifndef PENSTOCK_CLIENT_CLI_STEP_COMMANDS_H_
#define PENSTOCK_CLIENT_CLI_STEP_COMMANDS_H_

#include "client/cli/cli.h"

namespace penstock::cli {

void AddStepCommands(CLI::App& app, Cli& cli);  // step run

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_STEP_COMMANDS_H_

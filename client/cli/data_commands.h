#ifndef PENSTOCK_CLIENT_CLI_DATA_COMMANDS_H_
#define PENSTOCK_CLIENT_CLI_DATA_COMMANDS_H_

#include "client/cli/cli.h"

namespace penstock::cli {

void AddDataCommands(CLI::App& app, Cli& cli);  // data head|schema|export

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_DATA_COMMANDS_H_

#ifndef PENSTOCK_CLIENT_CLI_COMPLETION_H_
#define PENSTOCK_CLIENT_CLI_COMPLETION_H_

// Completion in shells: `penstock completion bash|zsh` prints a script that asks `penstock
// __complete WORD…` what could stand in the place of the last word.

#include <string>
#include <vector>

#include "client/cli/cli.h"

namespace penstock::cli {

inline constexpr std::string_view kCompleteCommand = "__complete";

void AddCompletionCommand(CLI::App& app, Cli& cli);

// Prints what could stand in place of the last word, one a line: commands, flags, choices, and
// names that the coordinator knows. Prints nothing where it is not reached, or where a path
// belongs: the shell then offers files. Always kDone.
int Complete(const CLI::App& app, Cli& cli, const std::vector<std::string>& words);

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_COMPLETION_H_

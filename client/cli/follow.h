#ifndef PENSTOCK_CLIENT_CLI_FOLLOW_H_
#define PENSTOCK_CLIENT_CLI_FOLLOW_H_

// Watches a run until it has ended, on stderr: a live table on a terminal, one line a change
// elsewhere; a line for each attempt that ends before another begins. A lost connection is tried
// again for five minutes: the run goes on meanwhile.

#include <string>
#include <vector>

#include "client/cli/connection.h"
#include "client/cli/follow_view.h"

namespace penstock::cli {

// The run as it ended. `show` false: waits in silence. `warnings` are those of its submission.
Result<pb::Run> Follow(Connection& connection, const std::string& run_id, bool show,
                       const Warnings& warnings);

// What its steps warn of though they succeeded, a line each.
std::vector<std::string> WarningsOf(const pb::Run& run);

// What to tell at the end: state, duration, message, warnings, model versions that it made, and
// where the logs of steps are that failed it.
void PrintEnding(Connection& connection, const pb::Run& run);

// Prints the id of a run that was just submitted, and waits for its end where told to; the exit
// code.
Result<int> AwaitSubmitted(Connection& connection, const pb::SubmitRunResponse& submitted,
                           bool wait, bool follow);

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_FOLLOW_H_

#ifndef PENSTOCK_CLIENT_CLI_PROGRESS_H_
#define PENSTOCK_CLIENT_CLI_PROGRESS_H_

// How far a running step is, in a few words.

#include <string>

#include "base/clock.h"
#include "penstock/v1/runs.pb.h"

namespace penstock::cli {

// "40 %, about 12 s left  round 40 of 100": as much of it as is known; empty where nothing is.
std::string ProgressOf(const ::penstock::v1::Step& step, Time now);

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_PROGRESS_H_

#ifndef PENSTOCK_CLIENT_CLI_BACKFILL_VALUES_H_
#define PENSTOCK_CLIENT_CLI_BACKFILL_VALUES_H_

// The values that a backfill goes over.

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace penstock::cli {

// One run's: parameters with their texts, in the order in which they were named.
using Values = std::vector<std::pair<std::string, std::string>>;

// "NAME=a,b,c"; "NAME=1..10" or "NAME=0..1:0.25", both ends among them; days
// "NAME=2026-01-01..2026-01-31" or with ":2d", ":1w", ":6h" (then times, up to the last day's end).
// WRONG_USE says what is wrong; at most limits::kMaxBackfillRuns.
Result<std::pair<std::string, std::vector<std::string>>> ParseOver(const std::string& text);

// Every combination, the last of `over` changing first. WRONG_USE: a name given twice, more than
// limits::kMaxBackfillRuns.
Result<std::vector<Values>> Combine(const std::vector<std::string>& over);

// "day=2026-01-31, depth=4".
std::string Describe(const Values& values);

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_BACKFILL_VALUES_H_

#ifndef PENSTOCK_CLIENT_CLI_CURVES_H_
#define PENSTOCK_CLIENT_CLI_CURVES_H_

// Series of metrics (loss by round) in a few words each.

#include <string>

#include "client/cli/output.h"
#include "penstock/v1/runs.pb.h"

namespace penstock::cli {

// A row for each series: how many points, the first, the last and, where the name says which way is
// better, the best with its index. Attempts are told apart where there are several.
Table CurveTable(const ::penstock::v1::ReadMetricsResponse& answer);

// A line a point, in the order of logging: "2026-01-31 08:15:30  loss  12  0.336".
std::string PointLines(const ::penstock::v1::ReadMetricsResponse& answer);

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_CURVES_H_

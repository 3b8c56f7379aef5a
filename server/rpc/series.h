#ifndef PENSTOCK_SERVER_RPC_SERIES_H_
#define PENSTOCK_SERVER_RPC_SERIES_H_

// Series of metrics as the API shows them: from where a caller has read to, and thinned to what a
// message can hold and a person can see.

#include <cstddef>
#include <vector>

#include "base/result.h"
#include "penstock/v1/runs.pb.h"
#include "storage/journal/journal.h"

namespace penstock {

// At most `count` (>= 2) of the points, in order: the first, the last, and of equal stretches
// between them the lowest and the highest. NaN is neither.
std::vector<MetricPoint> Thin(const std::vector<MetricPoint>& points, std::size_t count);

// kInvalidArgument: a cursor that no answer gave (BAD_CURSOR), or `max_points` out of range.
Status ReadSeries(Journal& journal, const RunId& run, StepIndex step,
                  const v1::ReadMetricsRequest& request, v1::ReadMetricsResponse* response);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_SERIES_H_

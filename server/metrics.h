#ifndef PENSTOCK_SERVER_METRICS_H_
#define PENSTOCK_SERVER_METRICS_H_

#include <string>

#include "server/engine/engine.h"
#include "server/ops/operations.h"
#include "server/rpc/auth.h"
#include "server/rpc/rpc_metrics.h"

namespace penstock {

// What /metrics answers, in Prometheus' text format. Reads counters alone: any thread, any time.
std::string MetricsText(const Engine& engine, const OperationsMetrics& operations,
                        const RpcMetrics& rpc, const Authenticator& authenticator);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_METRICS_H_

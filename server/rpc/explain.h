#ifndef PENSTOCK_SERVER_RPC_EXPLAIN_H_
#define PENSTOCK_SERVER_RPC_EXPLAIN_H_

// Why a step is in the state that it is in, from its records. What only the engine's memory knows
// comes from Engine::ExplainStep.

#include <vector>

#include "server/engine/commands.h"
#include "storage/model/records.h"

namespace penstock {

std::vector<Explanation> ExplainFromRecords(const RunRecord& run, const StepRecord& step,
                                            const std::vector<AttemptRecord>& attempts);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_EXPLAIN_H_

#include "tests/sim/reasons.h"

namespace penstock::sim {

std::vector<std::string> KnownReasons() {
  return {
      // Why a step ended as it did.
      "ALIAS_MOVED", "BAD_REFERENCE", "CANCELLED", "CRASHED", "DEADLINE", "FAIL_FAST", "FAIL_STEP",
      "GANG_ENDED", "INFRASTRUCTURE", "ITEMS_FAILED", "METRIC_UNDEFINED", "NONE", "NOT_CHOSEN",
      "OUT_OF_MEMORY", "PIPELINE_FAILED", "PREEMPTED", "REJECTED", "STEP_ERROR", "TIMEOUT",
      "UPSTREAM_FAILED", "UPSTREAM_SKIPPED", "WORKER_LOST", "WORKER_RESTARTED",
      // Why a command was refused.
      "IDEMPOTENCY_CONFLICT", "INVALID_DEFINITION", "INVALID_OVERRIDES", "INVALID_PARAMETERS",
      "MAX_ACTIVE_RUNS", "MODEL_NOT_FOUND", "MODEL_REJECTED", "NOT_A_MODEL", "NOT_WAITING",
      "OVERLOADED", "PIPELINE_NOT_FOUND", "READ_ONLY", "REBUILT", "RUNS_ACTIVE",
      "SECRET_NOT_FOUND", "SESSION_UNKNOWN", "STALE_ATTEMPT", "STOPPING", "SUPERSEDED",
      "UNKNOWN_QUEUE", "WORKER_NOT_FOUND",
      // Why a step waits.
      "GANG_INCOMPLETE", "GROUP_MAX_ACTIVE", "MAX_PARALLEL_STEPS", "MUTEX", "NO_WORKER",
      "PREEMPTING", "QUEUED", "QUEUE_MAX_PARALLEL_STEPS", "QUEUE_MAX_RUNS", "WAITS_FOR",
      "WORKER_BUSY", "WORKER_CANNOT", "WORKER_CLOSED", "WORKER_RESERVED"};
}

std::map<std::string, std::string> Unreachable() {
  return {};
}

}  // namespace penstock::sim

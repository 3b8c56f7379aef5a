#include "tests/sim/reasons.h"

namespace penstock::sim {

std::vector<std::string> KnownReasons() {
  return {// Why a step ended as it did.
          "ALIAS_MOVED", "BAD_REFERENCE", "CANCELLED", "CRASHED", "DEADLINE", "FAIL_FAST",
          "FAIL_STEP", "GANG_ENDED", "INFRASTRUCTURE", "ITEMS_FAILED", "METRIC_UNDEFINED", "NONE",
          "NOT_CHOSEN", "OUT_OF_MEMORY", "PIPELINE_FAILED", "PREEMPTED", "REJECTED", "STEP_ERROR",
          "TIMEOUT", "UPSTREAM_FAILED", "UPSTREAM_SKIPPED", "WORKER_LOST", "WORKER_RESTARTED",
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
  const std::string once = "readiness decides on a step once";
  const std::string taken = "a step that is placed is out of the queue";
  const std::string begun = "the report of an end begins the attempt first";
  return {
      {"step READY DependenciesMet", once},
      {"step LEASED DependenciesMet", once},
      {"step RUNNING DependenciesMet", once},
      {"step READY RetryDue", "the timer of a wait that is over does nothing"},
      {"step READY LeaseLost", "a step that is ready has no attempt"},
      {"step LEASED Placed", taken},
      {"step RUNNING Placed", taken},
      {"step RUNNING Decided", "a control step is begun once"},
      {"step LEASED Succeed", begun},
      {"step RETRY_WAIT Retry", "a step that waits has no attempt that could fail"},
      {"run RUNNING Start", "a run begins once"},
      {"run CANCELLING Start", "a run that is cancelled before it began never begins"},
      {"attempt LEASED Succeeded", begun},
      {"attempt LEASED Failed", begun},
      {"attempt LEASED Cancelled", begun},
      {"attempt RUNNING Started", "what began is not begun again"},
      {"reason OVERLOADED",
       "so many commands never wait in a simulated cluster; tests/unit/engine fills the queue"},
  };
}

}  // namespace penstock::sim

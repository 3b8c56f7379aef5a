#ifndef PENSTOCK_SERVER_ENGINE_LIVE_H_
#define PENSTOCK_SERVER_ENGINE_LIVE_H_

// Runs that have not ended, in memory: the rows of the database, and what is derived from them.
// Engine thread only.

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/core/plan.h"
#include "server/core/readiness.h"
#include "storage/model/records.h"

namespace penstock {

struct LiveRun;
struct Session;

// An attempt that has not ended.
struct LiveAttempt {
  LiveRun* run = nullptr;
  AttemptRecord record;
  Session* session = nullptr;  // null: its worker has no session (yet)
  bool expired = false;        // its lease ran out: placeable again, but may still deliver
  bool reserved = false;       // counts in its session's ledger; else backlog
  bool cancelling = false;     // the worker was told, or will be when it comes back
  bool fresh = false;          // not in the database yet
  bool may_hold = false;       // artifacts may be held for it
};

struct LiveRun {
  RunRecord record;
  std::shared_ptr<const Plan> plan;
  std::vector<StepRecord> steps;
  std::unique_ptr<Readiness> readiness;
  std::unordered_map<StepIndex, std::unique_ptr<LiveAttempt>> attempts;  // by step
  std::unordered_map<Digest, StepIndex> producers;  // which step left an artifact

  bool fresh = false;  // not in the database yet

  // What this turn changed, to be written by Flush and told by Publish.
  bool dirty = false;
  std::vector<StepIndex> dirty_steps;
  std::vector<bool> step_is_dirty;
  std::vector<StepIndex> new_results;
  std::vector<StepIndex> touched_attempts;  // steps whose live attempt is new or changed
  std::vector<Digest> new_artifacts;        // that the run reads or made

  // Steps that ended and whose dependents have not heard of it.
  std::vector<StepIndex> to_settle;
  bool settling = false;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_LIVE_H_

#ifndef PENSTOCK_SERVER_ENGINE_LIVE_H_
#define PENSTOCK_SERVER_ENGINE_LIVE_H_

// Runs that have not ended, in memory: the rows of the database, and what is derived from them.
// Engine thread only.

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/core/plan.h"
#include "server/core/readiness.h"
#include "storage/model/records.h"

namespace penstock {

struct CachedVersion;
struct LiveRun;
struct Session;
struct Gang;

// An attempt that has not ended.
struct LiveAttempt {
  LiveRun* run = nullptr;
  AttemptRecord record;
  Session* session = nullptr;  // null: its worker has no session (yet)
  bool expired = false;        // its lease ran out: placeable again, but may still deliver
  bool reserved = false;       // counts in its session's ledger; else backlog
  bool cancelling = false;     // the worker was told, or will be when it comes back
  bool moving = false;         // the worker was told to stop it: it is placed again
  bool preempted = false;      // that is so for the sake of a higher priority
  bool fresh = false;          // not in the database yet
  bool may_hold = false;       // artifacts may be held for it
  Gang* gang = nullptr;        // whose rank it is; null: it is a step's only attempt
};

// The attempt of a step on several nodes: an attempt a rank, that begin and end together.
struct Gang {
  std::vector<std::unique_ptr<LiveAttempt>> ranks;  // null: that one has ended
  int32_t succeeded = 0;
  bool ending = false;  // one ended otherwise: the others are told to stop
  // What decides on the step: that of the first that failed or was lost.
  Cause cause = Cause::kNone;
  std::string message;
  int exit_code = 0;
  StepResult result;  // of rank 0, and what it warned of
  std::string warnings;
};

// Why what has not ended is to end. Nothing, where `cause` is kNone.
struct Stop {
  Cause cause = Cause::kNone;
  std::string message;
  explicit operator bool() const { return cause != Cause::kNone; }
};

// One execution of a plan inside a run: the run's own steps, those of an item of a map, those of a
// pipeline that a step calls, or the onExit steps of the first or the last kind.
struct RunFrame {
  std::shared_ptr<const Plan> plan;
  StepIndex base = 0;          // its steps are base, base + 1 … in the run
  StepIndex parent = -1;       // the map or pipeline step that it belongs to; -1: the run
  int32_t item = -1;           // of a map
  RunFrame* enclosing = nullptr;  // whose steps, parameters and item its references may name
  RunFrame* exit = nullptr;       // its onExit steps
  bool on_exit = false;
  Json parameters;  // of a run or a called pipeline
  std::unique_ptr<Readiness> readiness;
  int32_t open = 0;  // steps that have not ended
  bool started = false;
  bool ended = false;
};

// A map or pipeline step that has started.
struct Expansion {
  std::vector<RunFrame*> frames;  // items in order; or the pipeline, and its onExit
  // map
  std::size_t next = 0;  // the first item that has not started
  int32_t running = 0;
  int32_t ended = 0;
  int32_t failed = 0;
  int64_t tolerated = 0;
  std::map<std::string, Json> values;  // outputs, by item
  std::map<std::string, std::size_t> value_bytes;
  Stop stop;
};

struct LiveRun {
  RunRecord record;
  std::vector<StepRecord> steps;
  std::deque<RunFrame> frames;  // the run's own first; they never move
  std::vector<RunFrame*> frame_of;  // by step
  std::unordered_map<StepIndex, Expansion> expansions;
  std::unordered_map<StepIndex, std::unique_ptr<LiveAttempt>> attempts;  // by step
  std::unordered_map<StepIndex, Gang> gangs;  // of steps on several nodes, instead of those
  std::unordered_map<Digest, StepIndex> producers;  // which step left an artifact
  std::unordered_map<std::string, StepRecord> kept;  // what the run that this one goes on from left
  std::map<std::string, std::string> origin_pins;    // of that run
  // Versions with the run's overrides in them, by the way to them ("", "child.").
  std::map<std::string, std::shared_ptr<const CachedVersion>> overridden;
  int32_t on_workers = 0;                           // steps that are leased or running there
  Stop stop;                                        // of everything but onExit
  bool stop_exit = false;                           // and of onExit

  bool fresh = false;     // not in the database yet
  StepIndex stored = 0;   // the steps before this one have rows

  // What this turn changed, to be written by Flush and told by Publish.
  bool dirty = false;
  std::vector<StepIndex> dirty_steps;
  std::vector<bool> step_is_dirty;
  std::vector<StepIndex> new_results;
  std::vector<StepIndex> new_notes;  // expansions and cache records
  std::vector<StepIndex> to_cache;   // results that later runs may use
  std::vector<StepIndex> touched_attempts;  // steps whose live attempt is new or changed
  std::vector<Digest> new_artifacts;        // that the run reads or made

  // Steps that ended and whose dependents have not heard of it.
  std::vector<StepIndex> to_settle;
  bool settling = false;
  bool stop_due = false;  // steps are to be stopped once what ended is settled

  RunFrame& frame(StepIndex index) const { return *frame_of[static_cast<std::size_t>(index)]; }
  StepRecord& step(StepIndex index) { return steps[static_cast<std::size_t>(index)]; }
  const StepRecord& step(StepIndex index) const { return steps[static_cast<std::size_t>(index)]; }
  const StepSpec& spec(StepIndex index) const {
    const RunFrame& at = frame(index);
    return at.plan->step(index - at.base);
  }
  // The first step that fails the frame; -1 where none does.
  StepIndex FailedStep(const RunFrame& of) const {
    for (StepIndex index = of.base; index < of.base + of.plan->size(); ++index) {
      if (step(index).state == StepState::kFailed && !spec(index).continue_on_failure) return index;
    }
    return -1;
  }
  // -1 where there is none.
  StepIndex FindStep(const std::string& name) const {
    for (const StepRecord& each : steps) {
      if (each.name == name) return each.index;
    }
    return -1;
  }
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_LIVE_H_

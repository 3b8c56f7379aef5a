#ifndef PENSTOCK_TESTS_SIM_AUDITOR_H_
#define PENSTOCK_TESTS_SIM_AUDITOR_H_

// The invariants (server/ARCHITECTURE.md, "What must always hold"), looked after while a simulation
// goes on: after every turn of the engine for all that the turn changed, after every start for all
// that was ever acknowledged, and at the end.
//
// What is wrong is thrown as a Violation.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/blob_store.h"
#include "tests/sim/coordinator.h"

namespace penstock::sim {

struct Violation {
  std::string what;
};

// What others were told, and what was seen in the database: all of it must stay true.
struct History {
  struct Step {
    StepState state = StepState::kWaiting;
    int32_t attempt = 0;
  };
  struct Run {
    RunId id;
    RunState state = RunState::kPending;
    int64_t revision = 0;
    std::vector<Step> steps;
    std::vector<std::vector<StepIndex>> depends_on;  // by step
    std::vector<std::string> tokens;                 // of its attempts
  };
  std::map<int64_t, Run> runs;                  // by row, as last committed
  std::map<std::string, AttemptState> tokens;   // of attempts that have been committed
  std::set<RunId> submitted;                    // acknowledged
  std::set<RunId> deleted;                      // by retention: who hears of them late is no worse
  std::set<RunId> cancelled;                    // acknowledged
  std::map<std::string, std::string> verdicts;  // by token and kind of report
  std::map<std::string, int32_t> completed;     // attempt by run and step
  std::map<std::pair<std::string, int32_t>, std::string> pipelines;  // digests, by version
  std::map<std::pair<std::string, int32_t>, std::string> models;     // digests, by version
  std::map<std::string, int32_t> secrets;                            // versions
  std::map<std::string, std::pair<bool, bool>> orders;               // cordoned, drain
  std::map<Digest, Time> held_until;                                 // by clients
  std::set<std::string> damaged;  // artifacts whose bytes an accident took, at any time
  std::set<std::string> access_tokens;
};

class Auditor {
 public:
  Auditor(Schedule& schedule, Coordinator& coordinator, BlobStore& blobs, Coverage& coverage);
  ~Auditor();

  // --- Of workers
  void OnBegan(const WorkerId& worker, const LeasedAttempt& lease);
  void OnEnded(const AttemptToken& token);
  void OnLeased(const LeasedAttempt& lease);
  // It will report that, as often as it takes.
  void OnSays(const StepReport& report) { said_.insert({report.token, report.kind}); }
  // `alone`: the step is on one node.
  void OnVerdict(const StepReport& report, Verdict verdict, bool alone);
  void OnRefusal(const std::string& call, const Status& status);

  // --- Of the coordinator
  void AfterTurn();
  void AfterStart();
  // What the coordinator has in memory, and that the next start must find the same: it was killed
  // when it did nothing.
  Json Memory() const;
  void ExpectMemory(Json memory) { memory_ = std::move(memory); }
  // Whether what the start decided has been written.
  bool has_turned() const { return has_turned_; }
  void OnDown();
  // What is committed now is what a restore later brings back.
  History history() const { return history_; }
  void OnRestore(History history);
  // Failing writes are expected.
  void set_disk_trouble(bool trouble) { disk_trouble_ = trouble; }
  // All runs have ended, and nobody does anything any more.
  void AtEnd();
  // Rows of all tables, but for what is kept longer than a simulation lasts.
  int64_t CountRows();
  // Steps that were seen to end, ever.
  int64_t ended_steps() const { return ended_steps_; }
  // Runs that have not ended, oldest first.
  std::vector<RunId> LiveRuns() const;
  // Those, with their steps that have not ended.
  std::string DescribeLive();

  // What was acknowledged, for those who asked to add.
  History& told() { return history_; }
  [[noreturn]] void Fail(const std::string& what) const;

 private:
  struct Execution {
    WorkerId worker;
    std::string step;   // run and step
    std::string mutex;  // empty: none
    bool fenced = false;
    int32_t attempt = 0;
    bool lost_timeline = false;
  };

  void CheckRun(int64_t row);
  void CheckSteps(int64_t row, History::Run& seen, bool ended);
  void CheckAttempts(int64_t row, History::Run& seen);
  void Forget(int64_t row);
  void CheckEnd(const AttemptToken& token, AttemptState state);
  void CheckVerdict(int64_t row, const std::string& message, const History::Run& seen);
  void CheckOutputs(int64_t row, StepIndex index, const std::string& result);
  void CheckAcknowledged();
  void CheckArtifacts();
  int64_t Count(const std::string& sql);
  Database& db() { return coordinator_.committed(); }

  Schedule& schedule_;
  Coordinator& coordinator_;
  BlobStore& blobs_;
  Coverage& coverage_;
  History history_;
  std::map<AttemptToken, Execution> executing_;
  std::set<std::pair<AttemptToken, ReportKind>> said_;
  std::optional<Json> memory_;  // of the coordinator that was killed
  std::string incarnation_;  // of the present timeline; empty until its first start
  int64_t ended_steps_ = 0;
  bool has_turned_ = false;
  bool disk_trouble_ = false;
};

}  // namespace penstock::sim

#endif  // PENSTOCK_TESTS_SIM_AUDITOR_H_

#ifndef PENSTOCK_SERVER_CORE_READINESS_H_
#define PENSTOCK_SERVER_CORE_READINESS_H_

// When a step may run, and when it never will.
//
// A step is decided once everything that it waits for has ended:
//   - in a condition's `then` or `else`: skipped (NOT_CHOSEN) unless a condition chose it;
//   - what it needs of another step must be there (of "a ?? b": one of them, and none where b is no
//     step's, as in "${steps.a.outputs.data ?? parameters.data}"), else it is skipped:
//     UPSTREAM_FAILED where that step failed, UPSTREAM_SKIPPED where it was skipped;
//   - `when` judges the rest: all_succeeded (the default) wants no failure and no skip; none_failed
//     accepts skips; all_done accepts everything; any_succeeded wants one success.
// A failure of a step with continueOnFailure does not count as one; its outputs are absent all the
// same.
//
// One end costs O(steps that wait for it). Not thread-safe. Pure.

#include <memory>
#include <string>
#include <vector>

#include "server/core/plan.h"
#include "storage/model/states.h"

namespace penstock {

class Readiness {
 public:
  enum class Verdict { kWait, kReady, kSkip };
  struct Decision {
    Verdict verdict = Verdict::kWait;
    Cause cause = Cause::kNone;  // kSkip
    std::string message;         // kSkip: which step, and what became of it
  };

  explicit Readiness(std::shared_ptr<const Plan> plan);

  // A step ended (`branch`: what a condition chose). Returns the steps that are decided by it.
  std::vector<StepIndex> OnEnded(StepIndex step, StepState state, const std::string& branch);
  const Decision& decision(StepIndex step) const {
    return decisions_[static_cast<std::size_t>(step)];
  }

 private:
  Decision Decide(StepIndex step) const;
  Decision DecideBranch(StepIndex step) const;
  bool Failed(StepIndex step) const;
  Decision Skip(StepIndex because) const;

  std::shared_ptr<const Plan> plan_;
  std::vector<StepState> states_;
  std::vector<std::string> branches_;
  std::vector<int32_t> waiting_;  // how many steps each still waits for
  std::vector<Decision> decisions_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_READINESS_H_

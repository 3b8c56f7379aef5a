#ifndef PENSTOCK_TESTS_SIM_COVERAGE_H_
#define PENSTOCK_TESTS_SIM_COVERAGE_H_

// What the engine was seen to do: (state, event) pairs of its machines, and the words that it gives
// as reasons.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "server/core/state_machine.h"

namespace penstock::sim {

class Coverage : public TransitionObserver {
 public:
  void OnStep(StepState state, StepEvent event) override;
  void OnRun(RunState state, RunEvent event) override;
  void OnAttempt(AttemptState state, AttemptEvent event) override;
  // An error's, a cause's or an explanation's.
  void OnReason(const std::string& word);

  void Add(const Coverage& other);
  Json ToJson() const;
  static Coverage FromJson(const Json& json);

  // A table of all pairs and words with how often they were seen; those that cannot be, with why.
  // `missing` gets those that could be and were not.
  std::string Table(std::vector<std::string>* missing) const;

 private:
  std::map<std::string, int64_t> seen_;
};

}  // namespace penstock::sim

#endif  // PENSTOCK_TESTS_SIM_COVERAGE_H_

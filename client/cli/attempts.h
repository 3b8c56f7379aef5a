#ifndef PENSTOCK_CLIENT_CLI_ATTEMPTS_H_
#define PENSTOCK_CLIENT_CLI_ATTEMPTS_H_

// The tries at a step, and why each ended.

#include <map>
#include <string>
#include <vector>

#include "client/cli/connection.h"

namespace penstock::cli {

// In order. kNotFound: no such run or step.
Result<std::vector<pb::Attempt>> ListAttempts(Connection& connection, const std::string& run_id,
                                              const std::string& step);

// "WORKER_RESTARTED: worker w1 restarted"; empty for one that succeeded or still lasts.
std::string WhyEnded(const pb::Attempt& attempt);

// The attempt of this number; of one on several nodes that rank which decided on it: the first that
// failed or was lost, else rank 0. Null where there is none.
const pb::Attempt* DecisiveAttempt(const std::vector<pb::Attempt>& attempts, int number);

// Tells once of each attempt that ended before another one began.
class AttemptNews {
 public:
  // Lines about the attempts of `steps` that have ended since. What the server does not answer is
  // told with the step's next change.
  std::vector<std::string> After(Connection& connection, const std::string& run_id,
                                 const std::vector<pb::Step>& steps);

 private:
  std::map<int, int> told_;  // by step: the last attempt that was told of
};

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_ATTEMPTS_H_

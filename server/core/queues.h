#ifndef PENSTOCK_SERVER_CORE_QUEUES_H_
#define PENSTOCK_SERVER_CORE_QUEUES_H_

// Named queues: whose turn it is where there is too little for all. Plain data.

#include <cstdint>
#include <map>
#include <string>

namespace penstock {

// The queue of runs that name none. Always there.
inline constexpr char kDefaultQueue[] = "default";

struct QueueTerms {
  double weight = 1;               // its share of the workers against that of the others
  int32_t max_parallel_steps = 0;  // leased or running; 0: no limit
  int32_t max_runs = 0;            // that have begun and not ended; 0: no limit
  friend bool operator==(const QueueTerms&, const QueueTerms&) = default;
};

// By name, as the coordinator's configuration has them. A queue that is not in it has weight 1 and
// no limits: runs of it stay where they are when the configuration loses it.
using QueueTable = std::map<std::string, QueueTerms>;

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_QUEUES_H_

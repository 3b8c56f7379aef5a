#ifndef PENSTOCK_SERVER_RPC_VERSION_SKEW_H_
#define PENSTOCK_SERVER_RPC_VERSION_SKEW_H_

// Workers whose program is not the server's. The rule: whoever has a protocol in common with the
// server is taken, whatever its version, and marked; what it may run is a matter of the step types
// and their versions that it announces. Whoever has none is refused.

#include <map>
#include <string>

#include "base/mutex.h"
#include "base/result.h"
#include "penstock/v1/workers.pb.h"
#include "storage/model/records.h"

namespace penstock {

// The newest protocol that both speak. kFailedPrecondition (VERSION_MISMATCH) says which side to
// update.
Result<int32_t> ChooseProtocol(const v1::OpenSessionRequest& request);

// Whether the worker's program has another version than this one.
bool IsSkewed(const WorkerInfo& worker);

// Logs each worker's other version once, not at each of its sessions. Thread-safe.
class SkewLog {
 public:
  // Whether it is news.
  bool Note(const WorkerInfo& worker);

 private:
  Mutex mutex_;
  std::map<WorkerId, std::string> told_ PENSTOCK_GUARDED_BY(mutex_);
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_VERSION_SKEW_H_

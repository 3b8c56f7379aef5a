#ifndef PENSTOCK_WORKER_AGENT_REPORTER_H_
#define PENSTOCK_WORKER_AGENT_REPORTER_H_

// Tells the coordinator what started and what ended, in batches: whatever came together while the
// last call was under way goes with the next one. A report is repeated until it is answered.
// Thread-safe.

#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "worker/agent/coordinator.h"

namespace penstock {

class Reporter {
 public:
  // `answered` is called on the reporter's thread with each report and the coordinator's verdict.
  using Answered = std::function<void(const v1::StepReport&, const std::string& verdict)>;

  Reporter(Coordinator& coordinator, Answered answered);
  // Sends what is left unless the coordinator was stopped, then joins.
  ~Reporter();

  void Add(v1::StepReport report);

 private:
  void Loop();
  void Send(const std::vector<v1::StepReport>& reports);

  Coordinator& coordinator_;
  const Answered answered_;
  Mutex mutex_;
  CondVar wake_;
  std::vector<v1::StepReport> waiting_ PENSTOCK_GUARDED_BY(mutex_);
  bool ending_ PENSTOCK_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace penstock

#endif  // PENSTOCK_WORKER_AGENT_REPORTER_H_

#ifndef PENSTOCK_WORKER_AGENT_REPORTER_H_
#define PENSTOCK_WORKER_AGENT_REPORTER_H_

// Tells the coordinator what started and what ended, in batches: whatever came together while the
// last call was under way goes with the next one. A report is repeated until it is answered. One
// that the coordinator cannot take does not hold up the others: it is found by halving its batch,
// and its attempt is reported as failed instead. Thread-safe.

#include <deque>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "worker/agent/coordinator.h"

namespace penstock {

class Reporter {
 public:
  // `answered` is called on the reporter's thread with each report and the coordinator's verdict;
  // "REFUSED" where it takes no report of that attempt.
  using Answered = std::function<void(const v1::StepReport&, const std::string& verdict)>;

  Reporter(Coordinator& coordinator, Answered answered);
  // Sends what is left unless the coordinator was stopped, then joins.
  ~Reporter();

  void Add(v1::StepReport report);

 private:
  void Loop();
  // What goes with the next call; empty when there will be nothing more.
  std::vector<v1::StepReport> NextBatch();
  // False: the coordinator is in trouble, and some of them wait again.
  bool Send(std::span<const v1::StepReport> reports);
  bool SendHalves(std::span<const v1::StepReport> reports, const Status& status);
  void Refused(const v1::StepReport& report, const Status& status);

  Coordinator& coordinator_;
  const Answered answered_;
  std::set<std::string> refused_;  // tokens whose report was refused before
  Mutex mutex_;
  CondVar wake_;
  std::deque<v1::StepReport> waiting_ PENSTOCK_GUARDED_BY(mutex_);
  bool ending_ PENSTOCK_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace penstock

#endif  // PENSTOCK_WORKER_AGENT_REPORTER_H_

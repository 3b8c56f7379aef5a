#ifndef PENSTOCK_TESTS_SIM_WORKER_H_
#define PENSTOCK_TESTS_SIM_WORKER_H_

// A worker's agent and its children as the coordinator sees them: it keeps a session and a parked
// lease call, runs what it is leased in its order and capacity, keeps its reports until they are
// answered, and ends what is fenced before its lease has ended. It may be killed, stopped for a
// while (its children run on), and told to go.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/network.h"

namespace penstock::sim {

class Auditor;
class BlobStore;

class FakeWorker {
 public:
  struct Deps {
    Schedule* schedule = nullptr;
    Network* network = nullptr;
    Auditor* auditor = nullptr;
    BlobStore* blobs = nullptr;
    uint64_t seed = 0;
    double failures = 0.15;  // the share of attempts that do not succeed
    int64_t slowness = 1;    // how much longer steps take
  };

  // What the longest attempt takes, times the slowness.
  static constexpr Micros kLongestAttempt = std::chrono::minutes(2);

  FakeWorker(Deps deps, WorkerInfo info);

  void Start();
  void Kill(Micros down_for);
  void Pause(Micros duration);
  // It finishes what runs, gives back the rest, says goodbye, and starts again after a while.
  void Leave(Micros down_for);
  Link& link() { return link_; }
  const WorkerId& id() const { return info_.id; }
  bool alive() const { return alive_; }
  std::size_t held() const { return attempts_.size(); }

 private:
  struct Attempt {
    enum class State { kQueued, kRunning, kFinishing, kReported };
    LeasedAttempt lease;
    State state = State::kQueued;
    Tick asked;  // when the call was sent that brought it
    Time started_at;
    bool started_told = false;
    bool cancel = false;
    bool discarded = false;
    bool preempted = false;
    bool process_over = false;
    int64_t process = 0;  // tells one planned end of the process from another
    StepReport end;
  };

  // Runs `action` in this life of the agent, when it is not stopped.
  void Later(Micros wait, std::function<void()> action);
  void Do(std::function<void()> action);
  template <typename T, typename Command>
  void Call(void (Engine::*method)(Command, Callback<T>), Command command, Micros patience,
            Callback<T> done) {
    deps_.network->Call<T, Command>(link_, method, std::move(command), patience,
                                    [this, life = life_, done = std::move(done)](Result<T> answer) {
                                      if (life != life_) return;
                                      auto kept = std::make_shared<Result<T>>(std::move(answer));
                                      Do([done, kept] { done(std::move(*kept)); });
                                    });
  }

  void KeepSession();
  void OpenSession();
  void LeaseOnce();
  void TakeReply(const LeaseStepsAnswer& answer, Tick sent);
  void Beat();
  void Answered(Tick sent);
  std::vector<HeldAttempt> Held() const;

  void TakeLease(const LeasedAttempt& lease, Tick sent);
  void StartQueued();
  bool Fits(const LeasedAttempt& lease) const;
  bool IsLate(const Attempt& attempt) const;
  void Run(Attempt& attempt);
  void PlanEnd(Attempt& attempt, Micros wait, ReportKind kind, Cause cause,
               const std::string& message);
  void WatchFence(const AttemptToken& token, int64_t process);
  void OnProcessEnd(Attempt& attempt);
  StepResult ResultOf(const LeasedAttempt& lease, Dice& dice);
  void Publish(Attempt& attempt);
  void PublishNext(const AttemptToken& token, std::vector<ArtifactRef> left);
  void Report(Attempt& attempt, ReportKind kind);
  void SendReports();
  void OnVerdict(const StepReport& report, Verdict verdict);
  void Cancel(const AttemptToken& token);
  void Revoke(const AttemptToken& token);
  void Preempt(const AttemptToken& token, Micros grace);
  void Discard(const AttemptToken& token);
  void Stop(Attempt& attempt, ReportKind kind, Cause cause);
  void Forget(const AttemptToken& token);
  void LeaveIfIdle();
  Attempt* Find(const AttemptToken& token);

  const Deps deps_;
  WorkerInfo info_;
  Link link_;
  Dice dice_;
  bool alive_ = false;
  int64_t life_ = 0;
  Tick paused_until_;
  std::deque<std::function<void()>> stopped_;  // what waits for the agent to go on

  SessionId session_;
  bool opening_ = false;
  int64_t openings_ = 0;
  int64_t acknowledged_ = 0;
  Micros reopen_wait_{0};
  Micros ttl_{0};
  Micros heartbeat_{0};
  Micros max_disconnect_{0};
  Tick last_contact_;
  Tick renewed_;
  Tick unbroken_since_;
  Tick dead_by_;
  Tick stop_by_;
  bool leaving_ = false;
  Micros leave_for_{0};

  std::vector<std::unique_ptr<Attempt>> attempts_;  // in the order of their leases
  double cpus_used_ = 0;
  int64_t memory_used_ = 0;
  int32_t gpus_used_ = 0;
  std::vector<StepReport> waiting_;  // reports to be sent
  bool sending_ = false;
  Micros report_wait_{0};
  int64_t next_process_ = 1;
};

}  // namespace penstock::sim

#endif  // PENSTOCK_TESTS_SIM_WORKER_H_

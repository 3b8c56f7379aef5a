#ifndef PENSTOCK_SERVER_RPC_CALL_H_
#define PENSTOCK_SERVER_RPC_CALL_H_

// What every RPC has in common: who calls, whether they may, how long it took, how it ended.
//
// Handlers run on gRPC's few callback threads and must not block there: they post to the engine or
// to a pool, and complete the call from wherever the answer comes.

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <functional>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "server/rpc/auth.h"
#include "server/rpc/rpc_metrics.h"

namespace penstock {

// Lets calls in, or not. Thread-safe.
class CallGate {
 public:
  CallGate(Authenticator& authenticator, RpcMetrics& metrics, const Clock& clock)
      : authenticator_(authenticator), metrics_(metrics), clock_(clock) {}

  // kUnauthenticated, kPermissionDenied, kUnavailable (STOPPING). Fault point "rpc.request.METHOD":
  // the request is lost on its way.
  Result<Caller> Admit(const grpc::CallbackServerContext& context, std::string_view service,
                       std::string_view method);
  // From now on every new call is kUnavailable.
  void Stop() { stopping_.store(true); }
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }

  RpcMetrics& metrics() { return metrics_; }
  const Clock& clock() const { return clock_; }

 private:
  Authenticator& authenticator_;
  RpcMetrics& metrics_;
  const Clock& clock_;
  std::atomic<bool> stopping_{false};
};

// Times a call and counts how it ended. Any thread.
class CallTimer {
 public:
  CallTimer(CallGate& gate, std::string_view service, std::string_view method)
      : clock_(gate.clock()),
        metrics_(gate.metrics().Of(service, method)),
        start_(clock_.Ticks()) {}
  void Record(const Status& status) { metrics_.Record(status.code(), clock_.Ticks() - start_); }

 private:
  const Clock& clock_;
  MethodMetrics& metrics_;
  const Tick start_;
};

// What goes out where a call of `method` ended with `status`. Fault point "rpc.reply.METHOD": the
// answer is lost on its way (kUnavailable), and what was done stays done.
Status Reply(std::string_view method, const Status& status);

// A call with one request and one response. Owns itself until gRPC is done with it; request and
// response live as long. A handler makes one, returns it, and completes it exactly once:
//
//   auto* call = new UnaryCall(gate_, *context, kService, "GetRun");
//   if (!call->admitted()) return call;
//   engine.Do(…, [call, response](Result<X> x) { …; call->Complete(x.status()); });
//   return call;
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  // Completes the call at once where it is not let in.
  UnaryCall(CallGate& gate, const grpc::CallbackServerContext& context, std::string_view service,
            std::string_view method);

  bool admitted() const { return admitted_; }
  const Caller& caller() const { return caller_; }
  // The call must not be touched afterwards. Takes no lock; the caller should hold none. `method`
  // given to the constructor is a literal.
  void Complete(const Status& status);

 private:
  ~UnaryCall() override = default;
  void OnDone() override { delete this; }

  const std::string_view method_;
  CallTimer timer_;
  Caller caller_;
  bool admitted_ = false;
};

// Runs `task` elsewhere; false where the queue is full (and `task` will never run).
using Executor = std::function<bool(std::function<void()> task)>;

Status Overloaded();

// Runs `task`, which completes the call, on `executor`; where its queue is full, refuses the call.
template <typename Task>
void HandOver(const Executor& executor, CallGate& gate, UnaryCall* call, Task task) {
  if (executor(std::move(task))) return;
  gate.metrics().overloaded.fetch_add(1, std::memory_order_relaxed);
  call->Complete(Overloaded());
}

// Runs `answer` (→ Status) on `executor` and completes the call with what it returns.
template <typename Answer>
void CompleteOn(const Executor& executor, CallGate& gate, UnaryCall* call, Answer answer) {
  HandOver(executor, gate, call, [call, answer = std::move(answer)] { call->Complete(answer()); });
}

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_CALL_H_

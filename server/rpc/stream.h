#ifndef PENSTOCK_SERVER_RPC_STREAM_H_
#define PENSTOCK_SERVER_RPC_STREAM_H_

// Calls that answer with a stream.

#include <grpcpp/support/server_callback.h>

#include <optional>
#include <string_view>
#include <thread>
#include <unordered_set>

#include "base/mutex.h"
#include "server/rpc/call.h"
#include "server/rpc/grpc_status.h"

namespace penstock {

// A stream that the server can end when it stops.
class AbortableStream {
 public:
  virtual ~AbortableStream() = default;
  // Ends the stream with `status` before long. Does not call into gRPC.
  virtual void Abort(const Status& status) = 0;
};

// The streams that are open. Thread-safe.
class StreamRegistry {
 public:
  void Add(AbortableStream* stream);
  void Remove(AbortableStream* stream);
  // Every stream that is open now.
  void AbortAll(const Status& status);

 private:
  Mutex mutex_;
  std::unordered_set<AbortableStream*> streams_ PENSTOCK_GUARDED_BY(mutex_);
};

// A stream of messages that Produce makes one by one on an executor, never two at a time, and never
// while one is being written: a slow client slows its own stream and nothing else. Owns itself
// until gRPC is done with it.
//
// `busy_` says who may touch gRPC: whoever set it from false to true, and then whoever is handed
// the next thing to do. After Finish it stays true for ever.
template <typename Response>
class PumpedStream : public grpc::ServerWriteReactor<Response>, public AbortableStream {
 public:
  struct Services {
    CallGate& gate;
    StreamRegistry& registry;
    const Executor& executor;
  };

  PumpedStream(const Services& services, const grpc::CallbackServerContext& context,
               std::string_view service, std::string_view method)
      : gate_(services.gate),
        registry_(services.registry),
        executor_(services.executor),
        method_(method),
        timer_(services.gate, service, method) {
    gate_.metrics().open_streams.fetch_add(1, std::memory_order_relaxed);
    registry_.Add(this);
    auto caller = gate_.Admit(context, service, method);
    if (caller.ok()) {
      caller_ = *std::move(caller);
    } else {
      Abort(caller.status());
    }
  }

  const Caller& caller() const { return caller_; }

  // Something may have changed: Produce will be called. Any thread, but not under a lock that
  // Produce takes.
  void Wake() {
    {
      MutexLock lock(mutex_);
      wanted_ = true;
      if (busy_) return;
      busy_ = true;
    }
    Schedule();
  }

  void Abort(const Status& status) final {
    {
      MutexLock lock(mutex_);
      if (!abort_) abort_ = status;
      if (busy_) return;
      busy_ = true;
    }
    // Not Overloaded: Finish must not be called from here.
    while (!executor_([this] { Run(); })) std::this_thread::yield();
  }

 protected:
  enum class Next { kWrite, kWriteLast, kIdle, kEnd };
  // Fills `response` (which is empty) and says what to do with it. On kEnd `status` says how it
  // ended; kIdle: nothing to say until the next Wake.
  virtual Next Produce(Response& response, Status& status) = 0;

  CallGate& gate() { return gate_; }

 private:
  void OnDone() override {
    gate_.metrics().open_streams.fetch_sub(1, std::memory_order_relaxed);
    registry_.Remove(this);
    delete this;
  }

  void OnCancel() override { Abort(Cancelled("the client went away")); }

  void OnWriteDone(bool ok) override {
    if (!ok) {
      End(Cancelled("the client went away"));
    } else if (last_) {
      End(Status::Ok());
    } else {
      Schedule();
    }
  }

  // Only with busy_ held.
  void Schedule() {
    if (executor_([this] { Run(); })) return;
    gate_.metrics().overloaded.fetch_add(1, std::memory_order_relaxed);
    End(Overloaded());
  }

  void End(const Status& status) {
    timer_.Record(status);
    this->Finish(ToGrpcStatus(Reply(method_, status)));
  }

  void Run() {
    for (;;) {
      std::optional<Status> abort;
      {
        MutexLock lock(mutex_);
        wanted_ = false;
        abort = abort_;
      }
      if (abort) {
        End(*abort);
        return;
      }
      response_.Clear();
      Status status;
      switch (Produce(response_, status)) {
        case Next::kWriteLast:
          last_ = true;
          [[fallthrough]];
        case Next::kWrite:
          this->StartWrite(&response_);
          return;
        case Next::kEnd:
          End(status);
          return;
        case Next::kIdle:
          break;
      }
      MutexLock lock(mutex_);
      if (!wanted_ && !abort_) {
        busy_ = false;
        return;
      }
    }
  }

  CallGate& gate_;
  StreamRegistry& registry_;
  const Executor& executor_;
  const std::string_view method_;  // a literal
  CallTimer timer_;
  Caller caller_;
  Response response_;
  bool last_ = false;

  Mutex mutex_;
  bool busy_ PENSTOCK_GUARDED_BY(mutex_) = false;
  bool wanted_ PENSTOCK_GUARDED_BY(mutex_) = false;
  std::optional<Status> abort_ PENSTOCK_GUARDED_BY(mutex_);
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_STREAM_H_

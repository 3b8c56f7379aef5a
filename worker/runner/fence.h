#ifndef PENSTOCK_WORKER_RUNNER_FENCE_H_
#define PENSTOCK_WORKER_RUNNER_FENCE_H_

// How an attempt that is fenced by execution ends before its lease does, whatever its agent does.
//
// The agent writes into a page of memory, shared with its children, by when they must have ended
// unless it hears from the coordinator again. A child that runs such an attempt watches the page
// itself: an agent that is stopped or hangs writes nothing, and the attempt ends all the same. The
// times are of CLOCK_BOOTTIME: a machine that was suspended finds them passed when it wakes.

#include <atomic>
#include <functional>
#include <optional>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"

namespace penstock {

// Where a child finds the page.
inline constexpr int kFenceDescriptor = 4;
// What a child ends with that has ended its attempt by force.
inline constexpr int kFenceExit = 113;
inline constexpr std::string_view kFencedOff =
    "the worker heard nothing from the coordinator, and stopped the step before its lease ended "
    "(fence: execution)";

// Thread-safe. Nothing may run, as long as no time was written.
class FencePage {
 public:
  // The agent's, which writes.
  static Result<FencePage> Make();
  // A child's, which reads; nullopt where the descriptor is not that of a page.
  static std::optional<FencePage> Open(int descriptor);
  FencePage(FencePage&& other) noexcept;
  FencePage& operator=(FencePage&&) = delete;
  ~FencePage();

  // By when attempts are asked to end, and by when they are ended.
  void Set(Tick stop_by, Tick dead_by);
  Tick stop_by() const;
  Tick dead_by() const;
  // To hand on to children; they cannot write through it.
  int descriptor() const { return shared_.get(); }

 private:
  struct Times {
    std::atomic<int64_t> stop_by;
    std::atomic<int64_t> dead_by;
  };
  static_assert(std::atomic<int64_t>::is_always_lock_free);  // it is shared by processes

  FencePage(Times* times, UniqueFd shared) : times_(times), shared_(std::move(shared)) {}

  Times* times_ = nullptr;
  UniqueFd shared_;
};

// Of a child, while its attempt runs. When the time has come, or the agent is gone, all below this
// process is killed, and it leaves with kFenceExit. The page outlives it.
class FenceWatch {
 public:
  // `ask` is called once, on another thread, when the attempt is to end by itself.
  FenceWatch(const FencePage& page, int agent_socket, std::function<void()> ask);
  ~FenceWatch();
  FenceWatch(const FenceWatch&) = delete;
  FenceWatch& operator=(const FenceWatch&) = delete;

  bool asked() const { return asked_; }

 private:
  void Watch();

  const FencePage& page_;
  const int agent_socket_;
  const std::function<void()> ask_;
  std::atomic<bool> asked_{false};
  UniqueFd timer_;
  UniqueFd done_;
  std::thread thread_;
};

}  // namespace penstock

#endif  // PENSTOCK_WORKER_RUNNER_FENCE_H_

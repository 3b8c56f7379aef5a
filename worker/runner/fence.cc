#include "worker/runner/fence.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/check.h"
#include "steps/script/process_tree.h"
#include "worker/runner/child.h"

namespace penstock {
namespace {

// How often it looks at the page, at the least.
constexpr Micros kLook = std::chrono::milliseconds(500);

}  // namespace

Result<FencePage> FencePage::Make() {
  const UniqueFd memory(memfd_create("penstock-fence", MFD_CLOEXEC));
  if (!memory.valid() || ftruncate(memory.get(), sizeof(Times)) != 0) {
    return ErrnoStatus(errno, "making memory to share with runners");
  }
  const std::string path = "/proc/self/fd/" + std::to_string(memory.get());
  UniqueFd shared(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!shared.valid()) return ErrnoStatus(errno, "opening memory to share with runners");
  void* times = mmap(nullptr, sizeof(Times), PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (times == MAP_FAILED) return ErrnoStatus(errno, "mapping memory to share with runners");
  return FencePage(static_cast<Times*>(times), std::move(shared));
}

std::optional<FencePage> FencePage::Open(int descriptor) {
  void* times = mmap(nullptr, sizeof(Times), PROT_READ, MAP_SHARED, descriptor, 0);
  if (times == MAP_FAILED) return std::nullopt;
  return FencePage(static_cast<Times*>(times), UniqueFd());
}

FencePage::FencePage(FencePage&& other) noexcept
    : times_(std::exchange(other.times_, nullptr)), shared_(std::move(other.shared_)) {}

FencePage::~FencePage() {
  if (times_ != nullptr) munmap(times_, sizeof(Times));
}

void FencePage::Set(Tick stop_by, Tick dead_by) {
  times_->dead_by = dead_by.micros;
  times_->stop_by = stop_by.micros;
}

Tick FencePage::stop_by() const {
  return {times_->stop_by};
}

Tick FencePage::dead_by() const {
  return {times_->dead_by};
}

FenceWatch::FenceWatch(const FencePage& page, int agent_socket, std::function<void()> ask)
    : page_(page),
      agent_socket_(agent_socket),
      ask_(std::move(ask)),
      timer_(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)),
      done_(eventfd(0, EFD_CLOEXEC)) {
  PENSTOCK_CHECK(timer_.valid() && done_.valid());
  // Signals are for the step's thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { Watch(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

FenceWatch::~FenceWatch() {
  const uint64_t one = 1;
  static_cast<void>(!write(done_.get(), &one, sizeof one));
  thread_.join();
}

void FenceWatch::Watch() {
  while (true) {
    const Tick now = Clock::Real().Ticks();
    if (now >= page_.dead_by()) break;
    if (now >= page_.stop_by() && !asked_.exchange(true)) ask_();
    // By then the page may name a later one; or an earlier one, if leases have become shorter.
    const int64_t next = std::min(asked_ ? page_.dead_by() : page_.stop_by(), now + kLook).micros;
    const itimerspec when{{0, 0}, {next / 1'000'000, next % 1'000'000 * 1'000}};
    timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
    std::array<pollfd, 3> ready = {
        {{timer_.get(), POLLIN, 0}, {done_.get(), POLLIN, 0}, {agent_socket_, POLLRDHUP, 0}}};
    poll(ready.data(), ready.size(), -1);
    if (ready[1].revents != 0) return;
    if (ready[2].revents != 0) break;
  }
  KillDescendants();
  // Containers may be another process's children; they carry the mark all the same.
  if (const char* mark = std::getenv(kOwnerVariable.data())) KillLeftovers(mark);
  _exit(kFenceExit);
}

}  // namespace penstock

#include "client/cli/scratch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/status.h"

namespace penstock::cli {
namespace {

namespace fs = std::filesystem;

int signal_pipe[2] = {-1, -1};

void OnSignal(int signal) {
  const auto number = static_cast<unsigned char>(signal);
  static_cast<void>(!write(signal_pipe[1], &number, 1));
}

// What is to be removed, and the thread that does so when a signal comes: a handler may not.
// Leaked, so that it outlives the thread.
class Registry {
 public:
  static Registry& Instance() {
    static Registry* const registry = new Registry();
    return *registry;
  }
  void Add(const fs::path& path) {
    const std::lock_guard lock(mutex_);
    paths_.push_back(path);
  }
  // Made and added in one: a signal between the two waits.
  Result<fs::path> MakeFolder() {
    std::string pattern = (fs::temp_directory_path() / "penstock-XXXXXX").string();
    const std::lock_guard lock(mutex_);
    if (mkdtemp(pattern.data()) == nullptr) return ErrnoStatus(errno, "making " + pattern);
    return paths_.emplace_back(pattern);
  }
  void Remove(const fs::path& path) {
    const std::lock_guard lock(mutex_);
    paths_.erase(std::remove(paths_.begin(), paths_.end(), path), paths_.end());
    std::error_code error;
    fs::remove_all(path, error);
  }
  void SetChild(pid_t child) {
    const std::lock_guard lock(mutex_);
    child_ = child;
  }

 private:
  Registry() {
    if (pipe2(signal_pipe, O_CLOEXEC) != 0) return;
    std::thread([this] { Wait(); }).detach();
    struct sigaction action {};
    action.sa_handler = OnSignal;
    action.sa_flags = SA_RESTART;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
      struct sigaction before {};
      sigaction(signal, nullptr, &before);
      // As nohup leaves it.
      if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
    }
  }
  void Wait() {
    unsigned char signal = 0;
    while (read(signal_pipe[0], &signal, 1) != 1) {
    }
    // Held until the end: whoever works on a path waits here rather than make it again.
    const std::lock_guard lock(mutex_);
    if (child_ > 0) EndChild();
    std::error_code error;
    for (const fs::path& path : paths_) {
      // Again while another thread writes into it.
      for (int i = 0; i < 100 && fs::exists(path, error); ++i) fs::remove_all(path, error);
    }
    _exit(128 + signal);
  }

  // It may have a step to stop, which has five seconds for that.
  void EndChild() const {
    constexpr int kPatience = 700;  // of 10 ms each
    kill(child_, SIGTERM);
    for (int i = 0; i < kPatience; ++i) {
      siginfo_t info{};
      // Not collected: its owner may be at that. Gone, where that has done so.
      if (waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOHANG | WNOWAIT) != 0) return;
      if (info.si_pid == child_) return;
      timespec pause{0, 10'000'000};
      // A second Ctrl-C: it is not to be waited for.
      pollfd again{signal_pipe[0], POLLIN, 0};
      if (ppoll(&again, 1, &pause, nullptr) > 0) break;
    }
    kill(child_, SIGKILL);
  }

  std::mutex mutex_;
  std::vector<fs::path> paths_;
  pid_t child_ = 0;
};

}  // namespace

Result<Scratch> Scratch::MakeFolder() {
  PENSTOCK_ASSIGN_OR_RETURN(fs::path path, Registry::Instance().MakeFolder());
  return Scratch(std::move(path), Registered());
}

Scratch::Scratch(fs::path path) : path_(std::move(path)) {
  Registry::Instance().Add(path_);
}

Scratch::Scratch(fs::path path, Registered) : path_(std::move(path)) {}

Scratch::Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, {})) {}

Scratch::~Scratch() {
  if (!path_.empty()) Registry::Instance().Remove(path_);
}

void EndWithScratch(pid_t child) {
  Registry::Instance().SetChild(child);
}

}  // namespace penstock::cli

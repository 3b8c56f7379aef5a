#include "base/subprocess.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"

extern char** environ;

namespace penstock {
namespace {

// All that the child needs to become the program, made before it exists.
struct Plan {
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  const char* working_directory = nullptr;
  const std::pair<int, int>* descriptors = nullptr;  // there, here
  std::size_t descriptor_count = 0;
  int* copies = nullptr;  // room for one a descriptor
  int first_free = 0;     // no number there is as high
  bool own_group = false;
  int death_signal = 0;
  pid_t parent = 0;
  int error = 0;  // why it did not work; the child writes it
};

// Runs in the child, in memory that is still the parent's: system calls alone, nothing that
// allocates or takes a lock. Returns only where something failed.
void BecomeProgram(Plan& plan) {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &standard, nullptr);
  if (plan.own_group && setpgid(0, 0) != 0) return;
  if (plan.death_signal != 0) {
    if (prctl(PR_SET_PDEATHSIG, plan.death_signal) != 0) return;
    if (getppid() != plan.parent) _exit(127);  // it was too late
  }
  if (plan.working_directory != nullptr && chdir(plan.working_directory) != 0) return;
  // Out of each other's way first: one's number there may be another's here.
  for (std::size_t i = 0; i < plan.descriptor_count; ++i) {
    plan.copies[i] = fcntl(plan.descriptors[i].second, F_DUPFD_CLOEXEC, plan.first_free);
    if (plan.copies[i] < 0) return;
  }
  for (std::size_t i = 0; i < plan.descriptor_count; ++i) {
    if (dup2(plan.copies[i], plan.descriptors[i].first) < 0) return;
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(plan.arguments[0], plan.arguments, plan.environment);
}

// vfork rather than fork: a process with gigabytes and many threads neither copies its page tables
// nor leaves a lock held in the child. The parent's thread sleeps until the exec. A function of its
// own, so that the child has no variable to spoil but `plan`.
pid_t Spawn(Plan& plan) __attribute__((noinline));
pid_t Spawn(Plan& plan) {
  const pid_t pid = vfork();
  if (pid != 0) return pid;
  BecomeProgram(plan);
  plan.error = errno;
  _exit(127);
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

std::string ProcessEnd::Describe() const {
  if (signal == 0) return "ended with exit code " + std::to_string(exit_code);
  return "was killed by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
}

Result<Subprocess> Subprocess::Start(const SubprocessOptions& options) {
  PENSTOCK_CHECK(!options.arguments.empty());
  const std::vector<char*> arguments = Pointers(options.arguments);
  const std::vector<char*> environment =
      options.environment ? Pointers(*options.environment) : std::vector<char*>();
  const std::vector<std::pair<int, int>> descriptors(options.descriptors.begin(),
                                                     options.descriptors.end());
  std::vector<int> copies(descriptors.size());
  Plan plan;
  plan.arguments = arguments.data();
  plan.environment = options.environment ? environment.data() : environ;
  if (!options.working_directory.empty()) {
    plan.working_directory = options.working_directory.c_str();
  }
  plan.descriptors = descriptors.data();
  plan.descriptor_count = descriptors.size();
  plan.copies = copies.data();
  plan.first_free = descriptors.empty() ? 0 : descriptors.back().first + 1;
  plan.own_group = options.own_group;
  plan.death_signal = options.death_signal;
  plan.parent = getpid();
  // A handler of ours must not run in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = Spawn(plan);
  const int error = pid < 0 ? errno : plan.error;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid > 0 && error != 0) {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (error != 0) return ErrnoStatus(error, "starting " + options.arguments[0]);
  return Subprocess(pid, options.own_group);
}

Subprocess& Subprocess::operator=(Subprocess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(own_group_, other.own_group_);
  std::swap(end_, other.end_);
  return *this;
}

Subprocess::~Subprocess() {
  if (pid_ > 0) Kill();
}

void Subprocess::Signal(int signal) const {
  if (!end_) kill(own_group_ ? -pid_ : pid_, signal);
}

std::optional<ProcessEnd> Subprocess::Poll() {
  int status = 0;
  if (end_ || waitpid(pid_, &status, WNOHANG) != pid_) return end_;
  end_ =
      WIFSIGNALED(status) ? ProcessEnd{-1, WTERMSIG(status)} : ProcessEnd{WEXITSTATUS(status), 0};
  return end_;
}

ProcessEnd Subprocess::Wait() {
  if (end_) return *end_;
  // The end stays there to be collected.
  siginfo_t info;
  while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  PENSTOCK_CHECK(Poll().has_value());
  return *end_;
}

std::optional<ProcessEnd> Subprocess::WaitFor(Micros patience) {
  const Tick until = Clock::Real().Ticks() + patience;
  int64_t pause_micros = 500;
  while (!Poll()) {
    const Micros left = until - Clock::Real().Ticks();
    if (left.count() <= 0) break;
    const int64_t micros = std::min(pause_micros, int64_t{left.count()});
    const timespec pause{micros / 1'000'000, micros % 1'000'000 * 1'000};
    nanosleep(&pause, nullptr);
    pause_micros = std::min<int64_t>(pause_micros * 2, 10'000);
  }
  return end_;
}

ProcessEnd Subprocess::Kill() {
  Signal(SIGKILL);
  return Wait();
}

std::vector<std::string> CurrentEnvironment() {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) variables.emplace_back(*entry);
  return variables;
}

}  // namespace penstock

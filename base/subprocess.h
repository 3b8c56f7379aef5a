#ifndef PENSTOCK_BASE_SUBPROCESS_H_
#define PENSTOCK_BASE_SUBPROCESS_H_

// A process that this one started. Owned by the object: what still runs is killed and collected
// with it. Start may be called from any thread of a process with many; an object is used by one
// thread at a time.
//
//   Result<Subprocess> made = Subprocess::Start({.arguments = {"/bin/true"}});
//   if (made.ok() && made->Wait().exit_code == 0) …

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace penstock {

struct SubprocessOptions {
  std::vector<std::string> arguments;  // the first is the program's path
  // NAME=VALUE; without it, this process's own.
  std::optional<std::vector<std::string>> environment;
  std::string working_directory;  // empty: this process's own
  // Number there ← descriptor here, which stays the caller's. 0, 1 and 2 are otherwise the same as
  // here; whatever else is open here must close on exec.
  std::map<int, int> descriptors;
  // In a process group of its own, so that a terminal's signals do not reach it and Signal reaches
  // all that it starts.
  bool own_group = false;
  // Sent to it by the kernel when the thread (not the process) that started it ends; 0: none.
  int death_signal = 0;
};

// How a process ended.
struct ProcessEnd {
  int exit_code = -1;  // -1 where a signal ended it
  int signal = 0;

  // "ended with exit code 1", "was killed by signal 9 (Killed)".
  std::string Describe() const;
  // As a shell has it: 128 and the signal's number where one ended it.
  int ShellCode() const { return signal != 0 ? 128 + signal : exit_code; }
};

class Subprocess {
 public:
  // The errno of whatever failed, also of exec: kNotFound names a program that is not there. It
  // begins with no blocked and no ignored signals.
  static Result<Subprocess> Start(const SubprocessOptions& options);

  Subprocess(Subprocess&& other) noexcept { *this = std::move(other); }
  Subprocess& operator=(Subprocess&& other) noexcept;
  ~Subprocess();

  pid_t pid() const { return pid_; }
  // To its group where it has one of its own, else to it alone; nothing once its end is known.
  void Signal(int signal) const;
  // Its end, if it has come.
  std::optional<ProcessEnd> Poll();
  ProcessEnd Wait();
  // As Poll, after waiting up to `patience`.
  std::optional<ProcessEnd> WaitFor(Micros patience);
  // SIGKILL, and waits.
  ProcessEnd Kill();

 private:
  Subprocess(pid_t pid, bool own_group) : pid_(pid), own_group_(own_group) {}

  pid_t pid_ = -1;
  bool own_group_ = false;
  std::optional<ProcessEnd> end_;
};

// The variables of this process, NAME=VALUE.
std::vector<std::string> CurrentEnvironment();

}  // namespace penstock

#endif  // PENSTOCK_BASE_SUBPROCESS_H_

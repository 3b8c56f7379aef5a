#include "worker/local/session.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "base/file.h"

namespace penstock::local {
namespace {

std::atomic<bool> holding{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // a handler reads it
int stop_descriptor = -1;

void OnStop(int signal) {
  if (!holding) _exit(128 + signal);
  const uint64_t one = 1;
  static_cast<void>(!write(stop_descriptor, &one, sizeof one));
}

}  // namespace

bool Say(const Json& line) {
  std::string text = DumpJson(line);
  text += '\n';
  return WriteAll(STDOUT_FILENO, text, "standard output").ok();
}

void HoldStop() {
  holding = true;
}

void ReleaseStop() {
  holding = false;
}

int StopDescriptor() {
  return stop_descriptor;
}

void WatchSignals() {
  stop_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  signal(SIGPIPE, SIG_IGN);
  struct sigaction action {};
  action.sa_handler = OnStop;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaction(signal, &action, nullptr);
}

}  // namespace penstock::local

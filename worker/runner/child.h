#ifndef PENSTOCK_WORKER_RUNNER_CHILD_H_
#define PENSTOCK_WORKER_RUNNER_CHILD_H_

// A runner child as its agent sees it: a process in a group of its own, a socket to talk over, and
// a file that takes what it prints. Its group is killed with the object. Not thread-safe; spawn
// from a thread that lives as long as the agent (a child dies with the thread that made it).

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/subprocess.h"
#include "worker/runner/protocol.h"

namespace penstock {

struct ChildOptions {
  std::string program;  // path of penstock-worker
  std::filesystem::path log_file;  // empty: in memory, where no disk sees what is printed
  int threads = 1;
  std::string visible_gpus;  // what CUDA_VISIBLE_DEVICES is set to; empty: it sees none
  std::string owner;  // marks the process, so that leftovers of a killed agent can be found
  int fence = -1;     // FencePage::descriptor; -1: none
  // For a runner that watches a fence, which then also ends what it has started.
  bool sees_agent_go = false;
};

// The environment variable that carries ChildOptions::owner.
inline constexpr std::string_view kOwnerVariable = "PENSTOCK_ATTEMPT_OWNER";

class Child {
 public:
  static Result<std::unique_ptr<Child>> Spawn(const ChildOptions& options);

  pid_t pid() const { return process_.pid(); }
  int socket() const { return socket_.get(); }  // for poll; not blocking
  int log() const { return log_.get(); }

  Status Send(const Assignment& assignment);
  // What has arrived. kUnavailable: the child has closed its end (it died).
  Result<std::vector<ChildMessage>> Receive();
  // To the whole process group.
  void Signal(int signal) const { process_.Signal(signal); }
  // Collects the process if it has ended and says how: "was killed by signal 9 (Killed)".
  bool Reap(std::string* how);
  // Whether it has ended, and its attempt by force, because its lease was about to end.
  bool FencedOff();
  // Resident memory now, in bytes; 0 where unknown.
  int64_t ResidentMemory() const;

 private:
  Child(Subprocess process, UniqueFd socket, UniqueFd log)
      : process_(std::move(process)), socket_(std::move(socket)), log_(std::move(log)) {}

  Subprocess process_;
  UniqueFd socket_;
  UniqueFd log_;
  FrameReader frames_;
};

// Ends processes that carry `owner` in their environment: children of an agent that was killed.
// Returns how many there were.
int KillLeftovers(const std::string& owner_prefix);

}  // namespace penstock

#endif  // PENSTOCK_WORKER_RUNNER_CHILD_H_

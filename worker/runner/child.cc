#include "worker/runner/child.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "worker/runner/fence.h"

namespace penstock {
namespace {

// By which leftovers are found.
std::string MarkOf(const std::string& owner) {
  return std::string(kOwnerVariable).append("=").append(owner);
}

std::vector<std::string> Environment(const ChildOptions& options) {
  const std::string threads = std::to_string(options.threads);
  // OpenMP's waiting threads would otherwise spin for long and take the cores of other steps; a
  // short spin spares boosting rounds, which are a few hundred microseconds long, the sleep.
  std::vector<std::string> set = {"OMP_WAIT_POLICY=PASSIVE",
                                  "GOMP_SPINCOUNT=1000",
                                  "OMP_NUM_THREADS=" + threads,
                                  "OPENBLAS_NUM_THREADS=" + threads,
                                  "CUDA_VISIBLE_DEVICES=" + options.visible_gpus,
                                  MarkOf(options.owner)};
  for (std::string& text : CurrentEnvironment()) {
    // Credentials are the agent's, not the steps'.
    if (text.starts_with("PENSTOCK_TOKEN") || text.starts_with("OMP_WAIT_POLICY=") ||
        text.starts_with("GOMP_SPINCOUNT=") || text.starts_with("OMP_NUM_THREADS=") ||
        text.starts_with("OPENBLAS_NUM_THREADS=") || text.starts_with("CUDA_VISIBLE_DEVICES=") ||
        text.starts_with(kOwnerVariable)) {
      continue;
    }
    set.push_back(std::move(text));
  }
  return set;
}

Result<UniqueFd> MakeLog(const std::filesystem::path& path) {
  if (path.empty()) {
    UniqueFd log(memfd_create("penstock-log", MFD_CLOEXEC));
    if (!log.valid() || fcntl(log.get(), F_SETFL, O_RDWR | O_APPEND) != 0) {
      return ErrnoStatus(errno, "making a log in memory");
    }
    return log;
  }
  UniqueFd log(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  if (!log.valid()) return ErrnoStatus(errno, "making " + path.string());
  // The file lives as long as its descriptors: nothing to clean up.
  unlink(path.c_str());
  return log;
}

}  // namespace

Result<std::unique_ptr<Child>> Child::Spawn(const ChildOptions& options) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return ErrnoStatus(errno, "making a socket for a runner");
  }
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  PENSTOCK_ASSIGN_OR_RETURN(UniqueFd log, MakeLog(options.log_file));

  const UniqueFd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!nothing.valid()) return ErrnoStatus(errno, "opening /dev/null");
  std::map<int, int> descriptors = {
      {0, nothing.get()}, {1, log.get()}, {2, log.get()}, {3, theirs.get()}};
  if (options.fence >= 0) descriptors[kFenceDescriptor] = options.fence;
  // The agent dies: so does the child, even in the midst of a step.
  PENSTOCK_ASSIGN_OR_RETURN(
      Subprocess process, Subprocess::Start({.arguments = {options.program, "--runner"},
                                             .environment = Environment(options),
                                             .descriptors = std::move(descriptors),
                                             .own_group = true,
                                             .death_signal = options.sees_agent_go ? 0 : SIGKILL}));
  fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  return std::unique_ptr<Child>(new Child(std::move(process), std::move(ours), std::move(log)));
}

Status Child::Send(const Assignment& assignment) {
  const std::string frame = FrameOf(Encode(assignment));
  std::string_view rest = frame;
  while (!rest.empty()) {
    const ssize_t count = send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      // Only a frame larger than the socket's buffer waits here, for a child that is reading it.
      timespec pause{0, 1'000'000};
      nanosleep(&pause, nullptr);
      continue;
    }
    if (count < 0) return ErrnoStatus(errno, "talking to a runner");
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  return Status::Ok();
}

Result<std::vector<ChildMessage>> Child::Receive() {
  bool closed = false;
  char buffer[64 << 10];
  while (true) {
    const ssize_t count = recv(socket_.get(), buffer, sizeof buffer, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (count <= 0) {
      closed = true;
      break;
    }
    frames_.Append({buffer, static_cast<std::size_t>(count)});
    if (count < static_cast<ssize_t>(sizeof buffer)) break;
  }
  std::vector<ChildMessage> messages;
  while (true) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::optional<Json> frame, frames_.Next());
    if (!frame) break;
    PENSTOCK_ASSIGN_OR_RETURN(ChildMessage message, DecodeChildMessage(*frame));
    messages.push_back(std::move(message));
  }
  if (messages.empty() && closed) return Unavailable("the runner has closed its end");
  return messages;
}

bool Child::Reap(std::string* how) {
  const std::optional<ProcessEnd> end = process_.Poll();
  if (!end) return false;
  *how = end->Describe();
  if (end->signal == 0) *how += " in mid-step";
  return true;
}

bool Child::FencedOff() {
  const std::optional<ProcessEnd> end = process_.Poll();
  return end && end->exit_code == kFenceExit;
}

int64_t Child::ResidentMemory() const {
  std::ifstream file("/proc/" + std::to_string(process_.pid()) + "/statm");
  int64_t total = 0;
  int64_t resident = 0;
  if (!(file >> total >> resident)) return 0;
  return resident * sysconf(_SC_PAGESIZE);
}

int KillLeftovers(const std::string& owner_prefix) {
  const std::string mark = MarkOf(owner_prefix);
  int found = 0;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return 0;
  while (const dirent* entry = readdir(proc)) {
    const pid_t pid = static_cast<pid_t>(std::atoi(entry->d_name));
    if (pid <= 1 || pid == getpid()) continue;
    std::ifstream file("/proc/" + std::string(entry->d_name) + "/environ", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const bool marked =
        text.starts_with(mark) || text.find(std::string(1, '\0') + mark) != std::string::npos;
    if (!marked) continue;
    ++found;
    kill(pid, SIGKILL);
  }
  closedir(proc);
  return found;
}

}  // namespace penstock

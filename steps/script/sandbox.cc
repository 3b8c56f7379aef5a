#include "steps/script/sandbox.h"

#include <fcntl.h>
#include <unistd.h>

#include <system_error>

#include "base/file.h"
#include "base/subprocess.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

void Append(std::vector<std::string>& command, std::vector<std::string> more) {
  for (std::string& each : more) command.push_back(std::move(each));
}

// GPUs are files of /dev, and its own /dev has none.
void AppendGpus(std::vector<std::string>& command) {
  std::error_code error;
  for (fs::directory_iterator it("/dev", error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with("nvidia") && name != "dri" && name != "kfd") continue;
    Append(command, {"--dev-bind", it->path().string(), it->path().string()});
  }
}

}  // namespace

std::vector<std::string> SandboxCommand(const SandboxPlan& plan) {
  std::vector<std::string> command = {plan.bubblewrap, "--unshare-all", "--die-with-parent"};
  if (plan.network) command.emplace_back("--share-net");
  Append(command, {"--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"});
  if (plan.gpus) AppendGpus(command);
  // Services listen on sockets in there: the container engine's would open the whole machine.
  if (!plan.network) Append(command, {"--tmpfs", "/run"});
  // On disk: what is written there must not count as memory.
  if (!plan.temporary.empty()) Append(command, {"--bind", plan.temporary.string(), "/tmp"});
  // Last, since any of these may lie below /tmp.
  for (const fs::path& path : plan.hidden) Append(command, {"--tmpfs", path.string()});
  for (const fs::path& path : plan.read_only) {
    Append(command, {"--ro-bind", path.string(), path.string()});
  }
  for (const fs::path& path : plan.writable) {
    Append(command, {"--bind", path.string(), path.string()});
  }
  for (const fs::path& path : plan.hidden) Append(command, {"--remount-ro", path.string()});
  if (!plan.working_directory.empty()) {
    Append(command, {"--chdir", plan.working_directory.string()});
  }
  command.emplace_back("--");
  return command;
}

std::string FindBubblewrap() {
  for (const char* path : {"/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"}) {
    if (access(path, X_OK) != 0) continue;
    std::vector<std::string> command = SandboxCommand({.bubblewrap = path});
    command.emplace_back("/bin/true");
    const UniqueFd nothing(open("/dev/null", O_RDWR | O_CLOEXEC));
    Result<Subprocess> tried = Subprocess::Start(
        {.arguments = command,
         .descriptors = {{0, nothing.get()}, {1, nothing.get()}, {2, nothing.get()}},
         .own_group = true});
    if (!tried.ok()) continue;
    const std::optional<ProcessEnd> end = tried->WaitFor(std::chrono::seconds(5));
    if (end && end->exit_code == 0) return path;
  }
  return {};
}

}  // namespace penstock
